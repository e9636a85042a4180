"""Tables as functions: values, derivatives by the chain rule, order of accuracy, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnkit import Box, Dirichlet, Equation, Initial, Problem, div, grad, laplacian
from pinnkit.jets import Frame, Jet
from pinnkit.jets.jet import coordinate
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.tabulated import Tabulated

PLANE = Frame(columns=("x", "y", "t"), space=("x", "y"))
XS, YS = np.linspace(-1, 2, 13), np.linspace(0, 1, 9) ** 1.3
CUBIC = Tabulated(XS[:, None] ** 3 - 2 * XS[:, None] * YS[None, :] ** 2 + YS[None, :], x=XS, y=YS)


def cubic(x: Any, y: Any) -> Any:
    return x**3 - 2 * x * y**2 + y


def places(n: int = 15) -> Tensor:
    unit = torch.rand(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return unit * torch.tensor([3.0, 1.0, 1.0], dtype=torch.float64) - torch.tensor(
        [1.0, 0.0, 0.0], dtype=torch.float64
    )


def axes() -> tuple[Jet, ...]:
    return tuple(coordinate(PLANE, places(), name) for name in PLANE.columns)


def close(found: Any, expected: Any) -> bool:
    a, b = (v.value if isinstance(v, Jet) else v for v in (found, expected))
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-11, atol=1e-11)


def test_a_cubic_polynomial_is_met_exactly_with_all_its_derivatives() -> None:
    x, y, _ = axes()
    found, expected = CUBIC(x, y), cubic(x, y)
    for order in [(), ("x",), ("y",), ("x", "y"), ("x", "x"), ("y", "y"), ("x", "y", "y"), ("x", "x", "x"), ("t",)]:
        assert close(found.d(*order), expected.d(*order)), order


def test_arguments_go_by_position_or_by_name() -> None:
    x, y, _ = axes()
    assert close(CUBIC(y=y, x=x), cubic(x, y))
    assert close(CUBIC(x.value, y.value), cubic(x.value, y.value))
    assert isinstance(CUBIC(x.value, y.value), Tensor)


def test_inner_functions_are_differentiated_along() -> None:
    x, y, t = axes()
    found, expected = CUBIC(torch.sin(x) * t, y**2), cubic(torch.sin(x) * t, y**2)
    for order in [("x",), ("t",), ("x", "t"), ("x", "x"), ("x", "y", "t")]:
        assert close(found.d(*order), expected.d(*order)), order


def test_a_number_may_stand_for_an_argument() -> None:
    x, _, _ = axes()
    assert close(CUBIC(x, 0.5).x, cubic(x, 0.5 + 0 * x).x)


def test_div_of_k_grad_u_keeps_the_gradient_of_a_tabulated_k() -> None:
    x, y, _ = axes()
    u = torch.sin(x) * torch.exp(y)
    assert close(div(CUBIC(x, y) * grad(u)), div(cubic(x, y) * grad(u)))
    assert not close(div(CUBIC(x, y) * grad(u)), cubic(x, y) * laplacian(u))


def test_tensors_that_require_gradients_get_those_of_the_spline() -> None:
    x, y = places()[:, 0].requires_grad_(), places()[:, 1].requires_grad_()
    assert torch.autograd.gradcheck(CUBIC, (x, y))
    (slope,) = torch.autograd.grad(CUBIC(x, y).sum(), x, create_graph=True)
    (mixed,) = torch.autograd.grad(slope.sum(), y)
    assert torch.allclose(mixed, -4 * y.detach())


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_the_error_falls_by_the_degree_plus_one(degree: int) -> None:
    at = places()[:, :2]
    errors = []
    for n in (17, 33, 65):
        xs, ys = np.linspace(-1, 2, n), np.linspace(0, 1, n)
        table = Tabulated(np.sin(2 * xs)[:, None] * np.exp(ys), degree=degree, x=xs, y=ys)
        exact = torch.sin(2 * at[:, 0]) * torch.exp(at[:, 1])
        errors.append(float((table(at[:, 0], at[:, 1]) - exact).norm()))
    order = np.log2(errors[0] / errors[2]) / 2
    assert order > degree + 0.4
    assert errors[2] < 5e-3


def test_a_table_of_one_axis_serves_as_an_initial_state_by_its_argument_name() -> None:
    rod = Box(x=(0, 1), t=(0, 1))
    xs = np.linspace(0, 1, 40)
    start = Tabulated(np.sin(np.pi * xs), x=xs)
    problem = Problem(
        "heat", rod, "u", [Equation(lambda u: u.t - u.xx), Initial(u=start), Dirichlet(rod.boundary, u=0)]
    )
    assert problem.linear
    points = problem.term("initial").sample(8, torch.Generator().manual_seed(0))
    zero = {Channel(0, "u", ()): torch.zeros(8, dtype=torch.float64)}
    r = linearise(problem, problem.term("initial"), points, zero).r
    assert torch.allclose(r[:, 0], -torch.sin(np.pi * points[0].coords[:, 0]), atol=1e-5)


def test_a_material_table_of_the_unknown_itself_has_partials() -> None:
    rod = Box(x=(0, 1))
    us = np.linspace(-2, 2, 9)
    k = Tabulated(1 + us**2, u=us)
    problem = Problem("p", rod, "u", [Equation(lambda u: (k(torch.clamp(u, -2, 2)) * u.x).x)])
    values = {Channel(0, "u", o): torch.full((3,), 0.5, dtype=torch.float64) for o in ((), ("x",), ("x", "x"))}
    points = problem.term("equation").sample(3, torch.Generator().manual_seed(0))
    result = linearise(problem, problem.term("equation"), points, values)
    assert torch.allclose(result.r, torch.full((3, 1), 1.25 * 0.5 + 2 * 0.5 * 0.25).double())
    assert torch.allclose(result.d[Channel(0, "u", ())][:, 0, 0], torch.full((3,), 2 * 0.5 * 0.5 + 2 * 0.25).double())


def test_points_on_the_rim_are_inside_and_float32_stays_float32() -> None:
    rim = torch.tensor([-1.0, 2.0, 2.0 + 1e-12], dtype=torch.float64)
    assert torch.allclose(CUBIC(rim, 0 * rim), rim**3)
    assert CUBIC(torch.zeros(2), torch.zeros(2)).dtype == torch.float32


BAD: dict[str, tuple[Any, str]] = {
    "outside": (lambda: CUBIC(torch.tensor([0.0, 2.5]), torch.zeros(2)), r"`x` spans \(0, 2.5\), .*\(-1, 2\); extend"),
    "too many derivatives": (lambda: CUBIC(*axes()[:2]).xxxx.value, "derivative 4 of a spline of degree 3.*higher"),
    "a wrong shape": (lambda: Tabulated(np.ones((3, 4)), x=XS, y=YS), r"`values` must have shape \(13, 9\).*\(3, 4\)"),
    "no axis": (lambda: Tabulated([1.0]), "name the grid of each dimension"),
    "not increasing": (lambda: Tabulated(np.ones(4), x=[0, 1, 1, 2]), "`x` must be a strictly increasing"),
    "too few points": (lambda: Tabulated(np.ones(3), x=[0, 1, 2]), "more than 3 numbers"),
    "nan": (lambda: Tabulated([1, 2, np.nan, 4], x=[0, 1, 2, 3]), "`values` must be finite"),
    "words": (lambda: Tabulated(["a"], x=[0]), "`values` must be an array of numbers, got list"),
    "degree": (lambda: Tabulated(np.ones(4), degree=0, x=[0, 1, 2, 3]), "`degree` must be a whole number from 1 to 5"),
    "too few arguments": (lambda: CUBIC(torch.zeros(2)), "missing a required argument: 'y'"),
    "numbers alone": (lambda: CUBIC(0.0, 0.0), "expected coordinates"),
}


@pytest.mark.parametrize("case", BAD)
def test_tables_and_arguments_that_do_not_fit_are_refused(case: str) -> None:
    call, words = BAD[case]
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_a_table_smaller_than_the_domain_is_found_when_the_problem_is_built() -> None:
    with pytest.raises(ValueError, match=r"problem 'p': term 'equation': Tabulated: `x` spans"):
        Problem("p", Box(x=(-5, 5), y=(0, 1)), "u", [Equation(lambda u, x, y: CUBIC(x, y) * u.x)])
