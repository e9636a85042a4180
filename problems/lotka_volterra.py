"""Predators and prey, r' = r (2 - 1.2 p), p' = p (-1 + 0.9 r), from r = 1, p = 2 to t = 20: four and a half periods.

The solution keeps 0.9 r - ln(r) + 1.2 p - 2 ln(p), so that its orbits are closed: Murray, Mathematical Biology I, 3rd
ed., section 3.1.  The steady state r = 10/9, p = 5/3 solves the equations too, and trained networks settle on it.

There is no closed form: what to compare with is `reference(problem)`, DOP853 of scipy with a measured error bar.

Dimensionless.  Expected: relative L2 below 1e-10, the invariant kept to 1e-11, in a second on two cores.
"""

import torch

from pinnkit import Box, Drift, Equation, Initial, Problem, main


def rates(r, p):
    return r.t - r * (2 - 1.2 * p), p.t - p * (-1 + 0.9 * r)


def invariant(r, p):
    return 0.9 * r - torch.log(r) + 1.2 * p - 2 * torch.log(p)


problem = Problem(
    name="lotka_volterra",
    domain=Box(t=(0, 20)),
    unknowns=["r", "p"],
    terms=[Equation(rates), Initial(r=1.0, p=2.0)],
    metrics=dict(drift=Drift(invariant)),
)

if __name__ == "__main__":
    main(problem)
