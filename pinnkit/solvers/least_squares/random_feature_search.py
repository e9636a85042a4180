"""Random-feature search: number and bandwidth of random sines by the residual at held-out points.

The exact solution is never used.  Over nine decades the held-out residual orders bandwidths as the true error does: a
bandwidth that is too small cannot represent the solution, and one that is too large overfits the collocation points.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pinnkit.domains import Sobol
from pinnkit.fields import RandomFourier
from pinnkit.fields.protocols import linear_readout
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, counts_of, generator_of
from pinnkit.solvers.collocation.field_groups import Group, axes_of, build_fields
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.protocols import ReadoutSolver, theta_of

from .linear_readout import ReadoutObjective, readout_of

__all__ = ["Attempt", "search_random_features"]

_LADDER = (1.5, 3.0, 5.0, 8.0, 12.0, 18.0, 27.0, 40.0, 60.0)
"""Bandwidths tried for all axes together, in radians per half-width."""
_STEP = 1.5
_GROWTH = 1.7
_WORTH = 0.2
"""More features are tried while each growth lowers the residual to this fraction."""
_POOR = 1e-6
"""Residual above which a growth without gain is followed by another: sharp solutions need many features at once."""
_COSTLY = 1000
"""Number of features from which an attempt takes a second or more."""
_LEAST = 100
"""Features of a piece at least, where a domain is in many pieces."""
_FLOOR = 1e-14
"""A held-out residual that rounding alone explains."""


@dataclass(frozen=True)
class Attempt:
    """Solved field with its residual at held-out points.

    Args:
        features: number of random sines of each group of unknowns.
        bandwidth: per coordinate column, in radians per half-width.
        score: residual at held-out points, relative to the terms that cancel in it.
        costs: mean squared residual of each term at held-out points.
        fields: with the solved read-out.
        parameters: hold the solved coefficients.
        theta: read-out and coefficients ``(P,)``; empty for attempts that are not the best.
        interrupted: whether Ctrl-C ended the search, with this as the best so far.
        late: whether the time ended the search, with this as the best so far.
        words: description of the attempt, for reports.
    """

    features: int
    bandwidth: tuple[float, ...]
    score: float
    costs: tuple[float, ...] = field(repr=False)
    fields: FieldSet = field(repr=False)
    parameters: Parameters = field(repr=False)
    theta: Tensor = field(repr=False)
    interrupted: bool = False
    late: bool = False
    words: str = ""


@dataclass
class _Search:
    problem: Problem
    groups: Sequence[Group]
    solver: ReadoutSolver
    seed: int
    report: Callable[[Attempt], bool | None]
    scales: dict[str, float] | None = None
    left: Callable[[], float] = lambda: math.inf
    best: Attempt | None = None
    late: bool = False
    took: tuple[int, float] | None = None  # number of features and seconds of the last attempt
    tried: dict[tuple[int, tuple[float, ...]], Attempt] = field(default_factory=dict)

    def attempt(self, features: int, bandwidth: tuple[float, ...]) -> Attempt:
        """Solve with these features; the best so far is kept, and starts Newton where the equation is nonlinear."""
        key = features, bandwidth
        if key not in self.tried:
            if self.best is not None and self._seconds(features) > self.left():
                self.late = True
                raise _Stopped
            began = time.perf_counter()
            found = self.solved(features, bandwidth, self.best)
            self.took = features, time.perf_counter() - began
            if self.best is None or found.score < self.best.score:
                self.best = found
            self.tried[key] = replace(found, theta=found.theta.new_zeros(0))
            if self.report(found):
                raise _Stopped
        return self.tried[key]

    def _seconds(self, features: int) -> float:
        """Estimated time of an attempt, from the last one and the cost of least squares: rows times columns squared."""
        if self.took is None:
            return 0.0
        before, seconds = self.took
        return seconds * (features / before) ** 3

    def solved(self, features: int, bandwidth: tuple[float, ...], warm: Attempt | None) -> Attempt:
        """Solve with these features, without keeping the result."""
        how = self.problem, self.groups, self.solver, self.seed
        return solve_with(*how, features, bandwidth, warm, self.scales, self.left)


def search_random_features(
    problem: Problem,
    groups: Sequence[Group],
    solver: ReadoutSolver,
    *,
    seed: int,
    features: int | None,
    limit: int | None = None,
    tolerance: float = 3e-13,
    report: Callable[[Attempt], bool | None] = lambda _: None,
    left: Callable[[], float] = lambda: math.inf,
    scales: dict[str, float] | None = None,
) -> Attempt:
    """Best attempt: bandwidth per axis, then more features while they help.

    Args:
        problem: to solve.
        groups: groups of unknowns that share a field.
        solver: of the read-out.
        seed: of features and points.
        features: number of features, or None to choose it.
        limit: largest number of features; None: 1,000 in one coordinate, else 1,500, in pieces of the domain shared
            by them, but at least 100 for each.
        tolerance: relative residual at held-out points at which the search ends.
        report: called with every attempt; returning True ends the search with the best so far.
        left: remaining seconds; an attempt that would take longer is not started, except the first.
        scales: of the rows of each term; None takes their norms.
    """
    d = len(problem.frame.columns)
    limit = limit or max({1: 1000}.get(d, 1500) // len(problem.pieces), _LEAST)
    small = min({1: 40, 2: 250}.get(d, 450), features or limit)
    run = _Search(problem, groups, solver, seed, report, scales, left)
    try:
        with contextlib.suppress(_Stopped):
            _climb(run, small, features, limit, tolerance)
    except KeyboardInterrupt:
        if run.best is None:
            raise
        return replace(run.best, interrupted=True)
    found = run.best
    assert found is not None
    if run.late:
        return replace(found, late=True)
    if features is not None and found.features != features:  # the requested number, with the best bandwidth
        found = run.solved(features, found.bandwidth, found)
    return found


class _Stopped(Exception):
    """A callback or the time ended the search."""


def _climb(run: _Search, small: int, features: int | None, limit: int, tolerance: float) -> None:
    """Bandwidth for all axes, then axis by axis, then more features."""
    d = len(run.problem.frame.columns)
    ladder: list[Attempt] = []
    for r in _LADDER:
        ladder.append(run.attempt(small, (r,) * d))
        if _best(ladder).score < tolerance or (len(ladder) > 3 and ladder[-1].score > 1e3 * _best(ladder).score):
            break
    best = _axis_by_axis(run, _best(ladder), tolerance)
    size = small
    factor = 1.0  # ratio of the bandwidths at the last growth: the better one of the previous growth is tried first
    while best.score > tolerance and size < (features or limit):
        size = min(int(_GROWTH * size), features or limit)
        before, grown = best, []
        for f in sorted((1.0, _GROWTH ** (1 / d)), key=lambda f: f != factor):
            grown.append(run.attempt(size, _times(before.bandwidth, f)))
            if size > _COSTLY and features is None and grown[-1].score > _WORTH * before.score:
                break
        if (
            len(grown) == 2 and factor != 1.0 and grown[0].score < grown[1].score
        ):  # a larger bandwidth helps: try a still larger one
            grown.append(run.attempt(size, _times(before.bandwidth, _GROWTH ** (2 / d))))
        factor = 1.0 if _best(grown).bandwidth == before.bandwidth else _GROWTH ** (1 / d)
        best = _best([before, *grown]) if features is None else _best(grown)
        if features is None and best.score > _WORTH * before.score and (best.score < _POOR or size > _COSTLY):
            break


def _axis_by_axis(run: _Search, best: Attempt, tolerance: float) -> Attempt:
    """Multiply or divide the bandwidth of each axis by 1.5 as long as that helps."""
    d = len(best.bandwidth)
    for _ in range(3 if d > 1 else 0):
        before = best
        for axis in range(d):
            for factor in (_STEP, 1 / _STEP):
                while best.score > tolerance:
                    changed = tuple(b * factor if i == axis else b for i, b in enumerate(best.bandwidth))
                    other = run.attempt(best.features, changed)
                    if other.score >= best.score:
                        break
                    best = other
        if best.score > 0.7 * before.score:
            break
    return best


def solve_with(
    problem: Problem,
    groups: Sequence[Group],
    solver: ReadoutSolver,
    seed: int,
    features: int,
    bandwidth: tuple[float, ...],
    warm: Attempt | None = None,
    scales: dict[str, float] | None = None,
    left: Callable[[], float] = lambda: math.inf,
) -> Attempt:
    """Solve for the read-out of random sines with the given bandwidth per column; `left` gives remaining seconds."""
    cpu = torch.device("cpu")
    specs = _specs(problem, groups, features, bandwidth)
    fields = build_fields(problem, specs, seed=seed, device=cpu, dtype=torch.float64)
    parameters = Parameters(problem, (), device=cpu, dtype=torch.float64)
    plan = solver.sampling_plan(features)
    points = CollocationPoints.planned(problem, plan, seed, device=cpu, dtype=torch.float64)
    objective = ReadoutObjective(fields, parameters, points, scales)
    theta = objective.get()
    if warm is not None and not problem.linear:
        theta = _carry_over(warm, fields, theta)
    theta = solve_readout(solver, objective, theta, left)
    held = CollocationPoints(
        problem, counts_of(problem, 2 * features, max(features // 2, 2)), seed, draw=1, sampling=Sobol()
    )
    check = ReadoutObjective(fields, parameters, held, objective.scales)
    score, costs = check.relative_residual(theta)
    words = f"{features} sines, bandwidth {', '.join(f'{b:.3g}' for b in bandwidth)}"
    return Attempt(features, bandwidth, max(score, _FLOOR), costs, fields, parameters, theta, words=words)


def solve_readout(
    solver: ReadoutSolver,
    objective: ReadoutObjective,
    theta: Tensor,
    left: Callable[[], float] = lambda: math.inf,
) -> Tensor:
    """Run a solver on the read-out from `theta` until it is done or no time is left; the fields take the result."""
    state = solver.start(theta)
    for _ in range(solver.steps):
        state = solver.step(objective, state)
        if state["done"] or left() <= 0:
            break
    objective.assign(theta_of(state))
    return theta_of(state)


def _specs(
    problem: Problem, groups: Sequence[Group], features: int, bandwidth: tuple[float, ...]
) -> dict[Group, RandomFourier]:
    """Random sines of each group, with the bandwidth of the columns that it depends on."""
    by_column = dict(zip(problem.frame.columns, bandwidth, strict=True))
    return {
        group: RandomFourier(features, tuple(by_column[c] for a in axes_of(problem, group) for c in a.columns))
        for group in groups
    }


def _carry_over(warm: Attempt, fields: FieldSet, theta: Tensor) -> Tensor:
    """Read-out with which new features approximate an earlier field best: the start of Newton's method."""
    parts = []
    for group, module in fields.modules.items():
        columns = list(fields.columns(group))
        old = warm.fields.modules[group]
        n = 3 * readout_of(module).in_features
        coords = fields.problem.domain_of(group[0]).sample(n, generator_of(0, n)).coords[:, columns]
        with torch.no_grad():
            field = linear_readout(module)
            assert field is not None
            phi, target = field.trunk(coords), old(coords)
        solved = torch.linalg.lstsq(phi, target, rcond=1e-12, driver="gelsd")
        parts.append(solved.solution.T.reshape(-1))
    known = torch.cat(parts)
    return torch.cat([known, theta[len(known) :]])


def _best(attempts: Sequence[Attempt]) -> Attempt:
    return min(attempts, key=lambda a: a.score)


def _times(bandwidth: tuple[float, ...], factor: float) -> tuple[float, ...]:
    return tuple(b * factor for b in bandwidth)
