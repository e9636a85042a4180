"""Ordinary differential equations: the implicit midpoint rule, all steps in one sparse Newton iteration.

With the rates as unknowns of their own where an equation has u_tt, the step from t to t + dt is

    r((u_next + u) / 2, (u_next - u) / dt, (v_next - v) / dt; t + dt/2) = 0,    (u_next - u) / dt = (v_next + v) / 2.

The first guess of the whole path is that of a coarser grid, the coarsest one by single steps (crank_nicolson.py).
Where Newton's method does not converge on the whole path, as for chaotic or very stiff equations, one part is solved
after another, half as long after each failure and twice as long after some successes; a few single steps are taken
where nothing else helps.

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
from pinnkit.references.finite_differences.sdirk import DampedMarch
from pinnkit.references.finite_differences.stencils import ORDER

from .cost_model import Work, WorkCounter, evaluation
from .errors import Unresolved
from .grid import Array, Grid, Index
from .interpolation import resample
from .protocols import Solved

__all__ = ["Ordinary"]

_MARCHED = 128  # steps that are taken one by one, where there is no coarser path to start from
_GROWTH = 4  # in steps, from one path to the next
_STEPPED = 4  # steps of a part of a path that are taken one by one
_SHORT = 64  # steps of a part up to which its first state is a guess of it
_LONGEST = 1024  # steps of a part, once the whole path has failed
_CAREFUL = 4  # parts that are found in succession before a longer one is tried
_WHOLE, _PART = 40, 10  # corrections of Newton's method on a whole path, and on a part of one
_CORRECTIONS = 5.0  # of Newton's method on a whole path, foreseen
_PATIENCE = 6.0  # times the work foreseen at which a path is given up
_LEAST = 0.5  # nominal seconds of work for a first guess; what is foreseen for a path at least
_SETUP = Work(calls=1000.0)


class Ordinary:
    """The midpoint rule for a problem of which time is the only axis.

    Args:
        grid_problem: of the problem.

    Raises:
        Unsupported: for an unknown without a time derivative, or without an initial state.
    """

    def __init__(self, grid_problem: GridProblem) -> None:
        assert grid_problem.time is not None
        self._grid_problem = grid_problem
        self._time = grid_problem.time
        self._start = Start(grid_problem)
        self._system = System(grid_problem, Grid(()))
        self.order: float = ORDER
        self.kind = "implicit midpoint rule"
        self.columns: tuple[str, ...] = (grid_problem.time[0],)
        self.smallest = 8
        self.proportions: tuple[float, ...] | None = None
        self.pilot = 64
        for component in grid_problem.components:
            if component.time_order == 0:
                raise Unsupported(
                    "finite differences",
                    f"problem '{grid_problem.problem.name}': `{component.unknown}` has no time derivative in the "
                    "equations",
                )

    def largest(self, column: str) -> int:  # noqa: ARG002  (there is one)
        """Rounding of the differences in time takes over near here."""
        return 160_000

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of some corrections of Newton's method over all steps."""
        return (_SETUP + _CORRECTIONS * self._correction(cells[0])).seconds

    def memory(self, cells: tuple[int, ...]) -> float:
        """Of the matrix of all steps and its factors."""
        width = sum(1 + (c.time_order == 2) for c in self._grid_problem.components)
        return 16.0 * 10.0 * cells[0] * width**2

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Values at the ends of all steps.

        Raises:
            Unresolved: where no path is found.
        """
        return self._solve(cells[0], start, _PATIENCE * max(self.cost(cells), _LEAST))

    def _solve(self, steps: int, start: Solved | None, limit: float) -> Solved:
        if start is None and steps <= _MARCHED:
            return Evolution(self._grid_problem, limit=limit).solve((steps,))
        before = 0.0
        if start is None:
            try:
                start = self._solve(max(steps // _GROWTH, min(steps, _MARCHED)), None, _LEAST)
                before = start.spent or 0.0
            except Unresolved as error:
                before = error.spent
        name, lower, upper = self._time
        times = np.linspace(lower, upper, steps + 1)
        first, rates = initial_state(self._system, self._start)
        second = [i for i, c in enumerate(self._grid_problem.components) if c.time_order == 2]
        counter = WorkCounter(self._grid_problem.problem.name, limit)
        counter.add(_SETUP)
        try:
            states = self._states(times, np.concatenate([first, rates[second]]), start, counter)
        except Unresolved as error:
            raise type(error)("finite differences", str(error), spent=before + counter.spent) from None
        return Solved({name: times}, _named(self._grid_problem, states), spent=before + counter.spent)

    def _correction(self, steps: float) -> Work:
        """The work of one correction over a number of steps, evaluation included."""
        return self._evaluation(steps) + self._elimination(steps)

    def _evaluation(self, steps: float) -> Work:
        width = sum(1 + (c.time_order == 2) for c in self._grid_problem.components)
        return evaluation(self._grid_problem, ()) + Work(traffic=1000.0 * steps * width, calls=50.0)

    def _elimination(self, steps: float) -> Work:
        width = sum(1 + (c.time_order == 2) for c in self._grid_problem.components)
        return Work(operations=150.0 * steps * width**2, traffic=2000.0 * steps * width, calls=150.0)

    def _states(self, times: Array, first: Array, start: Solved | None, counter: WorkCounter) -> Array:
        """States ``(steps + 1, width)`` at `times` from the one at their start."""
        steps = length = ceiling = len(times) - 1
        parts, done, since = [first[None]], 0, 0
        while done < steps:
            length = min(length, ceiling, steps - done)
            some, state = times[done : done + length + 1], parts[-1][-1]
            found = self._path(some, state, start, counter, whole=length == steps)
            if found is None and length > _STEPPED:
                length = ceiling = max(min(length // 2, _LONGEST), _STEPPED)
                since = 0
                continue
            parts.append((self._stepped(some, state, counter) if found is None else found)[1:])
            done += length
            since += 1
            if since % _CAREFUL == 0:
                ceiling *= 2
            length = ceiling
        return np.concatenate(parts)

    def _path(
        self, times: Array, first: Array, start: Solved | None, counter: WorkCounter, *, whole: bool
    ) -> Array | None:
        """States by one run of Newton's method; None where it does not converge."""
        path = _Path(self._grid_problem, first, times)
        steps = len(times) - 1

        def inverse(state: Array) -> Solve:
            counter.add(self._elimination(steps))
            return path.inverse(state)

        def residual(state: Array) -> Array:
            counter.add(self._evaluation(steps))
            return path.residual(state)

        for guess in (start, None) if len(times) <= _SHORT else (start,):
            found = newton(residual, inverse, path.guess(guess), steps=_WHOLE if whole else _PART)
            if found is not None:
                return path.states(found)
        return None

    def _stepped(self, times: Array, first: Array, counter: WorkCounter) -> Array:
        """States from SDIRK2 steps (sdirk.py)."""
        components = self._grid_problem.components
        second = [i for i, c in enumerate(components) if c.time_order == 2]
        u, v = first[: len(components)], np.zeros(len(components))
        v[second] = first[len(components) :]
        march = DampedMarch(self._system, times, counter=counter, upwind=True)
        return np.stack([first, *(np.concatenate([a, b[second]]) for a, b in march.states(u, v))])


def _named(grid_problem: GridProblem, states: Array) -> dict[str, Array]:
    """The unknowns at the ends of the steps, from states ``(steps + 1, width)``."""
    out = {}
    for u in grid_problem.problem.unknowns:
        which = [i for i, c in enumerate(grid_problem.components) if c.unknown == u.name]
        out[u.name] = states[:, which[0]].copy() if u.components is None else states[:, which]
    return out


class _Path:
    """All steps as one system: the unknowns are u, then v of second-order components, at the end of every step.

    Args:
        grid_problem: of the problem.
        first: the state ``(width,)`` at the beginning.
        times: ends of the steps, evenly spaced.
    """

    def __init__(self, grid_problem: GridProblem, first: Array, times: Array) -> None:
        self._grid_problem = grid_problem
        self._first = first
        self._times = times
        self._steps = len(times) - 1
        self._dt = float(times[-1] - times[0]) / self._steps
        self._second = [i for i, c in enumerate(grid_problem.components) if c.time_order == 2]
        self._width = len(grid_problem.components) + len(self._second)
        self._terms: dict[str, tuple[Term, Points]] = {}
        half = torch.from_numpy(times[:-1] + self._dt / 2)[:, None]
        for row in grid_problem.equations:
            self._terms[str(row.term.name)] = (row.term, Points(half))
        self._latest: tuple[Array, dict[str, tuple[Array, dict[Channel, Array]]]] | None = None

    def guess(self, solved: Solved | None) -> Array:
        """A path from the values on another grid, shifted to the state at the beginning; that state without one."""
        if solved is None:
            return np.tile(self._first, self._steps)
        grid_problem = self._grid_problem
        columns = []
        for u in grid_problem.problem.unknowns:
            on = solved.values[u.name]
            found = resample([solved.grid[self._time_name]], on, [self._times])
            columns += [found] if u.components is None else list(found.T)
        rates = [np.gradient(columns[i], self._dt, edge_order=2) for i in self._second]
        guess = np.stack([*columns, *rates], axis=1)
        return (guess[1:] + (self._first - guess[0])).ravel()

    def states(self, state: Array) -> Array:
        """The states ``(steps + 1, width)`` at the ends of the steps."""
        return self._path(state)

    def residual(self, state: Array) -> Array:
        """All rows of all steps, ``(steps * width,)``."""
        found = self._linearised(state)
        rows = np.empty((self._steps, self._width))
        for row in self._grid_problem.equations:
            rows[:, row.component] = found[str(row.term.name)][0][:, row.index]
        path = self._path(state)
        components = len(self._grid_problem.components)
        for j, i in enumerate(self._second):
            v = path[:, components + j]
            rows[:, components + j] = np.diff(path[:, i]) / self._dt - (v[1:] + v[:-1]) / 2
        return rows.ravel()

    def inverse(self, state: Array) -> Solve:
        """A solver for the Jacobian matrix, block lower bidiagonal."""
        found = self._linearised(state)
        entries: list[tuple[Array, int, int, int]] = []  # values (steps,), row, column, and 0 ahead or -1 behind
        dt, components = self._dt, len(self._grid_problem.components)
        for row in self._grid_problem.equations:
            for channel, slope in found[str(row.term.name)][1].items():
                for i, component in enumerate(self._grid_problem.components):
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
        return str(self._grid_problem.time_name)

    def _path(self, state: Array) -> Array:
        return np.concatenate([self._first[None], state.reshape(self._steps, self._width)])

    def _linearised(self, state: Array) -> dict[str, tuple[Array, dict[Channel, Array]]]:
        if self._latest is not None and self._latest[0] is state:
            return self._latest[1]
        path = self._path(state)
        mean, slope = (path[1:] + path[:-1]) / 2, np.diff(path, axis=0) / self._dt
        problem, components = self._grid_problem.problem, self._grid_problem.components
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
