"""A run that is stopped and goes on ends with the same bits as one that was not."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from pinnkit import Status
from pinnkit.solvers.training.checkpoint import read
from tests.solvers.killable import KINDS, bits, run

QUICK = [kind for kind in KINDS if not kind.startswith("long")]


def assert_same_bits(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for key, value in expected.items():
        equal = torch.equal(found[key], value) if isinstance(value, torch.Tensor) else found[key] == value
        assert equal, f"{key} differs"


class Life:
    """One process that solves, until it is killed or comes to its end."""

    def __init__(self, root: Path, folder: Path, kind: str, pause: float) -> None:
        command = [sys.executable, "-m", "tests.solvers.killable", str(folder), kind, str(pause)]
        self.process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)

    def step(self) -> int:
        """Wait for the next step and say its number."""
        line = self.process.stdout.readline()
        assert line, f"the run came to an end with {self.end()}"
        return int(line.split()[1])

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        assert self.end() != 0, "the run came to its end before it was killed"

    def end(self) -> int:
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(timeout=300)


@pytest.mark.parametrize("kind", QUICK)
def test_a_run_stopped_again_and_again_ends_with_the_same_bits(kind: str, tmp_path: Path) -> None:
    """Ctrl-C, from within a callback, every few steps."""
    expected = bits(run(tmp_path / "whole", kind))
    lives = 0
    while True:
        lives += 1
        assert lives < 100
        left = [1 if kind == "newton" else 5]

        def stop(_: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        solution = run(tmp_path / "stopped", kind, [stop])
        if solution.status is not Status.INTERRUPTED:
            break
    assert lives >= 2
    assert_same_bits(bits(solution), expected)


def test_a_run_killed_after_its_first_checkpoint_ends_with_the_same_bits(tmp_path: Path, root: Path) -> None:
    expected = bits(run(tmp_path / "whole", "batch"))
    folder = tmp_path / "killed"
    life = Life(root, folder, "batch", 0.5)  # a pause that leaves time to be killed in
    assert life.step() == 1
    assert life.step() == 2  # by now the first step is saved
    life.kill()
    saved = read(folder / "checkpoint.h5")
    assert 1 <= saved.step < 40
    seen: list[int] = []
    again = run(folder, "batch", [lambda record: seen.append(record.step)])
    assert seen[0] == saved.step + 1
    assert_same_bits(bits(again), expected)


def test_resuming_a_finished_run_gives_the_same_solution(tmp_path: Path) -> None:
    first, again = (bits(run(tmp_path, "stages")) for _ in range(2))
    assert_same_bits(again, first)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["long", "long batch"])
def test_a_run_killed_at_ten_random_moments_ends_with_the_same_bits(kind: str, tmp_path: Path, root: Path) -> None:
    expected = bits(run(tmp_path / "whole", kind))
    folder = tmp_path / "killed"
    moments = random.Random(7)
    begun = []
    for _ in range(10):
        life = Life(root, folder, kind, 0.005)
        begun.append(life.step())
        for _ in range(moments.randrange(2, 36)):
            life.step()
        time.sleep(moments.uniform(0.0, 0.02))  # anywhere in a step, or in the writing of a checkpoint
        life.kill()
    assert begun == sorted(set(begun)), "no progress between two kills"
    life = Life(root, folder, kind, 0.0)
    assert begun[-1] < life.step() < 400
    assert life.end() == 0
    assert_same_bits(torch.load(folder / "found.pt"), expected)
