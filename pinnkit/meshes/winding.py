"""Generalised winding numbers of meshes: 1 inside and 0 outside a closed mesh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .bvh import BVHLevel, TriangleBVH, build_bvh

if TYPE_CHECKING:
    import trimesh

__all__ = ["WindingNumber", "solid_angles", "winding_number_brute_force"]

_CHUNK = 2048
_PAIRS = 2**21  # (point, triangle) pairs per batch of the brute-force sum
_FAR = 2.0  # distance in radii beyond which a node is a dipole

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WindingNumber:
    """Winding numbers ``(n,)`` of points ``(n, 3)``.

    w(p) = sum over triangles of their solid angle / 4 pi.  Groups of triangles farther than two of their radii are
    replaced by dipoles, A . (c - p) / (4 pi |c - p|^3), with errors of about 1e-2, small enough for the sign of w -
    1/2.

    Args:
        tree: tree of the triangles.

    Source: Jacobson, Kavan & Sorkine-Hornung, Robust inside-outside segmentation using generalized winding numbers,
    ACM TOG 32 (2013) 33; Barill et al., Fast winding numbers for soups and clouds, ACM TOG 37 (2018) 43, §3.
    """

    tree: TriangleBVH

    @classmethod
    def of(cls, mesh: trimesh.Trimesh) -> WindingNumber:
        """Build for the triangles of `mesh`."""
        return cls(build_bvh(mesh))

    def __call__(self, points: Floats) -> Floats:
        """Winding number of each point."""
        points = np.asarray(points, dtype=np.float64)
        return np.concatenate(
            [np.zeros(0), *(self._some(points[i : i + _CHUNK]) for i in range(0, len(points), _CHUNK))]
        )

    def _some(self, points: Floats) -> Floats:
        total = np.zeros(len(points))

        def descend(level: BVHLevel, point: Indices, node: Indices) -> NDArray[np.bool_]:
            to = level.centre[node] - points[point]
            distance = np.sqrt(np.einsum("ij,ij->i", to, to))
            far = distance > _FAR * level.radius[node]
            dipole = np.einsum("ij,ij->i", level.dipole[node[far]], to[far]) / distance[far] ** 3
            np.add(total, np.bincount(point[far], weights=dipole, minlength=len(total)), out=total)
            return ~far

        for point, node in self.tree.traverse(len(points), descend):
            angle = solid_angles(points[point], self.tree.corners[node])
            total += np.bincount(point, weights=angle, minlength=len(total))
        return total / (4 * math.pi)


def winding_number_brute_force(mesh: trimesh.Trimesh, points: Floats) -> Floats:
    """Winding numbers ``(n,)`` summed over all triangles without dipoles; used to test `WindingNumber`.

    Args:
        mesh: triangles.
        points: ``(n, 3)``.
    """
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
