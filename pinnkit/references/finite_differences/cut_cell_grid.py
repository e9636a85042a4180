"""A Cartesian grid cut by a curved wall: nodes inside, and stencils whose arms end where they meet the wall.

At a node with the arms a and b along an axis, to u_- and u_+,

    u'  = (a^2 u_+ - b^2 u_- + (b^2 - a^2) u_0) / (a b (a + b)),
    u'' = 2 (a u_+ + b u_- - (a + b) u_0) / (a b (a + b)),

and an arm that leaves the domain is cut at the wall, where the value is prescribed.  The first is of second order, and
so is the solution by the second, although the truncation error beside the wall is of first order only.

Source: Shortley & Weller, J. Appl. Phys. 9 (1938) 334; for the order, Bramble & Hubbard, Numer. Math. 4 (1962) 313.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from pinnkit.references.grid import Array, Grid, Index

__all__ = ["CutGrid"]

Level = Callable[[Array], Array]
"""Points ``(n, d)`` to numbers ``(n,)``, negative inside."""

_ON_THE_WALL = 1e-12
"""Of the extent: nodes this near to the wall belong to it."""
_SHORTEST = 1e-10
"""Of the spacing: arms are at least so long."""
_STEPS = 60


class CutGrid:
    """The nodes of a grid inside a shape, the places where its lines meet the wall, and the stencils between them.

    Args:
        grid: of the box around the shape.
        level: negative inside; a signed distance, or anything that is continuous along the lines of the grid.

    Attributes:
        inside: which nodes of the grid are, ``grid.shape``.
        nodes: their coordinates ``(n, d)``.
        crossings: where arms end on the wall ``(m, d)``.
    """

    def __init__(self, grid: Grid, level: Level) -> None:
        self.grid = grid
        coords = grid.coords
        values = level(coords)
        extent = max(line.upper - line.lower for line in grid.lines)
        inner = values < -_ON_THE_WALL * extent
        for axis, line in enumerate(grid.lines):  # the walls of the box are no part of the shape's inside
            inner[grid.wall(axis, False)] = inner[grid.wall(axis, True)] = False
            if line.periodic:
                raise ValueError(f"a grid with a curved wall cannot be periodic along `{line.name}`")
        self.inside = inner.reshape(grid.shape)
        self.nodes = coords[inner]
        numbers = np.full(grid.size, -1, dtype=np.int64)
        numbers[inner] = np.arange(len(self.nodes))
        mine = np.flatnonzero(inner)
        self._neighbours: list[tuple[Index, Index]] = []
        self._lengths: list[tuple[Array, Array]] = []
        crossings, count = [], 0
        for axis, line in enumerate(grid.lines):
            ends, lengths = [], []
            for sign in (-1, 1):
                there = mine + sign * grid.step(axis)
                ends.append(numbers[there])
                lengths.append(np.ones(len(mine)))
                cut = np.flatnonzero(ends[-1] < 0)
                share = _meeting(level, coords[mine[cut]], values[mine[cut]], axis, sign * line.spacing)
                ends[-1][cut] = len(mine) + count + np.arange(len(cut))
                lengths[-1][cut] = share
                at = coords[mine[cut]].copy()
                at[:, axis] += sign * line.spacing * share
                crossings.append(at)
                count += len(cut)
            self._neighbours.append((ends[0], ends[1]))
            self._lengths.append((lengths[0] * line.spacing, lengths[1] * line.spacing))
        self.crossings = np.concatenate(crossings)

    def derivative(self, axis: int, order: int) -> sp.csr_array:
        """The matrix ``(n, n + m)`` of a derivative of order 0 to 2, of values at nodes and then at crossings."""
        n, m = len(self.nodes), len(self.crossings)
        here = np.arange(n)
        if order == 0:
            return sp.csr_array((np.ones(n), (here, here)), shape=(n, n + m))
        (low, high), (a, b) = self._neighbours[axis], self._lengths[axis]
        whole = a * b * (a + b)
        if order == 1:
            entries = -(b**2) / whole, (b**2 - a**2) / whole, a**2 / whole
        else:
            entries = 2 * b / whole, -2 * (a + b) / whole, 2 * a / whole
        columns = np.concatenate([low, here, high])
        return sp.csr_array((np.concatenate(entries), (np.tile(here, 3), columns)), shape=(n, n + m))

    def full(self, values: Array) -> Array:
        """Values ``(n, ...)`` at the nodes on the whole grid, NaN outside."""
        out = np.full((*self.grid.shape, *values.shape[1:]), np.nan)
        out[self.inside] = values
        return out


def _meeting(level: Level, start: Array, first: Array, axis: int, step: float) -> Array:
    """Crossings of the wall by the lines from `start`, a step long, as a fraction of the step: bisection and secants.

    Source: the Illinois variant of the rule of false position; Dowell & Jarratt, BIT 11 (1971) 168.
    """

    def along(share: Array, rows: Index) -> Array:
        at = start[rows].copy()
        at[:, axis] += step * share
        return level(at)

    low, high = np.zeros(len(start)), np.ones(len(start))
    f_low, f_high = first.copy(), along(high, np.arange(len(start)))
    f_high = np.where(f_high < 0, 0.0, f_high)  # a node that counts as one of the wall
    rows = np.flatnonzero(f_high > 0)
    for i in range(_STEPS):
        rows = rows[high[rows] - low[rows] > 1e-13]
        if len(rows) == 0:
            break
        x = (low[rows] * f_high[rows] - high[rows] * f_low[rows]) / (f_high[rows] - f_low[rows])
        if i % 4 == 3:
            x = (low[rows] + high[rows]) / 2
        f = along(x, rows)
        out = f >= 0
        moved, kept = rows[out], rows[~out]
        high[moved], f_high[moved] = x[out], f[out]
        f_low[moved] /= 2
        low[kept], f_low[kept] = x[~out], f[~out]
        f_high[kept] /= 2
        met = rows[f == 0]
        low[met] = high[met]
    return np.clip(high, _SHORTEST, 1.0)
