"""Accuracy of neural surface reconstructions for solids with exact distance: topology, distances, seconds."""

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
_BOX_FACTOR = 1.15
_SAMPLES = 50_000


def noisy_cloud(shape: Shape, noise: float, seed: int, points: int = POINTS) -> PointCloud:
    """Points on a shape with Gaussian noise of standard deviation `noise` times the diagonal; without normals."""
    from pinnkit.surfaces import PointCloud
    from pinnkit.surfaces.solids.solids import diagonal

    generator = torch.Generator().manual_seed(1_000 + seed)
    on = shape.sample(points, generator)
    moved = on + noise * diagonal(shape) * torch.randn(on.shape, generator=generator, dtype=torch.float64)
    return PointCloud.of(moved.numpy(), source=type(shape).__name__)


def neural_row(shape: Shape, noise: float, seed: int) -> dict[str, float | bool]:
    """Accuracy of `reconstruct` with its defaults, from 10,000 points without normals; units as in `score`.

    Args:
        shape: solid with exact distance.
        noise: standard deviation over the diagonal.
        seed: of the points and of the reconstruction.
    """
    from pinnkit.surfaces import reconstruct

    began = time.perf_counter()
    made = reconstruct(noisy_cloud(shape, noise, seed), seed=seed)
    return score(made, shape, time.perf_counter() - began)


def igr_row(shape: Shape, seed: int) -> dict[str, float | bool]:
    """Accuracy of a network trained on the points alone by the IGR losses; units as in `score`.

    Source: Gropp et al., Implicit Geometric Regularization for Learning Shapes, ICML 2020.
    """
    from pinnkit.surfaces import IGR, reconstruct

    began = time.perf_counter()
    made = reconstruct(noisy_cloud(shape, 0.0, seed), losses=IGR(), seed=seed)
    return score(made, shape, time.perf_counter() - began)


def score(made: Reconstruction, shape: Shape, seconds: float) -> dict[str, float | bool]:
    """Chamfer and Hausdorff distance and error of the signed distance in 1.15 x the box, in % of the diagonal.

    The diagonal is that of the bounding box of the exact shape.
    """
    from pinnkit.surfaces.mesh.metrics import compare_surfaces, distance_error
    from pinnkit.surfaces.solids.solids import diagonal

    percent = 100 / diagonal(shape)
    found = compare_surfaces(made.mesh, shape.mesh(), generator=np.random.default_rng(0), samples=_SAMPLES)
    lower, upper = (b.numpy() for b in shape.bounds)
    middle, half = (lower + upper) / 2, _BOX_FACTOR * (upper - lower) / 2
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
