"""The verdict flags every planted wrong solution by its kind, and leaves right ones alone."""

import math
from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from pinnkit.domains import Box
from pinnkit.fields import MLP, RandomFourier, Siren
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Equation, Initial
from pinnkit.references import reference
from pinnkit.reports.validation import validate
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solvers import LBFGS, Adam, LeastSquares, solve
from pinnkit.verification import Kind, Level, verdict
from pinnkit.verification.context import Context
from pinnkit.verification.spectral_content import check_spectral_content
from tests.planted import (
    LOWER,
    PI,
    UPPER,
    bratu,
    bratu_branch,
    bump,
    bump_problem,
    cos,
    distance,
    exp,
    float32,
    front,
    grown,
    heat,
    heat_family,
    insulated,
    insulated_rod,
    layer,
    logistic,
    long_line,
    measured,
    membrane,
    nothing_prescribed,
    oscillator,
    peak,
    pinned,
    planted,
    poisson,
    poisson_two_modes,
    rays,
    ring,
    sin,
    squares,
    step,
    string,
    string_without_velocity,
    swing,
    tanh,
    travelling,
    zero,
)  # fmt: skip


def late(x, t):
    """Half a turn too much on the ring after t = 0.5."""
    return sin(2 * PI * (x - t + 0.6 * torch.nn.functional.softplus((t - 0.5) * 40) / 40))


def nowhere(x, t):
    return sin(PI * x) * exp(-t) * torch.sqrt(x - 0.1) / torch.sqrt(x - 0.1)


WRONG = {
    "zero, though a source drives it": (Kind.TRIVIAL, poisson, zero),
    "zero, where nothing excludes it": (Kind.TRIVIAL, membrane, zero),
    "one eigenfunction of many": (Kind.UNDETERMINED, membrane, peak),
    "a constant, though the start varies": (Kind.TRIVIAL, insulated_rod, lambda x, _: 2 + 0 * x),
    "a string that goes silent": (
        Kind.LOST_START,
        string,
        lambda x, t: sin(PI * x) * cos(2 * PI * t) * (1 - step((t - 0.3) / 0.05)),
    ),
    "heat that is gone half way": (
        Kind.LOST_START,
        heat,
        lambda x, t: sin(PI * x) * exp(-t) * (1 - step((t - 0.5) / 0.04)),
    ),
    "heat that is gone at once": (Kind.LOST_START, heat, lambda x, t: sin(PI * x) * exp(-t / 0.02)),
    "heat that stands still too soon": (Kind.LOST_START, heat, lambda x, t: sin(PI * x) * exp(-0.2 * tanh(t / 0.15))),
    "growth that never starts": (Kind.LOST_START, logistic, lambda t: 0.01 * exp(-t)),
    "arrival times below zero": (Kind.MIRRORED, rays, lambda x, y: -distance(x, y)),
    "the other root": (Kind.MIRRORED, squares, lambda x: -torch.sqrt(1 + x**2)),
    "details of the source missing": (Kind.TOO_SMOOTH, poisson_two_modes, peak),
    "details of the start missing": (
        Kind.TOO_SMOOTH,
        lambda: heat(start=lambda x: sin(PI * x) + 0.7 * sin(8 * PI * x)),
        lambda x, t: sin(PI * x) * exp(-t),
    ),
    "a wiggle between the points": (Kind.TOO_ROUGH, poisson, lambda x, y: peak(x, y) + 1e-3 * peak(40 * x, 40 * y)),
    "a wall ignored": (
        Kind.CONDITION,
        poisson,
        lambda x, y: peak(x, y) + 0.2 * torch.sinh(PI * x) / math.sinh(PI) * sin(PI * y),
    ),
    "an initial velocity ignored": (Kind.CONDITION, lambda: string(3.0), lambda x, t: sin(PI * x) * cos(2 * PI * t)),
    "another speed after a while": (Kind.UNSOLVED, ring, late),
    "another phase": (Kind.CONDITION, ring, lambda x, t: sin(2 * PI * (x - t) + 0.4)),
    "a partner that does not fit": (Kind.CONDITION, ring, lambda x, t: sin(1.5 * PI * (x - t))),
    "off by a constant under fluxes": (Kind.UNDETERMINED, insulated, lambda x, y: cos(PI * x) * cos(PI * y) + 3),
    "off by a constant, though pinned": (Kind.CONDITION, pinned, lambda x, y: cos(PI * x) * cos(PI * y) + 0.5),
    "no initial velocity given": (
        Kind.UNDETERMINED,
        string_without_velocity,
        lambda x, t: sin(PI * x) * (cos(2 * PI * t) + 0.5 * sin(2 * PI * t)),
    ),
    "another diffusivity": (Kind.ESTIMATE, heat, lambda x, t: sin(PI * x) * exp(-1.15 * t)),
    "another size of the source": (Kind.ESTIMATE, poisson, lambda x, y: 1.2 * peak(x, y)),
    "a frequency off by one per cent": (Kind.ESTIMATE, lambda: swing(30), lambda t: cos(1.012 * t)),
    "a parameter without effect": (Kind.ESTIMATE, heat_family, lambda x, t, _: sin(PI * x) * exp(-t)),
    "not a number somewhere": (Kind.NOT_FINITE, heat, nowhere),
    "a smeared front": (Kind.ESTIMATE, lambda: front(0.02), travelling(0.08)),
    "a front at the wrong place": (Kind.LOCAL, lambda: front(0.02), lambda x, t: travelling(0.02)(x - 0.25 * t, t)),
    "a thousand prescribed, one found": (Kind.SCALE, long_line, lambda x: 0.01 * x + 1e-3),
    "unknowns exchanged": (Kind.UNSOLVED, oscillator, lambda t: -sin(t), cos),
    "measurements missed": (Kind.CONDITION, measured, lambda t: 0.2 * exp(-0.2 * t)),
}

RIGHT = {
    "poisson": (poisson, peak),
    "poisson, a thousandth": (lambda: poisson(1e-3), lambda x, y: 1e-3 * peak(x, y)),
    "poisson, a thousand": (lambda: poisson(1e3), lambda x, y: 1e3 * peak(x, y)),
    "two modes": (poisson_two_modes, lambda x, y: peak(x, y) + 0.5 * peak(6 * x, 6 * y)),
    "zero, where it is the only solution": (nothing_prescribed, zero),
    "pinned": (pinned, lambda x, y: cos(PI * x) * cos(PI * y)),
    "heat": (heat, lambda x, t: sin(PI * x) * exp(-t)),
    "heat that is gone soon, rightly": (lambda: heat(alpha=2.0), lambda x, t: sin(PI * x) * exp(-2 * PI**2 * t)),
    "insulated rod": (insulated_rod, lambda x, t: 2 + cos(PI * x) * exp(-t)),
    "string": (string, lambda x, t: sin(PI * x) * cos(2 * PI * t)),
    "string, struck": (
        lambda: string(3.0),
        lambda x, t: sin(PI * x) * (cos(2 * PI * t) + 3 / (2 * PI) * sin(2 * PI * t)),
    ),
    "ring": (ring, lambda x, t: sin(2 * PI * (x - t))),
    "arrival times": (rays, distance),
    "front": (lambda: front(0.02), travelling(0.02)),
    "sharp front": (lambda: front(0.003), travelling(0.003)),
    "sharp layer": (layer, lambda x: tanh(x / (math.sqrt(2) * 0.05))),
    "oscillator": (oscillator, cos, lambda t: -sin(t)),
    "oscillator for long": (lambda: oscillator(60.0), cos, lambda t: -sin(t)),
    "growth": (logistic, grown),
    "from a thousandth to a thousand over a hundred": (long_line, lambda x: 1e-3 + (1e3 - 1e-3) * x / 100),
    "a family": (heat_family, lambda x, t, k: sin(PI * x) * exp(-k * t)),
    "poisson to one per cent": (poisson, lambda x, y: peak(x, y) + 0.01 * peak(2 * x, y)),
    "string to one per cent": (
        string,
        lambda x, t: sin(PI * x) * cos(2 * PI * t) + 0.01 * sin(3 * PI * x) * sin(2 * t),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_planted_wrong_solution_is_flagged_by_its_kind(name):
    kind, problem, *functions = WRONG[name]
    problem = problem()
    found = verdict(planted(problem, *functions, coefficients={c.name: 0.2 for c in problem.coefficients}))
    assert kind in found.kinds, str(found)
    assert not found.ok


def test_a_front_that_is_not_resolved_asks_for_one_repair():
    def wiggling(x, t):
        return travelling(0.02)(x - 0.1 * t, t) + 0.01 * sin(80 * PI * x) * exp(-(((x - 0.5) / 0.02) ** 2))

    solution = planted(front(0.02), wiggling)
    assert {f.kind for f in check_spectral_content(Context(solution))} == {Kind.TOO_ROUGH}
    found = verdict(solution)
    assert Kind.LOCAL in found.kinds
    assert "slower field" not in str(found)


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_solution_is_left_alone(name):
    problem, *functions = RIGHT[name]
    found = verdict(planted(problem(), *functions))
    assert found.ok, str(found)


def test_a_right_solution_in_single_precision_is_left_alone():
    found = verdict(float32(planted(heat(), lambda x, t: sin(PI * x) * exp(-t))))
    assert found.ok, str(found)


def test_noisy_measurements_and_the_rate_found_from_them_are_left_alone():
    found = verdict(planted(measured(), lambda t: exp(-1.5 * t), coefficients={"k": 1.5}))
    assert found.ok, str(found)


SOLVED = {
    "random sines": lambda: solve(heat(), RandomFourier(200, bandwidth=5.0)),
    "a front by random sines": lambda: solve(front(0.08), RandomFourier(200, bandwidth=10.0), LeastSquares()),
    "a start with a kink": lambda: solve(
        heat(start=lambda x: 0.5 - (x - 0.5).abs()), RandomFourier(200, bandwidth=9.0), LeastSquares()
    ),
    "a network stopped early but good": lambda: solve(
        swing(2), MLP(width=8, depth=1), [Adam(steps=100, points=40), LBFGS(steps=60, points=40)]
    ),
}


@pytest.mark.parametrize("name", SOLVED)
def test_a_solution_that_was_solved_for_is_left_alone(name):
    found = verdict(SOLVED[name]())
    assert found.ok, str(found)


# against the reference, or the closed form ---------------------------------------------------------------------------
def test_the_other_branch_of_a_nonlinear_problem_is_found_by_the_reference():
    solution = planted(bratu(), bratu_branch(UPPER))
    found = verdict(solution, reference=reference(solution.problem, budget=0.1))
    assert Kind.FAR in found.kinds, str(found)


def test_the_branch_that_is_meant_agrees_with_the_reference():
    solution = planted(bratu(), bratu_branch(LOWER))
    found = verdict(solution, reference=reference(solution.problem, budget=0.1))
    assert found.level is Level.PLAUSIBLE, str(found)
    assert "one of several" in " ".join(found.unchecked)


def test_a_branch_that_nothing_confirms_is_one_of_several():
    for branch in (LOWER, UPPER):
        found = verdict(planted(bratu(), bratu_branch(branch)))
        assert found.kinds == {Kind.SEVERAL}, str(found)


def test_a_mirror_image_along_an_axis_is_called_one():
    solution = planted(bump_problem(), lambda x: bump(1 - x))
    found = verdict(solution, reference=reference(solution.problem, budget=0.1))
    (mirrored,) = [f for f in found.findings if f.kind is Kind.MIRRORED]
    assert "mirrored along x" in mirrored.sentence


def test_the_opposite_sign_is_called_a_mirror_image_by_the_closed_form():
    problem = squares()
    known = Problem("squares", problem.domain, "u", problem.terms, exact=dict(u=lambda x: torch.sqrt(1 + x**2)))
    assert Kind.MIRRORED in verdict(planted(known, lambda x: -torch.sqrt(1 + x**2))).kinds
    assert verdict(planted(known, lambda x: torch.sqrt(1 + x**2))).ok  # which of the two is meant is known


def test_fluxes_on_all_walls_are_said_to_leave_the_solution_open():
    report = validate(planted(insulated(), lambda x, y: cos(PI * x) * cos(PI * y)), budget=0.1)
    assert Kind.UNDETERMINED in report.verdict.kinds
    assert not report.good


# what was trained -----------------------------------------------------------------------------------------------------
def overfitted() -> Solution:
    return solve(poisson(), Siren(width=20, depth=2), LBFGS(steps=60, points=24, condition_points=12))


def test_a_residual_met_by_more_parameters_than_rows_is_flagged():
    solution = overfitted()
    assert sum(solution.rows.values()) < solution.parameters
    found = verdict(solution)
    assert Kind.OVERFITTED in found.kinds, str(found)
    assert f"{solution.parameters} parameters met {sum(solution.rows.values())} rows" in str(found)


def test_more_parameters_than_rows_alone_are_not_flagged():
    solution = planted(poisson(), peak, rows={"equation": 10}, training_rms={"equation": 1e-17}, parameters=1000)
    assert verdict(solution).ok


def test_a_run_that_diverged_is_flagged():
    solution = planted(heat(), lambda x, t: sin(PI * x) * exp(-t), status=Status.DIVERGED)
    assert verdict(solution).kinds == {Kind.ENDED_BADLY}


# figures --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("off", [0.3, 0.01, 1e-4])
def test_the_estimated_error_is_the_true_one(off):
    solution = planted(heat(), lambda x, t: sin(PI * x) * exp(-t) * (1 + off * t))
    x, t = torch.rand(2, 4000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    true = sin(PI * x) * exp(-t)
    error = float((off * t * true).norm() / true.norm())
    assert verdict(solution).estimated_error == pytest.approx(error, rel=0.05)


def test_the_estimate_of_a_nonlinear_problem_is_close_where_the_error_is_small():
    solution = planted(bratu(), lambda x: bratu_branch(LOWER)(x) * (1 + 0.01 * sin(3 * PI * x)))
    assert verdict(solution).estimated_error == pytest.approx(0.01 / math.sqrt(2), rel=0.3)


def test_the_wall_that_is_missed_is_named():
    found = verdict(planted(*[WRONG["a wall ignored"][i] if i else poisson() for i in (0, 2)]))
    (condition,) = [f for f in found.findings if f.kind is Kind.CONDITION]
    assert "x = 1" in condition.sentence
    assert "x = 0" not in condition.sentence
    assert condition.place == "dirichlet"
    assert found.worst_condition_error == pytest.approx(0.13, abs=0.02)


def test_a_smooth_error_on_walls_is_not_called_rough():
    found = verdict(planted(poisson(), lambda x, y: peak(x, y) + 0.06 * x))
    assert found.kinds == {Kind.CONDITION, Kind.ESTIMATE}


def test_the_same_solution_gets_the_same_verdict():
    solution = planted(ring(), late)
    assert verdict(solution) == verdict(solution)


def test_the_closed_form_plays_no_part_but_in_the_comparison():
    lie = dict(u=lambda x, t: 1 + x + t)
    honest, lied = heat(), Problem("heat", heat().domain, "u", heat().terms, exact=lie)
    function = lambda x, t: sin(PI * x) * exp(-1.15 * t)  # noqa: E731
    one, two = verdict(planted(honest, function)), verdict(planted(lied, function))
    assert two.kinds - one.kinds == {Kind.FAR}
    assert (one.fresh_residual, one.estimated_error) == (two.fresh_residual, two.estimated_error)


def test_an_unstable_problem_is_not_called_open_too_soon():
    box = Box(t=(0, 6))
    problem = Problem("growth", box, "u", [Equation(lambda u: u.t - u), Initial(u=1.0)])
    assert verdict(planted(problem, exp)).ok


def test_a_verdict_is_a_record_and_says_what_it_found():
    found = verdict(planted(heat(), lambda x, t: sin(PI * x) * exp(-t)))
    assert str(found).startswith("confirmed: ")
    with pytest.raises(FrozenInstanceError):
        found.findings = ()
    with pytest.raises(TypeError, match="`solution` must be a Solution"):
        verdict(heat())


def test_the_report_and_the_summary_hold_the_verdict():
    report = validate(planted(poisson(), lambda x, y: 1.2 * peak(x, y)), budget=0)
    assert not report.good
    stored = report.summary()["verdict"]
    assert not stored["ok"]
    assert stored["findings"][0]["kind"] == "ESTIMATE"
    assert stored["estimated_error"] == pytest.approx(0.2, rel=1e-6)
    text = " ".join(str(report).split())
    assert "by its own equations" in text
    assert "not good, residual" in text


def test_terms_that_do_not_vanish_are_not_judged():
    from pinnkit.problem.penalties import Energy

    problem = heat()
    energy = replace(problem.terms[0], penalty=Energy(), name="energy")
    ritz = Problem("ritz", problem.domain, "u", [energy, *problem.terms[1:]])
    assert Kind.UNSOLVED not in verdict(planted(ritz, lambda x, t: sin(PI * x) * exp(-3 * t))).kinds


def test_a_fit_of_data_alone_is_left_alone():
    from pinnkit.problem.terms import Data

    x = torch.linspace(0, 1, 300, dtype=torch.float64)
    problem = Problem("fit", Box(x=(0, 1)), "u", [Data(dict(x=x), u=sin(3 * x))])
    assert verdict(planted(problem, lambda x: sin(3 * x))).ok
    assert Kind.CONDITION in verdict(planted(problem, lambda x: -sin(3 * x))).kinds
