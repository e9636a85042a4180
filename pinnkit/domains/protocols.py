"""Part and Domain: what every shape offers to terms and solvers."""

from typing import Protocol

import torch
from torch import Tensor

from .axes import Axis
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling


class Part(Protocol):
    """A set of points with a measure: an inside, a wall, a list of points.  Frozen, equal by value."""

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


class Domain(Part, Protocol):
    """A part with an inside and a boundary."""

    @property
    def boundary(self) -> Part:
        """The walls in space, during all of time and for all parameters."""
        ...

    def face(self, **at: float | tuple[float, ...]) -> Part:
        """The walls at the given values of axes."""
        ...

    def contains(self, coords: Tensor) -> Tensor:
        """Whether each point `(n, d)` lies in the closed domain, `(n,)`."""
        ...

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` in space to the boundary, negative inside."""
        ...
