"""Estimation of the noise of a point cloud."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .neighbours import Neighbours

__all__ = ["noise_level"]

_PROBES = 2000
_UNORIENTED = 12
_FIRST = 10
_MOST = 400
_FLAT = 0.22
"""Ratio of noise to neighbourhood radius above which the neighbourhood is doubled."""
_MEDIAN, _QUARTILE = 0.0, -0.67449
"""Standard normal deviates of the quantiles over the probes."""


def noise_level(points: Tensor, *, generator: torch.Generator, normals: Tensor | None = None) -> float:
    """Standard deviation of the distance of the points from a smooth surface, in the unit of the points.

    At up to 2,000 sampled points, a quadric is fitted to the heights of the nearest neighbours over their least-squares
    plane.  The residual over its degrees of freedom estimates the variance of the noise where the surface is a quadric.

    With normals, a neighbourhood has 10 points, of which those within 60 degrees of the central normal count.  The
    lower quartile over the probes is used, so that up to three quarters of them may lie at edges and folds.  A
    neighbourhood no wider than a few noise levels looks like a ball; it is doubled until it is wider or has 400
    points.  The contribution of
    the shape grows as the sixth power of the radius h, that of the noise does not: v(h) = sigma^2 + c h^6 for
    neighbourhoods of k and 2 k points (h^6 eight-fold) gives sigma^2 = (8 v(k) - v(2 k)) / 7, which is used if v grows,
    with a lower bound of v(k) / 16.

    Without normals, a neighbourhood has 12 points, so that it does not reach the far side of a thin wall; the median is
    used, and noise up to about the point spacing is detected.

    Args:
        points: ``(n, d)``.
        generator: draws the probes.
        normals: ``(n, d)`` unit, oriented, or None.

    Source: local quadrics as in Cazals & Pouget, CAGD 22 (2005) 121; variance by linear regression, quantiles divided
    by those of chi-squared (Wilson & Hilferty 1931); extrapolation by Richardson, Phil. Trans. R. Soc. A 226 (1927)
    299.
    """
    n, d = points.shape
    rows = torch.randperm(n, generator=generator)[:_PROBES]
    if normals is None:
        return math.sqrt(_variance(points, None, rows, _UNORIENTED, _MEDIAN)[0])
    k = _FIRST
    variance, radius = _variance(points, normals, rows, k, _QUARTILE)
    while math.sqrt(variance) >= _FLAT * radius and 2 * k <= min(_MOST, n // 8):
        k *= 2
        variance, radius = _variance(points, normals, rows, k, _QUARTILE)
    growth = 2 ** (6 / (d - 1))
    wider = _variance(points, normals, rows, 2 * k, _QUARTILE)[0]
    return math.sqrt(max((growth * variance - max(wider, variance)) / (growth - 1), variance / 16))


def _variance(points: Tensor, normals: Tensor | None, rows: Tensor, k: int, deviate: float) -> tuple[float, float]:
    """Quantile of the residual variance over some rows, and the median radius of k neighbours."""
    near = Neighbours.of(points, k, rows=rows)
    members = torch.cat([rows[:, None], near.index], 1)
    counted = torch.ones(members.shape, dtype=points.dtype)
    if normals is not None:
        counted = ((normals[members] * normals[rows, None]).sum(2) > 0.5).to(points.dtype)
    found = _residual_variance(points[members], counted, deviate)
    share = 0.5 * math.erfc(-deviate / math.sqrt(2))
    return max(float(found.quantile(share)), 0.0), float(near.distance[:, -1].median())


def _residual_variance(around: Tensor, counted: Tensor, deviate: float) -> Tensor:
    """Residual variance of heights about a quadric, for neighbourhoods ``(m, k, d)`` with members ``(m, k)`` 0 or 1.

    Each is divided by its quantile, at this deviate, for noise of unit variance.  Only neighbourhoods with at least two
    degrees of freedom are returned; a single zero if there are none.
    """
    d = around.shape[2]
    terms = d * (d + 1) // 2  # coefficients of a quadratic polynomial in d - 1 variables
    freedom = counted.sum(1) - terms
    enough = freedom >= 2
    if not bool(enough.any()):
        return torch.zeros(1, dtype=around.dtype)
    around, counted, freedom = around[enough], counted[enough][:, :, None], freedom[enough]
    centred = (around - (counted * around).sum(1, keepdim=True) / counted.sum(1, keepdim=True)) * counted
    scale = centred.square().sum(2).mean(1).sqrt().clamp_min(1e-300)[:, None, None]
    centred = centred / scale
    _, frame = torch.linalg.eigh(centred.transpose(1, 2) @ centred)
    local = centred @ frame  # columns: height, then the plane
    height, flat = local[:, :, :1], local[:, :, 1:]
    columns = [counted, flat]
    columns += [flat[:, :, i : i + 1] * flat[:, :, j : j + 1] for i in range(d - 1) for j in range(i, d - 1)]
    matrix = torch.cat(columns, 2)
    normal = matrix.transpose(1, 2) @ matrix + 1e-9 * torch.eye(terms, dtype=around.dtype)
    found = torch.linalg.solve(normal, matrix.transpose(1, 2) @ height)
    rest = (height - matrix @ found).square().sum((1, 2)) / freedom
    spread = 2 / (9 * freedom)
    return rest * scale[:, 0, 0].square() / (1 - spread + deviate * spread.sqrt()) ** 3
