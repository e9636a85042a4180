"""Adaptive integration of y' = f(t, y) by collocation: step sizes from the decay of the coefficients of each step.

On every step the solution is a polynomial of degree s through the state at the start and the stages.  With its
Chebyshev coefficients a_k, the coefficient a_(s+1) that it lacks is estimated as m d, where m = max(|a_s|, |a_(s-1)|)
and d = m / max(|a_(s-2)|, |a_(s-3)|) <= 1 is the decay over two degrees.  The estimate falls with the power s + 1 of
the step, as the error between the nodes does; that at the ends falls with the power 2 s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from pinnkit.ordinary import OrdinarySystem
from pinnkit.solvers.method_of_lines.implicit import MarchStep

from .collocation import Collocation, Stages, coupled_stages
from .decoupled import decoupled_stages

__all__ = ["COUPLED", "End", "Trajectory", "integrate"]

Array = NDArray[np.float64]

COUPLED = 700
"""Unknowns of all stages up to which Newton's method takes them together."""
_MOST = 200_000
"""Steps after which an integration ends."""
_FLOOR = 1e-3
"""Size of a row, relative to its largest so far, below which errors are no longer relative to it."""
_GROWTH, _SHRINK = 6.0, 0.1
_TINY = 1e-300


class End(Enum):
    """Reason why an integration ended."""

    COMPLETE = "the end of time was reached"
    STOPPED = "`report` asked to stop"
    COLLAPSED = "the steps shrank to nothing"
    MOST = "the largest number of steps was taken"


@dataclass
class Trajectory:
    """Dense output of an integration.

    Args:
        times: ends of the steps, (K + 1,).
        coefficients: for each step the Chebyshev coefficients of the rows of the state, (s + 1, n).
        end: reason why it ended.
        rejected: attempts that were repeated with a smaller step.
    """

    times: list[float]
    coefficients: list[Array] = field(default_factory=list)
    end: End = End.STOPPED
    rejected: int = 0

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.coefficients)

    def states(self) -> Array:
        """States at the ends of the steps, (K + 1, n)."""
        degrees = len(self.coefficients[0])
        signs = (-1.0) ** np.arange(degrees)
        first = signs @ self.coefficients[0]
        return np.stack([first, *(c.sum(axis=0) for c in self.coefficients)])


def integrate(
    system: OrdinarySystem,
    table: Collocation,
    *,
    tolerance: float,
    report: Callable[[MarchStep], bool],
    most: int = _MOST,
) -> Trajectory:
    """Integrate from the start of time to its end, or as far as steps can be taken.

    Args:
        system: the equations with their initial state.
        table: coefficients of the collocation.
        tolerance: estimated error of a step between its ends, relative to the size of each row of the state on the step
            and to a thousandth of its largest size so far.
        report: called after every step; True stops.
        most: largest number of steps.
    """
    time = system.time
    now, state = time.lower, system.start
    found = Trajectory([now])
    solve = coupled_stages if table.stages * system.size <= COUPLED else decoupled_stages
    largest = np.abs(state)
    h = _first_step(system)
    before: tuple[float, float, Array] | None = None
    last_error, failures = 1.0, 0
    limit = 1.0
    while now < time.upper:
        left = time.upper - now
        h = left if h >= 0.95 * left else min(h, 0.6 * left) if h > 0.5 * left else h
        if now + h / table.stages**2 <= now or h < 1e-30 * time.extent:
            found.end = End.COLLAPSED
            return found
        allowed = partial(_allowed, tolerance, largest)
        tried = solve(system, table, now, state, h, None if before is None else _guess(*before, h), allowed)
        error = np.inf if tried is None else _error(table, tried, allowed)
        if tried is None or not error <= 1:
            found.rejected += 1
            failures += 1
            power = 1 / (table.stages + 1)
            h *= (0.5 if failures < 3 else 0.2) if tried is None else max(_SHRINK, 0.8 * error**-power)
            limit = 1.0 if tried is None else 2.0
            continue
        upper = time.upper if h == left else now + h
        found.coefficients.append(table.chebyshev @ tried.states)
        found.times.append(upper)
        before = now, h, found.coefficients[-1]
        factor = _growth(table.stages, error, last_error)
        if tried.iterations > 8:
            factor = min(factor, 0.9)
        last_error, failures = max(error, 1e-6), 0
        h *= min(factor, limit)
        limit = _GROWTH
        now, state = upper, tried.states[-1]
        largest = np.maximum(largest, np.abs(tried.states).max(axis=0))
        if report(MarchStep(found.steps, now, error * tolerance, error * tolerance, table.stages)):
            found.end = End.COMPLETE if now >= time.upper else End.STOPPED
            return found
        if found.steps >= most and now < time.upper:
            found.end = End.MOST
            return found
    found.end = End.COMPLETE
    return found


def _allowed(tolerance: float, largest: Array, states: Array) -> Array:
    """Error that each row may have on a step, (n,)."""
    size: Array = tolerance * np.maximum(np.abs(states).max(axis=0), _FLOOR * largest) + _TINY
    return size


def _error(table: Collocation, tried: Stages, allowed: Callable[[Array], Array]) -> float:
    """Estimated error between the ends of a step, in tolerances; below 1 is accepted."""
    a = np.abs(table.chebyshev @ tried.states)
    late = np.maximum(a[-1], a[-2])
    early = np.maximum(a[-3], a[-4]) if len(a) > 4 else np.maximum(a[-3], late)
    decay = np.minimum(1.0, late / np.maximum(early, _TINY))
    return float((late * decay / (allowed(tried.states) + tried.noise)).max())


def _growth(stages: int, error: float, before: float) -> float:
    """Factor of the next step, by the errors of this one and the one before (a PI controller)."""
    power = 1 / (stages + 1)
    now = max(error, 1e-12)
    return min(_GROWTH, max(0.2, 0.85 * now ** (-0.8 * power) * before ** (0.2 * power)))


def _guess(start: float, size: float, coefficients: Array, h: float) -> Callable[[Array], Array]:
    """Extrapolate the polynomial of the last step, up to the term that is smallest at the far end of the next one."""
    far = 1 + 2 * h / size
    terms = np.abs(coefficients).max(axis=1, initial=0.0) * np.cosh(np.arange(len(coefficients)) * np.arccosh(far))
    degree = max(2, int(terms[1:].argmin()) + 1)
    kept = coefficients[:degree]
    end = coefficients.sum(axis=0) - kept.sum(axis=0)

    def continued(times: Array) -> Array:
        x = 2 * (times - start) / size - 1
        values: Array = chebyshev.chebval(x, kept).T + end
        return values

    return continued


def _first_step(system: OrdinarySystem) -> float:
    """A small step: a hundredth of the time in which the rates at the start change the state."""
    time = system.time
    rates = system.rates(np.array([time.lower]), system.start[None])[0]
    if not np.isfinite(rates).all():
        return 1e-8 * time.extent
    size, change = np.abs(system.start), np.abs(rates)
    moving = (change > 0) & (size > 0)
    quick = float((size[moving] / change[moving]).min(initial=np.inf))
    return float(max(min(0.01 * quick, 1e-3 * time.extent), 1e-12 * time.extent))
