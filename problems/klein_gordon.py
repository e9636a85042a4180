"""The Klein-Gordon equation with a cubic term, u_tt - u_xx + u^3 = f, in x and t from 0 to 1.

u = x cos(5 pi t) + (x t)^3, from which f, the start and the values at both ends follow.  The benchmark of Wang, Teng &
Perdikaris, Understanding and mitigating gradient flow pathologies in physics-informed neural networks, SIAM J. Sci.
Comput. 43 (2021) A3055, section on the Klein-Gordon equation.

Dimensionless.  Expected: relative L2 below 1e-8 within half a minute on two cores.
"""

import math

import torch

from pinnkit import Box, Dirichlet, Equation, Initial, Problem, main

string = Box(x=(0, 1), t=(0, 1))
omega = 5 * math.pi


def exact(x, t):
    return x * torch.cos(omega * t) + (x * t) ** 3


def f(x, t):
    u_tt = -(omega**2) * x * torch.cos(omega * t) + 6 * x**3 * t
    u_xx = 6 * x * t**3
    return u_tt - u_xx + exact(x, t) ** 3


problem = Problem(
    name="klein_gordon",
    domain=string,
    unknowns="u",
    terms=[
        Equation(lambda u, x, t: u.tt - u.xx + u**3 - f(x, t)),
        Dirichlet(string.boundary, u=exact),
        Initial(u=lambda x: x, u_t=0.0),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
