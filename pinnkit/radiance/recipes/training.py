"""Training of radiance fields: the default recipe of a scene, and its stages as consecutive solves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from pinnkit.radiance.data.scene import Scene
from pinnkit.radiance.rendering.ray_marching import RaySampler
from pinnkit.solutions.history import Record
from pinnkit.solutions.solution import Solution
from pinnkit.solvers import in_stages

from .bounded_recipe import Planes
from .evaluation import EvaluationFigure
from .registry import Recipe
from .unbounded_recipe import UnboundedPlanes

__all__ = ["default_recipe", "fit_radiance", "sampler_of"]


def default_recipe(scene: Scene) -> type[Planes] | type[UnboundedPlanes]:
    """Recipe that suits a scene: `UnboundedPlanes` with surroundings (`scene.contraction`), else `Planes`."""
    return Planes if scene.contraction is None else UnboundedPlanes


def sampler_of(solution: Solution) -> RaySampler:
    """Sampler of the rays of a solution, as at the end of its fit.

    Raises:
        ValueError: where the solution is none of a radiance problem.
    """
    figure = solution.problem.figures.get("fit")
    if not isinstance(figure, EvaluationFigure):
        raise ValueError(f"sampler_of: '{solution.problem.name}' is no radiance problem")
    return figure.evaluation.sampler


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
        recipe: `Planes(...)`, `UnboundedPlanes(...)` or `ClassicalNerf(...)`; None takes `default_recipe`.
        name: problem name; None takes that of the scene.
        seed: of the weights, and of the drawn rays.
        device: as in `solve`.
        seconds: training stops after this time with the current state.
        out: folder for checkpoints.
        resume: continue from the checkpoint in `out`.
        every: steps between measurements of the held-out PSNR.
        callbacks: called with every `Record`.

    Returns:
        The solution of the last stage, with the history of all; its problem has metrics and figures.
    """
    chosen: Recipe = default_recipe(scene)() if recipe is None else recipe
    generator = torch.Generator().manual_seed(seed)
    scene = scene if name is None else replace(scene, name=name)
    return in_stages(
        chosen.stages(scene, generator, every), seed=seed, device=device, seconds=seconds, out=out, resume=resume,
        callbacks=callbacks, reason=f"{chosen!r}.",
    )  # fmt: skip
