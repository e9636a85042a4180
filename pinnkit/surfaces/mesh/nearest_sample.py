"""Distance to a surface that is given by dense samples with normals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor

__all__ = ["NearestSample"]


@dataclass(frozen=True)
class NearestSample:
    """Distance to the tangent plane at the nearest sample.

    Attributes:
        tree: k-d tree of the samples.
        normals: ``(n, 3)`` unit normals of the samples.
        reach: tangential offset up to which the distance to the tangent plane is used.
    """

    tree: cKDTree
    normals: Tensor
    reach: float

    @classmethod
    def of(cls, points: Tensor, normals: Tensor) -> NearestSample:
        """Build from samples ``(n, 3)`` of equal density; the reach is 2.5 times their spacing."""
        tree = cKDTree(points.numpy())
        probe = points[:: max(len(points) // 1000, 1)].numpy()
        eighth = torch.from_numpy(tree.query(probe, k=9)[0][:, 8])
        return cls(tree, normals, 2.5 * float(eighth.median()) * math.sqrt(math.pi / 8))

    def distance(self, points: Tensor) -> Tensor:
        """Unsigned distance ``(n,)``.

        |n . (x - y)| if the tangential part of x - y is shorter than the reach, with y the nearest sample and n its
        normal; |x - y| otherwise (beside an edge).
        """
        far, which = self.tree.query(points.detach().numpy())
        apart = points - torch.from_numpy(self.tree.data[which])
        along = (apart * self.normals[torch.from_numpy(which)]).sum(1).abs()
        far = torch.from_numpy(far)
        aside = (far.square() - along.square()).clamp_min(0).sqrt()
        return torch.where(aside < self.reach, along, far)
