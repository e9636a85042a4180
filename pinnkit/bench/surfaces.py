"""Reconstructions of solids that are known exactly: closed, of the right topology, how far off, how long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from pinnkit.surfaces import PointCloud, Reconstruction
    from pinnkit.surfaces.solids.solids import Shape

__all__ = ["igr_row", "neural_row", "noisy_cloud", "score"]

POINTS = 10_000
_ROOM = 1.15
_SAMPLES = 50_000


def noisy_cloud(shape: Shape, noise: float, seed: int, points: int = POINTS) -> PointCloud:
    """Points on a shape, moved by Gaussian noise of standard deviation `noise` times the diagonal; no normals."""
    from pinnkit.surfaces import PointCloud
    from pinnkit.surfaces.solids.solids import diagonal

    generator = torch.Generator().manual_seed(1_000 + seed)
    on = shape.sample(points, generator)
    moved = on + noise * diagonal(shape) * torch.randn(on.shape, generator=generator, dtype=torch.float64)
    return PointCloud.of(moved.numpy(), source=type(shape).__name__)


def neural_row(shape: Shape, noise: float, seed: int) -> dict[str, float | bool]:
    """`reconstruct` as a user calls it, from 10,000 points without normals.

    Args:
        shape: exact.
        noise: standard deviation over the diagonal.
        seed: of the points, and of the reconstruction.
    """
    from pinnkit.surfaces import reconstruct

    began = time.perf_counter()
    made = reconstruct(noisy_cloud(shape, noise, seed), seed=seed)
    return score(made, shape, time.perf_counter() - began)


def igr_row(shape: Shape, seed: int) -> dict[str, float | bool]:
    """The pure neural road: IGR's losses and a softplus network that begins as a sphere, from the points alone."""
    from pinnkit.surfaces import IGR, reconstruct

    began = time.perf_counter()
    made = reconstruct(noisy_cloud(shape, 0.0, seed), losses=IGR(), seed=seed)
    return score(made, shape, time.perf_counter() - began)


def score(made: Reconstruction, shape: Shape, seconds: float) -> dict[str, float | bool]:
    """Chamfer, Hausdorff, and the error of the distance in 1.15 x the box, in % of the diagonal of the exact shape."""
    from pinnkit.surfaces.mesh.metrics import compare_surfaces, distance_error
    from pinnkit.surfaces.solids.solids import diagonal

    percent = 100 / diagonal(shape)
    found = compare_surfaces(made.mesh, shape.mesh(), generator=np.random.default_rng(0), samples=_SAMPLES)
    lower, upper = (b.numpy() for b in shape.bounds)
    middle, half = (lower + upper) / 2, _ROOM * (upper - lower) / 2
    error = distance_error(
        made.distance, shape.distance, (middle - half, middle + half), generator=torch.Generator().manual_seed(0)
    )
    stages: Mapping[str, float] = {f"{name}_seconds": used for name, used in made.seconds.items()}
    return {
        "chamfer": percent * found.chamfer,
        "hausdorff": percent * found.hausdorff,
        "distance_mean": percent * error.mean,
        "distance_p99": percent * error.p99,
        "euler_ok": made.mesh_report.euler == shape.euler,
        "closed": made.mesh_report.closed and made.mesh_report.oriented,
        "components": float(made.mesh_report.components),
        "seconds": seconds,
        **stages,
    }
