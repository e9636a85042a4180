"""Halfspace: all points on one side of a straight line or plane, to cut shapes with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains.axes import Axis, check_coords, check_name, is_finite, number
from pinnkit.domains.combination import OPERANDS, Operand, Side
from pinnkit.domains.product import Plain
from pinnkit.domains.shapes.arrangement import PlaneSide
from pinnkit.domains.shapes.curves import Segment
from pinnkit.domains.shapes.ends import LineSide
from pinnkit.domains.shapes.motion import Motion
from pinnkit.domains.shapes.patches import Parallelogram, SpaceSide

__all__ = ["Halfspace"]


@OPERANDS.register(examples=lambda: {"oblique": Halfspace(x=1, y=1)})
@dataclass(frozen=True, init=False, repr=False)
class Halfspace(Operand):
    """All points with a x + b y <= c: `shape & Halfspace(x=1, y=1, at_most=0.5)`, `shape - Halfspace(x=-1, y=0)`.

    It has no bounds, so it is no domain: it cuts other shapes.

    Args:
        at_most: c, by default 0.
        **direction: the outward direction (a, b), one number for each axis, not all 0; of any length.

    Raises:
        ValueError: for no axis or more than three, numbers that are not finite, or a direction of length 0.
    """

    names: tuple[str, ...]
    direction: tuple[float, ...]
    at_most: float

    def __init__(self, /, *, at_most: float = 0.0, **direction: float) -> None:
        example = "Halfspace(x=1, y=0, at_most=0.5)"
        if not 1 <= len(direction) <= 3:
            raise ValueError(
                f"Halfspace: give its direction along one to three axes, such as {example}, got {direction}"
            )
        for name, value in direction.items():
            check_name("Halfspace", name)
            if name == "t" or not is_finite(value):
                raise ValueError(f"Halfspace: `{name}` must be an axis of space with a finite number, got {value!r}")
        if not any(direction.values()):
            raise ValueError(f"Halfspace: the direction {direction} has length 0; give one, such as {example}")
        if not is_finite(at_most):
            raise ValueError(f"Halfspace: `at_most` must be a finite number, got {at_most!r}")
        object.__setattr__(self, "names", tuple(direction))
        object.__setattr__(self, "direction", tuple(map(float, direction.values())))
        object.__setattr__(self, "at_most", float(at_most))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes; their bounds say nothing."""
        return tuple(Axis(name, -1.0, 1.0) for name in self.names)

    @property
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Infinite, but along an axis that is the direction."""
        lower, upper = [-math.inf] * len(self.names), [math.inf] * len(self.names)
        along = [k for k, x in enumerate(self.direction) if x]
        if len(along) == 1:
            (k,) = along
            bound = self.at_most / self.direction[k]
            (upper if self.direction[k] > 0 else lower)[k] = bound
        return tuple(lower), tuple(upper)

    @property
    def sides(self) -> tuple[Side, ...]:
        """Those within the unit box."""
        return self.sides_within((-1.0,) * len(self.names), (1.0,) * len(self.names))

    def sides_within(self, lower: Sequence[float], upper: Sequence[float]) -> tuple[Side, ...]:
        """The piece of the line or plane nearest to the middle of a box, larger than the box."""
        normal, offset = self._normal, self.at_most / math.hypot(*self.direction)
        middle = [(a + b) / 2 for a, b in zip(lower, upper, strict=True)]
        half = math.hypot(*(b - a for a, b in zip(lower, upper, strict=True)))
        height = offset - math.fsum(n * c for n, c in zip(normal, middle, strict=True))
        foot = [c + height * n for c, n in zip(middle, normal, strict=True)]
        if len(foot) == 1:
            return (LineSide("", foot[0], normal[0]),)
        if len(foot) == 2:
            x, y = foot
            u, v = -normal[1] * half, normal[0] * half
            return (PlaneSide("", (Segment((x - u, y - v), (x + u, y + v)),)),)
        first, second = _across(normal)
        origin = tuple(c - half * a - half * b for c, a, b in zip(foot, first, second, strict=True))
        u3, v3 = (tuple(2 * half * a for a in side) for side in (first, second))
        return (SpaceSide("", Parallelogram(_triple(origin), _triple(u3), _triple(v3))),)

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal halfspace, for files."""
        return {"at_most": self.at_most, **dict(zip(self.names, self.direction, strict=True))}

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, d)` to the line or plane, negative inside."""
        check_coords("Halfspace.signed_distance", coords, self.names)
        normal = torch.tensor(self._normal, dtype=coords.dtype, device=coords.device)
        return coords @ normal - self.at_most / math.hypot(*self.direction)

    def moved(self, motion: Motion) -> Halfspace:
        """The halfspace after a rotation, scaling and translation."""
        turned = Motion(motion.rotation, 1.0, (0.0,) * len(self.names)).applied(self._normal)
        height = math.fsum(t * s for t, s in zip(turned, motion.shift, strict=True))
        at_most = motion.factor * self.at_most / math.hypot(*self.direction) + height
        return Halfspace(at_most=at_most, **dict(zip(self.names, turned, strict=True)))

    @property
    def _normal(self) -> tuple[float, ...]:
        size = math.hypot(*self.direction)
        return tuple(x / size for x in self.direction)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={number(x)}" for name, x in zip(self.names, self.direction, strict=True))
        return f"Halfspace({given}, at_most={number(self.at_most)})"


def _across(normal: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Two unit vectors u, v with u x v = normal."""
    a, b, c = normal
    least = min(range(3), key=lambda k: abs(normal[k]))
    e = [float(k == least) for k in range(3)]
    u = (b * e[2] - c * e[1], c * e[0] - a * e[2], a * e[1] - b * e[0])
    size = math.hypot(*u)
    u = (u[0] / size, u[1] / size, u[2] / size)
    return u, (b * u[2] - c * u[1], c * u[0] - a * u[2], a * u[1] - b * u[0])


def _triple(point: Sequence[float]) -> tuple[float, float, float]:
    return point[0], point[1], point[2]
