"""A vibrating string, u_tt = c^2 u_xx with c = 2, both ends fixed, at rest at the start.

u = sin(pi x) cos(2 pi t) + 0.5 sin(4 pi x) cos(8 pi t), two standing waves.  The benchmark of Wang, Yu &
Perdikaris, When and why PINNs fail to train, J. Comput. Phys. 449 (2022) 110768, section 4.2.

Dimensionless.  Expected: relative L2 below 1e-10 within ten seconds on two cores.
"""

import math

import torch

from pinnkit import Box, Dirichlet, Equation, Initial, Problem, main

c = 2.0
string = Box(x=(0, 1), t=(0, 1))


def shape(k, x):
    return torch.sin(k * math.pi * x)


def exact(x, t):
    return shape(1, x) * torch.cos(c * math.pi * t) + 0.5 * shape(4, x) * torch.cos(4 * c * math.pi * t)


problem = Problem(
    name="wave",
    domain=string,
    unknowns="u",
    terms=[
        Equation(lambda u: u.tt - c**2 * u.xx),
        Dirichlet(string.boundary, u=0.0),
        Initial(u=lambda x: shape(1, x) + 0.5 * shape(4, x), u_t=0.0),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
