"""Well-posed problems whose cost is no square: energies, absolute values, Huber's function."""

import math

import torch

from pinnkit import Box, Data, Dirichlet, Equation, Initial, Problem
from pinnkit.problem.penalties import Absolute, Energy, Huber

from .case import hard

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
LINE = Box(x=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))


@hard(
    "E & Yu, The deep Ritz method, Commun. Math. Stat. 6 (2018) 1, one dimension",
    "energy in place of a residual: nothing vanishes",
    exact=dict(u=lambda x: sin(PI * x)),
)
def deep_ritz() -> Problem:
    terms = [
        Equation(lambda u, x: 0.5 * u.x**2 - PI**2 * sin(PI * x) * u, penalty=Energy(), name="energy"),
        Dirichlet(LINE.boundary, u=0.0, weight=500.0),
    ]
    return Problem("ritz", LINE, "u", terms)


@hard(
    "Poisson's equation with the absolute value as penalty",
    "penalty with a kink at the solution",
    exact=dict(u=lambda x, y: sin(PI * x) * sin(PI * y)),
)
def poisson_absolute() -> Problem:
    terms = [
        Equation(
            lambda u, x, y: -u.laplacian - 2 * PI**2 * sin(PI * x) * sin(PI * y),
            penalty=Absolute(),
        ),
        Dirichlet(SQUARE.boundary, u=0.0),
    ]
    return Problem("absolute", SQUARE, "u", terms)


@hard(
    "Heat with Huber's penalty and data of which a tenth are wrong: Huber 1964",
    "outliers in the data of an evolution",
    exact=dict(u=lambda x, t: sin(PI * x) * exp(-t)),
)
def heat_with_outliers() -> Problem:
    rod = Box(x=(0, 1), t=(0, 1))
    x, t = (
        a.reshape(-1)
        for a in torch.meshgrid(
            torch.linspace(0.1, 0.9, 9, dtype=torch.float64),
            torch.linspace(0.1, 0.9, 9, dtype=torch.float64),
            indexing="ij",
        )
    )
    measured = sin(PI * x) * exp(-t)
    measured[::10] += 3.0
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Dirichlet(rod.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
        Data(dict(x=x, t=t), u=measured, penalty=Huber(0.01)),
    ]
    return Problem("outliers", rod, "u", terms)
