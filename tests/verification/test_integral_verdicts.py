"""Verdicts of problems with integrals and groups of points: right ones, planted wrong ones, and coarse quadrature."""

import importlib.util
import math
from pathlib import Path

import pytest
import torch

from pinnkit import (
    Box,
    Condition,
    Equation,
    Initial,
    Integral,
    LeastSquares,
    Neumann,
    PointSet,
    Problem,
    RandomFourier,
    reference,
    solve,
    validate,
)
from pinnkit.domains import Points, gauss_rule
from pinnkit.problem.errors import Unsupported
from pinnkit.reports.report import Report
from pinnkit.solutions.solution import Solution
from pinnkit.verification import Kind, Level, verdict
from tests.planted import planted

TIME, LINE = Box(t=(0, 5)), Box(x=(0, 1))
PROBLEMS = Path(__file__).resolve().parents[2] / "problems"
SINES = RandomFourier(60, bandwidth=12.0)


def volterra(nodes: int = 24, **changes) -> Problem:
    past = Integral(lambda u, s, t: torch.exp(s - t) * u, t=("s", 0, lambda t: t), nodes=nodes)
    terms = [Equation(lambda u, past: u.t + u - past, past=past), Initial(u=1.0)]
    return Problem("volterra", TIME, "u", terms, **changes)


def by_hand() -> Problem:
    """The same equation at groups of given points."""
    z, w = gauss_rule(12)
    t = torch.linspace(0, 5, 200, dtype=torch.float64)[:, None]
    first = torch.cat([1 + 0 * t, 0 * (t * z)], dim=1).reshape(-1)
    kernel = torch.cat([0 * t, torch.exp(t * z - t) * t * w], dim=1).reshape(-1)
    points = Points(torch.cat([t, t * z], dim=1).reshape(-1, 1), columns=dict(first=first, kernel=kernel), group=13)
    equation = Equation(lambda u, first, kernel, row_sums: row_sums(first * (u.t + u) - kernel * u), points=points)
    return Problem("by_hand", TIME, "u", [equation, Initial(u=1.0)])


def mass() -> Problem:
    """Fluxes on both walls and a prescribed total: u = 1 + cos(pi x)."""
    total = Condition(PointSet(x=[0.5]), lambda m: m - 1, m=Integral(lambda u: u, x=(0, 1)), name="total")
    source = Equation(lambda u, x: -u.xx - math.pi**2 * torch.cos(math.pi * x))
    return Problem("mass", LINE, "u", [source, Neumann(LINE.boundary, u=0.0), total])


def without_total() -> Problem:
    full = mass()
    return Problem("open", LINE, "u", [t for t in full.terms if t.name != "total"])


def fractional() -> Problem:
    """The problem of problems/fractional_laplacian.py without its closed form."""
    path = PROBLEMS / "fractional_laplacian.py"
    spec = importlib.util.spec_from_file_location("fractional_laplacian", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Problem = module.problem
    return Problem(found.name, found.domain, found.unknowns, found.terms)


def decay(t):
    return torch.exp(-t) * torch.cosh(t)


RIGHT = {
    "an integral": (planted(volterra(), decay), Level.CONFIRMED),
    "groups of given points": (planted(by_hand(), decay), Level.PLAUSIBLE),
    "a total": (planted(mass(), lambda x: 1 + torch.cos(math.pi * x)), Level.CONFIRMED),
    "a fractional Laplacian": (planted(fractional(), lambda x: 1 - x**2), Level.CONFIRMED),
}
WRONG = {
    "the integral left out": planted(volterra(), lambda t: torch.exp(-t)),
    "ten per cent off": planted(volterra(), lambda t: 0.55 + 0.45 * torch.exp(-2 * t)),
    "the equation of groups not solved": planted(by_hand(), lambda t: torch.exp(-t)),
    "another total": planted(mass(), lambda x: 1.2 + torch.cos(math.pi * x)),
    "no total": planted(without_total(), lambda x: torch.cos(math.pi * x)),
    "a fractional Laplacian, scaled": planted(fractional(), lambda x: 1.1 * (1 - x**2)),
    "a fractional Laplacian, another shape": planted(fractional(), lambda x: 1 - x**4),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_solutions_are_not_flagged(name: str) -> None:
    solution, level = RIGHT[name]
    found = verdict(solution)
    assert found.findings == ()
    assert found.level is level


def test_the_verdict_of_given_groups_says_that_their_quadrature_is_taken_for_granted() -> None:
    assert (
        "the quadrature of 'equation' was not checked: its points are given"
        in verdict(planted(by_hand(), decay)).unchecked
    )


@pytest.mark.parametrize("name", WRONG)
def test_wrong_solutions_are_not_good(name: str) -> None:
    assert verdict(WRONG[name]).level is Level.NOT_GOOD


def test_a_rule_with_too_few_nodes_is_found_by_one_with_more() -> None:
    """The solution solves the discretised equation to rounding, and is 1.7 % off."""
    found = verdict(solve(volterra(nodes=2), SINES, LeastSquares()))
    assert found.level is Level.NOT_GOOD
    assert found.findings[0].kind is Kind.OVERFITTED
    assert "more nodes in its integrals" in found.findings[0].sentence


@pytest.mark.parametrize("problem", [volterra(), by_hand(), mass()], ids=lambda p: p.name)
def test_no_reference_covers_them_which_is_said(problem: Problem) -> None:
    with pytest.raises(Unsupported, match="which no reference of this package covers"):
        reference(problem)


def test_an_exact_solution_that_does_not_satisfy_the_integral_is_named() -> None:
    problem = volterra(exact=dict(u=lambda t: torch.exp(-t)))
    found = verdict(planted(problem, decay))
    assert found.level is Level.NOT_GOOD
    report = validate(planted(problem, decay))
    assert any(f.kind is Kind.CLOSED_FORM and f.place == "equation" for f in report.verdict.findings)


@pytest.mark.parametrize("problem", [volterra(), by_hand()], ids=lambda p: p.name)
def test_a_report_is_written_with_its_figures(problem: Problem, tmp_path: Path) -> None:
    solution: Solution = solve(problem, SINES, LeastSquares())
    report: Report = validate(solution)
    assert report.reference is None
    assert "no reference of this package covers" in report.no_reference
    report.save(tmp_path)
    assert (tmp_path / "summary.json").stat().st_size > 0
    assert list(tmp_path.glob("*.png"))
