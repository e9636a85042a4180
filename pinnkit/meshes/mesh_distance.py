"""Signed distance of a closed mesh: exact distance to its triangles, sign by winding numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .mesh_checks import check_mesh
from .nearest import NearestPoint
from .winding import WindingNumber

if TYPE_CHECKING:
    import trimesh

__all__ = ["MeshDistance"]


@dataclass(frozen=True, eq=False)
class MeshDistance:
    """Signed distances ``(n,)`` of points ``(n, 3)``, negative inside, in the unit of the mesh.

    A point is inside if |w| > 1/2: overlapping solids are united, and a shell with inward orientation is a cavity.

    Args:
        nearest: exact distance.
        winding: winding number.
    """

    nearest: NearestPoint
    winding: WindingNumber

    @classmethod
    def of(cls, mesh: trimesh.Trimesh, *, source: str = "the mesh") -> MeshDistance:
        """Build for a closed and consistently oriented mesh.

        Args:
            mesh: triangles.
            source: name of the mesh in a message.

        Raises:
            ValueError: for an open mesh, with the number of its boundary edges, or an inconsistently oriented one; with
                the repair.
        """
        state = check_mesh(mesh)
        if not state.triangles:
            raise ValueError(f"{source} has no triangles, so it has no inside")
        if state.boundary_edges:
            raise ValueError(
                f"{source} is open: {state.boundary_edges:,} of its edges have one triangle only, so it has no "
                f"inside. Close its holes by `pinnkit.surfaces.repair_mesh(mesh).mesh` (`notes` say how large they "
                f"are), or make a closed surface of it: pinnkit reconstruct FILE --out closed.ply"
            )
        if not state.oriented:
            raise ValueError(
                f"{source} is closed, but its triangles are not oriented alike, so that it does not wind around its "
                f"inside; turn them by `pinnkit.surfaces.repair_mesh(mesh).mesh`"
            )
        nearest = NearestPoint.of(mesh)
        return cls(nearest, WindingNumber(nearest.tree))

    def __call__(self, points: Tensor) -> Tensor:
        """Signed distance of each point, float64."""
        distance = torch.from_numpy(self.nearest(points.detach().cpu().numpy()).distance).to(points.device)
        return torch.where(self.contains(points), -distance, distance)

    def contains(self, points: Tensor) -> Tensor:
        """Mask ``(n,)`` of the points ``(n, 3)`` that are inside."""
        return torch.from_numpy(abs(self.winding(points.detach().cpu().numpy())) > 0.5).to(points.device)
