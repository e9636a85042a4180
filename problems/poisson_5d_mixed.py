"""Five coordinates that act together: Poisson's equation in the unit cube, -laplacian(u) = f.

u = sin(s) + exp(-q), s = x_1 + ... + x_5 and q = |x - c|^2 + (s - 3)^2 / 10, c = (0.3, 0.4, 0.5, 0.6, 0.7): every
coordinate acts together with every other.  f and the values on the walls follow from u, the method of manufactured
solutions, Roache, J. Fluids Eng. 124 (2002) 4.

Dimensionless.  Expected: relative L2 below 1e-5 within two minutes on two cores.
"""

import torch

from pinnkit import Box, Cube, Dirichlet, Equation, Problem, main

d = 5
cube = Box(x=Cube(0, 1, dim=d))
c = torch.tensor([0.3, 0.4, 0.5, 0.6, 0.7], dtype=torch.float64)


def bump(x):
    return torch.exp(-((x - c) ** 2).sum(dim=1) - (x.sum(dim=1) - 3) ** 2 / 10)


def exact(x):
    return torch.sin(x.sum(dim=1)) + bump(x)


def f(x):
    # laplacian(exp(-q)) = (|grad q|^2 - laplacian(q)) exp(-q), with grad q = 2 (x - c) + (s - 3) / 5 in every column
    s = x.sum(dim=1) - 3
    squared = 4 * ((x - c) ** 2).sum(dim=1) + 0.8 * s * (x - c).sum(dim=1) + d * s**2 / 25
    return d * torch.sin(x.sum(dim=1)) - (squared - 2 * d - d / 5) * bump(x)


problem = Problem(
    name="poisson_5d_mixed",
    domain=cube,
    unknowns="u",
    terms=[
        Equation(lambda u, x: -u.laplacian - f(x)),
        Dirichlet(cube.boundary, u=exact),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
