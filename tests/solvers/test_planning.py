"""Planning: candidates of field and solver by static rules, with their reasons."""

import pytest
import torch

from pinnkit import (
    LBFGS,
    Adam,
    Box,
    Coefficient,
    Cube,
    Data,
    Dirichlet,
    Equation,
    GaussNewton,
    Initial,
    LeastSquares,
    March,
    Problem,
    RandomFourier,
    Siren,
    plan,
)
from pinnkit.fields import Expansion, Trefftz
from pinnkit.problem.penalties import Huber
from pinnkit.solvers import Candidate
from tests.solvers.cases import DAY, ROD, cubic, heat, poisson


def candidates(problem: Problem) -> tuple[Candidate, ...]:
    return plan(problem).candidates


XS = torch.linspace(0, 1, 5, dtype=torch.float64)
FOUR = Box(x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1))
FIVE = Box(x=Cube(0, 1, dim=5))

LINEAR = {
    "heat": heat(),
    "poisson": poisson(),
    "four coordinates": Problem("four", FOUR, "u", [Equation(lambda u: u.t - u.laplacian)]),
    "a hard condition": heat(ansatz={"u": lambda u, x: x * (1 - x) * u}, terms=[heat().terms[0]]),
}
NONLINEAR = {
    "cubic": (cubic(), "'equation' is nonlinear"),
    "an ordinary equation": (
        Problem("clairaut", DAY, "u", [Equation(lambda u: u.t**2 - 4 * u, name="growth"), Initial(u=0.1)]),
        "'growth' is nonlinear",
    ),
    "a nonlinear ansatz": (
        heat(ansatz={"u": lambda u: torch.exp(u)}, terms=[heat().terms[0]]),
        "'equation' is nonlinear",
    ),
    "a coefficient": (
        heat(
            terms=[Equation(lambda u, nu: u.t - nu * u.xx), Data(dict(x=XS, t=XS), u=XS)],
            coefficients=[Coefficient("nu", 1.0)],
        ),
        "unknown",
    ),
}
HIGH = Problem("high", FIVE, "u", [Equation(lambda u: u.laplacian), Dirichlet(FIVE.boundary, u=0.0)])
TRAINED = {
    "a penalty": (heat(terms=[Equation(lambda u: u.t - u.xx, penalty=Huber())]), "'equation' is not a square"),
    "data alone": (Problem("fit", ROD, "u", [Data(dict(x=XS, t=XS), u=XS)]), "no equation"),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_problems_of_few_coordinates_begin_with_least_squares(name: str) -> None:
    choice, *others = (c for c in candidates(LINEAR[name]) if c.field != Trefftz())
    assert choice.field == RandomFourier(bandwidth=None)
    assert tuple(choice.solvers) == (LeastSquares(),)
    assert "least squares" in choice.reason
    assert "linear" in choice.reason
    assert others


@pytest.mark.parametrize("name", NONLINEAR)
def test_nonlinear_problems_go_by_newton_and_the_reason_names_what_is_nonlinear(name: str) -> None:
    problem, reason = NONLINEAR[name]
    choice = next(c for c in candidates(problem) if isinstance(c.solvers[0], LeastSquares))
    assert choice.field == RandomFourier(bandwidth=None)
    assert "Newton" in choice.reason
    assert reason in choice.reason


@pytest.mark.parametrize("name", TRAINED)
def test_other_problems_are_trained_and_the_reason_says_why(name: str) -> None:
    problem, reason = TRAINED[name]
    (choice,) = candidates(problem)
    assert isinstance(choice.field, Siren)
    assert [type(s) for s in choice.solvers] == [Adam, LBFGS]
    assert reason in choice.reason


def test_a_nonlinear_evolution_marches_first_and_a_linear_one_last() -> None:
    first = candidates(cubic())[0]
    assert isinstance(first.solvers[0], March)
    assert first.field is None
    assert isinstance(candidates(heat())[-1].solvers[0], March)


def test_what_cannot_march_does_not_try() -> None:
    for problem in (poisson(), LINEAR["four coordinates"], NONLINEAR["an ordinary equation"][0]):
        assert not any(isinstance(c.solvers[0], March) for c in candidates(problem))


def test_many_coordinates_go_by_polynomials_and_then_by_a_network() -> None:
    first, second = candidates(HIGH)
    assert first.field == Expansion()
    assert "5 coordinates" in first.reason
    assert isinstance(second.solvers[0], GaussNewton)
    assert second.adaptive is not None


def test_the_last_candidate_is_a_network_where_sines_may_fail() -> None:
    assert isinstance(candidates(poisson())[-1].solvers[0], GaussNewton)
    assert isinstance(candidates(cubic())[-1].solvers[0], GaussNewton)


def test_a_reason_is_a_sentence_or_two() -> None:
    every = [*LINEAR.values(), *(p for p, _ in NONLINEAR.values()), *(p for p, _ in TRAINED.values()), HIGH]
    for problem in every:
        for choice in candidates(problem):
            assert choice.reason[0].isupper()
            assert choice.reason.endswith(".")
            assert "\n" not in choice.reason


def test_the_choice_is_the_same_every_time_and_asks_no_exact_solution() -> None:
    calls = []

    def exact(x, t):
        calls.append(1)
        return x * t

    problem = heat(exact={"u": exact})
    calls.clear()
    assert candidates(problem) == candidates(problem)
    assert not calls
