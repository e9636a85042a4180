"""The cases are sound, their rates are counted rightly, and, slowly, the campaign meets its targets."""

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit import Box, Problem, Tabulated
from pinnkit.verification.exact_residual import check_exact
from tests.verdict_cases.campaign import campaign, read_rows
from tests.verdict_cases.case import Case, CaseKind, all_cases
from tests.verdict_cases.run_case import coordinates, is_refusal
from tests.verdict_cases.scores import has_passed, scores
from tests.verdict_cases.table import PAGE, page

CASES = all_cases()
WELL_POSED = [case for case in CASES.values() if case.kind is not CaseKind.ILL_POSED]
LEAST = {CaseKind.SMOOTH: 40, CaseKind.HARD: 30, CaseKind.ILL_POSED: 50}
REFUSED = {"complex_residual", "default_argument", "masked_array", "random_equation"}
"""Cases that are refused where their problem is built."""
ROUGH = {
    "transported_step",
    "porous_medium",
    "plucked_string",
    "motz",
    "jumping_walls",
    "singular_source",
    "torricelli",
}
"""Truths with kinks or singularities, at which a residual by differentiation says nothing."""


def built(case: Case) -> Problem | None:
    """The problem of a case; None where it is refused with a clear error, as an ill-posed one may be."""
    try:
        return case.build()
    except (TypeError, ValueError):
        assert case.kind is CaseKind.ILL_POSED, f"{case.name} is well-posed and refused"
        return None


def test_there_are_enough_cases_of_every_kind_each_with_a_source() -> None:
    count = Counter(case.kind for case in CASES.values())
    assert all(count[kind] >= least for kind, least in LEAST.items()), count
    assert all(case.source and case.name.isidentifier() for case in CASES.values())
    assert all(bool(case.wrong) == (case.kind is not CaseKind.SMOOTH) for case in CASES.values())


def test_well_posed_cases_have_a_truth_and_no_case_shows_it_to_the_verdict() -> None:
    for case in CASES.values():
        problem = built(case)
        if problem is None:
            continue
        assert not problem.exact, case.name
        assert problem.reference_solver is None, case.name
        assert problem.plan is None, case.name
        assert set(case.exact) <= set(problem.names), case.name
        assert set(case.coefficients) <= {c.name for c in problem.coefficients}, case.name
        assert case.kind is CaseKind.ILL_POSED or case.has_truth or case.coefficients, case.name


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_slips_of_the_pen_are_refused_where_the_problem_is_built(name: str) -> None:
    with pytest.raises((ValueError, TypeError), match=r"default|masked|again|real numbers"):
        CASES[name].build()


@pytest.mark.parametrize(
    "case",
    [c for c in CASES.values() if c.exact and not c.coefficients and c.name not in ROUGH | REFUSED],
    ids=lambda c: c.name,
)
def test_closed_forms_satisfy_their_own_terms(case: Case) -> None:
    problem = replace(case.build(), exact=case.exact)
    assert [finding.sentence for finding in check_exact(problem)] == []


def test_a_wrong_closed_form_is_noticed() -> None:
    case = CASES["heat_rod"]
    problem = replace(case.build(), exact=dict(u=lambda x, t: case.exact["u"](x, 0.9 * t)))
    assert list(check_exact(problem))


FAST = ("burgers_viscous", "epidemic", "wavy_conductivity", "plucked_string", "tricomi_all_walls", "heat_disk")


@pytest.mark.parametrize("name", FAST)
def test_numerical_truths_have_one_finite_value_for_each_point(name: str) -> None:
    case = CASES[name]
    problem = case.build()
    at = coordinates(problem)
    values = case.values(at)
    assert set(values) == set(problem.names)
    assert all(v.shape == (4096,) and np.isfinite(v).all() for v in values.values())


SPLINED = ("epidemic", "forced_damped_oscillator", "kepler", "flame", "airy_turning_point", "turning_point")


def relative_residuals(case: Case, points: int) -> dict[str, float]:
    """Relative residual of each term of a case at splines through its truth."""
    problem = case.build()
    ticks = {axis.name: np.linspace(axis.lower, axis.upper, points) for axis in problem.axes}
    mesh = np.meshgrid(*ticks.values(), indexing="ij")
    values = case.values({name: m.ravel() for name, m in zip(ticks, mesh, strict=True)})
    exact = {name: Tabulated(v.reshape(mesh[0].shape), degree=5, **ticks) for name, v in values.items()}
    found = replace(problem, exact=exact)
    return {f.place: f.figure for f in check_exact(found)}


@pytest.mark.parametrize("name", SPLINED)
def test_numerical_truths_satisfy_their_own_terms(name: str) -> None:
    assert relative_residuals(CASES[name], points=4001) == {}


def test_a_wrong_numerical_truth_is_noticed() -> None:
    case = CASES["epidemic"]
    late = replace(case, truth=lambda at: case.values({"t": 0.9 * np.ravel(at["t"])}))
    assert "equation" in relative_residuals(late, points=2001)


LINES = [c for c in WELL_POSED if c.truth and not c.coefficients and c.places is None and c.name != "heat_disk"]
FRONTS = {"hot_rod_cold_ends", "plucked_string", "allen_cahn_interfaces", "van_der_pol_1000"}
"""Truths with kinks, or layers below the spacing of the splines."""


@pytest.mark.slow  # minutes; the test above is its fast sibling
@pytest.mark.parametrize("case", [c for c in LINES if c.name not in FRONTS], ids=lambda c: c.name)
def test_all_numerical_truths_satisfy_their_own_terms(case: Case) -> None:
    assert relative_residuals(case, points=40001 if len(case.build().axes) == 1 else 1000) == {}


def row(name: str, kind: str, word: str, error: float | None) -> dict:
    return {"name": name, "kind": kind, "word": word, "error": error}


def test_rates_count_what_the_issue_names() -> None:
    rows = [
        row("right", "smooth", "confirmed", 1e-9),
        row("right and unsure", "smooth", "plausible", 1e-9),
        row("false alarm", "smooth", "not good", 1e-9),
        row("refused", "smooth", "refused", None),
        row("wrong, found", "hard", "not good", 0.4),
        row("wrong, plausible", "hard", "plausible", 0.4),
        row("wrong, confirmed", "hard", "confirmed", 0.4),
        row("ill-posed, found", "ill-posed", "not good", None),
        row("ill-posed, refused", "ill-posed", "refused", None),
        row("ill-posed, plausible", "ill-posed", "plausible", None),
        row("ill-posed, near and unsure", "ill-posed", "plausible", 1e-3),
        row("ill-posed, confirmed", "ill-posed", "good", 1e-9),
        row("killed", "hard", "killed", None),
    ]
    found = scores(rows)
    assert found.false_confirmed == ("wrong, confirmed", "ill-posed, confirmed")
    assert found.wrong_plausible == ("wrong, plausible", "ill-posed, plausible")
    assert found.right_refused == ("false alarm", "refused")
    assert (found.right, found.plausible) == (4, 4)
    assert found.no_verdict == ("killed",)
    assert found.refused_rate == 0.5
    failed = {r["name"] for r in rows if not has_passed(r)}
    named = {*found.false_confirmed, *found.wrong_plausible, *found.right_refused, *found.no_verdict}
    assert failed == named


def test_a_campaign_writes_rows_resumes_and_records_what_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    chosen = [CASES["nearly_all_not_a_number"]]
    assert [r["word"] for r in campaign(chosen, out)] == ["refused"]
    out.write_text(json.dumps([{**read_rows(out)[0], "word": "kept"}]), encoding="utf-8")
    killed = CASES["decay"]
    rows = {r["name"]: r["word"] for r in campaign([*chosen, killed], out, limit=0.1)}
    assert rows == {"nearly_all_not_a_number": "kept", "decay": "killed"}


def test_the_page_of_the_documentation_lists_every_case_with_its_published_verdict(root: Path) -> None:
    rows = read_rows(root / "results/published/verdicts.json")
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, CASES.values(), rows) == text, (
        "run python -m tests.verdict_cases --out results/published/verdicts.json --page"
    )


def test_the_page_marks_verdicts_that_are_wrong() -> None:
    cases = [CASES["decay"], CASES["bratu_above_the_fold"]]
    rows = [row("decay", "smooth", "confirmed", 1e-9), row("bratu_above_the_fold", "ill-posed", "plausible", None)]
    text = page("<!-- cases:begin --><!-- cases:end -->", cases, rows)
    assert "| confirmed | 1.0e-09 |" in text
    assert "| **plausible** |  |" in text


def test_errors_raised_on_purpose_are_refusals_and_others_are_not() -> None:
    def caught(function: Callable[[], object]) -> Exception:
        with pytest.raises(Exception) as info:  # noqa: PT011 - any
            function()
        return info.value

    assert is_refusal(caught(lambda: Problem("", Box(x=(0, 1)), "u", [])))
    assert not is_refusal(caught(lambda: math.log(0.0)))
    assert not is_refusal(caught(lambda: torch.zeros(2).reshape(3)))


@pytest.mark.slow  # more than an hour; the tests above are its fast siblings
def test_the_campaign_meets_the_targets_of_the_verdict(tmp_path: Path, record_property) -> None:
    found = scores(campaign(list(CASES.values()), tmp_path / "verdicts.json"))
    record_property("plausible_rate", found.plausible_rate)
    record_property("refused_rate", found.refused_rate)
    assert found.false_confirmed == ()
    assert found.plausible_rate <= 0.03, found.wrong_plausible
    assert found.refused_rate <= 0.03, found.right_refused
    assert found.no_verdict == ()
