"""Steps in time by the implicit midpoint rule.

For linear equations whose coefficients and sources do not depend on time it equals the trapezoidal rule of Crank and
Nicolson, and with second derivatives in time Newmark's average acceleration.

A step takes u, and the rate v where the equation has u_tt, from t to t + dt.  In the equation, taken at t + dt/2,

    u -> (u_next + u) / 2,    u_t -> (u_next - u) / dt,    u_tt -> (2/dt) ((u_next - u) / dt - v),
    v_next = 2 (u_next - u) / dt - v,

the last of which is that of Newmark's average acceleration, beta = 1/4 and gamma = 1/2: no damping, no bound on dt for
linear equations, and a start of second order from u and u_t.  Rows without a time derivative (walls, constraints) hold
at the end of the step.
Where the initial state is rough or contradicts the walls, the first two steps of a first-order equation are four
half steps of the implicit Euler rule, which damp what the midpoint rule would carry along.

The midpoint rule does not damp stiff modes.  In a nonlinear problem whose grid or steps do not resolve the solution,
the state may zigzag from step to step or from node to node and wander until a step has no solution.  Such a march ends
early; damped steps take its place (sdirk.py).

Source: Crank & Nicolson, Proc. Camb. Phil. Soc. 43 (1947) 50; Newmark, J. Eng. Mech. Div. ASCE 85 (1959) 67;
Rannacher, Numer. Math. 43 (1984) 309.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from pinnkit.references.cost_model import WorkCounter, elimination, evaluation
from pinnkit.references.errors import Unresolved
from pinnkit.references.grid import Array

from .assembly import STEADY, Block, Slopes, System, Weights
from .linear_solvers import Solve, inverse
from .newton import newton
from .resolution import Defect, Resolution

__all__ = [
    "HUGE",
    "Affine",
    "March",
    "Step",
    "Take",
    "constant_slopes",
    "euler",
    "is_constant",
    "midpoint",
    "newton_step",
]

HUGE = 1e100
"""Absolute value from which a state counts as not finite, so that its square still is."""
_HALVINGS = 3  # of a correction of Newton's method where a step may be divided instead
_PROBES = 16  # nodes at which coefficients are compared at all times
_HELD = 1_000_000  # values of sources and slopes that are made and held at once
_NOTHING: Weights = (0.0, 0.0, 0.0)

Take = Callable[[int, Array, Array, Array], Array | None]
"""One step: its number, u, v and a guess give u_next; None where Newton's method does not converge."""


@dataclass(frozen=True)
class Step:
    """Weights of the three parts of a step, for channels with 0, 1 and 2 time derivatives.

    Args:
        dt: its length.
        at: where in the step the equation is taken, 1/2 or 1.
        ahead: factors of u_next.
        behind: factors of u.
        rate: factors of v.
    """

    dt: float
    at: float
    ahead: Weights
    behind: Weights
    rate: Weights

    def times(self, block: Block, begin: Array) -> list[float]:
        """Points at which a block holds in the steps that begin at `begin`."""
        return [float(t) for t in begin + self.dt * (self.at if block.dynamic else 1.0)]

    def weights(self, block: Block) -> tuple[Weights, Weights, Weights]:
        """The factors of u_next, u and v in a block."""
        return (self.ahead, self.behind, self.rate) if block.dynamic else (STEADY, _NOTHING, _NOTHING)


def midpoint(dt: float) -> Step:
    """The implicit midpoint rule."""
    return Step(dt, 0.5, (0.5, 1 / dt, 2 / dt**2), (0.5, -1 / dt, -2 / dt**2), (0.0, 0.0, -2 / dt))


def euler(dt: float) -> Step:
    """The implicit Euler rule; with u_tt, v_next = (u_next - u) / dt."""
    return Step(dt, 1.0, (1.0, 1 / dt, 1 / dt**2), (0.0, -1 / dt, -1 / dt**2), (0.0, 0.0, -1 / dt))


class March:
    """The steps of one grid.

    Args:
        system: its rows.
        times: evenly spaced, the ends of the steps.
        rough: whether to begin with four implicit Euler half steps.
        counter: where the work of Newton's method is recorded.
    """

    def __init__(self, system: System, times: Array, *, rough: bool, counter: WorkCounter) -> None:
        self._system = system
        self._name = system.grid_problem.problem.name
        self._counter = counter
        self.defect: Defect | None = None
        """What a state has shown that ended the march, where it was that."""
        dt = float(times[-1] - times[0]) / (len(times) - 1)
        quarter = times[0] + dt * np.array([0.0, 0.5, 1.0, 1.5])
        # Pairs of a rule and the times at which its steps begin.
        self._phases: list[tuple[Step, Array]] = [(euler(dt / 2), quarter)] if rough else []
        self._phases.append((midpoint(dt), times[2 if rough else 0 : -1]))
        self._has_rate = np.repeat([c.time_order == 2 for c in system.grid_problem.components], system.grid.size)

    def states(self, u: Array, v: Array) -> Iterator[Array]:
        """The state after each full step, from the values and rates at the start.

        Raises:
            Unresolved: where a step has no solution, and where the state is not resolved or not finite.
        """
        linear = all(b.linear for b in self._system.blocks)  # which cannot wander
        watch = None if linear else Resolution(self._system, u, float(self._phases[0][1][0]))
        for step, begin in self._phases:
            half = step.at == 1.0
            take = self._taker(step, begin)
            before = u
            for i in range(len(begin)):
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    ahead = take(i, u, v, u if half or i == 0 else 2 * u - before)
                    if ahead is None:
                        raise Unresolved(
                            "finite differences",
                            f"problem '{self._name}': Newton's method found no state after t = {begin[i]:.3g}",
                        )
                    v = np.where(self._has_rate, 2 * (ahead - u) / step.dt - v, v)
                if not np.abs(ahead).max() < HUGE:
                    raise Unresolved(
                        "finite differences",
                        f"problem '{self._name}': the state is not finite after t = {begin[i]:.3g}",
                    )
                self.defect = None if watch is None else watch.look(u, ahead, float(begin[i]))
                if self.defect is not None:
                    raise Unresolved(
                        "finite differences", f"problem '{self._name}': after t = {begin[i]:.3g} {self.defect.value}"
                    )
                before, u = u, ahead
                if not half or i % 2:
                    yield u

    def _taker(self, step: Step, begin: Array) -> Take:
        blocks = self._system.blocks
        steadfast = [b.linear and constant_slopes(b, step.times(b, begin)) for b in blocks]
        if all(steadfast):
            return self._factorised_once(step, begin)
        sources = [
            Source(b, step, begin, constant=c) if b.linear else None for b, c in zip(blocks, steadfast, strict=True)
        ]
        return newton_step(self._system, step, begin, sources, self._counter)

    def _factorised_once(self, step: Step, begin: Array) -> Take:
        """J u_next = -(B u + C v + source), the matrices the same in all steps."""
        system = self._system
        sources = [Source(b, step, begin, constant=True) for b in system.blocks]
        slopes = [s.at(0)[1] for s in sources]
        ahead, behind, rate = zip(*(step.weights(b) for b in system.blocks), strict=True)
        matrix = system.matrix(slopes, ahead)
        solve = inverse(system, matrix, slopes, ahead)
        of_u = system.matrix(slopes, behind).tocsr()
        of_v = system.matrix(slopes, rate).tocsr() if self._has_rate.any() else None

        def take(i: int, u: Array, v: Array, guess: Array) -> Array:
            right = of_u @ u
            if of_v is not None:
                right += of_v @ v
            for block, source in zip(system.blocks, sources, strict=True):
                block.fill(right, source.at(i)[0], add=True)
            # Solving for the change from a good guess leaves an iterative solver little to do.
            return guess - solve(right + matrix @ guess)

        return take


def newton_step(
    system: System,
    step: Step,
    begin: Array,
    sources: Sequence[Affine | None],
    counter: WorkCounter,
    *,
    extra: sp.csr_array | None = None,
    corrections: int | None = None,
) -> Take:
    """A step with one matrix where the problem is linear, and with Newton's method where it is not.

    Args:
        system: the rows.
        step: the rule.
        begin: times at which steps begin.
        sources: of each block that is affine; None has the block evaluated in every step.
        counter: where the work of Newton's method is recorded.
        extra: a matrix whose product with u_next is added to the rows.
        corrections: of Newton's method, which then starts from the guess alone; None tries u as well.
    """
    cells = [line.cells for line in system.grid.lines]
    works = evaluation(system.grid_problem, cells), elimination(system.grid_problem, cells)
    weights = [step.weights(b) for b in system.blocks]
    ahead_weights = [w[0] for w in weights]
    shape = len(system.grid_problem.components), -1
    linear = all(b.linear for b in system.blocks)

    def take(i: int, u: Array, v: Array, guess: Array) -> Array | None:
        latest: list[tuple[Array, Array, list[Slopes]]] = []

        def evaluate(ahead: Array) -> tuple[Array, list[Slopes]]:
            if latest and latest[0][0] is ahead:
                return latest[0][1], latest[0][2]
            if not linear:
                counter.add(works[0])
            right = np.zeros(system.size)
            slopes: list[Slopes] = []
            for block, (a, b, c), source in zip(system.blocks, weights, sources, strict=True):
                levels = [(a[m] * ahead + b[m] * u + c[m] * v).reshape(shape) for m in range(3)]
                d: Slopes
                if source is None:
                    r, d = block.linearised(step.times(block, begin[i : i + 1])[0], levels)
                else:
                    r, d = source.at(i)
                    r = r + block.applied(d, levels)
                block.fill(right, r)
                slopes.append(d)
            if extra is not None:
                right += extra @ ahead
            latest[:] = [(ahead, right, slopes)]
            return right, slopes

        def solver(ahead: Array) -> Solve:
            slopes = evaluate(ahead)[1]
            if not linear:
                counter.add(works[1])
            matrix = system.matrix(slopes, ahead_weights)
            return inverse(system, matrix if extra is None else (matrix + extra).tocsc(), slopes, ahead_weights)

        if linear:
            return guess - solver(guess)(evaluate(guess)[0])
        if corrections is not None:
            return newton(lambda state: evaluate(state)[0], solver, guess, steps=corrections, halvings=_HALVINGS)
        for first in (guess, u):
            found = newton(lambda state: evaluate(state)[0], solver, first)
            if found is not None:
                return found
        return None

    return take


class Affine(Protocol):
    """An affine block in the steps of one rule, r = source + slopes * channels."""

    def at(self, i: int) -> tuple[Array, Slopes]:
        """The source ``(n, k)`` and the slopes in step i."""
        ...


class Source:
    """An affine block in every step, r = source + slopes * channels, made many steps at a time."""

    def __init__(self, block: Block, step: Step, begin: Array, *, constant: bool) -> None:
        self._block = block
        self._times = step.times(block, begin)
        self._many = max(1, _HELD // (len(block.nodes) * (1 if constant else 1 + len(block.channels))))
        self._chunk = -1
        self._r = np.zeros((0, 0, 0))
        self._slopes: dict = {}
        self._fixed = {c: d[0] for c, d in block.slopes(self._times[:1]).items()} if constant else None

    def at(self, i: int) -> tuple[Array, Slopes]:
        """The source ``(n, k)`` and the slopes in step i."""
        chunk, j = divmod(i, self._many)
        if chunk != self._chunk:
            times = self._times[chunk * self._many : (chunk + 1) * self._many]
            self._chunk, self._r = chunk, self._block.zero(times)
            if self._fixed is None:
                self._slopes = self._block.slopes(times)
        return self._r[j], self._fixed if self._fixed is not None else {c: d[j] for c, d in self._slopes.items()}


def is_constant(system: System, lower: float, upper: float) -> bool:
    """Return whether every block is affine with slopes that do not change in time, as far as a few times tell."""
    times = [float(t) for t in np.linspace(lower, upper, _PROBES)]
    return all(b.linear and constant_slopes(b, times) for b in system.blocks)


def constant_slopes(block: Block, times: Sequence[float]) -> bool:
    """Return whether the slopes of a linear block are constant: everywhere at three times, at a few nodes at all."""
    thin = slice(None, None, max(1, len(block.nodes) // _PROBES))
    for at, nodes in (([times[0], times[len(times) // 2], times[-1]], slice(None)), (times, thin)):
        for slope in block.slopes(at, nodes).values():
            if not np.array_equal(np.broadcast_to(slope[:1], slope.shape), slope, equal_nan=True):
                return False
    return True
