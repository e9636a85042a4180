"""The solution at points, its derivatives, and on grids."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from pinnkit.domains import Box, Cube
from pinnkit.fields import MLP, Siren
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Equation
from tests.samples import heat_problem, solution_of, vector_problem


class Product(nn.Module):
    """u = sin(pi x) e^-t, in operations that every derivative pass knows."""

    def forward(self, coords):
        return torch.sin(math.pi * coords[:, 0:1]) * torch.exp(-coords[:, 1:2])


@pytest.fixture
def heat():
    return solution_of(heat_problem(), Product())


def test_values_at_points_are_numpy_arrays_of_the_broadcast_shape(heat):
    x, t = np.linspace(0, 1, 5), 0.5
    u = heat(x=x, t=t)["u"]
    assert isinstance(u, np.ndarray)
    assert u.shape == (5,)
    assert u.dtype == np.float64
    np.testing.assert_allclose(u, np.sin(np.pi * x) * np.exp(-0.5), rtol=1e-14, atol=1e-15)
    assert heat(x=0.5, t=0.5)["u"].shape == ()
    assert heat(x=x[:, None], t=np.linspace(0, 1, 3))["u"].shape == (5, 3)
    assert heat(x=[], t=0.5)["u"].shape == (0,)


def test_the_order_of_the_keywords_does_not_matter(heat):
    assert heat(t=0.2, x=0.3)["u"] == heat(x=0.3, t=0.2)["u"]


def test_tensors_are_taken_as_coordinates(heat):
    x = torch.linspace(0, 1, 4, dtype=torch.float32)
    assert heat(x=x, t=torch.tensor(1.0))["u"].shape == (4,)


def test_a_derivative_is_called_like_the_solution(heat):
    x, t = np.linspace(0, 1, 7), np.linspace(0, 1, 7)
    np.testing.assert_allclose(heat.d("x")(x=x, t=t)["u"], np.pi * np.cos(np.pi * x) * np.exp(-t), rtol=1e-12)
    mixed = heat.d("x").d("t")(x=x, t=t)["u"]
    np.testing.assert_allclose(mixed, -np.pi * np.cos(np.pi * x) * np.exp(-t), rtol=1e-12)
    grid = heat.d("x", "x").on_grid(x=5, t=3)
    assert grid["u"].shape == (5, 3)
    np.testing.assert_allclose(grid["u"], -(np.pi**2) * heat.on_grid(x=5, t=3)["u"], rtol=1e-9, atol=1e-12)


def test_a_grid_has_its_axes_and_values_in_the_domains_order(heat):
    grid = heat.on_grid(t=4, x=6)
    assert grid["u"].shape == (6, 4)
    np.testing.assert_array_equal(grid["x"], np.linspace(0, 1, 6))
    np.testing.assert_allclose(grid["u"], heat(x=grid["x"][:, None], t=grid["t"])["u"], rtol=1e-14)
    slices = heat.on_grid(x=6, t=[0.25])
    assert slices["u"].shape == (6, 1)


def test_many_points_in_chunks_are_the_same_as_one_by_one(heat, monkeypatch):
    whole = heat.on_grid(x=37, t=11)["u"]
    monkeypatch.setattr("pinnkit.solutions.solution.CHUNK", 16)
    np.testing.assert_array_equal(heat.on_grid(x=37, t=11)["u"], whole)
    x = np.linspace(0, 1, 37)
    np.testing.assert_array_equal(heat(x=x, t=1.0)["u"], whole[:, -1])


def test_vector_unknowns_have_their_components_last():
    solution = solution_of(vector_problem())
    grid = solution.on_grid(x=3, y=4)
    assert grid["p"].shape == (3, 4)
    assert grid["v"].shape == (3, 4, 2)
    assert solution(x=0.5, y=0.5)["v"].shape == (2,)


def test_a_vector_axis_takes_its_columns_last():
    problem = Problem("cube", Box(x=Cube(0, 1, dim=5)), "u", [Equation(lambda u: u.laplacian)])
    solution = solution_of(problem)
    assert solution(x=np.full((7, 5), 0.5))["u"].shape == (7,)
    assert solution(x=np.full(5, 0.5))["u"].shape == ()
    with pytest.raises(ValueError, match=r"vector of 5 columns.*\(\.\.\., 5\)"):
        solution(x=np.full((7, 4), 0.5))
    with pytest.raises(ValueError, match=r"on_grid: `x` takes coordinates \(m, 5\)|vector of 5 columns"):
        solution.on_grid(x=10)


def test_values_go_through_the_ansatz():
    problem = heat_problem(ansatz={"u": lambda u, x: x * (1 - x) * u})
    solution = solution_of(problem, Product())
    assert solution(x=[0.0, 1.0], t=0.5)["u"] == pytest.approx([0, 0], abs=0)
    x = np.linspace(0, 1, 5)
    expected = (1 - 2 * x) * np.sin(np.pi * x) + x * (1 - x) * np.pi * np.cos(np.pi * x)
    np.testing.assert_allclose(solution.d("x")(x=x, t=0.0)["u"], expected, rtol=1e-12, atol=1e-14)


def test_a_float32_grid_that_misses_a_bound_by_rounding_is_taken():
    box = Box(x=(0, 0.1))
    solution = solution_of(Problem("line", box, "u", [Equation(lambda u: u.xx)]))
    assert float(np.float32(0.1)) > 0.1
    assert np.isfinite(solution(x=np.float32(0.1))["u"])


BAD = {
    "unknown axis": (lambda s: s(x=0.5, t=0.5, z=1.0), "`z` is not an axis of 'heat'; its axes are ('x', 't')"),
    "missing axis": (lambda s: s(x=0.5), "`t` is missing; give every axis of ('x', 't')"),
    "lengths": (lambda s: s(x=[0.1, 0.2], t=[0.1, 0.2, 0.3]), "shapes must fit together"),
    "not finite": (lambda s: s(x=[0.1, math.nan], t=0.5), "`x` must be finite, 1 of its 2 values"),
    "outside": (lambda s: s(x=[0.1, 1.5], t=0.5), "`x` must lie within [0, 1], got 1.5"),
    "words": (lambda s: s(x="left", t=0.5), "`x` must be a number or an array of numbers, got str 'left'"),
    "grid of one": (lambda s: s.on_grid(x=1, t=5), "on_grid: `x` must be at least 2 points, got 1"),
    "grid of a float": (lambda s: s.on_grid(x=0.5, t=5), "on_grid: `x` takes a number of points or coordinates (m,)"),
    "grid without an axis": (lambda s: s.on_grid(x=5), "on_grid: `t` is missing"),
    "grid outside": (lambda s: s.on_grid(x=5, t=[2.0]), "`t` must lie within [0, 1], got 2"),
    "derivative": (lambda s: s.d("y"), "d: `y` is not an axis of this problem; its axes are ('x', 't')"),
}


@pytest.mark.parametrize(("call", "words"), BAD.values(), ids=BAD.keys())
def test_bad_coordinates_are_refused_in_words(heat, call, words):
    with pytest.raises(ValueError, match=r".") as caught:
        call(heat)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_derivatives_than_the_field_has_are_refused():
    solution = solution_of(heat_problem(), spec=MLP(width=4, depth=1, activation="relu"))
    with pytest.raises(ValueError, match=r"2 derivatives were asked for.*has 1"):
        solution.d("x", "x")


def test_points_in_a_hole_are_refused_and_are_nan_on_a_grid(monkeypatch):
    problem = Problem("square", Box(x=(0, 1), y=(0, 1)), "u", [Equation(lambda u: u.laplacian)])
    solution = solution_of(problem)
    monkeypatch.setattr(Box, "signed_distance", lambda _, coords: 0.2 - (coords - 0.5).norm(dim=1))
    monkeypatch.setattr(Box, "contains", lambda box, coords: box.signed_distance(coords) <= 0)
    with pytest.raises(ValueError, match=r"1 of the points lie outside the domain .* x = 0\.5, y = 0\.5"):
        solution(x=[0.1, 0.5], y=0.5)
    u = solution.on_grid(x=5, y=5)["u"]
    assert np.isnan(u[2, 2])
    assert np.isfinite(u[0]).all()


def test_the_representation_says_what_was_solved_and_how(heat):
    assert "'heat'" in repr(heat)
    assert "budget" in repr(heat)
    assert repr(Siren(width=8, depth=2)) in repr(solution_of(heat_problem()))
