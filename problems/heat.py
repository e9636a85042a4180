"""Heat in a rod, u_t = alpha u_xx, with both ends held at zero and two modes at the start.

The closed form is a sum of decaying modes sin(k pi x) exp(-alpha k^2 pi^2 t): separation of variables, Evans,
Partial Differential Equations, 2nd ed., section 4.1.  With alpha = 1 / pi^2 the modes k = 1 and 3 decay as exp(-t)
and exp(-9 t).

Dimensionless.  Expected: relative L2 below 1e-9 in a few seconds on two cores.
"""

import math

import torch

from pinnkit import Box, Dirichlet, Equation, Initial, Problem, main

alpha = 1 / math.pi**2
rod = Box(x=(0, 1), t=(0, 1))


def mode(k, x):
    return torch.sin(k * math.pi * x)


problem = Problem(
    name="heat",
    domain=rod,
    unknowns="u",
    terms=[
        Equation(lambda u: u.t - alpha * u.xx),
        Dirichlet(rod.boundary, u=0.0),
        Initial(u=lambda x: mode(1, x) + 0.5 * mode(3, x)),
    ],
    exact=dict(u=lambda x, t: mode(1, x) * torch.exp(-t) + 0.5 * mode(3, x) * torch.exp(-9 * t)),
)

if __name__ == "__main__":
    main(problem)
