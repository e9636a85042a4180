"""Marcher: equidistant samples along rays, in occupied cells only.  The inner loop of training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from .front import Front
from .occupancy import OccupancyGrid
from .sampling import box_span

__all__ = ["Marcher", "Samples"]

_BLOCK = 8
"""Samples that are looked up together first: an empty block costs one look instead of eight."""


class Samples(NamedTuple):
    """Samples of rays, ragged: those of the first ray, then those of the second, ...

    distance: `(n,)` along the rays, in the length of space; ascending on each ray.
    ray: `(n,)` int64, the row of its ray.
    counts: `(rows,)` int64, samples per ray, 0 where it meets nothing.
    """

    distance: Tensor
    ray: Tensor
    counts: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Marcher:
    """Samples at distances (k + u) * step from the origin of each ray, in the occupied cells of a grid.

    No cell-by-cell traversal: blocks of eight positions are looked up, at their middle, in the grid dilated by half the
    length of a block, and only the positions of blocks that may hold something one by one.  All of it is a few
    vectorised operations on every device.

    Args:
        grid: which cells to visit; its device and floating type are those of the rays.
        step: distance between samples, a length.
        front: leaves out samples behind what is opaque in an earlier field; None keeps them.

    Raises:
        ValueError: for a step that is not positive.
    """

    grid: OccupancyGrid
    step: float
    front: Front | None = None
    _around: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.step > 0:
            raise ValueError(f"Marcher: `step` must be a positive length, got {self.step!r}")
        reach = _BLOCK / 2 * self.step / float(self.grid.cell.min())
        object.__setattr__(self, "_around", self.grid.dilated(int(reach) + 1).cells.reshape(-1))

    def __repr__(self) -> str:
        return f"Marcher({self.grid!r}, step={self.step:.4g})"

    def meets(self, origins: Tensor, directions: Tensor, *, chunk: int = 65536) -> Tensor:
        """Whether rays `(rows, 3)`, unit directions, come near an occupied cell, bool `(rows,)`; never falsely no."""
        found = []
        for o, d in zip(origins.split(chunk), directions.split(chunk), strict=True):
            near, far = box_span(o, d, self.grid.lower, self.grid.upper)
            length = _BLOCK * self.step
            blocks = int(torch.ceil((far - near).clamp(min=0) / length).nan_to_num(0.0).max())
            number = torch.arange(blocks, dtype=o.dtype, device=o.device)
            middle = torch.add(near[:, None], number + 0.5, alpha=length)
            from_, along = self._scaled(o, d)
            worth = self._look(self._around, from_[:, :, None], along[:, :, None], middle)
            found.append((worth & (middle - length / 2 < far[:, None])).any(dim=1))
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.bool, device=origins.device)

    def march(self, origins: Tensor, directions: Tensor, offset: Tensor | float = 0.5) -> Samples:
        """Samples of rays.

        Args:
            origins: `(rows, 3)`.
            directions: `(rows, 3)`, unit vectors.
            offset: u in [0, 1), a number or `(rows,)`: random ones make the quadrature unbiased, 1/2 is for pictures.
        """
        grid, step, rows = self.grid, self.step, origins.shape[0]
        near, far = box_span(origins, directions, grid.lower, grid.upper)
        u = torch.as_tensor(offset, dtype=origins.dtype, device=origins.device).expand(rows)
        first = torch.ceil(near / step - u)  # number of the first sample in the box
        total = (torch.ceil(far / step - u) - first).clamp(min=0).nan_to_num(0.0)  # and how many there are
        blocks = int(torch.ceil(total / _BLOCK).max()) if rows else 0
        if blocks == 0:
            return _none(origins)
        start = (first + u) * step
        from_, along = self._scaled(origins, directions)
        number = torch.arange(blocks, dtype=origins.dtype, device=origins.device) * _BLOCK
        middle = torch.add(start[:, None], number + (_BLOCK - 1) / 2, alpha=step)
        worth = self._look(self._around, from_[:, :, None], along[:, :, None], middle)
        worth &= number < total[:, None]
        ray, block = worth.nonzero().unbind(dim=1)  # by ray, then along it
        if ray.numel() == 0:
            return _none(origins)
        inside = torch.arange(_BLOCK, dtype=origins.dtype, device=origins.device)
        index = number.index_select(0, block)[:, None] + inside  # (m, 8): number of the sample on its ray
        distance = torch.add(start.index_select(0, ray)[:, None], index, alpha=step)
        chosen_from, chosen_along = from_.index_select(1, ray)[:, :, None], along.index_select(1, ray)[:, :, None]
        hit = self._look(grid.cells.reshape(-1), chosen_from, chosen_along, distance)
        hit &= index < total.index_select(0, ray)[:, None]
        per_block = hit.sum(dim=1)
        counts = torch.zeros(rows, dtype=torch.int64, device=origins.device).scatter_add_(0, ray, per_block)
        chosen = hit.reshape(-1).nonzero()[:, 0]
        found = Samples(
            distance.reshape(-1).index_select(0, chosen),
            torch.repeat_interleave(ray, per_block, output_size=chosen.shape[0]),
            counts,
        )
        if self.front is None:
            return found
        place = torch.addcmul(origins[found.ray], found.distance[:, None], directions[found.ray])
        seen = self.front.kept(place, counts, step).nonzero()[:, 0]
        rays = found.ray.index_select(0, seen)
        left = torch.zeros_like(counts).scatter_add_(0, rays, torch.ones_like(rays))
        return Samples(found.distance.index_select(0, seen), rays, left)

    def _scaled(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Origins and directions `(3, rows)` in units of cells."""
        grid = self.grid
        shape = torch.tensor(grid.cells.shape, dtype=origins.dtype, device=origins.device)
        scale = shape / (grid.upper - grid.lower)
        return ((origins - grid.lower) * scale).T.contiguous(), (directions * scale).T.contiguous()

    def _look(self, flat: Tensor, from_: Tensor, along: Tensor, distance: Tensor) -> Tensor:
        """Whether the cells at `distance` `(m, k)` on rays `from_`, `along` `(3, m, 1)` are set, bool `(m, k)`."""
        index: Tensor | None = None
        for axis, resolution in enumerate(self.grid.cells.shape):
            # Truncation is the floor: what is rounded below 0 or beyond the last cell belongs to the cell at the wall.
            cell = torch.addcmul(from_[axis], along[axis], distance).to(torch.int32).clamp_(0, resolution - 1)
            index = cell if index is None else index.mul_(resolution).add_(cell)
        assert index is not None
        return flat.index_select(0, index.reshape(-1)).view(distance.shape)


def _none(origins: Tensor) -> Samples:
    whole = torch.zeros(0, dtype=torch.int64, device=origins.device)
    return Samples(origins.new_zeros(0), whole, torch.zeros(origins.shape[0], dtype=torch.int64, device=origins.device))
