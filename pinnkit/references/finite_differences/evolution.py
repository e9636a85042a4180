"""Evolution in time: finite differences in space, the implicit steps of crank_nicolson.py in time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pinnkit.references.cost_model import (
    Work,
    WorkCounter,
    elimination,
    evaluation,
    factor_entries,
    iteration,
    preparation,
    substitution,
)
from pinnkit.references.errors import Unresolved
from pinnkit.references.grid import Array, Grid, refined
from pinnkit.references.protocols import Solved

from .assembly import System
from .crank_nicolson import March, is_constant
from .grid_problem import GridProblem
from .initial_state import Start, initial_state, is_rough
from .resolution import Defect, steep_axes
from .sdirk import DampedMarch
from .stencils import ORDER

__all__ = ["Evolution"]

_CORRECTIONS, _EVALUATIONS = 1.3, 2.3  # of Newton's method in one step, as a mean
_PATIENCE = 8.0  # times the work foreseen at which a grid is given up,
_LEAST = 1.5  # nominal seconds, but not before these


class Evolution:
    """Finite differences in space, implicit steps in time.

    Args:
        grid_problem: of the problem.
        limit: nominal seconds of work at which a grid is given up; None for a multiple of what is foreseen.
    """

    def __init__(self, grid_problem: GridProblem, *, limit: float | None = None) -> None:
        assert grid_problem.time is not None
        self._limit = limit
        self._grid_problem = grid_problem
        self._time = grid_problem.time
        self.order: float = ORDER
        rates = {c.time_order for c in grid_problem.components}
        self.kind = "Newmark finite differences" if rates == {2} else "Crank-Nicolson finite differences"
        axes = [column for a in grid_problem.problem.axes for column in a.columns]
        self.columns = tuple(axes)
        self.smallest = 8
        self.proportions: tuple[float, ...] | None = None
        self.pilot = {0: 64, 1: 32, 2: 16, 3: 8}[len(grid_problem.lines)]
        initial = Start(grid_problem)
        self._rough = rates == {1} and is_rough(grid_problem, initial)
        self._initial = initial
        self._constant = grid_problem.linear and is_constant(
            System(grid_problem, Grid(grid_problem.lines)), *grid_problem.time[1:]
        )

    def largest(self, column: str) -> int:
        """Rounding in space, memory in time."""
        if column == self._time[0]:
            return 20_000
        return {1: 4000, 2: 2000, 3: 1000}.get(self._grid_problem.highest(column), 300)

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of one factorisation and the steps, or of a factorisation in every step where the problem is nonlinear."""
        space, steps = self._split(cells)
        grid_problem, components = self._grid_problem, len(self._grid_problem.components)
        once = preparation(grid_problem, space) + evaluation(grid_problem, space) + elimination(grid_problem, space)
        if not self._constant:
            corrections, evaluations = (1.0, 1.0) if grid_problem.linear else (_CORRECTIONS, _EVALUATIONS)
            each = evaluations * evaluation(grid_problem, space) + corrections * elimination(grid_problem, space)
        elif len(space) > 2:
            each = 4 * iteration(space, components)
        else:
            each = substitution(space, components) + Work(traffic=500.0 * components * _nodes(space), calls=14.0)
        return (once + steps * each).seconds

    def memory(self, cells: tuple[int, ...]) -> float:
        """Of all states, twice, and of the factors."""
        space, steps = self._split(cells)
        components = len(self._grid_problem.components)
        factors = factor_entries(space, components) if len(space) < 3 else 100.0 * components * _nodes(space)
        return 16.0 * ((steps + 1.0) * components * _nodes(space) + factors)

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:  # noqa: ARG002  (nothing to start)
        """Values at every step on the grid of `cells` cells.

        By the midpoint rule; where that zigzags in time, by SDIRK2 steps from the start; where these are not resolved
        either, or the midpoint rule fails otherwise, by SDIRK2 steps with artificial diffusion.

        Raises:
            Unresolved: where none of these gives a state for every step, or all take far more work than foreseen.
            Unsupported: for a singular system, a missing initial state.
        """
        space, steps = self._split(cells)
        name, lower, upper = self._time
        grid_problem = self._grid_problem
        system = System(grid_problem, refined(grid_problem.lines, space))
        times = np.linspace(lower, upper, steps + 1)
        u, v = initial_state(system, self._initial)
        counter = WorkCounter(grid_problem.problem.name, self._patience(cells) if self._limit is None else self._limit)
        march = March(system, times, rough=self._rough and steps >= 4, counter=counter)
        try:
            states = _collected(march.states(u, v), u, steps)
        except Unresolved as error:
            if grid_problem.linear:
                raise type(error)("finite differences", str(error), spent=self.cost(cells)) from None
        else:
            if grid_problem.linear:
                return replace(_solved(system, name, times, states), spent=self.cost(cells))
            steep = steep_axes(system, states, times, rough=self._rough)
            return replace(_solved(system, name, times, states), spent=counter.spent, steep=steep)
        failed: Unresolved | None = None
        # Where Newton's method fails is a matter of rounding: what follows must not depend on it.
        for upwind in (False, True) if march.defect is Defect.TIME else (True,):
            damped = DampedMarch(system, times, counter=counter, upwind=upwind)
            try:
                states = _collected((u for u, _ in damped.states(u, v)), u, steps)
            except Unresolved as error:
                failed = error
                continue
            kind = "SDIRK2 finite differences"
            divided = {name: float(damped.parts)} if damped.parts > 1 else {}
            return replace(
                _solved(system, name, times, states),
                kind=kind,
                spent=counter.spent,
                peclet=damped.peclet,
                divided=divided,
                steep=steep_axes(system, states, times, rough=self._rough),
            )
        ended = Unresolved if failed is None else type(failed)
        raise ended("finite differences", str(failed), spent=counter.spent)

    def _patience(self, cells: tuple[int, ...]) -> float:
        return max(_PATIENCE * self.cost(cells), _LEAST)

    def _split(self, cells: tuple[int, ...]) -> tuple[list[int], int]:
        """Cells along the lines, and steps."""
        sizes = dict(zip(self.columns, cells, strict=True))
        steps = sizes.pop(self._time[0])
        return [sizes[line.name] for line in self._grid_problem.lines], steps


def _nodes(space: Sequence[int]) -> float:
    return math.prod(c + 1.0 for c in space)


def _collected(states: Iterator[Array], u: Array, steps: int) -> Array:
    """The state at the start and those after each step, ``(steps + 1, size)``."""
    found = np.empty((steps + 1, len(u)))
    found[0] = u
    for i, state in enumerate(states):
        found[i + 1] = state
    return found


def _solved(system: System, time: str, times: Array, states: Array) -> Solved:
    """States ``(steps + 1, C * nodes)`` as unknowns on the grid, axes in the domain's order."""
    grid_problem, grid = system.grid_problem, system.grid
    columns = [column for a in grid_problem.problem.axes for column in a.columns]
    ticks = {line.name: line.ends for line in grid.lines} | {time: times}
    fields = states.reshape(len(times), len(grid_problem.components), *grid.shape)
    values = {}
    for u in grid_problem.problem.unknowns:
        parts = [grid.closed(fields[:, i], leading=1) for i in system.indices[u.name]]
        moved = [np.moveaxis(part, 0, columns.index(time)) for part in parts]
        values[u.name] = np.ascontiguousarray(moved[0]) if u.components is None else np.stack(moved, axis=-1)
    return Solved({column: ticks[column] for column in columns}, values)
