"""Torus: a ring with a round tube."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains.axes import number
from pinnkit.domains.combination import Operand
from pinnkit.domains.moved import Moved
from pinnkit.domains.product import SHAPES, Plain
from pinnkit.domains.shapes.curves import Arc
from pinnkit.domains.shapes.motion import Motion
from pinnkit.domains.shapes.patches import Vector

from .arguments import centers, positive
from .revolution import Profile, SolidOfRevolution

__all__ = ["Torus"]


@SHAPES.register(examples=lambda: {"about x": Torus(x=0, y=0, z=0, radius=1, tube=0.3, axis="x")})
@dataclass(frozen=True, init=False, repr=False)
class Torus(SolidOfRevolution):
    """A ring: all points within `tube` of a circle of `radius`: `Torus(x=0, y=0, z=0, radius=1, tube=0.25)`.

    Args:
        radius: of the circle in the middle of the tube.
        tube: radius of the tube, below `radius`.
        axis: name of the axis about which it is round; the last one by default.
        **center: three axes of space, and the centre along each.

    Raises:
        ValueError: for another number of axes, an unknown axis, or sizes that are not as above.
    """

    names: tuple[str, str, str]
    center: tuple[float, float, float]
    along: str
    radius: float
    tube: float

    def __init__(self, /, *, radius: float = 1.0, tube: float = 0.25, axis: str | None = None, **center: float) -> None:
        at = centers("Torus", center, 3, "Torus(x=0, y=0, z=0, radius=1, tube=0.25)")
        radius, tube = positive("Torus", "radius", radius), positive("Torus", "tube", tube)
        if not tube < radius:
            raise ValueError(f"Torus: `tube` must be smaller than `radius`, {radius!r}, got {tube!r}")
        names = tuple(at)
        if axis is not None and axis not in names:
            raise ValueError(f"Torus: `axis` must be one of {names}, got {axis!r}")
        given = dict(names=names, center=tuple(at.values()), along=axis or names[2], radius=radius, tube=tube)
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def frame(self) -> tuple[int, Vector]:
        """Number of the coordinate that is z, and the origin."""
        return self.names.index(self.along), self.center

    @property
    def profile(self) -> Profile:
        """The circle of the tube."""
        return (("", Arc((self.radius, 0.0), self.tube, 0.0, 2 * math.pi)),)

    def inside_profile(self, r: Tensor, z: Tensor) -> Tensor:
        """True inside the tube."""
        return torch.hypot(r - self.radius, z) < self.tube

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal torus, for files."""
        center = dict(zip(self.names, self.center, strict=True))
        return {"radius": self.radius, "tube": self.tube, "axis": self.along, **center}

    def moved(self, motion: Motion) -> Operand:
        """A torus, or where the motion turns it, `Moved`."""
        if motion.turns:
            return Moved.by(motion, self)
        center = dict(zip(self.names, motion.applied(self.center), strict=True))
        return Torus(radius=motion.factor * self.radius, tube=motion.factor * self.tube, axis=self.along, **center)

    def __repr__(self) -> str:
        at = ", ".join(f"{name}={number(value)}" for name, value in zip(self.names, self.center, strict=True))
        axis = f", axis={self.along!r}" if self.along != self.names[2] else ""
        return f"Torus({at}, radius={number(self.radius)}, tube={number(self.tube)}{axis})"
