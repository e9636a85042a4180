"""The signed distance of a closed mesh: exact distance to its triangles, the side by winding numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pinnkit.surfaces.mesh.mesh_checks import examine
from pinnkit.surfaces.mesh.nearest import NearestPoint
from pinnkit.surfaces.mesh.winding import WindingNumber

if TYPE_CHECKING:
    import trimesh

__all__ = ["MeshDistance"]


@dataclass(frozen=True, eq=False)
class MeshDistance:
    """Calls with points ``(n, 3)`` give signed distances ``(n,)``, negative inside, in the unit of the mesh.

    A point is inside where the mesh winds around it, |w| > 1/2: solids that overlap are one, a shell turned inward is a
    hollow.  No library but numpy and scipy, no display, no rays that could slip through an edge.

    Args:
        nearest: exact distance.
        winding: winding number.
    """

    nearest: NearestPoint
    winding: WindingNumber

    @classmethod
    def of(cls, mesh: trimesh.Trimesh, *, source: str = "the mesh") -> MeshDistance:
        """For a closed and consistently oriented mesh.

        Args:
            mesh: triangles.
            source: what to call it in a message.

        Raises:
            ValueError: for an open mesh, with the number of its boundary edges, or one whose triangles are not
                oriented alike; and what to do about it.
        """
        state = examine(mesh)
        if not state.triangles:
            raise ValueError(f"{source} has no triangles, so it has no inside")
        if state.boundary_edges:
            raise ValueError(
                f"{source} is open: {state.boundary_edges:,} of its edges have one triangle only, so it has no "
                f"inside. Close its holes by `pinnkit.surfaces.mended(mesh).mesh` (`notes` say how large they are), "
                f"or make a closed surface of it: pinnkit reconstruct FILE --out closed.ply"
            )
        if not state.oriented:
            raise ValueError(
                f"{source} is closed, but its triangles are not oriented alike, so that it does not wind around its "
                f"inside; turn them by `pinnkit.surfaces.mended(mesh).mesh`"
            )
        nearest = NearestPoint.of(mesh)
        return cls(nearest, WindingNumber(nearest.tree))

    def __call__(self, points: Tensor) -> Tensor:
        """Signed distance of each point, float64."""
        distance = torch.from_numpy(self.nearest(points.detach().cpu().numpy()).distance).to(points.device)
        return torch.where(self.contains(points), -distance, distance)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each point ``(n, 3)`` is inside, ``(n,)`` bool."""
        return torch.from_numpy(abs(self.winding(points.detach().cpu().numpy())) > 0.5).to(points.device)
