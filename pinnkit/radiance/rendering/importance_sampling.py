"""Guided: as many samples on every ray, where an earlier field says that something is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pinnkit.radiance.data.contraction import Contraction
from pinnkit.radiance.data.occupancy import OccupancyGrid

from .ray_marching import Marcher, Samples
from .volume_rendering import ray_weights

__all__ = ["Guided"]


@dataclass(frozen=True, eq=False, repr=False)
class Guided:
    """So many samples a ray, gathered where the densities of an earlier field put its weight; the rest spread evenly.

    The ray is cut into pieces as long as a cell; each gets the weight that the densities of cells give it, the largest
    of its own and both neighbours', and `spread` of all weight is shared evenly between the pieces in occupied cells.
    Between the quantiles of that distribution lies one sample each, which stands for all of the piece between them, so
    that the quadrature covers the ray without a gap.  In surroundings, where hardly a cell is ever empty for certain,
    this costs a third of visiting every occupied one.

    Args:
        coarse: the grid, and by its step the pieces.
        density: `(cells,)`, flat, per unit of length in the box, of the earlier field.
        samples: on each ray.
        spread: see above, in (0, 1].

    Raises:
        ValueError: for less than one sample or a share outside (0, 1].

    Source: Mildenhall et al., NeRF, ECCV 2020, section 5.2; Barron et al., Mip-NeRF 360, CVPR 2022, section 3.
    """

    coarse: Marcher
    density: Tensor
    samples: int
    spread: float = 0.2

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 < self.spread <= 1:
            raise ValueError(
                f"Guided: `samples` must be at least 1 and `spread` in (0, 1], got {self.samples} and {self.spread}"
            )

    def __repr__(self) -> str:
        return f"Guided({self.samples} samples a ray, {self.coarse.grid!r})"

    @property
    def grid(self) -> OccupancyGrid:
        """The cells."""
        return self.coarse.grid

    @property
    def space(self) -> Contraction | None:
        """What space is contracted by."""
        return self.coarse.space

    def meets(self, origins: Tensor, directions: Tensor) -> Tensor:
        """As `Marcher.meets`."""
        return self.coarse.meets(origins, directions)

    def march(self, origins: Tensor, directions: Tensor, offset: Tensor | float = 0.5) -> Samples:
        """As `Marcher.march`; a ray that meets no occupied cell gets no sample."""
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
        # What lies between two occupied stretches of the ray is none of them.
        there = self.grid.cells.reshape(-1).index_select(0, self.grid.index(found.place))
        return found._replace(delta=found.delta / self.coarse.step * width * there)


def _quantiles(mass: Tensor, k: int) -> Tensor:
    """The k + 1 ends `(rows, k + 1)` of k parts of equal mass of pieces `(rows, n)` of [0, 1]."""
    rows, n = mass.shape
    ends = torch.cat([torch.zeros_like(mass[:, :1]), mass.cumsum(dim=1)], dim=1)
    ends = ends / ends[:, -1:].clamp(min=1e-300)
    u = (torch.arange(k + 1, dtype=mass.dtype, device=mass.device) / k).expand(rows, k + 1).contiguous()
    piece = (torch.searchsorted(ends, u, right=True) - 1).clamp_(0, n - 1)
    # The last end is that of the last piece with any mass, not that of the ray.
    last = (mass > 0).to(torch.int8).cumsum(dim=1).argmax(dim=1, keepdim=True)
    piece = torch.minimum(piece, last)
    low = ends.gather(1, piece)
    inside = (u - low) / (ends.gather(1, piece + 1) - low).clamp(min=1e-300)
    return (piece + inside.clamp_(0, 1)) / n
