"""Acceptance rows: targets, stored runs, verdicts."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from pinnkit.measure import acceptance
from pinnkit.measure.acceptance import ROWS, Measurement, Metric, Result, Row
from tests.cli.test_cli import DECAY


@pytest.fixture
def problems(tmp_path):
    folder = tmp_path / "problems"
    folder.mkdir()
    (folder / "decay.py").write_text(DECAY)
    return folder


def row(measure, **changes):
    return replace(Row("1", "automatic", "decay", "siren adam,lbfgs", "relative L2", 1e-3, measure, 10.0), **changes)


def test_every_row_has_a_file_of_its_own():
    files = [r.file(seed) for r in ROWS for seed in range(5)]
    assert len(set(files)) == len(files)
    assert not any(c in name for name in files for c in " ,/'^+;%")


def test_the_targets_are_those_of_the_issue():
    automatic = {r.problem: (r.target, r.limit) for r in acceptance.select("1", "automatic")}
    assert automatic["heat"] == (1e-9, 10)
    assert automatic["heat_2d"] == (1e-8, 30)
    assert automatic["poisson"] == (1e-12, 10)
    assert len(automatic) == 8
    networks = acceptance.select("1", "networks")
    assert {(r.problem, r.target, r.limit) for r in networks} == {
        ("heat", 5e-4, 120), ("poisson", 5e-4, 120), ("eikonal", 5e-4, 120), ("wave", 5e-3, 120),
    }  # fmt: skip
    assert len(networks) == 8
    assert {r.target for r in acceptance.select("1", "references")} == {2.0}
    assert len(acceptance.select(None, None)) == len(ROWS)


def test_every_row_names_a_problem_file_that_is_there(root):
    assert [r.problem for r in ROWS if r.from_file and not (root / "problems" / f"{r.problem}.py").is_file()] == []


def test_a_stored_run_is_not_repeated(tmp_path, problems):
    seen = []

    def measure(row, problem, seed):
        seen.append(seed)
        return Measurement(10.0**-seed, 1.0, {"problem": problem.name, "unit": row.unit})

    first = acceptance.run([row(measure)], seeds=2, problems=problems, out=tmp_path / "out")
    again = acceptance.run([row(measure)], seeds=4, problems=problems, out=tmp_path / "out")
    assert seen == [0, 1, 2, 3]
    assert [r["value"] for r in again[0].runs] == [1.0, 0.1, 0.01, 0.001]
    assert first[0].runs == again[0].runs[:2]


def test_a_failed_run_is_recorded_and_repeated(tmp_path, problems):
    answers = iter([RuntimeError("no memory"), Measurement(1e-4, 1.0, {})])

    def measure(*_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    said = []
    (failed,) = acceptance.run([row(measure)], seeds=1, problems=problems, out=tmp_path / "out", log=said.append)
    assert not failed.met
    assert "RuntimeError: no memory" in said[0]
    (file,) = (tmp_path / "out").iterdir()
    json.loads(file.read_text(), parse_constant=pytest.fail)
    (done,) = acceptance.run([row(measure)], seeds=1, problems=problems, out=tmp_path / "out")
    assert done.met


def result(values, seconds=1.0, **changes):
    return Result(row(None, **changes), tuple({"value": v, "seconds": seconds} for v in values))


def test_a_row_is_met_by_its_worst_run_within_the_limit():
    assert result([1e-4, 1e-3]).met
    assert not result([1e-4, 1e-4, 1.1e-3]).met
    assert not result([1e-4], seconds=11.0).met
    assert not result([None, 1e-4]).met
    assert result([3.0, 1.0, 2.0]).median == 2.0
    assert result([3.0, 1.0, 2.0]).worst == 3.0


def test_the_table_shows_target_median_worst_and_verdict():
    console = Console(file=StringIO(), width=160, color_system=None)
    console.print(acceptance.table([result([1e-4, 5e-4]), result([1.0])]))
    text = console.file.getvalue()
    assert "met" in text
    assert "MISSED" in text
    assert "5.00e-04" in text


def test_a_solve_is_measured_against_the_closed_form(tmp_path, problems):
    (measured,) = acceptance.run(
        [row(acceptance.solve_error(None, None), target=1e-8)], seeds=1, problems=problems, out=tmp_path / "out"
    )
    assert measured.met, measured.runs
    assert measured.runs[0]["detail"]["problem"] == "decay"


def test_a_row_with_several_metrics_has_the_value_of_the_worst(tmp_path, problems):
    def measure(row, problem, seed):  # noqa: ARG001
        metrics = {"PSNR": Metric(31.0 + seed, 30.0, at_least=True), "Chamfer": Metric(0.04, 0.02), "note": Metric(5.0)}
        return Measurement.of(metrics, 2.0)

    made = row(measure, from_file=False, problem="nothing", target=1.0)
    (found,) = acceptance.run([made], seeds=3, problems=problems, out=tmp_path / "out")
    assert found.worst == 2.0
    assert not found.met
    assert [f.value for f in found.metrics["PSNR"]] == [31.0, 32.0, 33.0]
    console = Console(file=StringIO(), width=160)
    console.print(acceptance.table([found]))
    lines = [line for line in console.file.getvalue().splitlines() if line.strip()]
    assert "PSNR" in lines[1]
    assert lines[1].rstrip().endswith("met")
    assert "31" in lines[1]
    assert lines[2].rstrip().endswith("MISSED")
    assert not lines[3].rstrip().endswith(("met", "MISSED"))


def test_the_ratio_to_a_target():
    assert Metric(1.0, 2.0).ratio == 0.5
    assert Metric(40.0, 30.0, at_least=True).ratio == 0.75
    assert Metric(float("nan"), 30.0).ratio == float("inf")
    assert Metric(0.0, 0.0).ratio == 0.0
    assert Metric(1.0, 0.0).ratio == float("inf")
    assert Metric(3.0).ratio == 0.0
