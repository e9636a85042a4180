"""Initial state of a fit: training pixels, initial occupancy, and lengths that suit the scene."""

from __future__ import annotations

import torch

from pinnkit.radiance.data.scene import Scene, corners
from pinnkit.radiance.data.scene_bounds import initial_occupancy
from pinnkit.radiance.rendering.ray_marching import RayMarcher
from pinnkit.radiance.rendering.rays import Rays

__all__ = ["grid_nodes", "initial_rays", "longest_side", "pixel_footprint"]


def initial_rays(scene: Scene, resolution: int, step: float, *, generator: torch.Generator) -> Rays:
    """Training pixels with the initial occupancy (`initial_occupancy`).

    Args:
        scene: the views.
        resolution: cells along the longest side of the box.
        step: distance between samples, a length.
        generator: draws a subset of the pixels where there are too many.
    """
    sampler = RayMarcher(initial_occupancy(scene, resolution), step, contraction=scene.contraction)
    return Rays.of(scene.train, scene.box, sampler, background=scene.training_background, generator=generator)


def longest_side(scene: Scene) -> float:
    """Longest side of the box."""
    lower, upper = corners(scene.box)
    return float((upper - lower).max())


def pixel_footprint(scene: Scene) -> float:
    """Size of a pixel at the centre of the box, median over the training views: the finest visible detail."""
    lower, upper = corners(scene.box)
    middle = (lower + upper) / 2
    sizes = [
        float((view.camera.position - middle).norm()) / max(view.camera.fx, view.camera.fy) for view in scene.train
    ]
    return max(float(torch.tensor(sizes).median()), 1e-4 * longest_side(scene))


def grid_nodes(scene: Scene, longest: int) -> tuple[int, int, int]:
    """Nodes along x, y and z in proportion to the sides of the box, `longest` along the longest."""
    lower, upper = corners(scene.box)
    sides = (upper - lower) / (upper - lower).max()
    x, y, z = (max(8, round(float(side) * longest)) for side in sides)
    return x, y, z
