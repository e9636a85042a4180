"""Steady problems: one sparse system, by Newton's method where it is nonlinear."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pinnkit.problem.errors import Unsupported
from pinnkit.references.grid import Array, refined
from pinnkit.references.interpolation import resample
from pinnkit.references.protocols import Solved

from .assembly import STEADY, System
from .grid_problem import GridProblem
from .linear_solvers import Solve, inverse
from .newton import newton
from .stencils import ORDER

__all__ = ["Steady", "state_of", "values_of"]


class Steady:
    """Finite differences for a problem without time.

    Args:
        survey: of the problem.
    """

    def __init__(self, survey: GridProblem) -> None:
        self._survey = survey
        self.order: float = ORDER
        self.kind = "finite differences" if survey.linear else "finite differences, Newton"
        self.columns = tuple(line.name for line in survey.lines)
        self.smallest = 8
        self.proportions: tuple[float, ...] | None = None
        self.pilot = {1: 64, 2: 20, 3: 12}[len(self.columns)]

    def largest(self, column: str) -> int:
        """Rounding of a q-th derivative grows with n^q, truncation falls with n^-2."""
        highest = self._survey.highest(column)
        limit = {1: 6000, 2: 3000, 3: 1000}.get(highest, 300)
        return limit if len(self.columns) == 1 else min(limit, 1200)

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of assembly and factorisation, times the iterations of Newton's method."""
        n = float(np.prod([c + 1.0 for c in cells]))
        c = len(self._survey.components)
        times = 1 if self._survey.linear else 5
        if len(cells) == 3:
            return times * (0.05 + 8.0e-6 * c * n)
        power = {1: 1.0, 2: 1.2}[len(cells)]
        return times * (0.003 + 1.0e-6 * (c * n) ** power * c**0.5)

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Values on the grid of `cells` cells.

        Raises:
            Unsupported: for a singular system, or where Newton's method finds no solution.
        """
        survey = self._survey
        system = System(survey, refined(survey.lines, cells))
        weights = [STEADY] * len(system.blocks)

        def evaluate(state: Array) -> tuple[Array, list[dict]]:
            levels = [state.reshape(len(survey.components), -1)] * 3
            right = np.zeros(system.size)
            slopes = []
            for block in system.blocks:
                r, d = block.linearised(0.0, levels)
                block.fill(right, r)
                slopes.append(d)
            return right, slopes

        def solver(state: Array) -> Solve:
            slopes = evaluate(state)[1]
            return inverse(system, system.matrix(slopes, weights), slopes, weights, check=True)

        if survey.linear:
            right, slopes = evaluate(np.zeros(system.size))
            solve = inverse(system, system.matrix(slopes, weights), slopes, weights, check=True)
            return values_of(system, solve(-right))
        refused: Unsupported | None = None
        for guess in self._guesses(system, start):
            try:
                found = newton(lambda state: evaluate(state)[0], solver, guess)
            except Unsupported as error:  # singular on the way from this guess, which another may avoid
                refused = error
                continue
            if found is not None:
                return values_of(system, found)
        raise refused or Unsupported(
            "finite differences",
            f"problem '{survey.problem.name}': Newton's method found no solution of the discretised equations on the "
            f"grid of {' x '.join(str(n) for n in cells)} cells",
        )

    def _guesses(self, system: System, start: Solved | None) -> Iterator[Array]:
        if start is not None:
            yield state_of(system, start)
        for constant in (0.0, 1.0, 0.1, -1.0):
            yield np.full(system.size, constant)


def values_of(system: System, state: Array) -> Solved:
    """The unknowns on the closed grid from a state ``(C * nodes,)``."""
    grid = system.grid
    fields = state.reshape(len(system.survey.components), *grid.shape)
    values = {}
    for u in system.survey.problem.unknowns:
        parts = [grid.closed(fields[i]) for i in system.indices[u.name]]
        values[u.name] = parts[0] if u.components is None else np.stack(parts, axis=-1)
    return Solved({line.name: line.ends for line in grid.lines}, values)


def state_of(system: System, solved: Solved) -> Array:
    """The state on a system's grid from values on another one."""
    grid = system.grid
    parts = []
    new = [line.nodes for line in grid.lines]
    for u in system.survey.problem.unknowns:
        found = resample(list(solved.grid.values()), solved.values[u.name], new)
        columns = [found] if u.components is None else list(np.moveaxis(found, -1, 0))
        parts += [column.ravel() for column in columns]
    return np.concatenate(parts)
