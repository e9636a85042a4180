"""Piecewise coefficients: values, jets, calls by name, and refusals."""

import pickle
from typing import Any

import pytest
import torch

from pinnkit import Box, Dirichlet, Disk, Equation, Piecewise, Problem, div, grad
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet, coordinate
from pinnkit.problem.pieces.piecewise import branches_held, record_piecewise

SQUARE = Box(x=(0, 1), y=(0, 1))
DISK = Disk(x=0.5, y=0.5, radius=0.25)
FRAME = Frame(columns=("x", "y"), space=("x", "y"))


def slope(x: Any, y: Any) -> Any:
    return x * y


def jets(coords: torch.Tensor) -> tuple[Jet, Jet]:
    return coordinate(FRAME, coords, "x"), coordinate(FRAME, coords, "y")


def test_the_value_is_that_of_the_shape_in_which_a_point_lies() -> None:
    k = Piecewise({DISK: 45.0, "elsewhere": slope})
    x, y = torch.tensor([0.5, 0.1]), torch.tensor([0.5, 0.2])
    assert k(x, y).tolist() == pytest.approx([45.0, 0.02])
    assert float(k(y=0.2, x=0.1)) == pytest.approx(0.02)
    assert k(torch.rand(3, 4), torch.rand(3, 4)).shape == (3, 4)


def test_derivatives_are_those_of_the_value_that_holds() -> None:
    k = Piecewise({DISK: 45.0, "elsewhere": slope})
    found = k(*jets(torch.tensor([[0.5, 0.5], [0.1, 0.2]], dtype=torch.float64)))
    assert isinstance(found, Jet)
    assert found.x.value.tolist() == [0.0, 0.2]
    assert found.xy.value.tolist() == [0.0, 1.0]
    constant = Piecewise({DISK: 1.0, "elsewhere": 2.0})(*jets(torch.rand(4, 2, dtype=torch.float64)))
    assert constant.partial("x") is None


def test_functions_may_use_more_names_than_the_shapes_have() -> None:
    k = Piecewise({Box(x=(0, 0.5)): lambda x, t: x + t, "elsewhere": lambda t: 2 * t})
    assert list(k.__signature__.parameters) == ["x", "t"]
    assert k(torch.tensor([0.25, 0.75]), torch.tensor(1.0)).tolist() == [1.25, 2.0]


def test_values_may_be_matrices() -> None:
    def isotropic(x: torch.Tensor) -> torch.Tensor:
        return torch.eye(2).expand(len(x), 2, 2)

    k = Piecewise({DISK: lambda x: 3 * isotropic(x), "elsewhere": isotropic})
    found = k(torch.tensor([0.5, 0.1]), torch.tensor([0.5, 0.1]))
    assert found[:, 0, 0].tolist() == [3.0, 1.0]


def test_a_held_branch_is_the_value_everywhere() -> None:
    k = Piecewise({DISK: 45.0, "elsewhere": slope})
    with branches_held({k: 1}):
        assert k(0.5, 0.5) == pytest.approx(0.25)
    with branches_held({}), pytest.raises(ValueError, match="made anew at every call"):
        k(0.5, 0.5)


def test_coefficients_are_recorded_once_where_they_are_evaluated() -> None:
    k, other = Piecewise({DISK: 45.0, "elsewhere": 1.0}), Piecewise({DISK: 2.0, "elsewhere": 1.0})
    with record_piecewise() as found:
        k(0.5, 0.5), k(0.1, 0.1)
        with branches_held({other: 0}):
            other(0.1, 0.1)
    assert list(found) == [k]


def test_a_coefficient_is_a_value() -> None:
    k = Piecewise({DISK: 45.0, "elsewhere": 1.0})
    assert k == Piecewise({Disk(x=0.5, y=0.5, radius=0.25): 45.0, "elsewhere": 1.0})
    assert hash(k) == hash(pickle.loads(pickle.dumps(k)))
    assert pickle.loads(pickle.dumps(k)) == k
    assert k != Piecewise({DISK: 45.0})


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        (45.0, TypeError, "expected a mapping"),
        ({"steel": 45.0}, TypeError, "a key must be a shape .*, or 'elsewhere', got 'steel'"),
        ({DISK: "45"}, TypeError, "must be a number or a function of coordinates, got '45'"),
        ({DISK: True}, TypeError, "must be a number"),
        ({"elsewhere": 1.0}, ValueError, "give at least one shape"),
        ({DISK: 1.0, Box(x=(0, 1)): 2.0}, ValueError, "the same axes in the same order"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Piecewise(values)


def test_a_point_in_none_of_the_shapes_is_refused_with_the_place() -> None:
    with pytest.raises(ValueError, match=r"has no value at x = 0\.1, y = 0\.2; add 'elsewhere'"):
        Piecewise({DISK: 45.0})(0.1, 0.2)


def test_a_jump_by_torch_where_is_refused_with_piecewise_as_the_repair() -> None:
    def jumps(u: Any, x: Any) -> Any:
        return div(torch.where(x < 0.5, 1.0, 10.0) * grad(u))

    with pytest.raises(ValueError, match="Give a coefficient that jumps as Piecewise"):
        Problem("where", SQUARE, "u", [Equation(jumps), Dirichlet(SQUARE.boundary, u=0.0)])
