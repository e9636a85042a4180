"""The search for polynomials in many coordinates, and least squares with many columns."""

import math

import pytest
import torch
from torch import Tensor

from pinnkit.domains import Ball, Box, Cube, Time
from pinnkit.fields import Additive, Expansion, RandomFourier, TotalDegree
from pinnkit.problem.problem import Coefficient, Problem
from pinnkit.problem.terms import Data, Dirichlet, Equation, Initial, Neumann, Periodic
from pinnkit.solutions.status import Status
from pinnkit.solutions.storage import load, save
from pinnkit.solvers import LeastSquares, solve
from pinnkit.solvers.least_squares import dense_lstsq as lstsq_module
from pinnkit.solvers.least_squares.polynomial_search import MANY_COORDINATES, _before_the_gap, search_polynomials
from pinnkit.solvers.plans.planning import plan

dense_lstsq = lstsq_module.dense_lstsq


def poisson(d: int, exact, f) -> Problem:
    cube = Box(x=Cube(0, 1, dim=d))
    terms = [Equation(lambda u, x: -u.laplacian - f(x)), Dirichlet(cube.boundary, u=exact)]
    return Problem("poisson", cube, "u", terms, exact=dict(u=exact))


def additive(d: int) -> Problem:
    return poisson(d, lambda x: torch.sin(x).sum(dim=1), lambda x: torch.sin(x).sum(dim=1))


def paired(d: int, weight: float = 1.0) -> Problem:
    """Coordinates 2k and 2k + 1 act together."""

    def wave(x):
        return torch.sin(x[:, 0::2] + 2 * x[:, 1::2]).sum(dim=1)

    return poisson(d, lambda x: weight * wave(x) + x.sum(dim=1), lambda x: 5 * weight * wave(x))


def mixed(d: int) -> Problem:
    return poisson(d, lambda x: torch.exp(0.5 * x.sum(dim=1)), lambda x: -d / 4 * torch.exp(0.5 * x.sum(dim=1)))


def error(problem: Problem, modules, seed: int = 9) -> float:
    x = problem.domain.sample(1000, torch.Generator().manual_seed(seed)).coords
    exact = problem.exact["u"](x) if x.shape[1] == problem.axes[0].dim else problem.exact["u"](x[:, :-1], x[:, -1])
    with torch.no_grad():
        return float((next(iter(modules.values()))(x)[:, 0] - exact).norm() / exact.norm())


def search(problem: Problem, **options):
    tried = []
    best = search_polynomials(problem, [("u",)], MANY_COORDINATES, seed=0, report=tried.append, **options)
    return best, [a.words for a in tried]


# the search ---------------------------------------------------------------------------------------------------------
def test_a_sum_of_functions_of_one_coordinate_is_found_as_such() -> None:
    problem = additive(20)
    best, tried = search(problem)
    assert best.fields.modules["u",].spec.order == 1
    assert all("one coordinate" in words for words in tried)
    assert error(problem, best.fields.modules) < 1e-12


@pytest.mark.slow
def test_all_coordinates_together_take_the_total_degree() -> None:
    problem = mixed(5)
    best, _ = search(problem, tolerance=1e-6)
    assert isinstance(best.fields.modules["u",].spec, TotalDegree)
    assert error(problem, best.fields.modules) < 1e-6


@pytest.mark.slow
def test_pairs_are_found_among_all_where_all_products_are_too_many() -> None:
    problem = paired(30)
    best, tried = search(problem, limit=1000)  # 30 * 29 / 2 pairs; 5,455 products of degree 3
    assert best.fields.modules["u",].spec.pairs == tuple((a, a + 1) for a in range(0, 30, 2))
    assert any("all pairs" in words for words in tried)
    assert error(problem, best.fields.modules) < 1e-7


def test_pairs_in_few_dimensions_need_no_screening() -> None:
    problem = paired(6)
    best, _ = search(problem, limit=600)
    assert best.fields.modules["u",].spec.order == 2
    assert error(problem, best.fields.modules) < 1e-7


def test_the_same_seed_gives_the_same_field_and_another_seed_other_points() -> None:
    problem = mixed(5)
    first, again = (search(problem, tolerance=1e-3)[0] for _ in range(2))
    assert torch.equal(first.theta, again.theta)
    other = search_polynomials(problem, [("u",)], MANY_COORDINATES, seed=1, tolerance=1e-3)
    assert not torch.equal(first.theta, other.theta)


def test_the_closed_form_is_not_consulted() -> None:
    problem = mixed(5)
    blind = Problem("poisson", problem.domain, "u", problem.terms)
    with_form, without = (search(p, tolerance=1e-3)[0] for p in (problem, blind))
    assert torch.equal(with_form.theta, without.theta)


def test_the_search_ends_where_it_is_told_to() -> None:
    assert len(search(mixed(5), limit=100)[1]) < len(search(mixed(5), limit=500)[1])
    assert len(search(mixed(5), left=lambda: 0.0)[1]) == 1
    calls = []
    search_polynomials(
        mixed(5), [("u",)], MANY_COORDINATES, seed=0, report=lambda a: calls.append(a) or len(calls) == 2
    )
    assert len(calls) == 2
    with pytest.raises(ValueError, match="`limit`"):
        search(mixed(5), limit=5)


def test_a_nonlinear_equation_goes_by_newton() -> None:
    cube = Box(x=Cube(0, 1, dim=5))

    def exact(x):
        return torch.exp(0.3 * x.sum(dim=1))

    terms = [
        Equation(lambda u, x: -u.laplacian + u**3 - exact(x) ** 3 + 0.45 * exact(x)),
        Dirichlet(cube.boundary, u=exact),
    ]
    problem = Problem("cubic", cube, "u", terms, exact=dict(u=exact))
    best, _ = search(problem, tolerance=1e-6)
    assert error(problem, best.fields.modules) < 1e-6


def test_a_coefficient_is_found_along() -> None:
    cube = Box(x=Cube(0, 1, dim=5))

    def exact(x):
        return torch.sin(x).sum(dim=1)

    points = torch.rand(40, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    terms = [
        Equation(lambda u, x, k: -k * u.laplacian - 2 * exact(x)),
        Dirichlet(cube.boundary, u=exact),
        Data(dict(x=points), u=exact(points)),
    ]
    problem = Problem("inverse", cube, "u", terms, [Coefficient("k", 1.0)])
    best, _ = search(problem, tolerance=1e-9)
    assert float(best.parameters.found()["k"]) == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize(
    ("sizes", "kept"), [([9.0, 8, 7, 0.1, 0.09], 3), ([9.0, 0.5, 0.4, 0.3], 1), ([5.0], 1), ([4.0, 3, 0.0, 0.0], 2)]
)
def test_pairs_are_kept_up_to_the_largest_drop(sizes: list[float], kept: int) -> None:
    assert _before_the_gap(sizes, len(sizes)) == kept
    assert _before_the_gap(sizes, 1) == 1
    assert _before_the_gap(sizes, 0) == 0


# solve --------------------------------------------------------------------------------------------------------------
def test_automatic_takes_polynomials_in_more_than_four_coordinates() -> None:
    first = plan(additive(5)).first
    assert first.field == Expansion()
    assert "5 coordinates" in first.reason
    assert isinstance(plan(additive(4)).first.field, RandomFourier)
    ring = Box(x=(0, 1), y=(0, 1), z=(0, 1), w=(0, 1), v=(0, 1))
    hard = Problem("ring", ring, "u", [Equation(lambda u, x: u.laplacian - torch.sin(x)), Periodic("x", hard=True)])
    assert all(choice.field != Expansion() for choice in plan(hard).candidates)


def test_solve_says_what_it_chose_and_the_solution_can_be_stored(tmp_path) -> None:
    problem = additive(8)
    solution = solve(problem, seed=0, device="cpu")
    assert error(problem, solution.modules) < 1e-11
    assert "polynomials of one coordinate" in solution.choice
    assert solution.status is Status.SOLVED
    again = load(save(solution, tmp_path / "a.h5"))
    x = problem.domain.sample(20, torch.Generator().manual_seed(0)).coords
    assert (again(x=x)["u"] == solution(x=x)["u"]).all()


def test_polynomials_as_given_are_solved_for() -> None:
    problem = mixed(5)
    solution = solve(problem, TotalDegree(5), seed=0, device="cpu")
    assert error(problem, solution.modules) < 1e-4
    assert solve(problem, Additive(4), seed=0, device="cpu").fields["u",] == Additive(4)


def test_an_expansion_is_for_least_squares_alone() -> None:
    from pinnkit.solvers import Adam

    with pytest.raises(ValueError, match="Expansion"):
        solve(mixed(5), Expansion(), [MANY_COORDINATES, LeastSquares()], device="cpu")
    with pytest.raises(ValueError, match="LeastSquares only"):
        solve(mixed(5), Expansion(), [Adam(steps=1)], device="cpu")
    with pytest.raises(ValueError, match="TotalDegree"):
        Expansion().build((), 1, generator=torch.Generator(), dtype=torch.float64, device="cpu")


def test_heat_in_a_ball_in_time() -> None:
    ball = Ball(x=(0,) * 4) * Time(0, 1)

    def exact(x, t):
        return torch.exp((x**2).sum(dim=1) / 4 + t / 2)

    def f(x):
        return -(x**2).sum(dim=1) / 4

    terms = [
        Equation(lambda u, x, t: u.t - u.laplacian / 4 - (f(x) / 4) * exact(x, t)),
        Neumann(ball.boundary, u=lambda x, t: 0.5 * exact(x, t)),
        Initial(u=lambda x: exact(x, torch.zeros(()))),
    ]
    problem = Problem("heat", ball, "u", terms, exact=dict(u=exact))
    best, _ = search(problem, tolerance=2e-4)
    assert error(problem, best.fields.modules) < 1e-4


# least squares with many columns --------------------------------------------------------------------------------------
def system(n: int, p: int, condition: float = 1e3) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(n, p, generator=generator, dtype=torch.float64)
    a = a * torch.logspace(0, math.log10(condition), p, dtype=torch.float64)
    a = a @ torch.linalg.qr(torch.randn(p, p, generator=generator, dtype=torch.float64)).Q
    norms = a.norm(dim=0)
    x = torch.randn(p, generator=generator, dtype=torch.float64)
    return a / norms, x, torch.randn(n, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("condition", [1e1, 1e4, 1e7])
def test_many_columns_give_what_singular_values_give(condition: float, monkeypatch: pytest.MonkeyPatch) -> None:
    a, x, noise = system(300, 80, condition)
    for b in (a @ x, a @ x + 1e-3 * noise, torch.zeros(300).double()):
        slow = dense_lstsq(a, b, 1e-14)
        monkeypatch.setattr(lstsq_module, "_DENSE", 10)
        fast = dense_lstsq(a, b, 1e-14)
        monkeypatch.undo()
        assert float((a @ (fast - slow)).norm()) <= 1e-10 * float(b.norm())
        assert float((a.T @ (a @ fast - b)).norm()) <= 1e-11 * float(b.norm())


def test_dependent_columns_are_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    a, x, _ = system(300, 40)
    twice = torch.cat([a, a], dim=1)
    monkeypatch.setattr(lstsq_module, "_DENSE", 10)
    found = dense_lstsq(twice, a @ x, 1e-12)
    assert float((twice @ found - a @ x).norm()) <= 1e-9 * float((a @ x).norm())
    assert float(found.norm()) < 1e3 * float(x.norm())
