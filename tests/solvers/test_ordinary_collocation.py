"""Collocation for ordinary differential equations: order of accuracy, digits of its coefficients, estimated errors."""

import math

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev

from pinnkit import Box, Equation, Initial, Problem
from pinnkit.ordinary import OrdinarySystem
from pinnkit.solvers.method_of_lines.radau import radau_tableau
from pinnkit.solvers.ordinary.collocation import collocation, coupled_stages
from pinnkit.solvers.ordinary.decoupled import decoupled_stages
from pinnkit.solvers.ordinary.integration import End, Trajectory, integrate


def pendulum() -> OrdinarySystem:
    problem = Problem(
        "p", Box(t=(0, 2)), ["u", "s"],
        [
            Equation(lambda u, s, t: (u.tt + torch.sin(u), s.t + 50 * (s - torch.sin(t)) - torch.cos(t))),
            Initial(u=1.0, u_t=0.0, s=0.0),
        ],
    )  # fmt: skip
    return OrdinarySystem(problem)


def exactly(states: np.ndarray) -> np.ndarray:
    return np.full(states.shape[1], 1e-14)


def end(system: OrdinarySystem, stages: int, steps: int) -> np.ndarray:
    state = system.start
    for i in range(steps):
        found = coupled_stages(system, collocation(stages), 2 * i / steps, state, 2 / steps, None, exactly)
        assert found is not None
        state = found.states[-1]
    return state


@pytest.mark.parametrize(("stages", "coarse"), [(3, 8), (5, 2)])
def test_the_ends_of_steps_have_order_two_s_minus_one(stages: int, coarse: int) -> None:
    system = pendulum()
    best = end(system, 9, 12)
    one, two = (np.abs(end(system, stages, n) - best)[:2].max() for n in (coarse, 2 * coarse))
    assert math.log2(one / two) == pytest.approx(2 * stages - 1, abs=0.8)
    assert abs(best[2] - math.sin(2)) < 1e-10  # the stiff component, without a restriction of the step


@pytest.mark.parametrize("stages", [4, 6])
def test_the_dense_output_has_order_s_plus_one(stages: int) -> None:
    problem = Problem("o", Box(t=(0, 2)), "u", [Equation(lambda u: u.tt + u), Initial(u=1.0, u_t=0.0)])
    system, table = OrdinarySystem(problem), collocation(stages)

    def error(h: float) -> float:
        found = coupled_stages(system, table, 0.0, system.start, h, None, exactly)
        assert found is not None
        s = np.linspace(-1, 1, 101)
        values = chebyshev.chebval(s, table.chebyshev @ found.states[:, 0])
        return float(np.abs(values - np.cos(h * (s + 1) / 2)).max())

    assert math.log2(error(1.0) / error(0.5)) == pytest.approx(stages + 1, abs=1.1)  # even about 0: one more at times


@pytest.mark.parametrize("stages", [3, 7, 9, 13, 17])
def test_the_coefficients_keep_their_digits_for_many_stages(stages: int) -> None:
    table = collocation(stages)
    c = table.nodes
    assert c[-1] == 1.0
    for k in range(1, stages + 1):  # A integrates t^(k-1) exactly, and its last row t^(2 s - 2)
        assert np.abs(table.matrix @ (k * c ** (k - 1)) - c**k).max() < 1e-13
    assert table.matrix[-1] @ c ** (2 * stages - 2) == pytest.approx(1 / (2 * stages - 1), rel=1e-12)
    assert np.abs(table.matrix @ table.inverse - np.eye(stages)).max() < 1e-11
    ends = np.concatenate([[0.0], c])
    values = chebyshev.chebval(2 * ends - 1, table.chebyshev @ np.exp(ends))
    assert np.abs(values - np.exp(ends)).max() < 1e-13


def test_both_ways_of_solving_the_stages_agree_with_each_other_and_with_the_tableau_of_the_march() -> None:
    system = pendulum()
    for stages in (3, 5, 7):
        assert np.allclose(collocation(stages).matrix, radau_tableau(stages).matrix, atol=1e-11)
        one, two = (
            solve(system, collocation(stages), 0.0, system.start, 0.05, None, exactly)
            for solve in (coupled_stages, decoupled_stages)
        )
        assert one is not None
        assert two is not None
        assert np.allclose(one.states, two.states, rtol=0, atol=1e-11)


def run(problem: Problem, tolerance: float, stages: int = 9, **options: int) -> Trajectory:
    return integrate(
        OrdinarySystem(problem), collocation(stages), tolerance=tolerance, report=lambda _: False, **options
    )


def test_errors_follow_the_tolerance_and_steps_grow_as_its_root() -> None:
    terms = [Equation(lambda u: u.tt - (1 - u**2) * u.t + u), Initial(u=2.0, u_t=0.0)]
    problem = Problem("v", Box(t=(0, 10)), "u", terms)
    best = run(problem, 1e-13, 13).states()[-1]
    steps, errors = [], []
    for tolerance in (1e-5, 1e-8, 1e-11):
        found = run(problem, tolerance)
        assert found.end is End.COMPLETE
        steps.append(found.steps)
        errors.append(float(np.abs(found.states()[-1] - best).max()))
        assert errors[-1] < 30 * tolerance
    assert steps[0] < steps[1] < steps[2] < 12 * steps[0]


def test_a_pole_ends_the_integration_where_it_is() -> None:
    problem = Problem("pole", Box(t=(0, 2)), "u", [Equation(lambda u: u.t - u**2), Initial(u=1.0)])
    found = run(problem, 1e-10)
    assert found.end is End.COLLAPSED
    assert found.times[-1] == pytest.approx(1.0, abs=1e-6)


def test_the_number_of_steps_is_bounded() -> None:
    problem = Problem("o", Box(t=(0, 1000)), "u", [Equation(lambda u: u.tt + u), Initial(u=1.0, u_t=0.0)])
    found = run(problem, 1e-10, most=20)
    assert found.end is End.MOST
    assert found.steps == 20


def test_the_same_problem_gives_the_same_steps() -> None:
    problem = Problem("o", Box(t=(0, 10)), "u", [Equation(lambda u: u.tt + torch.sin(u)), Initial(u=1.0, u_t=0.0)])
    one, two = (run(problem, 1e-10) for _ in range(2))
    assert one.times == two.times
    assert all(np.array_equal(a, b) for a, b in zip(one.coefficients, two.coefficients, strict=True))
