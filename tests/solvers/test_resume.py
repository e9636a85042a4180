"""A run that is stopped or killed, and goes on, ends with the same bits as one that was not."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pinnkit import Status
from pinnkit.solvers.training.checkpoint import read
from tests.solvers.killable import FITS, KINDS, UNSAVED, bits, differing, run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="killed processes are forked")
SAVED = [kind for kind in KINDS if not kind.startswith("long") and kind not in UNSAVED]
OFTEN = ["full", "batch", "single", "stages", "newton", "adaptive", "retained", "self-scaled", "picture"]
"""Kinds that are quick enough to be stopped every few steps."""
MORE = ["adaptive", "retained", "self-scaled", "stages", "soap", "slabs", "picture"]
KILLS = 6
"""For each of the 19 kinds: over 100 moments in all."""


class Lives:
    """A process that forks runs; each of them may be killed."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-m", "tests.solvers.killable"]
        self.process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.number = 0

    def line(self) -> str:
        assert self.process.stdout is not None
        found = self.process.stdout.readline()
        assert found, "the process that forks the runs has ended"
        return found.rstrip("\n")

    def begin(self, folder: Path, kind: str, pause: float = 0.0) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{folder}\t{kind}\t{pause}\n")
        self.number = int(self.line().removeprefix("process "))

    def step(self) -> int | None:
        """Wait for the next step and give its number; None where the run has ended instead."""
        line = self.line()
        if line.startswith("end"):
            assert line == "end 0"
            return None
        return int(line.removeprefix("step "))

    def kill(self, number: int = signal.SIGKILL) -> bool:
        """End the run by a signal; False where it had come to its end before."""
        os.kill(self.number, number)  # a zombie until the parent has said how it ended
        return self.end() == -number

    def end(self) -> int:
        while not (line := self.line()).startswith("end"):
            pass
        return int(line.removeprefix("end "))


@pytest.fixture(scope="module")
def lives(root: Path) -> Iterator[Lives]:
    found = Lives(root)
    yield found
    assert found.process.stdin is not None
    assert found.process.stdout is not None
    found.process.stdin.close()
    found.process.wait()
    found.process.stdout.close()


@pytest.mark.parametrize("kind", OFTEN)
def test_a_run_stopped_again_and_again_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    """Ctrl-C, from within a callback, every few steps."""
    expected = bits(run(tmp_path / "whole", kind))
    lives = 0
    while True:
        lives += 1
        assert lives < 100
        left = [1 if kind == "newton" else 9]

        def stop(_: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        solution = run(tmp_path / "stopped", kind, [stop])
        if solution.status is not Status.INTERRUPTED:
            break
    assert lives >= 2
    assert differing(bits(solution), expected) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an interrupt in the end of an object
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers")
@pytest.mark.parametrize("kind", ["full", *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE)])
def test_a_run_interrupted_in_the_middle_of_steps_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    """A timer raises KeyboardInterrupt anywhere: in a step, in a callback, in the writing of a checkpoint."""
    expected = bits(run(tmp_path / "whole", kind))
    moments = random.Random(3)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(8):
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.02, 0.3))
            try:
                run(tmp_path / "stopped", kind, checkpoint_seconds=0.0)
            except KeyboardInterrupt:  # outside of the training loop, which keeps its state
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGALRM, before)
    assert differing(bits(run(tmp_path / "stopped", kind)), expected) == []


@needs_fork
def test_a_run_killed_after_its_first_checkpoint_ends_with_the_same_bits(tmp_path: Path, lives: Lives) -> None:
    expected = bits(run(tmp_path / "whole", "batch"))
    folder = tmp_path / "killed"
    lives.begin(folder, "batch", 0.5)  # a pause that leaves time to be killed in
    assert lives.step() == 1
    assert lives.step() == 2  # by now the first step is saved
    assert lives.kill()
    saved = read(folder / "checkpoint.h5")
    assert 1 <= saved.step < 40
    seen: list[int] = []
    again = run(folder, "batch", [lambda record: seen.append(record.step)])
    assert seen[0] == saved.step + 1
    assert differing(bits(again), expected) == []


@needs_fork
@pytest.mark.parametrize("kind", ["slabs", "march", "picture"])
def test_a_run_killed_at_a_random_moment_ends_with_the_same_bits(kind: str, tmp_path: Path, lives: Lives) -> None:
    killed_at_random_moments(kind, 1, tmp_path, lives)


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("kind", [*SAVED, *UNSAVED, *FITS])
def test_a_run_killed_at_random_moments_ends_with_the_same_bits(kind: str, tmp_path: Path, lives: Lives) -> None:
    killed_at_random_moments(kind, KILLS, tmp_path, lives)


def killed_at_random_moments(kind: str, kills: int, tmp_path: Path, lives: Lives) -> None:
    """Kill a run while it prepares, in a step, or in the writing of a checkpoint, and let it go on each time."""
    lives.begin(tmp_path / "whole", kind)
    steps = 0
    while lives.step() is not None:
        steps += 1
    folder = tmp_path / "killed"
    moments = random.Random(kind)
    done = 0
    for _ in range(20 * kills):
        lives.begin(folder, kind)
        taken = moments.randrange(0, max(2, steps // kills))
        ended = any(lives.step() is None for _ in range(taken))
        if not ended:
            time.sleep(moments.uniform(0.0, 0.2 if taken == 0 else 0.03))
            ended = not lives.kill()
        if ended:  # before it could be killed
            shutil.rmtree(folder)
        done += not ended
        if done == kills:
            break
    assert done == kills
    lives.begin(folder, kind)
    assert lives.end() == 0
    found, expected = (torch.load(tmp_path / name / "found.pt") for name in ("killed", "whole"))
    assert differing(found, expected) == []


def test_resuming_a_finished_run_gives_the_same_solution(tmp_path: Path) -> None:
    first, again = (bits(run(tmp_path, "stages")) for _ in range(2))
    assert differing(again, first) == []


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["long", "long batch"])
def test_a_run_killed_at_ten_random_moments_ends_with_the_same_bits(kind: str, tmp_path: Path, lives: Lives) -> None:
    expected = bits(run(tmp_path / "whole", kind))
    folder = tmp_path / "killed"
    moments = random.Random(7)
    begun = []
    for _ in range(10):
        lives.begin(folder, kind, 0.005)
        begun.append(lives.step() or 0)
        for _ in range(moments.randrange(2, 36)):
            lives.step()
        time.sleep(moments.uniform(0.0, 0.02))  # anywhere in a step, or in the writing of a checkpoint
        assert lives.kill()
    assert begun == sorted(set(begun)), "no progress between two kills"
    lives.begin(folder, kind)
    assert begun[-1] < (lives.step() or 0) < 400
    assert lives.end() == 0
    assert differing(torch.load(folder / "found.pt"), expected) == []
