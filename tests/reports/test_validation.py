"""Validation says how wrong a solution is, never claims more than it can know, and finds what was planted."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from pinnkit.domains import Box
from pinnkit.problem.problem import Coefficient, Problem, Unknown
from pinnkit.problem.terms import Dirichlet, Equation
from pinnkit.reports.validation import validate
from pinnkit.solutions.solution import exact_values
from pinnkit.solutions.status import Status
from pinnkit.verification.comparison import TEST_POINTS
from tests.samples import ALPHA, fake_reference, fitted_heat, heat_problem, solution_of


class Modes(nn.Module):
    """factor sin(pi x) e^-t + shift: the exact heat solution for factor 1 and shift 0."""

    def __init__(self, factor=1.0, shift=0.0, rate=1.0):
        super().__init__()
        self.factor, self.shift, self.rate = factor, shift, rate

    def forward(self, coords):
        wave = torch.sin(math.pi * coords[:, 0:1]) * torch.exp(-self.rate * coords[:, 1:2])
        return self.factor * wave + self.shift


def heat(module, **changes):
    return solution_of(heat_problem(), module, **{"status": Status.SOLVED, **changes})


def test_the_error_against_the_closed_form_is_the_one_planted():
    report = validate(heat(Modes(1.001)), budget=0)
    (c,) = report.exact
    assert c.points == TEST_POINTS
    assert c.measured_l2 == pytest.approx(1e-3, rel=1e-9)
    assert c.measured_max == pytest.approx(1e-3, rel=1e-2)
    assert c.rel_l2 == c.measured_l2
    assert not c.is_bound
    assert report.headline is c


def test_an_exact_solution_is_good_and_is_not_claimed_to_be_better_than_rounding():
    report = validate(heat(Modes()), budget=0)
    assert report.good, report.warnings
    (c,) = report.exact
    assert c.is_bound
    assert 0 < c.l2_bar <= c.rel_l2 < 1e-14
    assert c.rel_l2_text.startswith("<= ")
    assert report.residual_rms < 1e-14


def test_no_error_below_the_bar_of_the_reference_is_claimed():
    solution = heat(Modes())
    report = validate(solution, reference=fake_reference(solution.problem, wrong=1e-7, bar=3e-7))
    (c,) = report.discretised
    assert c.measured_l2 == pytest.approx(1e-7, rel=1e-3)
    assert c.rel_l2 == pytest.approx(4e-7, rel=1e-3)  # the triangle inequality
    assert c.rel_l2_text == "<= 4.00e-07"
    assert c.max_error >= c.max_bar
    assert report.good, report.warnings


def test_a_difference_just_above_the_bar_may_be_the_references_own_error_and_is_said_to_be():
    solution = solution_of(heat_problem(exact={}), Modes(), status=Status.SOLVED)
    report = validate(solution, reference=fake_reference(heat_problem(), wrong=1e-7, bar=0.8e-7))
    (c,) = report.discretised
    assert c.rel_l2_text == "<= 1.80e-07"
    assert "<= 1.80e-07 against the finite differences, within the reference's own error" in str(report)


def test_an_error_above_the_bar_is_reported_as_it_is():
    solution = heat(Modes(1.01))
    report = validate(solution, reference=fake_reference(solution.problem, wrong=0.0, bar=1e-5))
    (c,) = report.discretised
    assert not c.is_bound
    assert c.rel_l2_text == "0.01"


def test_the_reference_alone_is_the_judge_where_there_is_no_closed_form():
    solution = solution_of(heat_problem(exact={}), Modes(1.01), status=Status.SOLVED)
    report = validate(solution, reference=fake_reference(heat_problem(), wrong=0.0, bar=1e-5))
    assert report.headline.against == "finite differences"
    assert report.headline.rel_l2 == pytest.approx(1e-2, rel=1e-9)
    assert report.reference_error == ()


def test_the_true_error_of_the_reference_is_measured_too():
    solution = heat(Modes())
    report = validate(solution, reference=fake_reference(solution.problem, wrong=1e-7, bar=3e-7))
    assert report.reference_error[0].measured_l2 == pytest.approx(1e-7, rel=1e-6)


def _of_exact(report):
    return [line for line in report.warnings if "exact solution given" in line]


def test_an_exact_solution_that_does_not_satisfy_an_equation_is_named_with_the_term():
    wrong = heat_problem(
        terms=[Equation(lambda u: u.t + ALPHA * u.xx, name="heat"), *heat_problem().terms[1:]],
    )
    (line,) = _of_exact(validate(fitted_heat(problem=wrong), budget=0))
    assert line.startswith("the exact solution given does not satisfy term 'heat' (relative residual ")
    assert not validate(fitted_heat(problem=wrong), budget=0).good


def test_an_exact_solution_that_does_not_satisfy_a_condition_is_named_with_it():
    rod = heat_problem().domain
    wrong = heat_problem(terms=[heat_problem().terms[0], Dirichlet(rod.boundary, u=0.1), heat_problem().terms[2]])
    (line,) = _of_exact(validate(fitted_heat(problem=wrong), budget=0))
    assert "does not satisfy term 'dirichlet'" in line


def _detached(x, t):
    return torch.from_numpy(np.sin(math.pi * x.detach().numpy()) * np.exp(-t.detach().numpy()))


def _partly_detached(x, t):
    return torch.sin(math.pi * x.detach()) * torch.exp(-t)


def _by_numpy(x, t):
    return np.sin(math.pi * x.numpy()) * np.exp(-t.numpy())  # refused by torch where x requires a gradient


@pytest.mark.parametrize("exact", [None, _detached, _partly_detached, _by_numpy])
def test_an_exact_solution_that_holds_or_cannot_be_differentiated_is_not_doubted(exact):
    problem = heat_problem() if exact is None else heat_problem(exact={"u": exact})
    assert _of_exact(validate(fitted_heat(problem=problem), budget=0)) == []


def test_a_closed_form_of_another_problem_is_noticed():
    wrong = heat_problem(exact=dict(u=lambda x, t: torch.sin(math.pi * x) * torch.exp(-1.02 * t)))
    reference = fake_reference(heat_problem(), wrong=1e-7, bar=2e-7)
    report = validate(solution_of(wrong, Modes(), status=Status.SOLVED), reference=reference)
    assert any("disagree" in line and "is the closed form" in line for line in report.warnings)
    assert not report.good


def test_a_trivial_solution_is_called_trivial():
    report = validate(heat(Modes(0.0)), budget=0)
    assert any("trivial" in line for line in report.warnings)
    without = solution_of(heat_problem(exact={}), Modes(1e-5), status=Status.SOLVED)
    assert any("trivial" in line for line in validate(without, budget=0).warnings)


def test_zero_is_called_trivial_where_nothing_excludes_it():
    box = Box(x=(0, 1), t=(0, 1))
    problem = Problem("string", box, "u", [Equation(lambda u: u.tt - u.xx), Dirichlet(box.boundary, u=0.0)])
    report = validate(solution_of(problem, Modes(0.0), status=Status.SOLVED), budget=0)
    assert any("zero satisfies these equations" in line for line in report.warnings)


def test_an_ignored_boundary_is_named():
    report = validate(solution_of(heat_problem(exact={}), Modes(1.0, shift=0.4), status=Status.SOLVED), budget=0)
    assert any("'dirichlet' is ignored" in line for line in report.warnings)
    assert not any("'equation'" in line for line in report.warnings)


def test_a_boundary_that_counts_too_little_is_named():
    report = validate(solution_of(heat_problem(exact={}), Modes(1.0, shift=0.08), status=Status.SOLVED), budget=0)
    assert any("'dirichlet' is hardly met" in line for line in report.warnings)


def test_an_equation_that_is_not_solved_is_named():
    report = validate(solution_of(heat_problem(exact={}), Modes(rate=3.0), status=Status.SOLVED), budget=0)
    assert any("'equation' is not solved" in line for line in report.warnings)
    assert not any("'initial'" in line for line in report.warnings)


def test_the_residual_is_that_of_each_term():
    report = validate(heat(Modes(1.0, shift=0.25)), budget=0)
    rms = {t.name: t.rms for t in report.terms}
    assert rms["dirichlet"] == pytest.approx(0.25, rel=1e-12)
    assert rms["initial"] == pytest.approx(0.25, rel=1e-12)
    assert rms["equation"] < 1e-14


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.INTERRUPTED])
def test_a_run_that_ended_badly_is_never_good(status):
    report = validate(heat(Modes(), status=status), budget=0)
    assert not report.good
    assert any(status.value in line for line in report.warnings)


def test_a_run_that_used_its_budget_warns_only_while_residuals_are_large():
    assert validate(heat(Modes(1.001), status=Status.BUDGET), budget=0).good
    far = validate(heat(Modes(rate=1.04), status=Status.BUDGET), budget=0)
    assert any("not converged" in line for line in far.verdict.unchecked)  # the closed form is near
    farther = validate(heat(Modes(rate=1.3), status=Status.BUDGET), budget=0)
    assert any("not converged" in line for line in farther.warnings)


def test_values_that_are_not_finite_are_never_good():
    report = validate(heat(Modes(math.nan)), budget=0)
    assert not report.good


def test_an_ansatz_is_seen_through():
    problem = heat_problem(ansatz={"u": lambda u, x: torch.sin(math.pi * x) * u})

    class Decay(nn.Module):
        def forward(self, coords):
            return torch.exp(-coords[:, 1:2])

    report = validate(solution_of(problem, Decay(), status=Status.SOLVED), budget=0)
    assert report.good, report.warnings
    assert report.residual_rms < 1e-12


def test_coefficients_found_are_used_in_the_closed_form():
    problem = heat_problem(
        coefficients=[Coefficient("k", 2.0)],
        terms=[Equation(lambda u, k: u.t - k * ALPHA * u.xx)],
        exact=dict(u=lambda x, t, k: torch.sin(math.pi * x) * torch.exp(-k * t)),
    )
    right = validate(solution_of(problem, Modes(rate=2.0), status=Status.SOLVED), budget=0)
    wrong = validate(solution_of(problem, Modes(rate=2.0), coefficients={"k": 1.0}), budget=0)
    assert right.headline.rel_l2 < 1e-12 < 0.05 < wrong.headline.rel_l2
    assert not right.good, "nothing determines u and k"


def test_a_closed_form_of_a_vector_has_its_components_last():
    box = Box(x=(0, 1), y=(0, 1))
    exact = dict(v=lambda x, y: torch.stack([y, -x], dim=-1))
    problem = Problem("v", box, [Unknown("v", components=2)], [Equation(lambda v: v[0].x + v[1].y)], exact=exact)
    coords = torch.rand(5, 2, dtype=torch.float64)
    torch.testing.assert_close(
        exact_values(problem, coords, {})["v"], torch.stack([coords[:, 1], -coords[:, 0]], dim=1)
    )

    class Turn(nn.Module):
        def forward(self, coords):
            return torch.stack([coords[:, 1], -coords[:, 0]], dim=1)

    report = validate(solution_of(problem, Turn(), status=Status.SOLVED), budget=0)
    assert report.exact[0].measured_l2 == 0
    assert not report.good, "one equation does not determine two components"


def test_the_problems_own_metrics_are_in_the_report():
    problem = heat_problem(metrics={"middle": lambda solution: float(solution(x=0.5, t=0.0)["u"])})
    report = validate(solution_of(problem, Modes(), status=Status.SOLVED), budget=0)
    assert report.metrics == {"middle": pytest.approx(1.0)}


def test_a_reference_on_other_axes_is_refused():
    solution = heat(Modes())
    reference = fake_reference(solution.problem)
    del reference.axes["t"]
    with pytest.raises(ValueError, match=r"`reference` has the axes \('x',\), the problem has \('x', 't'\)"):
        validate(solution, reference=reference)


def test_random_features_fitted_to_the_closed_form_solve_the_equation():
    report = validate(fitted_heat(), budget=0)
    assert report.good, report.warnings
    assert report.headline.rel_l2 < 1e-9


def test_validation_gives_the_same_numbers_twice():
    solution = solution_of(heat_problem())
    one, two = validate(solution, budget=0), validate(solution, budget=0)
    assert one.exact == two.exact
    assert one.terms == two.terms
    assert np.isfinite(one.residual_rms)
