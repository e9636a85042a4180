"""Waves of one frequency in a square, laplacian(u) + k^2 u = f with k = 1, u = 0 on the walls.

With f = (k^2 - 17 pi^2) sin(pi x) sin(4 pi y) the closed form is u = sin(pi x) sin(4 pi y).  The benchmark of Wang,
Teng & Perdikaris, SIAM J. Sci. Comput. 43 (2021) A3055, section 4.1.

Dimensionless.  Expected: relative L2 below 1e-11 within ten seconds on two cores.
"""

import math

import torch

from pinnkit import Box, Dirichlet, Equation, Problem, main

k = 1.0
square = Box(x=(-1, 1), y=(-1, 1))


def exact(x, y):
    return torch.sin(math.pi * x) * torch.sin(4 * math.pi * y)


def f(x, y):
    return (k**2 - 17 * math.pi**2) * torch.sin(math.pi * x) * torch.sin(4 * math.pi * y)


problem = Problem(
    name="helmholtz",
    domain=square,
    unknowns="u",
    terms=[
        Equation(lambda u, x, y: u.laplacian + k**2 * u - f(x, y)),
        Dirichlet(square.boundary, u=0.0),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
