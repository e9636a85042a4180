"""Contract of a discretisation, from which grids and error bars are chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
        peclet: for each axis along which artificial diffusion had to be added, so that the order is 1 at places, the
            greatest cell Peclet number.
        kind: the method, where it is another than that of the scheme.
        spent: nominal seconds of work; None for as much as foreseen.
        steep: axes along which fronts are narrower than the cells, and factors by which these should grow.
        divided: for the time axis, into how many parts a step had to be divided for Newton's method to converge.
    """

    grid: Mapping[str, Array]
    values: Mapping[str, Array]
    between: Between | None = None
    peclet: Mapping[str, float] = field(default_factory=dict)
    kind: str | None = None
    spent: float | None = None
    divided: Mapping[str, float] = field(default_factory=dict)
    steep: Mapping[str, float] = field(default_factory=dict)

    @property
    def wanted(self) -> dict[str, float]:
        """Factors by which the cells of some axes should grow: half the Peclet number, the parts of a step."""
        return self.fronts | dict(self.divided)

    @property
    def fronts(self) -> dict[str, float]:
        """Factors by which the cells should grow along the axes of fronts that the grid does not resolve."""
        return {column: number / 2 for column, number in self.peclet.items()} | dict(self.steep)

    @property
    def unresolved(self) -> bool:
        """True where the grid does not resolve a front."""
        return bool(self.fronts)


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
        """Nominal seconds of work that `solve` takes (see cost_model.py)."""
        ...

    def memory(self, cells: tuple[int, ...]) -> float:
        """Bytes that the arrays of `solve` hold."""
        ...

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Values on the grid of `cells` cells; `start` are those of a coarser one, to start an iteration from.

        Raises:
            Unresolved: where the method fails on this grid, and may not on a finer one.
        """
        ...
