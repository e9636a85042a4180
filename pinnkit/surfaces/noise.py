"""How noisy a cloud is, estimated from its points alone."""

from __future__ import annotations

import torch
from torch import Tensor

from .neighbours import Neighbours

__all__ = ["noise_level"]

_PROBES = 2000
_FIRST = 12
_MOST = 400
_FLAT = 0.22
"""Noise over the radius of a neighbourhood above which the neighbourhood is doubled."""


def noise_level(points: Tensor, *, generator: torch.Generator, normals: Tensor | None = None) -> float:
    """Standard deviation of the distance of the points to a smooth surface, in the unit of the points.

    Around each of (at most) 2,000 points drawn, a quadric is fitted to the heights of its nearest neighbours over their
    plane of least squares; the residual over its degrees of freedom estimates the variance of the noise where the
    surface is smooth.  The median over the points disregards edges.  Without normals the neighbourhood has 12 points,
    so that it does not reach the other side of a thin wall, and shows noise up to about the spacing of the points.
    With normals it has 32 points, of which those within 60 degrees of the middle one's count; where it is no wider than
    a few times the noise, it shows a ball rather than a sheet, and is doubled until it is wider or holds 400 points.

    Args:
        points: (n, d).
        generator: draws the points looked at.
        normals: (n, d) unit, oriented.

    Source: local quadrics as in Cazals & Pouget, CAGD 22 (2005) 121; the estimate is the ordinary one of linear
    regression, and its median is divided by that of chi-squared over its degrees of freedom (Wilson & Hilferty 1931).
    """
    n = len(points)
    rows = torch.randperm(n, generator=generator)[:_PROBES]
    k = min(_FIRST if normals is None else 32, n - 1)
    while True:
        near = Neighbours.of(points, k, rows=rows)
        members = torch.cat([rows[:, None], near.index], 1)
        counted = torch.ones(members.shape, dtype=points.dtype)
        if normals is not None:
            counted = ((normals[members] * normals[rows, None]).sum(2) > 0.5).to(points.dtype)
        radius = float(near.distance[:, -1].median())
        sigma = float(_residual_variance(points[members], counted).median().sqrt())
        if normals is None or sigma < _FLAT * radius or 2 * k > min(_MOST, n // 8):
            return sigma
        k *= 2


def _residual_variance(around: Tensor, counted: Tensor) -> Tensor:
    """Of heights over the best plane about a quadric, for neighbourhoods (m, k, d) of members counted 0 or 1 (m, k).

    Only neighbourhoods with at least two degrees of freedom are returned; a single zero where there are none.
    """
    d = around.shape[2]
    terms = d * (d + 1) // 2  # of a quadratic polynomial in d - 1 variables
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
    return rest * scale[:, 0, 0].square() / (1 - 2 / (9 * freedom)) ** 3
