"""fit_radiance: the stages by which a radiance field is fitted to a scene, each of them one `solve`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

import torch

from pinnkit.fields import RadiancePlanes, ViewMLP, Voxels
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.rendering.hierarchical import Hierarchical, Stratified
from pinnkit.radiance.rendering.pruning import next_marcher
from pinnkit.radiance.rendering.ray_marching import Marcher, Walk
from pinnkit.radiance.rendering.rays import Rays
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import Adam, Cosine, Monitor, Plan, RunOptions, Stage, in_stages
from pinnkit.solvers.plans.curriculum import MakeStage

from .evaluation import Examination
from .initialization import first_rays, footprint, longest_side, nodes_along
from .radiance_problem import radiance_problem
from .stages import adam, check_positive, stage
from .unbounded_recipe import Captured

__all__ = ["Captured", "Classical", "Planes", "Recipe", "fit_radiance", "marcher_of"]


@dataclass(frozen=True)
class Planes:
    """The fast default: silhouettes, then voxels, then planes and lines that grow while space is emptied.

    Args:
        effort: 1 is about half a minute on two cores; steps grow with it, and resolution slowly.
        components: of planes and lines.
        width: of the hidden layers.
        batch: rays a step.

    Raises:
        ValueError: for numbers that are not positive.
    """

    effort: float = 1.0
    components: int = 12
    width: int = 64
    batch: int = 1024

    def __post_init__(self) -> None:
        check_positive(self, "effort", "components", "width", "batch")

    def stages(self, scene: Scene, generator: torch.Generator, every: int) -> list[MakeStage]:
        """Voxels, and three stages of planes and lines."""
        longest, detail = longest_side(scene), footprint(scene)
        # Edges are sharper than pixels, and different views see them at different places of theirs.
        finest = min(int(2.5 * longest / detail), round(128 * min(self.effort, 16.0) ** 0.2))
        finest = max(finest, 24)
        step = max(longest / 200, 0.4 * detail) * (1.0 if self.effort <= 2 else 0.75)
        voxels = min(48, finest)
        cells = min(128, round(1.5 * finest))
        state: dict[str, Rays] = {}
        plan = (  # nodes, share of all steps, step, cells, margin, learning rates fall to
            (max(voxels, finest // 2), 0.2, 2.0 * step, cells // 2, 0.04, 0.4),
            (max(voxels, 3 * finest // 4), 0.3, 1.4 * step, 3 * cells // 4, 0.03, 0.3),
            (finest, 0.5, step, cells, 0.025, 0.01),
        )
        total = max(round(500 * self.effort), 8)

        def begin(_: Solution | None) -> Stage:
            rays = first_rays(scene, 48, longest / 60, generator=generator)
            state["rays"] = rays
            field = Voxels(resolution=nodes_along(scene, voxels))
            warm = adam(max(round(120 * min(self.effort, 3.0)), 4), self.batch, warmup=3, final=0.2)
            return stage(scene, rays, field, warm, every, starts=False)

        def grow(number: int) -> Callable[[Solution | None], Stage]:
            nodes, share, length, visited, margin, final = plan[number]

            def make(previous: Solution | None) -> Stage:
                assert previous is not None
                marcher = next_marcher(
                    previous.fieldset, state["rays"], visited, length, margin=margin * scene.size,
                    generator=generator,
                )  # fmt: skip
                rays = state["rays"].seen_by(marcher)
                state["rays"] = rays
                field = RadiancePlanes(nodes_along(scene, nodes), components=self.components, width=self.width)
                steps = max(round(share * total), 2)
                batch = self.batch * (1 if number < 2 else 2)
                solver = adam(steps, batch, warmup=min(10, steps // 4), final=final)
                return stage(scene, rays, field, solver, every, starts=number > 0)

            return make

        return [begin, *(grow(number) for number in range(len(plan)))]


@dataclass(frozen=True)
class Classical:
    """The radiance field of NeRF: coarse and fine perceptrons, hierarchical sampling.

    Args:
        steps: of Adam.
        batch: rays a step.
        coarse: stratified samples a ray.
        fine: further samples where the coarse field sees something.
        field: of both perceptrons.

    Raises:
        ValueError: for numbers that are not positive.

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.
    """

    steps: int = 1000
    batch: int = 512
    coarse: int = 32
    fine: int = 32
    field: ViewMLP = dataclass_field(default_factory=ViewMLP)

    def __post_init__(self) -> None:
        check_positive(self, "steps", "batch", "coarse", "fine")

    def stages(self, scene: Scene, generator: torch.Generator, every: int) -> list[MakeStage]:
        """One stage."""

        def make(_: Solution | None) -> Stage:
            rays = first_rays(scene, 48, longest_side(scene) / 60, generator=generator)
            density = self.field.build(rays.axes, 4, generator=generator, dtype=torch.float32, device="cpu")
            coarse = Stratified(rays, self.coarse)
            fine = Hierarchical(coarse, density, self.fine)
            marcher = Marcher(rays.marcher.grid, longest_side(scene) / 100, space=scene.space)
            monitor = Monitor({"psnr": Examination(scene, marcher).quick_psnr(2_000)}, every=every)
            groups: dict[tuple[str, ...], Any] = {
                ("density", "colour"): self.field,
                ("coarse_density", "coarse_colour"): density,
            }
            solver = Adam(steps=self.steps, batch=self.batch, betas=(0.9, 0.99), schedule=Cosine(warmup=20, final=0.1))
            plan = Plan.single(self.field, (solver,), "The field of NeRF, coarse and fine.")
            problem = radiance_problem(scene, fine, marcher, coarse_rays=coarse, plan=plan)
            return Stage(problem, groups, solver, starts=False, options=RunOptions(monitor=monitor))

        return [make]


Recipe = Planes | Captured | Classical
"""How a scene is fitted."""


def marcher_of(solution: Solution) -> Walk:
    """Where the samples of a radiance field are taken: as at the end of its fit.

    Raises:
        ValueError: where the solution is none of a radiance problem.
    """
    exam = getattr(solution.problem.figures.get("fit"), "__self__", None)
    if not isinstance(exam, Examination):
        raise ValueError(f"marcher_of: '{solution.problem.name}' is no radiance problem")
    return exam.marcher


def fit_radiance(
    scene: Scene,
    recipe: Recipe | None = None,
    *,
    name: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    seconds: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    every: int = 50,
    callbacks: Sequence[Callable[[Record], object]] = (),
) -> Solution:
    """Fit a radiance field to the training views of a scene.

    Args:
        scene: posed pictures, from `read_scene` or `make_scene`.
        recipe: `Planes(...)`, `Captured(...)` or `Classical(...)`; by default `Captured()` where the scene has
            surroundings (`scene.space`), else `Planes()`.
        name: of the problem; by default that of the scene.
        seed: of the weights, and of the rays that are drawn.
        device: as in `solve`.
        seconds: stop after so long, with what there is.
        out: folder for checkpoints.
        resume: go on from what `out` holds.
        every: the psnr of held-out pixels is measured after so many steps.
        callbacks: called with every `Record`.

    Returns:
        The solution of the last stage, with the history of all; its problem has metrics and figures.
    """
    default = Planes() if scene.space is None else Captured()
    how: Recipe = default if recipe is None else recipe
    generator = torch.Generator().manual_seed(seed)
    scene = scene if name is None else replace(scene, name=name)
    return in_stages(
        how.stages(scene, generator, every), seed=seed, device=device, seconds=seconds, out=out, resume=resume,
        callbacks=callbacks, reason=f"{how!r}.",
    )  # fmt: skip
