"""Reading a periodic evolution problem as y_t = L y + N(y, x, t), L with constant coefficients.

The state y holds each unknown, and its rate as well where the equation has its second derivative in time.  A channel of
the residual whose slope is the same everywhere and for all values enters linearly by itself: it goes to L, or to the
mass matrix when it is the highest time derivative.  What is left of the residual, those channels set to zero, is N.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.jets.frame import NamedOperator
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, residual_rows
from pinnkit.problem.operation_record import Played, record
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import EquationRow
from pinnkit.references.finite_differences.grid_problem import GridProblem
from pinnkit.references.finite_differences.initial_state import Start, initial_values
from pinnkit.references.grid import Array

__all__ = ["Entry", "Form", "Modes", "Spectrum", "read_form", "resized"]

Spectrum = NDArray[np.complex128]
"""Fourier coefficients ``(states, n1, ..., nd / 2 + 1)`` as of `numpy.fft.rfftn` with norm="forward"."""


@dataclass(frozen=True)
class Entry:
    """A part of L: `factor` times a derivative of the state `source`, of `orders` along the lines, in d(target)/dt."""

    target: int
    source: int
    factor: float
    orders: tuple[int, ...]


class Modes:
    """The Fourier modes of a periodic box.

    Args:
        lengths: of the box along each line.
        cells: nodes along each line, even.
    """

    def __init__(self, lengths: Sequence[float], cells: tuple[int, ...]) -> None:
        self.cells = cells
        d = len(cells)
        self.axes = tuple(range(-d, 0))
        self.numbers: list[Array] = []  # wave numbers along each line
        self.kept: NDArray[np.bool_] = np.ones((1,) * d, dtype=bool)  # all but the highest, whose sign is not known
        for axis, (length, n) in enumerate(zip(lengths, cells, strict=True)):
            whole = np.fft.rfftfreq(n, 1 / n) if axis == d - 1 else np.fft.fftfreq(n, 1 / n)
            shape = [-1 if a == axis else 1 for a in range(d)]
            self.numbers.append(np.asarray(2 * np.pi / length * whole.reshape(shape), dtype=np.float64))
            self.kept = self.kept & (np.abs(whole) < n // 2).reshape(shape)
        self.shape = self.kept.shape

    def derivative(self, orders: tuple[int, ...]) -> Spectrum:
        """Factors of the coefficients."""
        total = self.kept.astype(np.complex128)
        for k, order in zip(self.numbers, orders, strict=True):
            total = total * (1j * k) ** order
        return total

    def forward(self, values: Array) -> Spectrum:
        """Coefficients of values on the grid."""
        return np.fft.rfftn(values, axes=self.axes, norm="forward")

    def back(self, spectrum: Spectrum, cells: tuple[int, ...] | None = None) -> Array:
        """Values on the grid, or on another one with at least as many nodes along each line."""
        if cells is not None and cells != self.cells:
            spectrum = resized(spectrum, self.cells, cells)
        return np.fft.irfftn(spectrum, s=cells or self.cells, axes=self.axes, norm="forward")


def resized(spectrum: Spectrum, cells: tuple[int, ...], wanted: tuple[int, ...]) -> Spectrum:
    """The same function with more modes, or the nearest one with fewer."""
    d = len(cells)
    for axis, (n, m) in enumerate(zip(cells, wanted, strict=True)):
        if n == m:
            continue
        at, half, last = spectrum.ndim - d + axis, min(n, m) // 2, axis == d - 1
        parts = [spectrum.take(range(half), axis=at)]
        gap = list(spectrum.shape)
        gap[at] = m // 2 + 1 - half if last else m - 2 * half + 1
        parts.append(np.zeros(gap, dtype=np.complex128))
        if not last:
            parts.append(spectrum.take(range(n - half + 1, n), axis=at))
        spectrum = np.concatenate(parts, axis=at)
    return spectrum


@dataclass(frozen=True)
class Form:
    """A periodic evolution problem in the shape that the spectral method takes.

    Args:
        grid_problem: of the problem.
        states: component and time derivative (0 or 1) of each entry of the state.
        entries: what L is made of.
        channels: what N depends on, each with the components that it needs; the others are zero.
        solved: from the rows of the residual to the rates ``(components, rows)``: minus the inverse mass matrix.
        homogeneous: whether N vanishes.
    """

    grid_problem: GridProblem
    states: tuple[tuple[int, int], ...]
    entries: tuple[Entry, ...]
    channels: tuple[tuple[Channel, tuple[int, ...]], ...]
    solved: Array
    homogeneous: bool

    @property
    def problem(self) -> Problem:
        """The problem that was read."""
        return self.grid_problem.problem

    @property
    def lengths(self) -> tuple[float, ...]:
        """Of the periodic box."""
        return tuple(line.upper - line.lower for line in self.grid_problem.lines)

    def operator(self, modes: Modes) -> Spectrum:
        """L for each mode, ``(states, states, *modes)``."""
        n = len(self.states)
        total = np.zeros((n, n, *modes.shape), dtype=np.complex128)
        for e in self.entries:
            total[e.target, e.source] += e.factor * modes.derivative(e.orders)
        return total

    def initial(self, modes: Modes) -> Spectrum:
        """The state at the start."""
        u, v = initial_values(self.grid_problem, nodes_of(self.grid_problem, modes.cells))
        values = np.stack([(u, v)[rate][c] for c, rate in self.states])
        return modes.forward(values.reshape(-1, *modes.cells)) * modes.kept

    def rest(self, modes: Modes) -> Rest:
        """N on the grid of these modes."""
        return Rest(self, modes)


def nodes_of(grid_problem: GridProblem, cells: tuple[int, ...]) -> Array:
    """Coordinates ``(n, d)`` of the evenly spaced nodes, upper ends left out."""
    ticks = [a.lower + (a.upper - a.lower) / n * np.arange(n) for a, n in zip(grid_problem.lines, cells, strict=True)]
    return np.stack([m.ravel() for m in np.meshgrid(*ticks, indexing="ij")], axis=1)


class Rest:
    """N(y, x, t) on one grid: derivatives by Fourier coefficients, the residual at the nodes.

    Args:
        form: of the problem.
        modes: of the grid.
    """

    def __init__(self, form: Form, modes: Modes) -> None:
        self._form, self._modes = form, modes
        problem, grid_problem = form.problem, form.grid_problem
        n = math.prod(modes.cells)
        nodes = torch.from_numpy(nodes_of(grid_problem, modes.cells))
        order = {line.name: i for i, line in enumerate(grid_problem.lines)}
        at = [nodes[:, order[c]] if c in order else torch.zeros(n, dtype=torch.float64) for c in problem.frame.columns]
        self._coords = torch.stack(at, dim=1)
        self._time_column = problem.frame.columns.index(str(grid_problem.time_name))
        self._width = {u.name: u.components for u in problem.unknowns}
        self._zeros = {
            name: torch.zeros(n if c is None else (n, c), dtype=torch.float64) for name, c in self._width.items()
        }
        which = {state: i for i, state in enumerate(form.states)}
        # For each channel and component that N needs: the states that it is made of and what multiplies them.
        self._made: list[tuple[Channel, int, list[tuple[int, Spectrum | None]]]] = []
        for channel, needed in form.channels:
            for component in needed:
                index = _component(grid_problem, channel.unknown, component)
                parts: list[tuple[int, Spectrum | None]] = []
                for factor, rate, columns in channel.split(grid_problem.time_name):
                    orders = tuple(columns.count(line.name) for line in grid_problem.lines)
                    plain = factor == 1.0 and not any(orders)
                    parts.append((which[index, rate], None if plain else factor * modes.derivative(orders)))
                self._made.append((channel, component, parts))
        self._terms = tuple(dict.fromkeys(row.term for row in grid_problem.equations))
        self._top = [which[i, c.time_order - 1] for i, c in enumerate(grid_problem.components)]
        self._residual: Callable[..., Tensor] | None = None

    def __call__(self, time: float, spectrum: Spectrum) -> Spectrum:
        """The coefficients of N at one time, those of the highest modes left out."""
        modes, form = self._modes, self._form
        self._coords[:, self._time_column] = time
        inputs = [self._coords]
        for _, _, parts in self._made:
            total = np.zeros_like(spectrum[0])
            for state, factor in parts:
                total = spectrum[state] if factor is None else total + factor * spectrum[state]
            inputs.append(torch.from_numpy(modes.back(total).ravel()))
        if self._residual is None:
            others = [x + 0.1 * torch.cos(x + i) for i, x in enumerate(inputs)]
            self._residual = record(self._evaluate, inputs, others)
        with torch.no_grad():
            r = self._residual(*inputs).numpy()
        found = modes.forward(np.ascontiguousarray(r.T).reshape(-1, *modes.cells)) * modes.kept
        if form.solved.size == 1 and len(spectrum) == 1:
            return form.solved[0, 0] * found
        out = np.zeros_like(spectrum)
        out[self._top] = np.tensordot(form.solved, found, axes=(1, 0))
        return out

    def seconds(self) -> float:
        """Time of one evaluation on one core of the machine it was measured on, the same on every machine."""
        n, states = float(math.prod(self._modes.cells)), len(self._form.states)
        calls = len(self._residual.steps) if isinstance(self._residual, Played) else 50
        transforms = len(self._made) + len(self._top)
        return 5e-5 + 5e-6 * calls + n * (6e-10 * transforms * math.log2(n) + 1e-9 * calls + 1.2e-8 * states**2)

    def _evaluate(self, coords: Tensor, *values: Tensor) -> Tensor:
        """The rows of the residual ``(n, rows)``, channels that L takes care of set to zero."""
        given: dict[Channel, Tensor] = {}
        for (channel, component, _), value in zip(self._made, values, strict=True):
            if self._width[channel.unknown] is None:
                given[channel] = value
            else:
                columns = list(given.get(channel, self._zeros[channel.unknown]).unbind(dim=1))
                columns[component] = value
                given[channel] = torch.stack(columns, dim=1)

        def lookup(channel: Channel) -> Tensor:
            return given[channel] if channel in given else self._zeros[channel.unknown]

        points = (Points(coords),)
        problem = self._form.problem
        rows = [residual_rows(problem, t, points, lookup, {}, raw=False) for t in self._terms]
        return rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)


def read_form(grid_problem: GridProblem) -> Form:
    """The problem as y_t = L y + N(y, x, t).

    Raises:
        Unsupported: by name, for what is not of this shape.
    """
    problem = grid_problem.problem
    label = f"problem '{problem.name}': no Fourier series"
    if grid_problem.time is None:
        raise Unsupported("Fourier series", f"{label}, there is no time axis")
    if not grid_problem.lines:
        raise Unsupported("Fourier series", f"{label}, there is no space axis")
    if len(grid_problem.lines) > 2:
        raise Unsupported(
            "Fourier series", f"{label}, there are {len(grid_problem.lines)} space dimensions, more than 2"
        )
    for line in grid_problem.lines:
        if not line.periodic:
            raise Unsupported("Fourier series", f"{label}, `{line.name}` is not periodic; add Periodic('{line.name}')")
    for c in grid_problem.components:
        if c.time_order == 0:
            raise Unsupported("Fourier series", f"{label}, `{c.unknown}` has no time derivative")
    Start(grid_problem)  # refuses a missing initial state
    states = tuple((i, m) for i, c in enumerate(grid_problem.components) for m in range(c.time_order))
    which = {state: k for k, state in enumerate(states)}
    terms = tuple(dict.fromkeys(row.term for row in grid_problem.equations))
    equations = grid_problem.structure.equations
    mass = np.zeros((len(equations), len(grid_problem.components)))
    linear: list[tuple[int, int, float, tuple[int, ...]]] = []  # row, state, factor, orders
    rest: dict[Channel, list[int]] = {}
    for channel in dict.fromkeys(c for term in terms for c in problem.trace(term, raw=False).channels):
        for at in range(problem.unknown(channel.unknown).components or 1):
            component = _component(grid_problem, channel.unknown, at)
            factors = np.array([_factor(row, channel, at) for row in equations])
            steady = bool(np.isfinite(factors).all())
            for factor, rate, columns in channel.split(grid_problem.time_name):
                orders = tuple(columns.count(line.name) for line in grid_problem.lines)
                highest = rate == grid_problem.components[component].time_order
                if highest and (not steady or columns):
                    name = channel.unknown + "_" + str(grid_problem.time_name) * rate
                    how = f"is differentiated along `{columns[0]}` as well" if columns else "has no constant factor"
                    raise Unsupported("Fourier series", f"{label}, `{name}` {how}")
                if highest:
                    mass[:, component] += factor * factors
                elif steady:
                    found = [(r, which[component, rate], factor * f, orders) for r, f in enumerate(factors) if f]
                    linear += found
                elif at not in rest.setdefault(channel, []):
                    rest[channel].append(at)
    if np.linalg.matrix_rank(mass) < len(grid_problem.components):
        raise Unsupported(
            "Fourier series", f"{label}, the equations do not settle the highest time derivative of every unknown"
        )
    solved = np.asarray(-np.linalg.inv(mass), dtype=np.float64)
    entries = [
        Entry(which[i, m], which[i, m + 1], 1.0, (0,) * len(grid_problem.lines))
        for i, m in states
        if (i, m + 1) in which
    ]
    for r, source, factor, orders in linear:
        for i, c in enumerate(grid_problem.components):
            if solved[i, r]:
                entries.append(Entry(which[i, c.time_order - 1], source, float(solved[i, r] * factor), orders))
    _refuse_stiff(label, rest, entries, grid_problem)
    homogeneous = not rest and all(row.homogeneous for row in equations)
    needed = tuple((c, tuple(at)) for c, at in rest.items())
    return Form(grid_problem, states, tuple(entries), needed, solved, homogeneous)


def _component(grid_problem: GridProblem, unknown: str, index: int) -> int:
    return next(i for i, c in enumerate(grid_problem.components) if (c.unknown, c.index) == (unknown, index))


def _factor(row: EquationRow, channel: Channel, at: int) -> float:
    """Factor of one component of a channel in a row; NaN where it varies."""
    found = next((f for f in row.factors if (f.channel, f.index) == (channel, at)), None)
    if found is None:
        return 0.0
    return math.nan if found.value is None else found.value


def _refuse_stiff(
    label: str, rest: dict[Channel, list[int]], entries: Sequence[Entry], grid_problem: GridProblem
) -> None:
    """Derivatives in N are taken explicitly: they must be lower than those of L, or first ones."""
    highest = max((sum(e.orders) for e in entries), default=0)
    for channel in rest:
        order = max(len(columns) for _, _, columns in channel.split(grid_problem.time_name))
        if order > 1 and order >= highest:
            name = "laplacian" if isinstance(channel.order, NamedOperator) else "".join(channel.order)
            raise Unsupported(
                "Fourier series",
                f"{label}, `{channel.unknown}.{name}` has no constant factor and no higher derivative that has one",
            )
