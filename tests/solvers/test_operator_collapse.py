"""Operator collapse keeps the residual to rounding, and leaves out coefficients that vary over the given points."""

import pytest
import torch

from pinnkit import Box, Condition, Cube, Equation, Problem, Unknown
from pinnkit.domains import Points
from pinnkit.jets.frame import NamedOperator
from pinnkit.solvers.collocation.operator_collapse import collapse
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from tests.solvers.cases import ALPHA, F64, ROD, SQUARE, cubic, fields_of, heat, parameters_of, points_of, poisson

CUBE = Box(x=Cube(0, 1, dim=5), t=(0, 1))

# Problems beside the derivatives that collapse and the unknown's channels that stay.
COLLAPSED = {
    "heat": (heat(), {("t",), ("x", "x")}, set()),
    "poisson": (
        poisson(terms=[Equation(lambda u, x: -u.xx - u.yy - torch.exp(x))]),
        {("x", "x"), ("y", "y")},
        set(),
    ),
    "cubic": (cubic(), {("t",), ("x", "x")}, {()}),
    "source": (
        Problem("source", ROD, "u", [Equation(lambda u, x, t: u.t - 2 * u.xx + torch.sin(x * t) * u)]),
        {("t",), ("x", "x")},
        {()},
    ),
    "burgers": (
        Problem("burgers", ROD, "u", [Equation(lambda u: u.t + u * u.x - 0.1 * u.xx)]),
        {("t",), ("x", "x")},
        {(), ("x",)},
    ),
    "biharmonic": (
        Problem("biharmonic", SQUARE, "u", [Equation(lambda u: u.xxxx + 2 * u.xxyy + u.yyyy - 1)]),
        {("x",) * 4, ("y",) * 4, ("x", "x", "y", "y")},
        set(),
    ),
}


def first(problem: Problem, n: int = 50) -> tuple[Points, ...]:
    return next(points_of(problem, n).chunks(problem.term("equation")))


def orders(operator: NamedOperator) -> set:
    return {order for _, names in operator.terms for order in [names]}


@pytest.mark.parametrize("name", COLLAPSED)
def test_the_constant_part_collapses_into_one_channel(name: str) -> None:
    problem, replaced, kept = COLLAPSED[name]
    found = collapse(problem, problem.term("equation"), first(problem))
    assert found is not None
    assert orders(found.operator.order) == replaced
    assert {c.order for c in found.kept} == kept


@pytest.mark.parametrize("name", COLLAPSED)
def test_the_collapsed_residual_equals_the_full_one_to_rounding(name: str) -> None:
    problem, _, _ = COLLAPSED[name]
    fields = fields_of(problem)
    parameters, collocation, term = parameters_of(fields), points_of(problem, 50), problem.term("equation")
    points = first(problem)
    quick = ResidualLoss(fields, parameters, collocation).residual(term, points)
    slow = ResidualLoss(fields, parameters, collocation, derivatives="autograd").residual(term, points)
    size = slow.detach().abs().max()
    assert (quick - slow).abs().max() < 1e-12 * size
    gradients = [parameters.gradient(r.square().sum()) for r in (quick, slow)]
    assert (gradients[0] - gradients[1]).norm() < 1e-11 * gradients[1].norm()


def test_a_laplacian_alone_is_one_channel_already() -> None:
    problem = poisson()
    assert collapse(problem, problem.term("equation"), first(problem)) is None


def test_coefficients_keep_their_values() -> None:
    found = collapse(heat(), heat().term("equation"), first(heat()))
    assert dict((names, c) for c, names in found.operator.order.terms) == {("t",): 1.0, ("x", "x"): -ALPHA}


def test_a_laplacian_of_many_columns_collapses_with_its_factor() -> None:
    problem = Problem("high", CUBE, "u", [Equation(lambda u: u.t - 3 * u.laplacian)])
    found = collapse(problem, problem.term("equation"), first(problem))
    assert found is not None
    values = dict((names, c) for c, names in found.operator.order.terms)
    assert values == {("t",): 1.0, **{(f"x[{i}]", f"x[{i}]"): -3.0 for i in range(5)}}


def jump(width: float) -> Problem:
    """k = 2 on the tiny square of that width in a corner, else 1."""

    def k(x, y):
        return torch.where((x < width) & (y < width), 2.0, 1.0)

    return Problem("jump", SQUARE, "u", [Equation(lambda u, x, y: k(x, y) * u.xx + u.yy - 1)])


def test_a_coefficient_that_jumps_on_a_tiny_region_is_not_collapsed_where_the_points_see_it() -> None:
    problem = jump(1e-6)
    inside = torch.tensor([[5e-7, 5e-7]], dtype=F64)
    away = first(problem)[0].coords
    for at in (0, 25, 50):
        seen = Points(torch.cat([away[:at], inside, away[at:]]))
        found = collapse(problem, problem.term("equation"), (seen,))
        assert found is None or ("x", "x") not in orders(found.operator.order)


def test_a_coefficient_that_varies_is_not_collapsed() -> None:
    for equation in (
        lambda u, x: (1 + 1e-9 * x) * u.xx + u.yy,
        lambda u, x: (1 + x) * (u.xx + u.yy),
        lambda u: torch.exp(u) * u.xx + u.yy,
        lambda u: u.xx * u.yy,
        lambda u: torch.sqrt(1 + u.xx**2) + u.yy,
    ):
        problem = Problem("varies", SQUARE, "u", [Equation(equation)])
        found = collapse(problem, problem.term("equation"), first(problem))
        assert found is None or ("x", "x") not in orders(found.operator.order)


def test_a_cap_far_from_the_usual_values_is_noticed() -> None:
    problem = Problem("cap", SQUARE, "u", [Equation(lambda u: torch.clamp(u.xx, -500, 500) + u.yy)])
    assert collapse(problem, problem.term("equation"), first(problem)) is None


def test_nothing_collapses_where_one_channel_could_not_replace_it() -> None:
    two = Problem("two", SQUARE, ["u", "v"], [Equation(lambda u, v: u.xx + v.yy)])
    rows = Problem("rows", SQUARE, "u", [Equation(lambda u: (u.xx + u.yy, u.x + u.y))])
    vector = Problem("vector", SQUARE, Unknown("v", components=2), [Equation(lambda v: v[0].xx + v[0].yy)])
    value = Problem("value", SQUARE, "u", [Condition(SQUARE.boundary, lambda u: u, name="equation")])
    for problem in (two, rows, vector, value):
        assert collapse(problem, problem.term("equation"), first(problem)) is None
