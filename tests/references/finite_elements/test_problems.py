"""Systems, nonlinear problems and conditions of every kind by finite elements, and what they refuse."""

from __future__ import annotations

import math
import pickle
import sys

import numpy as np
import pytest
import sympy
import torch

from pinnkit import (
    Ball,
    Box,
    Condition,
    Dirichlet,
    Disk,
    Equation,
    LeastSquares,
    Neumann,
    Periodic,
    PointSet,
    Problem,
    RandomFourier,
    Time,
    Unknown,
    div,
    grad,
    reference,
    solve,
    validate,
)
from pinnkit.problem.errors import Unsupported
from pinnkit.references import BudgetSpent, FiniteDifferences, FiniteElements, TooFewConditions, TooManyConditions
from tests.domains.shapes.random_shapes import random_polygon_with_holes
from tests.references.finite_elements.closed_forms import Manufactured, X, Y, function, true_errors

SQUARE = Box(x=(0, 1), y=(0, 1))
ROUND = Disk(x=0.45, y=0.5, radius=0.2)
PLATE = SQUARE - ROUND
OUTSIDE, INSIDE = PLATE.boundary_of(SQUARE), PLATE.boundary_of(ROUND)
WAVE = sympy.exp(X) * sympy.sin(2 * Y)
POISSON = Manufactured(WAVE)
wave = function(WAVE)


def normal_slope(expression):
    slopes = [function(sympy.diff(expression, s)) for s in (X, Y)]
    return lambda x, y, n: n[0] * slopes[0](x, y) + n[1] * slopes[1](x, y)


def holds(problem: Problem, budget: float, exact: dict, *, below: float = 1e-3):
    found = FiniteElements().refer(problem, budget)
    for name, true in exact.items():
        l2, greatest = true_errors(found, true, name)
        assert l2 < 2 * found.error_bar[name]
        assert greatest < 2 * found.max_error_bar[name]
        assert found.error_bar[name] < below
    return found


# nonlinear ------------------------------------------------------------------------------------------------------------
def nonlinear(k, name: str) -> Problem:
    """-div(k(u) grad u) + u^3 = f."""
    u = sympy.Symbol("u")
    value = k(u).subs(u, WAVE)
    source = function(-sum(sympy.diff(value * sympy.diff(WAVE, s), s) for s in (X, Y)) + WAVE**3)
    terms = [
        Equation(lambda u, x, y: -div(k(u) * grad(u)) + u**3 - source(x, y)),
        Dirichlet(OUTSIDE, u=wave),
        Neumann(INSIDE, u=POISSON.flux),
    ]
    return Problem(name, PLATE, "u", terms, exact=dict(u=wave))


def test_a_reaction_and_a_conductivity_that_depends_on_the_unknown() -> None:
    for problem in (nonlinear(lambda u: 1 + u * u, "conductivity"), nonlinear(lambda u: 2 + 0 * u, "reaction")):
        found = holds(problem, 1.0, {"u": wave})
        assert "Newton" in found.kind
        assert abs(found.observed_order - 3) < 0.3


# systems --------------------------------------------------------------------------------------------------------------
def test_two_unknowns_and_a_vector() -> None:
    def given(x, y):
        return torch.stack([x * y, torch.sin(y)], dim=-1)

    def residual(u, v, x, y):
        return -u.laplacian + v[0] - 3 * wave(x, y) - x * y

    def other(u, v, x, y):
        zero = u - wave(x, y)
        return torch.stack([-v[0].laplacian + zero, -v[1].laplacian - 2 * v[1] + v[0].x - y + torch.sin(y)], -1)

    terms = [Equation(residual), Equation(other, name="other"), Dirichlet(PLATE.boundary, u=wave, v=given)]
    problem = Problem("system", PLATE, ["u", Unknown("v", components=2)], terms)
    found = holds(problem, 1.0, {"u": wave, "v": given})
    assert found.values["v"].shape == (*found.values["u"].shape, 2)


STREAM = sympy.sin(2 * X) * sympy.cos(Y) * sympy.exp(X / 2)
FLOW = {"u": sympy.diff(STREAM, Y), "v": -sympy.diff(STREAM, X), "p": sympy.sin(X + 2 * Y)}


def flow(reynolds: float, *conditions) -> Problem:
    u, v, p = FLOW.values()
    forces = []
    for w, s in ((u, X), (v, Y)):
        inertia = reynolds * (u * sympy.diff(w, X) + v * sympy.diff(w, Y))
        forces.append(function(-sympy.diff(w, X, 2) - sympy.diff(w, Y, 2) + inertia + sympy.diff(p, s)))
    terms = [
        Equation(lambda u, v, p, x, y: -u.laplacian + reynolds * (u * u.x + v * u.y) + p.x - forces[0](x, y), name="a"),
        Equation(lambda u, v, p, x, y: -v.laplacian + reynolds * (u * v.x + v * v.y) + p.y - forces[1](x, y), name="b"),
        Equation(lambda u, v: u.x + v.y, name="c"),
        *conditions,
    ]
    return Problem("flow", PLATE, ["u", "v", "p"], terms)


EXACT_FLOW = {name: function(e) for name, e in FLOW.items()}
VELOCITY = {"u": EXACT_FLOW["u"], "v": EXACT_FLOW["v"]}
PINNED = Dirichlet(PointSet(x=0.1, y=0.1), p=math.sin(0.3), name="pinned")


@pytest.mark.parametrize("reynolds", [0.0, pytest.param(5.0, marks=pytest.mark.slow)])
def test_flows_by_elements_of_second_degree_for_the_velocity_and_first_for_the_pressure(reynolds: float) -> None:
    problem = flow(reynolds, Dirichlet(PLATE.boundary, **VELOCITY), PINNED)
    holds(problem, 1.0, EXACT_FLOW, below=1e-2)


def test_a_traction_on_a_curved_wall_of_a_flow() -> None:
    slopes = {name: normal_slope(FLOW[name]) for name in "uv"}
    p = EXACT_FLOW["p"]

    def traction(u, v, p_, x, y, n):
        a = u.x * n[0] + u.y * n[1] - p_ * n[0] - slopes["u"](x, y, n) + p(x, y) * n[0]
        b = v.x * n[0] + v.y * n[1] - p_ * n[1] - slopes["v"](x, y, n) + p(x, y) * n[1]
        return a, b

    condition = Condition(INSIDE, lambda u, v, p, x, y, n: traction(u, v, p, x, y, n), name="traction")
    holds(flow(0.0, Dirichlet(OUTSIDE, **VELOCITY), condition), 0.6, EXACT_FLOW, below=1e-2)


def test_a_pressure_that_nothing_fixes_is_refused() -> None:
    with pytest.raises(TooFewConditions, match="singular"):
        FiniteElements().refer(flow(0.0, Dirichlet(PLATE.boundary, **VELOCITY)), 0.3)


MU, LAMBDA = 1.0, 1.5
BENT = {"u": sympy.sin(X + Y) * sympy.exp(X / 3), "v": sympy.cos(2 * X - Y)}


def stress(ux, uy, vx, vy):
    return (
        LAMBDA * (ux + vy) + 2 * MU * ux,
        MU * (uy + vx),
        LAMBDA * (ux + vy) + 2 * MU * vy,
    )


def test_elasticity_with_a_traction_and_a_wall_that_slides() -> None:
    parts = [sympy.diff(BENT[name], s) for name in "uv" for s in (X, Y)]
    xx, xy, yy = stress(*parts)
    forces = [function(sympy.diff(xx, X) + sympy.diff(xy, Y)), function(sympy.diff(xy, X) + sympy.diff(yy, Y))]
    true = [function(e) for e in (xx, xy, yy)]
    exact = {name: function(e) for name, e in BENT.items()}

    def traction(u, v, x, y, n):
        a, b, c = (found - t(x, y) for found, t in zip(stress(u.x, u.y, v.x, v.y), true, strict=True))
        return a * n[0] + b * n[1], b * n[0] + c * n[1]

    left = PLATE.boundary_of(SQUARE.face(x=0))
    rest = [PLATE.boundary_of(SQUARE.face(**{c: v})) for c, v in (("x", 1.0), ("y", 0.0), ("y", 1.0))]
    both, stiff = LAMBDA + MU, LAMBDA + 2 * MU
    terms = [
        Equation(lambda u, v, x, y: stiff * u.xx + MU * u.yy + both * v.xy - forces[0](x, y), name="a"),
        Equation(lambda u, v, x, y: stiff * v.yy + MU * v.xx + both * u.xy - forces[1](x, y), name="b"),
        Dirichlet(left, u=exact["u"], name="slides"),
        Condition(left, lambda u, v, x, y: MU * (u.y + v.x) - true[1](x, y), name="shear"),
        *(Dirichlet(wall, **exact, name=f"fixed {i}") for i, wall in enumerate(rest)),
        Condition(INSIDE, traction, name="traction"),
    ]
    holds(Problem("elastic", PLATE, ["u", "v"], terms), 0.8, exact)


# conditions -----------------------------------------------------------------------------------------------------------
ANISOTROPIC = function(2 * sympy.diff(WAVE, X, 2) + sympy.diff(WAVE, X, Y) + 3 * sympy.diff(WAVE, Y, 2))
SLOPE = [function(sympy.diff(WAVE, s)) for s in (X, Y)]


@pytest.mark.parametrize(
    "direction",
    [
        pytest.param(lambda n: (n[0], n[1]), id="normal"),
        pytest.param(lambda n: (2 * n[0] + 0.5 * n[1], 0.5 * n[0] + 3 * n[1]), id="conormal"),
        pytest.param(lambda n: (n[0] - 0.4 * n[1], n[1] + 0.4 * n[0]), id="oblique"),
    ],
)
def test_derivatives_along_any_direction_of_an_anisotropic_equation(direction) -> None:
    def condition(u, x, y, n):
        a, b = direction(n)
        return a * (u.x - SLOPE[0](x, y)) + b * (u.y - SLOPE[1](x, y))

    terms = [
        Equation(lambda u, x, y: 2 * u.xx + u.xy + 3 * u.yy - ANISOTROPIC(x, y)),
        Dirichlet(OUTSIDE, u=wave),
        Condition(INSIDE, condition, name="slope"),
    ]
    found = holds(Problem("anisotropic", PLATE, "u", terms), 0.3, {"u": wave})
    assert abs(found.observed_order - 3) < 0.3


def neumann(*more, flux=POISSON.flux) -> Problem:
    return Problem("neumann", PLATE, "u", [POISSON.equation, Neumann(PLATE.boundary, u=flux), *more])


def test_fluxes_everywhere_need_a_value_at_a_point_and_a_balance() -> None:
    value = float(wave(torch.tensor(0.1, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64)))
    point = Dirichlet(PointSet(x=0.1, y=0.1), u=value, name="point")
    with pytest.raises(TooFewConditions, match="singular"):
        FiniteElements().refer(neumann(), 0.3)
    holds(neumann(point), 0.3, {"u": wave})
    with pytest.raises(TooManyConditions, match="sources and fluxes do not balance"):
        FiniteElements().refer(neumann(point, flux=1.0), 0.3)


def test_different_values_that_meet_at_a_vertex_leave_an_honest_bar() -> None:
    walls = {"x": SQUARE.face(x=0), "rest": SQUARE.face(x=1, y=(0, 1))}
    terms = [
        Equation(lambda u: u.laplacian),
        Dirichlet(walls["x"], u=1.0),
        Dirichlet(walls["rest"], u=0.0, name="rest"),
    ]
    found = FiniteElements().refer(Problem("jump", SQUARE, "u", terms), 0.5)
    k = np.arange(1, 800, 2)[:, None, None]
    x, y = np.meshgrid(*found.grid.values(), indexing="ij")
    ratio = np.exp(-k * np.pi * x) * (1 - np.exp(-2 * k * np.pi * (1 - x))) / (1 - np.exp(-2 * k * np.pi))
    true = (4 / (k * np.pi) * np.sin(k * np.pi * y) * ratio).sum(axis=0)
    inner = (x > 0.05) & (x < 1)
    gap = (found.values["u"] - true)[inner]
    assert np.sqrt(np.mean(gap**2) / np.mean(true[inner] ** 2)) < found.error_bar["u"]


# refusals -------------------------------------------------------------------------------------------------------------
def _in_plate(*terms, equation=None, unknowns="u") -> Problem:
    return Problem("p", PLATE, unknowns, [equation or Equation(lambda u: u.laplacian + 1), *terms])


ZERO = Dirichlet(PLATE.boundary, u=0.0)
DYNAMIC = PLATE * Time(0, 1)


@pytest.mark.parametrize(
    ("problem", "error", "words"),
    [
        (
            _in_plate(Dirichlet(OUTSIDE, u=0.0)),
            TooFewConditions,
            "no condition for `u` on the wall 'disk'; give its value",
        ),
        (
            _in_plate(ZERO, Neumann(INSIDE, u=0.0)),
            TooManyConditions,
            "2 conditions on the wall 'disk'.* take 1; leave out",
        ),
        (
            _in_plate(ZERO, Dirichlet(PointSet(x=0.1, y=0.1), u=0.0, name="point")),
            Unsupported,
            "'point' prescribes `u` at single points",
        ),
        (
            _in_plate(Dirichlet(OUTSIDE, u=0.0), Condition(INSIDE, lambda u, n: n[0] * u.y - n[1] * u.x, name="along")),
            Unsupported,
            "'along' has no derivative along the normal",
        ),
        (_in_plate(ZERO, equation=Equation(lambda u: u.xxxx + u.yyyy)), Unsupported, "derivative of order 4"),
        (
            _in_plate(ZERO, equation=Equation(lambda u: u.x + u.y - 1)),
            Unsupported,
            "no equation has second derivatives",
        ),
        (
            _in_plate(ZERO, equation=Equation(lambda u: u.xx * u.yy - u.xy**2 - 1)),
            Unsupported,
            "not linear in its second",
        ),
        (
            _in_plate(ZERO, equation=Equation(lambda u: div(grad(u) / (1 + u.x**2 + u.y**2) ** 0.5) - 1)),
            Unsupported,
            "depend on first derivatives of the unknowns, as in minimal surfaces",
        ),
        (
            _in_plate(Dirichlet(OUTSIDE, u=0.0), Condition(INSIDE, lambda u: u**2 - 1, name="square")),
            Unsupported,
            "'square' has no derivative and is not linear",
        ),
        (
            Problem(
                "p",
                SQUARE,
                "u",
                [Equation(lambda u: u.laplacian + 1), Periodic("x"), Dirichlet(SQUARE.face(y=(0, 1)), u=0.0)],
            ),
            Unsupported,
            "`x` is periodic",
        ),
        (
            Problem(
                "p",
                Ball(x=(0.0,) * 5),
                "u",
                [Equation(lambda u: u.laplacian), Dirichlet(Ball(x=(0.0,) * 5).boundary, u=0.0)],
            ),
            Unsupported,
            "5 space dimensions",
        ),
    ],
)
def test_what_finite_elements_do_not_cover_is_refused_by_name(problem: Problem, error: type, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        FiniteElements().refer(problem, 0.2)
    assert caught.value.method == "finite elements"


def nonlinear_in(domain) -> Problem:
    terms = [Equation(lambda u: -u.laplacian + u**3 - 1), Dirichlet(domain.boundary, u=0.0)]
    return Problem("p", domain, "u", terms)


def test_a_budget_that_is_too_small_is_refused() -> None:
    with pytest.raises(BudgetSpent, match="give a larger one"):
        FiniteElements().refer(nonlinear_in(random_polygon_with_holes(1).shape), 0.01)


# choice, values, files ------------------------------------------------------------------------------------------------
def test_shapes_are_left_to_finite_elements_and_boxes_to_finite_differences() -> None:
    assert "elements" in reference(POISSON.problem(PLATE, "DDDDN"), budget=0.2).kind
    assert "differences" in reference(POISSON.problem(SQUARE, "DDDD"), budget=0.2).kind
    oblique = Condition(SQUARE.face(x=0), lambda u, x, y, n: n[0] * u.x - POISSON.flux(x, y, n), name="slope")
    others = Dirichlet(SQUARE.face(x=1, y=(0, 1)), u=wave)
    assert "differences" in reference(Problem("p", SQUARE, "u", [POISSON.equation, oblique, others]), budget=0.2).kind


def test_without_scikit_fem_finite_differences_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skfem", None)
    with pytest.raises(ImportError, match=r"pip install 'pinnkit\[geometry\]'"):
        FiniteElements().refer(POISSON.problem(PLATE, "DDDDD"), 0.2)
    assert "differences" in reference(POISSON.problem(PLATE, "DDDDD"), budget=0.2).kind
    with pytest.raises(Unsupported, match=r"only Dirichlet.*pip install 'pinnkit\[geometry\]'"):
        reference(POISSON.problem(PLATE, "DDDDN"), budget=0.2)


def test_values_outside_are_nan_and_those_between_nodes_come_from_the_elements() -> None:
    found = FiniteElements().refer(POISSON.problem(PLATE, "DDDDN"), 0.2)
    assert np.isnan(found.at(x=0.45, y=0.5)["u"])
    assert np.isnan(found.on_grid(x=21, y=21)["u"][9, 10])
    again = pickle.loads(pickle.dumps(found.between))
    at = np.array([[0.1, 0.9], [0.7, 0.3], [0.0, 0.0], [1.0, 0.4]])
    assert (again.at(at)["u"] == found.between.at(at)["u"]).all()
    assert np.abs(again.at(at)["u"] - wave(*torch.from_numpy(at).T).numpy()).max() < found.max_error_bar["u"]


def test_one_problem_and_budget_give_one_reference() -> None:
    first, second = (FiniteElements().refer(POISSON.problem(PLATE, "DDDDN"), 0.2) for _ in range(2))
    assert np.array_equal(first.values["u"], second.values["u"], equal_nan=True)


def test_a_solution_is_validated_by_finite_elements() -> None:
    problem = Problem("p", PLATE, "u", [POISSON.equation, Dirichlet(PLATE.boundary, u=wave)], exact=dict(u=wave))
    report = validate(solve(problem, RandomFourier(200, bandwidth=3.0), LeastSquares()), budget=0.3)
    assert "finite elements" in report.reference.kind
    (against,) = report.discretised
    assert against.points > 500
    assert against.measured_l2 <= 2 * report.reference.error_bar["u"]
    (own,) = report.reference_error
    assert own.measured_l2 <= report.reference.error_bar["u"]


def test_a_time_limit_is_kept() -> None:
    found = reference(POISSON.problem(PLATE, "DDDDN"), seconds=5.0)
    assert "stopped by the clock" in found.remark


def test_the_method_of_a_reference_must_be_one() -> None:
    with pytest.raises(TypeError, match="FiniteElements"):
        reference(POISSON.problem(PLATE, "DDDDN"), method="finite elements")
    assert FiniteElements() == FiniteElements() != FiniteDifferences()
