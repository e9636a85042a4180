"""Cone: a disk that shrinks to a point, or to a smaller disk, along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from pinnkit.domains.product import SHAPES
from pinnkit.domains.shapes.curves import Arc, Segment

from .arguments import positive
from .revolution import AlongAxis, Profile

__all__ = ["Cone"]


@SHAPES.register(examples=lambda: {"blunt": Cone(x=0, y=0, z=(1, 0), radius=0.5, top=0.2)})
@dataclass(frozen=True, init=False, repr=False)
class Cone(AlongAxis):
    """A round cone along an axis, `Cone(x=0, y=0, z=(0, 2), radius=0.5)`, or with `top` a blunt one (frustum).

    Its walls are `side`, `base` and, where it is blunt, `top`.

    Args:
        radius: of the base.
        top: radius at the other end, at least 0 and another than `radius`; 0 is an apex.
        **place: three axes of space: the centre along two of them, and (base, apex) along the third, in either order.

    Raises:
        ValueError: for another number of axes or intervals, or sizes that are not as above.
    """

    top: float

    lengths: ClassVar[tuple[str, ...]] = ("radius", "top")

    def __init__(self, /, *, radius: float = 1.0, top: float = 0.0, **place: float | tuple[float, float]) -> None:
        self._set(place, radius)
        if self.ends[0] == self.ends[1]:
            raise ValueError(f"Cone: `{self.along}` must be (base, apex) with different values, got {self.ends!r}")
        top = 0.0 if top == 0 else positive("Cone", "top", top)
        if top == self.radius:
            raise ValueError(f"Cone: `top` must differ from `radius`, got {top!r} for both; use Cylinder")
        object.__setattr__(self, "top", top)

    @property
    def profile(self) -> Profile:
        """The wall at the lower end, the side and that at the upper end."""
        low, high = self._radii
        made: list[tuple[str, Segment | Arc]] = [("side", Segment((low, 0.0), (high, self.height)))]
        words = ("base", "top") if self.ends[0] < self.ends[1] else ("top", "base")
        if low:
            made.insert(0, (words[0], Segment((0.0, 0.0), (low, 0.0))))
        if high:
            made.append((words[1], Segment((high, self.height), (0.0, self.height))))
        return tuple(made)

    def inside_profile(self, r: Tensor, z: Tensor) -> Tensor:
        """True inside the trapezium."""
        low, high = self._radii
        return (z > 0) & (z < self.height) & (r < low + (high - low) * z / self.height)

    @property
    def _radii(self) -> tuple[float, float]:
        """Radii at the lower and the upper end."""
        return (self.radius, self.top) if self.ends[0] < self.ends[1] else (self.top, self.radius)
