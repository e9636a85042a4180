"""A stage of a recipe: so many steps of Adam on the pixels, watched on held-out ones."""

from __future__ import annotations

from pinnkit.fields.base import FieldSpec
from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.rendering.rays import Rays
from pinnkit.solvers import Adam, Cosine, Monitor, Plan, RunOptions, Stage

from .evaluation import Examination
from .radiance_problem import radiance_problem

__all__ = ["adam", "check_positive", "stage"]


def adam(steps: int, batch: int, *, warmup: int, final: float) -> Adam:
    """Adam for tables, of which a step reaches a part: a short memory of squares, and hardly an epsilon.

    Args:
        steps: how many.
        batch: rays a step.
        warmup: steps in which the learning rates rise.
        final: what they fall to, as a share.
    """
    schedule = Cosine(warmup=warmup, final=final)
    return Adam(steps=steps, batch=batch, betas=(0.9, 0.99), eps=1e-12, schedule=schedule)


def stage(scene: Scene, rays: Rays, field: FieldSpec, solver: Adam, every: int, *, starts: bool) -> Stage:
    """One stage of several.

    Args:
        scene: whose held-out pixels are looked at.
        rays: the training pixels and where their samples are.
        field: that is fitted.
        solver: by which.
        every: the psnr of held-out pixels is measured after so many steps.
        starts: whether the field of the stage before is taken over.
    """
    plan = Plan.single(field, (solver,), "A stage of several, each from the one before.")
    problem = radiance_problem(scene, rays, rays.marcher, plan=plan)
    monitor = Monitor({"psnr": Examination(scene, rays.marcher).quick_psnr()}, every=every)
    return Stage(problem, field, solver, starts=starts, options=RunOptions(monitor=monitor))


def check_positive(owner: object, *names: str) -> None:
    """Raise a ValueError unless these attributes of a recipe are positive."""
    for name in names:
        if not getattr(owner, name) > 0:
            raise ValueError(f"{type(owner).__name__}: `{name}` must be positive, got {getattr(owner, name)!r}")
