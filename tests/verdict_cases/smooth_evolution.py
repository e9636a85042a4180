"""Evolution problems with smooth solutions: parabolic, hyperbolic and dispersive equations, well-posed."""

import math

import numpy as np
import torch
from scipy.special import j0

from pinnkit import (
    Ball,
    Box,
    Condition,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Parameters,
    Periodic,
    Problem,
    Region,
    Robin,
    Time,
)

from .case import smooth
from .truths import burgers, on_a_ring

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
ROD = Box(x=(0, 1), t=(0, 1))
RING = Box(x=(0, 2 * PI), t=(0, 1))


@smooth("Evans, PDE, section 2.3", exact=dict(u=lambda x, t: sin(PI * x) * exp(-t)))
def heat_rod() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("heat", ROD, "u", terms)


@smooth("Insulated rod: Carslaw & Jaeger, section 3.3", exact=dict(u=lambda x, t: 2 + cos(PI * x) * exp(-t)))
def heat_insulated() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Neumann(ROD.boundary, u=0.0),
        Initial(u=lambda x: 2 + cos(PI * x)),
    ]
    return Problem("insulated", ROD, "u", terms)


_ROOT = 0.8603335890193797  # first root of z tan z = 1


@smooth(
    "Rod that cools at one end: Carslaw & Jaeger, section 3.9; root of z tan z = 1",
    exact=dict(u=lambda x, t: cos(_ROOT * x) * exp(-(_ROOT**2) * t)),
)
def heat_cooling_end() -> Problem:
    terms = [
        Equation(lambda u: u.t - u.xx),
        Neumann(ROD.face(x=0), u=0.0),
        Robin(ROD.face(x=1), u=(1.0, 1.0, 0.0)),
        Initial(u=lambda x: cos(_ROOT * x)),
    ]
    return Problem("cooling", ROD, "u", terms)


@smooth("Heat on a ring: Evans, PDE, section 2.3", exact=dict(u=lambda x, t: 1 + sin(x) * exp(-t)))
def heat_ring() -> Problem:
    terms = [Equation(lambda u: u.t - u.xx), Periodic("x"), Initial(u=lambda x: 1 + sin(x))]
    return Problem("ring", RING, "u", terms)


@smooth(
    "Heat in a square: Carslaw & Jaeger, section 5.6",
    exact=dict(u=lambda x, y, t: sin(PI * x) * sin(PI * y) * exp(-2 * t)),
)
def heat_square() -> Problem:
    box = Box(x=(0, 1), y=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t - u.laplacian / PI**2),
        Dirichlet(box.boundary, u=0.0),
        Initial(u=lambda x, y: sin(PI * x) * sin(PI * y)),
    ]
    return Problem("heat square", box, "u", terms)


_J0 = 2.404825557695773  # first zero of J0


@smooth(
    "Cooling of a cylinder: Carslaw & Jaeger, section 7.6; Bessel function by scipy",
    truth=lambda at: {
        "u": j0(_J0 * np.hypot(np.ravel(at["x"]), np.ravel(at["y"]))) * np.exp(-(_J0**2) * np.ravel(at["t"]) / 5)
    },
)
def heat_disk() -> Problem:
    domain = Ball(x=0, y=0) * Time(0, 1)
    terms = [
        Equation(lambda u: u.t - u.laplacian / 5),
        Dirichlet(domain.boundary, u=0.0),
        Initial(u=lambda x, y: torch.special.bessel_j0(_J0 * torch.sqrt(x**2 + y**2))),
    ]
    return Problem("heat disk", domain, "u", terms)


@smooth("Vibrating string: Evans, PDE, section 2.4", exact=dict(u=lambda x, t: sin(PI * x) * cos(2 * PI * t)))
def wave_string() -> Problem:
    terms = [
        Equation(lambda u: u.tt - 4 * u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x), u_t=0.0),
    ]
    return Problem("string", ROD, "u", terms)


@smooth("Travelling wave on a ring: d'Alembert, Evans, section 2.4", exact=dict(u=lambda x, t: exp(sin(x - t))))
def wave_ring() -> Problem:
    terms = [
        Equation(lambda u: u.tt - u.xx),
        Periodic("x"),
        Initial(u=lambda x: exp(sin(x)), u_t=lambda x: -cos(x) * exp(sin(x))),
    ]
    return Problem("wave ring", RING, "u", terms)


@smooth("Transport with inflow: Evans, PDE, section 2.1", exact=dict(u=lambda x, t: sin(3 * (x - t))))
def advection_inflow() -> Problem:
    terms = [
        Equation(lambda u: u.t + u.x),
        Dirichlet(ROD.face(x=0), u=lambda t: sin(-3 * t)),
        Initial(u=lambda x: sin(3 * x)),
    ]
    return Problem("inflow", ROD, "u", terms)


@smooth("Transport on a ring: Evans, PDE, section 2.1", exact=dict(u=lambda x, t: exp(cos(x - 2 * t))))
def advection_ring() -> Problem:
    terms = [Equation(lambda u: u.t + 2 * u.x), Periodic("x"), Initial(u=lambda x: exp(cos(x)))]
    return Problem("advection ring", RING, "u", terms)


@smooth(
    "Spreading pulse in a stream: Hundsdorfer & Verwer, section I.1; closed form on the walls",
    exact=dict(
        u=lambda x, t: exp(-((x - 0.3 - 0.5 * t) ** 2) / (0.04 + 0.08 * t)) / torch.sqrt(1 + 2 * t),
    ),
)
def advection_diffusion_pulse() -> Problem:
    def pulse(x, t):
        return exp(-((x - 0.3 - 0.5 * t) ** 2) / (0.04 + 0.08 * t)) / torch.sqrt(1 + 2 * t)

    terms = [
        Equation(lambda u: u.t + 0.5 * u.x - 0.02 * u.xx),
        Dirichlet(ROD.boundary, u=pulse),
        Initial(u=lambda x: exp(-((x - 0.3) ** 2) / 0.04)),
    ]
    return Problem("pulse", ROD, "u", terms)


@smooth("Basdevant et al., Comput. Fluids 14 (1986) 23; Cole-Hopf integral", truth=burgers(0.1))
def burgers_viscous() -> Problem:
    line = Box(x=(-1, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t + u * u.x - 0.1 * u.xx),
        Dirichlet(line.boundary, u=0.0),
        Initial(u=lambda x: -sin(PI * x)),
    ]
    return Problem("burgers", line, "u", terms)


@smooth(
    "Schroedinger's equation, free particle on a ring",
    exact=dict(u=lambda x, t: cos(2 * x - 4 * t) + cos(x - t), v=lambda x, t: sin(2 * x - 4 * t) + sin(x - t)),
)
def schroedinger_ring() -> Problem:
    terms = [
        Equation(lambda u, v: (u.t + v.xx, v.t - u.xx)),
        Periodic("x"),
        Initial(u=lambda x: cos(2 * x) + cos(x), v=lambda x: sin(2 * x) + sin(x)),
    ]
    return Problem("free particle", RING, ["u", "v"], terms)


@smooth(
    "Klein-Gordon: Whitham, Linear and Nonlinear Waves, chapter 11",
    exact=dict(u=lambda x, t: sin(PI * x) * cos(math.sqrt(PI**2 + 5) * t)),
)
def klein_gordon_linear() -> Problem:
    terms = [
        Equation(lambda u: u.tt - u.xx + 5 * u),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x), u_t=0.0),
    ]
    return Problem("klein gordon", ROD, "u", terms)


@smooth(
    "Soliton of Korteweg and de Vries: Drazin & Johnson, Solitons, section 1.2",
    exact=dict(u=lambda x, t: 2 / torch.cosh(x - 4 * t + 2) ** 2),
)
def kdv_soliton() -> Problem:
    line = Box(x=(-12, 12), t=(0, 1))
    terms = [
        Equation(lambda u: u.t + 6 * u * u.x + u.xxx),
        Periodic("x"),
        Initial(u=lambda x: 2 / torch.cosh(x + 2) ** 2),
    ]
    return Problem("kdv", line, "u", terms)


@smooth(
    "Ablowitz & Zeppetella, Bull. Math. Biol. 41 (1979) 835: wave of Fisher's equation",
    exact=dict(u=lambda x, t: (1 + exp((x - 5 / math.sqrt(6) * t) / math.sqrt(6))) ** -2),
)
def fisher_wave() -> Problem:
    line = Box(x=(-5, 5), t=(0, 2))

    def wave(x, t):
        return (1 + exp((x - 5 / math.sqrt(6) * t) / math.sqrt(6))) ** -2

    terms = [
        Equation(lambda u: u.t - u.xx - u * (1 - u)),
        Dirichlet(line.boundary, u=wave),
        Initial(u=lambda x: (1 + exp(x / math.sqrt(6))) ** -2),
    ]
    return Problem("fisher", line, "u", terms)


@smooth(
    "Maxwell's equations in one dimension: Taflove & Hagness, chapter 2",
    exact=dict(e=lambda x, t: sin(PI * x) * cos(PI * t), h=lambda x, t: cos(PI * x) * sin(PI * t)),
)
def maxwell_cavity() -> Problem:
    terms = [
        Equation(lambda e, h: (e.t - h.x, h.t - e.x)),
        Dirichlet(ROD.boundary, e=0.0),
        Initial(e=lambda x: sin(PI * x), h=0.0),
    ]
    return Problem("maxwell", ROD, ["e", "h"], terms)


@smooth(
    "Breather of the sine-Gordon equation: Drazin & Johnson, Solitons, section 8.2",
    exact=dict(u=lambda x, t: 4 * torch.atan(sin(t * math.sqrt(0.75)) / (math.sqrt(0.75) / 0.5 * torch.cosh(x / 2)))),
)
def sine_gordon_breather() -> Problem:
    line = Box(x=(-6, 6), t=(0, 3))

    def breather(x, t):
        return 4 * torch.atan(sin(t * math.sqrt(0.75)) / (math.sqrt(0.75) / 0.5 * torch.cosh(x / 2)))

    terms = [
        Equation(lambda u: u.tt - u.xx + sin(u)),
        Dirichlet(line.boundary, u=breather),
        Initial(u=0.0, u_t=lambda x: 2 / torch.cosh(x / 2)),
    ]
    return Problem("breather", line, "u", terms)


@smooth("Surface diffusion: Mullins, J. Appl. Phys. 28 (1957) 333", exact=dict(u=lambda x, t: cos(x) * exp(-t)))
def fourth_order_diffusion() -> Problem:
    terms = [Equation(lambda u: u.t + u.xxxx), Periodic("x"), Initial(u=lambda x: cos(x))]
    return Problem("surface diffusion", RING, "u", terms)


@smooth(
    "Vibrating beam, both ends pinned: Timoshenko, Vibration Problems, section 53",
    exact=dict(u=lambda x, t: sin(PI * x) * cos(PI**2 * t / 4)),
)
def vibrating_beam() -> Problem:
    terms = [
        Equation(lambda u: u.tt + u.xxxx / 16),
        Condition(ROD.boundary, lambda u: (u, u.xx), name="pinned"),
        Initial(u=lambda x: sin(PI * x), u_t=0.0),
    ]
    return Problem("vibrating beam", ROD, "u", terms)


@smooth(
    "Heat over the conductivity: a family",
    exact=dict(u=lambda x, t, k: sin(PI * x) * exp(-k * t)),
)
def heat_over_a_parameter() -> Problem:
    family = ROD * Parameters(k=(0.5, 2.0))
    terms = [
        Equation(lambda u, k: u.t - k * u.xx / PI**2),
        Dirichlet(family.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("heat family", family, "u", terms)


@smooth(
    "Turing system below onset, linear: Murray, Mathematical Biology II, section 2.3",
    exact=dict(u=lambda x, t: cos(PI * x) * exp(-2 * t), v=lambda x, t: cos(PI * x) * exp(-2 * t) * (1 + t)),
)
def reaction_diffusion_system() -> Problem:
    def rows(u, v):
        return u.t - u.xx / PI**2 + u, v.t - v.xx / PI**2 + v - u

    terms = [
        Equation(rows),
        Neumann(ROD.boundary, u=0.0, v=0.0),
        Initial(u=lambda x: cos(PI * x), v=lambda x: cos(PI * x)),
    ]
    return Problem("two species", ROD, ["u", "v"], terms)


@smooth(
    "Allen-Cahn, wide interface; Fourier and BDF by numpy and scipy",
    truth=on_a_ring(
        lambda d, u: [0.05 * d(u, 2) + u - u**3], [lambda x: 0.5 * np.sin(x)], (0, 2 * PI), 3, ["u"], modes=64
    ),
)
def allen_cahn_wide() -> Problem:
    ring = Box(x=(0, 2 * PI), t=(0, 3))
    terms = [Equation(lambda u: u.t - 0.05 * u.xx - u + u**3), Periodic("x"), Initial(u=lambda x: 0.5 * sin(x))]
    return Problem("allen cahn", ring, "u", terms)


@smooth(
    "Wave in a square membrane: Evans, PDE, section 2.4",
    exact=dict(u=lambda x, y, t: sin(PI * x) * sin(PI * y) * cos(math.sqrt(2) * PI * t)),
)
def wave_membrane() -> Problem:
    box = Box(x=(0, 1), y=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.tt - u.laplacian),
        Dirichlet(box.boundary, u=0.0),
        Initial(u=lambda x, y: sin(PI * x) * sin(PI * y), u_t=0.0),
    ]
    return Problem("membrane", box, "u", terms)


@smooth(
    "Telegraph equation: Courant & Hilbert II, section III.4",
    exact=dict(u=lambda x, t: exp(-t) * sin(PI * x) * cos(math.sqrt(PI**2 - 1) * t)),
)
def telegraph() -> Problem:
    terms = [
        Equation(lambda u: u.tt + 2 * u.t - u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x), u_t=lambda x: -sin(PI * x)),
    ]
    return Problem("telegraph", ROD, "u", terms)


@smooth(
    "Heat in a cube, four coordinates: Carslaw & Jaeger, section 6.2",
    exact=dict(u=lambda x, y, z, t: sin(PI * x) * sin(PI * y) * sin(PI * z) * exp(-3 * t / 4)),
)
def heat_cube() -> Problem:
    box = Box(x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t - u.laplacian / (4 * PI**2)),
        Dirichlet(box.boundary, u=0.0),
        Initial(u=lambda x, y, z: sin(PI * x) * sin(PI * y) * sin(PI * z)),
    ]
    return Problem("heat cube", box, "u", terms)


@smooth(
    "Heat in an elliptic bar, manufactured",
    exact=dict(u=lambda x, y, t: exp(-t) * (1 - x**2 / 4 - y**2)),
)
def heat_ellipse() -> Problem:
    ellipse = Region(lambda p: p[:, 0] ** 2 / 4 + p[:, 1] ** 2 - 1, Box(x=(-2.2, 2.2), y=(-1.2, 1.2))) * Time(0, 1)
    terms = [
        Equation(lambda u, x, y, t: u.t - u.laplacian + exp(-t) * (1 - x**2 / 4 - y**2) - 2.5 * exp(-t)),
        Dirichlet(ellipse.boundary, u=0.0),
        Initial(u=lambda x, y: 1 - x**2 / 4 - y**2),
    ]
    return Problem("heat ellipse", ellipse, "u", terms)


@smooth(
    "Rotating pulse in a disk: LeVeque, Finite Volume Methods, section 20.8; the stream follows the wall",
    exact=dict(u=lambda x, y, t: exp(-5 * ((x * cos(t) + y * sin(t) - 0.4) ** 2 + (y * cos(t) - x * sin(t)) ** 2))),
)
def rotating_pulse() -> Problem:
    disk = Ball(x=0, y=0) * Time(0, 1)
    terms = [
        Equation(lambda u, x, y: u.t - y * u.x + x * u.y),
        Initial(u=lambda x, y: exp(-5 * ((x - 0.4) ** 2 + y**2))),
    ]
    return Problem("rotation", disk, "u", terms)
