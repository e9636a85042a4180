"""Every file in problems/ is a script: it runs by itself, quickly with --quick, and leaves its results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "problems"
FILES = sorted(path for path in FOLDER.glob("*.py") if not path.stem.startswith("versus_"))  # those compare

SHORT = {"image_fit", "poisson"}
"""Scripts that always run here; the build of the documentation runs the others, and so does -m slow."""

SCORES = {"heat_in_reconstruction": {"difference_to_exact_torus": 0.01, "difference_to_closed_form": 0.01}}
"""Upper bounds of a problem's metrics, also in its quickest run."""


def run(path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """The script in a process of its own, in the folder of the test, as a user starts it."""
    return subprocess.run(
        [sys.executable, str(path), *options],
        env={**os.environ, "PYTHONPATH": str(FOLDER.parent), "PYTHONWARNINGS": "error::UserWarning:pinnkit"},
        capture_output=True,
        text=True,
        timeout=300,  # several such processes may share two cores
        check=False,
    )


def test_there_are_problems() -> None:
    assert {"heat", "heat_2d", "poisson", "wave", "eikonal", "helmholtz", "pendulum"} <= {path.stem for path in FILES}
    assert {path.stem for path in FILES} >= SHORT


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem not in SHORT else ()) for path in FILES],
)
def test_the_script_runs_with_quick_and_writes_its_results(path: Path, tmp_path: Path) -> None:
    done = run(path, "--quick")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    summary = json.loads((tmp_path / "results" / path.stem / "summary.json").read_text(encoding="utf-8"))
    assert summary["problem"] == path.stem
    for name, limit in SCORES.get(path.stem, {}).items():
        assert 0 < summary["metrics"][name] < limit
    assert (tmp_path / "results" / path.stem / "solution.h5").stat().st_size > 0


def test_a_wrong_option_is_one_line_and_exit_code_2() -> None:
    done = run(FOLDER / "heat.py", "--quack")
    assert done.returncode == 2
    assert "--quack" in done.stderr
    assert "Traceback" not in done.stderr
