"""The start-up benchmark: ratios to a baseline, and which programs load PyTorch."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from pinnkit.measure.bench import startup
from pinnkit.measure.bench.startup import CASES, Case, Row, as_json, run, table

SHOW = next(case for case in CASES if case.name == "pinnkit show")
LIGHT = Case("json", "import json", "import json, email.mime.text", 5.0, False)


def row_of(**changes: object) -> Row:
    row = Row("import pinnkit", "import torch", 2.0, 1.5, 0.5, 0.4, 1.1, False, True)
    return replace(row, **changes)  # type: ignore[arg-type]


def test_short_commands_are_measured_and_load_no_torch() -> None:
    seen: list[Row] = []
    rows = run(runs=1, cases=(replace(SHOW, against="import pinnkit.cli"), LIGHT), progress=seen.append)
    assert rows == seen
    assert [row.case for row in rows] == ["pinnkit show", "json"]
    for row in rows:
        assert row.seconds > 0
        assert row.cpu_seconds > 0
        assert row.ratio > 0
        assert not row.loads_torch


def test_a_target_is_missed_where_torch_is_loaded_against_the_rule() -> None:
    (allowed, refused) = run(
        quick=True,
        cases=(
            Case("torch", "import torch", "import torch", 1e6, True),
            Case("t", "import torch", "import torch", 1e6, False),
        ),
    )
    assert allowed.loads_torch
    assert allowed.met
    assert not refused.met


def test_a_target_is_missed_by_its_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"slow": (9.0, 6.0, ""), "base": (3.0, 2.0, "")}
    monkeypatch.setattr(startup, "_start", lambda code, _: times.get(code, (0.0, 0.0, "torch:False")))
    found = {target: run(runs=3, cases=(Case("slow", "slow", "base", target, False),))[0] for target in (2.9, 3.1)}
    assert [row.met for row in found.values()] == [False, True]
    assert found[2.9].ratio == found[2.9].cpu_ratio == 3.0


def test_a_program_that_fails_is_an_error_with_its_reason() -> None:
    with pytest.raises(RuntimeError, match="ended with exit code 3"):
        run(quick=True, cases=(Case("fails", "raise SystemExit(3)", "import json", 1.0, False),))


def test_the_cases_are_those_of_the_design() -> None:
    targets = {case.name: case.target for case in CASES}
    assert targets["import pinnkit"] == 1.1
    assert targets["pinnkit solve"] == 2.5
    assert {case.name for case in CASES if not case.torch} == {
        "pinnkit --help", "pinnkit --version", "pinnkit info", "pinnkit show",
    }  # fmt: skip


def test_rows_are_printed_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row_of(), row_of(case="pinnkit solve", cpu_ratio=2.7, target=2.5, loads_torch=True, met=False)]
    Console(width=150).print(table(rows))
    text = capsys.readouterr().out
    assert "0.40" in text
    assert "not loaded" in text
    assert "no" in text.splitlines()[-3]
    assert [item["case"] for item in json.loads(as_json(rows))] == ["import pinnkit", "pinnkit solve"]
