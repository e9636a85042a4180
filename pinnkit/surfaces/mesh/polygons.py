"""Triangulation of polygonal faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Polygons"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


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

        Source: Meisters, Polygons have ears, Amer. Math. Monthly 82 (1975) 648.
        """
        starts = np.cumsum(self.counts) - self.counts
        found = [np.zeros((0, 3), np.int64)]
        for count in np.unique(self.counts[self.counts >= 3]):
            rows = starts[self.counts == count]
            faces = self.corners[rows[:, None] + np.arange(count)]
            found.append(
                faces if count == 3 else self._split_quadrilaterals(faces) if count == 4 else self._split_larger(faces)
            )
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

    def _split_larger(self, faces: Indices) -> Indices:
        fan = self.vertices[faces] - self.vertices[faces[:, :1]]
        normal = np.cross(fan, np.roll(fan, -1, axis=1)).sum(axis=1)
        areas = np.einsum("nij,nj->ni", np.cross(fan[:, 1:-1], fan[:, 2:]), normal)
        covered = (areas >= -1e-9 * np.abs(areas).max(axis=1, initial=0.0)[:, None]).all(axis=1)
        spokes = np.arange(1, faces.shape[1] - 1)
        simple = faces[covered][:, np.stack([0 * spokes, spokes, spokes + 1], axis=1)].reshape(-1, 3)
        return np.concatenate([simple, *(_clip_ears(self.vertices, face) for face in faces[~covered])])


def _clip_ears(vertices: Floats, face: Indices) -> Indices:
    """Triangulate one non-convex face by ear clipping in its plane."""
    flat = _project_to_plane(vertices[face])
    left, found = list(range(len(face))), []
    ears = [_ear_quality(flat, left, i) for i in range(len(left))]
    while len(left) > 3:
        if max(ears) <= 0:  # clipping may have made new ears
            ears = [_ear_quality(flat, left, i) for i in range(len(left))]
        best = int(np.argmax(ears))
        found.append([left[best - 1], left[best], left[(best + 1) % len(left)]])
        del left[best], ears[best]
        for i in (best - 1, best % len(left)):
            ears[i] = _ear_quality(flat, left, i)
    found.append(left)
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


def _ear_quality(flat: Floats, left: list[int], i: int) -> float:
    """Quality of corner i as an ear: the least sine of its triangle; negative if it is no ear."""
    rows = [left[i - 1], left[i], left[(i + 1) % len(left)]]
    a, b, c = flat[rows]
    area = _cross_2d(b - a, c - a)
    longest = max(float(s @ s) for s in (b - a, c - b, a - c))
    if not area > 1e-12 * longest:
        return -1.0 if area < -1e-12 * longest else -0.5  # degenerate corners are clipped before reflex ones
    others = flat[[r for r in left if r not in rows]]
    sides = np.stack([_cross_2d(q - p, others - p) for p, q in ((a, b), (b, c), (c, a))])
    inside = (sides >= 0).all(axis=0)
    inside &= (
        np.abs(others[:, None] - np.stack([a, b, c])).max(axis=2).min(axis=1) > 0
    )  # bridges to holes repeat vertices
    return -0.9 if inside.any() else float(area / longest)


def _cross_2d(u: Floats, v: Floats) -> NDArray[np.float64]:
    return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])
