"""A pendulum let go from a large angle, theta'' = -sin(theta), theta(0) = 2 rad, at rest.

theta = 2 asin(k sn(t + K, k)) with k = sin(1), sn a Jacobi elliptic function and K its quarter period: Abramowitz &
Stegun 16.4 (the arithmetic-geometric mean) and 17.6.  One swing back and forth takes 4 K = 8.35.

Angles in radians, time in units of sqrt(length / gravity).  Expected: relative L2 below 1e-9 in a second on two
cores.
"""

import math

import torch

from pinnkit import Box, Equation, Initial, Problem, main

start = 2.0


def exact(t):
    k = math.sin(start / 2)
    a, b, ratios = 1.0, math.cos(start / 2), []
    while abs(a - b) > 1e-9:  # the mean converges quadratically, so that the next step is exact to rounding
        a, b, c = (a + b) / 2, math.sqrt(a * b), (a - b) / 2
        ratios.append(c / a)
    quarter_period = math.pi / (2 * a)
    phase = 2 ** len(ratios) * a * (t + quarter_period)
    for ratio in reversed(ratios):
        phase = (phase + torch.asin(ratio * torch.sin(phase))) / 2
    return 2 * torch.asin(k * torch.sin(phase))


problem = Problem(
    name="pendulum",
    domain=Box(t=(0, 10)),
    unknowns="theta",
    terms=[
        Equation(lambda theta: theta.tt + torch.sin(theta)),
        Initial(theta=start, theta_t=0.0),
    ],
    exact=dict(theta=exact),
)

if __name__ == "__main__":
    main(problem)
