"""The nearest neighbours of every point of a cloud, found once and used by every step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor

__all__ = ["Neighbours", "spacing_of_plane"]


def spacing_of_plane(distance: Tensor, k: int, dimension: int) -> Tensor:
    """Side of the cell (area^(1/(d-1))) that one point owns, from the distance to its k-th neighbour.

    A disc (in the plane: a stretch) of that radius holds k points.
    """
    if dimension == 2:
        return 2 * distance / k
    return distance * math.sqrt(math.pi / k)


@dataclass(frozen=True)
class Neighbours:
    """k nearest neighbours, without the point itself, nearest first.

    Attributes:
        index: (n, k) int64.
        distance: (n, k).
    """

    index: Tensor
    distance: Tensor

    @classmethod
    def of(cls, points: Tensor, k: int, *, rows: Tensor | None = None) -> Neighbours:
        """Of all points (n, d), or of the rows named.

        Args:
            points: the cloud.
            k: how many; fewer where the cloud has fewer.
            rows: int64 rows of the points asked about.
        """
        k = min(k, len(points) - 1)
        cloud = points.numpy()
        asked = cloud if rows is None else cloud[rows.numpy()]
        distance, index = cKDTree(cloud).query(asked, k=k + 1)
        return cls(torch.from_numpy(index[:, 1:]).to(torch.int64), torch.from_numpy(distance[:, 1:]))

    def first(self, k: int) -> Neighbours:
        """The nearest k of them."""
        return Neighbours(self.index[:, :k], self.distance[:, :k])

    def spacing(self, dimension: int, k: int = 8) -> Tensor:
        """Side of the cell that each point owns, (n,)."""
        k = min(k, self.index.shape[1])
        return spacing_of_plane(self.distance[:, k - 1], k, dimension)
