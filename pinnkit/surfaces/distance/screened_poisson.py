"""Screened Poisson reconstruction on a grid: from oriented points to a function whose zero set is the surface.

chi minimises

    integral |grad chi - V|^2  +  (beta / s) sum_i a_i chi(x_i)^2,      V = sum_i a_i n_i g_i(x - x_i),

with a_i the area of point i, s the median spacing sqrt(a) and g_i a Gaussian: chi jumps from about -1/2 inside to +1/2
outside across a layer of the width of g_i, and is about zero at the points.  The Euler-Lagrange equation
(-Laplace + (beta / s) S diag(a) S^T) chi = -div V is solved by conjugate gradients, preconditioned by Fourier
transforms with the mean screening.  Each point has its own Gaussian width; widths are rounded to powers of the square
root of two, and each rounded width needs one set of transforms.

Source: Kazhdan & Hoppe, Screened Poisson surface reconstruction, ACM Trans. Graph. 32 (2013) 29, eqs. 3-6.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnkit.surfaces.points.periodic_grid import PeriodicGrid

__all__ = ["screened_poisson"]


def screened_poisson(
    grid: PeriodicGrid,
    points: Tensor,
    normals: Tensor,
    areas: Tensor,
    *,
    widths: Tensor,
    screening: float,
    steps: int = 25,
) -> Tensor:
    """Solve for chi on the nodes: negative inside, about zero at the points.

    Args:
        grid: periodic grid; its nodes must leave room around the points.
        points: ``(n, d)``.
        normals: ``(n, d)`` unit, outward.
        areas: ``(n,)`` area of each point.
        widths: ``(n,)`` standard deviation of the Gaussian of each point, in the unit of the points.
        screening: beta, dimensionless.
        steps: conjugate-gradient steps.
    """
    d = grid.dimension
    volume = grid.spacing**d
    area = areas.to(torch.float32)
    rounded = torch.round(2 * torch.log2(widths / widths.min())) / 2
    flux = torch.zeros((), dtype=torch.complex64)
    for level in torch.unique(rounded):
        rows = rounded == level
        transfer = grid.transfer(points[rows])
        smooth = grid.gaussian(float(widths.min()) * 2 ** float(level))
        for axis, k in enumerate(grid.waves):
            field = grid.forward(transfer.spread(area[rows] * normals[rows, axis].to(torch.float32)))
            flux = flux + (1j * k * smooth) * field
    right = grid.inverse(-flux) / volume

    spacing = float(areas.median()) ** (1 / (d - 1))
    strength = screening / spacing
    transfer = grid.transfer(points)
    mean = strength * float(area.sum()) / (volume * grid.resolution**d)
    squared = grid.squared
    inverse = 1 / (squared + mean)

    def system(x: Tensor, coefficients: Tensor) -> Tensor:
        screened = transfer.spread(area * transfer.sample(x)) * (strength / volume)
        return grid.inverse(squared * coefficients) + screened

    x = torch.zeros(grid.shape)
    r = right
    z_hat = inverse * grid.forward(r)
    z = grid.inverse(z_hat)
    p, p_hat = z, z_hat
    rz = float((r * z).sum())
    for _ in range(steps):
        if rz <= 0 or not math.isfinite(rz):
            break
        q = system(p, p_hat)
        alpha = rz / float((p * q).sum())
        x = x + alpha * p
        r = r - alpha * q
        z_hat = inverse * grid.forward(r)
        z = grid.inverse(z_hat)
        rz, before = float((r * z).sum()), rz
        p, p_hat = z + (rz / before) * p, z_hat + (rz / before) * p_hat
    return x
