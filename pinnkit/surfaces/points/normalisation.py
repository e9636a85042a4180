"""Normalisation: from the coordinates of a file to the cube in which problems live, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["FILL", "Normalisation"]

FILL = 0.9 / 1.15  # half of the longest side in normalised coordinates: 1.15 x the extent stays well inside [-1, 1]

Array = TypeVar("Array", NDArray[Any], Tensor)


@dataclass(frozen=True)
class Normalisation:
    """A shift and one scale for all axes: normalised = (points - centre) / scale.

    The shift happens in float64, before anything becomes float32: at an offset of 1e6 float32 keeps one digit.

    Args:
        centre: of the box of the points, in the coordinates of the input.
        scale: what is 1 in normalised coordinates, in the unit of the input.

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
        """The one that centres the box of `points` (n, d) and makes half of its longest side 0.9 / 1.15."""
        array = np.asarray(points, dtype=np.float64)
        if array.ndim != 2 or not len(array) or not np.isfinite(array).all():
            raise ValueError(f"Normalisation.of: `points` must be finite, of shape (n, d), got shape {array.shape}")
        lower, upper = array.min(axis=0), array.max(axis=0)
        half = float((upper / 2 - lower / 2).max())  # halved first: the sides of huge boxes overflow
        if not half > 0:
            raise ValueError(f"Normalisation.of: all {len(array)} points are the same, {array[0].tolist()}")
        return cls(tuple(lower / 2 + upper / 2), half / FILL)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Normalisation:
        """From what `facts` gave, as it stands in Problem.facts["normalisation"]."""
        return cls(tuple(facts["centre"]), float(facts["scale"]))

    @property
    def facts(self) -> dict[str, Any]:
        """Plain values for Problem.facts["normalisation"]."""
        return {"centre": list(self.centre), "scale": self.scale}

    def apply(self, points: Array) -> Array:
        """(points - centre) / scale, in float64, ``(n, d)``."""
        if isinstance(points, Tensor):
            shifted = points.to(torch.float64) - torch.tensor(self.centre, dtype=torch.float64, device=points.device)
            return shifted / self.scale
        return (np.asarray(points, dtype=np.float64) - np.asarray(self.centre)) / self.scale

    def invert(self, points: Array) -> Array:
        """points * scale + centre, in float64, ``(n, d)``."""
        if isinstance(points, Tensor):
            centre = torch.tensor(self.centre, dtype=torch.float64, device=points.device)
            return points.to(torch.float64) * self.scale + centre
        return np.asarray(points, dtype=np.float64) * self.scale + np.asarray(self.centre)

    def length(self, normalised: float) -> float:
        """A normalised length in the unit of the input."""
        return normalised * self.scale
