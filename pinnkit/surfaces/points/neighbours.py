"""Nearest neighbours of the points of a cloud, and the local point spacing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor

__all__ = ["Neighbours", "spacing_from_distance"]


def spacing_from_distance(distance: Tensor, k: int, dimension: int) -> Tensor:
    """Side of the cell per point, area^(1/(d-1)), from the distance to the k-th neighbour.

    A disc (in the plane: an interval) of that radius contains k points.

    Args:
        distance: ``(n,)`` distance to the k-th neighbour.
        k: number of neighbours.
        dimension: 2 or 3.
    """
    if dimension == 2:
        return 2 * distance / k
    return distance * math.sqrt(math.pi / k)


@dataclass(frozen=True)
class Neighbours:
    """k nearest neighbours without the point itself, nearest first.

    Attributes:
        index: ``(n, k)`` int64.
        distance: ``(n, k)``.
    """

    index: Tensor
    distance: Tensor

    @classmethod
    def of(cls, points: Tensor, k: int, *, rows: Tensor | None = None) -> Neighbours:
        """Find the neighbours of all points ``(n, d)``, or of some rows.

        Args:
            points: the cloud.
            k: number of neighbours; fewer if the cloud is smaller.
            rows: int64 rows of the query points; None for all.
        """
        k = min(k, len(points) - 1)
        cloud = points.numpy()
        asked = cloud if rows is None else cloud[rows.numpy()]
        distance, index = cKDTree(cloud).query(asked, k=k + 1)
        return cls(torch.from_numpy(index[:, 1:]).to(torch.int64), torch.from_numpy(distance[:, 1:]))

    def nearest(self, k: int) -> Neighbours:
        """The nearest k neighbours."""
        return Neighbours(self.index[:, :k], self.distance[:, :k])

    def spacing(self, dimension: int, k: int = 8) -> Tensor:
        """Side of the cell per point, ``(n,)``, from the k-th neighbour."""
        k = min(k, self.index.shape[1])
        return spacing_from_distance(self.distance[:, k - 1], k, dimension)
