"""Inverse problems whose data determine the coefficients, fits with robust penalties, and integral conditions."""

import math

import numpy as np
import torch

from pinnkit import Box, Coefficient, Condition, Data, Dirichlet, Equation, Initial, Neumann, Problem, Unknown
from pinnkit.domains import Points
from pinnkit.problem.penalties import Huber

from .case import smooth

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
LINE = Box(x=(0, 1))
ROD = Box(x=(0, 1), t=(0, 1))


def _ticks(low: float, high: float, count: int) -> torch.Tensor:
    return torch.linspace(low, high, count, dtype=torch.float64)


def _layer(x):
    return x - (exp((x - 1) / 0.2) - math.exp(-5)) / (1 - math.exp(-5))


@smooth(
    "Diffusion from 19 exact data: Roos, Stynes & Tobiska, chapter 1", exact=dict(u=_layer), coefficients={"nu": 0.2}
)
def find_diffusion() -> Problem:
    at = _ticks(0.05, 0.95, 19)
    terms = [
        Equation(lambda u, nu: -nu * u.xx + u.x - 1),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=at), u=_layer(at)),
    ]
    return Problem("find nu", LINE, "u", terms, coefficients=[Coefficient("nu", 0.5, positive=True)])


@smooth(
    "Growth rate and capacity from 15 exact data of the logistic curve",
    exact=dict(u=lambda t: 2 / (1 + 9 * exp(-1.5 * t))),
    coefficients={"r": 1.5, "k": 2.0},
)
def find_growth() -> Problem:
    at = _ticks(0.2, 5.8, 15)
    terms = [
        Equation(lambda u, r, k: u.t - r * u * (1 - u / k)),
        Initial(u=0.2),
        Data(dict(t=at), u=2 / (1 + 9 * exp(-1.5 * at))),
    ]
    sought = [Coefficient("r", 1.0, positive=True), Coefficient("k", 1.0, positive=True)]
    return Problem("find growth", Box(t=(0, 6)), "u", terms, coefficients=sought)


@smooth(
    "Wave speed from exact data of a string",
    exact=dict(u=lambda x, t: sin(PI * x) * cos(1.3 * PI * t)),
    coefficients={"c2": 1.69},
)
def find_wave_speed() -> Problem:
    x, t = (a.reshape(-1) for a in torch.meshgrid(_ticks(0.1, 0.9, 5), _ticks(0.1, 0.9, 6), indexing="ij"))
    terms = [
        Equation(lambda u, c2: u.tt - c2 * u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x), u_t=0.0),
        Data(dict(x=x, t=t), u=sin(PI * x) * cos(1.3 * PI * t)),
    ]
    return Problem("find speed", ROD, "u", terms, coefficients=[Coefficient("c2", 1.0, positive=True)])


@smooth(
    "Strength of a source from one exact measurement per point, linear in the coefficient",
    exact=dict(u=lambda x: 3 * sin(PI * x)),
    coefficients={"s": 3 * PI**2},
)
def find_source_strength() -> Problem:
    at = _ticks(0.1, 0.9, 9)
    terms = [
        Equation(lambda u, x, s: -u.xx - s * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=at), u=3 * sin(PI * at)),
    ]
    return Problem("find source", LINE, "u", terms, coefficients=[Coefficient("s", 10.0)])


@smooth(
    "Conductivity as a function: (k u')' = 0 with u' known everywhere, k given at one end",
    exact=dict(u=lambda x: torch.log1p(x), k=lambda x: 1 + x),
)
def find_conductivity_function() -> Problem:
    at = _ticks(0.0, 1.0, 41)
    terms = [
        Equation(lambda u, k: k * u.xx + k.x * u.x),
        Dirichlet(LINE.face(x=0), u=0.0, k=1.0),
        Dirichlet(LINE.face(x=1), u=math.log(2)),
        Data(dict(x=at), u=torch.log1p(at)),
    ]
    return Problem("find k", LINE, ["u", Unknown("k", axes=("x",))], terms)


@smooth(
    "Decay rate from noisy data, sigma 0.5 % of 200 points: the standard error is 0.1 %",
    exact=dict(u=lambda t: exp(-2 * t)),
    coefficients={"k": 2.0},
)
def find_decay_from_noise() -> Problem:
    at = _ticks(0.01, 1.5, 200)
    noise = torch.as_tensor(np.random.default_rng(7).normal(0, 0.005, 200))
    terms = [
        Equation(lambda u, k: u.t + k * u),
        Initial(u=1.0),
        Data(dict(t=at), u=exp(-2 * at) + noise, sigma=0.005),
    ]
    return Problem("noisy decay", Box(t=(0, 1.5)), "u", terms, coefficients=[Coefficient("k", 1.0, positive=True)])


@smooth(
    "Huber's penalty on the equation's data, one outlier: Huber, Ann. Math. Statist. 35 (1964) 73",
    exact=dict(u=lambda x: sin(PI * x)),
)
def robust_fit() -> Problem:
    at = _ticks(0.05, 0.95, 19)
    measured = sin(PI * at)
    measured[7] += 5.0
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * sin(PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=at), u=measured, penalty=Huber(0.01)),
    ]
    return Problem("robust", LINE, "u", terms)


_GAUSS = np.polynomial.legendre.leggauss(12)


def _nodes(low: torch.Tensor, high: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gauss points and weights of intervals, each ``(rows, 12)``."""
    z, w = (torch.as_tensor(a) for a in _GAUSS)
    half = (high - low)[:, None] / 2
    return (low + high)[:, None] / 2 + half * z, half * w


@smooth("Zero mean fixes the level of a Neumann problem: Evans, PDE, section 6.2", exact=dict(u=lambda x: cos(PI * x)))
def mean_fixes_the_level() -> Problem:
    place, weight = _nodes(torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    points = Points(place.reshape(-1, 1), columns={"share": weight.reshape(-1)}, group=12)
    terms = [
        Equation(lambda u, x: -u.xx - PI**2 * cos(PI * x)),
        Neumann(LINE.boundary, u=0.0),
        Condition(LINE, lambda u, share: (u * share).value.reshape(-1, 12).sum(dim=1), name="mean", points=points),
    ]
    return Problem("mean", LINE, "u", terms)


@smooth(
    "Volterra's equation u(x) = 1 + integral of u from 0 to x: Atkinson, Integral Equations, section 1.1",
    exact=dict(u=lambda x: exp(x)),
)
def volterra() -> Problem:
    ends = _ticks(0.02, 1.0, 50)
    place, weight = _nodes(torch.zeros_like(ends), ends)
    columns = {"share": torch.cat([torch.ones(50, 1), -weight], dim=1).reshape(-1)}
    points = Points(torch.cat([ends[:, None], place], dim=1).reshape(-1, 1), columns=columns, group=13)
    terms = [
        Condition(
            LINE, lambda u, share: (u * share).value.reshape(-1, 13).sum(dim=1) - 1, name="volterra", points=points
        )
    ]
    return Problem("volterra", LINE, "u", terms)


@smooth(
    "Source strength from the mean temperature: integrals as data",
    exact=dict(u=lambda x: x * (1 - x) / 2),
    coefficients={"s": 1.0},
)
def find_source_from_a_mean() -> Problem:
    place, weight = _nodes(torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64))
    points = Points(place.reshape(-1, 1), columns={"share": weight.reshape(-1)}, group=12)
    terms = [
        Equation(lambda u, s: -u.xx - s),
        Dirichlet(LINE.boundary, u=0.0),
        Condition(
            LINE, lambda u, share: (u * share).value.reshape(-1, 12).sum(dim=1) - 1 / 12, name="m", points=points
        ),
    ]
    return Problem("mean data", LINE, "u", terms, coefficients=[Coefficient("s", 0.3)])
