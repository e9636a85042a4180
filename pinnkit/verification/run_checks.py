"""Verdict of a solution: all checks, in the order of the report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.solutions.pieces import of_pieces
from pinnkit.solutions.solution import Solution

from . import comparison_checks as comparison_checks
from .comparison import compare_with_exact, compare_with_reference
from .confirmation import confirmations, remarks, unchecked
from .conservation import check_conservation
from .context import Context
from .data_alone import check_data_alone
from .finding import Finding, Kind, Verdict
from .identifiability import check_identifiability
from .localization import check_localization, check_start
from .measures import Comparison
from .residual_checks import IGNORED, check_convergence, check_finite, check_overfitting, check_terms
from .spectral_content import check_spectral_content
from .stability_checks import check_amplification, check_several, check_stability
from .uniqueness import check_mirror_images, check_trivial, check_uniqueness
from .well_posedness_checks import check_well_posed

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["run_checks", "verdict"]

_COARSE = frozenset(
    {Kind.UNSOLVED, Kind.LOCAL, Kind.TOO_SMOOTH, Kind.TOO_ROUGH, Kind.LOST_START, Kind.ESTIMATE, Kind.UNSTABLE}
)
"""Findings that residuals of a table give which is too coarse to have any."""
_FOLLOWS = frozenset({Kind.UNSOLVED, Kind.CONDITION, Kind.SCALE, Kind.TOO_SMOOTH, Kind.LOCAL, Kind.LOST_START})
"""Findings that follow from a trivial solution and are not repeated."""
_RESIDUAL = frozenset(
    {
        Kind.UNSOLVED,
        Kind.CONDITION,
        Kind.TOO_ROUGH,
        Kind.TOO_SMOOTH,
        Kind.LOCAL,
        Kind.OVERFITTED,
        Kind.NOT_CONVERGED,
        Kind.ESTIMATE,
        Kind.DRIFT,
    }
)
"""Findings from residuals, which an agreement with a known solution outweighs."""


@with_gradients
def verdict(
    solution: Solution, *, reference: Reference | None = None, error: Sequence[Comparison] | None = None
) -> Verdict:
    """Check a solution, and report what is wrong with it; a good one has no findings.

    Residuals are taken on points that the solve has not seen and are relative to the parts that should cancel in them.
    Checks find values that are not finite, equations and conditions that are not met (wall by wall), a trivial
    solution, a start that is lost later, a residual that is met at the training points alone or concentrated in a small
    region, a field too smooth or too rough, a mirror image or anything else that the terms leave open; and it estimates
    the error by one linearised correction.  The closed form, where there is one, is consulted for the comparison alone.

    Takes about a second.  Deterministic.

    Args:
        solution: the result of `solve`.
        reference: values to compare with, as `reference(problem)` gives them; None for none.
        error: comparisons that were made already; None has them made.

    Raises:
        TypeError: for anything but a Solution.
    """
    if not isinstance(solution, Solution):
        raise TypeError(f"verdict: `solution` must be a Solution, what solve() gives, got {type(solution).__name__}")
    if error is None:
        other = () if reference is None else compare_with_reference(solution, reference)
        error = (*compare_with_exact(solution), *other)
    return run_checks(Context(of_pieces(solution), tuple(error)))


def run_checks(context: Context, extra: Iterable[Finding] = ()) -> Verdict:
    """Run all checks; `extra` are findings made elsewhere."""
    broken = list(check_finite(context))
    ended = list(check_convergence(context))
    if broken:
        return _verdict(context, [*broken, *ended, *extra])
    open_questions: list[str] = []
    posed = list(check_well_posed(context))
    extra = [f for f in extra if not (posed and f.kind in (Kind.UNDETERMINED, Kind.ILL_POSED))]
    if context.problem.linear and context.supported:  # the method does not fit, as for saddle-point systems
        failed = [f for f in extra if f.kind in (Kind.NO_REFERENCE, Kind.UNDETERMINED)]
        extra = [f for f in extra if f not in failed]
        open_questions += [f.sentence for f in failed]
    nothing = list(check_trivial(context))
    residuals = (check_terms, check_spectral_content, check_overfitting, check_localization, check_start)
    found = [*posed, *ended, *nothing, *(finding for check in residuals for finding in check(context))]
    if any(f.kind is Kind.LOCAL for f in found):  # a front that is not resolved makes the field oscillate
        found = [f for f in found if f.kind is not Kind.TOO_ROUGH]
    if nothing:
        found = [f for f in found if f.kind not in _FOLLOWS]
    found += [*check_mirror_images(context), *check_uniqueness(context), *check_data_alone(context.data_distances)]
    found += [*comparison_checks.check_comparison(context)]
    if not nothing:
        found += comparison_checks.check_estimate(context)
        found += [*check_identifiability(context), *check_stability(context), *check_amplification(context)]
        found += check_conservation(context.invariants)
        if not found:
            found += check_several(context)
    if context.near:  # an independent method agrees: what the residual shows is local, or of no weight
        weak = [f for f in found if f.kind in _RESIDUAL and not (f.kind is Kind.CONDITION and f.figure >= IGNORED)]
        found = [f for f in found if f not in weak]
        open_questions += [f.sentence for f in weak]
    if any(f.kind is Kind.TOO_COARSE for f in extra):
        found = [f for f in found if f.kind not in _COARSE]
    return _verdict(context, [*found, *extra], open_questions)


def _verdict(context: Context, findings: Sequence[Finding], open_questions: Sequence[str] = ()) -> Verdict:
    estimate = context.estimate
    return Verdict(
        findings=tuple(findings),
        fresh_residual=max((s.check.relative for s in context.equations), default=math.nan),
        worst_condition_error=max((s.check.relative for s in context.conditions), default=math.nan),
        estimated_error=max(estimate.sizes.values()) if estimate is not None and estimate.explains else math.nan,
        proved_error=math.nan if context.proved is None else context.proved.error,
        confirmed_by=() if findings else tuple(confirmations(context)),
        unchecked=() if findings else (*unchecked(context), *open_questions),
        notes=tuple(remarks(context)),
        coefficient_deviations={} if estimate is None else dict(estimate.deviations),
    )
