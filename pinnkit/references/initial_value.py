"""Ordinary differential equations with an initial state, by `scipy.integrate.solve_ivp` at several tolerances.

A first run by Radau IIA at a loose tolerance tells whether the problem is stiff: DOP853 needs about
int rho(J(t)) dt / 6 steps for its stability, with rho the spectral radius of the Jacobian along the solution.  Where
that is far more than the first run took, the problem is stiff and Radau goes on; else DOP853 does.  The tolerance is
lowered by factors of 100 while the next run should fit the budget, which is counted in evaluations and not by a clock.

With d_k the differences of successive runs and r = d_k / d_(k-1), the last run is off by about r d_k; the error bar is
5 r d_k, at least a tenth of d_k and at most d_k.  Where perturbations grow, all runs differ by what rounding and
tolerances have grown to, r is about 1, and the bar is d_k.

Source: Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I, section II.10 (DOP853); Hairer & Wanner,
part II, sections IV.2 (stability of explicit methods) and IV.8 (Radau).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from pinnkit.ordinary import ContradictoryState, OpenState, OrdinarySystem
from pinnkit.problem.problem import Problem

from .cost_model import Work
from .errors import BudgetSpent, TooFewConditions, TooManyConditions, Unresolved
from .grid import Array
from .result import Reference

__all__ = ["InitialValue"]

_METHOD = "solve_ivp"
_PILOT = 1e-4
"""Relative tolerance of the first run."""
_FACTOR = 1e-2
"""Between one tolerance and the next."""
_TIGHTEST = 1e-12
"""Least relative tolerance: rounding takes over below."""
_FLOOR = 1e-3
"""Size of a row, relative to its largest, below which errors are no longer relative to it."""
_NOISE = 1e-10
"""The same relative to the largest row of all, below which a row is rounding."""
_STIFF = 4.0
"""Steps that stability asks of an explicit method, over those that accuracy asks for, from which Radau is taken."""
_LOOKS = 512
"""Times at which the spectral radius is computed at most."""
_ENTRIES = 2**22
"""Entries of all these Jacobians together."""
_STABILITY = 6.0
"""Length of the stability region of DOP853 along the negative real axis, in units of 1 / h."""
_NODES, _MOST_NODES = 4096, 2**16
_LEAST_SHARE = 0.1
"""Error bar over the difference of the last two runs, at least."""
_WIDE = 0.05
"""Relative error bar from which on the tolerances do not resolve the solution."""
_SEPARATED = 0.01
"""Relative difference of two runs from which on nothing is left of them."""
_GROWTH = {"DOP853": 2.0, "Radau": 3.5}
"""Work of a run over that of the one before, with a hundredth of the tolerance."""
_OVERHEAD = {"DOP853": 6.0, "Radau": 14.0}
"""Calls of array functions beside the operations of each evaluation of the rates."""
_LINEARISED = 6.0
"""Work of a Jacobian over that of the rates."""


@dataclass(frozen=True)
class InitialValue:
    """scipy's DOP853, or Radau for stiff problems, for ordinary differential equations with an initial state.

    For systems of any size and order whose equations are affine in the highest derivatives.  Error bars come from runs
    at several tolerances.
    """

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference for a budget in nominal seconds of work (see cost_model.py).

        Raises:
            Unresolved: where the steps shrink to nothing before the end of time.
            BudgetSpent: where less than two runs fit the budget.
            TooFewConditions, TooManyConditions: for an initial state that is open, or prescribed twice.
            Unsupported: by name, for other problems.
        """
        begin = time.perf_counter()
        try:
            system = OrdinarySystem(problem)
        except OpenState as error:
            raise TooFewConditions(error.method, error.reason) from None
        except ContradictoryState as error:
            raise TooManyConditions(error.method, error.reason) from None
        runs = _Runs(system, budget)
        found = runs.all()
        last, previous = found[-1], found[-2]
        before = found[-3] if len(found) > 2 else None
        times = np.linspace(system.time.lower, system.time.upper, _node_count(last.steps) + 1)
        bars, largest, orders = {}, {}, []
        names = dict.fromkeys(u.name for u in problem.unknowns)
        for name in names:
            here, near = last.at(times)[name], previous.at(times)[name]
            gap = _rms(here - near)
            ratio = math.nan
            if before is not None:
                wider = _rms(near - before.at(times)[name])
                ratio = gap / wider if wider > 0 else math.nan
                if 0 < ratio < 1 and last.steps > previous.steps:
                    orders.append(math.log(1 / ratio) / math.log(last.steps / previous.steps))
            share = min(1.0, max(5 * ratio, _LEAST_SHARE)) if ratio == ratio else 1.0
            size = _rms(here)
            floor = 4 * np.finfo(np.float64).eps
            bars[name] = max(share * gap / size if size > 0 else share * gap, floor)
            largest[name] = max(share * float(np.abs(here - near).max()), floor * float(np.abs(here).max()))
        return Reference(
            values=last.at(times),
            grid={system.time.name: times},
            error_bar=bars,
            max_error_bar=largest,
            order=runs.order,
            observed_order=min(orders, default=math.nan),
            seconds=time.perf_counter() - begin,
            kind=f"{runs.method} of scipy",
            between=last,
            remark=_remark(system, bars, last, previous, times),
        )


@dataclass(frozen=True)
class _Run:
    """Dense output of one run, as the values between the nodes of a `Reference`.

    Args:
        system: the equations.
        sol: dense output of scipy, times (S,) -> states (n, S).
        steps: number of steps.
        tolerance: relative.
    """

    system: OrdinarySystem
    sol: Callable[[Array], Array]
    steps: int
    tolerance: float

    def at(self, points: Array) -> dict[str, Array]:
        """The unknowns at times ``(n,)`` or points ``(n, 1)``."""
        states = self.sol(np.ravel(points)).T
        out = {}
        for unknown in self.system.problem.unknowns:
            rows = [
                r
                for r, (i, level) in enumerate(self.system.rows)
                if level == 0 and self.system.components[i].unknown == unknown.name
            ]
            out[unknown.name] = states[:, rows[0]].copy() if unknown.components is None else states[:, rows]
        return out

    def on_grid(self, ticks: Sequence[Array]) -> dict[str, Array]:
        """The unknowns at the coordinates of the only axis."""
        return self.at(ticks[0])


class _Runs:
    """Runs at decreasing tolerances within a budget.

    Args:
        system: the equations.
        budget: nominal seconds of all runs together.
    """

    def __init__(self, system: OrdinarySystem, budget: float) -> None:
        self._system, self._budget = system, budget
        self._label = system.label
        self._spent = 0.0
        self._limit = budget
        self.method = "Radau"

    @property
    def order(self) -> float:
        """Order of the method."""
        return 5.0 if self.method == "Radau" else 8.0

    def all(self) -> list[_Run]:
        """Run until the next run should not fit the budget.

        Raises:
            Unresolved: where the steps shrink to nothing.
            BudgetSpent: where less than two runs fit.
        """
        sizes = np.maximum(np.abs(self._system.start), 1e-6)
        pilot = self._run(_PILOT, sizes)
        states = pilot.sol(np.linspace(self._system.time.lower, self._system.time.upper, 2 * _NODES + 1))
        sizes = np.abs(states).max(axis=1)
        self.method = "Radau" if self._is_stiff(pilot) else "DOP853"
        found = [pilot] if self.method == "Radau" else []
        tolerance, work = _PILOT * _FACTOR, 0.0
        while tolerance >= 0.99 * _TIGHTEST:
            before = self._spent
            if len(found) > 1 and before + _GROWTH[self.method] * work > self._budget:
                break
            try:
                found.append(self._run(tolerance, sizes))
            except BudgetSpent:
                if len(found) < 2:
                    raise
                break
            work = self._spent - before
            tolerance *= _FACTOR
        return found

    def _is_stiff(self, pilot: _Run) -> bool:
        """Return whether stability asks for far more steps of DOP853 than the first run took."""
        ends = np.asarray(pilot.sol.ts)  # type: ignore[attr-defined]
        most = min(len(ends), _LOOKS, max(8, _ENTRIES // self._system.size**2))
        some = ends[np.unique(np.linspace(0, len(ends) - 1, most).round().astype(np.int64))]
        jacobian = self._system.evaluate(some, pilot.sol(some).T.copy()).jacobian
        finite = np.isfinite(jacobian).all(axis=(1, 2), keepdims=True)
        radius = np.abs(np.linalg.eigvals(np.where(finite, jacobian, 0.0))).max(axis=1)
        asked = float(np.sum(np.diff(some) * np.minimum(radius[1:], radius[:-1]))) / _STABILITY
        return asked > _STIFF * (pilot.steps + 100)

    def _run(self, tolerance: float, sizes: Array) -> _Run:
        system = self._system
        work = Work(calls=system.operations + _OVERHEAD[self.method]).seconds

        def count(times: float) -> None:
            self._spent += times * work
            if self._spent > self._budget:
                raise BudgetSpent(
                    _METHOD,
                    f"{self._label}: {self.method} at a relative tolerance of {tolerance:g} takes more than the budget "
                    f"of {self._budget:g} nominal seconds",
                    self._spent,
                )

        def rates(t: float, y: Array) -> Array:
            count(1.0)
            return system.rate_at(t, y)

        def jacobian(t: float, y: Array) -> Array:
            count(_LINEARISED)
            return system.evaluate(np.array([t]), y[None]).jacobian[0]

        least = np.maximum(_FLOOR * sizes, _NOISE * float(sizes.max(initial=0.0)))
        options: Mapping[str, Any] = {"jac": jacobian} if self.method == "Radau" else {}
        span = system.time.lower, system.time.upper
        with np.errstate(all="ignore"):
            found = solve_ivp(
                rates,
                span,
                system.start,
                method=self.method,
                rtol=tolerance,
                atol=tolerance * least + 1e-300,
                dense_output=True,
                **options,
            )
        if found.status != 0 or not np.isfinite(found.y).all():
            reached = f"{system.time.name} = {found.t[-1]:.6g}"
            raise Unresolved(
                _METHOD,
                f"{self._label}: the steps of {self.method} shrink to nothing at {reached}: the solution or its rates "
                "grow without bound there, or are not defined beyond",
                self._spent,
            )
        return _Run(system, found.sol, len(found.t) - 1, tolerance)


def _node_count(steps: int) -> int:
    """Cells of the grid: a power of two, four or more for each step, up to a largest number."""
    return int(min(max(_NODES, 2 ** math.ceil(math.log2(4 * steps))), _MOST_NODES))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _remark(system: OrdinarySystem, bars: Mapping[str, float], last: _Run, previous: _Run, times: Array) -> str:
    """A warning where the runs differ so much that their difference is no bound, with the time from which on."""
    doubtful = [name for name, bar in bars.items() if bar > _WIDE]
    if not doubtful:
        return ""
    first = float(times[-1])
    for name in doubtful:
        here, near = last.at(times)[name], previous.at(times)[name]
        apart = (np.abs(here - near) > _SEPARATED * float(np.abs(here).max())).reshape(len(times), -1).any(axis=1)
        first = min(first, float(times[int(apart.argmax())]))
    names = ", ".join(f"`{name}`" for name in doubtful)
    return (
        f"runs at relative tolerances of {previous.tolerance:g} and {last.tolerance:g} differ by more than 1 % of "
        f"{names} from {system.time.name} = {first:.4g} on: perturbations grow too much (chaos), and the error bar is "
        "the size of the difference"
    )
