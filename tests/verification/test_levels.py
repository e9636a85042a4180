"""Levels of a verdict: evidence that confirms, evidence against, and questions that stay open."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import cos, exp, sin

from pinnkit import Box, Coefficient, Data, Dirichlet, Equation, Initial, Problem
from pinnkit.references import Reference, reference
from pinnkit.reports.validation import validate
from pinnkit.verification import Kind, Level, verdict
from pinnkit.verification.context import Context
from pinnkit.verification.linearized.perturbation_growth import perturbation_growth
from pinnkit.verification.reference_evidence import find_reference
from tests.planted import planted

PI = math.pi
LINE = Box(x=(0, 1))
TIME = Box(t=(0, 1))


def rod() -> Problem:
    return Problem(
        "rod", LINE, "u", [Equation(lambda u, x: u.xx + PI**2 * sin(PI * x)), Dirichlet(LINE.boundary, u=0.0)]
    )


def decaying(rate: float = 1.0, **options: object) -> Problem:
    return Problem("decay", TIME, "u", [Equation(lambda u: u.t + rate * u), Initial(u=1.0)], **options)


def values_of(function: object, *, bar: float) -> Reference:
    """A reference with given values and a given error bar."""
    x = np.linspace(0, 1, 65)
    u = function(torch.from_numpy(x)).numpy()
    return Reference({"u": u}, {"x": x}, {"u": bar}, {"u": bar * float(np.abs(u).max())}, 2.0, 2.0, 0.1, "test")


def test_a_right_solution_is_confirmed_by_reference_and_bound() -> None:
    found = verdict(planted(rod(), lambda x: sin(PI * x)), reference=reference(rod(), budget=0.1))
    assert found.level is Level.CONFIRMED
    assert len(found.confirmed_by) == 2
    assert found.unchecked == ()


def test_a_difference_within_the_references_own_bar_is_no_finding_and_no_confirmation() -> None:
    solution = planted(rod(), lambda x: sin(PI * x))
    far = values_of(lambda x: 0.7 * sin(PI * x), bar=0.4)
    found = verdict(solution, reference=far)
    assert Kind.FAR not in found.kinds
    near = values_of(lambda x: 0.7 * sin(PI * x), bar=0.01)
    assert Kind.FAR in verdict(solution, reference=near).kinds


def test_a_single_value_that_is_off_prevents_a_confirmation_by_the_reference() -> None:
    problem = decaying()
    spike = planted(problem, lambda t: exp(-t) + 0.3 * exp(-(((t - 0.5) / 0.004) ** 2)))
    x = np.linspace(0, 1, 501)
    exact = Reference({"u": np.exp(-x)}, {"t": x}, {"u": 1e-6}, {"u": 1e-6}, 2.0, 2.0, 0.1, "test")
    context = Context(spike, tuple(_compared(spike, exact)))
    assert context.near
    assert not context.confirmed


def _compared(solution: object, known: Reference) -> tuple:
    from pinnkit.verification.comparison import compare_with_reference

    return compare_with_reference(solution, known)


def test_a_component_that_is_zero_is_not_divided_by_its_own_rounding() -> None:
    box = Box(x=(0, 1), y=(0, 1))
    problem = Problem(
        "channel",
        box,
        ["u", "v"],
        [
            Equation(lambda u, v: u.xx + u.yy + 2 - v),
            Equation(lambda u, v: v.xx + v.yy - v.x * u),
            Dirichlet(box.boundary, u=lambda y: y * (1 - y), v=0.0),
        ],
    )
    found = verdict(planted(problem, lambda _, y: y * (1 - y), lambda x, y: 1e-16 * sin(40 * x) * y))
    assert found.ok, str(found)


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        ([Equation(lambda u: u.t - u**2), Initial(u=1.5)], Kind.NO_REFERENCE),  # the pole at t = 2/3
        ([Equation(lambda u: u.tt + u), Initial(u=1.0)], Kind.UNDETERMINED),
    ],
)
def test_a_reference_that_fails_or_misses_a_condition_is_evidence(terms: list, kind: Kind) -> None:
    found, absent = find_reference(Problem("p", TIME, "u", terms), 0.2)
    assert found is None
    assert {f.kind for f in absent.findings} == {kind}


def test_a_method_that_does_not_cover_a_problem_is_no_evidence() -> None:
    box = Box(**dict.fromkeys("abcf", (0, 1)))
    problem = Problem("p", box, "u", [Equation(lambda u: u.laplacian + 1), Dirichlet(box.boundary, u=0.0)])
    found, absent = find_reference(problem, 0.2)
    assert found is None
    assert absent.reason
    assert absent.findings == ()


def test_only_a_product_of_coefficients_is_determined() -> None:
    t = torch.linspace(0, 1, 20)
    problem = Problem(
        "product",
        TIME,
        "u",
        [Equation(lambda u, a, b: u.t + a * b * u), Initial(u=1.0), Data(dict(t=t), u=exp(-2 * t))],
        coefficients=[Coefficient("a", 1.0), Coefficient("b", 1.0)],
    )
    found = verdict(planted(problem, lambda t: exp(-2 * t), coefficients={"a": 1.0, "b": 2.0}))
    assert "only the product `a * b` is determined" in str(found)


def test_other_coefficients_that_meet_every_term_are_given() -> None:
    t = torch.linspace(0, 1, 20)
    problem = Problem(
        "square",
        TIME,
        "u",
        [Equation(lambda u, a: u.t + (a**2 - 3 * a + 4) * u), Initial(u=1.0), Data(dict(t=t), u=exp(-2 * t))],
        coefficients=[Coefficient("a", 1.0)],
    )
    found = verdict(planted(problem, lambda t: exp(-2 * t), coefficients={"a": 1.0}))
    assert found.kinds == {Kind.SEVERAL}
    assert "a = 2" in str(found)


def test_standard_deviations_follow_the_noise() -> None:
    """A rate from 200 noisy values: the spread over seeds is the deviation that is given."""
    t = torch.linspace(0, 1, 200, dtype=torch.float64)

    def deviation(sigma: float) -> float:
        noise = sigma * torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        problem = Problem(
            "rate",
            TIME,
            "u",
            [Equation(lambda u, k: u.t + k * u), Initial(u=1.0), Data(dict(t=t), u=exp(-t) + noise)],
            coefficients=[Coefficient("k", 1.0)],
        )
        solution = planted(problem, lambda t: exp(-t), coefficients={"k": 1.0})
        return verdict(solution).coefficient_deviations["k"]

    weight = float((t * exp(-t)).square().sum().sqrt())  # d exp(-k t) / dk
    for sigma in (0.01, 0.04):
        assert deviation(sigma) == pytest.approx(sigma / weight, rel=0.25)


def test_perturbations_of_an_oscillator_stay_and_those_of_a_saddle_grow() -> None:
    box = Box(t=(0, 10))
    swing = Problem("swing", box, "u", [Equation(lambda u: u.tt + u), Initial(u=1.0, u_t=0.0)])
    saddle = Problem("saddle", box, "u", [Equation(lambda u: u.tt - u), Initial(u=1.0, u_t=-1.0)])
    calm = perturbation_growth(planted(swing, cos), {"u": 1.0})
    steep = perturbation_growth(planted(saddle, lambda t: exp(-t)), {"u": 1.0})
    assert calm is not None
    assert calm.factors.max() < 1.1
    assert steep is not None
    assert steep.factors[-1] == pytest.approx(math.exp(10), rel=0.02)  # both components: cosh and sinh


def test_growth_beyond_all_digits_is_a_finding() -> None:
    box = Box(t=(0, 60))
    saddle = Problem("saddle", box, "u", [Equation(lambda u: u.tt - u), Initial(u=1.0, u_t=-1.0)])
    assert Kind.UNSTABLE in verdict(planted(saddle, lambda t: exp(-t))).kinds


def test_the_better_of_two_is_offered() -> None:
    poor = validate(planted(rod(), lambda x: 1.1 * sin(PI * x)), budget=0.1)
    assert isinstance(poor.best, Reference)
    assert poor.summary()["best"] == "reference"
    assert poor.best(x=[0.5])["u"][0] == pytest.approx(1.0, abs=1e-3)
    good = validate(planted(rod(), lambda x: sin(PI * x)), budget=0.1)
    assert good.best is good.solution


def test_a_reference_by_the_clock_says_so() -> None:
    found = reference(rod(), seconds=0.2)
    assert "stopped by the clock" in found.remark
    with pytest.raises(ValueError, match="`seconds` must be a positive"):
        reference(rod(), seconds=0.0)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_verdicts_take_derivatives_in_every_mode(mode: type) -> None:
    with mode():
        assert verdict(planted(rod(), lambda x: sin(PI * x))).level is Level.CONFIRMED
