"""Start-up time of pinnkit, in new processes, as ratios to the import of its dependencies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

__all__ = ["CASES", "Case", "Row", "as_json", "run", "table"]

PROBLEM = """
import math

import torch

from pinnkit import Box, Dirichlet, Equation, Problem

square = Box(x=(0, 1), y=(0, 1))
problem = Problem(
    name="poisson",
    domain=square,
    unknowns="u",
    terms=[
        Equation(lambda u, x, y: -u.laplacian - 2 * math.pi**2 * torch.sin(math.pi * x) * torch.sin(math.pi * y)),
        Dirichlet(square.boundary, u=0.0),
    ],
    exact=dict(u=lambda x, y: torch.sin(math.pi * x) * torch.sin(math.pi * y)),
)
"""
"""The problem of problems/poisson.py, solved by least squares in a fraction of a second."""

TORCH, PLOT = "import torch", "import torch, matplotlib.pyplot"
_COMMAND = "import sys; sys.argv[1:] = {arguments!r}; from pinnkit.cli import main; main()"
_LOADED = """import atexit, sys
atexit.register(lambda: sys.stderr.write(f"\\ntorch:{{'torch' in sys.modules}}"))
{code}"""


@dataclass(frozen=True)
class Case:
    """A program that is started, and what it is compared with.

    Attributes:
        name: as the table prints it.
        code: Python code; it runs in a folder with poisson.py and with a result in results/poisson.
        against: code of the baseline.
        target: largest allowed ratio of the times, dimensionless.
        torch: whether PyTorch may be loaded.
    """

    name: str
    code: str
    against: str
    target: float
    torch: bool


def _command(*arguments: str) -> str:
    return _COMMAND.format(arguments=list(arguments))


CASES = (
    Case("import pinnkit", "import pinnkit", TORCH, 1.1, True),
    Case("names of a script", "from pinnkit import Box, Dirichlet, Equation, Initial, Problem, main", TORCH, 1.1, True),
    Case("pinnkit --help", _command("--help"), TORCH, 0.5, False),
    Case("pinnkit --version", _command("--version"), TORCH, 0.5, False),
    Case("pinnkit info", _command("info"), TORCH, 0.5, False),
    Case("pinnkit show", _command("show", "results/poisson"), TORCH, 0.5, False),
    Case("pinnkit solve", _command("solve", "poisson.py", "--out", "out"), PLOT, 2.5, True),
)


@dataclass(frozen=True)
class Row:
    """Result of one case: medians over the runs.

    Attributes:
        case: name of the case.
        against: code of the baseline.
        seconds: wall time of the process.
        cpu_seconds: processor time of the process, user and system.
        ratio: wall time over that of the baseline, dimensionless.
        cpu_ratio: processor time over that of the baseline, dimensionless; steadier on a machine with other work.
        target: largest allowed ratio.
        loads_torch: whether the process had loaded PyTorch when it ended.
        met: whether the processor time is within the target, and PyTorch is loaded only where it may be.
    """

    case: str
    against: str
    seconds: float
    cpu_seconds: float
    ratio: float
    cpu_ratio: float
    target: float
    loads_torch: bool
    met: bool


def run(
    *,
    quick: bool = False,
    runs: int = 5,
    cases: Sequence[Case] = CASES,
    progress: Callable[[Row], object] = lambda _: None,
) -> list[Row]:
    """Start every case and its baseline in turn, `runs` times after a warm-up.

    Args:
        quick: one run each.
        runs: starts of every program; the order is the same in each round, so that slow changes of the machine's load
            meet all alike.
        cases: the programs.
        progress: called with each row.

    Raises:
        RuntimeError: where a program fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "poisson.py").write_text(PROBLEM, encoding="utf-8")
        if any("results/poisson" in case.code for case in cases):
            _start(_command("solve", "poisson.py", "--no-figures", "--no-reference"), folder)
        codes = list(dict.fromkeys(code for case in cases for code in (case.against, case.code)))
        loads = {code: "torch:True" in _start(_LOADED.format(code=code), folder)[2] for code in codes}
        times: dict[str, list[tuple[float, float]]] = {code: [] for code in codes}
        for _ in range(1 if quick else runs):
            for code in codes:
                times[code].append(_start(code, folder)[:2])
    wall = {code: median(w for w, _ in found) for code, found in times.items()}
    cpu = {code: median(c for _, c in found) for code, found in times.items()}
    rows = []
    for case in cases:
        seconds, cpu_seconds, loads_torch = wall[case.code], cpu[case.code], loads[case.code]
        ratio, cpu_ratio = seconds / wall[case.against], cpu_seconds / cpu[case.against]
        met = cpu_ratio <= case.target and (case.torch or not loads_torch)
        rows.append(Row(case.name, case.against, seconds, cpu_seconds, ratio, cpu_ratio, case.target, loads_torch, met))
        progress(rows[-1])
    return rows


def _start(code: str, folder: Path) -> tuple[float, float, str]:
    """Wall time, processor time and stderr of Python code in a new process."""
    before, begin = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    wall, after = time.perf_counter() - begin, os.times()
    if done.returncode:
        raise RuntimeError(
            f"bench startup: `{code}` ended with exit code {done.returncode}: {done.stderr.strip()[-300:]}"
        )
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, done.stderr


def table(rows: Sequence[Row]) -> Table:
    """Table of the rows."""
    result = Table(title="Start-up, ratios of medians")
    for heading in ("case", "against"):
        result.add_column(heading)
    for heading in ("wall", "processor", "ratio (wall)", "ratio (processor)", "target"):
        result.add_column(heading, justify="right")
    for heading in ("PyTorch", "met"):
        result.add_column(heading)
    for row in rows:
        result.add_row(
            row.case,
            row.against,
            f"{row.seconds:.2f} s",
            f"{row.cpu_seconds:.2f} s",
            f"{row.ratio:.2f}",
            f"{row.cpu_ratio:.2f}",
            f"{row.target:.1f}",
            "loaded" if row.loads_torch else "not loaded",
            "yes" if row.met else "no",
        )
    result.caption = "The target holds for processor time, which depends less on the load of the machine."
    return result


def as_json(rows: Sequence[Row]) -> str:
    """JSON of the rows."""
    return json.dumps([asdict(row) for row in rows], indent=2)
