"""Part and Domain: the contracts of everything that points are drawn from."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from .axes import Axis
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling


class Part(Protocol):
    """A set of points with a measure: an interior, a wall, a list of points.  Frozen, equal by value."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the coordinates; their order is that of the columns."""
        ...

    @property
    def measure(self) -> float:
        """Volume, area, length or number, times the extent of time and parameters."""
        ...

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """Up to n points of this part, with weights that sum to its measure."""
        ...


@runtime_checkable
class InTime(Part, Protocol):
    """A part that can be moved to another time interval; walls, boundaries and cross-sections can."""

    def with_time(self, lower: float, upper: float) -> Part:
        """The same part with the time axis from `lower` to `upper`; ends of time move along.

        Raises:
            TypeError: for a part whose times are fixed, such as given points.
        """
        ...


@runtime_checkable
class SignedDistance(Protocol):
    """A shape whose distance to the boundary, or a level function with the same signs, is known at every point."""

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Values ``(n,)`` at `coords` ``(n, d)``: negative inside, zero on the boundary, positive outside."""
        ...


class Domain(Part, Protocol):
    """A part with an interior and a boundary; the base class `Shape` provides all but the geometry."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the coordinates."""
        ...

    @property
    def boundary(self) -> Part:
        """The walls in space, during all of time and for all parameters."""
        ...

    def face(self, **at: float | tuple[float, ...]) -> Part:
        """The walls at the given values of axes: `face(t=0)` is the domain at that time."""
        ...

    def contains(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the closed domain, `(n,)`."""
        ...

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` in space to the boundary, negative inside."""
        ...

    def with_time(self, lower: float, upper: float) -> Domain:
        """The same domain with the time axis from `lower` to `upper`; itself where there is no time."""
        ...
