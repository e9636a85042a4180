"""Modes in space, orthonormal on nodes, so that a least-squares fit on the nodes is a product with a transpose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.fields.modes import chebyshev_modes, mapped

from .semidiscretization import WallConstraints
from .state_layout import StateLayout

__all__ = ["IDENTITY", "SpatialBasis", "chebyshev", "fourier", "nodes_of"]

Array = NDArray[np.float64]

IDENTITY = np.array([0.0, 1.0])
"""The map g(s) = s; see `pinnkit.fields.modes.mapped`."""

_OVERSAMPLING = 1.5  # nodes a mode: products of two functions are then projected without aliasing
HIGHEST = 4


@dataclass(frozen=True, eq=False)
class SpatialBasis:
    """N modes, orthonormal on M nodes, for every row of the state, with the subspace that meets the wall conditions.

    c = Z q + Y g(t): the coefficients c (R N,) of all rows that meet B c = g are these, with Z an orthonormal basis of
    the null space of B and Y its pseudo-inverse.  As Z^T Y = 0 and the modes are orthonormal on the nodes, the least-
    squares projection of rates f that keeps B c' = g' is q' = Z^T Phi^T f: g' is not needed.

    Args:
        places: nodes, (M,).
        tables: derivatives of the modes at the nodes, order -> (M, N).
        free: Z, (R N, n).
        particular: Y, (R N, walls).
        numbers: of the map of Chebyshev modes; None for Fourier modes.
    """

    places: Array
    tables: tuple[Array, ...]
    free: Array
    particular: Array
    numbers: Array | None

    @property
    def modes(self) -> int:
        """N."""
        return int(self.tables[0].shape[1])

    def tail(self, c: Array) -> float:
        """Compute the largest share of the last tenth of the modes, over the rows: (R, N) -> relative size."""
        if self.numbers is None:
            n = (np.arange(self.modes) + 1) // 2
            late = n >= 0.9 * n.max()
        else:
            late = np.arange(self.modes) >= self.modes - max(3, self.modes // 10)
        size = np.linalg.norm(c, axis=1)
        return float((np.linalg.norm(c[:, late], axis=1) / np.where(size > 1e-3 * size.max(), size, np.inf)).max())

    def output(self, c: Array) -> Array:
        """Convert coefficients (..., N) of orthonormal modes to those of an `EvolvedModesField`, (..., N', parts)."""
        m = len(self.places)
        if self.numbers is not None:
            factor = np.full(self.modes, math.sqrt(2 / m))
            factor[0] = math.sqrt(1 / m)
            return (c * factor)[..., None]
        half = (self.modes + 1) // 2
        out = np.zeros((*c.shape[:-1], half, 2))
        out[..., 0, 0] = c[..., 0] / math.sqrt(m)
        out[..., 1:, 0] = c[..., 1::2] * math.sqrt(2 / m)
        out[..., 1:, 1] = -c[..., 2::2] * math.sqrt(2 / m)
        return out


def nodes_of(numbers: Array, count: int) -> Array:
    """Find s in [-1, 1] where g(s) is a Chebyshev node of the first kind, by bisection and Newton's method."""
    y = -np.cos(math.pi * (np.arange(count) + 0.5) / count)
    weights = torch.from_numpy(numbers)

    def g(s: Array) -> tuple[Array, Array]:
        value, slope = mapped(torch.from_numpy(s), weights, 1)
        return value.numpy(), slope.numpy()

    low, high = np.full(count, -1.0), np.full(count, 1.0)
    s = y.copy()
    for _ in range(80):
        value, slope = g(s)
        low, high = np.where(value <= y, s, low), np.where(value >= y, s, high)
        newton = s - (value - y) / slope
        inside = (newton > low) & (newton < high)
        moved = np.where(inside, newton, 0.5 * (low + high))
        if np.abs(moved - s).max() < 1e-15:
            break
        s = moved
    return s


def chebyshev(layout: StateLayout, walls: WallConstraints, modes: int, numbers: Array = IDENTITY) -> SpatialBasis:
    """Build Chebyshev polynomials of a stretched coordinate, with the wall conditions."""
    axis = layout.space
    m = math.ceil(_OVERSAMPLING * modes)
    s = nodes_of(numbers, m)
    rate = 2 / axis.extent
    places = 0.5 * (axis.lower + axis.upper) + s / rate
    scale = np.full(modes, math.sqrt(2 / m))
    scale[0] = math.sqrt(1 / m)

    def table(points: Array, order: int) -> Array:
        g = mapped(torch.from_numpy(points), torch.from_numpy(numbers), order)
        return chebyshev_modes(g, modes, order).numpy() * scale * rate**order

    tables = tuple(table(s, k) for k in range(HIGHEST + 1))
    ends = {
        end: [table(np.array([sign]), k)[0] for k in range(HIGHEST + 1)]
        for end, sign in ((axis.lower, -1.0), (axis.upper, 1.0))
    }
    free, particular = _constraints(layout, walls, modes, ends)
    return SpatialBasis(places, tables, free, particular, numbers)


def fourier(layout: StateLayout, modes: int) -> SpatialBasis:
    """Build the Fourier modes 1, cos, sin, cos 2, ... on evenly spaced nodes; `modes` is made odd."""
    axis = layout.space
    half = modes // 2
    count = 2 * half + 1
    m = 2 * math.ceil(_OVERSAMPLING * (half + 1))
    s = 2 * np.arange(m) / m
    k = np.arange(1, half + 1)
    angles = math.pi * s[:, None] * k
    rate = 2 / axis.extent
    tables = []
    for order in range(HIGHEST + 1):
        table = np.zeros((m, count))
        if order == 0:
            table[:, 0] = math.sqrt(1 / m)
        shift = order * math.pi / 2
        factor = math.sqrt(2 / m) * (math.pi * k * rate) ** order
        table[:, 1::2] = factor * np.cos(angles + shift)
        table[:, 2::2] = factor * np.sin(angles + shift)
        tables.append(table)
    size = len(layout.rows) * count
    return SpatialBasis(axis.lower + s / rate, tuple(tables), np.eye(size), np.zeros((size, 0)), None)


def _constraints(
    layout: StateLayout, walls: WallConstraints, modes: int, ends: dict[float, list[Array]]
) -> tuple[Array, Array]:
    """Compute Z and Y of the rows B c = (g, g' for those of the rates), see `SpatialBasis`."""
    rows = layout.rows
    matrix = []
    for level in (0, 1):
        for condition, slopes in zip(walls.conditions, walls.slopes, strict=True):
            assert condition.wall is not None
            row = np.zeros((len(rows), modes))
            own = [(rows.index((i, level)), k, value) for (i, k), value in slopes.items() if (i, level) in rows]
            if len(own) < len(slopes):
                continue  # of level 1, with an unknown that has no rate of its own
            for at, k, value in own:
                row[at] += value * ends[condition.wall.value][k]
            matrix.append(row.ravel())
    b = np.array(matrix).reshape(len(matrix), -1)
    sizes = np.linalg.norm(b, axis=1)
    u, singular, vt = np.linalg.svd(b / sizes[:, None], full_matrices=True)
    rank = int((singular > 1e-10 * singular[0]).sum())
    y = (vt[:rank].T / singular[:rank]) @ u[:, :rank].T / sizes
    return vt[rank:].T.copy(), y


def levels_of(walls: WallConstraints, layout: StateLayout) -> Sequence[tuple[int, int]]:
    """List for each row of B its condition and the order of the time derivative of its data."""
    rows = layout.rows
    return [
        (i, level)
        for level in (0, 1)
        for i, slopes in enumerate(walls.slopes)
        if all((component, level) in rows for component, _ in slopes)
    ]
