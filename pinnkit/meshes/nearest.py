"""Exact nearest points of a mesh, for many points at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .bvh import BVHLevel, TriangleBVH, build_bvh

if TYPE_CHECKING:
    import trimesh

__all__ = ["Nearest", "NearestPoint", "closest_on_triangles"]

_FLAT = 1e-20  # squared sine of an angle below which a triangle is degenerate
_CHUNK = 2048  # points per traversal
_FIRST = 4  # triangles with near centres that give the first bound
_SLACK = 0.2  # relative tolerance of their search

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Nearest(NamedTuple):
    """Distances ``(n,)``, nearest points ``(n, 3)``, and their triangles ``(n,)``."""

    distance: Floats
    point: Floats
    triangle: Indices


@dataclass(frozen=True, eq=False)
class NearestPoint:
    """Nearest point on a mesh for each of points ``(n, 3)``.

    Triangles with near centres (k-d tree) give an upper bound on the distance; nodes of the tree beyond that bound are
    skipped.  The result equals that of testing all triangles.

    Args:
        tree: tree of the triangles.
        centres: k-d tree of their centres.
    """

    tree: TriangleBVH
    centres: cKDTree

    @classmethod
    def of(cls, mesh: trimesh.Trimesh) -> NearestPoint:
        """Build for the triangles of `mesh`."""
        tree = build_bvh(mesh)
        return cls(tree, cKDTree(tree.corners.mean(axis=1)))

    def __call__(self, points: Floats) -> Nearest:
        """Distance, nearest point and triangle of each of `points` ``(n, 3)``."""
        points = np.asarray(points, dtype=np.float64)
        distance, found, triangle = np.empty(len(points)), np.empty((len(points), 3)), np.empty(len(points), np.int64)
        for start in range(0, len(points), _CHUNK):
            rows = slice(start, start + _CHUNK)
            distance[rows], found[rows], triangle[rows] = self._nearest(points[rows])
        return Nearest(distance, found, self.tree.order[triangle])

    def _nearest(self, points: Floats) -> tuple[Floats, Floats, Indices]:
        # Far from the surface many centres are almost equally near; an approximate search suffices.
        k = min(_FIRST, len(self.tree.corners))
        guess = self.centres.query(points, k=np.arange(1, k + 1), eps=_SLACK)[1]
        close = closest_on_triangles(np.repeat(points, k, axis=0), self.tree.corners[guess.reshape(-1)])
        bound = _lengths(close - np.repeat(points, k, axis=0)).reshape(-1, k).min(axis=1) * (1 + 1e-12)

        def descend(level: BVHLevel, point: Indices, node: Indices) -> NDArray[np.bool_]:
            return level.distance_lower_bound(points[point], node) <= bound[point]

        for point, node in self.tree.traverse(len(points), descend):
            close = closest_on_triangles(points[point], self.tree.corners[node])
            distance = _lengths(close - points[point])
            least = np.minimum.reduceat(distance, _runs(point))
            where = np.flatnonzero(distance == least[point])
            chosen = where[np.unique(point[where], return_index=True)[1]]
            return least, close[chosen], node[chosen]
        raise AssertionError("the walk ends at triangles")


def _runs(point: Indices) -> Indices:
    """Start of the pairs of each point; pairs are sorted by point, and each point has at least one."""
    return np.flatnonzero(np.diff(point, prepend=-1))


def closest_on_triangles(points: Floats, corners: Floats) -> Floats:
    """Nearest point of triangle i to point i: ``(n, 3)`` and ``(n, 3, 3)`` to ``(n, 3)``.

    The Voronoi region of the projected point decides: a corner, an edge, or the interior.

    Source: Ericson, Real-Time Collision Detection (2005), §5.1.5.
    """
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    d1, d2 = _dot(ab, ap), _dot(ac, ap)
    bp, cp = points - b, points - c
    d3, d4, d5, d6 = _dot(ab, bp), _dot(ac, bp), _dot(ab, cp), _dot(ac, cp)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    # Barycentric weights of b and c in the first region whose condition holds.
    regions = [
        ((d1 <= 0) & (d2 <= 0), 0.0, 0.0),
        ((d3 >= 0) & (d4 <= d3), 1.0, 0.0),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), _ratio(d1, d1 - d3), 0.0),
        ((d6 >= 0) & (d5 <= d6), 0.0, 1.0),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), 0.0, _ratio(d2, d2 - d6)),
        ((va <= 0) & (d4 >= d3) & (d5 >= d6), 1 - (w := _ratio(d4 - d3, (d4 - d3) + (d5 - d6))), w),
    ]
    total = va + vb + vc
    v, w = _ratio(vb, total), _ratio(vc, total)
    for where, to_b, to_c in reversed(regions):
        v, w = np.where(where, to_b, v), np.where(where, to_c, w)
    found = a + v[:, None] * ab + w[:, None] * ac
    flat = np.flatnonzero(total <= _FLAT * _dot(ab, ab) * _dot(ac, ac))  # degenerate triangles: nearest edge
    if len(flat):
        found[flat] = _closest_on_edges(points[flat], corners[flat])
    return found


def _closest_on_edges(points: Floats, corners: Floats) -> Floats:
    best, least = corners[:, 0].copy(), np.full(len(points), np.inf)
    for first in range(3):
        start = corners[:, first]
        along = corners[:, (first + 1) % 3] - start
        t = _ratio(_dot(points - start, along), _dot(along, along)).clip(0, 1)
        on = start + t[:, None] * along
        away = _dot(on - points, on - points)
        best = np.where((away < least)[:, None], on, best)
        least = np.minimum(away, least)
    return best


def _ratio(above: Floats, below: Floats) -> Floats:
    return above / np.where(below == 0, 1.0, below)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.einsum("ij,ij->i", a, b)


def _lengths(a: Floats) -> Floats:
    return np.sqrt(np.einsum("ij,ij->i", a, a))
