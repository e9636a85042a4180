"""Recipe of NeRF: coarse and fine networks with hierarchical sampling."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, ClassVar

import torch

from pinnkit.fields import ViewMLP
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.rendering.hierarchical import HierarchicalRays, StratifiedRays
from pinnkit.radiance.rendering.ray_marching import RayMarcher
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Adam, Cosine, Monitor, Plan, RunOptions, Stage
from pinnkit.solvers.plans.curriculum import MakeStage

from .evaluation import Evaluation
from .initialization import initial_rays, longest_side
from .radiance_problem import radiance_problem
from .registry import RECIPES
from .stages import check_positive

__all__ = ["ClassicalNerf"]


@RECIPES.register("nerf")
@dataclass(frozen=True)
class ClassicalNerf:
    """Coarse and fine networks with hierarchical sampling (NeRF).

    Args:
        steps: steps of Adam.
        batch: rays per step.
        coarse: stratified samples per ray.
        fine: further samples per ray, drawn from the weights of the coarse field.
        field: of both networks.

    Raises:
        ValueError: for numbers that are not positive.

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.
    """

    steps: int = 1000
    batch: int = 512
    coarse: int = 32
    fine: int = 32
    field: ViewMLP = dataclass_field(default_factory=ViewMLP)
    default_seconds: ClassVar[float] = 300.0

    def __post_init__(self) -> None:
        check_positive("ClassicalNerf", steps=self.steps, batch=self.batch, coarse=self.coarse, fine=self.fine)

    @classmethod
    def within(cls, seconds: float) -> ClassicalNerf:
        """Recipe whose number of steps is meant for a training time, in seconds on two cores."""
        return cls(steps=max(round(cls().steps * (seconds / cls.default_seconds)), 10))

    def stages(self, scene: Scene, generator: torch.Generator, every: int) -> list[MakeStage]:
        """One stage."""

        def make(_: Solution | None) -> Stage:
            rays = initial_rays(scene, 48, longest_side(scene) / 60, generator=generator)
            density = self.field.build(rays.axes, 4, generator=generator, dtype=torch.float32, device="cpu")
            coarse = StratifiedRays(rays, self.coarse)
            fine = HierarchicalRays(coarse, density, self.fine)
            sampler = RayMarcher(rays.sampler.grid, longest_side(scene) / 100, contraction=scene.contraction)
            monitor = Monitor({"psnr": Evaluation(scene, sampler).subset_psnr(2_000)}, every=every)
            groups: dict[tuple[str, ...], Any] = {
                ("density", "colour"): self.field,
                ("coarse_density", "coarse_colour"): density,
            }
            solver = Adam(steps=self.steps, batch=self.batch, betas=(0.9, 0.99), schedule=Cosine(warmup=20, final=0.1))
            plan = Plan.single(self.field, (solver,), "The field of NeRF, coarse and fine.")
            problem = radiance_problem(scene, fine, sampler, coarse_rays=coarse, plan=plan)
            return Stage(problem, groups, solver, starts=False, options=RunOptions(monitor=monitor))

        return [make]
