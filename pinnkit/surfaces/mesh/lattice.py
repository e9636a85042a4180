"""Lattice of points on which a surface is extracted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Lattice"]

_MAX_RESOLUTION = 4096  # points along an axis; beyond the memory of any machine


@dataclass(frozen=True)
class Lattice:
    """Points lower + index * step, including all faces of the box.

    Args:
        lower: corner of the box, ``(3,)``.
        step: spacing along each axis, ``(3,)``.
        counts: number of points along each axis.
    """

    lower: tuple[float, float, float]
    step: tuple[float, float, float]
    counts: tuple[int, int, int]

    @classmethod
    def over(cls, bounds: tuple[ArrayLike, ArrayLike], resolution: int) -> Lattice:
        """Lattice with `resolution` points along the longest side of the box and nearly cubic cells.

        Args:
            bounds: (lower, upper), each one number or three.
            resolution: at least 4.

        Raises:
            ValueError: for bounds that are no box, or a resolution out of range.
        """
        if isinstance(resolution, bool) or not isinstance(resolution, int) or not 4 <= resolution <= _MAX_RESOLUTION:
            raise ValueError(
                f"extract: `resolution` must be a whole number from 4 to {_MAX_RESOLUTION}, got {resolution!r}"
            )
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
        """Coordinates of points with indices ``(n, 3)``, integer or fractional, clipped to the box."""
        inside = np.clip(index, 0, np.asarray(self.counts) - 1)
        return np.asarray(self.lower) + inside * np.asarray(self.step)

    @property
    def cell(self) -> float:
        """Diagonal of one cell."""
        return float(np.linalg.norm(self.step))
