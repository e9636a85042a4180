"""Importance sampling along rays by the densities of an earlier field."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pinnkit.radiance.data.contraction import Contraction
from pinnkit.radiance.data.occupancy import OccupancyGrid

from .ray_marching import RayMarcher, RaySamples
from .volume_rendering import ray_weights

__all__ = ["ImportanceSampler"]


@dataclass(frozen=True, eq=False, repr=False)
class ImportanceSampler:
    """Fixed number of samples per ray, concentrated where an earlier field has its ray weights.

    The ray is divided into pieces of the length of a cell.  A piece gets the largest weight of itself and its two
    neighbours, from the cell densities; a share `spread` of the total weight is distributed evenly over the pieces in
    occupied cells.  One sample lies between consecutive quantiles of this distribution and represents the whole
    interval, so that the quadrature covers the ray without gaps.  In surroundings, where few cells are certainly empty,
    this costs a third of visiting every occupied cell.

    Args:
        coarse: the grid, and by its step the pieces.
        density: `(cells,)`, flat, of the earlier field, per unit of length in the box.
        samples: per ray.
        spread: share of evenly distributed weight, in (0, 1].

    Raises:
        ValueError: for less than one sample or a share outside (0, 1].

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.2; Barron et al., Mip-NeRF 360, CVPR 2022, section 3.
    """

    coarse: RayMarcher
    density: Tensor
    samples: int
    spread: float = 0.2

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 < self.spread <= 1:
            raise ValueError(
                f"ImportanceSampler: `samples` must be at least 1 and `spread` in (0, 1], got {self.samples} and "
                f"{self.spread}"
            )

    def __repr__(self) -> str:
        return f"ImportanceSampler({self.samples} samples a ray, {self.coarse.grid!r})"

    @property
    def grid(self) -> OccupancyGrid:
        """Cells that may be occupied."""
        return self.coarse.grid

    @property
    def contraction(self) -> Contraction | None:
        """Contraction of space; None for a bounded scene."""
        return self.coarse.contraction

    def meets(self, origins: Tensor, directions: Tensor) -> Tensor:
        """See `RayMarcher.meets`."""
        return self.coarse.meets(origins, directions)

    def march(self, origins: Tensor, directions: Tensor, offset: Tensor | float = 0.5) -> RaySamples:
        """See `RayMarcher.march`; a ray that meets no occupied cell gets no sample."""
        rows, k = origins.shape[0], self.samples
        near, far = self.coarse.span(origins, directions)
        length = (far - near).clamp(min=0)
        pieces = max(int(torch.ceil(length.max() / self.coarse.step)), 1) if rows else 1
        unit = (torch.arange(pieces, dtype=origins.dtype, device=origins.device) + 0.5) / pieces
        s = torch.addcmul(near[:, None], length[:, None], unit)
        cell, speed = self.coarse.cells_at(origins, directions, s)
        solid = self.grid.cells.reshape(-1).index_select(0, cell.reshape(-1)).view(cell.shape).to(s.dtype)
        density = self.density.index_select(0, cell.reshape(-1)).view(cell.shape) * solid
        weights = ray_weights(density, speed * (length / pieces)[:, None])
        weights = F.max_pool1d(weights[:, None], 3, stride=1, padding=1)[:, 0] * solid
        even = solid / solid.sum(dim=1, keepdim=True).clamp(min=1)
        total = weights.sum(dim=1, keepdim=True)
        share = (1 - self.spread) / total.clamp(min=1e-6) * (total > 1e-6)
        mass = (weights * share + even * (1 - (total > 1e-6) * (1 - self.spread))).double()
        edges = _quantiles(mass, k)
        edges = torch.addcmul(near[:, None], length[:, None], edges.to(s))
        u = torch.as_tensor(offset, dtype=s.dtype, device=s.device).expand(rows)[:, None]
        at = edges[:, :-1] + u * (edges[:, 1:] - edges[:, :-1])
        met = solid.any(dim=1)
        ray = torch.repeat_interleave(met.nonzero()[:, 0], k)
        width = (edges[:, 1:] - edges[:, :-1])[met].reshape(-1)
        o, d = origins.index_select(0, ray), directions.index_select(0, ray)
        found = self.coarse.samples_at(o, d, at[met].reshape(-1), ray, met.long() * k)
        # Samples between occupied stretches of the ray get no length.
        there = self.grid.cells.reshape(-1).index_select(0, self.grid.index(found.place))
        return found._replace(delta=found.delta / self.coarse.step * width * there)


def _quantiles(mass: Tensor, k: int) -> Tensor:
    """Ends `(rows, k + 1)` of k parts of equal mass, from the masses of n equal pieces `(rows, n)` of [0, 1]."""
    rows, n = mass.shape
    ends = torch.cat([torch.zeros_like(mass[:, :1]), mass.cumsum(dim=1)], dim=1)
    ends = ends / ends[:, -1:].clamp(min=1e-300)
    u = (torch.arange(k + 1, dtype=mass.dtype, device=mass.device) / k).expand(rows, k + 1).contiguous()
    piece = (torch.searchsorted(ends, u, right=True) - 1).clamp_(0, n - 1)
    # The last end is that of the last piece with mass, not that of the ray.
    last = (mass > 0).to(torch.int8).cumsum(dim=1).argmax(dim=1, keepdim=True)
    piece = torch.minimum(piece, last)
    low = ends.gather(1, piece)
    inside = (u - low) / (ends.gather(1, piece + 1) - low).clamp(min=1e-300)
    return (piece + inside.clamp_(0, 1)) / n
