"""Ordinary differential equations with smooth solutions: initial-value and boundary-value problems, well-posed."""

import math

import numpy as np
import torch
from scipy.special import airy

from pinnkit import Box, Condition, Dirichlet, Equation, Initial, Neumann, Problem, Robin

from .case import smooth
from .truths import by_quadrature, trajectory

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp


@smooth("Hairer, Norsett & Wanner, Solving ODEs I, section I.1; closed form", exact=dict(u=lambda t: 3 * exp(-2 * t)))
def decay() -> Problem:
    return Problem("decay", Box(t=(0, 2)), "u", [Equation(lambda u: u.t + 2 * u), Initial(u=3.0)])


@smooth("Murray, Mathematical Biology I, section 1.1", exact=dict(u=lambda t: 1 / (1 + 9 * exp(-t))))
def logistic_growth() -> Problem:
    return Problem("logistic", Box(t=(0, 10)), "u", [Equation(lambda u: u.t - u * (1 - u)), Initial(u=0.1)])


@smooth("Boyce & DiPrima, Elementary Differential Equations, section 3.7", exact=dict(u=lambda t: cos(2 * t) / 2))
def harmonic_oscillator() -> Problem:
    return Problem("spring", Box(t=(0, 6)), "u", [Equation(lambda u: u.tt + 4 * u), Initial(u=0.5, u_t=0.0)])


@smooth(
    "Boyce & DiPrima, Elementary Differential Equations, section 3.8; scipy DOP853",
    truth=trajectory(lambda t, y: [y[1], np.cos(t) - 0.5 * y[1] - 4 * y[0]], [1.0, 0.0], 10, ["u"]),
)
def forced_damped_oscillator() -> Problem:
    terms = [Equation(lambda u, t: u.tt + 0.5 * u.t + 4 * u - cos(t)), Initial(u=1.0, u_t=0.0)]
    return Problem("forced", Box(t=(0, 10)), "u", terms)


@smooth("Strogatz, Nonlinear Dynamics, section 5.1", exact=dict(u=lambda t: cos(t), v=lambda t: -sin(t)))
def rotation() -> Problem:
    terms = [Equation(lambda u, v: (u.t - v, v.t + u)), Initial(u=1.0, v=0.0)]
    return Problem("rotation", Box(t=(0, 8)), ["u", "v"], terms)


@smooth(
    "Kermack & McKendrick, Proc. R. Soc. A 115 (1927) 700; scipy DOP853",
    truth=trajectory(
        lambda _, y: [-1.5 * y[0] * y[1], 1.5 * y[0] * y[1] - 0.5 * y[1], 0.5 * y[1]],
        [0.95, 0.05, 0.0],
        12,
        ["s", "i", "r"],
    ),
)
def epidemic() -> Problem:
    def rates(s, i, r):
        return s.t + 1.5 * s * i, i.t - 1.5 * s * i + 0.5 * i, r.t - 0.5 * i

    return Problem("sir", Box(t=(0, 12)), ["s", "i", "r"], [Equation(rates), Initial(s=0.95, i=0.05, r=0.0)])


@smooth(
    "Strogatz, Nonlinear Dynamics, section 6.7; scipy DOP853",
    truth=trajectory(lambda _, y: [y[1], -np.sin(y[0])], [1.5, 0.0], 10, ["u"]),
)
def swinging_pendulum() -> Problem:
    return Problem("pendulum", Box(t=(0, 10)), "u", [Equation(lambda u: u.tt + sin(u)), Initial(u=1.5, u_t=0.0)])


@smooth("Riccati's equation, Zwillinger, Handbook of Differential Equations", exact=dict(u=lambda t: torch.tanh(t)))
def riccati() -> Problem:
    return Problem("riccati", Box(t=(0, 4)), "u", [Equation(lambda u: u.t - 1 + u**2), Initial(u=0.0)])


@smooth(
    "Consecutive reactions, Levenspiel, Chemical Reaction Engineering, chapter 3",
    exact=dict(
        a=lambda t: exp(-t),
        b=lambda t: exp(-t) - exp(-2 * t),
        c=lambda t: 1 - 2 * exp(-t) + exp(-2 * t),
    ),
)
def consecutive_reactions() -> Problem:
    terms = [Equation(lambda a, b, c: (a.t + a, b.t - a + 2 * b, c.t - 2 * b)), Initial(a=1.0, b=0.0, c=0.0)]
    return Problem("chain", Box(t=(0, 4)), ["a", "b", "c"], terms)


@smooth(
    "Strogatz, Nonlinear Dynamics, section 7.5: van der Pol, mu = 1; scipy DOP853",
    truth=trajectory(lambda _, y: [y[1], (1 - y[0] ** 2) * y[1] - y[0]], [2.0, 0.0], 10, ["u"]),
)
def van_der_pol_mild() -> Problem:
    terms = [Equation(lambda u: u.tt - (1 - u**2) * u.t + u), Initial(u=2.0, u_t=0.0)]
    return Problem("vdp1", Box(t=(0, 10)), "u", terms)


@smooth("Timoshenko, Strength of Materials I: clamped beam", exact=dict(u=lambda x: x**2 * (1 - x) ** 2 / 24))
def clamped_beam() -> Problem:
    beam = Box(x=(0, 1))
    terms = [Equation(lambda u: u.xxxx - 1), Dirichlet(beam.boundary, u=0.0), Neumann(beam.boundary, u=0.0)]
    return Problem("beam", beam, "u", terms)


@smooth("Timoshenko, Strength of Materials I: cantilever", exact=dict(u=lambda x: x**2 * (6 - 4 * x + x**2) / 24))
def cantilever() -> Problem:
    beam = Box(x=(0, 1))
    terms = [
        Equation(lambda u: u.xxxx - 1),
        Dirichlet(beam.face(x=0), u=0.0),
        Neumann(beam.face(x=0), u=0.0),
        Condition(beam.face(x=1), lambda u: (u.xx, u.xxx), name="free end"),
    ]
    return Problem("cantilever", beam, "u", terms)


@smooth("Boyce & DiPrima, section 10.1", exact=dict(u=lambda x: sin(2 * x) / math.sin(2)))
def resonance_free_string() -> Problem:
    line = Box(x=(0, 1))
    terms = [Equation(lambda u: u.xx + 4 * u), Dirichlet(line.face(x=0), u=0.0), Dirichlet(line.face(x=1), u=1.0)]
    return Problem("string", line, "u", terms)


@smooth(
    "Fin with convection at the tip, Incropera et al., section 3.6; closed form",
    exact=dict(u=lambda x: (torch.cosh(2 * (1 - x)) + torch.sinh(2 * (1 - x)) / 2) / (math.cosh(2) + math.sinh(2) / 2)),
)
def cooling_fin() -> Problem:
    fin = Box(x=(0, 1))
    terms = [
        Equation(lambda u: u.xx - 4 * u),
        Dirichlet(fin.face(x=0), u=1.0),
        Robin(fin.face(x=1), u=(1.0, 1.0, 0.0)),
    ]
    return Problem("fin", fin, "u", terms)


@smooth("Manufactured, monotone and so unique: Evans, PDE, section 9.1", exact=dict(u=lambda x: sin(PI * x) + x))
def monotone_cubic() -> Problem:
    line = Box(x=(0, 1))

    def rows(u, x):
        return -u.xx + u**3 - PI**2 * sin(PI * x) - (sin(PI * x) + x) ** 3

    terms = [Equation(rows), Dirichlet(line.face(x=0), u=0.0), Dirichlet(line.face(x=1), u=1.0)]
    return Problem("cubic", line, "u", terms)


@smooth(
    "Variable conductivity 1 + x: Carslaw & Jaeger, section 2.16",
    exact=dict(u=lambda x: torch.log1p(x) / math.log(2)),
)
def graded_rod() -> Problem:
    rod = Box(x=(0, 1))
    terms = [
        Equation(lambda u, x: (1 + x) * u.xx + u.x),
        Dirichlet(rod.face(x=0), u=0.0),
        Dirichlet(rod.face(x=1), u=1.0),
    ]
    return Problem("graded", rod, "u", terms)


@smooth(
    "Airy's equation, NIST DLMF 9.2; scipy.special.airy",
    truth=lambda at: {"u": airy(np.ravel(at["x"]))[0]},
)
def airy_turning_point() -> Problem:
    line = Box(x=(-5, 3))
    terms = [
        Equation(lambda u, x: u.xx - x * u),
        Dirichlet(line.face(x=-5), u=float(airy(-5.0)[0])),
        Dirichlet(line.face(x=3), u=float(airy(3.0)[0])),
    ]
    return Problem("airy", line, "u", terms)


@smooth(
    "Diffusion with k = 1 / (2 + sin 6x): u' proportional to 1 / k; scipy quad",
    truth=lambda at: {
        "u": (lambda f: f({"x": np.ravel(at["x"])})["u"] / f({"x": np.array([1.0])})["u"])(
            by_quadrature(lambda x: 2 + math.sin(6 * x), 0.0, 1.0)
        )
    },
)
def wavy_conductivity() -> Problem:
    rod = Box(x=(0, 1))

    def row(u, x):
        k = 1 / (2 + sin(6 * x))
        return k * u.xx - 6 * cos(6 * x) * k**2 * u.x

    terms = [Equation(row), Dirichlet(rod.face(x=0), u=0.0), Dirichlet(rod.face(x=1), u=1.0)]
    return Problem("wavy", rod, "u", terms)


@smooth("Units far from one: a bar of 100 m held at 1e-4 m; closed form", exact=dict(u=lambda x: 1e-6 * x))
def tiny_values_on_a_long_bar() -> Problem:
    bar = Box(x=(0, 100))
    terms = [Equation(lambda u: u.xx), Dirichlet(bar.face(x=0), u=0.0), Dirichlet(bar.face(x=100), u=1e-4)]
    return Problem("bar", bar, "u", terms)


@smooth(
    "Zero is the solution: uncoupled second unknown without load",
    exact=dict(u=lambda x: sin(PI * x), v=lambda x: 0 * x),
)
def one_component_is_zero() -> Problem:
    line = Box(x=(0, 1))
    terms = [
        Equation(lambda u, v, x: (-u.xx - PI**2 * sin(PI * x), -v.xx + v)),
        Dirichlet(line.boundary, u=0.0, v=0.0),
    ]
    return Problem("zero component", line, ["u", "v"], terms)


@smooth(
    "Oscillator as a system with a force that decays; scipy DOP853",
    truth=trajectory(lambda t, y: [y[1], -9 * y[0] + 5 * np.exp(-t)], [0.0, 1.0], 6, ["q", "p"]),
)
def oscillator_as_a_system() -> Problem:
    terms = [Equation(lambda q, p, t: (q.t - p, p.t + 9 * q - 5 * exp(-t))), Initial(q=0.0, p=1.0)]
    return Problem("system", Box(t=(0, 6)), ["q", "p"], terms)
