"""Contract of a discretisation, from which grids and error bars are chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .grid import Array
from .result import Between

__all__ = ["Scheme", "Solved"]


@dataclass(frozen=True)
class Solved:
    """Values on one grid.

    Args:
        grid: the coordinates along each column, both ends included, in the order of the domain's axes.
        values: for each unknown ``(n1, n2, ...)``, components last for a vector; NaN outside a curved wall.
        between: values between the nodes where splines are no way to them.
    """

    grid: Mapping[str, Array]
    values: Mapping[str, Array]
    between: Between | None = None


class Scheme(Protocol):
    """One way of discretising one problem.

    `kind` names it, `order` is the order stated, `columns` are its axes; `smallest` and `largest` bound the cells of
    each, `pilot` is a number of cells at which a first look is cheap.  `proportions` are those of the cells of the
    axes, or None to find them by a first look.
    """

    kind: str
    order: float
    columns: tuple[str, ...]
    smallest: int
    pilot: int
    proportions: tuple[float, ...] | None

    def largest(self, column: str) -> int:
        """Cells beyond which rounding or memory takes over."""
        ...

    def cost(self, cells: tuple[int, ...]) -> float:
        """Seconds that `solve` takes on one core of the machine it was measured on."""
        ...

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Values on the grid of `cells` cells; `start` are those of a coarser one, to start an iteration from."""
        ...
