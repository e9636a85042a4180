"""Phase separation, u_t = D u_xx + 5 (u - u^3) with D = 1e-4 on [-1, 1], periodic, from u(x, 0) = x^2 cos(pi x).

The benchmark of Raissi, Perdikaris & Karniadakis, J. Comput. Phys. 378 (2019) 686, section 3.2.  Fronts of width
sqrt(2 D / 5) = 0.006 form between -1 and 1.  The periodic extension of the initial state has a kink at x = 1, where its
slope jumps from -2 to 2; diffusion rounds it off at once.

There is no closed form: what to compare with is `reference(problem)`, Fourier series in space with exponential
Runge-Kutta steps in time and a measured error bar.

Dimensionless.  Expected: relative L2 below 1e-7 within a minute on two cores.
"""

import math

import torch

from pinnkit import Box, Equation, Initial, Periodic, Problem, main

D = 1e-4
line = Box(x=(-1, 1), t=(0, 1))

problem = Problem(
    name="allen_cahn",
    domain=line,
    unknowns="u",
    terms=[
        Equation(lambda u: u.t - D * u.xx - 5 * (u - u**3)),
        Periodic("x"),
        Initial(u=lambda x: x**2 * torch.cos(math.pi * x)),
    ],
)

if __name__ == "__main__":
    main(problem)
