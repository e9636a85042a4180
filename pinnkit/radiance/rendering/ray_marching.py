"""Marcher: equidistant samples along rays, in occupied cells only.  The inner loop of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from pinnkit.radiance.data.contraction import Contraction
from pinnkit.radiance.data.occupancy import OccupancyGrid

from .early_ray_termination import Front
from .sampling import box_span

__all__ = ["Marcher", "Samples", "Walk"]

_BLOCK = 8
"""Samples that are looked up together first: an empty block costs one look instead of eight."""
_STRETCH = 2.0
"""More than how much longer than its step a step in contracted space can be."""


class Samples(NamedTuple):
    """Samples of rays, ragged: those of the first ray, then those of the second, ...

    distance: `(n,)` along the rays, in the length of space; ascending on each ray.
    ray: `(n,)` int64, the row of its ray.
    counts: `(rows,)` int64, samples per ray, 0 where it meets nothing.
    place: `(n, 3)` in the box of the grid.
    delta: `(n,)`, the length in that box that each stands for.
    """

    distance: Tensor
    ray: Tensor
    counts: Tensor
    place: Tensor
    delta: Tensor


class Walk(Protocol):
    """Where samples are taken along rays: a `Marcher`, or a `Guided` one."""

    @property
    def grid(self) -> OccupancyGrid:
        """The cells that may hold something; their type and device are those of the rays."""
        ...

    @property
    def space(self) -> Contraction | None:
        """What space is contracted by; None: by nothing."""
        ...

    def meets(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Whether rays `(rows, 3)`, unit directions, come near an occupied cell, bool `(rows,)`; never falsely no."""
        ...

    def march(self, origins: Tensor, directions: Tensor, offset: Tensor | float = 0.5) -> Samples:
        """Samples of such rays; `offset` u in [0, 1), a number or `(rows,)`, shifts them within their step."""
        ...


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
        space: all of space, contracted to the box of the grid, through which rays are curves; steps are then even in
            its s.  None: rays are straight, and what is outside the box is not there.

    Raises:
        ValueError: for a step that is not positive.
    """

    grid: OccupancyGrid
    step: float
    front: Front | None = None
    space: Contraction | None = None
    _around: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.step > 0:
            raise ValueError(f"Marcher: `step` must be a positive length, got {self.step!r}")
        reach = _BLOCK / 2 * self.step / float(self.grid.cell.min()) * (1.0 if self.space is None else _STRETCH)
        object.__setattr__(self, "_around", self.grid.dilated(int(reach) + 1).cells.reshape(-1))

    def __repr__(self) -> str:
        return f"Marcher({self.grid!r}, step={self.step:.4g})"

    def meets(self, origins: Tensor, directions: Tensor, *, chunk: int = 65536) -> Tensor:
        """Whether rays `(rows, 3)`, unit directions, come near an occupied cell, bool `(rows,)`; never falsely no."""
        found = []
        for o, d in zip(origins.split(chunk), directions.split(chunk), strict=True):
            near, far = self.span(o, d)
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
        near, far = self.span(origins, directions)
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
        s = distance.reshape(-1).index_select(0, chosen)
        of = torch.repeat_interleave(ray, per_block, output_size=chosen.shape[0])
        found = self.samples_at(origins.index_select(0, of), directions.index_select(0, of), s, of, counts)
        if self.front is None:
            return found
        seen = self.front.kept(found.place, counts, step).nonzero()[:, 0]
        rays = found.ray.index_select(0, seen)
        left = torch.zeros_like(counts).scatter_add_(0, rays, torch.ones_like(rays))
        kept = (part.index_select(0, seen) for part in (found.distance, found.place, found.delta))
        distance, place, delta = kept
        return Samples(distance, rays, left, place, delta)

    def samples_at(self, origins: Tensor, directions: Tensor, s: Tensor, ray: Tensor, counts: Tensor) -> Samples:
        """Samples at lengths s `(n,)` of rays `(n, 3)`, each standing for one step."""
        if self.space is None:
            place = torch.addcmul(origins, s[:, None], directions)
            return Samples(s, ray, counts, place, torch.full_like(s, self.step))
        found = self.space.on_rays(origins, directions, s)
        return Samples(found.distance, ray, counts, found.place, found.speed * self.step)

    def span(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Where rays are in the box, as lengths along them (s where space is contracted)."""
        if self.space is None:
            return box_span(origins, directions, self.grid.lower, self.grid.upper)
        return torch.zeros_like(origins[:, 0]), self.space.reach(origins)

    def cells_at(self, origins: Tensor, directions: Tensor, s: Tensor) -> tuple[Tensor, Tensor | float]:
        """Flat cells `(rows, k)` at lengths s `(rows, k)` of rays, and length in the box per s there."""
        if self.space is None:
            o, d = origins.repeat_interleave(s.shape[1], dim=0), directions.repeat_interleave(s.shape[1], dim=0)
            return self.grid.index(torch.addcmul(o, s.reshape(-1, 1), d)).view(s.shape), 1.0
        from_, along = self._scaled(origins, directions)
        places, speed = self._contracted(self.space, from_[:, :, None], along[:, :, None], s)
        return self._index(places), speed

    def _scaled(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Origins and directions `(3, rows)` in units of cells; relative to the centre, in radii, if contracted."""
        if self.space is not None:
            return self.space.own(origins).T.contiguous(), directions.T.contiguous()
        grid = self.grid
        shape = torch.tensor(grid.cells.shape, dtype=origins.dtype, device=origins.device)
        scale = shape / (grid.upper - grid.lower)
        return ((origins - grid.lower) * scale).T.contiguous(), (directions * scale).T.contiguous()

    def _look(self, flat: Tensor, from_: Tensor, along: Tensor, distance: Tensor) -> Tensor:
        """Whether the cells at `distance` `(m, k)` on rays `from_`, `along` `(3, m, 1)` are set, bool `(m, k)`."""
        if self.space is None:
            places = [torch.addcmul(from_[axis], along[axis], distance) for axis in range(3)]
        else:
            places = self._contracted(self.space, from_, along, distance)[0]
        return flat.index_select(0, self._index(places).reshape(-1)).view(distance.shape)

    def _index(self, places: Sequence[Tensor]) -> Tensor:
        """The flat cells at places along each axis, in units of cells."""
        index: Tensor | None = None
        for place, resolution in zip(places, self.grid.cells.shape, strict=True):
            # Truncation is the floor: what is rounded below 0 or beyond the last cell belongs to the cell at the wall.
            cell = place.to(torch.int32).clamp_(0, resolution - 1)
            index = cell if index is None else index.mul_(resolution).add_(cell)
        assert index is not None
        return index

    def _contracted(self, space: Contraction, from_: Tensor, along: Tensor, s: Tensor) -> tuple[list[Tensor], Tensor]:
        """Places at s `(m, k)` along each axis, in units of cells, each `(m, k)`; contracted length per s, roughly."""
        rho = from_.norm(dim=0)
        t = space.along(s / space.radius, rho)
        places = [torch.addcmul(from_[axis], along[axis], t) for axis in range(3)]
        squared = places[0].square().addcmul_(places[1], places[1]).addcmul_(places[2], places[2])
        inverse = squared.clamp_(min=1).rsqrt_()
        factor = (2 - inverse).mul_(inverse)
        cells = self.grid.cells.shape
        scaled = [place.mul_(factor).add_(2).mul_(n / 4) for place, n in zip(places, cells, strict=True)]
        return scaled, (inverse * space.stretch(t, rho).sqrt()).square_()


def _none(origins: Tensor) -> Samples:
    whole = torch.zeros(0, dtype=torch.int64, device=origins.device)
    nothing = origins.new_zeros(0)
    counts = torch.zeros(origins.shape[0], dtype=torch.int64, device=origins.device)
    return Samples(nothing, whole, counts, origins.new_zeros(0, 3), nothing)
