"""Well-posed problems solved badly: networks that were trained for too few steps, and fields that are too small."""

import math

import numpy as np
import torch

from pinnkit import (
    LBFGS,
    MLP,
    Adam,
    Box,
    Dirichlet,
    Equation,
    GaussNewton,
    Initial,
    LeastSquares,
    Neumann,
    Periodic,
    Problem,
    RandomFourier,
    Siren,
)

from .case import hard
from .hard_evolution import burgers_front_truth, burgers_problem
from .hard_ordinary import lotka_volterra_problem, lotka_volterra_truth
from .truths import trajectory

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
LINE = Box(x=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))
ROD = Box(x=(0, 1), t=(0, 1))


def _trained(width: int, depth: int, adam: int, lbfgs: int, **more):
    return dict(field=MLP(width=width, depth=depth), solvers=[Adam(steps=adam), LBFGS(steps=lbfgs)], seed=0, **more)


@hard(
    "Lotka-Volterra, Murray I, section 3.1: 'good' with the prey 385,000 % wrong",
    "a trained network settles on a spurious steady state",
    truth=lotka_volterra_truth,
    settings=_trained(20, 2, 1500, 400),
)
def lotka_volterra_trained() -> Problem:
    return lotka_volterra_problem()


@hard(
    "Lotka-Volterra by Gauss-Newton, few steps",
    "a least-squares network on a long time",
    truth=lotka_volterra_truth,
    settings=dict(field=MLP(width=15, depth=2), solvers=GaussNewton(steps=150), seed=0),
)
def lotka_volterra_gauss_newton() -> Problem:
    return lotka_volterra_problem()


@hard(
    "Wave in two space dimensions, Evans section 2.4: 'good' at 43 %",
    "a network trained for too few steps",
    exact=dict(u=lambda x, y, t: sin(2 * PI * x) * sin(PI * y) * cos(math.sqrt(5) * PI * t)),
    settings=_trained(20, 2, 400, 100),
)
def wave_2d_trained() -> Problem:
    box = Box(x=(0, 1), y=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.tt - u.laplacian),
        Dirichlet(box.boundary, u=0.0),
        Initial(u=lambda x, y: sin(2 * PI * x) * sin(PI * y), u_t=0.0),
    ]
    return Problem("wave 2d", box, "u", terms)


@hard(
    "Krishnapriyan et al., NeurIPS 2021: convection, beta = 30, by a network",
    "the start is lost after a short time",
    exact=dict(u=lambda x, t: sin(x - 30 * t)),
    settings=_trained(20, 3, 1500, 300),
)
def advection_start_lost() -> Problem:
    ring = Box(x=(0, 2 * PI), t=(0, 1))
    terms = [Equation(lambda u: u.t + 30 * u.x), Periodic("x"), Initial(u=lambda x: sin(x))]
    return Problem("start lost", ring, "u", terms)


@hard(
    "Helmholtz, k = 40, by a network: Wang, Teng & Perdikaris 2021",
    "zero is nearly a solution",
    exact=dict(u=lambda x: sin(40 * x) / math.sin(40)),
    settings=_trained(20, 2, 1000, 300),
)
def helmholtz_zero() -> Problem:
    terms = [Equation(lambda u: u.xx + 1600 * u), Dirichlet(LINE.face(x=0), u=0.0), Dirichlet(LINE.face(x=1), u=1.0)]
    return Problem("helmholtz zero", LINE, "u", terms)


@hard(
    "Helmholtz with a source in two dimensions, solution of four half waves each way",
    "a smooth network beside a solution that oscillates",
    exact=dict(u=lambda x, y: sin(4 * PI * x) * sin(4 * PI * y)),
    settings=_trained(20, 2, 600, 150),
)
def helmholtz_source_trained() -> Problem:
    terms = [
        Equation(lambda u, x, y: u.laplacian + u + (32 * PI**2 - 1) * sin(4 * PI * x) * sin(4 * PI * y)),
        Dirichlet(SQUARE.boundary, u=0.0),
    ]
    return Problem("helmholtz source", SQUARE, "u", terms)


@hard(
    "Burgers' front by a small network; Cole-Hopf integral",
    "front that is not resolved",
    truth=burgers_front_truth,
    settings=_trained(10, 2, 800, 200),
)
def burgers_unresolved() -> Problem:
    return burgers_problem(0.01 / PI)


@hard(
    "Burgers' front by 80 random features of low bandwidth; Cole-Hopf integral",
    "a linear read-out too small for the front",
    truth=burgers_front_truth,
    settings=dict(field=RandomFourier(features=80, bandwidth=5.0), solvers=LeastSquares(), seed=0),
)
def burgers_few_features() -> Problem:
    return burgers_problem(0.01 / PI)


@hard(
    "Poisson's equation by 25 random features",
    "a read-out too small for two half waves each way",
    exact=dict(u=lambda x, y: sin(2 * PI * x) * sin(2 * PI * y)),
    settings=dict(field=RandomFourier(features=25, bandwidth=4.0), solvers=LeastSquares(), seed=0),
)
def poisson_few_features() -> Problem:
    terms = [
        Equation(lambda u, x, y: -u.laplacian - 8 * PI**2 * sin(2 * PI * x) * sin(2 * PI * y)),
        Dirichlet(SQUARE.boundary, u=0.0),
    ]
    return Problem("few features", SQUARE, "u", terms)


@hard(
    "Heat by a network trained enough: a right answer of moderate accuracy",
    "right within a percent, residual far from rounding",
    exact=dict(u=lambda x, t: sin(PI * x) * exp(-t)),
    settings=_trained(16, 2, 800, 600),
)
def heat_trained_well() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("heat trained", ROD, "u", terms)


@hard(
    "Insulated rod by a network; the mean has to be kept",
    "slow drift of a conserved mean",
    exact=dict(u=lambda x, t: 2 + cos(PI * x) * exp(-t)),
    settings=_trained(16, 2, 500, 200),
)
def insulated_trained() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Neumann(ROD.boundary, u=0.0),
        Initial(u=lambda x: 2 + cos(PI * x)),
    ]
    return Problem("insulated trained", ROD, "u", terms)


@hard(
    "Allen-Cahn's steady states attract networks: Wight & Zhao 2021; closed form of the linear part for small u",
    "Adam alone, few steps",
    exact=dict(u=lambda x, t: exp(3 * t) * sin(PI * x) * 1e-3),
    settings=_trained(16, 2, 500, 100),
)
def growth_from_a_small_start() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2 - 4 * u),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: 1e-3 * sin(PI * x)),
    ]
    return Problem("growth", ROD, "u", terms)


@hard(
    "Klein-Gordon by a Siren, few steps",
    "a rough field with small residual at its points",
    exact=dict(u=lambda x, t: sin(PI * x) * cos(math.sqrt(PI**2 + 5) * t)),
    settings=dict(field=Siren(width=32, depth=2), solvers=[Adam(steps=300)], seed=0),
)
def klein_gordon_siren() -> Problem:
    terms = [
        Equation(lambda u: u.tt - u.xx + 5 * u),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x), u_t=0.0),
    ]
    return Problem("klein gordon siren", ROD, "u", terms)


@hard(
    "Pendulum over a long time by a network; scipy DOP853",
    "the trained solution comes to rest",
    truth=trajectory(lambda _, y: [y[1], -np.sin(y[0])], [1.0, 0.0], 30, ["u"]),
    settings=_trained(20, 2, 1500, 400),
)
def pendulum_comes_to_rest() -> Problem:
    terms = [Equation(lambda u: u.tt + sin(u)), Initial(u=1.0, u_t=0.0)]
    return Problem("rest", Box(t=(0, 30)), "u", terms)
