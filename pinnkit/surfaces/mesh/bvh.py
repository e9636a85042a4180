"""A tree over the triangles of a mesh: boxes and dipoles of ever larger groups, walked for many points at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

__all__ = ["FAN", "Level", "TriangleTree", "triangle_tree"]

FAN = 8  # children of a node
_BITS = 20  # of the grid that orders triangles along a curve
_LONG, _FEWEST = (
    3.0,
    4096,
)  # edges longer than 3 sqrt(area / triangles) are halved; so many triangles are fine in any case

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Level:
    """Nodes of one size; node i has the children FAN i to FAN i + FAN - 1 of the level below, the last node fewer.

    Attributes:
        lower, upper: boxes ``(m, 3)``.
        centre: of area ``(m, 3)``.
        dipole: sum of the area vectors of its triangles ``(m, 3)``.
        axis: direction of the dipole ``(m, 3)``.
        radius: from the centre to the farthest corner of its triangles ``(m,)``.
        thickness: largest distance of a corner from the plane through the centre across the axis ``(m,)``.
    """

    lower: Floats
    upper: Floats
    centre: Floats
    dipole: Floats
    axis: Floats
    radius: Floats
    thickness: Floats

    def distance_below(self, points: Floats, node: Indices) -> Floats:
        """A lower bound on the distance from point i to the triangles of node i.

        The larger of the distance to the box, and |d| - (radius sin + thickness |cos|) of the angle between the way d
        to the centre and the axis: a disc seen from above is hardly nearer than its middle.
        """
        to = self.centre[node] - points
        beyond = np.maximum(np.maximum(self.lower[node] - points, points - self.upper[node]), 0.0)
        away = np.sqrt(np.einsum("ij,ij->i", to, to))
        cosine = np.abs(np.einsum("ij,ij->i", self.axis[node], to)) / np.where(away > 0, away, 1.0)
        sine = np.sqrt(np.maximum(1 - cosine * cosine, 0.0))
        disc = away - (self.radius[node] * sine + self.thickness[node] * cosine) * (1 + 1e-9)
        return np.maximum(disc, np.sqrt(np.einsum("ij,ij->i", beyond, beyond)))


@dataclass(frozen=True, eq=False)
class TriangleTree:
    """Triangles ordered along a curve through space, and levels of nodes over them, from single triangles to one root.

    Attributes:
        corners: of the triangles, or pieces of triangles, in the order of the tree ``(m, 3, 3)``.
        order: which triangle of the mesh each is, or is a piece of ``(m,)``.
        levels: the first has a node for each triangle, the last has at most FAN.
    """

    corners: Floats
    order: Indices
    levels: tuple[Level, ...]

    def walk(
        self, points: int, opened: Callable[[Level, Indices, Indices], NDArray[np.bool_]]
    ) -> Iterator[tuple[Indices, Indices]]:
        """Pairs (point, node) from the root down, all pairs of a level at once.

        Args:
            points: how many, numbered from 0.
            opened: for a level and pairs (point, node) of it, which are to be followed down.

        Yields:
            The pairs of single triangles that were opened.
        """
        top = len(self.levels) - 1
        count = len(self.levels[top].radius)
        point, node = np.repeat(np.arange(points), count), np.tile(np.arange(count), points)
        for number in range(top, -1, -1):
            level = self.levels[number]
            keep = opened(level, point, node)
            point, node = point[keep], node[keep]
            if number == 0:
                yield point, node
                return
            below = len(self.levels[number - 1].radius)
            node = (FAN * node[:, None] + np.arange(FAN)).reshape(-1)
            point = np.repeat(point, FAN)
            there = node < below
            if not there.all():
                point, node = point[there], node[there]


def triangle_tree(mesh: trimesh.Trimesh) -> TriangleTree:
    """The tree of a mesh.  Triangles follow each other along Morton's curve, and each run of eight is a node.

    Triangles much longer than the others, slivers of CAD models above all, are cut into pieces first: one of them makes
    its node, and all nodes above, as long as itself.
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
    while len(lower) > FAN:
        starts = np.arange(0, len(lower), FAN)
        lower, upper = np.minimum.reduceat(lower, starts), np.maximum.reduceat(upper, starts)
        area, moment, vectors = (np.add.reduceat(a, starts) for a in (area, moment, vectors))
        levels.append(_level(corners, lower, upper, area, moment, vectors, FAN ** len(levels)))
    return TriangleTree(corners, whole, tuple(levels))


def _cut(corners: Floats) -> tuple[Floats, Indices]:
    """Long triangles halved across their longest edge until all are short; and which triangle each piece is of."""
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
) -> Level:
    """Nodes of `width` triangles each."""
    safe = np.where(area > 0, area, 1.0)[:, None]
    centre = np.where(area[:, None] > 0, moment / safe, (lower + upper) / 2)
    length = np.linalg.norm(vectors, axis=1)[:, None]
    axis = np.where(length > 0, vectors / np.where(length > 0, length, 1.0), np.eye(3)[2])
    node = np.arange(len(corners)) // width
    from_centre = corners - centre[node][:, None, :]
    starts = np.arange(0, len(corners), width)
    radius = np.maximum.reduceat(np.linalg.norm(from_centre, axis=2).max(axis=1), starts)
    off = np.abs(np.einsum("ikj,ij->ik", from_centre, axis[node])).max(axis=1)
    return Level(lower, upper, centre, vectors, axis, radius, np.maximum.reduceat(off, starts))
