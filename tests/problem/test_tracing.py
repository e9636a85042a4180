"""Tracing: which channels a residual uses, how many rows it has, whether it is affine."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from pinnkit import Box, Condition, Cube, Dirichlet, Equation, Initial, Neumann, Periodic, Problem, Unknown
from pinnkit.jets import NamedOperator
from pinnkit.problem.linearization import Channel
from pinnkit.problem.tracing import Trace

ROD = Box(x=(0, 1), t=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))
LAPLACIAN = NamedOperator(((1.0, ("x", "x")), (1.0, ("y", "y"))))


def trace(
    residual: Callable[..., Any], domain: Box = SQUARE, unknowns: Any = "u", raw: bool = False, **options: Any
) -> Trace:
    problem = Problem("p", domain, unknowns, [Equation(residual)], **options)
    return problem.trace(problem.term("equation"), raw=raw)


def u(*order: str) -> Channel:
    return Channel(0, "u", order)


def test_the_channels_are_those_that_the_residual_mentions_in_its_order() -> None:
    assert trace(lambda u: u.t - 0.1 * u.xx, ROD).channels == (u("t"), u("x", "x"))
    assert trace(lambda u: u + u.y * u.xy).channels == (u(), u("y"), u("x", "y"))


def test_the_laplacian_is_one_channel_and_second_derivatives_are_two() -> None:
    assert trace(lambda u: u.laplacian + u).channels == (Channel(0, "u", LAPLACIAN), u())
    assert trace(lambda u: u.xx + u.yy).channels == (u("x", "x"), u("y", "y"))


def test_a_channel_without_influence_is_ignored() -> None:
    """div asks for the flux's shape, hence for u_x, although k is constant."""
    from pinnkit import div, grad

    found = trace(lambda u: div(2.0 * grad(u)))
    assert set(found.channels) == {u("x", "x"), u("y", "y")}
    assert found.ignored == {u("x"), u("y"), u("x", "y")}


def test_a_step_of_an_unknown_counts_although_its_slope_vanishes() -> None:
    assert set(trace(lambda u: u.x - torch.sign(u)).channels) == {u("x"), u()}


def test_a_branch_that_is_taken_nowhere_near_zero_still_counts() -> None:
    found = trace(lambda u: torch.where(u.x > 50.0, u, u.y))
    assert set(found.channels) == {u("x"), u(), u("y")}
    assert not found.linear


def test_a_branch_at_places_that_are_not_probed_counts_for_channels_and_linearity() -> None:
    found = trace(lambda u, x: torch.where(x > 0.999, u * u.x, u.y))
    assert set(found.channels) == {u(), u("x"), u("y")}
    assert not found.linear
    layers = trace(lambda u, x: torch.where(x > 0.999, 2.0 * u.laplacian, u.laplacian) - 1.0)
    assert layers.linear
    assert not trace(lambda u, x: torch.minimum(u, 2.0 * u) + 0 * x).linear


def test_row_components_are_counted_over_tuples_and_vectors() -> None:
    assert trace(lambda u: u.x).rows == 1
    assert trace(lambda u: u.grad).rows == 2
    assert trace(lambda u: (u.grad, u.laplacian, u)).rows == 4
    assert trace(lambda v: (v.laplacian, v[0].x), unknowns=Unknown("v", components=3)).rows == 4
    assert trace(lambda u: u.grad.sum(dim=-1, keepdim=True)).rows == 1
    assert trace(lambda u: u.d("x"), Box(x=Cube(0, 1, dim=5))).rows == 5


def test_linearity_holds_for_all_channels_together() -> None:
    assert trace(lambda u, x: x * u.x + torch.exp(x) * u - 3.0).linear
    assert not trace(lambda u: u.x * u.y).linear
    assert not trace(lambda u, w: u.x * w, unknowns=["u", "w"]).linear
    assert not trace(lambda u: torch.sqrt(u**2 + 1e-4)).linear


def test_a_residual_that_is_infinite_at_zero_is_nonlinear() -> None:
    assert not trace(lambda u: 1 / u).linear
    assert not trace(lambda u: u.x + 1 / u.y).linear


def test_a_residual_finite_in_places_is_accepted_and_nonlinear() -> None:
    assert not trace(lambda u: torch.log(u) + u.x).linear
    assert not trace(lambda u: torch.sqrt(u - 0.4) + u.x).linear


def test_two_sites_have_channels_of_their_own() -> None:
    problem = Problem("p", ROD, "u", [Equation(lambda u: u.t + u.x), Periodic("x")])
    assert problem.trace(problem.term("periodic"), raw=False).channels == (u(), Channel(1, "u", ()))


def test_through_the_ansatz_other_channels_are_used() -> None:
    ansatz = {"u": lambda u, x: x * (1 - x) * u}
    assert set(trace(lambda u: u.xx, ROD, raw=True, ansatz=ansatz).channels) == {u(), u("x"), u("x", "x")}
    assert trace(lambda u: u.xx, ROD, raw=False, ansatz=ansatz).channels == (u("x", "x"),)
    mixed = {"u": lambda u, w: u + w}
    found = trace(lambda u, w: u.x + w.t, ROD, ["u", "w"], raw=True, ansatz=mixed).channels
    assert set(found) == {u("x"), Channel(0, "w", ("x",)), Channel(0, "w", ("t",))}


def test_without_an_ansatz_raw_and_final_channels_agree() -> None:
    problem = Problem("p", ROD, "u", [Equation(lambda u: u.t)])
    assert problem.trace(problem.term("equation"), raw=True) == problem.trace(problem.term("equation"), raw=False)


def test_tracing_the_same_problem_twice_finds_the_same() -> None:
    def build() -> Problem:
        return Problem("p", SQUARE, "u", [Equation(lambda u: u.laplacian + u**3), Dirichlet(SQUARE.boundary, u=0.0)])

    assert build().traces == build().traces


def test_tracing_leaves_global_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    trace(lambda u: u.x)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("residual", "words"),
    [
        (lambda x: x, "uses no unknown"),
        (lambda u, x: x + 0.0 * torch.where(u > 0, x, x), "does not depend on any unknown"),
        (lambda u: u[:, None] * u.value[None], "number of points"),
        (lambda u: u.value[1:], r"shape \(n,\)"),
        (lambda u: torch.sqrt(-1 - u * u), "not finite"),
    ],
)
def test_wrong_residuals_are_refused_at_construction(residual: Callable[..., Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trace(residual)


def test_kinks_and_upwind_differences_may_be_differentiated() -> None:
    assert trace(lambda u, x: (torch.where(x < 0.5, x, 1 - x) * u.x).x)
    assert trace(lambda u: (torch.where(u > 0, u, 0.1 * u) * u).x)
    assert trace(lambda u, x: (torch.where(x > 1e-8, torch.sin(x) / x, 1.0) * u.x).x)
    assert trace(lambda u, x: u.x + torch.where(x < 0.5, 1.0 + 0 * x, 10.0 + 0 * x) * u.xx)


GAPS = {
    "initial": (lambda: Initial(u=lambda x: torch.sqrt(x - 0.5)), "initial", r"12\d of 251 points, such as x = "),
    "dirichlet": (
        lambda: Dirichlet(ROD.boundary, name="ends", u=lambda t: torch.log(t - 0.25)),
        "ends",
        r"\d\d of 251 points",
    ),
    "infinite": (lambda: Dirichlet(ROD.boundary, u=float("inf")), "dirichlet", "251 of 251 points"),
    "flux": (lambda: Neumann(ROD.boundary, u=lambda t: 1 / torch.relu(t - 0.5)), "neumann", r"12\d of 251 points"),
}


@pytest.mark.parametrize(("make", "name", "count"), GAPS.values(), ids=GAPS)
def test_given_values_that_are_not_finite_are_counted(make: Callable[[], Any], name: str, count: str) -> None:
    with pytest.raises(ValueError, match=rf"'gap': term '{name}': the given value is not finite at {count}"):
        Problem("gap", ROD, "u", [Equation(lambda u: u.t - u.xx), make()])


def test_a_condition_of_the_users_own_may_be_infinite_for_some_states() -> None:
    problem = Problem("p", ROD, "u", [Equation(lambda u: u.t - u.xx), Condition(ROD.boundary, lambda u: torch.sqrt(u))])
    assert problem.trace(problem.term("condition"), raw=False).channels == (u(),)
