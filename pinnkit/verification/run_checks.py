"""The verdict: every check, in the order in which a reader wants to know."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pinnkit.solutions.solution import Solution

from . import comparison_checks as comparing
from .comparison import against_exact, against_reference
from .context import Evidence
from .finding import Finding, Kind, Verdict
from .localization import local, lost_start
from .measures import Comparison
from .residual_checks import converged, finite, met, overfitted
from .spectral_content import grain
from .uniqueness import mirrored, trivial, undetermined

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["judge", "verdict"]

_FOLLOWS = frozenset({Kind.UNSOLVED, Kind.CONDITION, Kind.SCALE, Kind.TOO_SMOOTH, Kind.LOCAL, Kind.LOST_START})
"""What a trivial solution brings with it, and need not be said again."""


def verdict(
    solution: Solution, *, reference: Reference | None = None, error: Sequence[Comparison] | None = None
) -> Verdict:
    """Say what is wrong with a solution, in plain words; nothing, for a good one.

    Residuals are taken on points that the solve has not seen and are relative to the parts that should cancel in them.
    It looks for values that are not finite, equations and conditions that are not met (wall by wall), a trivial
    solution, a start that is lost later, a residual that is met at the training points alone or concentrated in a small
    region, a field too smooth or too rough, a mirror image or anything else that the terms leave open; and it estimates
    the error by one linearised correction.  The closed form, where there is one, is consulted for the comparison alone.

    Takes about a second.  Deterministic.

    Args:
        solution: what `solve` returned.
        reference: values to compare with, as `reference(problem)` gives them; None for none.
        error: comparisons that were made already; None has them made.

    Raises:
        TypeError: for anything but a Solution.
    """
    if not isinstance(solution, Solution):
        raise TypeError(f"verdict: `solution` must be a Solution, what solve() gives, got {type(solution).__name__}")
    if error is None:
        other = () if reference is None else against_reference(solution, reference)
        error = (*against_exact(solution), *other)
    return judge(Evidence(solution, tuple(error)))


def judge(e: Evidence, extra: Iterable[Finding] = ()) -> Verdict:
    """All checks of the evidence; `extra` are findings made elsewhere."""
    broken = list(finite(e))
    ended = list(converged(e))
    if broken:
        return _verdict(e, [*broken, *ended, *extra])
    nothing = list(trivial(e))
    found = [*ended, *nothing, *met(e), *grain(e), *overfitted(e), *local(e), *lost_start(e)]
    if nothing:
        found = [f for f in found if f.kind not in _FOLLOWS]
    found += [*mirrored(e), *undetermined(e), *comparing.far(e)]
    if not nothing:
        found += comparing.estimated(e)
    return _verdict(e, [*found, *extra])


def _verdict(e: Evidence, findings: Sequence[Finding]) -> Verdict:
    correction = e.correction
    return Verdict(
        findings=tuple(findings),
        fresh_residual=max((s.check.relative for s in e.equations), default=math.nan),
        worst_condition_error=max((s.check.relative for s in e.conditions), default=math.nan),
        estimated_error=max(correction.sizes.values()) if correction is not None and correction.explains else math.nan,
    )
