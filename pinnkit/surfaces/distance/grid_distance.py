"""The fast road from points to a signed distance: orientation, normals, screened Poisson, fast marching."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from pinnkit.surfaces.mesh.component_filter import without_specks
from pinnkit.surfaces.points.downsample import thinned
from pinnkit.surfaces.points.given_normals import Given, checked_normals, signed_like
from pinnkit.surfaces.points.neighbours import Neighbours
from pinnkit.surfaces.points.noise import noise_level
from pinnkit.surfaces.points.normals import averaged, fitted
from pinnkit.surfaces.points.orientation import orient
from pinnkit.surfaces.points.outliers import near_surface, without_strays
from pinnkit.surfaces.points.periodic_grid import PeriodicGrid, around

from .fast_marching import marching_distance
from .grid_field import GridField
from .screened_poisson import screened_poisson

__all__ = ["grid_distance"]

_ROOM = 1.15 / 0.9
"""Side of the cube over the longest side of the box of the points: 1.15 times the extent, with a margin."""
_LEAST = 20
_MOST = 60_000
"""Points that are used as they are on a grid of 128 nodes or fewer; on finer ones more, by the square."""
_ORIENTED = 12_000
"""Points that are oriented by parametric Gauss reconstruction; the others take it over from the nearest of them."""
_NEAR = 32
_UNEVEN = 2.4
"""Ninth over first decile of the spacing, above which the points are thinned before they are oriented (random: 1.6)."""


def grid_distance(
    points: Tensor | NDArray[Any],
    normals: Tensor | NDArray[Any] | None = None,
    *,
    generator: torch.Generator,
    resolution: int = 128,
) -> GridField:
    """A signed distance, negative inside, whose zero set is the closed surface that the points lie on.

    1. Strays are left out (`without_strays`, and `near_surface` after step 2).  More than 60,000 points (135,000 at a
       resolution of 192) are replaced by the means over cells of half the spacing of the grid or larger.
    2. Without normals: parametric Gauss reconstruction (`orient`), two passes of bilateral averaging, three of planes
       of least squares.  With normals: they are taken as they are; where all face inwards they are turned round, where
       neighbours contradict each other, their signs come from parametric Gauss reconstruction.
    3. The noise is estimated from the points (`noise_level`); smoothing and screening follow from it and from the
       spacing of the points by fixed rules.
    4. Screened Poisson reconstruction; pieces that hardly any points stand behind are filled in; fast marching.

    Args:
        points: (n, d) with d = 3, or 2 for curves; any unit and offset.
        normals: (n, d), of any length but zero.
        generator: draws the points that are looked at; the same seed gives the same field.
        resolution: nodes along each axis of a cube 1.15 / 0.9 times as wide as the longest side of the points' box.

    Returns:
        The field, with the noise, the normals of all points, the seconds and notes of what was repaired.

    Raises:
        ValueError: for points of another shape, that are not finite, fewer than 20 distinct ones or without extent; for
            normals that do not fit, are not finite or have length zero; for a resolution below 16.
        ImportError: where scikit-fmm is missing.
    """
    began = time.perf_counter()
    points = _checked(torch.as_tensor(points), resolution)
    normals = None if normals is None else torch.as_tensor(normals)
    kept = without_strays(points)
    given = points
    points = points[kept]
    grid = around(points, resolution, room=_ROOM)
    most = int(_MOST * max(resolution / 128, 1) ** 2)
    fewer = thinned(points, cell=grid.spacing / 2, most=most)
    cloud = _Cloud.of(fewer.points)
    notes: tuple[str, ...] = ()
    if normals is None:
        facing = _facing(cloud, generator)
    else:
        facing = fewer.mean(checked_normals(given, normals)[kept])
        length = torch.linalg.vector_norm(facing, dim=1, keepdim=True)
        facing = torch.where(length > 1e-3, facing / length.clamp_min(1e-3), cloud.first_axis)
        facing, notes = _repaired(cloud, facing, generator)
    noise = noise_level(cloud.points, generator=generator, normals=facing)
    held = near_surface(cloud.points, facing, cloud.near, noise)
    if not bool(held.all()):
        cloud, facing = _Cloud.of(cloud.points[held]), facing[held]
    dropped = len(given) - int(held[fewer.owner].sum())
    if dropped:
        share = 100 * dropped / len(given)
        notes = (
            *notes,
            f"{dropped:,} of {len(given):,} points ({share:.2g} %) seem to be on no surface and were left out.",
        )
    if len(points) > max(most, 1.5 * len(fewer.points)) and noise < grid.spacing / 2:
        finer = resolution * 3 // 2
        notes = (
            *notes,
            f"{len(points):,} points show more than a grid of {resolution} nodes holds; they were averaged to "
            f"{len(fewer.points):,}. {finer} nodes, and a mesh as fine, take about three times as long.",
        )
    if normals is None:
        facing = _refined(cloud, facing, noise)
    values, filled = without_specks(grid, _chi(grid, cloud, facing, noise), cloud.points)
    if filled:
        notes = (*notes, f"{filled} small piece(s) that hardly any points stand behind were filled in.")
    upper = grid.lower + grid.spacing * (resolution - 1)
    return GridField(
        marching_distance(values, grid.spacing),
        tuple(grid.lower.tolist()),
        tuple(upper.tolist()),
        noise=noise,
        normals=_of_all(given, cloud.points, facing) if dropped else facing[fewer.owner],
        seconds=time.perf_counter() - began,
        notes=notes,
    )


@dataclass(frozen=True)
class _Cloud:
    """Distinct points with their neighbours, spacing and areas."""

    points: Tensor
    near: Neighbours
    spacing: Tensor
    areas: Tensor

    @classmethod
    def of(cls, points: Tensor) -> _Cloud:
        n, d = points.shape
        if n < _LEAST:
            raise ValueError(f"grid_distance: `points` has only {n} distinct points; a surface needs at least {_LEAST}")
        near = Neighbours.of(points, _NEAR)
        spacing = near.spacing(d, 8)
        areas = near.spacing(d, 6) ** (d - 1)
        # A stray point far from all others must not stand for a large piece of the surface.
        return cls(points, near, spacing, areas.clamp_max(16 * float(areas.median())))

    @property
    def middle(self) -> float:
        """Median spacing."""
        return float(self.spacing.median())

    @property
    def width(self) -> Tensor:
        """(n,) of the neighbourhoods that normals are averaged over: the median distance of the eighth neighbour.

        Where the points around are more than half as far again from theirs, that of these: with the width of the dense
        parts, a coarse part would have neighbourhoods of one point.
        """
        eighth = self.near.distance[:, 7]
        usual = eighth.median()
        here = eighth[self.near.index[:, :12]].median(1).values
        return torch.where(here > 1.5 * usual, here, usual)

    @property
    def first_axis(self) -> Tensor:
        axis = torch.zeros_like(self.points[:1])
        axis[0, 0] = 1.0
        return axis


def _of_all(given: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """The normals of the nearest of the points that were kept, for all that were given."""
    return normals[torch.from_numpy(cKDTree(points.numpy()).query(given.numpy())[1])]


def _checked(points: Tensor, resolution: int) -> Tensor:
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"grid_distance: `points` must be (n, 3), or (n, 2) for a curve, got {tuple(points.shape)}")
    if not bool(torch.isfinite(points).all()):
        rows = int((~torch.isfinite(points)).any(1).sum())
        raise ValueError(f"grid_distance: `points` must be finite, {rows} of {len(points)} are not; leave them out")
    if len(points) < _LEAST:
        raise ValueError(f"grid_distance: `points` must be at least {_LEAST}, got {len(points)}")
    if not bool((points.amax(0) > points.amin(0)).any()):
        raise ValueError(f"grid_distance: all {len(points)} points are the same")
    if resolution < 16:
        raise ValueError(f"grid_distance: `resolution` must be at least 16, got {resolution}")
    return points.detach().to("cpu", torch.float64)


def _facing(cloud: _Cloud, generator: torch.Generator) -> Tensor:
    """Oriented normals, rough: parametric Gauss reconstruction of some of the points, averaged over neighbours."""
    n, d = cloud.points.shape
    rows = _even(cloud, generator)
    if len(rows) > _ORIENTED:
        rows = rows[torch.randperm(len(rows), generator=generator)[:_ORIENTED]].sort().values
    some = cloud.points[rows]
    spacing = cloud.middle * (n / len(rows)) ** (1 / (d - 1))
    found = orient(some, generator=generator, regularisation=_regularisation(some, spacing, generator))
    facing = found.normals
    if len(rows) < n:
        nearest = cKDTree(some.numpy()).query(cloud.points.numpy())[1]
        facing = facing[torch.from_numpy(nearest)]
    for _ in range(2):
        facing = averaged(facing, cloud.near.first(16), cloud.width)
    return facing


def _even(cloud: _Cloud, generator: torch.Generator) -> Tensor:
    """Rows for the orientation, which takes all points for equally large pieces of the surface.

    Where the ninth decile of the spacing is more than 2.4 times the first, one point is taken from each
    cell as wide as the ninth decile; elsewhere all are taken.
    """
    ends = cloud.spacing.quantile(torch.tensor([0.1, 0.9], dtype=cloud.spacing.dtype))
    rows = torch.arange(len(cloud.points))
    if not float(ends[1]) > _UNEVEN * float(ends[0]):
        return rows
    order = torch.randperm(len(rows), generator=generator)
    at = ((cloud.points - cloud.points.amin(0)) / ends[1]).floor()
    cell = torch.unique(at, dim=0, return_inverse=True)[1]
    first = torch.full((int(cell.max()) + 1,), len(rows), dtype=torch.int64)
    first = first.scatter_reduce(0, cell[order], rows, "amin")
    return order[first].sort().values


def _regularisation(points: Tensor, spacing: float, generator: torch.Generator) -> float:
    """a of the orientation: 5 for clean points, about 12 and 30 where the noise is a half and one spacing, at most 80.

    The estimate without normals saturates near 1.3 spacings, which is taken back.
    """
    seen = min(noise_level(points, generator=generator) / spacing, 1.2)
    noise = 0.8 * seen / (1.3 - seen)
    return min(5.0 + 35.0 * max(noise - 0.3, 0.0), 80.0)


def _refined(cloud: _Cloud, facing: Tensor, noise: float) -> Tensor:
    width = cloud.width * min(1 + noise / cloud.middle, 1.5)
    for _ in range(3):
        facing = fitted(cloud.points, facing, cloud.near, width)
    return facing


def _repaired(cloud: _Cloud, facing: Tensor, generator: torch.Generator) -> tuple[Tensor, tuple[str, ...]]:
    """Given normals with their signs put right, and what was done."""
    given = Given(cloud.points, facing, cloud.near, cloud.areas)
    if given.disagreeing > 0.1:
        facing, turned = signed_like(facing, _facing(cloud, generator), cloud.near, cloud.width)
        return facing, (
            f"The given normals contradicted those of their neighbours at {100 * given.disagreeing:.0f} % of the "
            f"points; {turned} of {len(facing)} were turned round.",
        )
    if given.volume < 0:
        return -facing, ("The given normals faced inwards; all were turned round.",)
    return facing, ()


def _chi(grid: PeriodicGrid, cloud: _Cloud, facing: Tensor, noise: float) -> Tensor:
    """Poisson reconstruction: one cell of smoothing for clean, dense points, two at a noise of 0.85 cells.

    Where points are further apart than 2 cells, the Gaussian grows with their distance, so that no gaps open.
    """
    blur = 1 + min(noise / (0.85 * grid.spacing), 2.0)
    widths = (0.5 * cloud.spacing).clamp(blur * grid.spacing, max(blur, 8.0) * grid.spacing)
    return screened_poisson(grid, cloud.points, facing, cloud.areas, widths=widths, screening=8.0 / blur**3)
