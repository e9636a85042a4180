"""Fast advection on a ring, u_t + c u_x = 0 with c = 50, which carries sin(x) eight times around.

u = sin(x - c t), the start moved along: Evans, Partial Differential Equations, 2nd ed., section 2.1.  The benchmark of
Krishnapriyan et al., Characterizing possible failure modes in physics-informed neural networks, NeurIPS 2021, on
which networks fail from c = 30 on; with c = 50 as in Daw et al., ICML 2023.

Dimensionless.  Expected: relative L2 below 1e-9 within half a minute on two cores.
"""

import math

import torch

from pinnkit import Box, Equation, Initial, Periodic, Problem, main

c = 50.0
ring = Box(x=(0, 2 * math.pi), t=(0, 1))

problem = Problem(
    name="advection",
    domain=ring,
    unknowns="u",
    terms=[
        Equation(lambda u: u.t + c * u.x),
        Periodic("x"),
        Initial(u=lambda x: torch.sin(x)),
    ],
    exact=dict(u=lambda x, t: torch.sin(x - c * t)),
)

if __name__ == "__main__":
    main(problem)
