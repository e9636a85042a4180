"""The commands `check` and `export`: options, files, exit codes, and one line for every mistake."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from pinnkit import cli
from pinnkit.solutions.storage import save
from tests.samples import fitted_heat

DECAY = """
from pinnkit import Box, Coefficient, Equation, Initial, Problem
problem = Problem("decay", Box(t=(0, 1)), "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])
"""
OTHER = """
import numpy as np
from torch import nn
def right(t):
    return np.exp(-t)
def wrong(t):
    return np.exp(-3 * t)
"""


@pytest.fixture
def decay(tmp_path: Path) -> Path:
    (tmp_path / "decay.py").write_text(DECAY)
    (tmp_path / "other.py").write_text(OTHER)
    t = np.linspace(0, 1, 41)
    np.savetxt(tmp_path / "u.csv", np.c_[t, np.exp(-t)], delimiter=",", header="time,amount", comments="")
    return tmp_path / "decay.py"


def run(*arguments: object) -> int:
    return cli.run([str(a) for a in arguments])


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1, err
    return err


def test_a_table_is_checked_and_its_report_written(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--rename", "time=t", "--rename", "amount=u", "--budget", 0.2, "--json", "--strict")
    assert run("check", decay, "--solution", tmp_path / "u.csv", *options, "--out", "seen", "--no-figures") == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert summary["verdict"]["level"] == "confirmed"
    assert summary["status"] == "GIVEN"
    assert summary["choice"].endswith("u.csv', 41 rows.")
    assert json.loads(Path("seen/summary.json").read_text()) == summary
    assert [p.name for p in Path("seen").iterdir()] == ["summary.json"]
    assert "confirmed" in err
    assert run("show", "seen") == 0


def test_exit_codes_follow_the_verdict_with_strict(decay: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ("check", decay, "--solution", "other.py:wrong", "--no-reference")
    assert run(*wrong) == 0
    assert "NOT GOOD" in capsys.readouterr().out
    assert run(*wrong, "--strict=plausible") == 1
    capsys.readouterr()
    right = ("check", decay, "--solution", "other.py:right", "--no-reference")
    assert run(*right, "--strict=plausible", "--json") == 0
    assert json.loads(capsys.readouterr().out)["good"] is True
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--solution", "none.csv"), "No such file or directory: 'none.csv'"),
        (("--solution", "u.csv"), "no column for the coordinate `t`"),
        (("--solution", "other.py"), "name the function in 'other.py', other.py:NAME"),
        (("--solution", "other.py:nothing"), "'other.py' defines no function `nothing`"),
        (("--solution", "u.csv", "--rename", "time"), "--rename must be NAME=VALUE, got 'time'"),
        (("--solution", "u.csv", "--at", "t=now"), "--at t= must be a number, got 'now'"),
        (("--solution", "u.csv", "--coefficient", "k=1"), "no column for the coordinate"),
        (("--solution", "u.csv", "--network", "net"), "--network must be FILE.py:NAME, got 'net'"),
        (("--solution", "u.csv", "--budget", "-1"), "--budget must be a number from 0"),
        ((), "Missing option '--solution'"),
    ],
)
def test_a_mistake_is_one_line(
    options: tuple[str, ...], words: str, decay: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", decay, *options) == 2
    assert words in error_of(capsys)


def test_a_result_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(fitted_heat(30), tmp_path / "heat")
    assert run("export", "heat", "--to", "u.npz", "--points", 5) == 0
    assert "Wrote u.npz" in capsys.readouterr().out
    with np.load("u.npz") as file:
        assert file["u"].shape == (5, 5)
        assert math.isclose(file["u"][2, 0], 1.0, abs_tol=0.1)
    assert run("export", "heat", "--to", "u.xyz") == 2
    assert "the file must end in .onnx" in error_of(capsys)
    assert run("export", "nowhere", "--to", "u.npz") == 2
    assert "there is no file" in error_of(capsys)
