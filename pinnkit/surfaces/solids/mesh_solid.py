"""Solid given by a closed mesh, such as a scan or a CAD part, as ground truth for reconstructions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pinnkit.meshes.mesh_checks import check_mesh
from pinnkit.meshes.mesh_distance import MeshDistance
from pinnkit.meshes.mesh_reading import read_mesh
from pinnkit.surfaces.mesh.sampling import sample_mesh
from pinnkit.surfaces.points.normalisation import Normalisation

if TYPE_CHECKING:
    import trimesh

__all__ = ["MeshSolid"]


@dataclass(frozen=True, eq=False)
class MeshSolid:
    """Interior of a closed mesh, whose triangles are the exact surface.

    Attributes:
        triangles: closed and oriented, in normalised coordinates.
        signed_distance: exact distance to them.
        euler: Euler number of the mesh.
        volume: of the mesh.
    """

    triangles: trimesh.Trimesh
    signed_distance: MeshDistance = field(repr=False)
    euler: int
    volume: float

    @classmethod
    def of(cls, mesh: trimesh.Trimesh, *, source: str = "the mesh") -> MeshSolid:
        """Make from a mesh in any unit, normalised to the cube.

        Args:
            mesh: closed and oriented.
            source: name in messages.

        Raises:
            ValueError: for a mesh that is open or not oriented.
        """
        import trimesh

        vertices = np.asarray(mesh.vertices, np.float64)
        moved = Normalisation.of(vertices[np.unique(mesh.faces)]).apply(vertices)
        triangles = trimesh.Trimesh(moved, mesh.faces, process=False)
        signed_distance = MeshDistance.of(triangles, source=source)
        return cls(triangles, signed_distance, check_mesh(triangles).euler, float(triangles.volume))

    @classmethod
    def read(cls, path: str | Path) -> MeshSolid:
        """Make from a file that `read_mesh` reads."""
        return cls.of(read_mesh(path), source=Path(path).name)

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Bounding box of the vertices."""
        lower, upper = np.array(self.triangles.bounds, np.float64)
        return torch.from_numpy(lower), torch.from_numpy(upper)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Points of equal density on the triangles."""
        seed = int(torch.randint(0, 2**31, (), generator=generator))
        return torch.from_numpy(sample_mesh(self.triangles, n, np.random.default_rng(seed))[0])

    def distance(self, points: Tensor) -> Tensor:
        """Exact distance, signed by winding numbers."""
        return self.signed_distance(points)

    def mesh(self) -> trimesh.Trimesh:
        """The triangles."""
        return self.triangles
