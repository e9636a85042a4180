"""Generalised winding numbers: how often a mesh goes around a point, 1 inside and 0 outside of a closed one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .bvh import Level, TriangleTree, triangle_tree

if TYPE_CHECKING:
    import trimesh

__all__ = ["WindingNumber", "solid_angles", "winding_number_of_all"]

_CHUNK = 2048
_PAIRS = 2**21  # (point, triangle) pairs at once, where all are taken
_FAR = 2.0  # nodes farther than so many of their radii count as dipoles

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WindingNumber:
    """Calls with points ``(n, 3)`` give their winding numbers ``(n,)``.

    w(p) = sum over triangles of their solid angle / 4 pi.  Groups of triangles farther than two of their radii are
    taken as dipoles, A . (c - p) / (4 pi |c - p|^3), which leaves errors of some 1e-2; the sign of w - 1/2 is what
    they are for.

    Args:
        tree: of the triangles.

    Source: Jacobson, Kavan & Sorkine-Hornung, Robust inside-outside segmentation using generalized winding numbers,
    ACM TOG 32 (2013) 33; Barill et al., Fast winding numbers for soups and clouds, ACM TOG 37 (2018) 43, §3.
    """

    tree: TriangleTree

    @classmethod
    def of(cls, mesh: trimesh.Trimesh) -> WindingNumber:
        """For the triangles of `mesh`."""
        return cls(triangle_tree(mesh))

    def __call__(self, points: Floats) -> Floats:
        """The winding number of each point."""
        points = np.asarray(points, dtype=np.float64)
        return np.concatenate(
            [np.zeros(0), *(self._some(points[i : i + _CHUNK]) for i in range(0, len(points), _CHUNK))]
        )

    def _some(self, points: Floats) -> Floats:
        total = np.zeros(len(points))

        def opened(level: Level, point: Indices, node: Indices) -> NDArray[np.bool_]:
            to = level.centre[node] - points[point]
            distance = np.sqrt(np.einsum("ij,ij->i", to, to))
            far = distance > _FAR * level.radius[node]
            dipole = np.einsum("ij,ij->i", level.dipole[node[far]], to[far]) / distance[far] ** 3
            np.add(total, np.bincount(point[far], weights=dipole, minlength=len(total)), out=total)
            return ~far

        for point, node in self.tree.walk(len(points), opened):
            angle = solid_angles(points[point], self.tree.corners[node])
            total += np.bincount(point, weights=angle, minlength=len(total))
        return total / (4 * math.pi)


def winding_number_of_all(mesh: trimesh.Trimesh, points: Floats) -> Floats:
    """The winding number from every triangle, no group taken as a dipole: what the fast road is tested against."""
    corners = np.asarray(mesh.vertices, np.float64)[np.asarray(mesh.faces)]
    rows = max(1, _PAIRS // len(corners))
    found = [np.zeros(0)]
    for start in range(0, len(points), rows):
        some = points[start : start + rows]
        pairs = solid_angles(np.repeat(some, len(corners), axis=0), np.tile(corners, (len(some), 1, 1)))
        found.append(pairs.reshape(len(some), -1).sum(axis=1) / (4 * math.pi))
    return np.concatenate(found)


def solid_angles(points: Floats, corners: Floats) -> Floats:
    """Signed solid angle of triangle i seen from point i, ``(n,)``, positive where its normal points away.

    tan(Omega / 2) = a . (b x c) / (|a||b||c| + (a . b)|c| + (b . c)|a| + (c . a)|b|).
    Source: van Oosterom & Strackee, The solid angle of a plane triangle, IEEE Trans. Biomed. Eng. 30 (1983) 125.
    """
    a, b, c = (corners[:, i] - points for i in range(3))
    la, lb, lc = (np.sqrt(np.einsum("ij,ij->i", v, v)) for v in (a, b, c))
    above = np.einsum("ij,ij->i", a, np.cross(b, c))
    below = la * lb * lc
    below += np.einsum("ij,ij->i", a, b) * lc + np.einsum("ij,ij->i", b, c) * la + np.einsum("ij,ij->i", c, a) * lb
    return 2 * np.arctan2(above, below)
