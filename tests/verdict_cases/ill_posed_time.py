"""Ill-posed evolution problems: data at the wrong end of time, blow-up, chaos, conditions missing or surplus."""

import math

import torch

from pinnkit import Box, Cube, Dirichlet, Equation, Initial, Neumann, Periodic, Problem

from .case import ill_posed

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
ROD = Box(x=(0, 1), t=(0, 1))
RING = Box(x=(0, 2 * PI), t=(0, 1))


def _heat(*more) -> list:
    return [Equation(lambda u: u.t - u.xx / PI**2), *more]


@ill_posed(
    "Payne, Improperly Posed Problems in PDEs, 1975",
    "heat run backwards in time: u_t = -u_xx",
    exact=dict(u=lambda x, t: sin(PI * x) * exp(t)),
)
def backward_heat() -> Problem:
    terms = [
        Equation(lambda u: u.t + u.xx / PI**2),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("backward heat", ROD, "u", terms)


@ill_posed(
    "Payne 1975", "heat run backwards from a start with several modes, no solution of finite size for rough data"
)
def backward_heat_rough_start() -> Problem:
    terms = [
        Equation(lambda u: u.t + 0.05 * u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: x * (1 - x)),
    ]
    return Problem("backward rough", ROD, "u", terms)


@ill_posed(
    "John, PDE, section 7.1",
    "heat equation with final data in place of initial data",
    exact=dict(u=lambda x, t: sin(PI * x) * exp(1 - t)),
)
def heat_final_data() -> Problem:
    terms = _heat(Dirichlet(ROD.boundary, u=0.0), Dirichlet(ROD.face(t=1), u=lambda x: sin(PI * x)))
    return Problem("final data", ROD, "u", terms)


@ill_posed("John, PDE, section 7.1", "final data with three modes, amplified by exp(8)")
def heat_final_data_three_modes() -> Problem:
    end = Dirichlet(ROD.face(t=1), u=lambda x: sin(PI * x) + 0.1 * sin(2 * PI * x) + 0.01 * sin(3 * PI * x) * x)
    return Problem("final modes", ROD, "u", _heat(Dirichlet(ROD.boundary, u=0.0), end))


@ill_posed("Evans, PDE, section 2.3", "no initial state")
def heat_without_start() -> Problem:
    return Problem("no start", ROD, "u", _heat(Dirichlet(ROD.boundary, u=lambda t: sin(t))))


@ill_posed("Evans, PDE, section 2.3", "heat in four space dimensions without an initial state")
def heat_4d_without_start() -> Problem:
    box = Box(x=Cube(0, 1, dim=4), t=(0, 1))
    terms = [
        Equation(lambda u: u.t - u.laplacian),
        Dirichlet(box.boundary, u=lambda x, t: (x**2).sum(dim=1) + 8 * t),
    ]
    return Problem("heat 4d", box, "u", terms)


@ill_posed("Evans, PDE, section 2.3", "no condition at one end of the rod")
def heat_one_end_free() -> Problem:
    terms = _heat(Dirichlet(ROD.face(x=0), u=0.0), Initial(u=lambda x: sin(PI * x)))
    return Problem("one end", ROD, "u", terms)


@ill_posed("Evans, PDE, section 2.3", "three conditions at two ends: value and flux at the left, value at the right")
def heat_surplus_condition() -> Problem:
    terms = _heat(Dirichlet(ROD.boundary, u=0.0), Neumann(ROD.face(x=0), u=0.0), Initial(u=lambda x: sin(PI * x)))
    return Problem("surplus", ROD, "u", terms)


@ill_posed("Cannon, The One-Dimensional Heat Equation, chapter 2", "value and flux at one end, none at the other")
def heat_sideways() -> Problem:
    terms = _heat(
        Dirichlet(ROD.face(x=0), u=lambda t: sin(3 * t)),
        Neumann(ROD.face(x=0), u=0.0),
        Initial(u=0.0),
    )
    return Problem("sideways", ROD, "u", terms)


@ill_posed("Evans, PDE, section 2.4", "wave equation without the initial rate")
def wave_without_rate() -> Problem:
    terms = [
        Equation(lambda u: u.tt - u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("no rate", ROD, "u", terms)


@ill_posed(
    "Bourgin & Duffin, Bull. AMS 45 (1939) 851: Dirichlet's problem for the wave equation",
    "string with values at both ends of time: every sin(k pi x) sin(k pi t) is free",
)
def wave_dirichlet_in_time() -> Problem:
    terms = [
        Equation(lambda u: u.tt - u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Dirichlet(ROD.face(t=0), u=lambda x: sin(PI * x)),
        Dirichlet(ROD.face(t=1), u=lambda x: -sin(PI * x)),
    ]
    return Problem("dirichlet wave", ROD, "u", terms)


@ill_posed("Bourgin & Duffin 1939", "values at both ends of time that no solution meets")
def wave_dirichlet_contradiction() -> Problem:
    terms = [
        Equation(lambda u: u.tt - u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Dirichlet(ROD.face(t=0), u=lambda x: sin(PI * x)),
        Dirichlet(ROD.face(t=1), u=lambda x: sin(PI * x)),
    ]
    return Problem("contradictory wave", ROD, "u", terms)


@ill_posed("Hadamard, Lectures on Cauchy's Problem, 1923", "u_tt = -u_xx with start and rate: growth exp(k t)")
def elliptic_in_time() -> Problem:
    terms = [
        Equation(lambda u: u.tt + u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: x * (1 - x), u_t=0.0),
    ]
    return Problem("elliptic in time", ROD, "u", terms)


@ill_posed("LeVeque, Finite Volume Methods, section 2.1", "the condition is at the outflow, none at the inflow")
def advection_outflow_condition() -> Problem:
    terms = [
        Equation(lambda u: u.t + u.x),
        Dirichlet(ROD.face(x=1), u=lambda t: sin(3 * (1 - t))),
        Initial(u=lambda x: sin(3 * x)),
    ]
    return Problem("outflow", ROD, "u", terms)


@ill_posed("LeVeque, Finite Volume Methods, section 2.1", "outflow condition that contradicts the start")
def advection_outflow_contradiction() -> Problem:
    terms = [Equation(lambda u: u.t + u.x), Dirichlet(ROD.boundary, u=0.0), Initial(u=lambda x: sin(PI * x))]
    return Problem("walls of advection", ROD, "u", terms)


@ill_posed("LeVeque, Finite Volume Methods, section 2.1", "no inflow condition")
def advection_without_inflow() -> Problem:
    return Problem("no inflow", ROD, "u", [Equation(lambda u: u.t + u.x), Initial(u=lambda x: sin(3 * x))])


@ill_posed("Evans, PDE, section 2.1", "no initial state of a transport problem")
def advection_without_start() -> Problem:
    return Problem("no start", ROD, "u", [Equation(lambda u: u.t + u.x), Dirichlet(ROD.face(x=0), u=lambda t: sin(t))])


@ill_posed("Evans, PDE, section 3.4", "inviscid Burgers: characteristics cross at t = 1 / pi")
def inviscid_burgers_past_the_shock() -> Problem:
    line = Box(x=(-1, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t + u * u.x),
        Dirichlet(line.boundary, u=0.0),
        Initial(u=lambda x: -sin(PI * x)),
    ]
    return Problem("inviscid", line, "u", terms)


@ill_posed("Fujita 1966; closed form of the mean: blow-up before t = 1", "u_t = u_xx + u^2 blows up")
def heat_that_blows_up() -> Problem:
    box = Box(x=(0, 2 * PI), t=(0, 2))
    terms = [Equation(lambda u: u.t - u.xx - u**2), Periodic("x"), Initial(u=lambda x: 1 + 0.5 * cos(x))]
    return Problem("fujita", box, "u", terms)


@ill_posed("Strogatz, section 2.5", "u' = u^2 through its pole at t = 1")
def through_the_pole() -> Problem:
    return Problem("pole", Box(t=(0, 2)), "u", [Equation(lambda u: u.t - u**2), Initial(u=1.0)])


@ill_posed("Riccati's equation: u = tan t has a pole at pi / 2", "u' = 1 + u^2 through its pole")
def tangent_through_the_pole() -> Problem:
    return Problem("tangent", Box(t=(0, 3)), "u", [Equation(lambda u: u.t - 1 - u**2), Initial(u=0.0)])


@ill_posed("Coddington & Levinson, section 1.1", "u' = 3 u^(2/3) from 0: u = 0 and u = t^3, among others")
def not_lipschitz() -> Problem:
    terms = [Equation(lambda u: u.t - 3 * (u**2) ** (1 / 3)), Initial(u=0.0)]
    return Problem("peano", Box(t=(0, 1)), "u", terms)


@ill_posed("Coddington & Levinson, section 1.1", "u'^2 = 4 u from 0: u = 0 and u = t^2 and every u = (t - c)^2 after c")
def clairaut() -> Problem:
    return Problem("clairaut", Box(t=(0, 1)), "u", [Equation(lambda u: u.t**2 - 4 * u), Initial(u=0.0)])


@ill_posed(
    "Lorenz, J. Atmos. Sci. 20 (1963) 130, to t = 50: perturbations grow by exp(45)",
    "chaotic: no double-precision method knows the end",
)
def lorenz_50() -> Problem:
    def rows(x, y, z):
        return x.t - 10 * (y - x), y.t - x * (28 - z) + y, z.t - x * y + 8 / 3 * z

    return Problem("lorenz 50", Box(t=(0, 50)), ["x", "y", "z"], [Equation(rows), Initial(x=1.0, y=1.0, z=1.0)])


@ill_posed("Roessler 1976; growth exp(0.07 t), to t = 800", "chaotic over a long time")
def roessler_long() -> Problem:
    def rows(a, b, c):
        return a.t + b + c, b.t - a - 0.2 * b, c.t - 0.2 - c * (a - 5.7)

    return Problem("roessler", Box(t=(0, 800)), ["a", "b", "c"], [Equation(rows), Initial(a=1.0, b=1.0, c=0.0)])


@ill_posed("Hairer, Norsett & Wanner I, section I.1", "second-order equation with one initial value")
def oscillator_without_rate() -> Problem:
    return Problem("no rate", Box(t=(0, 6)), "u", [Equation(lambda u: u.tt + 4 * u), Initial(u=0.5)])


@ill_posed("Hairer, Norsett & Wanner I, section I.1", "three initial values that contradict each other")
def two_starts() -> Problem:
    terms = [Equation(lambda u: u.t + u), Initial(u=1.0), Initial(u=2.0, name="again")]
    return Problem("two starts", Box(t=(0, 1)), "u", terms)


@ill_posed("Hairer, Norsett & Wanner I, section I.1", "surplus end condition that contradicts the start")
def start_and_end() -> Problem:
    box = Box(t=(0, 1))
    terms = [Equation(lambda u: u.t + u), Initial(u=1.0), Dirichlet(box.face(t=1), u=1.0)]
    return Problem("start and end", box, "u", terms)


@ill_posed("Brenan, Campbell & Petzold, Numerical Solution of DAEs, section 1.2", "two unknowns, one equation")
def one_equation_for_two() -> Problem:
    return Problem("one for two", Box(t=(0, 1)), ["u", "v"], [Equation(lambda u, v: u.t + v), Initial(u=1.0, v=0.0)])


@ill_posed("Kreiss & Lorenz, section 2.2", "system with complex characteristics: u_t = v_x, v_t = -u_x")
def complex_characteristics() -> Problem:
    terms = [
        Equation(lambda u, v: (u.t - v.x, v.t + u.x)),
        Periodic("x"),
        Initial(u=lambda x: exp(cos(x)), v=0.0),
    ]
    return Problem("complex", RING, ["u", "v"], terms)


@ill_posed("Carslaw & Jaeger, section 3.3", "two values on the same wall")
def two_values_on_one_wall() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Dirichlet(ROD.face(x=0), u=1.0),
        Dirichlet(ROD.face(x=0), u=0.0, name="again"),
        Dirichlet(ROD.face(x=1), u=0.0),
        Initial(u=0.5),
    ]
    return Problem("two values", ROD, "u", terms)


@ill_posed("Evans, PDE, section 2.3", "an initial rate beside the state of a first-order equation: contradiction")
def heat_with_a_rate() -> Problem:
    terms = _heat(Dirichlet(ROD.boundary, u=0.0), Initial(u=lambda x: sin(PI * x), u_t=0.0))
    return Problem("rate", ROD, "u", terms)


@ill_posed("Evans, PDE, section 2.3", "periodic, and held at values at the same ends that do not agree")
def periodic_and_walls() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx),
        Periodic("x"),
        Dirichlet(RING.face(x=0), u=0.0),
        Initial(u=lambda x: cos(x)),
    ]
    return Problem("periodic walls", RING, "u", terms)


@ill_posed("Bona, Sun & Zhang 2003", "Korteweg and de Vries on an interval with two conditions of three")
def kdv_two_conditions() -> Problem:
    line = Box(x=(-5, 5), t=(0, 0.5))
    terms = [
        Equation(lambda u: u.t + u.xxx),
        Dirichlet(line.boundary, u=0.0),
        Initial(u=lambda x: exp(-(x**2))),
    ]
    return Problem("kdv", line, "u", terms)


@ill_posed("Cazenave, Semilinear Schroedinger Equations", "start of the real part alone")
def schroedinger_half_a_start() -> Problem:
    terms = [Equation(lambda u, v: (u.t + v.xx, v.t - u.xx)), Periodic("x"), Initial(u=lambda x: cos(x))]
    return Problem("half start", RING, ["u", "v"], terms)


@ill_posed("Taflove & Hagness, chapter 2", "electric and magnetic field both prescribed at both walls")
def maxwell_surplus() -> Problem:
    terms = [
        Equation(lambda e, h: (e.t - h.x, h.t - e.x)),
        Dirichlet(ROD.boundary, e=0.0, h=0.0),
        Initial(e=lambda x: sin(PI * x), h=0.0),
    ]
    return Problem("maxwell", ROD, ["e", "h"], terms)
