"""The boundary of a shape as numbered pieces: what the boundary representations of one to three dimensions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from torch import Tensor

__all__ = ["Draw", "Owner", "WallSample", "Walls"]

Owner = tuple[int, int]
"""Number of a primitive among those of a shape, and of one of its sides."""

Draw = Callable[[int], tuple[Tensor, Tensor]]
"""Count to points `(count, extra + d - 1)` in the unit cube, the last columns for the wall, and weights `(count,)`."""


class WallSample(NamedTuple):
    """Points on walls: coords `(n, d)`, outward unit normals `(n, d)`, further columns `(n, extra)`, weights `(n,)`."""

    coords: Tensor
    normal: Tensor
    extra: Tensor
    weight: Tensor


class Walls(Protocol):
    """Pieces of a boundary, and the measure of what they enclose."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the wall that each piece belongs to."""
        ...

    @property
    def owners(self) -> tuple[tuple[Owner, ...], ...]:
        """Sides of primitives on which each piece lies."""
        ...

    @property
    def measures(self) -> tuple[float, ...]:
        """Length or area of each piece; 1 for a point."""
        ...

    @property
    def enclosed(self) -> float:
        """Length, area or volume inside."""
        ...

    def nearest(self, points: Tensor) -> Tensor:
        """Number `(n,)` of the nearest piece to each point `(n, d)`; in space, of points on the boundary."""
        ...

    def sample(self, pieces: tuple[int, ...], n: int, draw: Draw) -> WallSample:
        """N points uniform on the pieces; the weights sum to their measure."""
        ...
