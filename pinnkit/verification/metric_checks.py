"""Verdict of a problem that is scored by its metrics: status of the run, finite values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from pinnkit.domains import Sobol
from pinnkit.problem.linearization import provider, residual_rows
from pinnkit.problem.terms import Term
from pinnkit.solutions.solution import Solution

from .finding import Finding, Kind, Verdict
from .measures import TermCheck
from .scales import TEST_SEED, rms
from .term_sample import FRESH, channels_at, subsampled

__all__ = ["metric_verdict", "root_mean_square"]


def root_mean_square(solution: Solution, term: Term) -> TermCheck:
    """The residual of a term on fresh points; without a scale, since data are not expected to be met exactly."""
    problem = solution.problem
    trace = problem.trace(term, raw=False)
    drawn = subsampled(term.sample(FRESH, torch.Generator().manual_seed(TEST_SEED), Sobol()), FRESH)
    points = tuple(p.to(solution.dtype, solution.device) for p in drawn)
    values = channels_at(solution, points, trace.channels)
    with torch.no_grad():
        lookup = provider(problem, values, trace.ignored, points)
        r = residual_rows(problem, term, points, lookup, solution.coefficient_tensors, raw=False)
    return TermCheck(str(term.name), term.kind, rms(r), math.nan)


def metric_verdict(solution: Solution, checks: Mapping[str, float], metrics: Mapping[str, float]) -> Verdict:
    """Check a fit without equations: status of the run, finite numbers.

    Args:
        solution: the fit.
        checks: root mean square residual of each term.
        metrics: the problem's own scores.
    """
    return Verdict(
        findings=tuple(_findings(solution, {**checks, **metrics})),
        fresh_residual=math.nan,
        worst_condition_error=math.nan,
        estimated_error=math.nan,
    )


def _findings(solution: Solution, numbers: Mapping[str, float]) -> Iterator[Finding]:
    if not solution.status.good:
        yield Finding(Kind.ENDED_BADLY, f"the run did not end well. {solution.status.value}", 1.0)
    for name, value in numbers.items():
        if math.isnan(value):
            yield Finding(Kind.NOT_FINITE, f"'{name}' is not a number where it was measured", 1.0)
