"""A solid given by a closed mesh, to measure reconstructions against: scans, CAD parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pinnkit.surfaces.distance.mesh_distance import MeshDistance
from pinnkit.surfaces.io.files import read_mesh
from pinnkit.surfaces.mesh.mesh_checks import examine
from pinnkit.surfaces.mesh.sampling import sample_mesh
from pinnkit.surfaces.points.normalisation import Normalisation

if TYPE_CHECKING:
    import trimesh

__all__ = ["Scanned"]


@dataclass(frozen=True, eq=False)
class Scanned:
    """What a closed mesh encloses; the triangles are the exact surface.

    Attributes:
        triangles: closed and oriented, in normalised coordinates.
        signed: distance to them, exact.
        euler: of the mesh.
        volume: of the mesh.
    """

    triangles: trimesh.Trimesh
    signed: MeshDistance = field(repr=False)
    euler: int
    volume: float

    @classmethod
    def of(cls, mesh: trimesh.Trimesh, *, source: str = "the mesh") -> Scanned:
        """Of a mesh in any unit, moved and scaled into the normalised cube.

        Args:
            mesh: closed and oriented.
            source: what to call it in a message.

        Raises:
            ValueError: for a mesh that is open or not oriented.
        """
        import trimesh

        vertices = np.asarray(mesh.vertices, np.float64)
        moved = Normalisation.of(vertices[np.unique(mesh.faces)]).apply(vertices)
        triangles = trimesh.Trimesh(moved, mesh.faces, process=False)
        signed = MeshDistance.of(triangles, source=source)
        return cls(triangles, signed, examine(triangles).euler, float(triangles.volume))

    @classmethod
    def read(cls, path: str | Path) -> Scanned:
        """Of a file that `read_mesh` reads."""
        return cls.of(read_mesh(path), source=Path(path).name)

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Of the vertices."""
        lower, upper = np.array(self.triangles.bounds, np.float64)
        return torch.from_numpy(lower), torch.from_numpy(upper)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Points of equal density on the triangles."""
        seed = int(torch.randint(0, 2**31, (), generator=generator))
        return torch.from_numpy(sample_mesh(self.triangles, n, np.random.default_rng(seed))[0])

    def distance(self, points: Tensor) -> Tensor:
        """Exact, the side by winding numbers."""
        return self.signed(points)

    def mesh(self) -> trimesh.Trimesh:
        """The triangles themselves."""
        return self.triangles
