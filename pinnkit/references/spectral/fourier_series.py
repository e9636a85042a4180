"""A solution as Fourier series whose coefficients are known at many times, and what it is in between.

Between the times, polynomials of degree 7 go through e^(-r t) times the coefficient of each eigenvector of L.  The rate
r of a mode is 0, the frequency of L, or its whole eigenvalue, whichever predicts known coefficients best from their
neighbours: waves on their own follow L, what is tied to a moving front does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pinnkit.references.grid import Array

from .exponential_rk4 import Blocks, Eigen
from .semilinear_form import Form, Modes, Spectrum

__all__ = ["Series"]

_WINDOW = 8  # times that a polynomial goes through
_TRIALS = 48  # times that are predicted from their neighbours to choose the rates
_DECAY = 20.0  # exponent by which a mode may change within a window, to be followed
_CHUNK = 2_000_000  # numbers in one intermediate array
_SILENT = 1e-18  # amplitude, relative to the greatest, of modes that are left out


class Series:
    """Values at any points.

    Args:
        form: of the problem.
        modes: of the coefficients.
        found: the eigenvectors of L.
        times: ``(m,)``, at least eight.
        spectra: coefficients at these times, ``(m, states, *modes)``.
    """

    def __init__(self, form: Form, modes: Modes, found: Eigen, times: Array, spectra: Spectrum) -> None:
        self.form, self.modes, self.times = form, modes, times
        self._eigen = found
        self._mix = Blocks(found.vectors)
        self._w = spectra if len(form.states) == 1 else np.stack([Blocks(found.inverse)(s) for s in spectra])
        self._rates = self._choose()

    @property
    def eigenvalues(self) -> Spectrum:
        """Of L, ``(states, *modes)``."""
        return self._eigen.values

    def spectrum(self, time: float) -> Spectrum:
        """The coefficients at one time, ``(states, *modes)``."""
        first = self._first(np.array([time]))[0]
        window = slice(first, first + _WINDOW)
        weights = _lagrange(self.times[window], np.array([time]))[0]
        total = np.zeros_like(self._w[0])
        for weight, at, w in zip(weights, self.times[window], self._w[window], strict=True):
            if weight:
                total += weight * np.exp(self._rates * (time - at)) * w
        return total if len(total) == 1 else self._mix(total)

    def at(self, points: Array) -> dict[str, Array]:
        """The unknowns at points ``(n, d)``, columns in the order of the problem's."""
        when, where = self._split(points)
        out = np.zeros((len(self.form.grid_problem.components), len(points)))
        firsts = self._first(when)
        for first in np.unique(firsts):
            here = np.flatnonzero(firsts == first)
            self._fill(out, here, int(first), when[here], where[here])
        return self._named(out, (len(points),))

    def on_grid(self, ticks: Sequence[Array]) -> dict[str, Array]:
        """The unknowns on the product of coordinates, axes in the order of the problem's columns."""
        columns = self.form.problem.frame.columns
        grid_problem, d = self.form.grid_problem, len(self.modes.cells)
        by_name = dict(zip(columns, ticks, strict=True))
        lines = [by_name[line.name] for line in grid_problem.lines]
        when = by_name[str(grid_problem.time_name)]
        which = self._values()
        even = self._even(lines)
        turns = [x - line.lower for x, line in zip(lines, grid_problem.lines, strict=True)]
        waves = [np.exp(1j * np.outer(x, k.ravel())) for x, k in zip(turns, self.modes.numbers, strict=True)]
        out = np.empty((len(when), len(which), *(len(x) for x in lines)))
        for i, t in enumerate(when):
            spectrum = self.spectrum(float(t))[which]
            if even:
                values = self.modes.back(spectrum, tuple(even))
                for axis, (x, n) in enumerate(zip(lines, even, strict=True)):
                    values = values.take(np.arange(0, n + 1, n // (len(x) - 1)) % n, axis=1 + axis)
                out[i] = values
            else:
                total = spectrum * self.twice
                for axis in reversed(range(d)):
                    total = np.moveaxis(np.tensordot(total, waves[axis], axes=(1 + axis, 1)), -1, 1 + axis)
                out[i] = total.real
        moved = np.moveaxis(out, 0, -1)  # components, lines, time
        order = [*(line.name for line in grid_problem.lines), str(grid_problem.time_name)]
        moved = np.transpose(moved, [0, *(1 + order.index(c) for c in columns)])
        return self._named(moved, moved.shape[1:])

    # inside -------------------------------------------------------------------------------------------------------
    def _values(self) -> list[int]:
        """The states that are unknowns, not rates."""
        return [i for i, (_, rate) in enumerate(self.form.states) if rate == 0]

    @property
    def twice(self) -> Array:
        """A real function has each coefficient of the last axis, but the first, twice."""
        k = self.modes.numbers[-1]
        return np.where(k == 0, 1.0, 2.0)

    def _even(self, lines: Sequence[Array]) -> list[int]:
        """Cells of a grid with all modes that has the coordinates among its nodes; none where they are uneven."""
        cells = []
        for x, line, n in zip(lines, self.form.grid_problem.lines, self.modes.cells, strict=True):
            count = len(x) - 1
            if count < 1 or not np.allclose(
                x, np.linspace(line.lower, line.upper, count + 1), rtol=0, atol=1e-14 * (line.upper - line.lower)
            ):
                return []
            many = count * max(1, -(-n // count))
            cells.append(many if many % 2 == 0 else 2 * many)
        return cells

    def _split(self, points: Array) -> tuple[Array, Array]:
        columns = list(self.form.problem.frame.columns)
        grid_problem = self.form.grid_problem
        where = points[:, [columns.index(line.name) for line in grid_problem.lines]] - [
            line.lower for line in grid_problem.lines
        ]
        return points[:, columns.index(str(grid_problem.time_name))], where

    def _first(self, when: Array) -> np.ndarray:
        """Start of the window of each time."""
        found = np.searchsorted(self.times, when, side="right") - _WINDOW // 2
        return np.clip(found, 0, len(self.times) - _WINDOW)

    def _fill(self, out: Array, here: np.ndarray, first: int, when: Array, where: Array) -> None:
        window = slice(first, first + _WINDOW)
        w = self._w[window].reshape(_WINDOW, len(self.form.states), -1)
        size = np.abs(w).max(axis=(0, 1))
        alive = np.flatnonzero(size > _SILENT * size.max())
        middle = self.times[first + _WINDOW // 2]
        rates = self._rates.reshape(len(w[0]), -1)[:, alive]
        w = w[:, :, alive] * np.exp(-rates * (self.times[window] - middle)[:, None, None])
        vectors = self._eigen.vectors.reshape(len(rates), len(rates), -1)[:, :, alive]
        twice = np.broadcast_to(self.twice, self.modes.shape).ravel()[alive]
        numbers = [np.broadcast_to(k, self.modes.shape).ravel()[alive] for k in self.modes.numbers]
        many = max(1, _CHUNK // max(1, len(alive) * len(rates)))
        which = self._values()
        for i in range(0, len(here), many):
            t, x = when[i : i + many], where[i : i + many]
            total = np.tensordot(_lagrange(self.times[window], t), w, axes=(1, 0))  # (n, states, alive)
            if rates.any():
                total *= np.exp(rates * (t - middle)[:, None, None])
            waves = twice * np.exp(1j * sum(np.outer(x[:, a], k) for a, k in enumerate(numbers)))
            for component, state in enumerate(which):
                mixed = total[:, 0] if len(rates) == 1 else (total * vectors[state]).sum(axis=1)
                out[component, here[i : i + many]] = (mixed * waves).sum(axis=1).real

    def _named(self, values: Array, shape: tuple[int, ...]) -> dict[str, Array]:
        out = {}
        for u in self.form.problem.unknowns:
            parts = [
                v.reshape(shape)
                for v, c in zip(values, self.form.grid_problem.components, strict=True)
                if c.unknown == u.name
            ]
            out[u.name] = np.ascontiguousarray(parts[0]) if u.components is None else np.stack(parts, axis=-1)
        return out

    def _choose(self) -> Spectrum:
        """For each mode the rate whose predictions of the coefficients at known times are best."""
        values, times = self._eigen.values, self.times
        spans = times[_WINDOW:] - times[:-_WINDOW]
        span = float(spans.max()) if len(spans) else float(times[-1] - times[0])
        followed = np.where(np.abs(values.real) * span <= _DECAY, values, 1j * values.imag)
        choices = [np.zeros_like(values), 1j * values.imag, followed]
        half = _WINDOW // 2
        trials = np.unique(np.linspace(half, len(times) - half - 1, _TRIALS).round().astype(int))
        errors = np.zeros((len(choices), *values.shape))
        for j in trials:
            others = np.array([i for i in range(j - half, j + half + 1) if i != j and i < len(times)])
            weights = _lagrange(times[others], times[j : j + 1])[0]
            for error, rate in zip(errors, choices, strict=True):
                guess = sum(
                    c * np.exp(rate * (times[j] - times[i])) * self._w[i] for c, i in zip(weights, others, strict=True)
                )
                error += np.abs(guess - self._w[j]) ** 2
        best = errors.argmin(axis=0)
        return np.choose(best, choices)


def _lagrange(nodes: Array, at: Array) -> Array:
    """Weights ``(n, m)`` of values at the nodes ``(m,)`` in the polynomial through them, at ``(n,)``."""
    out = np.ones((len(at), len(nodes)))
    for i, x in enumerate(nodes):
        for j, y in enumerate(nodes):
            if i != j:
                out[:, i] *= (at - y) / (x - y)
    return out
