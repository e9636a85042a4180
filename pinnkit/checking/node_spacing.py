"""Coordinates in which the nodes of a table lie about one unit apart, for grids, meshes and scattered points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NodeSpacing"]

_SAME = 1e-9
"""Distance of two coordinates that count as one, relative to the extent of the nodes."""
_REPEATED = 4
"""Number of nodes that share a coordinate on average, from which an axis counts as a row of levels."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NodeSpacing:
    """Map of coordinates to units of the distance between nodes.

    An axis whose coordinates recur (a grid, the time levels of a mesh) is mapped so that its levels become 0, 1, 2, ...
    The others are scaled by the mean distance of scattered nodes.

    Args:
        levels: for each column its distinct coordinates in order; None for scattered ones.
        spacing: for each column the mean distance of its nodes.
        counts: for each column the number of its distinct coordinates.
    """

    levels: tuple[Array | None, ...]
    spacing: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, nodes: Array) -> NodeSpacing:
        """Measure the spacing of nodes ``(N, d)``."""
        count, columns = nodes.shape
        distinct = [_distinct(nodes[:, i]) for i in range(columns)]
        listed = [columns == 1 or len(values) * _REPEATED <= count for values in distinct]
        rest = columns - sum(listed)
        held = float(np.prod([len(v) for v, is_listed in zip(distinct, listed, strict=True) if is_listed]))
        each = max((count / held) ** (1 / rest) - 1, 1.0) if rest else 1.0
        spacing = []
        for values, is_listed in zip(distinct, listed, strict=True):
            extent = float(values[-1] - values[0])
            spacing.append((extent / max(len(values) - 1, 1) if is_listed else extent / each) or 1.0)
        return cls(
            tuple(values if is_listed else None for values, is_listed in zip(distinct, listed, strict=True)),
            tuple(spacing),
            tuple(len(values) for values in distinct),
        )

    def units(self, coords: Array) -> Array:
        """Coordinates ``(n, d)`` in units of the distance between nodes."""
        return np.stack([self._column(coords[:, i], i) for i in range(coords.shape[1])], axis=1)

    def _column(self, x: Array, i: int) -> Array:
        levels = self.levels[i]
        if levels is None or len(levels) == 1:
            return x / self.spacing[i]
        inside: Array = np.interp(x, levels, np.arange(len(levels), dtype=np.float64))
        below = np.minimum(x - levels[0], 0.0) / (levels[1] - levels[0])
        above = np.maximum(x - levels[-1], 0.0) / (levels[-1] - levels[-2])
        return inside + below + above


def _distinct(x: Array) -> Array:
    """Coordinates in order, without those that differ by rounding."""
    ordered = np.unique(x)
    extent = float(ordered[-1] - ordered[0])
    return ordered[np.concatenate([[True], np.diff(ordered) > _SAME * extent])]
