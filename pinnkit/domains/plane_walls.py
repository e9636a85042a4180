"""Curves of the walls on which conditions hold, for boxes of the plane and all other shapes alike."""

from __future__ import annotations

from .box import Box
from .faces import Faces
from .product import Boundary, ShapeWall
from .protocols import Part
from .shapes.arrangement import PlaneSide
from .shapes.curves import Curve

__all__ = ["wall_curves"]


def wall_curves(part: Part) -> tuple[Curve, ...]:
    """The curves of a wall in the plane, with the domain on their left: of a boundary, a named wall or box faces.

    Args:
        part: `shape.boundary`, `shape.boundary_of(...)`, `box.boundary` or `box.face(x=0)`; time and parameters do not
            matter.

    Raises:
        ValueError: for a part that is none of these, ends of time, or one that is not of the plane.
    """
    if isinstance(part, Boundary | ShapeWall):
        return part.curves
    if isinstance(part, Faces) and isinstance(part.box, Box):
        box = part.box.in_space
        sides = [side for side in box.sides if isinstance(side, PlaneSide)]
        numbers = box.sides_on(part)
        if sides and len(numbers) == len(part.walls):
            return tuple(curve for k in numbers for curve in sides[k].curves)
    raise ValueError(f"wall_curves: `part` must be a wall of a domain in the plane, got {part!r}")
