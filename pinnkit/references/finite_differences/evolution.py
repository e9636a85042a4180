"""Evolution in time: finite differences in space, the implicit steps of march.py in time."""

from __future__ import annotations

import numpy as np

from pinnkit.references.grid import Array, Grid, refined
from pinnkit.references.protocols import Solved

from .assembly import System
from .crank_nicolson import March, is_constant
from .grid_problem import GridProblem
from .initial_state import Start, initial_state, is_rough
from .stencils import ORDER

__all__ = ["Evolution"]


class Evolution:
    """Finite differences in space, implicit steps in time.

    Args:
        survey: of the problem.
    """

    def __init__(self, survey: GridProblem) -> None:
        assert survey.time is not None
        self._survey = survey
        self._time = survey.time
        self.order: float = ORDER
        rates = {c.time_order for c in survey.components}
        self.kind = "Newmark finite differences" if rates == {2} else "Crank-Nicolson finite differences"
        axes = [column for a in survey.problem.axes for column in a.columns]
        self.columns = tuple(axes)
        self.smallest = 8
        self.proportions: tuple[float, ...] | None = None
        self.pilot = {0: 64, 1: 32, 2: 16, 3: 8}[len(survey.lines)]
        initial = Start(survey)
        self._rough = rates == {1} and is_rough(survey, initial)
        self._initial = initial
        self._constant = survey.linear and is_constant(System(survey, Grid(survey.lines)), *survey.time[1:])

    def largest(self, column: str) -> int:
        """Rounding in space, memory in time."""
        if column == self._time[0]:
            return 20_000
        return {1: 4000, 2: 2000, 3: 1000}.get(self._survey.highest(column), 300)

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of one factorisation and the steps, or of a factorisation in every step where the problem is nonlinear."""
        sizes = dict(zip(self.columns, cells, strict=True))
        steps = sizes.pop(self._time[0])
        n = float(np.prod([c + 1.0 for c in sizes.values()])) * len(self._survey.components)
        if len(sizes) == 3:
            return 0.1 + 6e-6 * n + steps * (2e-3 + 1.5e-6 * n if self._constant else 0.05 + 3e-5 * n)
        power = 1.0 if len(sizes) == 1 else 1.2
        factor = (2.0e-6 if len(sizes) == 1 else 1.0e-6) * n**power
        if self._constant:
            return 0.02 + factor + steps * (7e-5 + (1.6e-7 if len(sizes) == 1 else 0.8e-7) * n**power)
        many = 1.0 if self._survey.linear else 2.5
        return 0.02 + steps * many * (1e-3 + factor)

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:  # noqa: ARG002  (nothing to start)
        """Values at every step on the grid of `cells` cells.

        Raises:
            Unsupported: for a singular system, a missing initial state, a step that Newton's method cannot take.
        """
        sizes = dict(zip(self.columns, cells, strict=True))
        name, lower, upper = self._time
        steps = sizes.pop(name)
        survey = self._survey
        system = System(survey, refined(survey.lines, [sizes[line.name] for line in survey.lines]))
        times = np.linspace(lower, upper, steps + 1)
        u, v = initial_state(system, self._initial)
        states = np.empty((steps + 1, system.size))
        states[0] = u
        march = March(system, times, rough=self._rough and steps >= 4)
        for i, state in enumerate(march.states(u, v)):
            states[i + 1] = state
        return _solved(system, self._time[0], times, states)


def _solved(system: System, time: str, times: Array, states: Array) -> Solved:
    """States ``(steps + 1, C * nodes)`` as unknowns on the grid, axes in the domain's order."""
    survey, grid = system.survey, system.grid
    columns = [column for a in survey.problem.axes for column in a.columns]
    ticks = {line.name: line.ends for line in grid.lines} | {time: times}
    fields = states.reshape(len(times), len(survey.components), *grid.shape)
    values = {}
    for u in survey.problem.unknowns:
        parts = [grid.closed(fields[:, i], leading=1) for i in system.indices[u.name]]
        moved = [np.moveaxis(part, 0, columns.index(time)) for part in parts]
        values[u.name] = np.ascontiguousarray(moved[0]) if u.components is None else np.stack(moved, axis=-1)
    return Solved({column: ticks[column] for column in columns}, values)
