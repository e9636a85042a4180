"""A nonlinear Poisson equation on the unit square, -laplacian(u) + u^3 = f, with values given on the walls.

u = exp(x) sin(pi y) + 1 / (1 + x^2 + 2 y^2): f and the values on the walls follow from u, the method of manufactured
solutions, Roache, J. Fluids Eng. 124 (2002) 4.  Neither the exponential nor the rational part is a product of sines.

Dimensionless.  Expected: relative L2 below 1e-9 within ten seconds on two cores.
"""

import math

import torch

from pinnkit import Box, Dirichlet, Equation, Problem, main

square = Box(x=(0, 1), y=(0, 1))


def wave(x, y):
    return torch.exp(x) * torch.sin(math.pi * y)


def hill(x, y):
    return 1 / (1 + x**2 + 2 * y**2)


def exact(x, y):
    return wave(x, y) + hill(x, y)


def f(x, y):
    # laplacian(h) = 8 h^3 (x^2 + 4 y^2) - 6 h^2 for the hill h, (1 - pi^2) w for the wave w
    minus_laplacian = (math.pi**2 - 1) * wave(x, y) + 6 * hill(x, y) ** 2 - 8 * hill(x, y) ** 3 * (x**2 + 4 * y**2)
    return minus_laplacian + exact(x, y) ** 3


problem = Problem(
    name="nonlinear_poisson",
    domain=square,
    unknowns="u",
    terms=[
        Equation(lambda u, x, y: -u.laplacian + u**3 - f(x, y)),
        Dirichlet(square.boundary, u=exact),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
