"""Cylinder: a disk that is extended along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from pinnkit.domains.product import SHAPES
from pinnkit.domains.shapes.curves import Segment

from .revolution import AlongAxis, Profile

__all__ = ["Cylinder"]


@SHAPES.register(examples=lambda: {"along y": Cylinder(x=0, y=(0, 2), z=0.5, radius=0.5)})
@dataclass(frozen=True, init=False, repr=False)
class Cylinder(AlongAxis):
    """A round cylinder along an axis: `Cylinder(x=0, y=0, z=(0, 2), radius=0.5)`.

    Its walls are `side`, `lower` and `upper`.

    Args:
        radius: R.
        **place: three axes of space: the centre along two of them, and (lower, upper) along the third.

    Raises:
        ValueError: for another number of axes or intervals, or sizes that are not above 0.
    """

    def __init__(self, /, *, radius: float = 1.0, **place: float | tuple[float, float]) -> None:
        self._set(place, radius)
        if not self.ends[0] < self.ends[1]:
            raise ValueError(f"Cylinder: `{self.along}` must be (lower, upper) with lower < upper, got {self.ends!r}")

    @property
    def profile(self) -> Profile:
        """The lower base, the side and the upper base."""
        corners = (0.0, 0.0), (self.radius, 0.0), (self.radius, self.height), (0.0, self.height)
        made = [Segment(a, b) for a, b in pairwise(corners)]
        return tuple(zip(("lower", "side", "upper"), made, strict=True))

    def inside_profile(self, r: Tensor, z: Tensor) -> Tensor:
        """True inside the rectangle."""
        return (r < self.radius) & (z > 0) & (z < self.height)
