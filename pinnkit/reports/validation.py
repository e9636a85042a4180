"""Validation: a solution compared with the closed form, with the reference, and with its own equations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.solutions.pieces import of_pieces
from pinnkit.solutions.solution import Solution
from pinnkit.verification.comparison import compare_with_exact, compare_with_reference, reference_error
from pinnkit.verification.comparison_checks import check_closed_form
from pinnkit.verification.context import Context
from pinnkit.verification.exact_residual import check_exact
from pinnkit.verification.finding import Finding
from pinnkit.verification.measures import Comparison
from pinnkit.verification.metric_checks import metric_verdict, root_mean_square
from pinnkit.verification.reference_evidence import Absent
from pinnkit.verification.run_checks import run_checks
from pinnkit.verification.section_references import find_evidence
from pinnkit.verification.term_sample import Sample, vanishes

from .failure_text import reason_of
from .report import Report

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["assess", "reference_error", "validate"]


@with_gradients
def validate(solution: Solution, *, reference: Reference | None = None, budget: float = 5.0) -> Report:
    """Measure the errors and residuals of a solution and give a verdict on it.

    Errors are relative L2, ‖u - v‖₂ / ‖v‖₂, and the greatest |u - v|: with `problem.exact` on 2^14 fixed Sobol points,
    and with the reference on its grid.  A difference below the error bar of v is reported as `<= difference + bar`.
    Residuals are taken on points that the solve did not use.  A metric of the problem that raises an error is named in
    `Report.failures`.

    Args:
        solution: the solution to measure.
        reference: a numerical reference of the problem; None computes one.
        budget: nominal seconds of work for a reference (see pinnkit.references); 0 for none.

    Raises:
        TypeError: where `solution` is not a `Solution`.
        ValueError: for a reference that does not have the problem's axes.
    """
    if not isinstance(solution, Solution):
        raise TypeError(f"validate: `solution` must be a Solution, what solve() gives, got {type(solution).__name__}")
    absent = Absent("", ())
    compared: tuple[Comparison, ...] = ()
    if reference is None:
        reference, compared, absent = find_evidence(solution, solution.problem, budget)
    return assess(solution, reference, absent, compared=compared)


@with_gradients
def assess(
    solution: Solution,
    reference: Reference | None,
    absent: Absent,
    *,
    findings: Sequence[Finding] = (),
    notes: Sequence[str] = (),
    compared: Sequence[Comparison] = (),
) -> Report:
    """Measure a solution with a reference that was found before, as `validate` does.

    Args:
        solution: the solution to measure.
        reference: a numerical reference of the problem; None for none.
        absent: the reason why there is none.
        findings: defects that were found elsewhere.
        notes: sentences on the source of the solution that are no defect of it.
        compared: differences from other references.
    """
    problem = solution.problem
    start = time.perf_counter()
    exact = compare_with_exact(solution)
    discretised = tuple(compared)
    if reference is not None:
        discretised += compare_with_reference(solution, reference)
    error = () if reference is None else reference_error(problem, reference, solution.coefficients)
    metrics, failures = _measured(solution)
    if problem.plan is not None:  # judged by its metrics
        terms = tuple(root_mean_square(solution, term) for term in problem.terms)
        verdict = metric_verdict(solution, {c.name: c.rms for c in terms}, metrics)
    else:
        context = Context(of_pieces(solution), (*exact, *discretised), absent.reason, notes=notes)
        findings = [*findings, *absent.findings, *check_exact(problem), *check_closed_form(discretised, error)]
        judged = context.solution
        terms = tuple(context.check(t) if vanishes(t) else Sample.of(judged, t).check for t in judged.problem.terms)
        verdict = run_checks(context, findings)
    return Report(
        solution=solution,
        exact=exact,
        discretised=discretised,
        reference_error=error,
        terms=terms,
        reference=reference,
        no_reference=absent.reason,
        verdict=verdict,
        metrics=metrics,
        seconds=time.perf_counter() - start,
        failures=failures,
    )


def _measured(solution: Solution) -> tuple[dict[str, float], tuple[str, ...]]:
    """The problem's own scores, and the errors of those that raise one, which leaves the others."""
    scores, failures = {}, []
    for name, metric in solution.problem.metrics.items():
        try:
            scores[name] = float(metric(solution))
        except Exception as error:  # code of the user, which may raise anything
            failures.append(f"metric `{name}`: {reason_of(error)}")
    return scores, tuple(failures)
