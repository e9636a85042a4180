"""Occupancy grids: cells of a box that may contain something, so that empty space is skipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .cameras import Camera

__all__ = ["OccupancyGrid", "carve"]


@dataclass(frozen=True, eq=False, repr=False)
class OccupancyGrid:
    """Cells of a box that may contain something.

    Args:
        lower, upper: corners `(3,)` of the box.
        cells: bool `(rx, ry, rz)`; cell (i, j, k) spans [i, i+1] / rx of the box along x, and so on.

    Raises:
        ValueError: for inconsistent shapes or types, or corners out of order.
    """

    lower: Tensor
    upper: Tensor
    cells: Tensor

    def __post_init__(self) -> None:
        if self.cells.ndim != 3 or self.cells.dtype != torch.bool or 0 in self.cells.shape:
            raise ValueError(
                f"OccupancyGrid: `cells` must be bool (rx, ry, rz), got {self.cells.dtype} {tuple(self.cells.shape)}"
            )
        if self.lower.shape != (3,) or self.upper.shape != (3,) or not bool((self.lower < self.upper).all()):
            raise ValueError(
                f"OccupancyGrid: `lower` < `upper` must be corners (3,), got {self.lower.tolist()}, "
                f"{self.upper.tolist()}"
            )

    def __repr__(self) -> str:
        cells = " x ".join(map(str, self.cells.shape))
        return f"OccupancyGrid({cells} cells, {self.occupied:.2%} occupied)"

    @classmethod
    def full(cls, lower: Tensor, upper: Tensor, resolution: int) -> OccupancyGrid:
        """Grid with all cells occupied; `resolution` cells along the longest side, nearly cubic."""
        return cls(lower, upper, torch.ones(_shape(lower, upper, resolution), dtype=torch.bool, device=lower.device))

    @property
    def occupied(self) -> float:
        """Share of occupied cells."""
        return float(self.cells.float().mean())

    @property
    def cell(self) -> Tensor:
        """Sides `(3,)` of a cell."""
        return (self.upper - self.lower) / torch.tensor(self.cells.shape, device=self.lower.device)

    def centres(self, chosen: Tensor | None = None) -> Tensor:
        """Centres `(m, 3)` of the cells with flat index `chosen`, in row-major order; by default of all."""
        _, ry, rz = self.cells.shape
        if chosen is None:
            chosen = torch.arange(self.cells.numel(), device=self.cells.device)
        index = torch.stack([chosen // (ry * rz), chosen // rz % ry, chosen % rz], dim=1)
        return self.lower + (index.to(self.lower.dtype) + 0.5) * self.cell

    def index(self, points: Tensor) -> Tensor:
        """Flat index `(m,)` int64 of the cell of each point `(m, 3)`; outside points get the nearest cell."""
        rx, ry, rz = self.cells.shape
        scaled = (points - self.lower.to(points)) / self.cell.to(points)
        i, j, k = (scaled[:, a].long().clamp(0, r - 1) for a, r in enumerate((rx, ry, rz)))
        return (i * ry + j) * rz + k

    def contains(self, points: Tensor) -> Tensor:
        """Mask `(m,)` of the points `(m, 3)` inside the box and in an occupied cell."""
        inside = ((points >= self.lower.to(points)) & (points <= self.upper.to(points))).all(dim=1)
        return inside & self.cells.reshape(-1)[self.index(points)]

    def dilated(self, cells: int = 1) -> OccupancyGrid:
        """Also occupy every cell within `cells` cells of an occupied one, diagonals included."""
        if cells < 1:
            return self
        grown = self.cells
        for axis in range(3):
            grown = _dilate_axis(grown, axis, cells)
        return OccupancyGrid(self.lower, self.upper, grown)

    def refined(self, resolution: int) -> OccupancyGrid:
        """The occupied space at another resolution; a new cell is occupied if any part of it was."""
        shape = _shape(self.lower, self.upper, resolution)
        cells = self.cells
        for axis, (old, new) in enumerate(zip(self.cells.shape, shape, strict=True)):
            start = torch.arange(new, device=cells.device) * old // new
            stop = torch.div((torch.arange(new, device=cells.device) + 1) * old + new - 1, new, rounding_mode="floor")
            taken = cells.index_select(axis, start)
            for shift in range(1, int((stop - start).max())):
                taken = taken | cells.index_select(axis, torch.minimum(start + shift, stop - 1))
            cells = taken
        return OccupancyGrid(self.lower, self.upper, cells)

    def intersection(self, other: OccupancyGrid) -> OccupancyGrid:
        """Cells occupied in both grids.

        Raises:
            ValueError: for grids of different shapes.
        """
        if self.cells.shape != other.cells.shape:
            raise ValueError(
                f"OccupancyGrid.within: both grids must have the same cells, got {tuple(self.cells.shape)} and "
                f"{tuple(other.cells.shape)}; bring one to the other by `refined`"
            )
        return OccupancyGrid(self.lower, self.upper, self.cells & other.cells)

    def filtered(self, value: Callable[[Tensor], Tensor], above: float, *, chunk: int = 65536) -> OccupancyGrid:
        """Keep occupied cells with value(centres `(m, 3)`) `(m,)` above a threshold; empty cells are not evaluated.

        For a density sigma and a step h, alpha = 1 - exp(-sigma h) above a threshold means sigma > -log(1 - alpha) / h.

        Args:
            value: function of points.
            above: threshold.
            chunk: points per evaluation.
        """
        flat = self.cells.reshape(-1)
        chosen = flat.nonzero()[:, 0]
        kept = torch.zeros_like(flat)
        with torch.no_grad():
            for part in chosen.split(chunk):
                kept[part] = value(self.centres(part)) > above
        return OccupancyGrid(self.lower, self.upper, kept.reshape(self.cells.shape))

    def without_cells_near(self, points: Tensor, distance: float) -> OccupancyGrid:
        """Remove cells with a centre closer than `distance` to one of the points `(m, 3)`, such as cameras."""
        flat = self.cells.reshape(-1).clone()
        for part in flat.nonzero()[:, 0].split(65536):
            flat[part] = (torch.cdist(self.centres(part), points.to(self.lower)) >= distance).all(dim=1)
        return OccupancyGrid(self.lower, self.upper, flat.reshape(self.cells.shape))

    def containing(self, points: Tensor, value: Tensor, above: float) -> OccupancyGrid:
        """Keep occupied cells that contain a point `(m, 3)` with a value `(m,)` above a threshold.

        With ray weights as values, surfaces are kept and hidden interiors are removed.

        Args:
            points: `(m, 3)`.
            value: value of each point, such as its weight on its ray.
            above: threshold.
        """
        flat = torch.zeros(self.cells.numel(), dtype=torch.bool, device=self.cells.device)
        flat[self.index(points[value > above])] = True
        return OccupancyGrid(self.lower, self.upper, flat.reshape(self.cells.shape) & self.cells)


def carve(
    cameras: Sequence[Camera],
    alphas: Sequence[Tensor],
    lower: Tensor,
    upper: Tensor,
    resolution: int,
    *,
    margin: float = 1.0,
    threshold: float = 0.02,
    least: int = 0,
    whole: bool = False,
) -> OccupancyGrid:
    """Visual hull: cells that no view sees through, from the alpha masks of the pictures.

    A cell is removed if some view sees its centre and no pixel within the projected half diagonal of the cell plus
    `margin` pixels has alpha above the threshold.  Cells outside a view, or behind its camera, are not affected by it.

    Args:
        cameras: V cameras.
        alphas: V masks `(H, W)` in [0, 1].
        lower: corner `(3,)` of the box.
        upper: opposite corner.
        resolution: cells along the longest side.
        margin: pixels kept beyond every silhouette.
        threshold: alpha above which a pixel belongs to the object.
        least: minimum number of views that must see a cell.
        whole: whether cells outside a view are removed if its border is transparent, so that it shows the whole object.

    Source: Kutulakos and Seitz, A theory of shape by space carving, IJCV 38 (2000); Laurentini (1994) for the hull.
    """
    grid = OccupancyGrid.full(lower.float(), upper.float(), resolution)
    left = torch.arange(grid.cells.numel(), device=grid.cells.device)
    views = torch.zeros_like(left)
    radius = float(grid.cell.norm()) / 2
    for camera, alpha in zip(cameras, alphas, strict=True):
        if left.numel() == 0:
            break
        pixel, depth = camera.project(grid.centres(left))
        seen = (depth > 0) & (pixel >= 0).all(dim=1) & (pixel[:, 0] < camera.width) & (pixel[:, 1] < camera.height)
        mask = (alpha > threshold).to(grid.lower)[None, None]
        # The reach in pixels of the nearest visible cell is an upper bound for the view.
        nearest = float(depth[seen].min()) if bool(seen.any()) else 1.0
        reach = min(int(radius * max(camera.fx, camera.fy) / max(nearest, 1e-9) + margin + 1), max(mask.shape[-2:]))
        for window in ((2 * reach + 1, 1), (1, 2 * reach + 1)):
            mask = F.max_pool2d(mask, window, stride=1, padding=(window[0] // 2, window[1] // 2))
        column = pixel[:, 0].nan_to_num(0.0).clamp(0, camera.width - 1).long()
        row = pixel[:, 1].nan_to_num(0.0).clamp(0, camera.height - 1).long()
        solid = mask[0, 0][row, column] > 0
        border = torch.cat([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        kept = seen & solid if whole and not bool((border > threshold).any()) else ~seen | solid
        left, views = left[kept], (views + seen)[kept]
    left = left[views >= least]
    cells = torch.zeros(grid.cells.numel(), dtype=torch.bool, device=grid.cells.device)
    cells[left] = True
    return OccupancyGrid(grid.lower, grid.upper, cells.reshape(grid.cells.shape))


def _shape(lower: Tensor, upper: Tensor, resolution: int) -> tuple[int, int, int]:
    if resolution < 1:
        raise ValueError(f"OccupancyGrid: `resolution` must be at least one cell, got {resolution}")
    sides = (upper - lower).double()
    rx, ry, rz = (max(1, round(float(s))) for s in sides / sides.max() * resolution)
    return rx, ry, rz


def _dilate_axis(cells: Tensor, axis: int, reach: int) -> Tensor:
    """Maximum over 2 reach + 1 cells along one axis.

    Windows double, so that log(reach) passes suffice.
    """
    edge = torch.zeros([reach if a == axis else n for a, n in enumerate(cells.shape)], dtype=torch.bool).to(
        cells.device
    )
    grown, covered = torch.cat([edge, cells, edge], dim=axis), 1
    while covered < 2 * reach + 1:
        shift = min(covered, 2 * reach + 1 - covered)
        length = grown.shape[axis] - shift
        grown = grown.narrow(axis, 0, length) | grown.narrow(axis, shift, length)
        covered += shift
    return grown
