"""A Volterra integro-differential equation, u' + u = int_0^t exp(s - t) u(s) ds, u(0) = 1, for 0 < t < 5.

u = exp(-t) cosh(t): Lu, Meng, Mao & Karniadakis, DeepXDE: A deep learning library for solving differential equations,
SIAM Review 63 (2021) 208, section 4.2.

The integral has 24 Gauss-Legendre nodes between 0 and t for every t.  Dimensionless.  Expected: relative L2 below
1e-10 in a few seconds on two cores.
"""

import torch

from pinnkit import Box, Equation, Initial, Integral, Problem, main

memory = Integral(lambda u, s, t: torch.exp(s - t) * u, t=("s", 0, lambda t: t))

problem = Problem(
    name="volterra",
    domain=Box(t=(0, 5)),
    unknowns="u",
    terms=[
        Equation(lambda u, memory: u.t + u - memory, memory=memory),
        Initial(u=1.0),
    ],
    exact=dict(u=lambda t: torch.exp(-t) * torch.cosh(t)),
)

if __name__ == "__main__":
    main(problem)
