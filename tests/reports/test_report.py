"""The report as text and as files."""

import csv
import io
import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest
from rich.console import Console
from torch import nn

from pinnkit.reports.report import number, summary_table, write_summary
from pinnkit.reports.validation import validate
from pinnkit.solutions.status import Status
from pinnkit.solutions.storage import load
from pinnkit.verification import Finding, Kind
from tests.samples import fake_reference, fitted_heat, heat_problem, solution_of

REQUIRED = {
    "problem", "field", "solver", "seed", "device", "dtype", "parameters", "status", "rel_l2", "max_error",
    "residual_rms", "reference", "metrics", "seconds", "steps", "versions",
}  # fmt: skip


@pytest.fixture(scope="module")
def report():
    solution = fitted_heat()
    return validate(solution, reference=fake_reference(solution.problem))


def test_the_summary_has_every_entry_of_the_layout(report):
    summary = report.summary()
    assert set(summary) >= REQUIRED
    assert set(summary["reference"]) >= {"kind", "rel_l2_error_bar", "seconds"}
    assert summary["reference"]["rel_l2_error_bar"] == 2e-7
    assert summary["measured_against"] == "exact solution"
    json.dumps(summary, allow_nan=False)


def test_a_saved_report_is_a_summary_a_history_a_solution_and_figures(report, tmp_path):
    written = report.save(tmp_path / "heat")
    names = {p.name for p in written}
    assert names == {"summary.json", "history.csv", "solution.h5", "solution.png", "losses.png"}
    assert {p.name for p in (tmp_path / "heat").iterdir()} == names
    assert json.loads((tmp_path / "heat/summary.json").read_text())["problem"] == "heat"
    assert load(tmp_path / "heat").name == "heat"


def test_a_figure_that_cannot_be_drawn_comes_after_all_other_files(report, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("no figure")

    monkeypatch.setattr("pinnkit.reports.figures.save", fails)
    with pytest.raises(RuntimeError, match="no figure"):
        report.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"summary.json", "history.csv", "solution.h5"}


def test_the_history_is_a_table_that_others_can_read(report, tmp_path):
    report.save(tmp_path, figures=False)
    with (tmp_path / "history.csv").open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["step", "seconds", "solver", "loss", "equation", "dirichlet", "initial"]
    assert len(rows) == 1 + len(report.solution.history.step)
    assert float(rows[1][3]) == report.solution.history.loss[0]


def test_a_field_that_cannot_be_stored_still_leaves_the_summary(tmp_path):
    class Zero(nn.Module):
        def forward(self, coords):
            return 0 * coords[:, :1]

    report = validate(solution_of(heat_problem(), Zero()), budget=0)
    with pytest.raises(ValueError, match="plain Zero"):
        report.save(tmp_path, figures=False)
    assert (tmp_path / "summary.json").is_file()
    assert not (tmp_path / "solution.h5").exists()


def test_numbers_that_are_not_finite_become_null(tmp_path):
    path = write_summary({"a": float("nan"), "b": [float("inf"), 1.0], "c": {"d": 2}}, tmp_path)
    assert json.loads(path.read_text()) == {"a": None, "b": [None, 1.0], "c": {"d": 2}}


def test_the_text_holds_the_error_the_bar_and_both_times(report):
    text = str(report)
    assert "heat: relative L2 error" in text
    assert "finite differences, order 2, observed 1.97, error bar 2.00e-07 (true error 1.00e-07), 0.3 s" in text
    assert "<= 3.00e-07" in text
    assert "1.25 s" in text
    assert report.solution.choice in " ".join(text.split())
    assert "\x1b" not in text


def test_the_observed_order_stands_beside_the_stated_one(report):
    assert report.summary()["reference"]["order"] == 2
    assert report.summary()["reference"]["observed_order"] == 1.97


def test_an_order_that_was_not_observed_is_said_to_be_so(report, tmp_path):
    unseen = replace(report, reference=replace(report.reference, order=2.0, observed_order=math.nan))
    assert "finite differences, order 2, not observed, error bar" in str(unseen)
    text = write_summary(unseen.summary(), tmp_path).read_text()
    assert '"order": 2,' in text
    assert json.loads(text)["reference"]["observed_order"] is None
    assert "order 2, not observed, error bar" in _printed(summary_table(json.loads(text)))


def test_a_summary_without_an_observed_order_is_still_shown(report):
    summary = report.summary()
    del summary["reference"]["observed_order"]
    assert "finite differences, order 2, error bar" in _printed(summary_table(summary))


def _printed(table):
    console = Console(file=io.StringIO(), width=110)
    console.print(table)
    return console.file.getvalue()


def test_the_text_of_a_bad_run_has_its_warnings(report):
    finding = Finding(Kind.CONDITION, "the boundary is ignored", 1.0)
    bad = replace(report, verdict=replace(report.verdict, findings=(finding,)))
    assert "NOT GOOD" in str(bad)
    assert "Warning: the boundary is ignored" in str(bad)
    assert not bad.good
    assert not replace(report, solution=replace(report.solution, status=Status.DIVERGED)).good


def test_a_report_without_anything_to_measure_against_says_so():
    report = validate(solution_of(heat_problem(exact={})), budget=0)
    assert "no closed form and no reference" in str(report)
    assert report.summary()["rel_l2"] is None


def test_square_brackets_of_names_are_text_and_not_markup():
    problem = heat_problem(terms=[replace(t, name=f"[bold]{t.kind}") for t in heat_problem().terms])
    assert "[bold]dirichlet" in str(validate(solution_of(problem), budget=0))


def test_a_report_cannot_be_changed(report):
    with pytest.raises(FrozenInstanceError):
        report.verdict = None


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (1.234567e-8, "1.23e-08"), (0.1234, "0.123"), (12345.6, "1.23e+04"), (None, "not finite")],
)
def test_numbers_are_shown_with_three_digits(value, shown):
    assert number(value) == shown
