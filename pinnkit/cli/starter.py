"""The text that `pinnkit new` writes."""

__all__ = ["STARTER"]

STARTER = '''"""NAME: heat in a rod whose ends are held at zero, u_t = alpha u_xx.

Say here where the equation comes from, its units ("dimensionless" if it has none), and what error to expect.

Run it:  pinnkit solve NAME.py      or      python NAME.py
"""

import math

import torch

from pinnkit import Box, Dirichlet, Equation, Initial, Problem, main

alpha = 0.1

# Where: named axes with their bounds.  `t` is time; every other name is a space axis.
rod = Box(x=(0, 1), t=(0, 1))

problem = Problem(
    name="NAME",
    domain=rod,
    unknowns="u",
    # What should vanish.  Functions are called by their argument names: coordinates, unknowns, the outward normal `n`.
    # `u.t` and `u.xx` are derivatives; laplacian(u), grad(u) and div(...) come from pinnkit.  Use torch, not NumPy.
    terms=[
        Equation(lambda u: u.t - alpha * u.xx),
        Dirichlet(rod.boundary, u=0.0),  # `boundary` is the walls of space; rod.face(x=0) is one of them
        Initial(u=lambda x: torch.sin(math.pi * x)),  # add u_t=... for equations of second order in time
        # also: Neumann(wall, u=flux), Robin(wall, u=(a, b, g)), Periodic("x"), Data(dict(x=..., t=...), u=...)
    ],
    # Optional, for validation only: no solver sees it.  Without it, finite differences are the judge.
    exact=dict(u=lambda x, t: torch.sin(math.pi * x) * torch.exp(-alpha * math.pi**2 * t)),
)

if __name__ == "__main__":
    main(problem)  # the same command line as `pinnkit solve NAME.py`
'''
