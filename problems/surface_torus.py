"""Signed distance of a torus from points on it: |grad f| = 1 in the box, f = 0 on the points.

Neither normals nor the inside are given.  Of the many solutions of the eikonal equation the network finds the distance
because it is initialised as that of a sphere (implicit geometric regularization: Gropp, Yariv, Haim, Atzmon & Lipman,
Implicit Geometric Regularization for Learning Shapes, ICML 2020, section 5).  The distance of a torus is known:
|(|(x, y)| - R, z)| - r.

Dimensionless.  Expected: a mean error of 0.1 % of the diagonal in about a minute on two cores.
"""

import math

import torch

from pinnkit import main
from pinnkit.surfaces import IGR, surface_problem

R, r = 0.55, 0.23


def torus(n, generator):
    """Points of equal density: angles uniform, kept in proportion to the area element R + r cos v."""
    u, v, w = torch.rand(3, 3 * n, generator=generator, dtype=torch.float64)
    u, v = 2 * math.pi * u, 2 * math.pi * v
    rho = R + r * torch.cos(v)
    on = torch.stack([rho * torch.cos(u), rho * torch.sin(u), r * torch.sin(v)], dim=1)
    return on[w * (R + r) < rho][:n]


def distance(x, y, z):
    return torch.sqrt((torch.sqrt(x**2 + y**2) - R) ** 2 + z**2) - r


def mean_error(solution):
    """Over the diagonal of the torus' box, at points uniform in 1.15 x that box."""
    half = torch.tensor([R + r, R + r, r], dtype=torch.float64)
    at = 1.15 * half * (2 * torch.rand(10_000, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1)
    found = torch.as_tensor(solution(x=at[:, 0], y=at[:, 1], z=at[:, 2])["f"])
    return float((found - distance(*at.T)).abs().mean() / (2 * half.norm()))


problem = surface_problem(
    torus(10_000, torch.Generator().manual_seed(0)),
    losses=IGR(),
    name="surface_torus",
    exact=distance,
    metrics=dict(mean_distance_error=mean_error),
)

if __name__ == "__main__":
    main(problem)
