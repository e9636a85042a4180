"""Small problems and fields that the tests of the solvers share."""

import math
from typing import Any

import torch
from torch import Tensor

from pinnkit import (
    Box,
    Coefficient,
    Data,
    Dirichlet,
    Equation,
    FourierMLP,
    Initial,
    Problem,
    RandomFourier,
    Siren,
    Unknown,
)
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CollocationPoints
from pinnkit.solvers.collocation.parameters import Parameters

ROD = Box(x=(0, 1), t=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))
LINE = Box(x=(0, 1))
DAY = Box(t=(0, 1))
ALPHA = 1 / math.pi**2
CPU = torch.device("cpu")
F64 = torch.float64


def heat(**changes: Any) -> Problem:
    given: dict[str, Any] = dict(
        name="heat",
        domain=ROD,
        unknowns="u",
        terms=[
            Equation(lambda u: u.t - ALPHA * u.xx),
            Dirichlet(ROD.boundary, u=0.0),
            Initial(u=lambda x: torch.sin(math.pi * x)),
        ],
    )
    return Problem(**{**given, **changes})


def heat_exact(x: Tensor, t: Tensor) -> Tensor:
    return torch.sin(math.pi * x) * torch.exp(-t)


def poisson(**changes: Any) -> Problem:
    def f(x: Tensor, y: Tensor) -> Tensor:
        return 2 * math.pi**2 * torch.sin(math.pi * x) * torch.sin(math.pi * y)

    given: dict[str, Any] = dict(
        name="poisson",
        domain=SQUARE,
        unknowns="u",
        terms=[Equation(lambda u, x, y: -u.laplacian - f(x, y)), Dirichlet(SQUARE.boundary, u=0.0)],
    )
    return Problem(**{**given, **changes})


def cubic(**changes: Any) -> Problem:
    """u_t - u_xx + u^3 = 0, semilinear."""
    given: dict[str, Any] = dict(
        name="cubic",
        domain=ROD,
        unknowns="u",
        terms=[
            Equation(lambda u: u.t - u.xx + u**3),
            Dirichlet(ROD.boundary, u=0.0),
            Initial(u=lambda x: torch.sin(math.pi * x)),
        ],
    )
    return Problem(**{**given, **changes})


def flow(**changes: Any) -> Problem:
    """A scalar p and a vector v that share a square: p_x = div v, v = (y, x) on the boundary, p v_0 = 1 inside."""
    given: dict[str, Any] = dict(
        name="flow",
        domain=SQUARE,
        unknowns=["p", Unknown("v", components=2)],
        terms=[
            Equation(lambda p, v: (p.x - v[0].x - v[1].y, p * v[0] - 1.0)),
            Dirichlet(SQUARE.boundary, v=lambda x, y: torch.stack([y, x], dim=-1)),
        ],
    )
    return Problem(**{**given, **changes})


def pair() -> Problem:
    """u of x and t beside kappa of x alone: two fields."""
    return Problem(
        name="pair",
        domain=ROD,
        unknowns=["u", Unknown("kappa", axes=("x",))],
        terms=[
            Equation(lambda u, kappa: u.t - kappa * u.xx - kappa.x * u.x),
            Dirichlet(ROD.boundary, u=0.0),
            Initial(u=lambda x: torch.sin(math.pi * x)),
        ],
    )


XS = torch.linspace(0.05, 0.95, 12, dtype=F64)
GRID = [c.reshape(-1) for c in torch.meshgrid(XS, XS, indexing="ij")]


def inverse(**options: Any) -> Problem:
    """u_t = nu u_xx with nu = 0.15, measured at 144 points."""

    def exact(x: Tensor, t: Tensor) -> Tensor:
        return torch.sin(math.pi * x) * torch.exp(-0.15 * math.pi**2 * t)

    return Problem(
        "inverse",
        ROD,
        "u",
        [Equation(lambda u, nu: u.t - nu * u.xx), Data(dict(x=GRID[0], t=GRID[1]), u=exact(*GRID))],
        coefficients=[Coefficient("nu", 0.6, **options)],
    )


SMALL = Siren(width=8, depth=2)
SINES = RandomFourier(12, bandwidth=3.0)
FOURIER = FourierMLP(features=4, width=8, depth=1)
NET = Siren(width=12, depth=2, omega=3.0)
FEW = dict(points=64, condition_points=16)


def fields_of(problem: Problem, spec: Any = SMALL, *, groups: Any = None, dtype: torch.dtype = F64) -> FieldSet:
    """Fields of a problem with a read-out that is not zero; by default all unknowns share one."""
    modules = {}
    for i, group in enumerate(groups or (problem.names,)):
        columns = problem.columns_of(group[0])
        axes = [a for a in problem.axes if a.columns[0] in columns]
        outputs = sum(problem.unknown(name).components or 1 for name in group)
        generator = torch.Generator().manual_seed(3 + i)
        module = spec.build(axes, outputs, generator=generator, dtype=dtype, device="cpu")
        with torch.no_grad():
            drawn = torch.randn(module.readout.weight.shape, generator=generator, dtype=F64)
            module.readout.weight.copy_(0.5 * drawn)
        modules[group] = module
    return FieldSet(problem, modules)


def parameters_of(fields: FieldSet, *, dtype: torch.dtype = F64) -> Parameters:
    return Parameters(fields.problem, list(fields.modules.values()), device=CPU, dtype=dtype)


def points_of(problem: Problem, count: int = 40, **options: Any) -> CollocationPoints:
    counts = {str(t.name): count for t in problem.terms}
    return CollocationPoints(problem, counts, options.pop("seed", 0), **options)


def relative(found: Any, exact: Any) -> float:
    found, exact = torch.as_tensor(found), torch.as_tensor(exact)
    return float((found - exact).norm() / exact.norm())


def error(solution: Any, **exact: Any) -> float:
    """The worst relative L2 error of the named unknowns at random points of the domain."""
    problem = solution.problem
    coords = problem.domain.sample(400, torch.Generator().manual_seed(5)).coords
    at = {a.name: coords[:, i].numpy() for i, a in enumerate(problem.axes)}
    found = solution(**at)
    inputs = [torch.as_tensor(v) for v in at.values()]
    return max(relative(found[name], f(*inputs)) for name, f in exact.items())
