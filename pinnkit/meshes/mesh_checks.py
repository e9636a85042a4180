"""Checks of a mesh: closedness, orientation, topology, volume, area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    import trimesh

__all__ = ["MeshReport", "check_mesh"]


@dataclass(frozen=True)
class MeshReport:
    """Properties of a triangle mesh.

    Attributes:
        vertices: number of vertices used by triangles.
        triangles: number of triangles.
        boundary_edges: edges with one triangle (boundaries of holes).
        nonmanifold_edges: edges with more than two triangles.
        oriented: whether every shared edge is traversed equally often in both directions.
        components: connected components (sharing vertices).
        euler: V - E + F summed over the components; 2 for a sphere, 0 for a torus.
        volume: enclosed volume in cubed units of the mesh, positive for outward normals; meaningless for open meshes.
        area: in squared units of the mesh.
    """

    vertices: int
    triangles: int
    boundary_edges: int
    nonmanifold_edges: int
    oriented: bool
    components: int
    euler: int
    volume: float
    area: float

    @property
    def closed(self) -> bool:
        """True if every edge has exactly two triangles."""
        return self.triangles > 0 and self.boundary_edges == 0 and self.nonmanifold_edges == 0

    @property
    def summary(self) -> str:
        """All properties as text."""
        shape = "closed" if self.closed else f"open ({self.boundary_edges:,} boundary edges)"
        if self.nonmanifold_edges:
            shape += f", {self.nonmanifold_edges:,} edges with more than two triangles"
        side = "outward" if self.volume > 0 else "inward"
        way = f"oriented {side}" if self.oriented and self.closed else "oriented" if self.oriented else "not oriented"
        return (
            f"{shape}, {way}, Euler number {self.euler}, {self.components} "
            f"component{'' if self.components == 1 else 's'}, volume {self.volume:.6g}, area {self.area:.6g}, "
            f"{self.triangles:,} triangles"
        )


def check_mesh(mesh: trimesh.Trimesh) -> MeshReport:
    """Count the elements of a mesh and measure its volume and area; V - E + F over the vertices in use.

    The volume is the sum of signed tetrahedra with their apex at the centroid of the vertices instead of the origin, so
    that offsets cost no digits.

    Args:
        mesh: triangles.

    Source: Zhang & Chen, Efficient feature extraction for 2D/3D objects in mesh representation, ICIP 2001.
    """
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    if not len(faces):
        return MeshReport(0, 0, 0, 0, False, 0, 0, 0.0, 0.0)
    count = len(vertices)
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward = directed[:, 0] < directed[:, 1]
    low, high = np.sort(directed, axis=1).T
    _, inverse, uses = np.unique(low * count + high, return_inverse=True, return_counts=True)
    net = np.bincount(inverse, weights=np.where(forward, 1.0, -1.0))
    used = np.unique(faces)
    links = coo_array((np.ones(len(directed)), (directed[:, 0], directed[:, 1])), shape=(count, count))
    labels = connected_components(links, directed=False)[1]
    a, b, c = (vertices - vertices[used].mean(axis=0))[faces].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    return MeshReport(
        vertices=len(used),
        triangles=len(faces),
        boundary_edges=int((uses == 1).sum()),
        nonmanifold_edges=int((uses > 2).sum()),
        oriented=bool((net[uses >= 2] == 0).all()),
        components=len(np.unique(labels[used])),
        euler=len(used) - len(uses) + len(faces),
        volume=float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6),
        area=float(np.linalg.norm(normal, axis=1).sum() / 2),
    )
