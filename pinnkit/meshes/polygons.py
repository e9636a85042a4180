"""Triangulation of polygonal faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Polygons"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_SWEEPS = 4
"""Most times that all ears of a polygon are looked for again; one that has none crosses itself."""
_MOST_EARS = 75_000
"""Limit of the sum of n (1 + n / 1000) over non-convex polygons of n corners: about ten seconds of ear clipping."""


@dataclass(frozen=True, eq=False)
class Polygons:
    """Polygonal faces over shared vertices.

    Attributes:
        vertices: ``(n, 3)``.
        counts: number of corners of each face ``(m,)``.
        corners: rows of `vertices`, face after face ``(sum of counts,)``.
    """

    vertices: Floats
    counts: Indices
    corners: Indices

    @classmethod
    def of_triangles(cls, vertices: Floats, triangles: Indices) -> Polygons:
        """Faces with three corners each, ``(m, 3)``."""
        return cls(vertices, np.full(len(triangles), 3), triangles.reshape(-1))

    def triangles(self) -> Indices:
        """Triangulate the faces: rows of `vertices` ``(t, 3)`` with the orientation of the faces.

        Faces with fewer than three corners are dropped.  Quadrilaterals are split along the diagonal with the smaller
        fold. Larger faces are split as a fan from the first corner where that is valid, otherwise by ear clipping.

        Raises:
            ValueError: for non-convex faces whose corners are too many to clip ears in about ten seconds.

        Source: Meisters, Polygons have ears, Amer. Math. Monthly 82 (1975) 648.
        """
        starts = np.cumsum(self.counts) - self.counts
        clipped = 0.0
        found = [np.zeros((0, 3), np.int64)]
        for count in np.unique(self.counts[self.counts >= 3]):
            rows = starts[self.counts == count]
            faces = self.corners[rows[:, None] + np.arange(count)]
            if count == 3:
                found.append(faces)
            elif count == 4:
                found.append(self._split_quadrilaterals(faces))
            else:
                fans, others = self._fans(faces)
                clipped += len(others) * count * (1 + count / 1000)
                if clipped > _MOST_EARS:
                    raise ValueError(
                        f"its faces that are not convex have too many corners, one has {count:,}; triangulate them in "
                        f"the program that wrote the file"
                    )
                found += [fans, *(_clip_ears(self.vertices, face) for face in others)]
        return np.concatenate(found)

    def _split_quadrilaterals(self, faces: Indices) -> Indices:
        a, b, c, d = self.vertices[faces].transpose(1, 0, 2)
        normal = np.cross(c - a, d - b)

        def least(*pairs: tuple[Floats, Floats]) -> Floats:
            return np.minimum(*(np.einsum("ij,ij->i", np.cross(u, v), normal) for u, v in pairs))

        one, other = least((b - a, c - a), (c - a, d - a)), least((b - a, d - a), (c - b, d - b))
        size = np.einsum("ij,ij->i", normal, normal)
        first = (one >= other - 1e-9 * size)[:, None, None]  # convex and flat faces: either diagonal
        return np.where(first, faces[:, [[0, 1, 2], [0, 2, 3]]], faces[:, [[0, 1, 3], [1, 2, 3]]]).reshape(-1, 3)

    def _fans(self, faces: Indices) -> tuple[Indices, Indices]:
        """Triangles of the faces that are a fan of their first corner, and the faces that are none."""
        fan = self.vertices[faces] - self.vertices[faces[:, :1]]
        normal = np.cross(fan, np.roll(fan, -1, axis=1)).sum(axis=1)
        areas = np.einsum("nij,nj->ni", np.cross(fan[:, 1:-1], fan[:, 2:]), normal)
        covered = (areas >= -1e-9 * np.abs(areas).max(axis=1, initial=0.0)[:, None]).all(axis=1)
        spokes = np.arange(1, faces.shape[1] - 1)
        simple = faces[covered][:, np.stack([0 * spokes, spokes, spokes + 1], axis=1)].reshape(-1, 3)
        return simple, faces[~covered]


def _clip_ears(vertices: Floats, face: Indices) -> Indices:
    """Triangulate one non-convex face by ear clipping in its plane."""
    at, rows, found, sweeps = _project_to_plane(vertices[face]), np.arange(len(face)), [], 0
    ears = np.array([_ear_quality(at, i) for i in range(len(rows))])
    while len(rows) > 3:
        if ears.max() <= 0 and sweeps < _SWEEPS:  # clipping may have made new ears
            ears, sweeps = np.array([_ear_quality(at, i) for i in range(len(rows))]), sweeps + 1
        best = int(ears.argmax())
        found.append([rows[best - 1], rows[best], rows[(best + 1) % len(rows)]])
        at, rows, ears = np.delete(at, best, axis=0), np.delete(rows, best), np.delete(ears, best)
        for i in (best - 1, best % len(rows)):
            ears[i] = _ear_quality(at, i)
    found.append(list(rows))
    return face[np.array(found)]


def _project_to_plane(at: Floats) -> Floats:
    """Coordinates ``(n, 2)`` in the plane of a polygon, counter-clockwise; the normal is by Newell."""
    at = at - at.mean(axis=0)
    normal = np.cross(at, np.roll(at, -1, axis=0)).sum(axis=0)
    length = np.linalg.norm(normal)
    if not length > 0:
        return at[:, :2]
    normal = normal / length
    first = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    first /= np.linalg.norm(first)
    return np.stack([at @ first, at @ np.cross(normal, first)], axis=1)


def _ear_quality(at: Floats, i: int) -> float:
    """Quality of corner i of a polygon as an ear: the least sine of its triangle; negative if it is no ear."""
    rows = [i - 1, i, (i + 1) % len(at)]
    a, b, c = at[rows]
    area = float(_cross_2d(b - a, c - a))
    longest = max(float(s @ s) for s in (b - a, c - b, a - c))
    if not area > 1e-12 * longest:
        return -1.0 if area < -1e-12 * longest else -0.5  # degenerate corners are clipped before reflex ones
    inside = np.ones(len(at), bool)
    inside[rows] = False
    for p, q in ((a, b), (b, c), (c, a)):
        inside &= _cross_2d(q - p, at - p) >= 0
    if inside.any():
        others = at[inside]  # bridges to holes repeat vertices
        inside = np.abs(others[:, None] - np.stack([a, b, c])).max(axis=2).min(axis=1) > 0
    return -0.9 if inside.any() else area / longest


def _cross_2d(u: Floats, v: Floats) -> NDArray[np.float64]:
    return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])
