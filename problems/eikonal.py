"""First arrivals from a point source, v |grad T| = 1, where the speed v = 1 + 2 y grows with depth.

The ansatz T = T0 exp(raw) takes out the singularity at the source: T0 is the arrival time at the source's speed
(Fomel, Luo & Zhao, J. Comput. Phys. 228 (2009) 6440).  In a medium of constant gradient g the rays are circles and
cosh(g T) = 1 + g^2 r^2 / (2 v v_s) (Slotnick, Lessons in Seismic Computing, 1959); cosh a = 1 + 2 sinh^2(a / 2)
keeps the digits near the source.

Dimensionless.  Expected: relative L2 below 1e-9 in a few seconds on two cores.
"""

import torch

from pinnkit import Box, Dirichlet, Equation, PointSet, Problem, main

square = Box(x=(0, 1), y=(0, 1))
source = PointSet(x=0.5, y=0.1)
gradient = 2.0


def v(y):
    return 1 + gradient * y


v_source = v(0.1)


def distance(x, y):
    return torch.sqrt((x - 0.5) ** 2 + (y - 0.1) ** 2)


def exact(x, y):
    return 2 / gradient * torch.asinh(gradient * distance(x, y) / (2 * torch.sqrt(v(y) * v_source)))


problem = Problem(
    name="eikonal",
    domain=square,
    unknowns="T",
    terms=[
        Equation(lambda T, y: v(y) ** 2 * (T.x**2 + T.y**2) - 1),
        Dirichlet(source, T=0.0),
    ],
    ansatz=dict(T=lambda T, x, y: distance(x, y) / v_source * torch.exp(T)),
    exact=dict(T=exact),
)

if __name__ == "__main__":
    main(problem)
