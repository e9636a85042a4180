"""Normalisation between the coordinates of a file and the cube [-1, 1]^d of the problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["HALF_EXTENT", "Normalisation"]

HALF_EXTENT = (
    0.9 / 1.15
)  # half of the longest side in normalised coordinates: 1.15 x the extent stays well inside [-1, 1]

Array = TypeVar("Array", NDArray[Any], Tensor)


@dataclass(frozen=True)
class Normalisation:
    """Shift and uniform scale: normalised = (points - centre) / scale.

    The shift is applied in float64 before any conversion to float32, which keeps one digit at an offset of 1e6.

    Args:
        centre: centre of the bounding box, in the coordinates of the input.
        scale: length of one normalised unit, in the unit of the input.

    Raises:
        ValueError: for a centre that is not finite, or a scale that is not positive.
    """

    centre: tuple[float, ...]
    scale: float

    def __post_init__(self) -> None:
        centre = tuple(float(c) for c in np.asarray(self.centre, dtype=np.float64).ravel())
        if not np.isfinite(centre).all():
            raise ValueError(f"Normalisation: `centre` must be finite, got {centre}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"Normalisation: `scale` must be positive and finite, got {self.scale}")
        object.__setattr__(self, "centre", centre)
        object.__setattr__(self, "scale", float(self.scale))

    @classmethod
    def of(cls, points: NDArray[Any] | Tensor) -> Normalisation:
        """Centre the bounding box of `points` ``(n, d)`` and make half of its longest side 0.9 / 1.15.

        Args:
            points: finite points.

        Raises:
            ValueError: for points of another shape, that are not finite, or all equal.
        """
        array = np.asarray(points, dtype=np.float64)
        if array.ndim != 2 or not len(array) or not np.isfinite(array).all():
            raise ValueError(f"Normalisation.of: `points` must be finite, of shape (n, d), got shape {array.shape}")
        lower, upper = array.min(axis=0), array.max(axis=0)
        half = float((upper / 2 - lower / 2).max())  # halved first, since the sides of huge boxes overflow
        if not half > 0:
            raise ValueError(f"Normalisation.of: all {len(array)} points are the same, {array[0].tolist()}")
        return cls(tuple(lower / 2 + upper / 2), half / HALF_EXTENT)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Normalisation:
        """Restore from Problem.facts["normalisation"]."""
        return cls(tuple(facts["centre"]), float(facts["scale"]))

    @property
    def facts(self) -> dict[str, Any]:
        """Plain values for Problem.facts["normalisation"]."""
        return {"centre": list(self.centre), "scale": self.scale}

    def apply(self, points: Array) -> Array:
        """Normalise points ``(n, d)`` in float64."""
        if isinstance(points, Tensor):
            shifted = points.to(torch.float64) - torch.tensor(self.centre, dtype=torch.float64, device=points.device)
            return shifted / self.scale
        return (np.asarray(points, dtype=np.float64) - np.asarray(self.centre)) / self.scale

    def invert(self, points: Array) -> Array:
        """Map normalised points ``(n, d)`` back, in float64."""
        if isinstance(points, Tensor):
            centre = torch.tensor(self.centre, dtype=torch.float64, device=points.device)
            return points.to(torch.float64) * self.scale + centre
        return np.asarray(points, dtype=np.float64) * self.scale + np.asarray(self.centre)

    def length(self, normalised: float) -> float:
        """Convert a normalised length to the unit of the input."""
        return normalised * self.scale
