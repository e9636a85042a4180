"""Downsampling of point clouds to cell means, which bounds the cost of a reconstruction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Downsampled", "downsample"]


@dataclass(frozen=True)
class Downsampled:
    """Means of the points in each occupied cell.

    Attributes:
        points: ``(m, d)``.
        owner: ``(n,)`` row of `points` that each input point belongs to.
    """

    points: Tensor
    owner: Tensor

    def mean(self, columns: Tensor) -> Tensor:
        """Mean of values ``(n, c)`` over the points of each cell, ``(m, c)``."""
        total = torch.zeros(len(self.points), columns.shape[1], dtype=columns.dtype).index_add_(0, self.owner, columns)
        return total / torch.bincount(self.owner, minlength=len(self.points))[:, None]


def downsample(points: Tensor, *, cell: float, most: int) -> Downsampled:
    """Replace all points in a cell by their mean; up to `most` points are only freed of duplicates.

    Args:
        points: ``(n, d)``.
        cell: side of the cells; increased by steps of a quarter until at most `most` are occupied.
        most: maximum number of points.
    """
    if len(points) <= most:
        distinct, owner = np.unique(points.numpy(), axis=0, return_inverse=True)
        if len(distinct) == len(points):
            return Downsampled(points, torch.arange(len(points)))
        return Downsampled(torch.from_numpy(distinct), torch.from_numpy(owner.reshape(-1)))
    lower = points.amin(0)
    while True:
        at = ((points - lower) / cell).floor().clamp_max(2**20).to(torch.int64)  # keeps flat indices within 63 bits
        flat = at[:, 0]
        for axis in range(1, points.shape[1]):
            flat = flat * (int(at[:, axis].max()) + 1) + at[:, axis]
        occupied, owner = torch.unique(flat, return_inverse=True)
        if len(occupied) <= most:
            count = torch.bincount(owner)[:, None]
            total = torch.zeros(len(occupied), points.shape[1], dtype=points.dtype).index_add_(0, owner, points)
            return Downsampled(total / count, owner)
        cell *= 1.25
