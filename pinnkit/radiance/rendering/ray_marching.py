"""Ray marching: equidistant samples along rays, in occupied cells only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from pinnkit.radiance.data.contraction import Contraction
from pinnkit.radiance.data.occupancy import OccupancyGrid

from .early_ray_termination import EarlyRayTermination
from .sampling import box_intersection

__all__ = ["RayMarcher", "RaySampler", "RaySamples"]

_BLOCK = 8
"""Samples tested together first; an empty block costs one lookup instead of eight."""
_STRETCH = 2.0
"""Upper bound on the length of a step in contracted space relative to the step."""


class RaySamples(NamedTuple):
    """Samples of rays, ragged: those of the first ray, then those of the second, ...

    distance: `(n,)` along the rays, in the length of space; ascending on each ray.
    ray: `(n,)` int64, row of the ray.
    counts: `(rows,)` int64, samples per ray, 0 for none.
    place: `(n, 3)` in the box of the grid.
    delta: `(n,)`, length in that box that each sample represents.
    """

    distance: Tensor
    ray: Tensor
    counts: Tensor
    place: Tensor
    delta: Tensor


class RaySampler(Protocol):
    """Rule for samples along rays: a `RayMarcher`, or an `ImportanceSampler`."""

    @property
    def grid(self) -> OccupancyGrid:
        """Cells that may be occupied; their dtype and device are those of the rays."""
        ...

    @property
    def contraction(self) -> Contraction | None:
        """Contraction of space; None for a bounded scene."""
        ...

    def meets(self, origins: Tensor, directions: Tensor) -> Tensor:
        """Conservative test of rays `(rows, 3)`, unit directions, for occupied cells nearby, bool `(rows,)`."""
        ...

    def march(self, origins: Tensor, directions: Tensor, offset: Tensor | float = 0.5) -> RaySamples:
        """Samples of such rays.

        Args:
            origins: `(rows, 3)`.
            directions: `(rows, 3)`, unit vectors.
            offset: u in [0, 1), a number or `(rows,)`, shifts the samples within their step.
        """
        ...


@dataclass(frozen=True, eq=False, repr=False)
class RayMarcher:
    """Samples at distances (k + u) * step from the origin of each ray, in the occupied cells of a grid.

    There is no cell-by-cell traversal.  Blocks of eight positions are tested at their centre, in the grid dilated by
    half the length of a block, and only positions of possibly occupied blocks are tested individually.  All operations
    are vectorised on every device.

    Args:
        grid: cells to visit; its device and floating type are those of the rays.
        step: distance between samples, a length.
        termination: omits samples behind opaque cells of an earlier field; None keeps all.
        contraction: contraction of all space to the box of the grid, in which rays are curves; steps are even in its
            length s.  None: rays are straight, and space outside the box is empty.

    Raises:
        ValueError: for a step that is not positive.
    """

    grid: OccupancyGrid
    step: float
    termination: EarlyRayTermination | None = None
    contraction: Contraction | None = None
    _dilated: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.step > 0:
            raise ValueError(f"Marcher: `step` must be a positive length, got {self.step!r}")
        reach = _BLOCK / 2 * self.step / float(self.grid.cell.min()) * (1.0 if self.contraction is None else _STRETCH)
        object.__setattr__(self, "_dilated", self.grid.dilated(int(reach) + 1).cells.reshape(-1))

    def __repr__(self) -> str:
        return f"RayMarcher({self.grid!r}, step={self.step:.4g})"

    def meets(self, origins: Tensor, directions: Tensor, *, chunk: int = 65536) -> Tensor:
        """Conservative test of rays `(rows, 3)`, unit directions, for occupied cells nearby, bool `(rows,)`."""
        found = []
        for o, d in zip(origins.split(chunk), directions.split(chunk), strict=True):
            near, far = self.span(o, d)
            length = _BLOCK * self.step
            blocks = int(torch.ceil((far - near).clamp(min=0) / length).nan_to_num(0.0).max())
            number = torch.arange(blocks, dtype=o.dtype, device=o.device)
            middle = torch.add(near[:, None], number + 0.5, alpha=length)
            from_, along = self._scaled(o, d)
            worth = self._lookup(self._dilated, from_[:, :, None], along[:, :, None], middle)
            found.append((worth & (middle - length / 2 < far[:, None])).any(dim=1))
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.bool, device=origins.device)

    def march(self, origins: Tensor, directions: Tensor, offset: Tensor | float = 0.5) -> RaySamples:
        """Samples of rays.

        Args:
            origins: `(rows, 3)`.
            directions: `(rows, 3)`, unit vectors.
            offset: u in [0, 1), a number or `(rows,)`; random offsets make the quadrature unbiased, 1/2 is for
                rendering.
        """
        grid, step, rows = self.grid, self.step, origins.shape[0]
        near, far = self.span(origins, directions)
        u = torch.as_tensor(offset, dtype=origins.dtype, device=origins.device).expand(rows)
        first = torch.ceil(near / step - u)  # index of the first sample in the box
        total = (torch.ceil(far / step - u) - first).clamp(min=0).nan_to_num(0.0)  # number of samples
        blocks = int(torch.ceil(total / _BLOCK).max()) if rows else 0
        if blocks == 0:
            return _none(origins)
        start = (first + u) * step
        from_, along = self._scaled(origins, directions)
        number = torch.arange(blocks, dtype=origins.dtype, device=origins.device) * _BLOCK
        middle = torch.add(start[:, None], number + (_BLOCK - 1) / 2, alpha=step)
        worth = self._lookup(self._dilated, from_[:, :, None], along[:, :, None], middle)
        worth &= number < total[:, None]
        ray, block = worth.nonzero().unbind(dim=1)  # sorted by ray, then along it
        if ray.numel() == 0:
            return _none(origins)
        inside = torch.arange(_BLOCK, dtype=origins.dtype, device=origins.device)
        index = number.index_select(0, block)[:, None] + inside  # (m, 8): index of the sample on its ray
        distance = torch.add(start.index_select(0, ray)[:, None], index, alpha=step)
        chosen_from, chosen_along = from_.index_select(1, ray)[:, :, None], along.index_select(1, ray)[:, :, None]
        hit = self._lookup(grid.cells.reshape(-1), chosen_from, chosen_along, distance)
        hit &= index < total.index_select(0, ray)[:, None]
        per_block = hit.sum(dim=1)
        counts = torch.zeros(rows, dtype=torch.int64, device=origins.device).scatter_add_(0, ray, per_block)
        chosen = hit.reshape(-1).nonzero()[:, 0]
        s = distance.reshape(-1).index_select(0, chosen)
        of = torch.repeat_interleave(ray, per_block, output_size=chosen.shape[0])
        found = self.samples_at(origins.index_select(0, of), directions.index_select(0, of), s, of, counts)
        if self.termination is None:
            return found
        seen = self.termination.visible(found.place, counts, step).nonzero()[:, 0]
        rays = found.ray.index_select(0, seen)
        left = torch.zeros_like(counts).scatter_add_(0, rays, torch.ones_like(rays))
        kept = (part.index_select(0, seen) for part in (found.distance, found.place, found.delta))
        distance, place, delta = kept
        return RaySamples(distance, rays, left, place, delta)

    def samples_at(self, origins: Tensor, directions: Tensor, s: Tensor, ray: Tensor, counts: Tensor) -> RaySamples:
        """Samples at lengths s `(n,)` of rays `(n, 3)`, each representing one step."""
        if self.contraction is None:
            place = torch.addcmul(origins, s[:, None], directions)
            return RaySamples(s, ray, counts, place, torch.full_like(s, self.step))
        found = self.contraction.samples_on_rays(origins, directions, s)
        return RaySamples(found.distance, ray, counts, found.place, found.speed * self.step)

    def span(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Interval of the rays inside the box, as lengths (s in contracted space)."""
        if self.contraction is None:
            return box_intersection(origins, directions, self.grid.lower, self.grid.upper)
        return torch.zeros_like(origins[:, 0]), self.contraction.max_length(origins)

    def cells_at(self, origins: Tensor, directions: Tensor, s: Tensor) -> tuple[Tensor, Tensor | float]:
        """Flat cells `(rows, k)` at lengths s `(rows, k)` of rays, and the length in the box per s."""
        if self.contraction is None:
            o, d = origins.repeat_interleave(s.shape[1], dim=0), directions.repeat_interleave(s.shape[1], dim=0)
            return self.grid.index(torch.addcmul(o, s.reshape(-1, 1), d)).view(s.shape), 1.0
        from_, along = self._scaled(origins, directions)
        places, speed = self._contracted(self.contraction, from_[:, :, None], along[:, :, None], s)
        return self._index(places), speed

    def _scaled(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Origins and directions `(3, rows)` in units of cells, or relative to the centre in radii if contracted."""
        if self.contraction is not None:
            return self.contraction.normalised(origins).T.contiguous(), directions.T.contiguous()
        grid = self.grid
        shape = torch.tensor(grid.cells.shape, dtype=origins.dtype, device=origins.device)
        scale = shape / (grid.upper - grid.lower)
        return ((origins - grid.lower) * scale).T.contiguous(), (directions * scale).T.contiguous()

    def _lookup(self, flat: Tensor, from_: Tensor, along: Tensor, distance: Tensor) -> Tensor:
        """Values of the cells at `distance` `(m, k)` on rays `from_`, `along` `(3, m, 1)`, bool `(m, k)`."""
        if self.contraction is None:
            places = [torch.addcmul(from_[axis], along[axis], distance) for axis in range(3)]
        else:
            places = self._contracted(self.contraction, from_, along, distance)[0]
        return flat.index_select(0, self._index(places).reshape(-1)).view(distance.shape)

    def _index(self, places: Sequence[Tensor]) -> Tensor:
        """Flat cells at places along each axis, in units of cells."""
        index: Tensor | None = None
        for place, resolution in zip(places, self.grid.cells.shape, strict=True):
            # Truncation equals the floor here; indices beyond the grid are clamped to the cells at the walls.
            cell = place.to(torch.int32).clamp_(0, resolution - 1)
            index = cell if index is None else index.mul_(resolution).add_(cell)
        assert index is not None
        return index

    def _contracted(
        self, contraction: Contraction, from_: Tensor, along: Tensor, s: Tensor
    ) -> tuple[list[Tensor], Tensor]:
        """Places at s `(m, k)` along each axis, in units of cells, each `(m, k)`.

        Also the approximate contracted length per s.
        """
        rho = from_.norm(dim=0)
        t = contraction.true_distance(s / contraction.radius, rho)
        places = [torch.addcmul(from_[axis], along[axis], t) for axis in range(3)]
        squared = places[0].square().addcmul_(places[1], places[1]).addcmul_(places[2], places[2])
        inverse = squared.clamp_(min=1).rsqrt_()
        factor = (2 - inverse).mul_(inverse)
        cells = self.grid.cells.shape
        scaled = [place.mul_(factor).add_(2).mul_(n / 4) for place, n in zip(places, cells, strict=True)]
        return scaled, (inverse * contraction.distance_derivative(t, rho).sqrt()).square_()


def _none(origins: Tensor) -> RaySamples:
    whole = torch.zeros(0, dtype=torch.int64, device=origins.device)
    nothing = origins.new_zeros(0)
    counts = torch.zeros(origins.shape[0], dtype=torch.int64, device=origins.device)
    return RaySamples(nothing, whole, counts, origins.new_zeros(0, 3), nothing)
