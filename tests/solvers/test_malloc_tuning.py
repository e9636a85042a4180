"""Memory that the allocator of the C library keeps while a run lasts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pinnkit import Box, Equation, Initial, Problem, RandomFourier, solve
from pinnkit.solvers.plans import malloc_tuning
from pinnkit.solvers.plans.malloc_tuning import freed_memory_kept

MEASURED = """
import numpy as np
from pathlib import Path
from pinnkit.solvers.plans.malloc_tuning import freed_memory_kept

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

before = resident()
with freed_memory_kept() as kept:
    with freed_memory_kept():
        blocks = [np.ones(2**20) for _ in range(100)]  # 8 MiB each
        del blocks
    inside = resident()
print(kept, inside - before, resident() - before)
"""

glibc = pytest.mark.skipif(malloc_tuning._glibc() is None, reason="needs glibc on Linux")


@glibc
def test_freed_memory_is_kept_inside_the_context_and_returned_after_it() -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    kept, inside, after = run.stdout.split()
    assert kept == "True"
    assert float(inside) > 600
    assert float(after) < 100


@glibc
def test_a_failure_ends_the_context() -> None:
    with pytest.raises(RuntimeError, match="planted"), freed_memory_kept():
        raise RuntimeError("planted")
    assert malloc_tuning._active == []


def test_a_solve_leaves_no_context_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    day = Box(t=(0, 1))
    problem = Problem("decay", day, "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])
    solve(problem, RandomFourier(8))
    assert malloc_tuning._active == []


def test_other_systems_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malloc_tuning, "_glibc", lambda: None)
    with freed_memory_kept() as kept:
        assert not kept
