"""problems/versus_deepxde.py: who got how far and when, with DeepXDE and with a stand-in for it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pinnkit.measure.bench import peer

SCRIPT = Path(__file__).resolve().parents[1] / "problems" / "versus_deepxde.py"
PEER = dict(rel_l2=1e-2, seconds=40.0, seconds_adam=20.0, steps=dict(adam=5000, lbfgs=7), version="1.15.0")


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("versus_deepxde", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_deepxde_it_says_how_to_get_it(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peer, "has_deepxde", lambda: False)
    assert script.main(["--quick"]) == 2
    assert 'pip install "pinnkit[peers]"' in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_writes_json_and_says_how_much_sooner(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stand-in that needs 40 s for an error of 1e-2."""
    asked: list[dict[str, Any]] = []

    def stand_in(case: Any, **options: Any) -> dict[str, Any]:  # noqa: ARG001
        asked.append(options)
        return PEER

    monkeypatch.setattr(script, "deepxde_run", stand_in)
    monkeypatch.setattr(script, "require_deepxde", lambda: None)
    options = ["--quick", "--problem", "poisson", "--out", str(tmp_path)]
    assert script.main(options) == 0
    (found,) = json.loads((tmp_path / "versus_deepxde.json").read_text())
    rows = {row["who"]: row for row in found["rows"]}
    assert rows["DeepXDE"]["sooner"] == 1.0
    automatic = rows["pinnkit, automatic"]
    assert automatic["rel_l2"] < 1e-9
    assert automatic["sooner"] == pytest.approx(40.0 / automatic["reached"])
    assert rows["pinnkit, tanh 4 x 10"]["sooner"] is None  # 30 steps do not get there
    out = capsys.readouterr().out
    assert "never" in out
    assert "target: 100 times sooner" in out
    assert script.main(options) == 0
    assert len(asked) == 1  # what DeepXDE found is kept


def test_the_table_says_whether_the_target_is_met(script: ModuleType) -> None:
    from rich.console import Console

    def shown(sooner: float | None) -> str:
        row = dict(who="pinnkit", rel_l2=1e-9, seconds=1.0, reached=0.5, sooner=sooner)
        console = Console(width=150)
        with console.capture() as captured:
            console.print(script.table([dict(case="p", rows=[row])]))
        return captured.get()

    assert "sooner, met" in shown(100.0)
    assert "sooner, MISSED" in shown(99.0)
    assert "sooner, MISSED" in shown(None)


@pytest.mark.slow
@pytest.mark.skipif(not peer.has_deepxde(), reason="DeepXDE is not installed")
def test_the_script_runs_quickly_beside_deepxde(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "versus_deepxde.json").read_text())
    assert [result["case"] for result in found] == ["Poisson 2-D", "heat 1-D"]
