"""Lattice: the grid of points on which a surface is looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Lattice"]

_MOST = 4096  # points along an axis: 16 times 512, more than any memory holds the surface of


@dataclass(frozen=True)
class Lattice:
    """Points lower + index * step, both walls of the box included.

    Args:
        lower: corner of the box, ``(3,)``.
        step: between neighbours along each axis, ``(3,)``.
        counts: points along each axis.
    """

    lower: tuple[float, float, float]
    step: tuple[float, float, float]
    counts: tuple[int, int, int]

    @classmethod
    def over(cls, bounds: tuple[ArrayLike, ArrayLike], resolution: int) -> Lattice:
        """The lattice of `resolution` points along the longest side of the box, as near to cubes as fits.

        Args:
            bounds: (lower, upper), each a number or three.
            resolution: at least 4.

        Raises:
            ValueError: for bounds that are no box, or a resolution out of range.
        """
        if isinstance(resolution, bool) or not isinstance(resolution, int) or not 4 <= resolution <= _MOST:
            raise ValueError(f"extract: `resolution` must be a whole number from 4 to {_MOST}, got {resolution!r}")
        try:
            lower, upper = (np.broadcast_to(np.asarray(b, dtype=np.float64), 3) for b in bounds)
        except (TypeError, ValueError):
            raise ValueError(
                f"extract: `bounds` must be (lower, upper) of three numbers each, got {bounds!r}"
            ) from None
        if not (np.isfinite(lower).all() and np.isfinite(upper).all() and (lower < upper).all()):
            raise ValueError(
                f"extract: `bounds` must be finite with lower < upper, got {lower.tolist()} and {upper.tolist()}"
            )
        size = upper - lower
        cells = [max(3, math.ceil(s - 1e-9)) for s in size / size.max() * (resolution - 1)]
        step = size / cells
        return cls(
            lower=(float(lower[0]), float(lower[1]), float(lower[2])),
            step=(float(step[0]), float(step[1]), float(step[2])),
            counts=(cells[0] + 1, cells[1] + 1, cells[2] + 1),
        )

    def at(self, index: NDArray[np.number]) -> NDArray[np.float64]:
        """Coordinates of points with the given indices ``(n, 3)``, whole or in between; never beyond the walls."""
        inside = np.clip(index, 0, np.asarray(self.counts) - 1)
        return np.asarray(self.lower) + inside * np.asarray(self.step)

    @property
    def cell(self) -> float:
        """Diagonal of one cell."""
        return float(np.linalg.norm(self.step))
