"""A steel cylinder across a field: div(k grad u) = 0 with k = 400 in a disk of radius 1/4 and k = 1 around it.

The square is [-1/2, 1/2]^2.  Its walls have the values of a field that is uniform far away, x, plus a quadrupole
x^2 - y^2, both disturbed by the disk.  u and the normal flux k du/dn are continuous on the circle r = a, which follows
from the equation alone.  With q = (k - 1) / (k + 1) each multipole r^m cos(m theta) far away is

    2 / (k + 1) r^m cos(m theta) inside,    (r^m - q a^(2 m) / r^m) cos(m theta) outside:

the disk's own field falls as r^-m.  Source: Jackson, Classical Electrodynamics, 3rd ed., section 4.4 (a sphere in a
uniform field) and problem 2.12 (the plane); Milton, The Theory of Composites (2002), section 7.2.

Dimensionless.  Expected: relative L2 error of u below 1e-9, of the flux through the circle below 1e-8, in five seconds
on two cores.
"""

import math

import numpy as np
import torch

from pinnkit import Box, Dirichlet, Disk, Equation, Piecewise, Problem, div, grad, main

radius, contrast = 0.25, 400.0
square = Box(x=(-0.5, 0.5), y=(-0.5, 0.5))
disk = Disk(x=0, y=0, radius=radius)
k = Piecewise({disk: contrast, "elsewhere": 1.0})


def exact(x, y):
    q = (contrast - 1) / (contrast + 1)
    r2 = x**2 + y**2
    outer = r2.clamp(min=radius**2)  # the multipoles outside are singular at the centre
    inside = 2 / (contrast + 1) * (x + x**2 - y**2)
    outside = x * (1 - q * radius**2 / outer) + (x**2 - y**2) * (1 - q * radius**4 / outer**2)
    return torch.where(r2 <= radius**2, inside, outside)


def flux_error(solution):
    """Relative L2 error of the normal flux k du/dn through the circle."""
    angle = torch.linspace(0, 2 * math.pi, 401, dtype=torch.float64)[:-1]
    n = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    found = (solution.flux("conduction", x=radius * n[:, 0], y=radius * n[:, 1]) * n.numpy()).sum(axis=1)
    true = 2 * contrast / (contrast + 1) * (torch.cos(angle) + 2 * radius * torch.cos(2 * angle)).numpy()
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


problem = Problem(
    name="two_materials",
    domain=square,
    unknowns="u",
    terms=[
        Equation(lambda u, x, y: div(k(x, y) * grad(u)), name="conduction"),
        Dirichlet(square.boundary, u=exact),
    ],
    exact={"u": exact},
    metrics={"flux_error": flux_error},
)

if __name__ == "__main__":
    main(problem)
