"""Registry of recipes, and their protocol."""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

import torch

from pinnkit.radiance.data.scene import Scene
from pinnkit.registry import Registry
from pinnkit.solvers.plans.curriculum import MakeStage

__all__ = ["RECIPES", "Recipe"]


class Recipe(Protocol):
    """Procedure that fits a radiance field to a scene, as a sequence of solves."""

    default_seconds: ClassVar[float]
    """Training time of the default settings in seconds, on two cores."""

    @classmethod
    def within(cls, seconds: float) -> Self:
        """Return the recipe whose settings are meant for a training time in seconds, on two cores."""
        ...

    def stages(self, scene: Scene, generator: torch.Generator, every: int) -> list[MakeStage]:
        """Return functions that make the stages, each from the solution of the one before.

        Args:
            scene: views to fit.
            generator: source of randomness.
            every: steps between measurements of the held-out PSNR.
        """
        ...


RECIPES: Registry[Recipe] = Registry("radiance recipe")
"""Recipes by the word of `pinnkit radiance --field`."""
