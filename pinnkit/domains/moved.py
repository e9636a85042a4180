"""Moved: a primitive after a rotation, scaling and translation that it has no arguments for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from .axes import Axis, check_coords
from .combination import Operand, Side, Solid, space_axes
from .shapes.arrangement import PlaneSide
from .shapes.ends import LineSide
from .shapes.motion import Motion
from .shapes.patches import Placed, SpaceSide

__all__ = ["Moved"]


@dataclass(frozen=True, repr=False)
class Moved(Solid):
    """The points a Q x + b of a primitive x: `box.rotated(0.3)`, `cylinder.rotated(0.5, "x")`.

    The walls keep the names that they have in the primitive.

    Args:
        original: the primitive, in its own coordinates.
        rotation: the rows of Q.
        factor: a.
        shift: b.
    """

    original: Operand
    rotation: tuple[tuple[float, ...], ...]
    factor: float
    shift: tuple[float, ...]

    @classmethod
    def by(cls, motion: Motion, original: Operand) -> Moved:
        """The primitive after a motion."""
        return cls(original, motion.rotation, motion.factor, motion.shift)

    @property
    def motion(self) -> Motion:
        """Q, a and b."""
        return Motion(self.rotation, self.factor, self.shift)

    @property
    def word(self) -> str:
        """The word for it in names of walls."""
        return self.original.word

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, with the bounds of the bounding box."""
        return space_axes(self.original, *self.limits)

    @property
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lower and upper corner of the bounding box."""
        rows = self.motion.rotation
        unit = [tuple(float(i == k) for i in range(len(rows))) for k in range(len(rows))]
        upper = tuple(self.support(e) for e in unit)
        lower = tuple(-self.support(tuple(-x for x in e)) for e in unit)
        return lower, upper

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides of the primitive, moved."""
        return tuple(_moved_side(side, self.motion) for side in self.original.sides)

    def support(self, direction: Sequence[float]) -> float:
        """The largest scalar product of a direction with a point of the shape."""
        q = self.motion.rotation
        back = [sum(direction[i] * q[i][k] for i in range(len(q))) for k in range(len(q))]
        shift = sum(d * s for d, s in zip(direction, self.motion.shift, strict=True))
        return self.motion.factor * self.original.support(back) + shift

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, d)` to the boundary, negative inside."""
        check_coords("Moved.signed_distance", coords, self.columns)
        return self.motion.factor * self.original.signed_distance(self.motion.back(coords))

    def level(self, coords: Tensor) -> Tensor:
        """Values `(n,)` at points `(n, d)` with the sign of the distance; in space also its value near the boundary."""
        return self.motion.factor * self.original.level(self.motion.back(coords))

    def side_at(self, coords: Tensor) -> Tensor:
        """Numbers `(n,)` of the sides on which points `(n, d)` of the boundary lie."""
        return self.original.side_at(self.motion.back(coords))

    def moved(self, motion: Motion) -> Moved:
        """The primitive after both motions."""
        return Moved.by(motion.after(self.motion), self.original)

    def __repr__(self) -> str:
        return f"Moved({self.original!r}, rotation={self.rotation}, factor={self.factor}, shift={self.shift})"


def _moved_side(side: Side, motion: Motion) -> Side:
    if isinstance(side, PlaneSide):
        return replace(side, curves=tuple(curve.moved(motion.plane) for curve in side.curves))
    if isinstance(side, SpaceSide):
        return replace(side, patch=Placed(side.patch, motion))
    return LineSide(side.name, motion.applied((side.at,))[0], side.outward)
