"""Ellipse: a disk that is stretched along two orthogonal directions of the plane."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from pinnkit.domains.axes import Axis, check_coords, is_finite, number
from pinnkit.domains.combination import Side, Solid
from pinnkit.domains.product import SHAPES, Plain
from pinnkit.domains.shapes.arrangement import PlaneSide
from pinnkit.domains.shapes.curves import EllipticalArc
from pinnkit.domains.shapes.motion import Motion, cosine_and_sine

from .arguments import centers, positive

__all__ = ["Ellipse"]


@SHAPES.register(examples=lambda: {"tilted": Ellipse(x=0.5, y=0, radii=(2, 1), angle=0.3)})
@dataclass(frozen=True, init=False, repr=False)
class Ellipse(Solid):
    """The ellipse with half-axes a and b about a centre: `Ellipse(x=0, y=0, radii=(2, 1), angle=0.3)`.

    Args:
        radii: half-axes (a, b).
        angle: from the first axis to the half-axis a, counter-clockwise, in radians.
        **center: two axes of space, and the centre along each.

    Raises:
        ValueError: for anything but two axes, a centre or angle that is not finite, radii that are not above 0.
    """

    names: tuple[str, str]
    center: tuple[float, float]
    radii: tuple[float, float]
    angle: float

    def __init__(self, /, *, radii: Sequence[float], angle: float = 0.0, **center: float) -> None:
        at = centers("Ellipse", center, 2, "Ellipse(x=0, y=0, radii=(2, 1))")
        if not isinstance(radii, tuple | list) or len(radii) != 2:
            raise ValueError(f"Ellipse: `radii` must be the two half-axes (a, b), got {radii!r}")
        if not is_finite(angle):
            raise ValueError(f"Ellipse: `angle` must be a finite number of radians, got {angle!r}")
        sizes = tuple(positive("Ellipse", "radii", radius) for radius in radii)
        named = dict(names=tuple(at), center=tuple(at.values()), radii=sizes, angle=float(angle))
        for name, value in named.items():
            object.__setattr__(self, name, value)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, with the bounds of the bounding box."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        a, b = self.radii
        half = math.hypot(a * cosine, b * sine), math.hypot(a * sine, b * cosine)
        return tuple(Axis(n, c - h, c + h) for n, c, h in zip(self.names, self.center, half, strict=True))

    @property
    def measure(self) -> float:
        """Area pi a b."""
        return math.pi * self.radii[0] * self.radii[1]

    @property
    def sides(self) -> tuple[Side, ...]:
        """The curve."""
        return (PlaneSide("", (EllipticalArc(self.center, self.radii, self.angle, 0.0, 2 * math.pi),)),)

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal ellipse, for files."""
        center = dict(zip(self.names, self.center, strict=True))
        return {"radii": self.radii, "angle": self.angle, **center}

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, 2)` to the curve, negative inside."""
        check_coords("Ellipse.signed_distance", coords, self.columns)
        return self.outline.signed_distance(coords)

    def level(self, coords: Tensor) -> Tensor:
        """(p / a)^2 + (q / b)^2 - 1, `(n,)`, in the coordinates p and q along the half-axes."""
        cosine, sine = cosine_and_sine(self.angle)
        x, y = coords[:, 0] - self.center[0], coords[:, 1] - self.center[1]
        p, q = cosine * x + sine * y, cosine * y - sine * x
        return (p / self.radii[0]) ** 2 + (q / self.radii[1]) ** 2 - 1

    def moved(self, motion: Motion) -> Ellipse:
        """The ellipse after a rotation, scaling and translation."""
        center = dict(zip(self.names, motion.applied(self.center), strict=True))
        radii = [motion.factor * radius for radius in self.radii]
        return Ellipse(radii=radii, angle=self.angle + motion.plane.angle, **center)

    def __repr__(self) -> str:
        at = ", ".join(f"{name}={number(value)}" for name, value in zip(self.names, self.center, strict=True))
        a, b = map(number, self.radii)
        return f"Ellipse({at}, radii=({a}, {b}){f', angle={number(self.angle)}' if self.angle else ''})"
