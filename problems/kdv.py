"""Waves in shallow water, u_t + u u_x + 0.0025 u_xxx = 0 on [-1, 1], periodic, from u(x, 0) = cos(pi x).

The wave steepens and breaks up into solitons.  The benchmark of Raissi, Perdikaris & Karniadakis, J. Comput. Phys. 378
(2019) 686, section 4.2, after Zabusky & Kruskal, Phys. Rev. Lett. 15 (1965) 240, where the constant is 0.022^2.

There is no closed form: what to compare with is `reference(problem)`, Fourier series in space with exponential
Runge-Kutta steps in time and a measured error bar.

Dimensionless.  Expected: relative L2 below 1e-6 within a minute on two cores.
"""

import math

import torch

from pinnkit import Box, Equation, Initial, Periodic, Problem, main

dispersion = 0.0025
channel = Box(x=(-1, 1), t=(0, 1))

problem = Problem(
    name="kdv",
    domain=channel,
    unknowns="u",
    terms=[
        Equation(lambda u: u.t + u * u.x + dispersion * u.xxx),
        Periodic("x"),
        Initial(u=lambda x: torch.cos(math.pi * x)),
    ],
)

if __name__ == "__main__":
    main(problem)
