"""Poisson's equation in the unit cube of five dimensions, -laplacian(u) = (pi^2 / 4) sum_i sin(pi x_i / 2).

u = sum_i sin(pi x_i / 2), given on the walls: a sum of functions of one coordinate each.  The benchmark PNd of Hao et
al., PINNacle: A Comprehensive Benchmark of Physics-Informed Neural Networks for Solving PDEs, NeurIPS 2024, section
on high-dimensional problems.

Dimensionless.  Expected: relative L2 below 1e-11 within half a minute on two cores.
"""

import math

import torch

from pinnkit import Box, Cube, Dirichlet, Equation, Problem, main

cube = Box(x=Cube(0, 1, dim=5))


def exact(x):
    return torch.sin(math.pi / 2 * x).sum(dim=1)


problem = Problem(
    name="poisson_5d",
    domain=cube,
    unknowns="u",
    terms=[
        Equation(lambda u, x: -u.laplacian - math.pi**2 / 4 * exact(x)),
        Dirichlet(cube.boundary, u=exact),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
