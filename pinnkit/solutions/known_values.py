"""Values of the unknowns on a grid, from a solver other than that of the fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

__all__ = ["KnownValues"]


@runtime_checkable
class KnownValues(Protocol):
    """Values of the unknowns on a grid, such as a `Reference` has."""

    @property
    def grid(self) -> Mapping[str, NDArray[Any]]:
        """Coordinates along each column of the axes."""

    @property
    def values(self) -> Mapping[str, NDArray[Any]]:
        """Values of each unknown on the grid, components last; NaN outside of the domain."""
