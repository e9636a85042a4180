"""Capsule: a cylinder with round ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains.product import SHAPES
from pinnkit.domains.shapes.curves import Arc, Segment

from .revolution import AlongAxis, Profile

__all__ = ["Capsule"]


@SHAPES.register(examples=lambda: {"along x": Capsule(x=(0, 1), y=0, z=0, radius=0.25)})
@dataclass(frozen=True, init=False, repr=False)
class Capsule(AlongAxis):
    """All points within a radius of a segment along an axis: `Capsule(x=0, y=0, z=(0, 2), radius=0.5)`.

    Its walls are `side` and the half-spheres `lower` and `upper`.

    Args:
        radius: R.
        **place: three axes of space: the centre along two of them, and (lower, upper), the ends of the segment, along
            the third.

    Raises:
        ValueError: for another number of axes or intervals, or sizes that are not above 0.
    """

    def __init__(self, /, *, radius: float = 1.0, **place: float | tuple[float, float]) -> None:
        self._set(place, radius)
        if not self.ends[0] < self.ends[1]:
            raise ValueError(
                f"Capsule: `{self.along}` must be (lower, upper) with lower < upper, got {self.ends!r}; a Ball is round"
            )

    @property
    def profile(self) -> Profile:
        """The lower half-sphere, the side and the upper half-sphere."""
        r, h = self.radius, self.height
        return (
            ("lower", Arc((0.0, 0.0), r, -math.pi / 2, math.pi / 2)),
            ("side", Segment((r, 0.0), (r, h))),
            ("upper", Arc((0.0, h), r, 0.0, math.pi / 2)),
        )

    def inside_profile(self, r: Tensor, z: Tensor) -> Tensor:
        """True within the radius of the segment."""
        return torch.hypot(r, z - z.clamp(0.0, self.height)) < self.radius
