"""Solutions written by hand for the verdict: right ones, and wrong ones of every kind that users of PINNs meet.

None of the problems has a closed form that the verdict could see: what is wrong must show in the residuals, in what the
terms leave open, or against the reference.
"""

import math
from dataclasses import replace

import torch
from torch import nn

from pinnkit.domains import Box, Parameters, PointSet
from pinnkit.problem.problem import Coefficient, Problem
from pinnkit.problem.terms import Condition, Data, Dirichlet, Equation, Initial, Neumann, Periodic
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from tests.samples import solution_of

PI = math.pi
sin, cos, exp, tanh = torch.sin, torch.cos, torch.exp, torch.tanh


class Field(nn.Module):
    """A field whose outputs are functions of the coordinate columns."""

    def __init__(self, *functions):
        super().__init__()
        self.functions = functions

    def forward(self, coords):
        columns = coords.unbind(dim=1)
        like = 0 * columns[0]
        return torch.stack([like + f(*columns) for f in self.functions], dim=1)


def planted(problem: Problem, *functions, **changes) -> Solution:
    """A solution of `problem` whose unknowns are `functions` of the columns."""
    return solution_of(problem, Field(*functions), **{"status": Status.SOLVED, **changes})


def zero(x, *_):
    """Nothing."""
    return 0 * x


def step(z):
    """From 0 to 1 around z = 0, smooth."""
    return 0.5 * (1 + tanh(z))


# problems -----------------------------------------------------------------------------------------------------------
UNIT = Box(x=(0, 1), y=(0, 1))
ROD = Box(x=(0, 1), t=(0, 1))


def poisson(size=1.0):
    f = 2 * PI**2 * size
    return Problem(
        "poisson",
        UNIT,
        "u",
        [Equation(lambda u, x, y: -u.laplacian - f * sin(PI * x) * sin(PI * y)), Dirichlet(UNIT.boundary, u=0.0)],
    )


def peak(x, y):
    return sin(PI * x) * sin(PI * y)


def poisson_two_modes():
    def f(x, y):
        return 2 * PI**2 * peak(x, y) + 0.5 * 72 * PI**2 * peak(6 * x, 6 * y)

    return Problem(
        "modes", UNIT, "u", [Equation(lambda u, x, y: -u.laplacian - f(x, y)), Dirichlet(UNIT.boundary, u=0)]
    )


def bump_problem():
    """-u'' = f with a solution to the left of the middle."""
    box = Box(x=(0, 1))
    return Problem("bump", box, "u", [Equation(lambda u, x: -u.xx + 20 * (3 * x - 2)), Dirichlet(box.boundary, u=0)])


def bump(x):
    return 10 * x * (1 - x) ** 2


def insulated():
    """A flux on all walls: known up to a constant."""
    return Problem(
        "insulated",
        UNIT,
        "u",
        [
            Equation(lambda u, x, y: -u.laplacian - 2 * PI**2 * cos(PI * x) * cos(PI * y)),
            Neumann(UNIT.boundary, u=0.0),
        ],
    )


def pinned():
    terms = [
        Equation(lambda u, x, y: -u.laplacian - 2 * PI**2 * cos(PI * x) * cos(PI * y)),
        Neumann(UNIT.boundary, u=0.0),
        Dirichlet(PointSet(x=0.0, y=0.0), u=1.0),
    ]
    return Problem("pinned", UNIT, "u", terms)


def membrane():
    """Free vibrations: zero is a solution, and so is every multiple of another one."""
    terms = [Equation(lambda u: u.laplacian + 2 * PI**2 * u), Dirichlet(UNIT.boundary, u=0.0)]
    return Problem("membrane", UNIT, "u", terms)


def heat(size=1.0, alpha=1 / PI**2, start=None):
    start = start or (lambda x: size * sin(PI * x))
    terms = [Equation(lambda u: u.t - alpha * u.xx), Dirichlet(ROD.boundary, u=0.0), Initial(u=start)]
    return Problem("heat", ROD, "u", terms)


def insulated_rod():
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Neumann(ROD.boundary, u=0.0),
        Initial(u=lambda x: 2 + cos(PI * x)),
    ]
    return Problem("insulated rod", ROD, "u", terms)


def string(velocity=0.0):
    terms = [
        Equation(lambda u: u.tt - 4 * u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x), u_t=lambda x: velocity * sin(PI * x)),
    ]
    return Problem("string", ROD, "u", terms)


def string_without_velocity():
    terms = [
        Equation(lambda u: u.tt - 4 * u.xx),
        Dirichlet(ROD.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("string", ROD, "u", terms)


def ring(speed=1.0):
    box = Box(x=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t + speed * u.x),
        Periodic("x", order=0),
        Initial(u=lambda x: sin(2 * PI * x)),
    ]
    return Problem("ring", box, "u", terms)


def rays():
    box = Box(x=(0, 1), y=(0, 1))
    source = PointSet(x=-0.0, y=0.5)
    return Problem("rays", box, "T", [Equation(lambda T: T.x**2 + T.y**2 - 1), Dirichlet(source, T=0.0)])


def distance(x, y):
    return torch.sqrt(x**2 + (y - 0.5) ** 2 + 1e-12)


def front(nu=0.02):
    """Burgers' equation with a travelling front."""
    box = Box(x=(-1, 1), t=(0, 1))
    u = travelling(nu)
    terms = [
        Equation(lambda u: u.t + u * u.x - nu * u.xx),
        Dirichlet(box.boundary, u=lambda x, t: u(x, t)),
        Initial(u=lambda x: u(x, 0 * x)),
    ]
    return Problem("front", box, "u", terms)


def travelling(nu):
    return lambda x, t: 0.5 - 0.5 * tanh(0.25 * (x + 0.25 - 0.5 * t) / nu)


def layer(eps=0.05):
    """Steady Allen-Cahn equation between its two phases."""
    box = Box(x=(-1, 1))
    terms = [
        Equation(lambda u: eps**2 * u.xx + u - u**3),
        Dirichlet(box.boundary, u=lambda x: tanh(x / (math.sqrt(2) * eps))),
    ]
    return Problem("layer", box, "u", terms)


def bratu():
    """u'' + exp(u) = 0: two solutions, of which the lower is meant (Bratu 1914)."""
    box = Box(x=(0, 1))
    return Problem("bratu", box, "u", [Equation(lambda u: u.xx + exp(u)), Dirichlet(box.boundary, u=0.0)])


def bratu_branch(theta):
    return lambda x: -2 * torch.log(torch.cosh((x - 0.5) * theta / 2) / math.cosh(theta / 4))


LOWER, UPPER = 1.5171645990507543, 10.9387028  # theta = sqrt(2) cosh(theta / 4)


def squares():
    """(u^2)'' = 2 with u^2 prescribed: the sign is not."""
    box = Box(x=(0, 1))
    terms = [
        Equation(lambda u: u * u.xx + u.x**2 - 1),
        Condition(box.boundary, lambda u, x: u**2 - (1 + x**2)),
    ]
    return Problem("squares", box, "u", terms)


def oscillator(length=6.0):
    box = Box(t=(0, length))
    return Problem(
        "oscillator",
        box,
        ["u", "v"],
        [Equation(lambda u, v: (u.t - v, v.t + u)), Initial(u=1.0, v=0.0)],
    )


def swing(length):
    box = Box(t=(0, length))
    return Problem("swing", box, "u", [Equation(lambda u: u.tt + u), Initial(u=1.0, u_t=0.0)])


def logistic():
    box = Box(t=(0, 10))
    return Problem("logistic", box, "u", [Equation(lambda u: u.t - u * (1 - u)), Initial(u=0.01)])


def grown(t):
    return 1 / (1 + 99 * exp(-t))


def long_line():
    box = Box(x=(0, 100))
    terms = [Equation(lambda y: y.xx), Dirichlet(box.face(x=0), y=1e-3), Dirichlet(box.face(x=100), y=1e3)]
    return Problem("line", box, "y", terms)


def heat_family():
    box = Box(x=(0, 1), t=(0, 1)) * Parameters(k=(0.5, 1.5))
    terms = [
        Equation(lambda u, k: u.t - k * u.xx / PI**2),
        Dirichlet(box.boundary, u=0.0),
        Initial(u=lambda x: sin(PI * x)),
    ]
    return Problem("family", box, "u", terms)


def measured(count=40):
    """A decay whose rate is found from measurements."""
    box = Box(t=(0, 2))
    t = torch.linspace(0, 2, count, dtype=torch.float64)
    noise = 0.02 * torch.randn(count, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    terms = [Equation(lambda u, k: u.t + k * u), Data(dict(t=t), u=exp(-1.5 * t) + noise)]
    return Problem("decay", box, "u", terms, coefficients=[Coefficient("k", 1.0)])


def nothing_prescribed():
    terms = [Equation(lambda u: -u.laplacian + u), Dirichlet(UNIT.boundary, u=0.0)]
    return Problem("nothing", UNIT, "u", terms)


def float32(solution):
    """The same solution in single precision."""
    return replace(solution, dtype=torch.float32)
