"""Acceptance rows on shapes: solutions that satisfy the equation, with proved error bounds."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from pinnkit.fields import Trefftz
from pinnkit.problem.problem import Problem
from pinnkit.reports.validation import validate
from pinnkit.verification.maximum_principle import proved_bound

from .random_polygons import largest_error, random_problem
from .row import Measure, Measurement, Metric, Row

if TYPE_CHECKING:
    from pinnkit.solutions.solution import Solution

__all__ = ["rows"]

_POLYGONS = 20


def proved(row: Row, problem: Problem, seed: int) -> Measurement:  # noqa: ARG001  (signature of a measure)
    """Proved bound of the error of the automatic solution over its largest value; infinite without a proof."""
    from pinnkit.solvers import solve

    solution = solve(problem, seed=seed)
    found = proved_bound(solution)
    report = validate(solution, budget=0.0)
    return Measurement(float("inf") if found is None else found.relative, solution.seconds, report.summary())


def polygons(kappa: float) -> Measure:
    """Measure of the worst relative error in random polygons with three holes, and of the median of bound over error.

    Args:
        kappa: of laplacian u + kappa u = 0.
    """

    def measure(row: Row, problem: Any, seed: int) -> Measurement:  # noqa: ARG001
        from pinnkit.solvers import solve

        worst, longest, ratios = 0.0, 0.0, []
        for number in range(_POLYGONS):
            subject, sources = random_problem(number, kappa, mixed=True, manufactured=True)
            assert sources is not None
            began = time.perf_counter()
            solution = solve(subject, Trefftz(), seed=seed)
            longest = max(longest, time.perf_counter() - began)
            (module,) = solution.modules.values()
            x = subject.domain.boundary.sample(2000, torch.Generator().manual_seed(3)).coords
            with torch.no_grad():
                on_walls = float((module(x)[:, 0] - sources.value(x[:, 0], x[:, 1])).abs().max())
            error = max(on_walls, largest_error(module, subject, sources))
            worst = max(worst, error / _size(solution))
            found = proved_bound(solution)
            if found is not None:
                ratios.append(found.error / error)
        metrics = {"largest error": Metric(worst, 1e-7)}
        if ratios:
            metrics["bound over true error"] = Metric(sorted(ratios)[len(ratios) // 2], 10.0)
        return Measurement.of(metrics, longest, {"bounds": len(ratios), "ratios": sorted(ratios)})

    return measure


def _size(solution: Solution) -> float:
    """Largest value of the solution."""
    (module,) = solution.modules.values()
    x = solution.problem.domain.sample(1000, torch.Generator().manual_seed(4)).coords
    with torch.no_grad():
        return float(module(x).abs().max())


def rows() -> Iterable[Row]:
    """Acceptance rows on shapes."""
    unit = "proved error / largest value"
    for name, target in (("plate_four_holes", 1e-10), ("l_shape", 1e-9)):
        yield Row("3", "shapes", name, "automatic, proved", unit, target, proved, 5.0, seeded=False)
    for kappa, words in ((0.0, "Laplace"), (25.0, "Helmholtz, k = 5")):
        method = f"{words}, values and fluxes, 20 polygons"
        measure = polygons(kappa)
        yield Row(
            "3",
            "shapes",
            "random_polygons",
            method,
            "relative error",
            1e-7,
            measure,
            20.0,
            seeded=False,
            from_file=False,
        )
