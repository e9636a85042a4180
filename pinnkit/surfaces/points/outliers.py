"""Detection of outliers: points that lie on no surface."""

from __future__ import annotations

import torch
from torch import Tensor

from .downsample import downsample
from .neighbours import Neighbours

__all__ = ["inlier_mask", "near_surface_mask"]

_MAX_POINTS = 60_000
_NEAR = 12
_ISOLATED = 2.5
_SPARSE = 4.0
_OFF, _BESIDE = 0.3, 0.8
_VOLUME = 0.12
_HEIGHT = 1.5
_PASSES = 4
_MAX_SHARE = 0.3
"""Share of outliers above which the model of a surface with outliers fails, and all points are kept."""


def inlier_mask(points: Tensor) -> Tensor:
    """Mask ``(n,)`` of the points to keep.

    With r the distance of a point to its eighth neighbour, a point is an outlier if

        r > 2.5 x the lower quartile of r over its twelve neighbours, and it lies off their least-squares plane by more
        than 0.3 r, or off the plane of the nearest denser neighbour by more than 0.8 of the distance to it (isolated
        beside a surface); or r > 4 x the median r of all, and the least eigenvalue of the covariance of twelve
        neighbours, averaged over its neighbourhood, exceeds 0.12 of the trace (the neighbours fill a volume instead of
        a sheet).

    A point of a coarsely sampled sheet has a large r but lies in its plane, and is kept.  The test is repeated up to
    four times, because outliers hide each other.  If more than 30 % would be dropped, all are kept.  More than 60,000
    points are tested by their means over cells.

    Args:
        points: ``(n, d)``.

    Source: the ratio of distances as in Breunig et al., LOF, SIGMOD 2000; the share of the least eigenvalue is the
    surface variation of Pauly, Gross & Kobbelt, IEEE Visualization 2002.
    """
    some = points[:: max(len(points) // 10_000, 1)]
    ends = some.quantile(torch.tensor([0.05, 0.95], dtype=points.dtype), dim=0)
    extent = float((ends[1] - ends[0]).max()) or float((points.amax(0) - points.amin(0)).max())
    reduced = downsample(points, cell=extent / 512, most=_MAX_POINTS)
    kept = torch.ones(len(reduced.points), dtype=torch.bool)
    for _ in range(_PASSES):
        rows = torch.nonzero(kept)[:, 0]
        if len(rows) <= 2 * _NEAR:
            break
        drop = _outliers(reduced.points[rows])
        kept[rows[drop]] = False
        if not bool(drop.any()):
            break
    kept = kept[reduced.owner]
    return kept if float(kept.to(torch.float64).mean()) >= 1 - _MAX_SHARE else torch.ones_like(kept)


def near_surface_mask(points: Tensor, normals: Tensor, near: Neighbours, noise: float) -> Tensor:
    """Mask ``(n,)`` of the points within 1.5 spacings plus five noise levels of the mean plane of their neighbours.

    The height is measured along the mean normal of those of the sixteen nearest neighbours that face like the point;
    points with fewer than four such neighbours are kept.  This finds outliers too close to the surface to be isolated.

    Args:
        points: ``(n, d)``.
        normals: ``(n, d)`` unit, oriented.
        near: neighbours of each point.
        noise: standard deviation of the distance of the points from the surface.
    """
    some = near.nearest(16)
    alike = ((normals[some.index] * normals[:, None]).sum(2) > 0.5).to(points.dtype)[:, :, None]
    count = alike.sum(1)
    mean = (alike * normals[some.index]).sum(1)
    mean = mean / torch.linalg.vector_norm(mean, dim=1, keepdim=True).clamp_min(1e-12)
    middle = (alike * points[some.index]).sum(1) / count.clamp_min(1)
    height = ((points - middle) * mean).sum(1).abs()
    local = near.spacing(points.shape[1], 8)[some.index].median(1).values
    return (height <= _HEIGHT * local + 5 * noise) | (count[:, 0] < 4)


def _outliers(points: Tensor) -> Tensor:
    near = Neighbours.of(points, _NEAR)
    r = near.distance[:, min(7, near.distance.shape[1] - 1)]
    around = points[near.index]
    middle = around.mean(1, keepdim=True)
    centred = around - middle
    values, vectors = torch.linalg.eigh(centred.transpose(1, 2) @ centred)
    off = ((points - middle[:, 0]) * vectors[:, :, 0]).sum(1).abs() > _OFF * r
    # Distance from the plane of the nearest neighbour that is denser by that factor.
    denser = _ISOLATED * r[near.index] < r[:, None]
    first = near.index.gather(1, denser.to(torch.int8).argmax(1, keepdim=True))[:, 0]
    to = points - points[first]
    beside = (to * vectors[first][:, :, 0]).sum(1).abs() > _BESIDE * torch.linalg.vector_norm(to, dim=1)
    alone = denser.any(1) & (r > _ISOLATED * r[near.index].quantile(0.25, dim=1)) & (off | beside)
    variation = values[:, 0] / values.sum(1).clamp_min(1e-300)
    volume = (r > _SPARSE * r.median()) & (variation[near.index].mean(1) > _VOLUME)
    return alone | volume
