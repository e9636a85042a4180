"""Fewer points for the same surface, so that the cost of a reconstruction stays bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Thinned", "thinned"]


@dataclass(frozen=True)
class Thinned:
    """Means of the points of each occupied cell.

    Attributes:
        points: (m, d).
        owner: (n,) row of `points` that each point went into.
    """

    points: Tensor
    owner: Tensor

    def mean(self, columns: Tensor) -> Tensor:
        """Of values (n, c) over the points of each cell, (m, c)."""
        total = torch.zeros(len(self.points), columns.shape[1], dtype=columns.dtype).index_add_(0, self.owner, columns)
        return total / torch.bincount(self.owner, minlength=len(self.points))[:, None]


def thinned(points: Tensor, *, cell: float, most: int) -> Thinned:
    """One point in place of all that share a cell; the same points where there are at most `most`, less duplicates.

    Args:
        points: (n, d).
        cell: side of the cells; made larger by steps of a quarter until at most `most` are occupied.
        most: points left.
    """
    if len(points) <= most:
        distinct, owner = np.unique(points.numpy(), axis=0, return_inverse=True)
        if len(distinct) == len(points):
            return Thinned(points, torch.arange(len(points)))
        return Thinned(torch.from_numpy(distinct), torch.from_numpy(owner.reshape(-1)))
    lower = points.amin(0)
    while True:
        at = ((points - lower) / cell).floor().clamp_max(2**20).to(torch.int64)  # so that flat indices fit 63 bits
        flat = at[:, 0]
        for axis in range(1, points.shape[1]):
            flat = flat * (int(at[:, axis].max()) + 1) + at[:, axis]
        occupied, owner = torch.unique(flat, return_inverse=True)
        if len(occupied) <= most:
            count = torch.bincount(owner)[:, None]
            total = torch.zeros(len(occupied), points.shape[1], dtype=points.dtype).index_add_(0, owner, points)
            return Thinned(total / count, owner)
        cell *= 1.25
