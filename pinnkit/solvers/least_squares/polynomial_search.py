"""Polynomial search in many coordinates by the residual at held-out points, from few functions to many.

Functions of one coordinate come first.  Where they leave a residual, pairs of coordinates and all products up to a
total degree are tried at a low degree, and the better of the two grows.  Where all pairs are too many, one solve with
the products T_1(s_a) T_1(s_b) alone shows which of them matter, and those grow: ANOVA by importance, as in Potts &
Schmischke, Approximation of high-dimensional periodic functions with Fourier-based methods, SIAM J. Numer. Anal. 59
(2021) 2393, section 5.  The exact solution is never used.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnkit.domains import Sobol
from pinnkit.fields import Additive, TotalDegree
from pinnkit.fields.polynomials.polynomials import Polynomials
from pinnkit.problem.problem import Problem
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, counts_of
from pinnkit.solvers.collocation.field_groups import Group, axes_of, build_fields
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.protocols import ReadoutSolver

from .least_squares import LeastSquares
from .linear_readout import ReadoutObjective, readout_of
from .random_feature_search import Attempt, solve_readout

__all__ = ["MANY_COORDINATES", "search_polynomials"]

MANY_COORDINATES = LeastSquares(ratio=1.5, condition_ratio=1.5, sampling=Sobol())
"""Solver of polynomials in many coordinates: most of the volume is near a wall, so walls get as many points as the
interior, and the points need not be denser towards the walls."""

Spec = Additive | TotalDegree

_SINGLE = (2, 4, 6, 8, 10, 12, 16, 20)
"""Degrees tried for functions of one coordinate."""
_GAIN = 0.5
"""More functions are tried while they, or the next larger number, lower the residual to this fraction."""
_ENOUGH = 1e-11
"""Relative residual below which interactions are not tried: rounding dominates."""
_FLOOR = 1e-14
"""A held-out residual that rounding alone explains."""
_CLEARLY = 0.5
"""Fraction of the residual of another family of polynomials at which one counts as better."""
_RATE = 2e10
"""Floating-point operations per second assumed for one core, until an attempt has been measured."""
_MEASURABLE = 0.02
"""Estimated seconds of an attempt from which its time says how fast the machine is."""
_HELD = 4096
"""Largest number of held-out points of an equation; of a condition half as many."""


@dataclass
class _PolynomialSearch:
    problem: Problem
    groups: Sequence[Group]
    solver: ReadoutSolver
    seed: int
    limit: int
    tolerance: float
    report: Callable[[Attempt], bool | None]
    left: Callable[[], float]
    scales: dict[str, float] | None = None
    best: Attempt | None = None
    late: bool = False
    slowness: float = 1.0  # seconds of the last attempt that could be measured, over the estimate

    @property
    def columns(self) -> int:
        """Largest number of coordinate columns of an unknown."""
        return max(sum(a.dim for a in axes_of(self.problem, group)) for group in self.groups)

    def attempt(self, spec: Spec) -> Attempt:
        """Solve with these polynomials where the remaining time allows it; the best so far is kept."""
        estimate, begin = self._seconds(spec.count(self.columns)), time.perf_counter()
        if self.best is not None and self.slowness * estimate > self.left():
            self.late = True
            raise _Stopped
        found = _solved(self.problem, self.groups, self.solver, self.seed, spec, self.best, self.scales)
        if estimate >= _MEASURABLE:
            self.slowness = max(1.0, (time.perf_counter() - begin) / estimate)
        if self.best is None or found.score < self.best.score:
            self.best = found
        if self.report(found) or self.best.score <= self.tolerance:
            raise _Stopped
        return found

    def _seconds(self, count: int) -> float:
        """Estimated time of an attempt on one core, mainly the product of the Jacobian with itself."""
        plan = self.solver.sampling_plan(count)
        kinds = [t.is_equation for t in self.problem.soft_terms]
        rows = sum(plan.points if equation else plan.condition_points for equation in kinds)
        return 2 * rows * count**2 / _RATE

    def climb(self, specs: Iterable[Spec], before: float = math.inf) -> None:
        """Try one after another until two in a row gain little on the residual `before`, or exceed the limit."""
        idle = 0
        for spec in specs:
            if spec.count(self.columns) > self.limit:
                return
            score = self.attempt(spec).score
            idle = 0 if score <= _GAIN * before else idle + 1
            before = min(before, score)
            if idle == 2:
                return


class _Stopped(Exception):
    """A callback, the time or the tolerance ended the search."""


def search_polynomials(
    problem: Problem,
    groups: Sequence[Group],
    solver: ReadoutSolver,
    *,
    seed: int,
    limit: int = 5200,
    tolerance: float = 3e-13,
    report: Callable[[Attempt], bool | None] = lambda _: None,
    left: Callable[[], float] = lambda: math.inf,
    scales: dict[str, float] | None = None,
) -> Attempt:
    """Best attempt with `Additive` or `TotalDegree`; its `features` are the number of polynomials.

    Args:
        problem: to solve.
        groups: groups of unknowns that share a field.
        solver: of the read-out.
        seed: of the points.
        limit: largest number of polynomials.
        tolerance: relative residual at held-out points at which the search ends.
        report: called with every attempt; returning True ends the search with the best so far.
        left: remaining seconds; an attempt that would take longer is not started, except the first.
        scales: of the rows of each term; None takes their norms.

    Raises:
        ValueError: where even two polynomials per coordinate are more than `limit`.
    """
    run = _PolynomialSearch(problem, groups, solver, seed, limit, tolerance, report, left, scales)
    if Additive(_SINGLE[0]).count(run.columns) > limit:
        raise ValueError(
            f"Expansion: `limit` must leave {_SINGLE[0]} polynomials for each of {run.columns} coordinates, got {limit}"
        )
    try:
        with contextlib.suppress(_Stopped):
            _search(run)
    except KeyboardInterrupt:
        if run.best is None:
            raise
        return replace(run.best, interrupted=True)
    assert run.best is not None
    return replace(run.best, late=run.late)


def _search(run: _PolynomialSearch) -> None:
    """Functions of single coordinates, then interactions."""
    d = run.columns
    run.climb(Additive(k) for k in _SINGLE)
    assert run.best is not None
    if d == 1 or run.best.score <= _ENOUGH:
        return
    single = run.best.fields.modules[run.groups[0]].spec
    assert isinstance(single, Additive)
    if TotalDegree(3).count(d) <= run.limit:
        _interacting(run, single.degree)
    elif Additive(2, order=2, pair_degree=2).count(d) <= run.limit and len(run.groups) == 1:
        _screen(run, min(single.degree, 4))


def _interacting(run: _PolynomialSearch, degree: int) -> None:
    """Compare pairs of coordinates with all products of the same degree; the better grows, pairs in doubt."""
    for k in (3, 4, 5):
        if k == 3 and TotalDegree(4).count(run.columns) <= run.limit:
            continue
        if TotalDegree(k).count(run.columns) > run.limit:
            break
        pairs = run.attempt(Additive(max(degree, k), order=2, pair_degree=k))
        total = run.attempt(TotalDegree(k))
        if total.score < _CLEARLY * pairs.score:
            run.climb(TotalDegree(p) for p in itertools.count(k + 1))
            return
        if pairs.score < _CLEARLY * total.score:
            break
    run.climb(Additive(max(degree, k), order=2, pair_degree=k) for k in itertools.count(6, 2))
    assert run.best is not None
    if run.best.score > _ENOUGH:
        run.climb((TotalDegree(k) for k in itertools.count(6)), run.best.score)


def _screen(run: _PolynomialSearch, degree: int) -> None:
    """All pairs with one product each, then those that matter with more."""
    d = run.columns
    affordable = [k for k in range(1, degree + 1) if Additive(k, order=2, pair_degree=2).count(d) <= run.limit]
    every = run.attempt(Additive(affordable[-1], order=2, pair_degree=2))
    ranked = _ranked(every.fields.modules[run.groups[0]])
    single = max(degree, 4)
    most = min((run.limit - single * d) // math.comb(4, 2), len(ranked))
    kept = _before_the_gap([size for _, size in ranked], most)
    while 0 < kept <= most:
        pairs = tuple(sorted(pair for pair, _ in ranked[:kept]))
        if run.attempt(Additive(single, order=2, pair_degree=4, pairs=pairs)).score < every.score:
            run.climb(Additive(k, order=2, pair_degree=k, pairs=pairs) for k in itertools.count(6, 2))
            return
        kept = min(2 * kept, most) if kept < most else most + 1


def _before_the_gap(sizes: Sequence[float], most: int) -> int:
    """Number of the sizes, in decreasing order and at most `most`, before the largest drop from one to the next."""
    if most < 1:
        return 0
    drops = [here / max(there, 1e-300) for here, there in itertools.pairwise([*sizes[: most + 1], 0.0])]
    candidates = drops[: min(most, len(sizes) - 1)] or drops[:1]
    return 1 + max(range(len(candidates)), key=candidates.__getitem__)


def _ranked(module: torch.nn.Module) -> list[tuple[tuple[int, int], float]]:
    """Pairs of columns and the size of the coefficients of their product, largest first."""
    assert isinstance(module, Polynomials)
    sizes = module.readout.weight.detach().norm(dim=0).tolist()
    found = [
        ((factors[0][0], factors[1][0]), size)
        for factors, size in zip(module.exponents, sizes, strict=True)
        if len(factors) == 2
    ]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _solved(
    problem: Problem,
    groups: Sequence[Group],
    solver: ReadoutSolver,
    seed: int,
    spec: Spec,
    warm: Attempt | None,
    scales: dict[str, float] | None,
) -> Attempt:
    """Solve for the read-out of given polynomials."""
    cpu = torch.device("cpu")
    fields = build_fields(problem, {group: spec for group in groups}, seed=seed, device=cpu, dtype=torch.float64)
    parameters = Parameters(problem, (), device=cpu, dtype=torch.float64)
    count = max(readout_of(m).in_features for m in fields.modules.values())
    plan = solver.sampling_plan(count)
    points = CollocationPoints.planned(problem, plan, seed, device=cpu, dtype=torch.float64)
    objective = ReadoutObjective(fields, parameters, points, scales)
    theta = objective.get()
    if problem.linear:  # the rows are affine: one solve, and no evaluation afterwards
        theta = theta + solver.linear_step(*objective.rows_and_jacobian(theta))
        objective.assign(theta)
    else:
        theta = solve_readout(solver, objective, theta if warm is None else _carry_over(warm, fields, theta))
    held = counts_of(problem, min(2 * count + 64, _HELD), min(count + 32, _HELD // 2))
    fresh = CollocationPoints(problem, held, seed, draw=1, sampling=Sobol())
    check = ReadoutObjective(fields, parameters, fresh, objective.scales)
    score, costs = check.relative_residual(theta)
    return Attempt(count, (), max(score, _FLOOR), costs, fields, parameters, theta, words=_words(spec, count))


def _carry_over(warm: Attempt, fields: FieldSet, theta: Tensor) -> Tensor:
    """Earlier field in the new polynomials, the start of Newton's method; polynomials that are absent are dropped."""
    parts = []
    for group, module in fields.modules.items():
        old = warm.fields.modules[group]
        assert isinstance(module, Polynomials)
        assert isinstance(old, Polynomials)
        place = {factors: i for i, factors in enumerate(old.exponents)}
        weight = torch.zeros_like(module.readout.weight)
        for i, factors in enumerate(module.exponents):
            if factors in place:
                weight[:, i] = old.readout.weight[:, place[factors]]
        parts.append(torch.cat([weight, old.readout.bias[:, None]], dim=1).detach().reshape(-1))
    known = torch.cat(parts)
    coefficients = warm.theta[len(warm.theta) - (len(theta) - len(known)) :]
    return torch.cat([known, coefficients])


def _words(spec: Spec, count: int) -> str:
    if isinstance(spec, TotalDegree):
        return f"{count} polynomials of total degree {spec.degree}"
    if spec.order == 1:
        return f"{count} polynomials of one coordinate each, degree {spec.degree}"
    pairs = "all pairs" if spec.pairs is None else f"{len(spec.pairs)} pairs"
    return f"{count} polynomials of one coordinate, degree {spec.degree}, and of {pairs}, degree {spec.pair_degree}"
