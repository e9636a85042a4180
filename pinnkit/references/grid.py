"""The Cartesian grid: evenly spaced nodes along each space column, walls included, periodic columns wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Grid", "Index", "Line"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """Evenly spaced nodes along one column; a periodic line leaves out its upper end, which is its lower one.

    Args:
        name: of the column.
        lower: the coordinate of node 0.
        upper: the coordinate of the last node, or of node 0 once more when periodic.
        cells: how many intervals there are.
        periodic: whether the ends are one node.
    """

    name: str
    lower: float
    upper: float
    cells: int
    periodic: bool = False

    @property
    def size(self) -> int:
        """Number of nodes."""
        return self.cells if self.periodic else self.cells + 1

    @property
    def spacing(self) -> float:
        """Distance of neighbours."""
        return (self.upper - self.lower) / self.cells

    @property
    def nodes(self) -> Array:
        """Coordinates ``(size,)``."""
        return self.ends[: self.size]

    @property
    def ends(self) -> Array:
        """Coordinates with both ends, ``(cells + 1,)``, as results are handed out."""
        return np.linspace(self.lower, self.upper, self.cells + 1)


@dataclass(frozen=True)
class Grid:
    """The product of lines, its nodes numbered in C order; without lines, one node (a system of ordinary equations)."""

    lines: tuple[Line, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Nodes along each line."""
        return tuple(line.size for line in self.lines)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def coords(self) -> Array:
        """Coordinates of the nodes, ``(size, d)``."""
        if not self.lines:
            return np.zeros((1, 0))
        mesh = np.meshgrid(*(line.nodes for line in self.lines), indexing="ij")
        return np.stack([m.ravel() for m in mesh], axis=1)

    def wall(self, axis: int, upper: bool) -> Index:
        """Numbers of the nodes on one wall."""
        at = self.lines[axis].size - 1 if upper else 0
        return np.arange(self.size, dtype=np.int64).reshape(self.shape).take(at, axis=axis).ravel()

    def step(self, axis: int) -> int:
        """Increment of the number from one node to its next neighbour along `axis`."""
        return int(np.prod(self.shape[axis + 1 :], dtype=np.int64))

    def closed(self, values: Array, leading: int = 0) -> Array:
        """Values ``(..., *shape)`` with the upper end of each periodic line put back."""
        for axis, line in enumerate(self.lines):
            if line.periodic:
                first = values.take([0], axis=leading + axis)
                values = np.concatenate([values, first], axis=leading + axis)
        return values

    def opened(self, values: Array, leading: int = 0) -> Array:
        """The reverse of `closed`."""
        for axis, line in enumerate(self.lines):
            if line.periodic:
                values = values.take(np.arange(line.size), axis=leading + axis)
        return values


def refined(lines: Sequence[Line], cells: Sequence[int]) -> Grid:
    """The grid of the same lines with other numbers of cells."""
    return Grid(tuple(Line(a.name, a.lower, a.upper, n, a.periodic) for a, n in zip(lines, cells, strict=True)))
