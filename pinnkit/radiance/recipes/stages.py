"""Stages of a recipe: solver for grids, one stage on the training pixels, settings shared by the plane recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from pinnkit.fields.base import FieldSpec
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.rendering.rays import Rays
from pinnkit.solvers import Adam, Cosine, Monitor, Plan, RunOptions, Stage

from .evaluation import Evaluation
from .radiance_problem import radiance_problem

__all__ = ["PlaneSettings", "check_positive", "grid_adam", "make_stage"]


@dataclass(frozen=True)
class PlaneSettings:
    """Settings of the recipes that fit planes and lines (TensoRF).

    Args:
        effort: training effort; 1 takes about `default_seconds` on two cores.  Steps grow with it, and resolution
            slowly.
        components: components of planes and lines.
        width: width of the hidden layers.
        batch: rays per step.

    Raises:
        ValueError: for numbers that are not positive.
    """

    effort: float = 1.0
    components: int = 12
    width: int = 64
    batch: int = 1024
    default_seconds: ClassVar[float]

    def __post_init__(self) -> None:
        check_positive(
            type(self).__name__, effort=self.effort, components=self.components, width=self.width, batch=self.batch
        )

    @classmethod
    def within(cls, seconds: float) -> Self:
        """Settings whose effort is meant for a training time, in seconds on two cores."""
        return cls(effort=seconds / cls.default_seconds)


def grid_adam(steps: int, batch: int, *, warmup: int, final: float) -> Adam:
    """Adam for sparsely updated grid nodes (beta2 = 0.99, eps = 1e-12).

    Args:
        steps: number of steps.
        batch: rays per step.
        warmup: steps of increasing learning rate.
        final: final factor of the learning rate.
    """
    schedule = Cosine(warmup=warmup, final=final)
    return Adam(steps=steps, batch=batch, betas=(0.9, 0.99), eps=1e-12, schedule=schedule)


def make_stage(scene: Scene, rays: Rays, field: FieldSpec, solver: Adam, every: int, *, starts: bool) -> Stage:
    """Make one stage of several.

    Args:
        scene: scene with the held-out pixels that are monitored.
        rays: training pixels with their sampler.
        field: field to fit.
        solver: solver of the stage.
        every: steps between measurements of the held-out PSNR.
        starts: whether the field starts from that of the previous stage.
    """
    plan = Plan.single(field, (solver,), "A stage of several, each from the one before.")
    problem = radiance_problem(scene, rays, rays.sampler, plan=plan)
    monitor = Monitor({"psnr": Evaluation(scene, rays.sampler).subset_psnr()}, every=every)
    return Stage(problem, field, solver, starts=starts, options=RunOptions(monitor=monitor))


def check_positive(owner: str, **values: float) -> None:
    """Raise a ValueError unless all values are positive."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{owner}: `{name}` must be positive, got {value!r}")
