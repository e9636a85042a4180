"""The recipe for captures: things in their surroundings, from opaque photographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from pinnkit.fields import RadiancePlanes, Voxels
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.data.scene_bounds import first_cells
from pinnkit.radiance.rendering.importance_sampling import Guided
from pinnkit.radiance.rendering.pruning import densities
from pinnkit.radiance.rendering.ray_marching import Marcher
from pinnkit.radiance.rendering.rays import Rays
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Stage
from pinnkit.solvers.plans.curriculum import MakeStage

from .initialization import first_rays, footprint, longest_side, nodes_along
from .stages import adam, check_positive, stage

__all__ = ["Captured"]


@dataclass(frozen=True)
class Captured:
    """Voxels on all of contracted space, then planes and lines that grow, on samples that the stage before guides.

    A photograph shows something everywhere, so nothing is carved: what is left out is what no three views see, and what
    is near to a camera.

    Args:
        effort: 1 is about a minute on two cores; steps grow with it, and resolution slowly.
        components: of planes and lines.
        width: of the hidden layers.
        batch: rays a step.

    Raises:
        ValueError: for numbers that are not positive.
    """

    effort: float = 1.0
    components: int = 12
    width: int = 64
    batch: int = 1536

    def __post_init__(self) -> None:
        check_positive(self, "effort", "components", "width", "batch")

    def stages(self, scene: Scene, generator: torch.Generator, every: int) -> list[MakeStage]:
        """Voxels, and three stages of planes and lines."""
        longest = longest_side(scene)
        finest = min(int(2.5 * longest / footprint(scene)), round(192 * min(self.effort, 16.0) ** 0.2))
        finest = max(finest, 24)
        voxels = min(48, finest)
        total = max(round(500 * self.effort), 8)
        plan = (  # nodes, share of all steps, samples a ray, cells, learning rates fall to
            (max(voxels, finest // 2), 0.2, 16, finest // 3, 0.4),
            (max(voxels, 3 * finest // 4), 0.3, 20, finest // 2, 0.3),
            (finest, 0.5, 24, 2 * finest // 3, 0.02),
        )
        state: dict[str, Rays] = {}

        def begin(_: Solution | None) -> Stage:
            rays = first_rays(scene, voxels, longest / 50, generator=generator)
            state["rays"] = rays
            warm = adam(max(round(80 * min(self.effort, 3.0)), 4), self.batch, warmup=3, final=0.2)
            field = Voxels(resolution=nodes_along(scene, voxels))
            return stage(scene, state["rays"], field, warm, every, starts=False)

        def grow(number: int) -> Callable[[Solution | None], Stage]:
            nodes, share, samples, resolution, final = plan[number]

            def make(previous: Solution | None) -> Stage:
                assert previous is not None
                grid = first_cells(scene, max(16, resolution))
                pieces = Marcher(grid, 1.5 * float(grid.cell.max()), space=scene.space)
                guided = Guided(pieces, densities(previous.fieldset, grid), samples)
                rays = replace(state["rays"], marcher=guided)
                field = RadiancePlanes(nodes_along(scene, nodes), components=self.components, width=self.width)
                steps = max(round(share * total), 2)
                solver = adam(steps, self.batch, warmup=min(10, steps // 4), final=final)
                return stage(scene, rays, field, solver, every, starts=number > 0)

            return make

        return [begin, *(grow(number) for number in range(len(plan)))]
