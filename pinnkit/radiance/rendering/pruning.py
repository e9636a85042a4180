"""From a fitted field to the cells that the next stage visits."""

from __future__ import annotations

import torch
from torch import Tensor

from pinnkit.radiance.data.occupancy import OccupancyGrid
from pinnkit.solutions.evaluation import FieldSet

from .early_ray_termination import Front
from .ray_marching import Marcher
from .rays import Rays
from .volume_rendering import ray_weights, segment_sum

__all__ = ["densities", "next_marcher"]

_WEIGHT = 0.06
"""Cells that no ray weighs by so large a share of the largest weight on it are dropped."""
_NOTHING = 0.02
"""A ray that accumulates less than this sees nothing."""
_HIDDEN = 1e-3
"""Optical thickness per cell below which a cell is empty whatever is seen of it."""


def densities(fields: FieldSet, grid: OccupancyGrid, *, chunk: int = 65536) -> Tensor:
    """The density at the centres of the occupied cells, `(cells,)`, flat; 0 in the others."""
    chosen = grid.cells.reshape(-1).nonzero()[:, 0]
    found = torch.zeros(grid.cells.numel(), dtype=grid.lower.dtype, device=grid.lower.device)
    for part in chosen.split(chunk):
        place = grid.centres(part)
        coords = torch.cat([place, torch.zeros_like(place)], dim=1)  # the density is the same from everywhere
        found[part] = fields.unknowns(coords, {})["density"]
    return found


def next_marcher(
    fields: FieldSet,
    rays: Rays,
    resolution: int,
    step: float,
    *,
    margin: float,
    generator: torch.Generator,
    most: int = 40_000,
) -> Marcher:
    """What the next stage visits: cells that some training ray sees, their neighbours, and nothing behind them.

    Every cell gets the largest weight w = T (1 - exp(-sigma h)) that one of `most` training rays gives it, relative to
    the largest weight on that ray, with the densities at the centres of cells: cheap, since the field itself is asked
    once a cell.  Cells above 0.06 stay, and every cell next to one of them, so that a thin surface, or one that is
    still blurred or moves, is never cut.

    Args:
        fields: of the stage before.
        rays: the training pixels, with its cells and step.
        resolution: cells along the longest side of the box.
        step: of the next stage.
        margin: how far behind an opaque surface samples are still taken.
        generator: chooses the rays.
        most: rays, or twice the number of pixels where that is less.
    """
    grid = rays.marcher.grid.refined(resolution)
    density = densities(fields, grid)
    thickness = density * float(grid.cell.max())
    candidates = OccupancyGrid(grid.lower, grid.upper, (thickness > _HIDDEN).view(grid.cells.shape))
    front = Front(grid, density, margin)
    space = rays.marcher.space
    marcher = Marcher(candidates, float(grid.cell.min()) / 2, front, space)
    largest = torch.zeros_like(density)
    count = min(most, 2 * rays.drawn.shape[0])
    pick = torch.randint(rays.drawn.shape[0], (count,), generator=generator, device=generator.device)
    pixel = rays.drawn.index_select(0, pick.to(rays.drawn.device))
    unit = rays.directions / rays.directions.norm(dim=1, keepdim=True)
    for part in pixel.split(8192):
        origins, directions = rays.origins[rays.view[part]], unit[part]
        offset = torch.rand(part.shape[0], generator=generator, device=generator.device).to(origins)
        samples = marcher.march(origins, directions, offset)
        if samples.distance.shape[0] == 0:
            continue
        cell = grid.index(samples.place)
        weights = ray_weights(density[cell], samples.delta, samples.counts)
        # Against the largest on the same ray: a field that is still blurred has small weights everywhere.
        peak = torch.zeros_like(origins[:, 0]).scatter_reduce_(0, samples.ray, weights, "amax")
        peak = torch.where(segment_sum(weights, samples.counts) > _NOTHING, peak, torch.inf)
        largest.scatter_reduce_(0, cell, weights / peak[samples.ray], "amax")
    seen = OccupancyGrid(grid.lower, grid.upper, (largest > _WEIGHT).view(grid.cells.shape)).dilated(1)
    kept = OccupancyGrid(grid.lower, grid.upper, seen.cells & grid.cells)
    if not bool(kept.cells.any()):  # nothing has been found yet
        return Marcher(grid, step, space=space)
    return Marcher(kept, step, front, space)
