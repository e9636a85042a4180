"""Front: what an earlier field says is opaque, so that samples behind it need not be evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.radiance.data.occupancy import OccupancyGrid

__all__ = ["Front"]


@dataclass(frozen=True, eq=False)
class Front:
    """Densities of cells, by which a ray is ended soon after it has met something opaque.

    A sample is kept while the light that is left a `margin` before it, T = exp(-sum sigma_j h), is above `least`: the
    surface may still move by the margin in either direction.

    Args:
        grid: whose cells the densities belong to.
        density: `(cells,)`, flat, per unit of length.
        margin: a length.
        least: light that counts as none.
    """

    grid: OccupancyGrid
    density: Tensor
    margin: float
    least: float = 1e-3

    def kept(self, points: Tensor, counts: Tensor, step: float) -> Tensor:
        """Which samples `(n, 3)`, ragged with `counts` `(rows,)` a ray, are not behind something: bool `(n,)`."""
        if points.shape[0] == 0:
            return torch.ones(0, dtype=torch.bool, device=points.device)
        thickness = self.density.index_select(0, self.grid.index(points)).double() * step
        through = thickness.cumsum(0)
        first = torch.repeat_interleave(counts.cumsum(0) - counts, counts, output_size=points.shape[0])
        before = torch.arange(points.shape[0], device=points.device) - max(1, math.ceil(self.margin / step))
        begun = (through - thickness).index_select(0, first)
        passed = through.index_select(0, before.clamp(min=0)) - begun
        return (before < first) | (passed < -math.log(self.least))
