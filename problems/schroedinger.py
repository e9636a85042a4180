"""A breather in a fibre, i h_t + h_xx / 2 + |h|^2 h = 0 on [-5, 5], periodic, from h(x, 0) = 2 sech(x); h = u + i v.

In its real and imaginary parts, with q = u^2 + v^2:

    u_t + v_xx / 2 + q v = 0,    v_t - u_xx / 2 - q u = 0.

The benchmark of Raissi, Perdikaris & Karniadakis, J. Comput. Phys. 378 (2019) 686, section 3.1, for t in [0, pi / 2].
On the whole line this would be the soliton of second order; on the periodic interval the initial state has a small kink
at x = 5, where its slope jumps by 4 sech(5) tanh(5) = 0.054, and the waves that come of it never die out.

There is no closed form: what to compare with is `reference(problem)`, Fourier series in space with exponential
Runge-Kutta steps in time and a measured error bar.

Dimensionless.  Expected: relative L2 below 1e-6 within two minutes on two cores.
"""

import math

import torch

from pinnkit import Box, Equation, Initial, Periodic, Problem, main

fibre = Box(x=(-5, 5), t=(0, math.pi / 2))


def equations(u, v):
    q = u**2 + v**2
    return u.t + 0.5 * v.xx + q * v, v.t - 0.5 * u.xx - q * u


problem = Problem(
    name="schroedinger",
    domain=fibre,
    unknowns=["u", "v"],
    terms=[
        Equation(equations),
        Periodic("x"),
        Initial(u=lambda x: 2 / torch.cosh(x), v=0.0),
    ],
)

if __name__ == "__main__":
    main(problem)
