"""Record of slow tests: outcomes, values, merging; and the committed table names tests that exist."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = "from tests.record_slow import pytest_addoption, pytest_configure  # noqa: F401\n"
TESTS = """
import pytest

def test_fast(): pass

@pytest.mark.slow
def test_value(record_property):
    record_property("value", 1e-9)
    record_property("metrics", {"a": None})

@pytest.mark.slow
def test_wrong():
    assert 1 == 2, "the sum is off"

@pytest.mark.slow
def test_absent():
    pytest.skip("needs a scan")

@pytest.mark.slow
@pytest.mark.xfail(reason="known")
def test_known():
    raise ValueError("known")

@pytest.fixture
def broken():
    raise RuntimeError("no such\\nfixture")

@pytest.mark.slow
def test_setup(broken): pass
"""
INI = "[pytest]\naddopts = -m 'not slow' --import-mode=importlib\nmarkers = slow: x\nfilterwarnings = error\n"


@pytest.fixture
def project(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project with the recorder."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # starts in a third of the time
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))
    for name, text in (("conftest.py", CONFTEST), ("test_it.py", TESTS), ("pytest.ini", INI)):
        (tmp_path / name).write_text(text)
    return tmp_path


def pytest_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("workers", [[], ["-p", "xdist.plugin", "-n", "2"]], ids=["one process", "two workers"])
def test_each_slow_test_gets_a_row_with_outcome_reason_and_values(project: Path, workers: list[str]) -> None:
    done = pytest_run(project, "-m", "slow", "--record-slow", "out/slow.json", *workers)
    assert done.returncode == 1, done.stdout + done.stderr
    rows = {row["test"].split("::")[1]: row for row in json.loads((project / "out" / "slow.json").read_text())}
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "test_absent": "skipped",
        "test_known": "xfailed",
        "test_setup": "failed",
        "test_value": "passed",
        "test_wrong": "failed",
    }
    assert rows["test_value"]["figures"] == {"value": 1e-9, "metrics": {"a": None}}
    assert rows["test_value"]["reason"] == ""
    assert "needs a scan" in rows["test_absent"]["reason"]
    assert "the sum is off" in rows["test_wrong"]["reason"]
    assert "no such fixture" in rows["test_setup"]["reason"]
    assert all(row["seconds"] >= 0 and row["cores"] and row["versions"]["torch"] for row in rows.values())


def test_rows_of_tests_that_were_not_run_again_stay(project: Path) -> None:
    options = ("-m", "slow", "--record-slow", "slow.json")
    pytest_run(project, *options)
    first = json.loads((project / "slow.json").read_text())
    (project / "test_it.py").write_text(TESTS.replace("1 == 2", "1 == 1"))
    assert pytest_run(project, *options, "-k", "wrong").returncode == 0
    second = json.loads((project / "slow.json").read_text())
    assert [row["test"] for row in second] == [row["test"] for row in first]
    changed = [(a["outcome"], b["outcome"]) for a, b in zip(first, second, strict=True) if a != b]
    assert changed == [("failed", "passed")]


def test_without_the_option_or_a_slow_test_nothing_is_written(project: Path) -> None:
    assert pytest_run(project, "-m", "slow", "-k", "value").returncode == 0
    assert pytest_run(project, "--record-slow", "slow.json").returncode == 0
    assert not list(project.glob("*.json"))


def test_a_file_that_is_no_table_of_slow_tests_is_refused(project: Path) -> None:
    (project / "slow.json").write_text('{"a": 1}')
    done = pytest_run(project, "-m", "slow", "--record-slow", "slow.json")
    assert done.returncode == 4
    assert "is not a table of slow tests" in done.stderr
    assert (project / "slow.json").read_text() == '{"a": 1}'


def test_the_committed_table_names_tests_that_exist(root: Path) -> None:
    rows = json.loads((root / "results" / "published" / "slow_suite.json").read_text(encoding="utf-8"))
    assert rows
    for row in rows:
        file, *_, test = row["test"].split("::")
        name = re.match(r"\w+", test)
        assert name is not None
        assert f"def {name.group()}(" in (root / file).read_text(encoding="utf-8"), row["test"]
