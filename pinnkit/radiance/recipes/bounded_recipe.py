"""Recipe for bounded scenes: silhouettes, voxels, then planes and lines that grow while empty space is removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch

from pinnkit.fields import RadiancePlanes, Voxels
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.rendering.pruning import pruned_sampler
from pinnkit.radiance.rendering.rays import Rays
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Stage
from pinnkit.solvers.plans.curriculum import MakeStage

from .initialization import grid_nodes, initial_rays, longest_side, pixel_footprint
from .registry import RECIPES
from .stages import PlaneSettings, grid_adam, make_stage

__all__ = ["Planes"]


@RECIPES.register("planes")
@dataclass(frozen=True)
class Planes(PlaneSettings):
    """Silhouettes, then voxels, then planes and lines that grow while empty space is removed.

    Args: those of `PlaneSettings`, by default 1,024 rays per step.
    """

    default_seconds: ClassVar[float] = 30.0

    def stages(self, scene: Scene, generator: torch.Generator, every: int) -> list[MakeStage]:
        """One stage of voxels and three of planes and lines."""
        longest, detail = longest_side(scene), pixel_footprint(scene)
        # Edges are sharper than pixels and fall on different pixel positions in different views.
        finest = min(int(2.5 * longest / detail), round(128 * min(self.effort, 16.0) ** 0.2))
        finest = max(finest, 24)
        step = max(longest / 200, 0.4 * detail) * (1.0 if self.effort <= 2 else 0.75)
        voxels = min(48, finest)
        cells = min(128, round(1.5 * finest))
        state: dict[str, Rays] = {}
        plan = (  # nodes, share of all steps, step, cells, margin, final learning-rate factor
            (max(voxels, finest // 2), 0.2, 2.0 * step, cells // 2, 0.04, 0.4),
            (max(voxels, 3 * finest // 4), 0.3, 1.4 * step, 3 * cells // 4, 0.03, 0.3),
            (finest, 0.5, step, cells, 0.025, 0.01),
        )
        total = max(round(500 * self.effort), 8)

        def begin(_: Solution | None) -> Stage:
            rays = initial_rays(scene, 48, longest / 60, generator=generator)
            state["rays"] = rays
            field = Voxels(resolution=grid_nodes(scene, voxels))
            warm = grid_adam(max(round(120 * min(self.effort, 3.0)), 4), self.batch, warmup=3, final=0.2)
            return make_stage(scene, rays, field, warm, every, starts=False)

        def grow(number: int) -> Callable[[Solution | None], Stage]:
            nodes, share, length, visited, margin, final = plan[number]

            def make(previous: Solution | None) -> Stage:
                assert previous is not None
                sampler = pruned_sampler(
                    previous.fieldset, state["rays"], visited, length, margin=margin * scene.diagonal,
                    generator=generator,
                )  # fmt: skip
                rays = state["rays"].with_sampler(sampler)
                state["rays"] = rays
                field = RadiancePlanes(grid_nodes(scene, nodes), components=self.components, width=self.width)
                steps = max(round(share * total), 2)
                batch = self.batch * (1 if number < 2 else 2)
                solver = grid_adam(steps, batch, warmup=min(10, steps // 4), final=final)
                return make_stage(scene, rays, field, solver, every, starts=number > 0)

            return make

        return [begin, *(grow(number) for number in range(len(plan)))]
