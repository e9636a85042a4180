"""Ill-posed steady problems: no solution, several solutions, Cauchy data, resonance, walls missing."""

import math

import numpy as np
import torch
from scipy.special import airy

from pinnkit import (
    Ball,
    Box,
    Condition,
    Cube,
    Dirichlet,
    Equation,
    Neumann,
    Parameters,
    Periodic,
    PointSet,
    Problem,
    laplacian,
    normal_derivative,
)

from .case import ill_posed

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp
LINE = Box(x=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))


@ill_posed(
    "Hadamard 1923",
    "value and flux of Laplace's equation on one wall, none elsewhere",
    exact=dict(u=lambda x, y: sin(PI * x) * torch.cosh(PI * y)),
)
def cauchy_for_laplace() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian),
        Dirichlet(SQUARE.face(y=0), u=lambda x: sin(PI * x)),
        Neumann(SQUARE.face(y=0), u=0.0),
    ]
    return Problem("cauchy", SQUARE, "u", terms)


@ill_posed(
    "Hadamard 1923: u = sin(n x) sinh(n y) / n^2",
    "Cauchy data that are small, beside a solution that is large",
    exact=dict(u=lambda x, y: sin(5 * PI * x) * torch.sinh(5 * PI * y) / (25 * PI**2)),
)
def hadamard() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian),
        Dirichlet(SQUARE.face(x=(0, 1)), u=0.0),
        Dirichlet(SQUARE.face(y=0), u=0.0),
        Neumann(SQUARE.face(y=0), u=lambda x: -sin(5 * PI * x) / (5 * PI)),
    ]
    return Problem("hadamard", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 2.2", "one wall of four is missing")
def laplace_wall_missing() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian),
        Dirichlet(SQUARE.face(x=(0, 1), y=0), u=lambda x, y: x**2 - y**2),
    ]
    return Problem("three walls", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 2.2", "a wall missing in four dimensions")
def wall_missing_4d() -> Problem:
    cube = Box(x=Cube(0, 1, dim=4))
    walls = cube.face(**{"x[0]": (0, 1), "x[1]": (0, 1), "x[2]": (0, 1), "x[3]": 0})
    terms = [Equation(lambda u: u.laplacian - 8), Dirichlet(walls, u=lambda x: (x**2).sum(dim=1))]
    return Problem("wall 4d", cube, "u", terms)


@ill_posed("Evans, PDE, section 2.2", "a wall missing in five dimensions")
def wall_missing_5d() -> Problem:
    cube = Box(x=Cube(0, 1, dim=5))
    walls = cube.face(**{f"x[{i}]": (0, 1) if i < 4 else 0 for i in range(5)})
    terms = [
        Equation(lambda u, x: -u.laplacian - PI**2 / 4 * sin(PI / 2 * x).sum(dim=1)),
        Dirichlet(walls, u=lambda x: sin(PI / 2 * x).sum(dim=1)),
    ]
    return Problem("wall 5d", cube, "u", terms)


@ill_posed("Evans, PDE, section 2.2", "half of a circle without a condition")
def half_a_circle() -> Problem:
    disk = Ball(x=0, y=0)
    rim = Condition(disk.boundary, lambda u, x: torch.where(x > 0, u - x, 0.0 * u), name="half")
    return Problem("half circle", disk, "u", [Equation(lambda u: u.laplacian), rim])


@ill_posed("Evans, PDE, section 6.2", "insulated square without a level: u + c is a solution too")
def neumann_without_level() -> Problem:
    terms = [
        Equation(lambda u, x, y: -u.laplacian - 2 * PI**2 * cos(PI * x) * cos(PI * y)),
        Neumann(SQUARE.boundary, u=0.0),
    ]
    return Problem("insulated", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 6.2", "insulated square with a source: no solution")
def neumann_incompatible() -> Problem:
    return Problem("heated", SQUARE, "u", [Equation(lambda u: -u.laplacian - 1), Neumann(SQUARE.boundary, u=0.0)])


@ill_posed("Evans, PDE, section 6.2", "insulated rod with a source and one value given: no solution")
def neumann_incompatible_pinned() -> Problem:
    terms = [
        Equation(lambda u: -u.xx - 1),
        Neumann(LINE.boundary, u=0.0),
        Dirichlet(PointSet(x=0.5), u=0.0),
    ]
    return Problem("heated rod", LINE, "u", terms)


@ill_posed("Evans, PDE, section 6.2", "flux around a disk that does not balance the source")
def neumann_disk_unbalanced() -> Problem:
    disk = Ball(x=0, y=0)
    terms = [Equation(lambda u: u.laplacian - 4), Neumann(disk.boundary, u=1.0)]
    return Problem("unbalanced disk", disk, "u", terms)


@ill_posed("Evans, PDE, section 2.2", "periodic Poisson problem without a level")
def periodic_without_level() -> Problem:
    ring = Box(x=(0, 2 * PI), y=(0, 2 * PI))
    terms = [Equation(lambda u, x: -u.laplacian - sin(x)), Periodic("x"), Periodic("y")]
    return Problem("torus", ring, "u", terms)


@ill_posed("Evans, PDE, section 6.2.3: Fredholm alternative", "Helmholtz at an eigenvalue: u + c sin(pi x) too")
def helmholtz_eigenvalue() -> Problem:
    terms = [Equation(lambda u, x: u.xx + PI**2 * u - sin(2 * PI * x)), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("eigenvalue", LINE, "u", terms)


@ill_posed("Evans, PDE, section 6.2.3: Fredholm alternative", "forced at resonance: no solution")
def helmholtz_resonance() -> Problem:
    terms = [Equation(lambda u, x: u.xx + PI**2 * u - sin(PI * x)), Dirichlet(LINE.boundary, u=0.0)]
    return Problem("resonance", LINE, "u", terms)


@ill_posed("Evans, PDE, section 6.2.3", "square at a double eigenvalue: two free amplitudes")
def helmholtz_double_eigenvalue() -> Problem:
    terms = [
        Equation(lambda u, x, y: u.laplacian + 5 * PI**2 * u - sin(PI * x) * sin(PI * y)),
        Dirichlet(SQUARE.boundary, u=0.0),
    ]
    return Problem("double eigenvalue", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 6.5", "membrane at rest or vibrating: every multiple is a solution, zero too")
def free_vibration() -> Problem:
    terms = [Equation(lambda u: u.laplacian + 2 * PI**2 * u), Dirichlet(SQUARE.boundary, u=0.0)]
    return Problem("membrane", SQUARE, "u", terms)


@ill_posed(
    "Bratu 1914; Gelfand 1963",
    "lambda = 3.7 above the fold at 3.5138: no solution",
)
def bratu_above_the_fold() -> Problem:
    return Problem("bratu", LINE, "u", [Equation(lambda u: u.xx + 3.7 * exp(u)), Dirichlet(LINE.boundary, u=0.0)])


@ill_posed("Bratu 1914; Gelfand 1963", "lambda = 2: two solutions, of heights 0.33 and 2.45")
def bratu_two_solutions() -> Problem:
    return Problem("bratu", LINE, "u", [Equation(lambda u: u.xx + 2 * exp(u)), Dirichlet(LINE.boundary, u=0.0)])


@ill_posed("Gelfand 1963: fold of the square at 6.808", "lambda = 7.5 on a square: no solution")
def bratu_square_above_the_fold() -> Problem:
    terms = [Equation(lambda u: u.laplacian + 7.5 * exp(u)), Dirichlet(SQUARE.boundary, u=0.0)]
    return Problem("bratu square", SQUARE, "u", terms)


@ill_posed("Stoer & Bulirsch, section 7.3.1", "u'' = 3/2 u^2, u(0) = 4, u(1) = 1: two solutions")
def stoer_bulirsch() -> Problem:
    terms = [
        Equation(lambda u: u.xx - 1.5 * u**2),
        Dirichlet(LINE.face(x=0), u=4.0),
        Dirichlet(LINE.face(x=1), u=1.0),
    ]
    return Problem("stoer bulirsch", LINE, "u", terms)


@ill_posed(
    "Ascher, Mattheij & Russell, section 1.2",
    "pendulum held at both times: many solutions",
)
def pendulum_boundary_values() -> Problem:
    box = Box(x=(0, 10))
    terms = [
        Equation(lambda u: u.xx + sin(u)),
        Dirichlet(box.face(x=0), u=0.5),
        Dirichlet(box.face(x=10), u=0.5),
    ]
    return Problem("pendulum", box, "u", terms)


@ill_posed("Chafee & Infante 1974", "steady Allen-Cahn: zero and several pairs of others")
def allen_cahn_steady() -> Problem:
    box = Box(x=(0, 10))
    terms = [Equation(lambda u: u.xx + u - u**3), Dirichlet(box.boundary, u=0.0)]
    return Problem("chafee infante", box, "u", terms)


@ill_posed("Chafee & Infante 1974", "steady Allen-Cahn with free ends: -1, 0, 1 and layers between")
def allen_cahn_free_ends() -> Problem:
    box = Box(x=(0, 10))
    terms = [Equation(lambda u, x: u.xx + u - u**3 - 0.05 * cos(x)), Neumann(box.boundary, u=0.0)]
    return Problem("free ends", box, "u", terms)


@ill_posed(
    "Budd & Kuske; Ambrosetti & Rabinowitz 1973",
    "-laplacian(u) = u^3 in a square: zero, plus and minus",
)
def cubic_in_a_square() -> Problem:
    terms = [Equation(lambda u: u.laplacian + u**3), Dirichlet(SQUARE.boundary, u=0.0)]
    return Problem("mountain pass", SQUARE, "u", terms)


@ill_posed("Crandall, Evans & Lions 1984", "|u'| = 1 with zero ends: infinitely many zigzags, no smooth one")
def eikonal_line() -> Problem:
    return Problem("zigzag", LINE, "u", [Equation(lambda u: u.x**2 - 1), Dirichlet(LINE.boundary, u=0.0)])


@ill_posed("Crandall, Evans & Lions 1984", "eikonal equation from one point without a sign: T and -T")
def eikonal_two_signs() -> Problem:
    box = Box(x=(0.5, 1.5), y=(0.5, 1.5))
    terms = [Equation(lambda T: T.x**2 + T.y**2 - 1), Dirichlet(PointSet(x=0.5, y=0.5), T=0.0)]
    return Problem("two signs", box, "T", terms)


@ill_posed("Any text on ODEs", "u^2 = 1 + x^2 at each point: two branches")
def two_branches() -> Problem:
    return Problem("branches", LINE, "u", [Equation(lambda u, x: u**2 - 1 - x**2)])


@ill_posed("Girault & Raviart, section I.5", "Stokes flow with all velocities given and no level of the pressure")
def stokes_pressure_level() -> Problem:
    terms = [
        Equation(lambda u, v, p: (-u.laplacian + p.x, -v.laplacian + p.y, u.x + v.y)),
        Dirichlet(SQUARE.boundary, u=lambda y: 4 * y * (1 - y), v=0.0),
    ]
    return Problem("stokes", SQUARE, ["u", "v", "p"], terms)


@ill_posed("Girault & Raviart, section I.5", "Stokes flow into a closed box: more flows in than out")
def stokes_unbalanced() -> Problem:
    terms = [
        Equation(lambda u, v, p: (-u.laplacian + p.x, -v.laplacian + p.y, u.x + v.y)),
        Dirichlet(SQUARE.face(x=0), u=lambda y: 4 * y * (1 - y), v=0.0),
        Dirichlet(SQUARE.face(x=1, y=(0, 1)), u=0.0, v=0.0),
        Dirichlet(PointSet(x=1.0, y=0.5), p=0.0),
    ]
    return Problem("closed box", SQUARE, ["u", "v", "p"], terms)


@ill_posed("Timoshenko, Strength of Materials", "beam of fourth order with two conditions of four")
def beam_two_conditions() -> Problem:
    return Problem("beam", LINE, "u", [Equation(lambda u: u.xxxx - 1), Dirichlet(LINE.boundary, u=0.0)])


@ill_posed("Timoshenko, Strength of Materials", "beam with moments and shear forces at both ends: it may fly away")
def beam_free_free() -> Problem:
    terms = [
        Equation(lambda u, x: u.xxxx - cos(2 * PI * x)),
        Condition(LINE.boundary, lambda u: (u.xx, u.xxx), name="free"),
    ]
    return Problem("free beam", LINE, "u", terms)


def _tricomi(at):
    """sin(pi y) f(x) with f'' = pi^2 x f, f(-1) = 2, f(1) = 0: Airy functions of pi^(2/3) x."""
    scale = PI ** (2 / 3)
    ends = np.array([[airy(z)[0], airy(z)[2]] for z in (-scale, scale)])
    a, b = np.linalg.solve(ends, [2.0, 0.0])
    ai, _, bi, _ = airy(scale * np.ravel(at["x"]))
    return {"u": np.sin(PI * np.ravel(at["y"])) * (a * ai + b * bi)}


@ill_posed(
    "Tricomi 1923; Morawetz 1958", "u_xx + x u_yy = 0 changes type; values on all walls are too many", truth=_tricomi
)
def tricomi_all_walls() -> Problem:
    box = Box(x=(-1, 1), y=(0, 1))
    terms = [
        Equation(lambda u, x: u.xx + x * u.yy),
        Dirichlet(box.boundary, u=lambda x, y: sin(PI * y) * (1 - x)),
    ]
    return Problem("tricomi", box, "u", terms)


@ill_posed("John, PDE, chapter 2", "wave operator in space: u_xx - u_yy = 0 with values on all walls")
def ultra_hyperbolic_square() -> Problem:
    terms = [Equation(lambda u: u.xx - u.yy), Dirichlet(SQUARE.boundary, u=lambda x, y: x * (1 - x) * (1 - 2 * y))]
    return Problem("hyperbolic square", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 2.2", "two values on the same wall, 10 and 0")
def two_values_on_one_wall_of_a_square() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian),
        Dirichlet(SQUARE.face(x=0), u=10.0),
        Dirichlet(SQUARE.face(x=1, y=(0, 1)), u=0.0),
        Dirichlet(SQUARE.face(x=0), u=0.0, name="again"),
    ]
    return Problem("two values", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 2.2", "derivative along the wall in place of a value: the level is free")
def tangential_data() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian),
        Condition(SQUARE.face(x=(0, 1)), lambda u: u.y - 1, name="along y"),
        Condition(SQUARE.face(y=(0, 1)), lambda u: u.x - 1, name="along x"),
    ]
    return Problem("tangential", SQUARE, "u", terms)


@ill_posed(
    "Carslaw & Jaeger, section 1.9: a Robin condition of the wrong sign",
    "eigenvalue: every multiple of x is a solution",
)
def robin_wrong_sign() -> Problem:
    terms = [
        Equation(lambda u: u.xx),
        Dirichlet(LINE.face(x=0), u=0.0),
        Condition(LINE.face(x=1), lambda u, n: normal_derivative(u, n) - u, name="wrong sign"),
    ]
    return Problem("robin", LINE, "u", terms)


@ill_posed("Evans, PDE, section 6.2.3", "eigenvalues inside the range of a parameter")
def eigenvalue_in_a_family() -> Problem:
    family = LINE * Parameters(k=(2.0, 4.0))
    terms = [Equation(lambda u, k: u.xx + k**2 * u - 1), Dirichlet(family.boundary, u=0.0)]
    return Problem("family", family, "u", terms)


@ill_posed("Babuska & Szabo, section 1.1", "one value in the middle of a square is the only condition")
def one_point_for_a_square() -> Problem:
    terms = [Equation(lambda u: -u.laplacian - 1), Dirichlet(PointSet(x=0.5, y=0.5), u=1.0)]
    return Problem("one point", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 2.1", "values at the outflow that contradict those at the inflow")
def stream_wrong_wall() -> Problem:
    terms = [
        Equation(lambda u: u.x + u.y),
        Dirichlet(SQUARE.face(x=1, y=1), u=lambda x, y: sin(x - y)),
        Dirichlet(SQUARE.face(x=0), u=0.0),
    ]
    return Problem("stream", SQUARE, "u", terms)


@ill_posed("Girault & Raviart, section I.2", "divergence-free field from its normal component: curl is free")
def divergence_free_alone() -> Problem:
    terms = [
        Equation(lambda u, v: u.x + v.y),
        Dirichlet(SQUARE.face(x=(0, 1)), u=lambda y: y),
        Dirichlet(SQUARE.face(y=(0, 1)), v=0.0),
    ]
    return Problem("divergence", SQUARE, ["u", "v"], terms)


@ill_posed("Coddington & Levinson, section 4.8", "x u' = u, u(0) = 0: the condition holds for every multiple of x")
def singular_point() -> Problem:
    terms = [Equation(lambda u, x: x * u.x - u - x**2), Dirichlet(LINE.face(x=0), u=0.0)]
    return Problem("singular point", LINE, "u", terms)


@ill_posed("Ciarlet, Plates", "plate of fourth order with the value alone on the walls")
def plate_one_condition() -> Problem:
    terms = [Equation(lambda u: laplacian(laplacian(u)) - 1), Dirichlet(SQUARE.boundary, u=0.0)]
    return Problem("plate", SQUARE, "u", terms)


@ill_posed("Evans, PDE, section 6.2", "flux on three walls, value and flux on the fourth: over-determined")
def value_and_flux_on_a_wall() -> Problem:
    terms = [
        Equation(lambda u: u.laplacian),
        Neumann(SQUARE.boundary, u=0.0),
        Dirichlet(SQUARE.face(x=0), u=lambda y: cos(PI * y)),
    ]
    return Problem("value and flux", SQUARE, "u", terms)
