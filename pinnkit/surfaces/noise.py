"""How noisy a cloud is, estimated from its points alone."""

from __future__ import annotations

import torch
from torch import Tensor

from .neighbours import Neighbours

__all__ = ["noise_level"]

_PROBES = 2000
_FIRST = 32
_MOST = 256
_FLAT = 0.12
"""Noise over the radius of a neighbourhood above which the neighbourhood is doubled."""


def noise_level(points: Tensor, *, generator: torch.Generator) -> float:
    """Standard deviation of the distance of the points to a smooth surface, in the unit of the points.

    Around each of (at most) 2,000 points drawn, a quadric is fitted to the heights of its 32 nearest neighbours over
    their plane of least squares; the residual variance over its degrees of freedom estimates the variance of the noise
    where the surface is smooth.  The median over the points disregards edges.  A neighbourhood no wider than a few
    times the noise shows a ball rather than a sheet: it is doubled until it is wider, or holds 256 points.

    Args:
        points: (n, d).
        generator: draws the points looked at.

    Source: local polynomial fitting as in Cazals & Pouget, CAGD 22 (2005) 121; the estimate is the ordinary one of
    linear regression.
    """
    n, d = points.shape
    rows = torch.randperm(n, generator=generator)[:_PROBES]
    terms = d * (d + 1) // 2  # of a quadratic polynomial in d - 1 variables
    k = min(_FIRST, n - 1)
    while True:
        near = Neighbours.of(points, k, rows=rows)
        around = torch.cat([points[near.index], points[rows][:, None]], 1)
        radius = float(near.distance[:, -1].median())
        sigma = float(_residual_variance(around, terms).median().sqrt())
        if sigma < _FLAT * radius or 2 * k > min(_MOST, n // 8):
            return sigma
        k *= 2


def _residual_variance(around: Tensor, terms: int) -> Tensor:
    """Of heights over the best plane about a quadric, (m,), for neighbourhoods (m, k, d)."""
    _, k, d = around.shape
    centred = around - around.mean(1, keepdim=True)
    scale = centred.square().sum(2).mean(1).sqrt().clamp_min(1e-300)[:, None, None]
    centred = centred / scale
    _, frame = torch.linalg.eigh(centred.transpose(1, 2) @ centred)
    local = centred @ frame  # columns: height, then the plane
    height, flat = local[:, :, :1], local[:, :, 1:]
    columns = [torch.ones_like(height), flat]
    columns += [flat[:, :, i : i + 1] * flat[:, :, j : j + 1] for i in range(d - 1) for j in range(i, d - 1)]
    matrix = torch.cat(columns, 2)
    normal = matrix.transpose(1, 2) @ matrix + 1e-9 * torch.eye(terms, dtype=around.dtype)
    found = torch.linalg.solve(normal, matrix.transpose(1, 2) @ height)
    rest = (height - matrix @ found).square().sum((1, 2)) / max(k - terms, 1)
    return rest * scale[:, 0, 0].square()
