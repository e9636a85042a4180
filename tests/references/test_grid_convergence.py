import numpy as np
import pytest
import torch

from pinnkit.domains import Box
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial
from pinnkit.references import FiniteDifferences, reference
from pinnkit.references.grid_convergence import measure
from pinnkit.references.protocols import Solved
from pinnkit.solutions.solution import exact_values
from tests.references.cases import CASES, exact_on, find, rms

BUDGET = 0.2


@pytest.mark.parametrize("case", CASES, ids=str)
def test_true_error_lies_inside_twice_the_error_bar(case):
    problem = case.problem
    found = reference(problem, budget=BUDGET, method=FiniteDifferences())
    true = exact_on(problem, found.grid)
    coords = problem.domain.sample(500, torch.Generator().manual_seed(3)).coords
    columns = {column: coords[:, i].numpy() for i, column in enumerate(problem.frame.columns)}
    between, truth = found.at(**columns), exact_values(problem, coords, {})
    for name in problem.names:
        bar, greatest = found.bars(name)
        gap = found.values[name] - true[name]
        assert 0 < bar < 0.1
        assert rms(gap) <= 2 * bar * rms(true[name])
        assert np.abs(gap).max() <= 2 * greatest
        assert rms(gap) >= bar * rms(true[name]) / 20, "a bar far above the error says nothing"
        assert np.abs(between[name] - truth[name].numpy()).max() <= 2 * greatest


@pytest.mark.parametrize("name", ["heat", "eikonal", "steady_linear"])
def test_grids_follow_from_problem_and_budget_alone(name):
    problem = find(name)
    first, second = reference(problem, budget=BUDGET), reference(problem, budget=BUDGET)
    for unknown in problem.names:
        np.testing.assert_array_equal(first.values[unknown], second.values[unknown])
    assert first.error_bar == second.error_bar


def test_a_larger_budget_gives_a_smaller_bar():
    problem = CASES[0].problem
    small, large = reference(problem, budget=0.05), reference(problem, budget=0.5)
    assert large.error_bar["u"] < small.error_bar["u"] / 2


def ladder(error):
    """Three grids of u = x^2 / 2 (exact for splines) with an error of `error(h)`."""
    made = []
    for n in (16, 32, 64):
        x = np.linspace(0.0, 1.0, n + 1)
        made.append(Solved({"x": x}, {"u": 1 + x**2 / 2 + error(1 / n)}))
    return made


def test_bar_is_a_third_of_the_last_difference_and_a_quarter_more_where_the_order_is_as_stated():
    bar = measure("u", *ladder(lambda h: 0.5 * h**2), 2.0)
    assert bar.order == pytest.approx(2.0, abs=1e-9)
    assert bar.greatest == pytest.approx(1.25 * 0.5 / 64**2, rel=1e-9)


def test_bar_is_the_whole_difference_where_the_order_is_higher_than_stated():
    bar = measure("u", *ladder(lambda h: h**4), 2.0)
    assert bar.greatest == pytest.approx(15 / 64**4, rel=1e-6)


@pytest.mark.parametrize("order", [0.5, 1.0, 1.5])
def test_bar_covers_the_error_where_the_order_is_lower_than_stated(order):
    bar = measure("u", *ladder(lambda h: h**order), 2.0)
    assert bar.greatest >= 64**-order / 2


def test_bar_of_a_sequence_that_does_not_converge_is_larger_than_its_differences():
    bar = measure("u", *ladder(lambda h: np.log2(h)), 2.0)
    assert bar.greatest > 3


def test_bar_covers_the_interpolation_between_nodes():
    made = [Solved(s.grid, {"u": np.where(s.grid["x"] > 0.49, 1.0, 0.0)}) for s in ladder(lambda h: h)]
    assert measure("u", *made, 2.0).l2 > 0.01


def test_initial_state_that_contradicts_a_wall_is_damped_and_covered_by_its_bar():
    rod = Box(x=(0, 1), t=(0, 0.2))
    terms = [Equation(lambda u: u.t - u.xx), Dirichlet(rod.boundary, u=0.0), Initial(u=1.0)]
    found = reference(Problem("clash", rod, "u", terms), budget=0.2)
    x, t = np.meshgrid(found.grid["x"], found.grid["t"][-1:], indexing="ij")
    odd = np.arange(1, 40, 2)[:, None, None]
    true = (4 / (np.pi * odd) * np.sin(odd * np.pi * x) * np.exp(-((odd * np.pi) ** 2) * t)).sum(axis=0)
    last = found.values["u"][:, -1:]
    assert np.abs(last - true).max() < 1e-3
    assert np.abs(np.diff(np.sign(np.diff(last[:, 0])))).sum() <= 2, "no oscillation: one maximum"
    assert found.values["u"].min() > -0.05
    assert found.error_bar["u"] > 1e-4
