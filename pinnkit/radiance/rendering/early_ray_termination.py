"""Early ray termination: omission of samples behind opaque cells of an earlier field."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.radiance.data.occupancy import OccupancyGrid

__all__ = ["EarlyRayTermination"]


@dataclass(frozen=True, eq=False)
class EarlyRayTermination:
    """Densities of cells that end a ray soon after an opaque surface.

    A sample is kept while the transmittance a `margin` before it, T = exp(-sum sigma_j h), is above `least`; the
    surface may thus still move by the margin in either direction.

    Args:
        grid: grid of the densities.
        density: `(cells,)`, flat, per unit of length.
        margin: a length.
        least: transmittance that counts as opaque.
    """

    grid: OccupancyGrid
    density: Tensor
    margin: float
    least: float = 1e-3

    def visible(self, points: Tensor, counts: Tensor, step: float) -> Tensor:
        """Mask `(n,)` of the samples `(n, 3)`, ragged with `counts` `(rows,)` per ray, that are not hidden."""
        if points.shape[0] == 0:
            return torch.ones(0, dtype=torch.bool, device=points.device)
        thickness = self.density.index_select(0, self.grid.index(points)).double() * step
        through = thickness.cumsum(0)
        first = torch.repeat_interleave(counts.cumsum(0) - counts, counts, output_size=points.shape[0])
        before = torch.arange(points.shape[0], device=points.device) - max(1, math.ceil(self.margin / step))
        begun = (through - thickness).index_select(0, first)
        passed = through.index_select(0, before.clamp(min=0)) - begun
        return (before < first) | (passed < -math.log(self.least))
