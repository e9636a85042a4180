"""What a fit begins with: the training pixels, the cells that silhouettes leave, and lengths that suit the scene."""

from __future__ import annotations

import torch

from .marching import Marcher
from .occupancy import OccupancyGrid, carve
from .rays import Rays
from .scene import Scene, corners

__all__ = ["first_rays", "footprint", "longest_side", "nodes_along"]


def first_rays(scene: Scene, resolution: int, step: float, *, generator: torch.Generator) -> Rays:
    """The training pixels, with the cells that the silhouettes leave, or all of them without transparency.

    Args:
        scene: the views.
        resolution: cells along the longest side of the box.
        step: between samples, a length.
        generator: chooses pixels where there are more than memory should hold.
    """
    lower, upper = (corner.float() for corner in corners(scene.box))
    if scene.has_alpha:
        cameras = [view.camera for view in scene.train]
        grid = carve(cameras, [view.alpha for view in scene.train], lower, upper, resolution)
    else:
        grid = OccupancyGrid.full(lower, upper, resolution)
    return Rays.of(scene.train, scene.box, Marcher(grid, step), generator=generator)


def longest_side(scene: Scene) -> float:
    """The longest side of the box."""
    lower, upper = corners(scene.box)
    return float((upper - lower).max())


def footprint(scene: Scene) -> float:
    """How large a pixel is at the middle of the box, median over the training views: the finest that can be seen."""
    lower, upper = corners(scene.box)
    middle = (lower + upper) / 2
    sizes = [
        float((view.camera.position - middle).norm()) / max(view.camera.fx, view.camera.fy) for view in scene.train
    ]
    return max(float(torch.tensor(sizes).median()), 1e-4 * longest_side(scene))


def nodes_along(scene: Scene, longest: int) -> tuple[int, int, int]:
    """Nodes along x, y and z, in proportion to the sides of the box, `longest` along the longest."""
    lower, upper = corners(scene.box)
    sides = (upper - lower) / (upper - lower).max()
    x, y, z = (max(8, round(float(side) * longest)) for side in sides)
    return x, y, z
