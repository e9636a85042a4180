"""A double pendulum of equal masses and lengths, let go at rest from the angles p = 2, q = 2.5 rad, to t = 10.

    2 p'' + q'' cos(p - q) + q'^2 sin(p - q) + 2 sin(p) = 0
    q'' + p'' cos(p - q) - p'^2 sin(p - q) + sin(q) = 0

Both accelerations stand in each equation, with a matrix that changes in time.  Chaotic at this energy, which is kept:
Landau & Lifshitz, Mechanics, section 5, problem 1; Shinbrot et al., Am. J. Phys. 60 (1992) 491.

There is no closed form: what to compare with is `reference(problem)`, DOP853 of scipy with a measured error bar.

Angles in radians, time in units of sqrt(length / gravity).  Expected: relative L2 below 1e-9, the energy kept to 1e-11,
in a second on two cores.
"""

import torch

from pinnkit import Box, Drift, Equation, Initial, Problem, main


def forces(p, q):
    c, s = torch.cos(p - q), torch.sin(p - q)
    upper = 2 * p.tt + q.tt * c + q.t**2 * s + 2 * torch.sin(p)
    lower = q.tt + p.tt * c - p.t**2 * s + torch.sin(q)
    return upper, lower


def energy(p, q):
    kinetic = p.t**2 + q.t**2 / 2 + p.t * q.t * torch.cos(p - q)
    return kinetic - 2 * torch.cos(p) - torch.cos(q)


problem = Problem(
    name="double_pendulum",
    domain=Box(t=(0, 10)),
    unknowns=["p", "q"],
    terms=[Equation(forces), Initial(p=2.0, q=2.5, p_t=0.0, q_t=0.0)],
    metrics=dict(drift=Drift(energy)),
)

if __name__ == "__main__":
    main(problem)
