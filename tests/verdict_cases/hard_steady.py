"""Steady problems that are well-posed and hard: layers, corners, high frequencies, noise."""

import math

import numpy as np
import torch
from scipy.special import erf

from pinnkit import Ball, Box, Coefficient, Condition, Data, Dirichlet, Equation, PointSet, Problem, normal_derivative

from .case import hard
from .truths import by_quadrature

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
LINE = Box(x=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))


@hard(
    "Ihlenburg, Finite Element Analysis of Acoustic Scattering, section 2.1",
    "ten wavelengths; the pollution effect makes the reference poor",
    exact=dict(u=lambda x: sin(60 * x) / math.sin(60)),
)
def helmholtz_60() -> Problem:
    terms = [Equation(lambda u: u.xx + 3600 * u), Dirichlet(LINE.face(x=0), u=0.0), Dirichlet(LINE.face(x=1), u=1.0)]
    return Problem("helmholtz 60", LINE, "u", terms)


@hard(
    "Ihlenburg, section 2.1, complex amplitude u + i v with an absorbing end",
    "eight wavelengths, radiation condition",
    exact=dict(u=lambda x: cos(50 * x), v=lambda x: sin(50 * x)),
)
def helmholtz_radiating() -> Problem:
    terms = [
        Equation(lambda u, v: (u.xx + 2500 * u, v.xx + 2500 * v)),
        Dirichlet(LINE.face(x=0), u=1.0, v=0.0),
        Condition(LINE.face(x=1), lambda u, v: (u.x + 50 * v, v.x - 50 * u), name="radiation"),
    ]
    return Problem("radiating", LINE, ["u", "v"], terms)


@hard(
    "Plane wave in a square, k = 25",
    "four wavelengths in two dimensions",
    exact=dict(u=lambda x, y: sin(15 * x + 20 * y)),
)
def helmholtz_square_25() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian + 625 * u),
        Dirichlet(SQUARE.boundary, u=lambda x, y: sin(15 * x + 20 * y)),
    ]
    return Problem("helmholtz square", SQUARE, "u", terms)


@hard(
    "Roos, Stynes & Tobiska, chapter 1",
    "boundary layer of width 0.001",
    exact=dict(u=lambda x: x - (exp((x - 1) / 1e-3) - math.exp(-1e3)) / (1 - math.exp(-1e3))),
)
def convection_layer() -> Problem:
    terms = [Equation(lambda u: -1e-3 * u.xx + u.x - 1), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("layer", LINE, "u", terms)


@hard(
    "Roos, Stynes & Tobiska, chapter 1: reaction and diffusion",
    "two boundary layers of width 0.003",
    exact=dict(u=lambda x: 1 - (exp(-x / 3e-3) + exp((x - 1) / 3e-3)) / (1 + math.exp(-1 / 3e-3))),
)
def reaction_layers() -> Problem:
    terms = [Equation(lambda u: -9e-6 * u.xx + u - 1), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("layers", LINE, "u", terms)


@hard(
    "Bender & Orszag, section 9.6: interior layer, u = erf(x / sqrt(2 eps))",
    "turning point with a layer of width 0.03",
    truth=lambda at: {"u": erf(np.ravel(at["x"]) / math.sqrt(2e-3)) / erf(1 / math.sqrt(2e-3))},
)
def turning_point() -> Problem:
    line = Box(x=(-1, 1))
    terms = [
        Equation(lambda u, x: 1e-3 * u.xx + x * u.x),
        Dirichlet(line.face(x=-1), u=-1.0),
        Dirichlet(line.face(x=1), u=1.0),
    ]
    return Problem("turning point", line, "u", terms)


def _outflow_layers(x, y):
    def layer(z):
        return z - (exp((z - 1) / 0.02) - math.exp(-50)) / (1 - math.exp(-50))

    return layer(x) * layer(y)


@hard(
    "Hughes & Brooks, streamline upwind, 1979; product of two layers, manufactured",
    "two boundary layers of width 0.02 that meet in a corner",
    exact=dict(u=_outflow_layers),
)
def convection_square() -> Problem:
    def row(u, x, y):
        def layer(z):
            return z - (exp((z - 1) / 0.02) - math.exp(-50)) / (1 - math.exp(-50))

        return -0.02 * u.laplacian + u.x + u.y - layer(x) - layer(y)

    return Problem("corner layer", SQUARE, "u", [Equation(row), Dirichlet(SQUARE.boundary, u=0.0)])


def _motz(x, y):
    r, angle = torch.sqrt(x**2 + y**2), torch.atan2(y, x)
    return torch.sqrt(r) * cos(angle / 2)


@hard(
    "Motz, Q. Appl. Math. 4 (1947) 371: leading singular function",
    "singularity r^(1/2) where the kind of condition changes in the middle of a wall",
    exact=dict(u=_motz),
)
def motz() -> Problem:
    box = Box(x=(-1, 1), y=(0, 1))
    terms = [
        Equation(lambda u: u.laplacian),
        Condition(box.face(y=0), lambda u, n, x: torch.where(x < 0, u, normal_derivative(u, n)), name="slit"),
        Dirichlet(box.face(x=(-1, 1), y=1), u=_motz),
    ]
    return Problem("motz", box, "u", terms)


@hard(
    "Jumping wall values: u = angle / pi on a half disk's diameter, Evans section 2.2",
    "wall values that jump",
    exact=dict(u=lambda x, y: torch.atan2(y, x) / PI),
)
def jumping_walls() -> Problem:
    box = Box(x=(-1, 1), y=(0, 1))
    terms = [
        Equation(lambda u: u.laplacian),
        Dirichlet(box.boundary, u=lambda x, y: torch.atan2(y, x) / PI),
    ]
    return Problem("jump", box, "u", terms)


def _peak(x, y):
    return exp(-500 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))


@hard(
    "Mitchell, Appl. Math. Comput. 220 (2013) 350, problem 'peak'",
    "peak of width 0.05 in an empty square",
    exact=dict(u=_peak),
)
def narrow_peak() -> Problem:
    def row(u, x, y):
        r2 = (x - 0.5) ** 2 + (y - 0.5) ** 2
        return u.laplacian - (1e6 * r2 - 2000) * _peak(x, y)

    return Problem("peak", SQUARE, "u", [Equation(row), Dirichlet(SQUARE.boundary, u=_peak)])


def _front(x, y):
    return torch.atan(60 * (torch.sqrt((x + 0.05) ** 2 + (y + 0.05) ** 2) - 0.7))


@hard(
    "Mitchell, Appl. Math. Comput. 220 (2013) 350, problem 'wave front'",
    "circular front of width 0.02",
    exact=dict(u=_front),
)
def wave_front() -> Problem:
    def row(u, x, y):
        r = torch.sqrt((x + 0.05) ** 2 + (y + 0.05) ** 2)
        s = 60 * (r - 0.7)
        return u.laplacian - (60 / (r * (1 + s**2)) - 2 * 3600 * s / (1 + s**2) ** 2)

    return Problem("front", SQUARE, "u", [Equation(row), Dirichlet(SQUARE.boundary, u=_front)])


@hard(
    "Wang, Wang & Perdikaris, Comput. Methods Appl. Mech. Eng. 384 (2021): two scales",
    "a wave of 0.1 with 25 periods on one period",
    exact=dict(u=lambda x: sin(2 * PI * x) + 0.1 * sin(50 * PI * x)),
)
def two_scales() -> Problem:
    terms = [
        Equation(lambda u, x: u.xx + 4 * PI**2 * sin(2 * PI * x) + 250 * PI**2 * sin(50 * PI * x)),
        Dirichlet(LINE.boundary, u=0.0),
    ]
    return Problem("two scales", LINE, "u", terms)


@hard(
    "Conductivity tanh(50 (x - 1/2)): integral of 1 / k by scipy quad",
    "conductivity that changes a hundredfold within 0.04",
    truth=lambda at: {
        "u": (lambda f: f({"x": np.ravel(at["x"])})["u"] / f({"x": np.array([1.0])})["u"])(
            by_quadrature(lambda x: 1 / (50.5 + 49.5 * math.tanh(50 * (x - 0.5))), 0.0, 1.0)
        )
    },
)
def steep_conductivity() -> Problem:
    def row(u, x):
        s = torch.tanh(50 * (x - 0.5))
        return (50.5 + 49.5 * s) * u.xx + 49.5 * 50 * (1 - s**2) * u.x

    terms = [Equation(row), Dirichlet(LINE.face(x=0), u=0.0), Dirichlet(LINE.face(x=1), u=1.0)]
    return Problem("steep", LINE, "u", terms)


_GHIA_Y = np.array([0.0547, 0.1016, 0.2813, 0.4531, 0.5, 0.6172, 0.7344, 0.8516, 0.9531, 0.9766])
_GHIA_U = [-0.03717, -0.06434, -0.15662, -0.21090, -0.20581, -0.13641, 0.00332, 0.23151, 0.68717, 0.84123]


@hard(
    "Ghia, Ghia & Shin, J. Comput. Phys. 48 (1982) 387, table I, Re = 100: u on the vertical centre line",
    "corner singularities, three unknowns",
    truth=lambda at: {"u": np.interp(np.ravel(at["y"]), _GHIA_Y, _GHIA_U)},
    places={"x": np.full(10, 0.5), "y": _GHIA_Y},
)
def lid_driven_cavity() -> Problem:
    def rows(u, v, p):
        return (
            u * u.x + v * u.y + p.x - 0.01 * u.laplacian,
            u * v.x + v * v.y + p.y - 0.01 * v.laplacian,
            u.x + v.y,
        )

    terms = [
        Equation(rows),
        Dirichlet(SQUARE.face(x=(0, 1), y=0), u=0.0, v=0.0),
        Dirichlet(SQUARE.face(y=1), u=1.0, v=0.0),
        Dirichlet(PointSet(x=0.0, y=0.0), p=0.0),
    ]
    return Problem("cavity", SQUARE, ["u", "v", "p"], terms)


@hard(
    "Diffusion from five data with 5 % noise: the standard error of nu is larger than the bias",
    "coefficient that noisy data barely determine",
    coefficients={"nu": 1.0},
)
def weakly_seen_diffusion() -> Problem:
    at = torch.linspace(0.1, 0.9, 5, dtype=torch.float64)
    noise = torch.as_tensor(np.random.default_rng(3).normal(0, 0.02, 5))

    def exact(x):
        return x - (exp(x - 1) - math.exp(-1)) / (1 - math.exp(-1))

    terms = [
        Equation(lambda u, nu: -nu * u.xx + u.x - 1),
        Dirichlet(LINE.boundary, u=0.0),
        Data(dict(x=at), u=exact(at) + noise, sigma=0.02),
    ]
    return Problem("weak nu", LINE, "u", terms, coefficients=[Coefficient("nu", 0.3, positive=True)])


@hard(
    "Babuska & Szabo: source r^(-1/2) in a disk, u = (1 - r^(3/2)) 4 / 9",
    "source that is infinite in the middle of the disk",
    exact=dict(u=lambda x, y: 4 / 9 * (1 - (x**2 + y**2) ** 0.75)),
)
def singular_source() -> Problem:
    disk = Ball(x=0, y=0)
    terms = [Equation(lambda u, x, y: -u.laplacian - (x**2 + y**2) ** -0.25), Dirichlet(disk.boundary, u=0.0)]
    return Problem("singular source", disk, "u", terms)
