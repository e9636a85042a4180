"""Bounding volume hierarchy over triangles, with boxes and dipoles, traversed for many points at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

__all__ = ["BRANCHING", "BVHLevel", "TriangleBVH", "build_bvh"]

BRANCHING = 8  # children per node
_BITS = 20  # per axis of the Morton code
_LONG = 3.0  # edges longer than this times sqrt(area / triangles) are split
_FEWEST = 4096  # lower bound on the number of triangles in that rule

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BVHLevel:
    """Nodes of one level; node i has the children BRANCHING i to BRANCHING i + BRANCHING - 1 of the level below.

    The last node may have fewer.

    Attributes:
        lower, upper: bounding boxes ``(m, 3)``.
        centre: centre of area ``(m, 3)``.
        dipole: sum of the area vectors of the triangles ``(m, 3)``.
        axis: direction of the dipole ``(m, 3)``.
        radius: distance from the centre to the farthest corner of the triangles ``(m,)``.
        thickness: largest distance of a corner from the plane through the centre normal to the axis ``(m,)``.
    """

    lower: Floats
    upper: Floats
    centre: Floats
    dipole: Floats
    axis: Floats
    radius: Floats
    thickness: Floats

    def distance_lower_bound(self, points: Floats, node: Indices) -> Floats:
        """Lower bound on the distance from point i to the triangles of node i.

        The larger of the distance to the box and |d| - (radius sin + thickness |cos|), with the angle between the axis
        and the vector d to the centre.  The second bound is tight for flat nodes seen along their axis.
        """
        to = self.centre[node] - points
        beyond = np.maximum(np.maximum(self.lower[node] - points, points - self.upper[node]), 0.0)
        away = np.sqrt(np.einsum("ij,ij->i", to, to))
        cosine = np.abs(np.einsum("ij,ij->i", self.axis[node], to)) / np.where(away > 0, away, 1.0)
        sine = np.sqrt(np.maximum(1 - cosine * cosine, 0.0))
        disc = away - (self.radius[node] * sine + self.thickness[node] * cosine) * (1 + 1e-9)
        return np.maximum(disc, np.sqrt(np.einsum("ij,ij->i", beyond, beyond)))


@dataclass(frozen=True, eq=False)
class TriangleBVH:
    """Triangles ordered along a space-filling curve, with levels of nodes from single triangles to the root.

    Attributes:
        corners: of the triangles, or pieces of triangles, in the order of the tree ``(m, 3, 3)``.
        order: index of the mesh triangle of each ``(m,)``.
        levels: the first has one node per triangle, the last at most BRANCHING nodes.
    """

    corners: Floats
    order: Indices
    levels: tuple[BVHLevel, ...]

    def traverse(
        self, points: int, descend: Callable[[BVHLevel, Indices, Indices], NDArray[np.bool_]]
    ) -> Iterator[tuple[Indices, Indices]]:
        """Traverse the tree from the root, all (point, node) pairs of a level at once.

        Args:
            points: number of points.
            descend: for a level and its pairs (point, node), the mask of the pairs to descend into.

        Yields:
            The remaining pairs of points and single triangles.
        """
        top = len(self.levels) - 1
        count = len(self.levels[top].radius)
        point, node = np.repeat(np.arange(points), count), np.tile(np.arange(count), points)
        for number in range(top, -1, -1):
            level = self.levels[number]
            keep = descend(level, point, node)
            point, node = point[keep], node[keep]
            if number == 0:
                yield point, node
                return
            below = len(self.levels[number - 1].radius)
            node = (BRANCHING * node[:, None] + np.arange(BRANCHING)).reshape(-1)
            point = np.repeat(point, BRANCHING)
            there = node < below
            if not there.all():
                point, node = point[there], node[there]


def build_bvh(mesh: trimesh.Trimesh) -> TriangleBVH:
    """Build the tree of a mesh: triangles sorted along a Morton curve, each run of eight is a node.

    Triangles much longer than the others, such as slivers of CAD models, are split first, because one of them would
    enlarge all nodes above it.

    Args:
        mesh: triangles.
    """
    corners, whole = _cut(np.asarray(mesh.vertices, np.float64)[np.asarray(mesh.faces)])
    middle = corners.mean(axis=1)
    low, side = middle.min(axis=0), np.ptp(middle, axis=0).max() or 1.0
    cells = ((middle - low) / side * (2**_BITS - 1)).astype(np.int64)
    code = np.zeros(len(cells), dtype=np.int64)
    for bit in range(_BITS):
        for axis in range(3):
            code |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    order = np.argsort(code, kind="stable")
    corners, whole = corners[order], whole[order]
    vectors = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    area = np.linalg.norm(vectors, axis=1)
    moment = area[:, None] * corners.mean(axis=1)
    lower, upper = corners.min(axis=1), corners.max(axis=1)
    levels = [_level(corners, lower, upper, area, moment, vectors, 1)]
    while len(lower) > BRANCHING:
        starts = np.arange(0, len(lower), BRANCHING)
        lower, upper = np.minimum.reduceat(lower, starts), np.maximum.reduceat(upper, starts)
        area, moment, vectors = (np.add.reduceat(a, starts) for a in (area, moment, vectors))
        levels.append(_level(corners, lower, upper, area, moment, vectors, BRANCHING ** len(levels)))
    return TriangleBVH(corners, whole, tuple(levels))


def _cut(corners: Floats) -> tuple[Floats, Indices]:
    """Split long triangles at their longest edge until all are short; also return the source triangle of each piece."""
    whole = np.arange(len(corners))
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    longest = _LONG * np.sqrt(area / max(len(corners), _FEWEST))
    most = 16 * len(corners) + 4 * _FEWEST
    while True:
        edges = np.linalg.norm(corners[:, [1, 2, 0]] - corners, axis=2)
        long = np.flatnonzero(edges.max(axis=1) > longest)
        if not len(long) or len(corners) + len(long) > most or not longest > 0:
            return corners, whole
        first = edges[long].argmax(axis=1)
        a, b, c = (corners[long, (first + i) % 3] for i in range(3))
        middle = (a + b) / 2
        rest = np.delete(np.arange(len(corners)), long)
        corners = np.concatenate([corners[rest], np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)])
        whole = np.concatenate([whole[rest], whole[long], whole[long]])


def _level(
    corners: Floats, lower: Floats, upper: Floats, area: Floats, moment: Floats, vectors: Floats, width: int
) -> BVHLevel:
    """Make nodes of `width` triangles each."""
    safe = np.where(area > 0, area, 1.0)[:, None]
    centre = np.where(area[:, None] > 0, moment / safe, (lower + upper) / 2)
    length = np.linalg.norm(vectors, axis=1)[:, None]
    axis = np.where(length > 0, vectors / np.where(length > 0, length, 1.0), np.eye(3)[2])
    node = np.arange(len(corners)) // width
    from_centre = corners - centre[node][:, None, :]
    starts = np.arange(0, len(corners), width)
    radius = np.maximum.reduceat(np.linalg.norm(from_centre, axis=2).max(axis=1), starts)
    off = np.abs(np.einsum("ikj,ij->ik", from_centre, axis[node])).max(axis=1)
    return BVHLevel(lower, upper, centre, vectors, axis, radius, np.maximum.reduceat(off, starts))
