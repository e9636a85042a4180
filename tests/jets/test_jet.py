"""The lazy jet: which channels it asks for, what its attributes mean, and what it refuses."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnkit.jets import Frame, Jet, NamedOperator
from pinnkit.jets.frame import Derivative
from pinnkit.jets.jet import constant, coordinate, plain, unknown

PLANE = Frame(columns=("x", "y", "t"), space=("x", "y"))
CUBE = Frame(
    columns=(*(f"x[{i}]" for i in range(5)), "t"),
    space=tuple(f"x[{i}]" for i in range(5)),
    vectors=(("x", tuple(f"x[{i}]" for i in range(5))),),
)
LONG = Frame(columns=("radius", "theta"), space=("radius", "theta"))
XX_YY = NamedOperator(((1.0, ("x", "x")), (1.0, ("y", "y"))))


def points(n: int, d: int) -> Tensor:
    return torch.rand(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Asked:
    """A scalar unknown that remembers which channels it was asked for; each is a different constant."""

    def __init__(self, frame: Frame, n: int = 4, shape: tuple[int, ...] = ()) -> None:
        self.orders: list[Derivative] = []
        self.shape = (n, *shape)
        self.u = unknown(frame, self.lookup)

    def lookup(self, order: Derivative) -> Tensor:
        if order not in self.orders:
            self.orders.append(order)
        return torch.full(self.shape, 1.0 + self.orders.index(order), dtype=torch.float64)


# laziness -----------------------------------------------------------------------------------------------------------
def test_a_residual_asks_for_exactly_the_channels_that_it_mentions() -> None:
    asked = Asked(PLANE)
    _ = (asked.u.t - 0.5 * asked.u.xx).value
    assert asked.orders == [("t",), ("x", "x")]


def test_the_laplacian_is_one_channel_also_when_scaled_or_negated() -> None:
    asked = Asked(PLANE)
    _ = (-(2.0 * asked.u)).laplacian.value
    assert asked.orders == [XX_YY]


def test_the_laplacian_on_one_space_axis_is_an_ordinary_derivative() -> None:
    asked = Asked(Frame(columns=("x", "t"), space=("x",)))
    _ = asked.u.laplacian.value
    assert asked.orders == [("x", "x")]


def test_derivatives_commute_so_that_a_mixed_partial_is_one_channel() -> None:
    asked = Asked(PLANE)
    assert torch.equal(asked.u.xt.value, asked.u.tx.value)
    assert torch.equal(asked.u.d("t", "x").value, asked.u.x.t.value)
    assert asked.orders == [("x", "t")]


def test_a_derivative_of_the_laplacian_is_a_sum_of_third_derivatives() -> None:
    asked = Asked(PLANE)
    assert asked.u.laplacian.t.value.tolist() == [1.0 + 2.0] * 4
    assert asked.orders == [("x", "x", "t"), ("y", "y", "t")]


def test_an_unknown_of_some_axes_has_no_derivative_along_the_others() -> None:
    asked = Asked(PLANE)
    kappa = unknown(PLANE, asked.lookup, columns=frozenset({"x"}))
    assert not kappa.y.value.any()
    assert kappa.laplacian.value.tolist() == [2.0] * 4
    assert asked.orders == [(), ("x", "x")]


def test_a_value_is_looked_up_once() -> None:
    calls: list[Derivative] = []

    def lookup(order: Derivative) -> Tensor:
        calls.append(order)
        return torch.ones(4, dtype=torch.float64)

    u = unknown(PLANE, lookup)
    first = u.x
    _ = first.value + first.value + u.x.value
    assert calls == [("x",)]


# meaning --------------------------------------------------------------------------------------------------------------
def test_coordinates_are_jets_with_unit_slope() -> None:
    coords = points(4, 3)
    y = coordinate(PLANE, coords, "y")
    assert torch.equal(y.value, coords[:, 1])
    assert y.y.value.tolist() == [1.0] * 4
    assert not y.x.value.any()
    assert not y.yy.value.any()


def test_a_vector_axis_has_all_its_columns_as_derivatives() -> None:
    coords = points(4, 6)
    x, t = coordinate(CUBE, coords, "x"), coordinate(CUBE, coords, "t")
    u = (x * x).sum(dim=-1) * torch.exp(t)
    assert x.shape == (4, 5)
    assert torch.allclose(u.d("x").value, 2 * coords[:, :5] * coords[:, 5:].exp())
    assert torch.allclose(u.x.value, u.grad.value)
    assert torch.allclose(u.d("x[3]").value, 2 * coords[:, 3] * coords[:, 5].exp())
    assert torch.allclose(u.laplacian.value, 10 * coords[:, 5].exp())
    assert torch.allclose(u.hessian.value, 2 * torch.eye(5, dtype=torch.float64) * coords[:, 5].exp()[:, None, None])
    assert torch.equal(u.d("x", "t").value, u.t.grad.value)


def test_the_laplacian_over_a_vector_axis_is_one_channel() -> None:
    asked = Asked(CUBE)
    _ = asked.u.laplacian.value
    assert asked.orders == [NamedOperator(tuple((1.0, (c, c)) for c in CUBE.space))]


def test_letters_split_into_axes_of_one_letter_beside_axes_with_longer_names() -> None:
    asked = Asked(Frame(columns=("x", "t", "nu"), space=("x",)))
    assert torch.equal(asked.u.xxt.value, asked.u.d("x", "x", "t").value)
    assert torch.equal(asked.u.nu.value, asked.u.d("nu").value)
    with pytest.raises(AttributeError, match=r"`\.xnu` is no derivative along the axes \('x', 't', 'nu'\)"):
        _ = asked.u.xnu


def test_letters_do_not_split_into_axes_with_longer_names() -> None:
    asked = Asked(LONG)
    assert torch.equal(asked.u.theta.value, asked.u.d("theta").value)
    with pytest.raises(AttributeError, match=r"`\.rr` is no derivative along the axes \('radius', 'theta'\)"):
        _ = asked.u.rr


def test_components_of_a_vector_unknown_differentiate_as_the_vector_does() -> None:
    coords = points(4, 3)
    x, y, t = (coordinate(PLANE, coords, name) for name in "xyt")
    u = torch.stack([x * y, torch.sin(x) * t, y * y], dim=-1)
    assert u.shape == (4, 3)
    assert u.x.shape == (4, 3)
    assert u.grad.shape == (4, 3, 2)
    assert u.hessian.shape == (4, 3, 2, 2)
    assert torch.equal(u[1].x.value, u.x.value[:, 1])
    assert torch.equal(u[..., 2].y.value, u[2].y.value)
    assert torch.equal(u[:, :2].value, u.value[:, :2])
    assert torch.allclose(u.laplacian.value[:, 1], -torch.sin(coords[:, 0]) * coords[:, 2])
    asked = Asked(PLANE, shape=(3,))
    _ = asked.u[0].laplacian.value
    assert asked.orders == [XX_YY]


def test_a_constant_varies_along_nothing() -> None:
    c = constant(PLANE, torch.ones(4, dtype=torch.float64))
    assert not c.x.value.any()
    assert not c.laplacian.value.any()
    assert not c.grad.value.any()
    assert c.grad.shape == (4, 2)


def test_comparisons_return_plain_booleans() -> None:
    x = coordinate(PLANE, points(4, 3), "x")
    for found in (x > 0.5, x <= 0.5, x < x, x >= x, x == x, x != x):
        assert not isinstance(found, Jet)
        assert found.dtype == torch.bool
    assert isinstance(x.floor(), Tensor)
    assert isinstance(x.detach(), Tensor)
    assert plain(3.0) == 3.0


def test_numpy_scalars_are_numbers() -> None:
    x = coordinate(PLANE, points(4, 3), "x")
    for product in (np.float64(2.0) * x, x * np.float64(2.0), np.int64(2) * x, np.array(2.0) * x):
        assert isinstance(product, Jet)
        assert torch.equal(product.value, 2 * x.value)
        assert product.x.value.tolist() == [2.0] * 4


def test_arithmetic_from_either_side_equals_that_of_tensors() -> None:
    x = coordinate(PLANE, points(4, 3), "x")
    v, c = x.value, torch.full((4,), 3.0, dtype=torch.float64)
    pairs: list[tuple[Any, Tensor]] = [
        (2 - x, 2 - v), (2 / x, 2 / v), (2**x, 2**v), (c - x, c - v), (c * x, c * v), (c / x, c / v), (c + x, c + v),
        (x - c, v - c), (x / c, v / c), (c**x, c**v), (x**c, v**c), (-x, -v), (+x, v), (abs(x), abs(v)),
    ]  # fmt: skip
    for jet, expected in pairs:
        assert isinstance(jet, Jet)
        assert torch.allclose(jet.value, expected, rtol=1e-15)


# refusals -----------------------------------------------------------------------------------------------------------
REFUSALS: dict[str, tuple[Any, type[Exception], str]] = {
    "a NumPy array on the left": (lambda u: np.ones(4) * u, TypeError, "NumPy arrays do not mix"),
    "a NumPy array on the right": (lambda u: u + np.ones(4), TypeError, "NumPy arrays do not mix"),
    "a NumPy function": (lambda u: np.sin(u), TypeError, "__array_ufunc__|NumPy"),
    "np.asarray": (lambda u: np.asarray(u), TypeError, "torch functions instead of NumPy"),
    "float": (lambda u: float(u), TypeError, "torch functions instead of math"),
    "math.sin": (lambda u: math.sin(u), TypeError, "torch functions instead of math"),
    "truth": (lambda u: bool(u), TypeError, "torch.where"),
    "assignment": (lambda u: u.__setitem__(0, 1.0), TypeError, "in place"),
    "in-place method": (lambda u: u.mul_(2.0), TypeError, "in place"),
    "iteration": (lambda u: list(u), TypeError, r"u\[0\], u\[1\]"),
    "a list": (lambda u: u + "1", TypeError, "unsupported operand"),
    "an unknown axis": (lambda u: u.d("q"), ValueError, r"`q` is not an axis .* \('x', 'y', 't'\)"),
    "an unknown letter": (lambda u: u.xq, AttributeError, r"`\.xq` is no derivative along the axes"),
    "item": (lambda u: u.item(), TypeError, "torch.item has no derivative rule"),
    "numpy()": (lambda u: u.numpy(), TypeError, "torch.numpy has no derivative rule"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_would_lose_derivatives_is_refused_in_words(case: str) -> None:
    function, error, words = REFUSALS[case]
    with pytest.raises(error, match=words):
        function(coordinate(PLANE, points(4, 3), "x"))


def test_the_laplacian_and_gradient_of_an_ordinary_differential_equation_are_refused() -> None:
    u = Asked(Frame(columns=("t",), space=())).u
    for name in ("grad", "laplacian", "hessian"):
        with pytest.raises(ValueError, match=r"no space axes, its axes are \('t',\)"):
            getattr(u, name)
