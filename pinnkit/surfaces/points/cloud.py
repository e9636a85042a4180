"""Point clouds with or without normals, validated on construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .normalisation import Normalisation
from .outliers import inlier_mask

__all__ = ["MIN_POINTS", "PointCloud"]

MIN_POINTS = 32  # fewer points do not determine normals
_FLAT = 1e-6  # of the longest extent: thinner clouds are planar or linear
_HUGE = 1e150  # beyond it float64 cannot hold squares: such normals are not finite, such extents are refused
_ZERO = 1e-8  # length below which a normal is invalid
_MAX_DROPPED = 0.01  # share of points with invalid normals that are dropped; above it all normals are dropped


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points of a closed surface in the coordinates of the input.

    Args:
        points: ``(n, 3)`` float64, distinct and finite.
        normals: ``(n, 3)`` float64 outward unit normals, or None.
        source: name in messages, usually the file.
        notes: sentences on changes made on input.
    """

    points: NDArray[np.float64]
    normals: NDArray[np.float64] | None = None
    source: str = "points"
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, points: ArrayLike, normals: ArrayLike | None = None, *, source: str = "points", notes: Sequence[str] = ()
    ) -> PointCloud:
        """Make a cloud from arrays; duplicates are merged and invalid normals dropped, each with a sentence in `notes`.

        Args:
            points: ``(n, 3)``.
            normals: ``(n, 3)`` of any length, or None.
            source: name in messages.
            notes: earlier notes.

        Raises:
            ValueError: for wrong shapes, values that are not finite, fewer than 32 points, or points that coincide or
                lie on one line or in one plane.
        """
        array = _to_floats(points, f"{source}: `points`")
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f"{source}: points must have shape (n, 3), got {array.shape}")
        bad = ~np.isfinite(array).all(axis=1)
        if bad.any():
            raise ValueError(
                f"{source}: {int(bad.sum())} of {len(array)} points are not finite, the first in row "
                f"{int(bad.argmax())}: {array[bad.argmax()].tolist()}; remove these rows"
            )
        directions = None
        if normals is not None:
            directions = _to_floats(normals, f"{source}: `normals`")
            if directions.shape != array.shape:
                raise ValueError(
                    f"{source}: there must be one normal for each point, got normals of shape {directions.shape} "
                    f"for points of shape {array.shape}"
                )
        cloud = _merge_duplicates(cls(array, directions, source, tuple(notes)))
        if len(cloud) < MIN_POINTS:
            raise ValueError(
                f"{source}: {len(cloud)} different points are too few for a surface, at least {MIN_POINTS} are needed "
                f"(some thousands for a good one)"
            )
        _check_extent(cloud)
        return _normalise_normals(cloud)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def lower(self) -> NDArray[np.float64]:
        """Least coordinates, ``(3,)``."""
        return self.points.min(axis=0)

    @property
    def upper(self) -> NDArray[np.float64]:
        """Greatest coordinates, ``(3,)``."""
        return self.points.max(axis=0)

    @property
    def diagonal(self) -> float:
        """Diagonal of the bounding box, in the unit of the input."""
        return float(np.linalg.norm(self.upper - self.lower))

    @property
    def normalisation(self) -> Normalisation:
        """Shift and scale that map the points into the cube [-1, 1]^3."""
        return Normalisation.of(self.points)

    def without_normals(self) -> PointCloud:
        """The points alone."""
        return replace(self, normals=None)

    def without_outliers(self) -> PointCloud:
        """The cloud without outliers, with a sentence in `notes`; see `inlier_mask`."""
        kept = inlier_mask(torch.from_numpy(self.points)).numpy()
        outliers = int((~kept).sum())
        if not outliers:
            return self
        note = (
            f"{outliers:,} of {len(self):,} points ({100 * outliers / len(self):.2g} %) stand alone, on no surface, "
            f"and were left out."
        )
        normals = None if self.normals is None else self.normals[kept]
        return replace(self, points=self.points[kept], normals=normals, notes=(*self.notes, note))


def _to_floats(values: ArrayLike, owner: str) -> NDArray[np.float64]:
    if np.iscomplexobj(values):
        raise ValueError(f"{owner} must be real numbers, got complex ones")
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{owner} must be numbers, {error}") from None


def _merge_duplicates(cloud: PointCloud) -> PointCloud:
    _, first = np.unique(cloud.points, axis=0, return_index=True)
    extra = len(cloud) - len(first)
    if not extra:
        return cloud
    keep = np.sort(first)
    note = f"{extra:,} of {len(cloud):,} points were duplicates of others and were merged."
    normals = None if cloud.normals is None else cloud.normals[keep]
    return PointCloud(cloud.points[keep], normals, cloud.source, (*cloud.notes, note))


def _check_extent(cloud: PointCloud) -> None:
    with np.errstate(over="ignore"):
        sides = cloud.upper - cloud.lower
    if not np.isfinite(sides).all() or sides.max() > _HUGE:
        raise ValueError(f"{cloud.source}: the extent {sides.tolist()} is beyond what float64 can square; rescale it")
    centred = (cloud.points - cloud.points.mean(axis=0)) / sides.max()
    spread = np.linalg.svd(centred.T @ centred / len(cloud), compute_uv=False) ** 0.5
    shape = "on one line" if spread[1] < _FLAT else "in one plane" if spread[2] < _FLAT else ""
    if shape:
        raise ValueError(
            f"{cloud.source}: all {len(cloud)} points lie {shape} (they spread over {spread[0] * sides.max():.3g}, "
            f"{spread[1] * sides.max():.3g} and {spread[2] * sides.max():.3g}); a closed surface needs three dimensions"
        )


def _normalise_normals(cloud: PointCloud) -> PointCloud:
    """Scale normals to unit length; drop a few points with invalid normals, or all normals where there are many."""
    normals = cloud.normals
    if normals is None:
        return cloud
    with np.errstate(invalid="ignore"):  # comparisons with nan
        finite = np.asarray((np.abs(normals) <= _HUGE).all(axis=1))
    length = np.linalg.norm(np.where(finite[:, None], normals, 0.0), axis=1)
    good = finite & (length > _ZERO)
    bad = int((~good).sum())
    if bad == len(cloud):
        note = (
            f"All {bad:,} normals are zero or not finite, as some programs write them that have none: they are ignored "
            f"and the orientation is found from the points."
        )
        return replace(cloud, normals=None, notes=(*cloud.notes, note))
    if bad > _MAX_DROPPED * len(cloud):
        note = (
            f"{bad:,} of {len(cloud):,} normals are zero or not finite, too many to leave those points out: all "
            f"normals are ignored and the orientation is found from the points."
        )
        return replace(cloud, normals=None, notes=(*cloud.notes, note))
    unit = normals[good] / length[good, None]
    if not bad:
        return replace(cloud, normals=unit)
    note = f"{bad:,} of {len(cloud):,} normals are zero or not finite; those points were left out."
    return replace(cloud, points=cloud.points[good], normals=unit, notes=(*cloud.notes, note))
