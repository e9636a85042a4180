"""Rasterisation of triangles with a depth buffer, in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Raster", "rasterise"]

_PAIRS = 2**22  # (triangle, pixel) pairs at once

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Raster(NamedTuple):
    """Triangle of each pixel ``(h, w)``, -1 for none; its depth ``(h, w)``; barycentric weights ``(h, w, 3)``."""

    triangle: Indices
    depth: Floats
    weights: Floats


def rasterise(corners: Floats, height: int, width: int) -> Raster:
    """Find the nearest triangle in every pixel.

    Args:
        corners: ``(n, 3, 3)``: column, row and depth of each corner; pixel (i, j) is centred at column j, row i.
            Smaller depth is nearer.
        height: in pixels.
        width: in pixels.
    """
    triangle = np.full(height * width, -1, dtype=np.int64)
    depth = np.full(height * width, np.inf)
    weights = np.zeros((height * width, 3))
    low = np.ceil(corners[..., :2].min(axis=1)).astype(np.int64).clip(0, [width, height])
    high = np.floor(corners[..., :2].max(axis=1)).astype(np.int64).clip(-1, [width - 1, height - 1])
    span = (high - low + 1).clip(min=0)
    pairs = span[:, 0] * span[:, 1]
    seen = np.flatnonzero(pairs)
    ends = np.cumsum(pairs[seen])
    start = 0
    while start < len(seen):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS)))
        some = seen[start:stop]
        _draw(corners, some, low, span, pairs, width, (triangle, depth, weights))
        start = stop
    return Raster(triangle.reshape(height, width), depth.reshape(height, width), weights.reshape(height, width, 3))


def _draw(
    corners: Floats,
    some: Indices,
    low: Indices,
    span: Indices,
    pairs: Indices,
    width: int,
    into: tuple[Indices, Floats, Floats],
) -> None:
    triangle, depth, weights = into
    owner = np.repeat(some, pairs[some])
    first = np.cumsum(pairs[some]) - pairs[some]
    within = np.arange(len(owner)) - np.repeat(first, pairs[some])
    column = low[owner, 0] + within % span[owner, 0]
    row = low[owner, 1] + within // span[owner, 0]
    a, b, c = corners[owner].transpose(1, 2, 0)
    twice = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
    flat = twice == 0  # degenerate in projection
    twice = np.where(flat, 1.0, twice)
    v = ((column - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (row - a[1])) / twice
    w = ((b[0] - a[0]) * (row - a[1]) - (column - a[0]) * (b[1] - a[1])) / twice
    u = 1 - v - w
    inside = ~flat & (u >= -1e-9) & (v >= -1e-9) & (w >= -1e-9)
    pixel = (row * width + column)[inside]
    owner, u, v, w = owner[inside], u[inside], v[inside], w[inside]
    z = u * corners[owner, 0, 2] + v * corners[owner, 1, 2] + w * corners[owner, 2, 2]
    order = np.lexsort((z, pixel))
    nearest = order[np.unique(pixel[order], return_index=True)[1]]
    nearest = nearest[z[nearest] < depth[pixel[nearest]]]
    at = pixel[nearest]
    depth[at], triangle[at] = z[nearest], owner[nearest]
    weights[at] = np.stack([u, v, w], axis=1)[nearest]
