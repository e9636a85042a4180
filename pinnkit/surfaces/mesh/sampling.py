"""Uniform sampling of points on the triangles of a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

__all__ = ["sample_mesh"]


def sample_mesh(
    mesh: trimesh.Trimesh, n: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sample points of equal density on the surface.

    A triangle is drawn with probability proportional to its area, then (1 - √r) A + √r (1 - s) B + √r s C with r, s
    uniform in [0, 1].

    Args:
        mesh: triangles.
        n: number of points.
        generator: source of randomness.

    Returns:
        The points ``(n, 3)``, and the triangle of each ``(n,)``.

    Source: Osada et al., Shape distributions, ACM TOG 21 (2002), §3.1.
    """
    if n < 1:
        raise ValueError(f"sample_mesh: `n` must be at least 1, got {n}")
    corners = np.asarray(mesh.vertices, np.float64)[np.asarray(mesh.faces)]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    if not area.sum() > 0:
        raise ValueError(f"sample_mesh: the mesh has no area ({len(corners)} triangles)")
    ends = np.cumsum(area)
    drawn = np.searchsorted(ends, generator.random(n) * ends[-1], side="right").clip(max=len(area) - 1)
    r, s = np.sqrt(generator.random(n))[:, None], generator.random(n)[:, None]
    a, b, c = corners[drawn].transpose(1, 0, 2)
    return a + r * (1 - s) * (b - a) + r * s * (c - a), drawn
