"""Proved error bounds: never below the true error, not far above it, and absent where nothing is proved."""

import copy
from dataclasses import replace

import pytest
import torch

from pinnkit import Dirichlet, Equation, Neumann, Problem, RandomFourier, Robin, solve, verdict
from pinnkit.domains import Ball, Box, Polygon
from pinnkit.fields import Trefftz
from pinnkit.measure.acceptance.random_polygons import largest_error, random_problem
from pinnkit.verification.finding import Level
from pinnkit.verification.maximum_principle import proved_bound

SQUARE = Box(x=(0, 1), y=(0, 1))


def module_of(solution):
    (module,) = solution.modules.values()
    return module


def error_of(solution, problem, sources) -> float:
    """Largest error in the domain and on its boundary."""
    x = problem.domain.boundary.sample(2000, torch.Generator().manual_seed(3)).coords
    with torch.no_grad():
        on_walls = (module_of(solution)(x)[:, 0] - sources.value(x[:, 0], x[:, 1])).abs().max()
    return max(float(on_walls), largest_error(module_of(solution), problem, sources))


@pytest.mark.parametrize(("seed", "mixed", "kappa"), [(0, False, 0.0), (1, True, 0.0), (4, False, -16.0)])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-9])
def test_the_bound_holds_and_is_not_far_above(seed: int, mixed: bool, kappa: float, tolerance: float) -> None:
    problem, sources = random_problem(seed, kappa, mixed=mixed, manufactured=True)
    solution = solve(problem, Trefftz(), tolerance=tolerance)
    found = proved_bound(solution)
    assert found is not None
    error = error_of(solution, problem, sources)
    assert error <= found.error <= 100 * error


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("mixed", [False, True])
def test_the_bound_holds_on_twenty_polygons(seed: int, mixed: bool) -> None:
    problem, sources = random_problem(seed, 0.0, mixed=mixed, manufactured=True)
    solution = solve(problem, Trefftz(), tolerance=1e-9)
    found = proved_bound(solution)
    assert found is not None
    error = error_of(solution, problem, sources)
    assert error <= found.error <= 300 * error


@pytest.mark.parametrize("change", [1e-3, 1e-6])
def test_a_planted_error_is_within_the_bound(change: float) -> None:
    shape = Polygon([(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)])
    problem = Problem("l", shape, "u", [Equation(lambda u: -u.laplacian - 1), Dirichlet(shape.boundary, u=0.0)])
    solution = solve(problem, Trefftz(), tolerance=1e-8)
    x = shape.sample(500, torch.Generator().manual_seed(1)).coords
    before = module_of(solution)(x).detach()
    wrong = copy.deepcopy(solution)
    with torch.no_grad():
        module_of(wrong).readout.weight[0, 3] += change
    found = proved_bound(wrong)
    moved = float((module_of(wrong)(x).detach() - before).abs().max())
    assert found is not None
    assert 0.9 * moved <= found.error <= 10 * moved


def test_a_wrong_source_is_within_the_bound() -> None:
    def problem(f: float) -> Problem:
        return Problem("s", SQUARE, "u", [Equation(lambda u: -u.laplacian - f), Dirichlet(SQUARE.boundary, u=0.0)])

    solution = solve(problem(1.0), Trefftz(), tolerance=1e-8)
    found = proved_bound(replace(solution, problem=problem(1.1)))
    assert found is not None
    assert 0.00736 <= found.error <= 0.04  # the true error is a tenth of max u = 0.0737


def test_the_verdict_is_confirmed_by_the_proof() -> None:
    disk = Ball(x=0, y=0)
    problem = Problem(
        "disk",
        disk,
        "u",
        [Equation(lambda u, x: -u.laplacian - torch.exp(x)), Dirichlet(disk.boundary, u=lambda x, y: x * y)],
    )
    found = verdict(solve(problem))
    assert found.level is Level.CONFIRMED
    assert found.confirmed_by[0].startswith("proved: error at most ")
    assert found.proved_error < 1e-10


def test_a_robin_condition_is_covered_and_one_of_the_wrong_sign_is_not() -> None:
    disk = Ball(x=0, y=0)

    def problem(alpha: float) -> Problem:
        terms = [Equation(lambda u: u.laplacian), Robin(disk.boundary, u=(alpha, 1.0, lambda x, y: x + y))]
        return Problem("robin", disk, "u", terms)

    good = proved_bound(solve(problem(2.0), Trefftz(), tolerance=1e-10))
    assert good is not None
    assert good.relative < 1e-8
    assert proved_bound(solve(problem(-2.5), Trefftz(), tolerance=1e-10)) is None


def test_nothing_is_proved_where_the_principle_does_not_hold() -> None:
    helmholtz = Problem("h", SQUARE, "u", [Equation(lambda u: u.laplacian + 30 * u), Dirichlet(SQUARE.boundary, u=1.0)])
    assert proved_bound(solve(helmholtz, Trefftz(), tolerance=1e-6)) is None
    laplace = Problem("l", SQUARE, "u", [Equation(lambda u: u.laplacian), Dirichlet(SQUARE.boundary, u=1.0)])
    assert proved_bound(solve(laplace, RandomFourier(30, bandwidth=2.0))) is None
    walls = SQUARE.boundary
    tilted = Problem("t", SQUARE, "u", [Equation(lambda u: 2 * u.xx + u.yy - u), Neumann(walls, u=1.0)])
    assert proved_bound(solve(tilted, Trefftz(), tolerance=1e-6)) is None
