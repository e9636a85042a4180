"""Points that lie on no surface: strays of a scanner, found before anything is built on them."""

from __future__ import annotations

import torch
from torch import Tensor

from .downsample import thinned
from .neighbours import Neighbours

__all__ = ["near_surface", "without_strays"]

_MANY = 60_000
_NEAR = 12
_ISOLATED = 2.5
_SPARSE = 4.0
_OFF, _BESIDE = 0.3, 0.8
_VOLUME = 0.12
_HEIGHT = 1.5
_PASSES = 4
_MOST = 0.3
"""Where more than this share would be dropped, the points are not a surface with strays, and all are kept."""


def without_strays(points: Tensor) -> Tensor:
    """(n,) True for points that are kept.

    With r the distance of a point to its eighth neighbour, a point is dropped where

        r > 2.5 x the lower quartile of r over its twelve neighbours, and it lies off the plane of least squares of
        these by more than 0.3 r, or off that of the nearest such denser neighbour by more than 0.8 of the distance to
        it (it stands alone beside a surface); or
        r > 4 x the median r of all, and the least eigenvalue of the covariance of twelve neighbours, averaged over its
        neighbourhood, is more than 0.12 of the trace (its neighbours fill a volume, not a sheet).

    A point of a sheet that is sampled more coarsely than the next has a large r, but lies in its plane, and is kept.
    This is repeated, at most four times, because strays hide each other.  Where more than 30 % would be dropped, all
    are kept.  Of more than 60,000 points, the means over cells are looked at.

    Args:
        points: (n, d).

    Source: the ratio of distances as in Breunig et al., LOF, SIGMOD 2000; the share of the least eigenvalue is the
    surface variation of Pauly, Gross & Kobbelt, IEEE Visualization 2002.
    """
    some = points[:: max(len(points) // 10_000, 1)]
    ends = some.quantile(torch.tensor([0.05, 0.95], dtype=points.dtype), dim=0)
    extent = float((ends[1] - ends[0]).max()) or float((points.amax(0) - points.amin(0)).max())
    fewer = thinned(points, cell=extent / 512, most=_MANY)
    kept = torch.ones(len(fewer.points), dtype=torch.bool)
    for _ in range(_PASSES):
        rows = torch.nonzero(kept)[:, 0]
        if len(rows) <= 2 * _NEAR:
            break
        drop = _stray(fewer.points[rows])
        kept[rows[drop]] = False
        if not bool(drop.any()):
            break
    kept = kept[fewer.owner]
    return kept if float(kept.to(torch.float64).mean()) >= 1 - _MOST else torch.ones_like(kept)


def near_surface(points: Tensor, normals: Tensor, near: Neighbours, noise: float) -> Tensor:
    """(n,) True for points that are kept: those less than 1.5 spacings and five times the noise off their neighbours.

    Measured is the height over the mean of those of the sixteen nearest that face as the point does, along their mean
    normal; where fewer than four do, the point is kept.  It finds strays that are too close to a surface to stand
    alone.

    Args:
        points: (n, d).
        normals: (n, d) unit, oriented.
        near: neighbours of each.
        noise: standard deviation of the points' distance to the surface.
    """
    some = near.first(16)
    alike = ((normals[some.index] * normals[:, None]).sum(2) > 0.5).to(points.dtype)[:, :, None]
    count = alike.sum(1)
    mean = (alike * normals[some.index]).sum(1)
    mean = mean / torch.linalg.vector_norm(mean, dim=1, keepdim=True).clamp_min(1e-12)
    middle = (alike * points[some.index]).sum(1) / count.clamp_min(1)
    height = ((points - middle) * mean).sum(1).abs()
    local = near.spacing(points.shape[1], 8)[some.index].median(1).values
    return (height <= _HEIGHT * local + 5 * noise) | (count[:, 0] < 4)


def _stray(points: Tensor) -> Tensor:
    near = Neighbours.of(points, _NEAR)
    r = near.distance[:, min(7, near.distance.shape[1] - 1)]
    around = points[near.index]
    middle = around.mean(1, keepdim=True)
    centred = around - middle
    values, vectors = torch.linalg.eigh(centred.transpose(1, 2) @ centred)
    off = ((points - middle[:, 0]) * vectors[:, :, 0]).sum(1).abs() > _OFF * r
    # The plane of the nearest neighbour that is denser by that factor: the point is beside it, or in it.
    denser = _ISOLATED * r[near.index] < r[:, None]
    first = near.index.gather(1, denser.to(torch.int8).argmax(1, keepdim=True))[:, 0]
    to = points - points[first]
    beside = (to * vectors[first][:, :, 0]).sum(1).abs() > _BESIDE * torch.linalg.vector_norm(to, dim=1)
    alone = denser.any(1) & (r > _ISOLATED * r[near.index].quantile(0.25, dim=1)) & (off | beside)
    variation = values[:, 0] / values.sum(1).clamp_min(1e-300)
    volume = (r > _SPARSE * r.median()) & (variation[near.index].mean(1) > _VOLUME)
    return alone | volume
