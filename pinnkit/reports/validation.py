"""Validation: a solution against the closed form, against the reference, and against its own equations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pinnkit.problem.problem import Problem
from pinnkit.solutions.solution import Solution
from pinnkit.verification import Finding, Kind
from pinnkit.verification.comparison import compare_with_exact, compare_with_reference, reference_error
from pinnkit.verification.comparison_checks import check_closed_form
from pinnkit.verification.context import Context
from pinnkit.verification.metric_checks import metric_verdict, root_mean_square
from pinnkit.verification.run_checks import run_checks
from pinnkit.verification.term_sample import Sample, vanishes

from .report import Report

if TYPE_CHECKING:
    from pinnkit.references import Reference

__all__ = ["reference_error", "validate"]


def validate(solution: Solution, *, reference: Reference | None = None, budget: float = 5.0) -> Report:
    """Measure a solution and say in plain words what is wrong with it.

    Errors are relative L2, ‖u - v‖₂ / ‖v‖₂, and the greatest |u - v|: against `problem.exact` on 2^14 fixed Sobol
    points, and against the reference on its grid.  Where a difference is below the error bar of what it was measured
    against, the report claims `<= difference + bar` and never less.  Residuals are taken on points that the solve has
    not seen.

    Args:
        solution: what to examine.
        reference: values by finite differences; None has them made from the problem.
        budget: seconds to spend on that; 0 for no reference.

    Raises:
        ValueError: for a reference that does not have the problem's axes.
    """
    if not isinstance(solution, Solution):
        raise TypeError(f"validate: `solution` must be a Solution, what solve() gives, got {type(solution).__name__}")
    problem = solution.problem
    why_not = "not asked for" if budget <= 0 else ""
    open_ended = False
    if reference is None and problem.plan is not None and problem.reference_solver is None:
        why_not = "the problem brings its own plan and is scored by its metrics"
    elif reference is None and budget > 0:
        reference, why_not, open_ended = _make_reference(problem, budget)
    start = time.perf_counter()
    exact = compare_with_exact(solution)
    discretised = () if reference is None else compare_with_reference(solution, reference)
    error = () if reference is None else reference_error(problem, reference, solution.coefficients)
    metrics = {name: float(metric(solution)) for name, metric in problem.metrics.items()}
    if problem.plan is not None:  # scored by its metrics
        checks = tuple(root_mean_square(solution, term) for term in problem.terms)
        said = metric_verdict(solution, {c.name: c.rms for c in checks}, metrics)
        return Report(
            solution, exact, discretised, error, checks, reference, "" if reference is not None else why_not, said,
            metrics, time.perf_counter() - start,
        )  # fmt: skip
    evidence = Context(solution, (*exact, *discretised))
    extra = list(check_closed_form(discretised, error))
    if open_ended:
        extra.insert(0, Finding(Kind.UNDETERMINED, f"the solution is one of many. {why_not}", 1.0))
    return Report(
        solution=solution,
        exact=exact,
        discretised=discretised,
        reference_error=error,
        terms=tuple(Sample.of(solution, t).check if not vanishes(t) else evidence.check(t) for t in problem.terms),
        reference=reference,
        no_reference="" if reference is not None else why_not,
        verdict=run_checks(evidence, extra),
        metrics=metrics,
        seconds=time.perf_counter() - start,
    )


def _make_reference(problem: Problem, budget: float) -> tuple[Reference | None, str, bool]:
    """The reference, or why there is none, and whether that is because the terms leave the solution open."""
    from pinnkit.references import TooFewConditions
    from pinnkit.references import reference as discretise

    try:
        return discretise(problem, budget=budget), "", False
    except (ValueError, NotImplementedError) as error:
        # An ansatz may hold what no term says.
        return None, str(error), isinstance(error, TooFewConditions) and not problem.ansatz
