"""The search for random sines: it finds what it needs, asks the held-out residual alone, and ends when it should."""

import math

import pytest
import torch

from pinnkit import Box, Coefficient, Data, Dirichlet, Equation, Initial, LeastSquares, Problem
from pinnkit.solvers.least_squares.random_feature_search import search_random_features, solve_with
from tests.solvers.cases import DAY, F64, LINE, ROD, cubic, heat, relative

OSCILLATION = Problem(
    "oscillation",
    LINE,
    "u",
    [
        Equation(lambda u, x: u.xx + 64 * math.pi**2 * torch.sin(8 * math.pi * x)),
        Dirichlet(LINE.boundary, u=0.0),
    ],
)


def found(problem: Problem, **options):
    options = {"features": None, "seed": 0, **options}
    return search_random_features(problem, (problem.names,), LeastSquares(), **options)


def error(attempt, exact) -> float:
    problem = attempt.fields.problem
    coords = problem.domain.sample(500, torch.Generator().manual_seed(8)).coords
    values = attempt.fields.unknowns(coords, attempt.parameters.coefficients())["u"]
    return relative(values, exact(*coords.unbind(dim=1)))


def test_a_fast_oscillation_is_found() -> None:
    best = found(OSCILLATION)
    assert error(best, lambda x: torch.sin(8 * math.pi * x)) < 1e-9
    assert best.bandwidth[0] > 8 * math.pi / 2  # radians per half-width: sin(8 pi x) on [0, 1] is sin(4 pi s)
    assert best.score < 1e-9


def test_each_axis_gets_its_own_bandwidth() -> None:
    box = Box(x=(0, 1), y=(0, 1))
    problem = Problem(
        "layered",
        box,
        "u",
        [
            Equation(lambda u, x, y: u.xx + u.yy + (144 + 1) * torch.sin(12 * x) * torch.cos(y)),
            Dirichlet(box.boundary, u=lambda x, y: torch.sin(12 * x) * torch.cos(y)),
        ],
    )
    best = found(problem, limit=300, tolerance=1e-9)
    assert error(best, lambda x, y: torch.sin(12 * x) * torch.cos(y)) < 1e-6
    assert best.bandwidth[0] > best.bandwidth[1]


def test_the_held_out_residual_orders_bandwidths_as_the_error_does() -> None:
    attempts = [
        solve_with(OSCILLATION, (("u",),), LeastSquares(), 0, 60, (bandwidth,))
        for bandwidth in (2.0, 10.0, 30.0, 400.0)
    ]
    errors = [error(a, lambda x: torch.sin(8 * math.pi * x)) for a in attempts]
    scores = [a.score for a in attempts]
    assert scores.index(min(scores)) == errors.index(min(errors)) == 2
    assert sorted(range(4), key=scores.__getitem__)[:2] == sorted(range(4), key=errors.__getitem__)[:2]


def test_the_best_attempt_is_kept_whatever_comes_after() -> None:
    seen = []
    best = found(heat(), report=lambda a: (seen.append(a), len(seen) == 6)[1])
    assert len(seen) == 6
    assert best.score == min(a.score for a in seen)
    assert not best.interrupted


def test_the_search_ends_where_the_tolerance_is_met() -> None:
    seen = []
    best = found(heat(), tolerance=1e-3, report=seen.append)
    assert best.score <= 1e-3
    assert all(a.score > 1e-3 for a in seen[:-1])


def test_no_bandwidth_is_tried_twice() -> None:
    seen = []
    found(OSCILLATION, report=seen.append)
    keys = [(a.features, a.bandwidth) for a in seen]
    assert len(keys) == len(set(keys))


def test_the_number_of_sines_may_be_given() -> None:
    assert found(heat(), features=60).features == 60
    assert found(OSCILLATION, features=111).features == 111
    assert found(OSCILLATION, features=5).features == 5


def test_the_same_seed_finds_the_same() -> None:
    a, b = found(OSCILLATION, limit=60), found(OSCILLATION, limit=60)
    assert torch.equal(a.theta, b.theta)
    c = found(OSCILLATION, limit=60, seed=1)
    assert c.theta.shape != a.theta.shape or not torch.equal(c.theta, a.theta)


def test_newton_starts_from_the_best_so_far_and_solves_a_nonlinear_equation() -> None:
    problem = Problem(
        "bernoulli",
        DAY,
        "u",
        [Equation(lambda u: u.t - u * (1 - u) * 4), Initial(u=0.1)],
    )
    best = found(problem)
    assert error(best, lambda t: 1 / (1 + 9 * torch.exp(-4 * t))) < 1e-9


def test_a_coefficient_is_found_along_with_the_field() -> None:
    xs = torch.linspace(0, 1, 25, dtype=F64)
    problem = Problem(
        "decay",
        DAY,
        "u",
        [Equation(lambda u, rate: u.t + rate * u), Initial(u=2.0), Data(dict(t=xs), u=2 * torch.exp(-1.7 * xs))],
        coefficients=[Coefficient("rate", 0.5, positive=True)],
    )
    best = found(problem, features=40)
    assert best.parameters.found()["rate"] == pytest.approx(1.7, abs=1e-8)


def test_the_exact_solution_is_never_called() -> None:
    calls = []

    def exact(x, t):
        calls.append(1)
        return torch.zeros_like(x * t)

    problem = heat(exact={"u": exact})
    before = len(calls)  # construction checks its shape
    best = found(problem, limit=250)
    assert len(calls) == before
    assert best.score < 1e-6


def test_control_c_gives_the_best_so_far() -> None:
    seen = []

    def interrupt(attempt) -> None:
        seen.append(attempt)
        if len(seen) == 3:
            raise KeyboardInterrupt

    best = found(heat(), report=interrupt)
    assert best.interrupted
    assert best.score == min(a.score for a in seen)


def test_control_c_before_there_is_anything_is_passed_on() -> None:
    def never(u):
        del u
        raise KeyboardInterrupt

    problem = cubic()
    object.__setattr__(problem.terms[0], "residual", never)
    with pytest.raises(KeyboardInterrupt):
        found(problem)


def test_a_problem_without_a_smooth_solution_still_gives_an_attempt() -> None:
    problem = Problem(
        "step",
        ROD,
        "u",
        [Equation(lambda u: u.t + u.x), Initial(u=lambda x: (x > 0.5).double()), Dirichlet(ROD.face(x=0), u=0.0)],
    )
    best = found(problem, limit=120)
    assert 1e-6 < best.score < 1.0
