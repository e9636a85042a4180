"""Steady problems: one sparse system, by Newton's method where it is nonlinear."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from pinnkit.references.cost_model import WorkCounter, elimination, evaluation, factor_entries, preparation
from pinnkit.references.errors import Unresolved
from pinnkit.references.grid import Array, refined
from pinnkit.references.interpolation import resample
from pinnkit.references.protocols import Solved

from .assembly import STEADY, System
from .grid_problem import GridProblem
from .linear_solvers import Solve, inverse
from .newton import solve_from
from .stencils import ORDER

__all__ = ["Steady", "state_of", "values_of"]

_CORRECTIONS = 5.0  # of Newton's method on one grid
_PATIENCE = 6.0  # times the work foreseen at which a grid is given up


class Steady:
    """Finite differences for a problem without time.

    Args:
        grid_problem: of the problem.
    """

    def __init__(self, grid_problem: GridProblem) -> None:
        self._grid_problem = grid_problem
        self.order: float = ORDER
        self.kind = "finite differences" if grid_problem.linear else "finite differences, Newton"
        self.columns = tuple(line.name for line in grid_problem.lines)
        self.smallest = 8
        self.proportions: tuple[float, ...] | None = None
        self.pilot = {1: 64, 2: 20, 3: 12}[len(self.columns)]

    def largest(self, column: str) -> int:
        """Rounding of a q-th derivative grows with n^q, truncation falls with n^-2."""
        highest = self._grid_problem.highest(column)
        limit = {1: 6000, 2: 3000, 3: 1000}.get(highest, 300)
        return limit if len(self.columns) == 1 else min(limit, 1200)

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of assembly and factorisation, times the corrections of Newton's method."""
        grid_problem = self._grid_problem
        times = 1.0 if grid_problem.linear else _CORRECTIONS
        once = evaluation(grid_problem, cells) + elimination(grid_problem, cells)
        return (preparation(grid_problem, cells) + times * once).seconds

    def memory(self, cells: tuple[int, ...]) -> float:
        """Of the factors and the matrix."""
        components, nodes = len(self._grid_problem.components), math.prod(c + 1.0 for c in cells)
        factors = factor_entries(cells, components) if len(cells) < 3 else 100.0 * components * nodes
        return 16.0 * factors + 500.0 * components * nodes

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Values on the grid of `cells` cells.

        Raises:
            Unresolved: where Newton's method finds no solution on this grid.
            TooFewConditions: for a singular system.
        """
        grid_problem = self._grid_problem
        system = System(grid_problem, refined(grid_problem.lines, cells))
        weights = [STEADY] * len(system.blocks)
        counter = WorkCounter(grid_problem.problem.name, _PATIENCE * self.cost(cells))
        counter.add(preparation(grid_problem, cells))
        work = evaluation(grid_problem, cells), elimination(grid_problem, cells)

        latest: list[tuple[Array, Array, list[dict]]] = []

        def evaluate(state: Array) -> tuple[Array, list[dict]]:
            if latest and latest[0][0] is state:
                return latest[0][1], latest[0][2]
            counter.add(work[0])
            levels = [state.reshape(len(grid_problem.components), -1)] * 3
            right = np.zeros(system.size)
            slopes = []
            for block in system.blocks:
                r, d = block.linearised(0.0, levels)
                block.fill(right, r)
                slopes.append(d)
            latest[:] = [(state, right, slopes)]
            return right, slopes

        def solver(state: Array) -> Solve:
            slopes = evaluate(state)[1]
            counter.add(work[1])
            return inverse(system, system.matrix(slopes, weights), slopes, weights, check=True)

        if grid_problem.linear:
            right, slopes = evaluate(np.zeros(system.size))
            solve = inverse(system, system.matrix(slopes, weights), slopes, weights, check=True)
            return values_of(system, solve(-right))

        reason = (
            f"problem '{grid_problem.problem.name}': Newton's method found no solution of the discretised equations on "
            f"the grid of {' x '.join(str(n) for n in cells)} cells"
        )
        try:
            found = solve_from(self._guesses(system, start), lambda s: evaluate(s)[0], solver, reason)
        except Unresolved as error:
            raise type(error)("finite differences", str(error), spent=counter.spent) from None
        return replace(values_of(system, found), spent=counter.spent)

    def _guesses(self, system: System, start: Solved | None) -> Iterator[Array]:
        if start is not None:
            yield state_of(system, start)
        for constant in (0.0, 1.0, 0.1, -1.0):
            yield np.full(system.size, constant)


def values_of(system: System, state: Array) -> Solved:
    """The unknowns on the closed grid from a state ``(C * nodes,)``."""
    grid = system.grid
    fields = state.reshape(len(system.grid_problem.components), *grid.shape)
    values = {}
    for u in system.grid_problem.problem.unknowns:
        parts = [grid.closed(fields[i]) for i in system.indices[u.name]]
        values[u.name] = parts[0] if u.components is None else np.stack(parts, axis=-1)
    return Solved({line.name: line.ends for line in grid.lines}, values)


def state_of(system: System, solved: Solved) -> Array:
    """The state on a system's grid from values on another one."""
    grid = system.grid
    parts = []
    new = [line.nodes for line in grid.lines]
    for u in system.grid_problem.problem.unknowns:
        found = resample(list(solved.grid.values()), solved.values[u.name], new)
        columns = [found] if u.components is None else list(np.moveaxis(found, -1, 0))
        parts += [column.ravel() for column in columns]
    return np.concatenate(parts)
