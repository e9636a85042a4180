"""Whatever fails or stops a run, what it found is on disk, one line says so, and `--resume` ends with the same bits."""

import errno
import functools
import importlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import pinnkit.reports.figures
import pinnkit.reports.validation
import pinnkit.solvers
from pinnkit import Solution, cli, load
from pinnkit.solutions import storage
from pinnkit.solutions.folder_lock import LOCK_NAME
from pinnkit.solvers import solve as true_solve

DECAY = '''"""u_t = -u."""
from pinnkit import Box, Equation, Initial, Problem
problem = Problem(
    name="decay",
    domain=Box(t=(0, 1)),
    unknowns="u",
    terms=[Equation(lambda u: u.t + u), Initial(u=1.0)],
)
'''
TRAINED = ["--field", "siren", "--solver", "adam", "--steps", "4", "--no-reference"]
RESULT = {"solution.h5", "summary.json", "history.csv"}


@pytest.fixture
def decay(tmp_path: Path) -> Path:
    file = tmp_path / "decay.py"
    file.write_text(DECAY)
    return file


@pytest.fixture(autouse=True)
def checkpoint_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pinnkit.solvers.solve", functools.partial(true_solve, checkpoint_seconds=0.0))


def run(*arguments: object) -> int:
    return cli.run([str(a) for a in arguments])


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def bits(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Weights and losses of a solution file."""
    found = {}
    with h5py.File(folder / "solution.h5") as file:
        for group in ("state", "history"):
            file[group].visititems(
                lambda name, item: found.update({name: item[()]}) if hasattr(item, "shape") else None
            )
    found.pop("seconds")
    return found


def assert_same_bits(folder: Path, other: Path) -> None:
    found, expected = bits(folder), bits(other)
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert np.array_equal(found[name], values, equal_nan=True), name


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines on stderr since the last call; each is a message of pinnkit."""
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    found = err.strip().splitlines()
    assert all(line.startswith("pinnkit: ") for line in found), err
    return found


# disk full ----------------------------------------------------------------------------------------------------------
class Disk:
    """`os.fsync` of a disk that is full from a certain write on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = 0
        self.room: float = float("inf")
        self._true = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, number: int) -> None:
        if not stat.S_ISDIR(os.fstat(number).st_mode):
            self.writes += 1
            if self.writes > self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._true(number)

    def holds(self, room: float) -> None:
        self.writes, self.room = 0, room


def survives_a_full_disk(
    decay: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    disk: Disk,
    moments: Callable[[int], range],
    *options: str,
) -> None:
    options = (*TRAINED, *options)
    assert run("solve", decay, *options, "--out", "whole") == 0
    for room in moments(disk.writes):
        disk.holds(room)
        capsys.readouterr()
        folder = tmp_path / f"full{room}"
        assert run("solve", decay, *options, "--out", folder) == (2 if room == 0 else 1)
        said = lines(capsys)
        assert said
        assert any("No space left on device" in line for line in said)
        disk.holds(float("inf"))
        assert not list(tmp_path.rglob(".*.tmp")) + list(tmp_path.rglob(".*.part"))
        if folder.exists():
            shutil.copytree(folder, tmp_path / f"again{room}")
        assert run("solve", decay, *options, "--out", folder, "--resume") == 0
        assert_same_bits(folder, tmp_path / "whole")
        assert names(folder) == names(tmp_path / "whole")
        assert run("solve", decay, *options, "--out", tmp_path / f"again{room}") == 0
        assert_same_bits(tmp_path / f"again{room}", tmp_path / "whole")


def test_a_disk_that_is_full_at_some_writes_loses_nothing(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    survives_a_full_disk(decay, tmp_path, capsys, Disk(monkeypatch), lambda writes: range(0, writes, 5), "--no-figures")


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_loses_nothing(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    survives_a_full_disk(decay, tmp_path, capsys, Disk(monkeypatch), range)


def test_a_disk_that_is_full_for_one_checkpoint_costs_a_warning(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_write, calls = pinnkit.solvers.training.checkpoint.write, []

    def write(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) in (2, 3):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        true_write(*arguments)

    monkeypatch.setattr("pinnkit.solvers.training.checkpoint.write", write)
    assert run("solve", decay, *TRAINED, "--no-figures") == 0
    (line,) = lines(capsys)
    assert line.startswith(
        "pinnkit: warning: the checkpoint 'results/decay/checkpoint.h5' could not be written (No space"
    )
    assert "the run goes on, and the one before is kept" in line
    assert len(calls) > 3
    assert names(tmp_path / "results/decay") == RESULT


def test_a_solution_without_room_is_written_elsewhere(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_save = storage.save

    def save(solution: Solution, path: Path, **options: Any) -> Path:
        if "results" in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return true_save(solution, path, **options)

    monkeypatch.setattr(storage, "save", save)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run("solve", decay, *TRAINED, "--no-figures") == 1
    kept, failed = lines(capsys)
    (spare,) = tmp_path.glob("pinnkit-*")
    assert kept == f"pinnkit: the solution is in {spare / 'solution.h5'}; move it to a safe place"
    assert failed.startswith("pinnkit: failed: solution.h5: [Errno 28] No space left on device")
    assert load(spare).name == "decay"
    assert names(tmp_path / "results/decay") == {"summary.json", "history.csv", "checkpoint.h5"}


# a check or a figure that fails -------------------------------------------------------------------------------------
def summary_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def test_a_metric_that_raises_leaves_the_result(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'metrics={"broken": lambda s: 1 / 0, "one": lambda s: 1.0},\n)'
    decay.write_text(DECAY.replace(")\n", f"{text}\n") if DECAY.count(")\n") == 1 else DECAY[:-2] + f"    {text}\n")
    assert run("solve", decay, "--no-reference") == 1
    (line,) = lines(capsys)
    assert line == "pinnkit: failed: metric `broken`: ZeroDivisionError: division by zero (decay.py:8)"
    folder = tmp_path / "results/decay"
    assert names(folder) >= RESULT | {"solution.png", "losses.png"}
    summary = summary_of(folder)
    assert summary["failures"] == [line.removeprefix("pinnkit: failed: ")]
    assert summary["metrics"] == {"one": 1.0}
    assert summary["good"]
    assert run("show", folder) == 0
    assert "Failed: metric `broken`" in capsys.readouterr().out


def test_a_script_in_another_encoding_is_kept_as_text(decay: Path, tmp_path: Path) -> None:
    decay.write_bytes(b"# -*- coding: latin-1 -*-\n# W\xe4rme\n" + DECAY.encode())
    assert run("solve", decay, "--no-reference", "--no-figures") == 0
    assert "# W\ufffdrme" in (load(tmp_path / "results/decay").problem_text or "")


def test_a_check_that_raises_leaves_the_solution_and_says_that_it_was_not_checked(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("mat1 and mat2\nshapes cannot be multiplied")

    with monkeypatch.context() as patch:
        patch.setattr(pinnkit.reports.validation, "validate", fails)
        assert run("solve", decay, *TRAINED) == 1
    (line,) = lines(capsys)
    assert "failed: the check of the solution: RuntimeError: mat1 and mat2 shapes" in line
    folder = tmp_path / "results/decay"
    assert names(folder) >= RESULT | {"solution.png", "checkpoint.h5"}
    summary = summary_of(folder)
    assert not summary["good"]
    assert "was not checked" in summary["warnings"][0]
    assert run("solve", decay, *TRAINED, "--no-figures", "--resume") == 0  # checks what was trained before
    assert names(tmp_path / "results") == {"decay"}
    assert summary_of(folder)["verdict"] is not None


def test_figures_that_cannot_be_drawn_leave_the_report(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ImportError("no display")

    monkeypatch.setattr(pinnkit.reports.figures, "save", fails)
    assert run("solve", decay, "--no-reference", "--json") == 1
    out, err = capsys.readouterr()
    assert "pinnkit: failed: figures: ImportError: no display" in err
    folder = tmp_path / "results/decay"
    assert json.loads(out) == summary_of(folder)
    assert json.loads(out)["good"]
    assert json.loads(out)["failures"][0].startswith("figures: ImportError")
    assert names(folder) == RESULT


@pytest.mark.slow
def test_a_broken_back_end_of_matplotlib_leaves_the_report(decay: Path, tmp_path: Path, root: Path) -> None:
    done = process(root, decay, "--quick", environment={"MPLBACKEND": "cardboard"})
    _, err = done.communicate()
    assert done.returncode == 1
    (line,) = err.strip().splitlines()
    assert line.startswith("pinnkit: failed: figures: ValueError: Key backend: 'cardboard'")
    assert names(tmp_path / "results/decay") == RESULT


@pytest.mark.slow
def test_a_picture_of_two_columns_is_fitted_and_drawn(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.zeros((1100, 2, 3), dtype=np.uint8)).save(tmp_path / "thin.png")
    assert run("fit", "thin.png", "--steps", 1, "--field", "siren") == 0
    assert names(tmp_path / "results/thin") >= RESULT | {"picture.png", "derivatives.png", "fit.png"}


# signals ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def default_signals() -> Iterator[None]:
    """Those of a process in the foreground: a shell may have SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_solve_with_a_checkpoint_and_130(
    number: int, decay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    assert run("solve", decay, *TRAINED, "--no-figures", "--out", "whole") == 0

    def stopped(*arguments: Any, callbacks: Any, **options: Any) -> Any:
        def stop(record: Any) -> None:
            if record.step == 2:
                signal.raise_signal(number)

        return true_solve(*arguments, callbacks=(*callbacks, stop), **options)

    with monkeypatch.context() as patch:
        patch.setattr("pinnkit.solvers.solve", stopped)
        assert run("solve", decay, *TRAINED) == 130
    folder = tmp_path / "results/decay"
    assert names(folder) == RESULT | {"checkpoint.h5"}
    assert summary_of(folder)["status"] == "INTERRUPTED"
    assert signal.getsignal(number) is before
    capsys.readouterr()
    assert run("solve", decay, *TRAINED, "--no-figures", "--resume") == 0
    assert lines(capsys) == []
    assert_same_bits(folder, tmp_path / "whole")


@pytest.mark.usefixtures("default_signals")
def test_a_signal_that_python_drops_ends_the_solve_all_the_same(
    decay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception that is raised while an object is destroyed is dropped."""

    class Destroyed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def solve(*arguments: Any, callbacks: Any, **options: Any) -> Any:
        return true_solve(*arguments, callbacks=(lambda _: Destroyed() and None, *callbacks), **options)

    monkeypatch.setattr("pinnkit.solvers.solve", solve)
    assert run("solve", decay, *TRAINED) == 130
    assert summary_of(tmp_path / "results/decay")["steps"] == 1
    assert lines(capsys) == ["pinnkit: interrupted; --resume continues from the checkpoint in results/decay"]


def test_an_interrupt_during_the_check_leaves_the_solution(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(pinnkit.reports.validation, "validate", stopped)
    assert run("solve", decay, *TRAINED) == 130
    assert lines(capsys) == [
        "pinnkit: interrupted; results/decay/solution.h5 holds the solution so far; --resume continues from the "
        "checkpoint in results/decay"
    ]
    folder = tmp_path / "results/decay"
    assert names(folder) == RESULT | {"checkpoint.h5"}
    assert run("show", folder) == 0
    assert "the run was stopped before its check had ended" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("default_signals")
def test_an_interrupt_while_the_solution_is_written_waits_for_it(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_save = storage.save

    def save(*arguments: Any, **options: Any) -> Path:
        signal.raise_signal(signal.SIGINT)
        return true_save(*arguments, **options)

    monkeypatch.setattr(storage, "save", save)
    assert run("solve", decay, "--no-reference") == 130
    assert lines(capsys) == ["pinnkit: interrupted; results/decay/solution.h5 holds the solution so far"]
    assert names(tmp_path / "results/decay") == {"solution.h5", "summary.json"}


def test_an_interrupt_before_the_first_step_brings_the_earlier_result_back(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("solve", decay, "--no-reference", "--no-figures") == 0
    capsys.readouterr()

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pinnkit.solvers.solve", stopped)
    assert run("solve", decay) == 130
    assert lines(capsys) == ["pinnkit: interrupted before there was anything to keep"]
    assert names(tmp_path / "results") == {"decay"}
    assert names(tmp_path / "results/decay") == RESULT


def process(
    root: Path, file: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    path = os.pathsep.join([*(environment or {}).pop("PYTHONPATH", "").split(), str(root)])
    return subprocess.Popen(
        [sys.executable, "-m", "pinnkit", "solve", str(file), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell may have it ignored
    )


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_signal_while_modules_load_is_one_line(number: str, decay: Path, tmp_path: Path, root: Path) -> None:
    """The module swallows every exception, as some do while they load."""
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow/torch.py").write_text(
        f"import signal\ntry:\n    signal.raise_signal(signal.{number})\nexcept BaseException:\n    pass\n"
        "raise ImportError('went on')\n"
    )
    done = process(root, decay, environment={"PYTHONPATH": str(tmp_path / "shadow")})
    out, err = done.communicate()
    assert (done.returncode, out, err) == (130, "", "pinnkit: interrupted\n")
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("default_signals")
def test_a_signal_while_a_solve_loads_a_module_ends_the_solve_at_its_next_step(
    decay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception would leave half a module, with which the check of the solution fails."""
    (tmp_path / "lately.py").write_text("import signal\nsignal.raise_signal(signal.SIGTERM)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def solve(*arguments: Any, callbacks: Any, **options: Any) -> Any:
        def load(record: Any) -> None:
            if record.step == 2:
                assert importlib.import_module("lately").whole

        return true_solve(*arguments, callbacks=(*callbacks, load), **options)

    monkeypatch.setattr("pinnkit.solvers.solve", solve)
    assert run("solve", decay, *TRAINED) == 130
    assert summary_of(tmp_path / "results/decay")["steps"] == 3
    sys.modules.pop("lately")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_at_any_moment_are_one_line_and_lose_nothing(
    number: signal.Signals, decay: Path, tmp_path: Path, root: Path
) -> None:
    """From the start of Python, over the loading of modules, to the end of the solve."""
    train = ["--field", "siren", "--solver", "adam", "--steps", "300", "--no-reference", "--no-figures"]
    whole = process(root, decay, *train, "--out", "whole")
    whole.communicate()
    assert whole.returncode == 0
    for k in range(1, 9):
        solve = process(root, decay, *train, "--resume")
        time.sleep(0.5 * k)
        solve.send_signal(number)
        _, err = solve.communicate()
        assert "Traceback" not in err
        assert solve.returncode in (-signal.SIGKILL if number == signal.SIGKILL else 130, 0)
        assert len(err.strip().splitlines()) <= 1
    last = process(root, decay, *train, "--resume")
    last.communicate()
    assert last.returncode == 0
    assert_same_bits(tmp_path / "results/decay", tmp_path / "whole")


def test_a_reader_that_ends_does_not_end_the_run(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pinnkit solve FILE | head -1`."""

    def gone(*_: Any, **__: Any) -> None:
        raise SystemExit(1)  # as rich answers a broken pipe

    monkeypatch.setattr("rich.console.Console.print", gone)
    monkeypatch.setattr("pinnkit.cli.console._LINE_SECONDS", 0.0)
    assert run("solve", decay, *TRAINED, "--no-figures") == 0
    assert names(tmp_path / "results/decay") == RESULT
    assert summary_of(tmp_path / "results/decay")["steps"] == 4
    assert lines(capsys) == []


def test_a_solution_alone_is_shown(decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("solve", decay, "--no-reference", "--no-figures") == 0
    (tmp_path / "results/decay/summary.json").unlink()
    capsys.readouterr()
    assert run("show", "results/decay") == 0
    assert "Ordinary differential equations" in capsys.readouterr().out


# folders ------------------------------------------------------------------------------------------------------------
def test_checkpoints_are_kept_where_the_time_ran_out_and_removed_at_the_end(decay: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results/decay"
    assert run("solve", decay, *TRAINED, "--no-figures", "--seconds", "1e-6") == 0
    assert summary_of(folder)["status"] == "TIME"
    assert names(folder) == RESULT | {"checkpoint.h5"}
    assert run("solve", decay, *TRAINED, "--no-figures", "--resume") == 0
    assert names(folder) == RESULT
    assert names(tmp_path / "results") == {"decay"}


def test_the_folders_of_slabs_are_removed_at_the_end(decay: Path, tmp_path: Path) -> None:
    assert run("solve", decay, *TRAINED, "--no-figures", "--slabs", 2) == 0
    assert names(tmp_path / "results/decay") == RESULT


def test_a_folder_that_is_removed_during_the_run_is_made_again(
    decay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results/decay"

    def solve(*arguments: Any, callbacks: Any, **options: Any) -> Any:
        def remove(record: Any) -> None:
            if record.step == 2:
                shutil.rmtree(folder)

        return true_solve(*arguments, callbacks=(*callbacks, remove), **options)

    monkeypatch.setattr("pinnkit.solvers.solve", solve)
    assert run("solve", decay, *TRAINED, "--no-figures") == 0
    assert lines(capsys) == []
    assert names(folder) == RESULT


REMAINS = {
    "half of a checkpoint": [".checkpoint.h5.part"],
    "half of a solution": [".solution.h5.4711.tmp"],
    "a slab": ["slab1/checkpoint.h5"],
    "a slab of candidates": ["slab2/candidate1/checkpoint1.h5", "slab2/candidate1/.checkpoint.h5.part"],
    "a stage": ["stage1.h5"],
    "a lock, and a figure": [LOCK_NAME, "solution.png"],
}


@pytest.mark.parametrize("files", REMAINS.values(), ids=REMAINS.keys())
def test_the_remains_of_a_killed_run_are_known(
    files: list[str], decay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def refuses(*_: Any, resume: bool, **__: Any) -> None:
        seen.append(resume)
        raise KeyboardInterrupt

    monkeypatch.setattr("pinnkit.solvers.solve", refuses)
    for options in (["--resume"], []):
        for name in files:
            (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "out" / name).touch()
        assert run("solve", decay, "--out", "out", *options) == 130
    assert seen == [True, False]


@pytest.mark.parametrize("out", [".", "", "../decay/sub/.."])
def test_a_result_in_the_folder_where_one_works_is_set_aside_like_any_other(
    out: str, decay: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "results/decay"
    (folder / "sub").mkdir(parents=True)
    (folder / "summary.json").touch()
    monkeypatch.chdir(folder)
    assert run("solve", decay, "--no-reference", "--no-figures", "--out", out) == 0
    assert names(tmp_path / "results") == {"decay", "decay.1"}
    assert names(folder) == RESULT


def test_a_foreign_folder_is_left_as_it_is(decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine/slab1").mkdir(parents=True)
    (tmp_path / "mine/.checkpoint.h5.part").touch()
    (tmp_path / "mine/slab1/thesis.tex").touch()
    assert run("solve", decay, "--out", "mine") == 2
    (line,) = lines(capsys)
    assert "holds files that are no result of pinnkit" in line
    assert names(tmp_path / "mine") == {"slab1", ".checkpoint.h5.part"}


def test_a_folder_that_cannot_be_made_is_said_before_the_first_step(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert run("solve", decay, "--out", "file/below") == 2
    (line,) = lines(capsys)
    assert "--out: the folder 'file/below' cannot be written (Not a directory); choose another place" in line


LOCKING = f"""
import fcntl, os, sys
file = open(sys.argv[1] + "/{LOCK_NAME}", "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(str(os.getpid())), file.flush()
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_folder_that_another_process_writes_is_refused_until_it_ends(
    decay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("fcntl")
    folder = tmp_path / "results/decay"
    folder.mkdir(parents=True)
    other = subprocess.Popen(
        [sys.executable, "-c", LOCKING, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "locked\n"
    assert run("solve", decay, *TRAINED) == 2
    assert lines(capsys) == [
        f"pinnkit: --out: another process writes 'results/decay' (process {other.pid}); wait for its end, or choose "
        f"another folder"
    ]
    assert names(folder) == {LOCK_NAME}
    other.kill()  # the lock ends with its process
    other.communicate()
    assert run("solve", decay, *TRAINED, "--no-figures") == 0
    assert names(folder) == RESULT


@pytest.mark.slow
def test_of_two_processes_with_one_folder_one_writes(decay: Path, tmp_path: Path, root: Path) -> None:
    train = ["--field", "siren", "--solver", "adam", "--steps", "300", "--no-reference", "--no-figures"]
    both = [process(root, decay, *train) for _ in range(2)]
    said = [p.communicate()[1] for p in both]
    assert sorted(p.returncode for p in both) == [0, 2]
    assert all(len(text.splitlines()) == p.returncode // 2 for text, p in zip(said, both, strict=True))
    assert names(tmp_path / "results") == {"decay"}
    assert names(tmp_path / "results/decay") == RESULT
