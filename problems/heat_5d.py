"""Heat in the unit ball of five dimensions, u_t = laplacian(u) / d + f with d = 5, its flux given on the wall.

u = exp(|x|^2 / 2 + t), f = -|x|^2 u / d; on the wall du/dn = |x| u, at the start u = exp(|x|^2 / 2).  The benchmark HNd
of Hao et al., PINNacle: A Comprehensive Benchmark of Physics-Informed Neural Networks for Solving PDEs, NeurIPS 2024,
section on high-dimensional problems.

Dimensionless.  Expected: relative L2 below 1e-5 within two minutes on two cores.
"""

import torch

from pinnkit import Ball, Equation, Initial, Neumann, Problem, Time, main

d = 5
ball = Ball(x=(0,) * d, radius=1) * Time(0, 1)


def squared_norm(x):
    return (x**2).sum(dim=1)


def exact(x, t):
    return torch.exp(squared_norm(x) / 2 + t)


problem = Problem(
    name="heat_5d",
    domain=ball,
    unknowns="u",
    terms=[
        Equation(lambda u, x, t: u.t - u.laplacian / d + squared_norm(x) / d * exact(x, t)),
        Neumann(ball.boundary, u=exact),  # |x| = 1 there
        Initial(u=lambda x: torch.exp(squared_norm(x) / 2)),
    ],
    exact=dict(u=exact),
)

if __name__ == "__main__":
    main(problem)
