"""Ordinary differential equations: the implicit midpoint rule, all steps in one sparse Newton iteration.

With the rates as unknowns of their own where an equation has u_tt, the step from t to t + dt is

    r((u_next + u) / 2, (u_next - u) / dt, (v_next - v) / dt; t + dt/2) = 0,    (u_next - u) / dt = (v_next + v) / 2.

The first guess of the whole path is that of a coarser grid, the coarsest one by marching (march.py).

Source: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, §II.7 (the implicit midpoint rule).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import splu

from pinnkit.domains import Points
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.terms import Term
from pinnkit.references.finite_differences.assembly import System
from pinnkit.references.finite_differences.evolution import Evolution
from pinnkit.references.finite_differences.grid_problem import GridProblem
from pinnkit.references.finite_differences.initial_state import Start, initial_state
from pinnkit.references.finite_differences.linear_solvers import Solve
from pinnkit.references.finite_differences.newton import newton
from pinnkit.references.finite_differences.stencils import ORDER

from .grid import Array, Grid, Index
from .interpolation import resample
from .protocols import Solved

__all__ = ["Ordinary"]

_MARCHED = 128  # steps that are taken one by one, where there is no coarser path to start from
_GROWTH = 4  # in steps, from one path to the next


class Ordinary:
    """The midpoint rule for a problem of which time is the only axis.

    Args:
        survey: of the problem.

    Raises:
        Unsupported: for an unknown without a time derivative, or without an initial state.
    """

    def __init__(self, survey: GridProblem) -> None:
        assert survey.time is not None
        self._survey = survey
        self._time = survey.time
        self._start = Start(survey)
        self.order: float = ORDER
        self.kind = "implicit midpoint rule"
        self.columns: tuple[str, ...] = (survey.time[0],)
        self.smallest = 8
        self.proportions: tuple[float, ...] | None = None
        self.pilot = 64
        for component in survey.components:
            if component.time_order == 0:
                raise Unsupported(
                    "finite differences",
                    f"problem '{survey.problem.name}': `{component.unknown}` has no time derivative in the equations",
                )

    def largest(self, column: str) -> int:  # noqa: ARG002  (there is one)
        """Rounding of the differences in time takes over near here."""
        return 160_000

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of some Newton iterations over all steps."""
        return 0.02 + 1e-5 * cells[0] * len(self._survey.components)

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Values at the ends of all steps.

        Raises:
            Unsupported: where no path is found.
        """
        (steps,) = cells
        marching = Evolution(self._survey)
        if start is None and steps <= _MARCHED:
            return marching.solve(cells)
        if start is None:
            start = self.solve((max(steps // _GROWTH, min(steps, _MARCHED)),))
        name, lower, upper = self._time
        times = np.linspace(lower, upper, steps + 1)
        path = _Path(self._survey, self._start, times)
        found = newton(path.residual, path.inverse, path.guess(start))
        if found is None:
            return marching.solve(cells)
        return Solved({name: times}, path.values(found))


class _Path:
    """All steps as one system: the unknowns are u, then v of second-order components, at the end of every step."""

    def __init__(self, survey: GridProblem, start: Start, times: Array) -> None:
        self._survey = survey
        self._times = times
        self._steps = len(times) - 1
        self._dt = float(times[-1] - times[0]) / self._steps
        components = len(survey.components)
        u, v = initial_state(System(survey, Grid(())), start)
        self._second = [i for i, c in enumerate(survey.components) if c.time_order == 2]
        self._first = np.concatenate([u, v[self._second]])
        self._width = components + len(self._second)
        self._terms: dict[str, tuple[Term, Points]] = {}
        half = torch.from_numpy(times[:-1] + self._dt / 2)[:, None]
        for row in survey.equations:
            self._terms[str(row.term.name)] = (row.term, Points(half))
        self._latest: tuple[Array, dict[str, tuple[Array, dict[Channel, Array]]]] | None = None

    def guess(self, solved: Solved) -> Array:
        """A path from the values on another grid."""
        survey = self._survey
        columns = []
        for u in survey.problem.unknowns:
            on = solved.values[u.name]
            found = resample([solved.grid[self._time_name]], on, [self._times])
            columns += [found] if u.components is None else list(found.T)
        rates = [np.gradient(columns[i], self._dt, edge_order=2) for i in self._second]
        return np.stack([c[1:] for c in (*columns, *rates)], axis=1).ravel()

    def values(self, state: Array) -> dict[str, Array]:
        """The unknowns at the ends of the steps."""
        path = self._path(state)
        out = {}
        for u in self._survey.problem.unknowns:
            which = [i for i, c in enumerate(self._survey.components) if c.unknown == u.name]
            out[u.name] = path[:, which[0]].copy() if u.components is None else path[:, which]
        return out

    def residual(self, state: Array) -> Array:
        """All rows of all steps, ``(steps * width,)``."""
        found = self._linearised(state)
        rows = np.empty((self._steps, self._width))
        for row in self._survey.equations:
            rows[:, row.component] = found[str(row.term.name)][0][:, row.index]
        path = self._path(state)
        components = len(self._survey.components)
        for j, i in enumerate(self._second):
            v = path[:, components + j]
            rows[:, components + j] = np.diff(path[:, i]) / self._dt - (v[1:] + v[:-1]) / 2
        return rows.ravel()

    def inverse(self, state: Array) -> Solve:
        """A solver for the Jacobian matrix, block lower bidiagonal."""
        found = self._linearised(state)
        entries: list[tuple[Array, int, int, int]] = []  # values (steps,), row, column, and 0 ahead or -1 behind
        dt, components = self._dt, len(self._survey.components)
        for row in self._survey.equations:
            for channel, slope in found[str(row.term.name)][1].items():
                for i, component in enumerate(self._survey.components):
                    if component.unknown != channel.unknown:
                        continue
                    some = slope[:, row.index, component.index]
                    for factor, rate, _ in channel.split(self._time_name):
                        column = components + self._second.index(i) if rate == 2 else i
                        ahead, behind = {0: (0.5, 0.5)}.get(rate, (1 / dt, -1 / dt))
                        entries.append((some * (factor * ahead), row.component, column, 0))
                        entries.append((some * (factor * behind), row.component, column, -1))
        ones = np.ones(self._steps)
        for j, i in enumerate(self._second):
            at = components + j
            entries += [(ones / dt, at, i, 0), (-ones / dt, at, i, -1), (-ones / 2, at, at, 0), (-ones / 2, at, at, -1)]
        values, rows, columns = [], [], []
        step: Index = np.arange(self._steps, dtype=np.int64)
        for some, in_row, in_column, shift in entries:
            keep = step + shift >= 0
            values.append(some[keep])
            rows.append(step[keep] * self._width + in_row)
            columns.append((step[keep] + shift) * self._width + in_column)
        n = self._steps * self._width
        matrix = sp.coo_array(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n)
        ).tocsc()
        try:
            solve: Solve = splu(matrix, permc_spec="NATURAL").solve
            return solve
        except RuntimeError:  # singular at this guess: a step of NaN ends the iteration
            return lambda right: np.full_like(right, np.nan)

    @property
    def _time_name(self) -> str:
        return str(self._survey.time_name)

    def _path(self, state: Array) -> Array:
        return np.concatenate([self._first[None], state.reshape(self._steps, self._width)])

    def _linearised(self, state: Array) -> dict[str, tuple[Array, dict[Channel, Array]]]:
        if self._latest is not None and self._latest[0] is state:
            return self._latest[1]
        path = self._path(state)
        mean, slope = (path[1:] + path[:-1]) / 2, np.diff(path, axis=0) / self._dt
        problem, components = self._survey.problem, self._survey.components
        out = {}
        for name, (term, points) in self._terms.items():
            channels = {}
            for channel in problem.trace(term, raw=False).channels:
                which = [i for i, c in enumerate(components) if c.unknown == channel.unknown]
                total = np.zeros((self._steps, len(which)))
                for factor, rate, _ in channel.split(self._time_name):
                    source = mean if rate == 0 else slope
                    at = [len(components) + self._second.index(i) for i in which] if rate == 2 else which
                    total += factor * source[:, at]
                width = problem.unknown(channel.unknown).components
                channels[channel] = torch.from_numpy(total[:, 0].copy() if width is None else total)
            found = linearise(problem, term, (points,), channels)
            out[name] = found.r.numpy(), {c: d.numpy() for c, d in found.d.items()}
        self._latest = state, out
        return out
