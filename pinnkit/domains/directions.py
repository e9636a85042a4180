"""Uniform directions, the volume of a ball, and unit columns of which only some are denser towards walls."""

import math

import torch
from torch import Tensor

from .sampling import Chebyshev, Sampling, Sobol, quadrature_weights


def directions(unit: Tensor) -> Tensor:
    """Unit vectors `(n, d)` from `(n, d - 1)` in the unit cube, uniform on the sphere where those are uniform.

    One coordinate after the other by its inverse distribution: on the sphere of R^k, (z_k + 1) / 2 is of the Beta
    distribution with both parameters (k - 1) / 2, and what is left of the vector is uniform on the sphere of R^(k-1)
    of radius sqrt(1 - z_k^2); on the circle the angle is uniform.  Quasi-random points stay quasi-random.

    Source: Fang & Wang, Number-theoretic Methods in Statistics, 1994, section 1.5.
    """
    from scipy.special import betaincinv  # loaded here: balls and spheres alone need it

    n, columns = unit.shape
    vectors = torch.empty(n, columns + 1, dtype=torch.float64)
    left = torch.ones(n, dtype=torch.float64)
    for k in range(columns + 1, 2, -1):
        b = torch.from_numpy(betaincinv((k - 1) / 2, (k - 1) / 2, unit[:, k - 2].numpy()))
        vectors[:, k - 1] = left * (2 * b - 1)
        left = left * (2 * (b * (1 - b)).sqrt())  # 1 - z^2 = 4 b (1 - b), without cancellation near the poles
    angle = 2 * math.pi * unit[:, 0]
    vectors[:, 0] = left * torch.cos(angle)
    vectors[:, 1] = left * torch.sin(angle)
    return vectors


def volume(dim: int, radius: float) -> float:
    """Volume of the ball, pi^(d/2) R^d / Gamma(d/2 + 1)."""
    return math.exp(dim / 2 * math.log(math.pi) + dim * math.log(radius) - math.lgamma(dim / 2 + 1))


def spread(
    sampling: Sampling, n: int, round_columns: int, flat_columns: int, measure: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Points `(n, flat + round)` in the unit cube, the flat columns first, and their weights `(n,)`.

    A direction has no wall to be near, so `Chebyshev` leaves its columns even.
    """
    if not isinstance(sampling, Chebyshev):
        unit = sampling.unit(n, flat_columns + round_columns, generator)
        return unit, quadrature_weights(sampling, unit, measure)
    unit = Sobol().unit(n, flat_columns + round_columns, generator)
    flat = unit[:, :flat_columns]
    flat.mul_(math.pi / 2).sin_().square_()
    return unit, quadrature_weights(sampling, flat, measure)
