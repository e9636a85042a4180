"""What a fit begins with: the training pixels, the cells that silhouettes leave, and lengths that suit the scene."""

from __future__ import annotations

import torch

from pinnkit.radiance.data.scene import Scene, corners
from pinnkit.radiance.data.scene_bounds import first_cells
from pinnkit.radiance.rendering.ray_marching import Marcher
from pinnkit.radiance.rendering.rays import Rays

__all__ = ["first_rays", "footprint", "longest_side", "nodes_along"]


def first_rays(scene: Scene, resolution: int, step: float, *, generator: torch.Generator) -> Rays:
    """The training pixels, with the cells that silhouettes or views leave (`first_cells`).

    Args:
        scene: the views.
        resolution: cells along the longest side of the box.
        step: between samples, a length.
        generator: chooses pixels where there are more than memory should hold.
    """
    marcher = Marcher(first_cells(scene, resolution), step, space=scene.space)
    return Rays.of(scene.train, scene.box, marcher, background=scene.behind, generator=generator)


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
