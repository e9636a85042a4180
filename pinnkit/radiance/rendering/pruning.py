"""Pruning of occupied cells by a fitted field, for the next stage."""

from __future__ import annotations

import torch
from torch import Tensor

from pinnkit.radiance.data.occupancy import OccupancyGrid
from pinnkit.solutions.evaluation import FieldSet

from .early_ray_termination import EarlyRayTermination
from .ray_marching import RayMarcher
from .rays import Rays
from .volume_rendering import ray_weights, segment_sum

__all__ = ["cell_densities", "pruned_sampler"]

_WEIGHT = 0.06
"""Share of the largest weight on a ray below which a cell is removed."""
_NOTHING = 0.02
"""Accumulation below which a ray is empty."""
_HIDDEN = 1e-3
"""Optical thickness per cell below which a cell is empty."""


def cell_densities(fields: FieldSet, grid: OccupancyGrid, *, chunk: int = 65536) -> Tensor:
    """Densities at the centres of the occupied cells, `(cells,)`, flat; 0 elsewhere."""
    chosen = grid.cells.reshape(-1).nonzero()[:, 0]
    found = torch.zeros(grid.cells.numel(), dtype=grid.lower.dtype, device=grid.lower.device)
    for part in chosen.split(chunk):
        place = grid.centres(part)
        coords = torch.cat([place, torch.zeros_like(place)], dim=1)  # the density does not depend on the direction
        found[part] = fields.unknowns(coords, {})["density"]
    return found


def pruned_sampler(
    fields: FieldSet,
    rays: Rays,
    resolution: int,
    step: float,
    *,
    margin: float,
    generator: torch.Generator,
    most: int = 40_000,
) -> RayMarcher:
    """Sampler of the next stage: cells that some training ray sees, their neighbours, and nothing behind them.

    Every cell gets the largest weight w = T (1 - exp(-sigma h)) over up to `most` training rays, relative to the
    largest weight on the same ray.  The densities are those at the cell centres, so that the field is evaluated once
    per cell.  Cells above 0.06 are kept with all their neighbours, so that a surface that is thin, blurred or still
    moving is not cut.

    Args:
        fields: fields of the previous stage.
        rays: training pixels, with its cells and step.
        resolution: cells along the longest side of the box.
        step: of the next stage.
        margin: distance behind an opaque surface within which samples are kept.
        generator: draws the rays.
        most: maximum number of rays, at most twice the number of pixels.
    """
    grid = rays.sampler.grid.refined(resolution)
    density = cell_densities(fields, grid)
    thickness = density * float(grid.cell.max())
    candidates = OccupancyGrid(grid.lower, grid.upper, (thickness > _HIDDEN).view(grid.cells.shape))
    termination = EarlyRayTermination(grid, density, margin)
    contraction = rays.sampler.contraction
    sampler = RayMarcher(candidates, float(grid.cell.min()) / 2, termination, contraction)
    largest = torch.zeros_like(density)
    count = min(most, 2 * rays.active.shape[0])
    pick = torch.randint(rays.active.shape[0], (count,), generator=generator, device=generator.device)
    pixel = rays.active.index_select(0, pick.to(rays.active.device))
    unit = rays.directions / rays.directions.norm(dim=1, keepdim=True)
    for part in pixel.split(8192):
        origins, directions = rays.origins[rays.view[part]], unit[part]
        offset = torch.rand(part.shape[0], generator=generator, device=generator.device).to(origins)
        samples = sampler.march(origins, directions, offset)
        if samples.distance.shape[0] == 0:
            continue
        cell = grid.index(samples.place)
        weights = ray_weights(density[cell], samples.delta, samples.counts)
        # Relative to the largest on the ray, since a blurred field has small weights everywhere.
        peak = torch.zeros_like(origins[:, 0]).scatter_reduce_(0, samples.ray, weights, "amax")
        peak = torch.where(segment_sum(weights, samples.counts) > _NOTHING, peak, torch.inf)
        largest.scatter_reduce_(0, cell, weights / peak[samples.ray], "amax")
    seen = OccupancyGrid(grid.lower, grid.upper, (largest > _WEIGHT).view(grid.cells.shape)).dilated(1)
    kept = OccupancyGrid(grid.lower, grid.upper, seen.cells & grid.cells)
    if not bool(kept.cells.any()):  # no surface yet
        return RayMarcher(grid, step, contraction=contraction)
    return RayMarcher(kept, step, termination, contraction)
