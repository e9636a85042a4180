"""Recipe for unbounded scenes: opaque photographs of things in their surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from pinnkit.fields import RadiancePlanes, Voxels
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.data.scene_bounds import initial_occupancy
from pinnkit.radiance.rendering.importance_sampling import ImportanceSampler
from pinnkit.radiance.rendering.pruning import cell_densities
from pinnkit.radiance.rendering.ray_marching import RayMarcher
from pinnkit.radiance.rendering.rays import Rays
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Stage
from pinnkit.solvers.plans.curriculum import MakeStage

from .initialization import grid_nodes, initial_rays, longest_side, pixel_footprint
from .registry import RECIPES
from .stages import PlaneSettings, grid_adam, make_stage

__all__ = ["UnboundedPlanes"]


@RECIPES.register()
@dataclass(frozen=True)
class UnboundedPlanes(PlaneSettings):
    """Voxels on contracted space, then planes and lines that grow, with importance sampling from the previous stage.

    Photographs show something everywhere, so nothing is carved.  Excluded are cells that fewer than three views see,
    and cells near a camera.

    Args: those of `PlaneSettings`, by default 1,536 rays per step.
    """

    batch: int = 1536
    default_seconds: ClassVar[float] = 60.0

    def stages(self, scene: Scene, generator: torch.Generator, every: int) -> list[MakeStage]:
        """One stage of voxels and three of planes and lines."""
        longest = longest_side(scene)
        finest = min(int(2.5 * longest / pixel_footprint(scene)), round(192 * min(self.effort, 16.0) ** 0.2))
        finest = max(finest, 24)
        voxels = min(48, finest)
        total = max(round(500 * self.effort), 8)
        plan = (  # nodes, share of all steps, samples per ray, cells, final learning-rate factor
            (max(voxels, finest // 2), 0.2, 16, finest // 3, 0.4),
            (max(voxels, 3 * finest // 4), 0.3, 20, finest // 2, 0.3),
            (finest, 0.5, 24, 2 * finest // 3, 0.02),
        )
        state: dict[str, Rays] = {}

        def begin(_: Solution | None) -> Stage:
            rays = initial_rays(scene, voxels, longest / 50, generator=generator)
            state["rays"] = rays
            warm = grid_adam(max(round(80 * min(self.effort, 3.0)), 4), self.batch, warmup=3, final=0.2)
            field = Voxels(resolution=grid_nodes(scene, voxels))
            return make_stage(scene, state["rays"], field, warm, every, starts=False)

        def grow(number: int) -> Callable[[Solution | None], Stage]:
            nodes, share, samples, resolution, final = plan[number]

            def make(previous: Solution | None) -> Stage:
                assert previous is not None
                grid = initial_occupancy(scene, max(16, resolution))
                pieces = RayMarcher(grid, 1.5 * float(grid.cell.max()), contraction=scene.contraction)
                sampler = ImportanceSampler(pieces, cell_densities(previous.fieldset, grid), samples)
                rays = replace(state["rays"], sampler=sampler)
                field = RadiancePlanes(grid_nodes(scene, nodes), components=self.components, width=self.width)
                steps = max(round(share * total), 2)
                solver = grid_adam(steps, self.batch, warmup=min(10, steps // 4), final=final)
                return make_stage(scene, rays, field, solver, every, starts=number > 0)

            return make

        return [begin, *(grow(number) for number in range(len(plan)))]
