"""The problem: what it holds, and the properties that probing finds."""

import dataclasses

import pytest
import torch

from pinnkit import Box, Coefficient, Cube, Data, Dirichlet, Equation, Initial, Parameters, Problem, Unknown

ROD = Box(x=(0, 1), t=(0, 1))
HEAT = Equation(lambda u: u.t - u.xx)


def test_a_problem_is_frozen_and_takes_single_items_for_sequences() -> None:
    problem = Problem("heat", ROD, "u", HEAT, coefficients=Coefficient("nu", 0.1))  # type: ignore[arg-type]
    assert problem.unknowns == (Unknown("u"),)
    assert problem.names == ("u",)
    assert [t.name for t in problem.terms] == ["equation"]
    assert problem.coefficients == (Coefficient("nu", 0.1),)
    assert problem.time == "t"
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        problem.exact["u"] = lambda x: x  # type: ignore[index]


def test_the_frame_knows_space_from_time_and_parameters() -> None:
    box = Box(x=(0, 1), y=(0, 1), t=(0, 1)) * Parameters(a=(0, 1))
    problem = Problem("p", box, "u", [Equation(lambda u, a: u.t - a * u.laplacian)])
    assert problem.frame.columns == ("x", "y", "t", "a")
    assert problem.frame.space == ("x", "y")
    cube = Problem("p", Box(x=Cube(0, 1, dim=3)), "u", [Equation(lambda u: u.laplacian)])
    assert cube.frame.columns == ("x[0]", "x[1]", "x[2]")
    assert cube.frame.vectors == (("x", ("x[0]", "x[1]", "x[2]")),)
    assert cube.time is None


def test_an_unknown_depends_on_all_axes_or_on_those_it_names() -> None:
    problem = Problem("p", ROD, ["u", Unknown("k", axes=("x",))], [Equation(lambda u, k: u.t - k * u.xx - k.x * u.x)])
    assert problem.columns_of("u") == {"x", "t"}
    assert problem.columns_of("k") == {"x"}


LINEAR = {
    "a linear equation": (lambda u: u.t - u.xx, {}, True),
    "a variable coefficient": (lambda u, x, t: torch.exp(x) * u.t - torch.sin(t) * u.xx + x, {}, True),
    "a square": (lambda u: u.t + u * u.x, {}, False),
    "a small square": (lambda u: u.t + 1e-6 * u**2, {}, False),
    "a sine": (lambda u: u.tt + torch.sin(u), {}, False),
    "a kink": (lambda u: u.t + torch.abs(u), {}, False),
    "a kink far out": (lambda u: u.t + torch.relu(u - 100.0), {}, False),
    "a sought coefficient": (lambda u, nu: u.t - nu * u.xx, {"coefficients": [Coefficient("nu", 0.1)]}, False),
    "an affine ansatz": (lambda u: u.t - u.xx, {"ansatz": {"u": lambda u, x: x * (1 - x) * u + x}}, True),
    "an exponential ansatz": (lambda u: u.t - u.xx, {"ansatz": {"u": lambda u: torch.exp(u)}}, False),
}


@pytest.mark.parametrize("case", LINEAR)
def test_linearity_is_found_by_probing(case: str) -> None:
    residual, options, expected = LINEAR[case]
    assert Problem("p", ROD, "u", [Equation(residual)], **options).linear is expected  # type: ignore[arg-type]


def test_the_smoothness_needed_counts_derivatives_through_the_ansatz() -> None:
    beam = Equation(lambda u: u.tt + u.xxxx)
    assert Problem("p", ROD, "u", [beam]).smoothness_needed("u") == 4
    system = Problem("p", ROD, ["u", "q"], [Equation(lambda u, q: (u.t + q.x, q + u.x))])
    assert system.smoothness_needed("u") == 1
    assert Problem("p", ROD, "u", [Equation(lambda u: u - 1.0)]).smoothness_needed("u") == 0
    through = Problem("p", ROD, "u", [HEAT], ansatz={"u": lambda u, x: x * u.x})
    assert through.smoothness_needed("u") == 3
    square = Problem("p", Box(x=(0, 1), y=(0, 1)), "u", [Equation(lambda u: u.laplacian)])
    assert square.smoothness_needed("u") == 2


def test_initial_coefficients_are_tensors_of_the_problems_dtype() -> None:
    problem = Problem("p", ROD, "u", [HEAT], coefficients=[Coefficient("nu", 0.1)], dtype=torch.float32)
    assert problem.initial_coefficients()["nu"].dtype == torch.float32
    assert problem.initial_coefficients()["nu"].shape == ()


def test_an_ordinary_differential_equation_has_only_time() -> None:
    problem = Problem("decay", Box(t=(0, 3)), "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])
    assert problem.linear
    assert problem.frame.space == ()


def test_the_exact_solution_may_be_a_constant_or_use_coefficients() -> None:
    options = {"coefficients": [Coefficient("nu", 0.1)]}
    Problem("p", ROD, "u", [HEAT], exact={"u": lambda: 1.0}, **options)  # type: ignore[arg-type]
    Problem("p", ROD, "u", [HEAT], exact={"u": lambda x, nu: nu * x}, **options)  # type: ignore[arg-type]
    Problem(
        "p",
        ROD,
        Unknown("v", components=2),
        [Equation(lambda v: v.t)],
        exact={"v": lambda x, t: torch.stack([x, t], dim=-1)},
    )


def test_exact_solutions_are_seen_by_no_term() -> None:
    problem = Problem("p", ROD, "u", [HEAT], exact={"u": lambda x: x})
    assert all("exact" not in repr(term) for term in problem.terms)
    assert problem.traces == Problem("p", ROD, "u", [HEAT]).traces


def test_an_image_is_a_problem_of_data_alone() -> None:
    grid = torch.linspace(0, 1, 5)
    image = Problem("image", Box(x=(0, 1), y=(0, 1)), "u", [Data({"x": grid, "y": grid}, u=grid)], dtype=torch.float32)
    assert image.linear
    assert image.smoothness_needed("u") == 0
    (points,) = image.term("data").sample(5, torch.Generator())
    assert points.coords.shape == (5, 2)


def test_problems_may_share_terms_and_walls() -> None:
    wall = Dirichlet(ROD.boundary, u=0.0)
    first = Problem("a", ROD, "u", [HEAT, wall])
    second = Problem("b", ROD, "u", [HEAT, wall], ansatz={"u": lambda u, x: x * u})
    assert second.traces["equation", True].channels != first.traces["equation", False].channels
    assert second.trace(second.term("equation"), raw=False) == first.trace(first.term("equation"), raw=True)
