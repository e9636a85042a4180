"""Signed distance on a grid from points: orientation, normals, screened Poisson reconstruction, fast marching."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from pinnkit.surfaces.mesh.component_filter import remove_small_components
from pinnkit.surfaces.points.downsample import downsample
from pinnkit.surfaces.points.given_normals import GivenNormals, align_signs, check_normals
from pinnkit.surfaces.points.neighbours import Neighbours
from pinnkit.surfaces.points.noise import noise_level
from pinnkit.surfaces.points.normals import average_normals, fit_normals
from pinnkit.surfaces.points.orientation import orient
from pinnkit.surfaces.points.outliers import inlier_mask, near_surface_mask
from pinnkit.surfaces.points.periodic_grid import PeriodicGrid, grid_around

from .fast_marching import fast_marching_distance
from .grid_field import GridField
from .screened_poisson import screened_poisson

__all__ = ["grid_distance"]

_ROOM = 1.15 / 0.9
"""Side of the grid cube over the longest side of the bounding box: 1.15 times the extent, with a margin."""
_MIN_POINTS = 20
_MAX_POINTS = 60_000
"""Points used unchanged on a grid of up to 128 nodes; the limit grows with the square of the resolution."""
_MAX_ORIENTED = 12_000
"""Points oriented by parametric Gauss reconstruction; the others take the normal of the nearest of them."""
_NEIGHBOURS = 32
_UNEVEN_RATIO = 2.4
"""Ratio of the ninth to the first decile of the spacing above which points are thinned for the orientation.

It is 1.6 for random points.
"""


def grid_distance(
    points: Tensor | NDArray[Any],
    normals: Tensor | NDArray[Any] | None = None,
    *,
    generator: torch.Generator,
    resolution: int = 128,
) -> GridField:
    """Signed distance, negative inside, of the closed surface through the points.

    1. Outliers are removed (`inlier_mask`, and `near_surface_mask` after step 2).  More than 60,000 points (135,000 at
       resolution 192) are averaged over cells of at least half the grid spacing.
    2. Without normals: parametric Gauss reconstruction (`orient`), two passes of bilateral averaging, three of weighted
       plane fits.  With normals: they are used; if all face inward they are flipped, and if neighbours contradict each
       other their signs are taken from parametric Gauss reconstruction.
    3. The noise is estimated from the points (`noise_level`); smoothing and screening follow from noise and spacing by
       fixed rules.
    4. Screened Poisson reconstruction; components without enough points are filled in; fast marching.

    Args:
        points: ``(n, d)`` with d = 3, or 2 for curves; any unit and offset.
        normals: ``(n, d)`` of any nonzero length, or None.
        generator: source of randomness; the same seed gives the same field.
        resolution: nodes along each axis of a cube 1.15 / 0.9 times as wide as the longest side of the bounding box.

    Returns:
        The field, with the noise, the normals of all points, the seconds, and notes on repairs.

    Raises:
        ValueError: for points of another shape, that are not finite, have fewer than 20 distinct ones or no extent; for
            normals that do not match, are not finite or have length zero; for a resolution below 16.
        ImportError: where scikit-fmm is missing.
    """
    began = time.perf_counter()
    points = _checked(torch.as_tensor(points), resolution)
    normals = None if normals is None else torch.as_tensor(normals)
    kept = inlier_mask(points)
    given = points
    points = points[kept]
    grid = grid_around(points, resolution, room=_ROOM)
    most = int(_MAX_POINTS * max(resolution / 128, 1) ** 2)
    reduced = downsample(points, cell=grid.spacing / 2, most=most)
    cloud = _LocalGeometry.of(reduced.points)
    notes: tuple[str, ...] = ()
    if normals is None:
        directions = _estimate_normals(cloud, generator)
    else:
        directions = reduced.mean(check_normals(given, normals)[kept])
        length = torch.linalg.vector_norm(directions, dim=1, keepdim=True)
        directions = torch.where(length > 1e-3, directions / length.clamp_min(1e-3), cloud.first_axis)
        directions, notes = _correct_signs(cloud, directions, generator)
    noise = noise_level(cloud.points, generator=generator, normals=directions)
    held = near_surface_mask(cloud.points, directions, cloud.near, noise)
    if not bool(held.all()):
        cloud, directions = _LocalGeometry.of(cloud.points[held]), directions[held]
    dropped = len(given) - int(held[reduced.owner].sum())
    if dropped:
        share = 100 * dropped / len(given)
        notes = (
            *notes,
            f"{dropped:,} of {len(given):,} points ({share:.2g} %) seem to be on no surface and were left out.",
        )
    if len(points) > max(most, 1.5 * len(reduced.points)) and noise < grid.spacing / 2:
        finer = resolution * 3 // 2
        notes = (
            *notes,
            f"{len(points):,} points show more than a grid of {resolution} nodes holds; they were averaged to "
            f"{len(reduced.points):,}. {finer} nodes, and a mesh as fine, take about three times as long.",
        )
    if normals is None:
        directions = _refine_normals(cloud, directions, noise)
    values, filled = remove_small_components(grid, _indicator(grid, cloud, directions, noise), cloud.points)
    if filled:
        notes = (*notes, f"{filled} small piece(s) that hardly any points stand behind were filled in.")
    upper = grid.lower + grid.spacing * (resolution - 1)
    return GridField(
        fast_marching_distance(values, grid.spacing),
        tuple(grid.lower.tolist()),
        tuple(upper.tolist()),
        noise=noise,
        normals=_normals_of_all(given, cloud.points, directions) if dropped else directions[reduced.owner],
        seconds=time.perf_counter() - began,
        notes=notes,
    )


@dataclass(frozen=True)
class _LocalGeometry:
    """Distinct points with their neighbours, spacing and areas."""

    points: Tensor
    near: Neighbours
    spacing: Tensor
    areas: Tensor

    @classmethod
    def of(cls, points: Tensor) -> _LocalGeometry:
        n, d = points.shape
        if n < _MIN_POINTS:
            raise ValueError(
                f"grid_distance: `points` has only {n} distinct points; a surface needs at least {_MIN_POINTS}"
            )
        near = Neighbours.of(points, _NEIGHBOURS)
        spacing = near.spacing(d, 8)
        areas = near.spacing(d, 6) ** (d - 1)
        # An isolated point must not represent a large part of the surface.
        return cls(points, near, spacing, areas.clamp_max(16 * float(areas.median())))

    @property
    def middle(self) -> float:
        """Median spacing."""
        return float(self.spacing.median())

    @property
    def width(self) -> Tensor:
        """Width ``(n,)`` of the neighbourhoods over which normals are averaged.

        It is the median distance of the eighth neighbour, or the local median where that is more than 1.5 times as
        large: with the width of dense parts, neighbourhoods in coarse parts would have one point.
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


def _normals_of_all(given: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """Normals of all given points, each from the nearest of the kept points."""
    return normals[torch.from_numpy(cKDTree(points.numpy()).query(given.numpy())[1])]


def _checked(points: Tensor, resolution: int) -> Tensor:
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"grid_distance: `points` must be (n, 3), or (n, 2) for a curve, got {tuple(points.shape)}")
    if not bool(torch.isfinite(points).all()):
        rows = int((~torch.isfinite(points)).any(1).sum())
        raise ValueError(f"grid_distance: `points` must be finite, {rows} of {len(points)} are not; leave them out")
    if len(points) < _MIN_POINTS:
        raise ValueError(f"grid_distance: `points` must be at least {_MIN_POINTS}, got {len(points)}")
    if not bool((points.amax(0) > points.amin(0)).any()):
        raise ValueError(f"grid_distance: all {len(points)} points are the same")
    if resolution < 16:
        raise ValueError(f"grid_distance: `resolution` must be at least 16, got {resolution}")
    return points.detach().to("cpu", torch.float64)


def _estimate_normals(cloud: _LocalGeometry, generator: torch.Generator) -> Tensor:
    """Oriented normals of low accuracy: parametric Gauss reconstruction of a subset, averaged over neighbours."""
    n, d = cloud.points.shape
    rows = _evenly_spaced_rows(cloud, generator)
    if len(rows) > _MAX_ORIENTED:
        rows = rows[torch.randperm(len(rows), generator=generator)[:_MAX_ORIENTED]].sort().values
    some = cloud.points[rows]
    spacing = cloud.middle * (n / len(rows)) ** (1 / (d - 1))
    found = orient(some, generator=generator, regularisation=_regularisation(some, spacing, generator))
    directions = found.normals
    if len(rows) < n:
        nearest = cKDTree(some.numpy()).query(cloud.points.numpy())[1]
        directions = directions[torch.from_numpy(nearest)]
    for _ in range(2):
        directions = average_normals(directions, cloud.near.nearest(16), cloud.width)
    return directions


def _evenly_spaced_rows(cloud: _LocalGeometry, generator: torch.Generator) -> Tensor:
    """Rows for the orientation, which assumes that all points have the same area.

    If the ninth decile of the spacing exceeds 2.4 times the first, one point is kept per cell as wide as the ninth
    decile; otherwise all are kept.
    """
    ends = cloud.spacing.quantile(torch.tensor([0.1, 0.9], dtype=cloud.spacing.dtype))
    rows = torch.arange(len(cloud.points))
    if not float(ends[1]) > _UNEVEN_RATIO * float(ends[0]):
        return rows
    order = torch.randperm(len(rows), generator=generator)
    at = ((cloud.points - cloud.points.amin(0)) / ends[1]).floor()
    cell = torch.unique(at, dim=0, return_inverse=True)[1]
    first = torch.full((int(cell.max()) + 1,), len(rows), dtype=torch.int64)
    first = first.scatter_reduce(0, cell[order], rows, "amin")
    return order[first].sort().values


def _regularisation(points: Tensor, spacing: float, generator: torch.Generator) -> float:
    """Regularisation of the orientation: 5 without noise, about 12 and 30 for noise of 0.5 and 1 spacing, at most 80.

    The noise estimate without normals saturates near 1.3 spacings, which is inverted here.
    """
    seen = min(noise_level(points, generator=generator) / spacing, 1.2)
    noise = 0.8 * seen / (1.3 - seen)
    return min(5.0 + 35.0 * max(noise - 0.3, 0.0), 80.0)


def _refine_normals(cloud: _LocalGeometry, directions: Tensor, noise: float) -> Tensor:
    width = cloud.width * min(1 + noise / cloud.middle, 1.5)
    for _ in range(3):
        directions = fit_normals(cloud.points, directions, cloud.near, width)
    return directions


def _correct_signs(
    cloud: _LocalGeometry, directions: Tensor, generator: torch.Generator
) -> tuple[Tensor, tuple[str, ...]]:
    """Given normals with corrected signs, and notes on the corrections."""
    given = GivenNormals(cloud.points, directions, cloud.near, cloud.areas)
    if given.disagreeing > 0.1:
        directions, turned = align_signs(directions, _estimate_normals(cloud, generator), cloud.near, cloud.width)
        return directions, (
            f"The given normals contradicted those of their neighbours at {100 * given.disagreeing:.0f} % of the "
            f"points; {turned} of {len(directions)} were turned round.",
        )
    if given.volume < 0:
        return -directions, ("The given normals faced inwards; all were turned round.",)
    return directions, ()


def _indicator(grid: PeriodicGrid, cloud: _LocalGeometry, directions: Tensor, noise: float) -> Tensor:
    """Screened Poisson reconstruction with a smoothing width of one cell without noise, two at a noise of 0.85 cells.

    Where the point spacing exceeds 2 cells, the Gaussian grows with it, so that no gaps open.
    """
    blur = 1 + min(noise / (0.85 * grid.spacing), 2.0)
    widths = (0.5 * cloud.spacing).clamp(blur * grid.spacing, max(blur, 8.0) * grid.spacing)
    return screened_poisson(grid, cloud.points, directions, cloud.areas, widths=widths, screening=8.0 / blur**3)
