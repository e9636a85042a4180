"""Small problems with closed forms, one for each kind that the reference discretises."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from pinnkit.domains import Box, PointSet
from pinnkit.jets.operators import div, grad, laplacian, normal_derivative
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Condition, Dirichlet, Equation, Initial, Neumann, Periodic, Robin
from pinnkit.references.protocols import Solved
from pinnkit.solutions.solution import exact_values

PI = math.pi
sin, cos, exp = torch.sin, torch.cos, torch.exp

line = Box(x=(0, 1))
square = Box(x=(0, 1), y=(0, 1))
cube = Box(x=(0, 1), y=(0, 1), z=(0, 1))
rod = Box(x=(0, 1), t=(0, 1))
plate = Box(x=(0, 1), y=(0, 1), t=(0, 1))


def wavy(x, y):
    return sin(PI * x) * exp(y)


def wavy_3d(x, y, z):
    return sin(PI * x) * exp(y) * cos(z)


def front(x, t):
    return (1 + exp((x - 5 * t / math.sqrt(6)) / math.sqrt(6))) ** -2


def arrival(x, y):
    distance = torch.sqrt((x - 0.5) ** 2 + (y - 0.1) ** 2)
    return torch.asinh(distance / torch.sqrt((1 + 2 * y) * 1.2))


@dataclass(frozen=True)
class Case:
    """A problem and the coarsest of three grids on which its order is measured."""

    problem: Problem
    cells: tuple[int, ...]

    def __str__(self) -> str:
        return self.problem.name


def case(name, domain, unknowns, terms, cells, **exact) -> Case:
    return Case(Problem(name, domain, unknowns, terms, exact=exact), cells)


CASES = [
    case(
        "steady_linear",
        square,
        "u",
        [
            Equation(lambda u, x, y: -laplacian(u) - 2 * PI**2 * sin(PI * x) * sin(PI * y)),
            Dirichlet(square.boundary, u=0.0),
        ],
        (16, 16),
        u=lambda x, y: sin(PI * x) * sin(PI * y),
    ),
    case(
        "steady_nonlinear",
        square,
        "u",
        [
            Equation(lambda u, x, y: -laplacian(u) + u**3 - wavy(x, y) ** 3 + (1 - PI**2) * wavy(x, y)),
            Dirichlet(square.boundary, u=wavy),
        ],
        (16, 16),
        u=wavy,
    ),
    case(
        "variable_coefficient",
        square,
        "u",
        [
            Equation(
                lambda u, x, y: (
                    -div((1 + x + y**2) * grad(u))
                    + (1 + x + y**2) * (1 - PI**2) * wavy(x, y)
                    + PI * cos(PI * x) * exp(y)
                    + 2 * y * wavy(x, y)
                )
            ),
            Dirichlet(square.boundary, u=wavy),
        ],
        (16, 16),
        u=wavy,
    ),
    case(
        "mixed_derivative",
        square,
        "u",
        [
            Equation(lambda u, x, y: u.xx + u.xy + u.yy - (1 - PI**2) * wavy(x, y) - PI * cos(PI * x) * exp(y)),
            Dirichlet(square.boundary, u=wavy),
        ],
        (16, 16),
        u=wavy,
    ),
    case(
        "neumann",
        square,
        "u",
        [
            Equation(lambda u, x, y: -laplacian(u) + (1 - PI**2) * wavy(x, y)),
            Dirichlet(square.face(y=(0, 1)), u=wavy),
            Neumann(square.face(x=0), u=lambda y: -PI * exp(y)),
            Neumann(square.face(x=1), u=lambda y: -PI * exp(y)),
        ],
        (16, 16),
        u=wavy,
    ),
    case(
        "robin",
        square,
        "u",
        [
            Equation(lambda u, x, y: -laplacian(u) + (1 - PI**2) * wavy(x, y)),
            Dirichlet(square.face(x=(0, 1)), u=0.0),
            Robin(square.face(y=0), u=(2.0, 1.0, lambda x: sin(PI * x))),
            Robin(square.face(y=1), u=(1.0, lambda x: 1 + x, lambda x: (2 + x) * math.e * sin(PI * x))),
        ],
        (16, 16),
        u=wavy,
    ),
    case(
        "condition",  # nonlinear on a wall: radiation du/dn + u^4 = g
        square,
        "u",
        [
            Equation(lambda u, x, y: -laplacian(u) + (1 - PI**2) * wavy(x, y)),
            Dirichlet(square.face(x=(0, 1), y=0), u=wavy),
            Condition(
                square.face(y=1),
                lambda u, n, x: normal_derivative(u, n) + u**4 - math.e * sin(PI * x) - (math.e * sin(PI * x)) ** 4,
            ),
        ],
        (16, 16),
        u=wavy,
    ),
    case(
        "periodic",
        square,
        "u",
        [
            Equation(lambda u, x, y: -laplacian(u) + u - (1 + 8 * PI**2) * sin(2 * PI * x) * cos(2 * PI * y)),
            Periodic("x"),
            Periodic("y"),
        ],
        (16, 16),
        u=lambda x, y: sin(2 * PI * x) * cos(2 * PI * y),
    ),
    case(
        "clamped_beam",
        line,
        "u",
        [
            Equation(lambda u, x: u.xxxx - PI**4 * sin(PI * x)),
            Dirichlet(line.boundary, u=0.0),
            Neumann(line.face(x=0), u=-PI),
            Condition(line.face(x=1), lambda u: u.xx),
        ],
        (64,),
        u=lambda x: sin(PI * x),
    ),
    case(
        "third_order",
        line,
        "u",
        [
            Equation(lambda u, x: u.xxx + u + PI**3 * cos(PI * x) - sin(PI * x)),
            Dirichlet(line.boundary, u=0.0),
            Neumann(line.face(x=0), u=-PI),
        ],
        (64,),
        u=lambda x: sin(PI * x),
    ),
    case(
        "system",  # two coupled equations in one vector unknown and a scalar
        square,
        [Unknown("w", components=2), "p"],
        [
            Equation(
                lambda w, p, x, y: (
                    -laplacian(w[0]) + p + (1 - PI**2) * wavy(x, y) - x * y,
                    -laplacian(w[1]) + w[0] - 2 - wavy(x, y),
                    -laplacian(p) + w[1].x - y**2 * 0 - (1 - 2 * x),
                )
            ),
            Dirichlet(square.boundary, w=lambda x, y: torch.stack([wavy(x, y), x * (1 - x)], dim=-1)),
            Dirichlet(square.boundary, p=lambda x, y: x * y),
        ],
        (16, 16),
        w=lambda x, y: torch.stack([wavy(x, y), x * (1 - x) + 0 * y], dim=-1),
        p=lambda x, y: x * y,
    ),
    case(
        "three_dimensions",
        cube,
        "u",
        [
            Equation(
                lambda u, x, y, z: (
                    -div((1 + x * y) * grad(u))
                    + u.x
                    + u
                    - (1 + x * y) * PI**2 * wavy_3d(x, y, z)
                    - (1 - y) * PI * cos(PI * x) * exp(y) * cos(z)
                    - (1 - x) * wavy_3d(x, y, z)
                )
            ),
            Dirichlet(cube.face(x=(0, 1), y=0), u=wavy_3d),
            Neumann(cube.face(y=1), u=wavy_3d),
            Robin(cube.face(z=0), u=(1.0, 1.0, wavy_3d)),
            Dirichlet(cube.face(z=1), u=wavy_3d),
        ],
        (8, 8, 8),
        u=wavy_3d,
    ),
    case(
        "heat",
        rod,
        "u",
        [
            Equation(lambda u: u.t - u.xx / PI**2),
            Dirichlet(rod.boundary, u=0.0),
            Initial(u=lambda x: sin(PI * x) + 0.5 * sin(3 * PI * x)),
        ],
        (32, 32),
        u=lambda x, t: sin(PI * x) * exp(-t) + 0.5 * sin(3 * PI * x) * exp(-9 * t),
    ),
    case(
        "heat_2d",
        plate,
        "u",
        [
            Equation(lambda u: u.t - u.laplacian / (2 * PI**2)),
            Dirichlet(plate.boundary, u=0.0),
            Initial(u=lambda x, y: sin(PI * x) * sin(PI * y) + 0.5 * sin(2 * PI * x) * sin(PI * y)),
        ],
        (12, 12, 12),
        u=lambda x, y, t: (sin(PI * x) * exp(-t) + 0.5 * sin(2 * PI * x) * exp(-2.5 * t)) * sin(PI * y),
    ),
    case(
        "heat_variable",  # the coefficient changes in time, so does the source; flux on one wall
        rod,
        "u",
        [
            Equation(lambda u, x, t: u.t - (1 + t) * u.xx + (2 + t) * exp(x - t)),
            Dirichlet(rod.face(x=0), u=lambda t: exp(-t)),
            Neumann(rod.face(x=1), u=lambda t: exp(1 - t)),
            Initial(u=lambda x: exp(x)),
        ],
        (32, 32),
        u=lambda x, t: exp(x - t),
    ),
    case(
        "fisher",  # a travelling wave of u_t = u_xx + u (1 - u): Ablowitz & Zeppetella 1979
        Box(x=(-5, 5), t=(0, 1)),
        "u",
        [
            Equation(lambda u: u.t - u.xx - u * (1 - u)),
            Dirichlet(Box(x=(-5, 5), t=(0, 1)).boundary, u=front),
            Initial(u=lambda x: front(x, 0.0)),
        ],
        (16, 16),
        u=front,
    ),
    case(
        "advection",
        rod,
        "u",
        [
            Equation(lambda u: u.t + u.x),
            Dirichlet(rod.face(x=0), u=lambda t: sin(-3 * t)),
            Initial(u=lambda x: sin(3 * x)),
        ],
        (32, 32),
        u=lambda x, t: sin(3 * (x - t)),
    ),
    case(
        "wave",
        rod,
        "u",
        [
            Equation(lambda u: u.tt - 4 * u.xx),
            Dirichlet(rod.boundary, u=0.0),
            Initial(u=lambda x: sin(PI * x), u_t=lambda x: 4 * PI * sin(2 * PI * x)),
        ],
        (64, 64),
        u=lambda x, t: sin(PI * x) * cos(2 * PI * t) + sin(2 * PI * x) * sin(4 * PI * t),
    ),
    case(
        "acoustics",  # a first-order system, one condition for two unknowns on each wall
        rod,
        ["p", "v"],
        [
            Equation(lambda p, v: (p.t + v.x, v.t + p.x)),
            Dirichlet(rod.boundary, p=0.0),
            Initial(p=lambda x: sin(PI * x), v=0.0),
        ],
        (32, 32),
        p=lambda x, t: sin(PI * x) * cos(PI * t),
        v=lambda x, t: -cos(PI * x) * sin(PI * t),
    ),
    case(
        "klein_gordon",  # nonlinear and second order in time, damped: u = cos(x) exp(-t) on periodic walls
        Box(x=(0, 2 * PI), t=(0, 1)),
        "u",
        [
            Equation(lambda u, x, t: u.tt + u.t - u.xx + u**3 - cos(x) * exp(-t) - (cos(x) * exp(-t)) ** 3),
            Periodic("x"),
            Initial(u=lambda x: cos(x), u_t=lambda x: -cos(x)),
        ],
        (16, 16),
        u=lambda x, t: cos(x) * exp(-t),
    ),
    case(
        "ode",  # u'' + sin(u) = f with u = sin(2 t) + t / 2
        Box(t=(0, 2)),
        "u",
        [
            Equation(lambda u, t: u.tt + sin(u) + 4 * sin(2 * t) - sin(sin(2 * t) + t / 2)),
            Initial(u=0.0, u_t=2.5),
        ],
        (200,),
        u=lambda t: sin(2 * t) + t / 2,
    ),
    case(
        "ode_system",
        Box(t=(0, 2)),
        Unknown("w", components=2),
        [
            Equation(lambda w: (w[0].t - w[1], w[1].t + w[0])),
            Initial(w=(0.0, 1.0)),
        ],
        (600,),
        w=lambda t: torch.stack([sin(t), cos(t)], dim=-1),
    ),
    case(
        "eikonal",
        square,
        "T",
        [
            Equation(lambda T, y: (1 + 2 * y) ** 2 * (T.x**2 + T.y**2) - 1),
            Dirichlet(PointSet(x=0.5, y=0.1), T=0.0),
        ],
        (64, 64),
        T=arrival,
    ),
]


def find(name: str) -> Problem:
    return next(c.problem for c in CASES if c.problem.name == name)


def exact_on(problem: Problem, grid) -> dict[str, np.ndarray]:
    """The closed forms on a grid."""
    ticks = [np.asarray(t) for t in grid.values()]
    coords = np.stack([m.ravel() for m in np.meshgrid(*ticks, indexing="ij")], axis=1)
    shape = [len(t) for t in ticks]
    found = exact_values(problem, torch.from_numpy(coords), {})
    return {name: value.numpy().reshape(*shape, *value.shape[1:]) for name, value in found.items()}


def errors(problem: Problem, solved: Solved) -> dict[str, float]:
    """Relative error of each unknown, root mean square."""
    true = exact_on(problem, solved.grid)
    return {name: rms(solved.values[name] - true[name]) / rms(true[name]) for name in true}


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
