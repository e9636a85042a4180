"""Initial-value problems that are well-posed and hard: stiff, long, close to a pole, or chaotic for a short time."""

import math

import torch

from pinnkit import Box, Equation, Initial, Problem

from .case import hard
from .truths import trajectory


@hard(
    "Hairer & Wanner, Solving ODEs II, section IV.1: van der Pol, mu = 1000; Radau",
    "relaxation oscillation, stiff",
    truth=trajectory(
        lambda _, y: [y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]], [2.0, 0.0], 2000, ["u"], "Radau", 1e-10, 1e-12
    ),
)
def van_der_pol_1000() -> Problem:
    terms = [Equation(lambda u: u.tt - 1000 * (1 - u**2) * u.t + u), Initial(u=2.0, u_t=0.0)]
    return Problem("vdp1000", Box(t=(0, 2000)), "u", terms)


@hard(
    "Hairer & Wanner, Solving ODEs II, section IV.1: van der Pol, mu = 20; Radau",
    "relaxation oscillation over one period",
    truth=trajectory(
        lambda _, y: [y[1], 20 * (1 - y[0] ** 2) * y[1] - y[0]], [2.0, 0.0], 40, ["u"], "Radau", 1e-10, 1e-12
    ),
)
def van_der_pol_20() -> Problem:
    terms = [Equation(lambda u: u.tt - 20 * (1 - u**2) * u.t + u), Initial(u=2.0, u_t=0.0)]
    return Problem("vdp20", Box(t=(0, 40)), "u", terms)


@hard(
    "Robertson 1966; Hairer & Wanner, Solving ODEs II, section IV.1; Radau",
    "rates from 0.04 to 3e7",
    truth=trajectory(
        lambda _, y: [
            -0.04 * y[0] + 1e4 * y[1] * y[2],
            0.04 * y[0] - 1e4 * y[1] * y[2] - 3e7 * y[1] ** 2,
            3e7 * y[1] ** 2,
        ],
        [1.0, 0.0, 0.0],
        40,
        ["a", "b", "c"],
        "Radau",
        1e-10,
        1e-14,
    ),
)
def robertson() -> Problem:
    def rows(a, b, c):
        return a.t + 0.04 * a - 1e4 * b * c, b.t - 0.04 * a + 1e4 * b * c + 3e7 * b**2, c.t - 3e7 * b**2

    return Problem("robertson", Box(t=(0, 40)), ["a", "b", "c"], [Equation(rows), Initial(a=1.0, b=0.0, c=0.0)])


@hard(
    "Prothero & Robinson, Math. Comp. 28 (1974) 145, lambda = 1e5",
    "stiff, smooth solution",
    exact=dict(u=lambda t: torch.cos(t)),
)
def prothero_robinson() -> Problem:
    terms = [Equation(lambda u, t: u.t + 1e5 * (u - torch.cos(t)) + torch.sin(t)), Initial(u=1.0)]
    return Problem("prothero", Box(t=(0, 10)), "u", terms)


@hard(
    "Prothero & Robinson 1974 with a start off the slow solution",
    "initial layer of width 0.001",
    exact=dict(u=lambda t: torch.cos(t) + torch.exp(-1000 * t)),
)
def initial_layer() -> Problem:
    terms = [Equation(lambda u, t: u.t + 1000 * (u - torch.cos(t)) + torch.sin(t)), Initial(u=2.0)]
    return Problem("initial layer", Box(t=(0, 3)), "u", terms)


@hard(
    "Lorenz, J. Atmos. Sci. 20 (1963) 130, to t = 4; DOP853",
    "perturbations grow as exp(0.9 t)",
    truth=trajectory(
        lambda _, y: [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]],
        [1.0, 1.0, 1.0],
        4,
        ["x", "y", "z"],
    ),
)
def lorenz_short() -> Problem:
    def rows(x, y, z):
        return x.t - 10 * (y - x), y.t - x * (28 - z) + y, z.t - x * y + 8 / 3 * z

    return Problem("lorenz 4", Box(t=(0, 4)), ["x", "y", "z"], [Equation(rows), Initial(x=1.0, y=1.0, z=1.0)])


def _lotka_volterra_rates(_, y):
    return [y[0] * (2 - 1.2 * y[1]), y[1] * (-1 + 0.9 * y[0])]


_LOTKA = trajectory(_lotka_volterra_rates, [1.0, 2.0], 20, ["r", "p"])


def lotka_volterra_problem() -> Problem:
    def rows(r, p):
        return r.t - r * (2 - 1.2 * p), p.t - p * (-1 + 0.9 * r)

    return Problem("lotka volterra", Box(t=(0, 20)), ["r", "p"], [Equation(rows), Initial(r=1.0, p=2.0)])


lotka_volterra_truth = _LOTKA


@hard(
    "Lotka-Volterra, Murray, Mathematical Biology I, section 3.1; DOP853",
    "several periods; a steady state nearby is a solution of the equations",
    truth=_LOTKA,
)
def lotka_volterra_long() -> Problem:
    return lotka_volterra_problem()


@hard(
    "Kepler's problem, eccentricity 0.6, one period: Hairer, Lubich & Wanner, section I.2; DOP853",
    "close passage at both ends of time",
    truth=trajectory(
        lambda _, y: [
            y[2],
            y[3],
            -y[0] / (y[0] ** 2 + y[1] ** 2) ** 1.5,
            -y[1] / (y[0] ** 2 + y[1] ** 2) ** 1.5,
        ],
        [0.4, 0.0, 0.0, 2.0],
        6.283185307179586,
        ["q", "r"],
    ),
)
def kepler() -> Problem:
    def rows(q, r):
        cube = (q**2 + r**2) ** 1.5
        return q.tt + q / cube, r.tt + r / cube

    start = Initial(q=0.4, r=0.0, q_t=0.0, r_t=2.0)
    return Problem("kepler", Box(t=(0, 2 * math.pi)), ["q", "r"], [Equation(rows), start])


@hard(
    "Duffing's oscillator, undamped and unforced, to t = 40; DOP853",
    "ten periods of a nonlinear oscillation",
    truth=trajectory(lambda _, y: [y[1], y[0] - y[0] ** 3], [1.2, 0.0], 40, ["u"]),
)
def duffing_long() -> Problem:
    return Problem("duffing", Box(t=(0, 40)), "u", [Equation(lambda u: u.tt - u + u**3), Initial(u=1.2, u_t=0.0)])


@hard(
    "u' = u^2 to t = 0.9, a tenth before its pole: u = 1 / (1 - t)",
    "solution that grows tenfold, faster and faster",
    exact=dict(u=lambda t: 1 / (1 - t)),
)
def before_the_pole() -> Problem:
    return Problem("to the pole", Box(t=(0, 0.9)), "u", [Equation(lambda u: u.t - u**2), Initial(u=1.0)])


@hard(
    "Brusselator, Hairer, Norsett & Wanner, Solving ODEs I, section I.16; DOP853",
    "limit cycle with steep parts",
    truth=trajectory(
        lambda _, y: [1 + y[0] ** 2 * y[1] - 4 * y[0], 3 * y[0] - y[0] ** 2 * y[1]], [1.5, 3.0], 20, ["a", "b"]
    ),
)
def brusselator() -> Problem:
    def rows(a, b):
        return a.t - 1 - a**2 * b + 4 * a, b.t - 3 * a + a**2 * b

    return Problem("brusselator", Box(t=(0, 20)), ["a", "b"], [Equation(rows), Initial(a=1.5, b=3.0)])


@hard(
    "Ignition of a flame, u' = u^2 - u^3: Shampine, Gladwell & Thompson, Solving ODEs with MATLAB; Radau",
    "quick jump after a long wait",
    truth=trajectory(lambda _, y: [y[0] ** 2 - y[0] ** 3], [0.01], 200, ["u"], "Radau"),
)
def flame() -> Problem:
    return Problem("flame", Box(t=(0, 200)), "u", [Equation(lambda u: u.t - u**2 + u**3), Initial(u=0.01)])


@hard(
    "Unstable direction: u'' = 100 u from u = 1, u' = -10, decays as exp(-10 t)",
    "rounding grows as exp(10 t) beside a solution that decays",
    exact=dict(u=lambda t: torch.exp(-10 * t)),
)
def unstable_direction() -> Problem:
    return Problem("unstable", Box(t=(0, 2)), "u", [Equation(lambda u: u.tt - 100 * u), Initial(u=1.0, u_t=-10.0)])


@hard(
    "Strogatz, section 2.5: 93 % off",
    "u' = u^2 to t = 0.999, just before its pole: u(0.999) = 1000",
    exact=dict(u=lambda t: 1 / (1 - t)),
)
def just_before_the_pole() -> Problem:
    return Problem("pole", Box(t=(0, 0.999)), "u", [Equation(lambda u: u.t - u**2), Initial(u=1.0)])


@hard(
    "Torricelli's law, u' = -sqrt(u), empty at t = 2: Driver, Math. Mag. 71 (1998)",
    "square root of a number that falls to zero: NaN beyond the end in a field that undershoots",
    exact=dict(u=lambda t: torch.relu(1 - t / 2) ** 2),
)
def torricelli() -> Problem:
    return Problem("torricelli", Box(t=(0, 4)), "u", [Equation(lambda u: u.t + torch.sqrt(u)), Initial(u=1.0)])
