"""Evolution problems that are well-posed and hard: fronts, kinks, jumps, incompatible corners, long dispersion."""

import math

import numpy as np
import torch

from pinnkit import Box, Dirichlet, Equation, Initial, Periodic, Problem

from .case import Coordinates, hard
from .truths import Array, burgers, on_a_ring

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
ROD = Box(x=(0, 1), t=(0, 1))


def burgers_problem(nu: float) -> Problem:
    line = Box(x=(-1, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t + u * u.x - nu * u.xx),
        Dirichlet(line.boundary, u=0.0),
        Initial(u=lambda x: -sin(PI * x)),
    ]
    return Problem("burgers", line, "u", terms)


burgers_front_truth = burgers(0.01 / PI, 400)


@hard(
    "Basdevant et al., Comput. Fluids 14 (1986) 23; Raissi et al. 2019; Cole-Hopf integral",
    "front of width 0.01",
    truth=burgers_front_truth,
)
def burgers_front() -> Problem:
    return burgers_problem(0.01 / PI)


@hard(
    "Krishnapriyan et al., NeurIPS 2021: convection, beta = 30",
    "thirty passages of a wave along a ring",
    exact=dict(u=lambda x, t: sin(x - 30 * t)),
)
def convection_30() -> Problem:
    ring = Box(x=(0, 2 * PI), t=(0, 1))
    terms = [Equation(lambda u: u.t + 30 * u.x), Periodic("x"), Initial(u=lambda x: sin(x))]
    return Problem("convection 30", ring, "u", terms)


@hard(
    "Krishnapriyan et al., NeurIPS 2021: reaction, rho = 5",
    "front of a reaction without diffusion",
    exact=dict(u=lambda x, t: (lambda h: h * exp(5 * t) / (h * exp(5 * t) + 1 - h))(exp(-8 * (x - PI) ** 2 / PI**2))),
)
def reaction_5() -> Problem:
    ring = Box(x=(0, 2 * PI), t=(0, 1))
    start = Initial(u=lambda x: exp(-8 * (x - PI) ** 2 / PI**2))
    return Problem("reaction 5", ring, "u", [Equation(lambda u: u.t - 5 * u * (1 - u)), start])


def _cooling(at: Coordinates) -> dict[str, Array]:
    x, t = np.ravel(at["x"]), np.ravel(at["t"])
    odd = np.arange(1, 4001, 2)[:, None]
    terms = 4 / (PI * odd) * np.sin(PI * odd * x) * np.exp(-np.minimum(700, odd**2 * t))
    return {"u": terms.sum(axis=0)}


@hard(
    "Carslaw & Jaeger, section 3.3: a hot rod with cold ends; Fourier series",
    "start and walls contradict each other in the corners",
    truth=_cooling,
)
def hot_rod_cold_ends() -> Problem:
    terms = [Equation(lambda u: u.t - u.xx / PI**2), Dirichlet(ROD.boundary, u=0.0), Initial(u=1.0)]
    return Problem("hot rod", ROD, "u", terms)


def _plucked(at: Coordinates) -> dict[str, Array]:
    x, t = np.ravel(at["x"]), np.ravel(at["t"])

    def hat(z: Array) -> Array:
        z = (z + 1) % 2 - 1
        return np.sign(z) * np.minimum(np.abs(z), 1 - np.abs(z))

    return {"u": (hat(x - t) + hat(x + t)) / 2}


@hard(
    "Plucked string: d'Alembert, Evans, PDE, section 2.4",
    "kink that travels and never smooths out",
    truth=_plucked,
)
def plucked_string() -> Problem:
    terms = [
        Equation(lambda u: u.tt - u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: 0.5 - (x - 0.5).abs(), u_t=0.0),
    ]
    return Problem("plucked", ROD, "u", terms)


@hard(
    "LeVeque, Finite Volume Methods, section 6.1: transport of a step",
    "step that is carried along",
    exact=dict(u=lambda x, t: torch.where(x - 0.5 * t < 0.25, 1.0, 0.0)),
)
def transported_step() -> Problem:
    terms = [
        Equation(lambda u: u.t + 0.5 * u.x),
        Dirichlet(ROD.face(x=0), u=1.0),
        Initial(u=lambda x: torch.where(x < 0.25, 1.0, 0.0)),
    ]
    return Problem("step", ROD, "u", terms)


@hard(
    "Allen-Cahn, Raissi et al. 2019, section 4.2, to t = 0.5; Fourier and DOP853",
    "interfaces of width 0.01",
    truth=on_a_ring(
        lambda d, u: [1e-4 * d(u, 2) + 5 * u - 5 * u**3],
        [lambda x: x**2 * np.cos(PI * x)],
        (-1, 1),
        0.5,
        ["u"],
        modes=512,
        method="DOP853",
    ),
)
def allen_cahn_interfaces() -> Problem:
    ring = Box(x=(-1, 1), t=(0, 0.5))
    terms = [
        Equation(lambda u: u.t - 1e-4 * u.xx - 5 * u + 5 * u**3),
        Periodic("x"),
        Initial(u=lambda x: x**2 * cos(PI * x)),
    ]
    return Problem("allen cahn", ring, "u", terms)


def _denominator(x, t):
    return (3 * torch.cosh(x - 28 * t) + torch.cosh(3 * x - 36 * t)) ** 2


@hard(
    "Drazin & Johnson, Solitons, section 4.5: u_t + 6 u u_x + u_xxx = 0 from 6 sech^2 x",
    "two solitons that part",
    exact=dict(
        u=lambda x, t: 12 * (3 + 4 * torch.cosh(2 * x - 8 * t) + torch.cosh(4 * x - 64 * t)) / _denominator(x, t)
    ),
)
def kdv_two_solitons() -> Problem:
    line = Box(x=(-6, 10), t=(0, 0.3))
    terms = [
        Equation(lambda u: u.t + 6 * u * u.x + u.xxx),
        Periodic("x"),
        Initial(u=lambda x: 6 / torch.cosh(x) ** 2),
    ]
    return Problem("two solitons", line, "u", terms)


def _kuramoto_start(x):
    return np.cos(x / 8) * (1 + np.sin(x / 8))


@hard(
    "Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214, to t = 20; Fourier and BDF",
    "instability that fills the ring with waves",
    truth=on_a_ring(
        lambda d, u: [-d(u, 4) - d(u, 2) - d(u**2, 1) / 2],
        [_kuramoto_start],
        (0, 16 * PI),
        20,
        ["u"],
        modes=256,
        rtol=1e-8,
    ),
)
def kuramoto_sivashinsky() -> Problem:
    ring = Box(x=(0, 16 * PI), t=(0, 20))
    terms = [
        Equation(lambda u: u.t + u * u.x + u.xx + u.xxxx),
        Periodic("x"),
        Initial(u=lambda x: cos(x / 8) * (1 + sin(x / 8))),
    ]
    return Problem("ks", ring, "u", terms)


@hard(
    "Gray & Scott, Pearson, Science 261 (1993) 189, one dimension; Fourier and DOP853",
    "pulse that splits",
    truth=on_a_ring(
        lambda d, u, v: [
            1e-4 * d(u, 2) - u * v**2 + 0.04 * (1 - u),
            1e-5 * d(v, 2) * 5 + u * v**2 - 0.1 * v,
        ],
        [
            lambda x: 1 - 0.5 * np.sin(PI * x) ** 100,
            lambda x: 0.25 * np.sin(PI * x) ** 100,
        ],
        (0, 1),
        60,
        ["u", "v"],
        modes=256,
        method="DOP853",
    ),
)
def gray_scott() -> Problem:
    ring = Box(x=(0, 1), t=(0, 60))

    def rows(u, v):
        return u.t - 1e-4 * u.xx + u * v**2 - 0.04 * (1 - u), v.t - 5e-5 * v.xx - u * v**2 + 0.1 * v

    terms = [
        Equation(rows),
        Periodic("x"),
        Initial(u=lambda x: 1 - 0.5 * sin(PI * x) ** 100, v=lambda x: 0.25 * sin(PI * x) ** 100),
    ]
    return Problem("gray scott", ring, ["u", "v"], terms)


def _call(s, t):
    """Value of a call by the formula of Black and Scholes: strike 1, rate 0.05, volatility 0.3; t is time to expiry."""
    rate, volatility = 0.05, 0.3
    spread = volatility * torch.sqrt(t.clamp(min=1e-14))
    d1 = (torch.log(s) + (rate + volatility**2 / 2) * t) / spread

    def normal(z):
        return (1 + torch.erf(z / math.sqrt(2))) / 2

    return torch.where(t > 0, s * normal(d1) - exp(-rate * t) * normal(d1 - spread), torch.relu(s - 1))


@hard(
    "Black & Scholes, J. Polit. Econ. 81 (1973) 637",
    "kink of the payoff at the strike; the largest error is local",
    exact=dict(u=_call),
)
def black_scholes_call() -> Problem:
    box = Box(s=(0.2, 3), t=(0, 1))
    terms = [
        Equation(lambda u, s: u.t - 0.045 * s**2 * u.d("s", "s") - 0.05 * s * u.d("s") + 0.05 * u),
        Dirichlet(box.boundary, u=_call),
        Initial(u=lambda s: torch.relu(s - 1)),
    ]
    return Problem("call", box, "u", terms)


@hard(
    "Barenblatt 1952: porous medium u_t = (u^2)_xx with a free boundary, from t = 1",
    "free boundary where the diffusion vanishes",
    exact=dict(
        u=lambda x, t: (1 + t) ** (-1 / 3) * torch.relu(1 - x**2 / (12 * (1 + t) ** (2 / 3))),
    ),
)
def porous_medium() -> Problem:
    line = Box(x=(-6, 6), t=(0, 2))
    terms = [
        Equation(lambda u: u.t - 2 * u * u.xx - 2 * u.x**2),
        Dirichlet(line.boundary, u=0.0),
        Initial(u=lambda x: torch.relu(1 - x**2 / 12)),
    ]
    return Problem("porous", line, "u", terms)


@hard(
    "Zeldovich & Frank-Kamenetskii: wave of u_t = u_xx + 200 u (1 - u), Ablowitz & Zeppetella 1979 scaled",
    "reaction front of width 0.1 that moves",
    exact=dict(u=lambda x, t: (1 + exp(math.sqrt(200 / 6) * (x - 5 * math.sqrt(200 / 6) * t))) ** -2),
)
def steep_reaction_front() -> Problem:
    line = Box(x=(-0.5, 2), t=(0, 0.04))

    def wave(x, t):
        return (1 + exp(math.sqrt(200 / 6) * (x - 5 * math.sqrt(200 / 6) * t))) ** -2

    terms = [
        Equation(lambda u: u.t - u.xx - 200 * u * (1 - u)),
        Dirichlet(line.boundary, u=wave),
        Initial(u=lambda x: (1 + exp(math.sqrt(200 / 6) * x)) ** -2),
    ]
    return Problem("steep front", line, "u", terms)


@hard(
    "Bright solitons of two orders: Zakharov & Shabat 1972, 2 sech x; Fourier and DOP853 on [-8, 8]",
    "breathing pulse with steep flanks",
    truth=on_a_ring(
        lambda d, u, v: [-d(v, 2) / 2 - (u**2 + v**2) * v, d(u, 2) / 2 + (u**2 + v**2) * u],
        [lambda x: 2 / np.cosh(x), lambda x: 0 * x],
        (-8, 8),
        1.5,
        ["u", "v"],
        modes=256,
        method="DOP853",
    ),
)
def schroedinger_breather() -> Problem:
    fibre = Box(x=(-8, 8), t=(0, 1.5))

    def rows(u, v):
        q = u**2 + v**2
        return u.t + 0.5 * v.xx + q * v, v.t - 0.5 * u.xx - q * u

    terms = [Equation(rows), Periodic("x"), Initial(u=lambda x: 2 / torch.cosh(x), v=0.0)]
    return Problem("breather", fibre, ["u", "v"], terms)
