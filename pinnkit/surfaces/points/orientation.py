"""Orientation of unoriented points by parametric Gauss reconstruction on a grid.

By Gauss's formula the indicator of a solid is chi = G * div(sum_j s_j delta(x_j)), with s_j = (area x outward normal)
and G the Green's function of the Laplacian: chi = -1 inside and 0 outside.  The s_j are unknown.  At the points chi =
-1/2, which is one equation A s = -1/2 per point for d unknowns.  The least-norm solution is s = A^T lambda, with
(A A^T / t + a I) lambda = -1/2, solved by conjugate gradients; t is the mean of the diagonal of A A^T.  A and A^T are
applied by multilinear spreading, sampling and Fourier transforms, in O(points + nodes log nodes).  The constant that a
periodic box leaves open is fixed by a zero mean of chi over three faces of the box.

Source: Lin, Xiao, Shi & Wang, Surface reconstruction from point clouds without normals by parametrizing the Gauss
formula, ACM Trans. Graph. 42 (2022) 14, eqs. 9-16 (there with a treecode or dense matrices); Kazhdan, Reconstruction of
solid models from oriented point sets, SGP 2005 (Fourier transforms on a grid).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .periodic_grid import PeriodicGrid, Transfer, grid_around

__all__ = ["Orientation", "orient"]

_ROOM = 1.3
_WIDTH = 1.0
"""Standard deviation of the Gaussian in the Green's function, in cells."""


@dataclass(frozen=True)
class Orientation:
    """Result of parametric Gauss reconstruction.

    Attributes:
        surfels: ``(n, d)`` area x outward normal of each point, up to a common factor.
        residual: final norm of A s + 1/2 + a t lambda over that of 1/2.
        steps: conjugate-gradient steps taken.
    """

    surfels: Tensor
    residual: float
    steps: int

    @property
    def normals(self) -> Tensor:
        """Unit normals ``(n, d)``; points without a direction get the first axis."""
        length = torch.linalg.vector_norm(self.surfels, dim=1, keepdim=True)
        first = torch.zeros_like(self.surfels)
        first[:, 0] = 1.0
        return torch.where(length > 0, self.surfels / length.clamp_min(torch.finfo(length.dtype).tiny), first)


class _Gauss:
    """The map A from surfels to chi at the points, and its transpose."""

    def __init__(self, grid: PeriodicGrid, points: Tensor) -> None:
        self._grid = grid
        self._transfer: Transfer = grid.transfer(points)
        squared = grid.squared.clone()
        squared.reshape(-1)[0] = 1.0
        self._green = -grid.gaussian(_WIDTH * grid.spacing) / squared
        self._green.reshape(-1)[0] = 0.0
        self._rim = torch.zeros(grid.shape)
        for axis in range(grid.dimension):
            self._rim.select(axis, 0).fill_(1.0)
        self._rim /= self._rim.sum()

    def transposed(self, multipliers: Tensor) -> Tensor:
        """A^T lambda = -grad u at the points, with u = G * (S lambda - (sum lambda) rim): ``(n, d)``."""
        grid = self._grid
        source = self._transfer.spread(multipliers) - multipliers.sum() * self._rim
        u = self._green * grid.forward(source)
        return torch.stack([self._transfer.sample(grid.inverse(-1j * k * u)) for k in grid.waves], 1)

    def apply(self, surfels: Tensor) -> Tensor:
        """A s = chi at the points, ``(n,)``."""
        grid = self._grid
        flux = torch.zeros((), dtype=torch.complex64)
        for axis, k in enumerate(grid.waves):
            flux = flux + 1j * k * grid.forward(self._transfer.spread(surfels[:, axis]))
        chi = grid.inverse(self._green * flux)
        return self._transfer.sample(chi) - (chi * self._rim).sum()


def orient(
    points: Tensor,
    *,
    generator: torch.Generator,
    regularisation: float = 5.0,
    resolution: int = 64,
    steps: int = 60,
    tolerance: float = 3e-3,
) -> Orientation:
    """Outward directions at points of an unknown closed surface.

    Args:
        points: ``(n, d)`` float, d = 2 or 3.
        generator: for the probe of the mean diagonal (Hutchinson, one vector of signs).
        regularisation: a; larger values tolerate more noise but confuse the sides of thin walls.
        resolution: grid nodes along each axis.
        steps: maximum number of conjugate-gradient steps.
        tolerance: of the residual, relative to the right-hand side.

    Returns:
        Surfels, whose directions are the normals.
    """
    gauss = _Gauss(grid_around(points, resolution, room=_ROOM), points)
    n = len(points)
    signs = torch.randint(0, 2, (n,), generator=generator).to(torch.float32) * 2 - 1
    mean = float(gauss.transposed(signs).square().sum()) / n

    def system(x: Tensor) -> Tensor:
        return gauss.apply(gauss.transposed(x)) / mean + regularisation * x

    right = torch.full((n,), -0.5)
    x = torch.zeros(n)
    r = right.clone()
    p = r.clone()
    rr = float(r @ r)
    first, taken = rr, 0
    while taken < steps and rr > tolerance**2 * first:
        q = system(p)
        alpha = rr / float(p @ q)
        x = x + alpha * p
        r = r - alpha * q
        rr, before = float(r @ r), rr
        p = r + (rr / before) * p
        taken += 1
    return Orientation(gauss.transposed(x).to(points.dtype), (rr / first) ** 0.5, taken)
