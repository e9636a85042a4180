"""PointCloud: points of a surface, with or without normals, checked once so that nothing after it has to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .normalisation import Normalisation
from .outliers import without_strays

__all__ = ["MINIMUM", "PointCloud"]

MINIMUM = 32  # fewer points have too few neighbours for a normal
_FLAT = 1e-6  # of the longest extent: what is thinner is a plane or a line
_ZERO = 1e-8  # length below which a normal says nothing
_FEW = 0.01  # so many points with zero normals are left out; where there are more, all normals are


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points of a closed surface in the coordinates of the input.

    Args:
        points: ``(n, 3)`` float64, all different, all finite.
        normals: ``(n, 3)`` float64 of unit length pointing outward, or None.
        source: the file they came from, or what else to call them in a message.
        notes: sentences on what was changed or ignored on the way in.
    """

    points: NDArray[np.float64]
    normals: NDArray[np.float64] | None = None
    source: str = "points"
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, points: ArrayLike, normals: ArrayLike | None = None, *, source: str = "points", notes: Sequence[str] = ()
    ) -> PointCloud:
        """A cloud from arrays, with duplicates merged and useless normals left out, each with a sentence in `notes`.

        Args:
            points: ``(n, 3)``.
            normals: ``(n, 3)`` of any length, or None.
            source: what to call them in a message.
            notes: sentences that there are already.

        Raises:
            ValueError: for wrong shapes, values that are not finite, fewer than 32 points, or points that all lie in
                one point, on one line or in one plane.
        """
        array = _numbers(points, f"{source}: `points`")
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
            directions = _numbers(normals, f"{source}: `normals`")
            if directions.shape != array.shape:
                raise ValueError(
                    f"{source}: there must be one normal for each point, got normals of shape {directions.shape} "
                    f"for points of shape {array.shape}"
                )
        cloud = _merged(cls(array, directions, source, tuple(notes)))
        if len(cloud) < MINIMUM:
            raise ValueError(
                f"{source}: {len(cloud)} different points are too few for a surface, at least {MINIMUM} are needed "
                f"(some thousands for a good one)"
            )
        _check_extent(cloud)
        return _with_unit_normals(cloud)

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
        """Diagonal of the box of the points, in the unit of the input."""
        return float(np.linalg.norm(self.upper - self.lower))

    @property
    def normalisation(self) -> Normalisation:
        """The shift and scale that take the points into the cube [-1, 1]^3."""
        return Normalisation.of(self.points)

    def without_normals(self) -> PointCloud:
        """The points alone."""
        return replace(self, normals=None)

    def without_strays(self) -> PointCloud:
        """Without points that are on no surface, with a sentence in `notes`; see `strays.without_strays`."""
        kept = without_strays(torch.from_numpy(self.points)).numpy()
        stray = int((~kept).sum())
        if not stray:
            return self
        note = (
            f"{stray:,} of {len(self):,} points ({100 * stray / len(self):.2g} %) stand alone, on no surface, and were "
            f"left out."
        )
        normals = None if self.normals is None else self.normals[kept]
        return replace(self, points=self.points[kept], normals=normals, notes=(*self.notes, note))


def _numbers(values: ArrayLike, owner: str) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{owner} must be numbers, {error}") from None


def _merged(cloud: PointCloud) -> PointCloud:
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
    if not np.isfinite(sides).all() or sides.max() > 1e150:
        raise ValueError(f"{cloud.source}: the extent {sides.tolist()} is beyond what float64 can square; rescale it")
    centred = (cloud.points - cloud.points.mean(axis=0)) / sides.max()
    spread = np.linalg.svd(centred.T @ centred / len(cloud), compute_uv=False) ** 0.5
    shape = "on one line" if spread[1] < _FLAT else "in one plane" if spread[2] < _FLAT else ""
    if shape:
        raise ValueError(
            f"{cloud.source}: all {len(cloud)} points lie {shape} (they spread over {spread[0] * sides.max():.3g}, "
            f"{spread[1] * sides.max():.3g} and {spread[2] * sides.max():.3g}); a closed surface needs three dimensions"
        )


def _with_unit_normals(cloud: PointCloud) -> PointCloud:
    """Normals of unit length; where they are zero or not finite, fewer points or no normals at all."""
    normals = cloud.normals
    if normals is None:
        return cloud
    finite = np.asarray(np.isfinite(normals).all(axis=1))
    length = np.linalg.norm(np.where(finite[:, None], normals, 0.0), axis=1)
    good = finite & (length > _ZERO)
    bad = int((~good).sum())
    if bad == len(cloud):
        note = (
            f"All {bad:,} normals are zero or not finite, as some programs write them that have none: they are ignored "
            f"and the orientation is found from the points."
        )
        return replace(cloud, normals=None, notes=(*cloud.notes, note))
    if bad > _FEW * len(cloud):
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
