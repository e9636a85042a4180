"""Equations solved where a function is negative: closed forms in an ellipse, fluxes, time, and fitted distances."""

import math
from functools import cache

import pytest
import torch

from pinnkit.domains import Box, Region, Time
from pinnkit.fields import MLP, GeometricMLP, RandomFourier
from pinnkit.jets import normal_derivative
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Condition, Data, Dirichlet, Equation, Initial, Neumann
from pinnkit.references import reference
from pinnkit.reports.validation import validate
from pinnkit.solvers import Adam, GaussNewton, LeastSquares, solve

A, B = 0.8, 0.4
BOX = Box(x=(-1, 1), y=(-0.5, 0.5))
SINES = RandomFourier(features=250, bandwidth=(6.0, 4.0))


def level(x):
    return (x[:, 0] / A) ** 2 + (x[:, 1] / B) ** 2 - 1


@cache
def ellipse() -> Region:
    return Region(level, BOX, resolution=128)


def relative_error(solution, exact) -> float:
    """Relative L2 at fresh points inside."""
    domain = solution.problem.domain
    at = domain.sample(1000, torch.Generator().manual_seed(9)).coords
    given = dict(zip(domain.columns, at.T, strict=True))
    expected = exact(**given)
    return float(torch.linalg.norm(torch.as_tensor(solution(**given)["u"]) - expected) / expected.norm())


def bump(x, y):
    """-laplacian of it is 2 / A^2 + 2 / B^2, and it vanishes on the ellipse."""
    return 1 - (x / A) ** 2 - (y / B) ** 2


STEADY = Equation(lambda u: -u.laplacian - 2 / A**2 - 2 / B**2)


@pytest.mark.parametrize(
    ("field", "solvers", "error"),
    [
        (SINES, [LeastSquares()], 1e-5),
        (MLP(width=10, depth=2), [GaussNewton(steps=25, points=600)], 1e-2),
    ],
    ids=["sines", "network"],
)
def test_an_equation_is_solved_inside_the_zero_set(field, solvers, error: float) -> None:
    problem = Problem("ellipse", ellipse(), "u", [STEADY, Dirichlet(ellipse().boundary, u=0.0)])
    solution = solve(problem, field, solvers, seed=0, device="cpu")
    assert relative_error(solution, bump) < error


def test_a_flux_along_the_outward_normal_is_given_on_the_zero_set() -> None:
    """u = exp(x) sin(y) is harmonic; its flux is grad u . n with the normal of the region."""

    def flux(x, y, n):
        return torch.exp(x) * (torch.sin(y) * n[:, 0] + torch.cos(y) * n[:, 1])

    wall = ellipse().boundary
    pinned = Data(dict(x=[0.0], y=[0.0]), u=[0.0])
    fluxes = Condition(wall, lambda u, x, y, n: normal_derivative(u, n) - flux(x, y, n))
    problem = Problem("flux", ellipse(), "u", [Equation(lambda u: u.laplacian), fluxes, pinned])
    solution = solve(problem, SINES, [LeastSquares()], seed=0, device="cpu")
    assert relative_error(solution, lambda x, y: torch.exp(x) * torch.sin(y)) < 1e-5


def test_heat_flows_in_a_region_from_its_start() -> None:
    """u = exp(-2 t) sin(x) sin(y) with its own values on the wall."""
    region = ellipse() * Time(0, 1)

    def exact(x, y, t):
        return torch.exp(-2 * t) * torch.sin(x) * torch.sin(y)

    terms = [
        Equation(lambda u: u.t - u.laplacian),
        Dirichlet(region.boundary, u=exact),
        Initial(u=lambda x, y: torch.sin(x) * torch.sin(y)),
    ]
    problem = Problem("heat", region, "u", terms)
    solution = solve(problem, RandomFourier(features=400, bandwidth=(4.0, 3.0, 3.0)), [LeastSquares()], device="cpu")
    assert relative_error(solution, exact) < 1e-4


def test_no_flux_leaves_a_constant_in_a_region() -> None:
    region = ellipse() * Time(0, 1)
    terms = [Equation(lambda u: u.t - u.laplacian), Neumann(region.boundary, u=0.0), Initial(u=1.5)]
    solution = solve(Problem("still", region, "u", terms), SINES_IN_TIME, [LeastSquares()], device="cpu")
    assert relative_error(solution, lambda x, y, t: torch.full_like(x, 1.5)) < 1e-4  # noqa: ARG005


SINES_IN_TIME = RandomFourier(features=300, bandwidth=(4.0, 3.0, 3.0))


def test_a_solution_in_a_region_and_its_finite_differences_agree_within_their_bar() -> None:
    problem = Problem("ellipse", ellipse(), "u", [STEADY, Dirichlet(ellipse().boundary, u=0.0)])
    found = validate(solve(problem, SINES, LeastSquares(), device="cpu"), budget=0.2).discretised[0]
    assert found.points > 100
    assert found.measured_l2 < found.l2_bar + 1e-5 < 1e-3


def test_finite_differences_refuse_a_region_in_time_by_name() -> None:
    region = ellipse() * Time(0, 1)
    terms = [Equation(lambda u: u.t - u.laplacian), Dirichlet(region.boundary, u=0.0), Initial(u=1.5)]
    with pytest.raises(Unsupported, match=r"not a box but Region, .* without `t` only"):
        reference(Problem("cooling", region, "u", terms), budget=0.1)


def test_a_fitted_field_is_a_region() -> None:
    """A network that begins as a circle, fitted for a moment to the distance of a smaller one."""
    square = Box(x=(-1, 1), y=(-1, 1))
    at = square.sample(500, torch.Generator().manual_seed(2)).coords
    data = Data(dict(x=at[:, 0], y=at[:, 1]), f=at.norm(dim=1) - 0.4)
    fit = solve(
        Problem("circle", square, "f", [data]), GeometricMLP(width=32, depth=2), [Adam(steps=150)], device="cpu"
    )

    def distance(x):
        return next(iter(fit.modules.values()))(x)[:, 0]

    region = Region(distance, square, resolution=64)
    assert region.measure == pytest.approx(math.pi * 0.4**2, rel=0.05)
    problem = Problem("disk", region, "u", [Equation(lambda u: -u.laplacian - 4), Dirichlet(region.boundary, u=0.0)])
    solution = solve(problem, RandomFourier(features=150, bandwidth=5.0), [LeastSquares()], device="cpu")
    assert relative_error(solution, lambda x, y: 0.4**2 - x**2 - y**2) < 0.1
