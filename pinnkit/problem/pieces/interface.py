"""Interfaces: what holds between two pieces instead of a perfect contact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pinnkit.domains import Operand
from pinnkit.domains.pieces.partition import Piece, within
from pinnkit.problem.portable import Portable

__all__ = ["Interface"]


@dataclass(frozen=True)
class Interface(Portable):
    """A contact resistance, or prescribed jumps, between two pieces, in place of continuous values and normal fluxes.

    ``Interface(steel, resistance=1e-3)`` is a term of a problem and holds on the part of the boundary of `steel` that
    lies inside the domain; ``Interface((steel, air), ...)`` between these two alone.  With n the unit normal out of
    the first shape, u' the value beyond and F = k grad(u) the flux of ``div(k * grad(u))``:

        u' - u = jump + resistance * n . F,    n . F' - n . F = flux_jump.

    The resistance R is that of heat conduction, -n . F = (u - u') / R; it counts with the sign that makes it so where
    the equation is written with ``div(-k * grad(u))``.

    Args:
        between: a shape, or two.
        resistance: a number or a function of coordinates by name, at least 0.
        jump: of the value, likewise.
        flux_jump: of the normal flux, likewise: the source in the interface.
        unknown: its name; None where a single unknown lives on both sides.

    Raises:
        TypeError: for what are no shapes, numbers or functions.
        ValueError: for a negative resistance; from `Problem`, where nothing in the domain lies between the shapes.
    """

    between: Operand | tuple[Operand, Operand]
    resistance: float | Callable[..., Any] = 0.0
    jump: float | Callable[..., Any] = 0.0
    flux_jump: float | Callable[..., Any] = 0.0
    unknown: str | None = None

    def __post_init__(self) -> None:
        shapes = self.shapes
        if len(shapes) > 2 or not all(isinstance(shape, Operand) for shape in shapes):
            raise TypeError(f"Interface: expected a shape such as Disk(...), or a pair of them, got {self.between!r}")
        for name in ("resistance", "jump", "flux_jump"):
            value = getattr(self, name)
            if isinstance(value, bool) or not (isinstance(value, int | float) or callable(value)):
                raise TypeError(f"Interface: `{name}` must be a number or a function of coordinates, got {value!r}")
        if not callable(self.resistance) and self.resistance < 0:
            raise ValueError(f"Interface: `resistance` must be at least 0, got {self.resistance}")

    @property
    def shapes(self) -> tuple[Operand, ...]:
        """The shape, or the two."""
        return tuple(self.between) if isinstance(self.between, tuple | list) else (self.between,)

    def direction(self, first: Piece, second: Piece) -> int:
        """Return 1 where it holds from the first piece to the second, -1 in the other direction, 0 where it does not.

        A piece that lies in the first shape is on its inner side; the other must lie in the second shape, if there is
        one, and outside the first.
        """
        inner = self.shapes[0]
        sides = within(first, inner), within(second, inner)
        if sides[0] == sides[1]:
            return 0
        if len(self.shapes) == 2 and not within(second if sides[0] else first, self.shapes[1]):
            return 0
        return 1 if sides[0] else -1
