"""Peak memory of evaluation and of a training step against the number of points; with chunks it should not grow."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.table import Table

from pinnkit.domains import Box
from pinnkit.fields import Siren
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers import Adam
from pinnkit.solvers.collocation.collocation_points import CHUNK, CollocationPoints, generator_of
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.residual_loss import ResidualLoss

__all__ = ["POINTS", "WORKS", "Row", "as_json", "growth", "peak", "run", "table"]

POINTS = (1_000_000, 10_000_000)


@dataclass(frozen=True)
class Row:
    """Result of one measurement; each kind of work has a separate process.

    Attributes:
        work: "evaluate", values of the unknown, or "train", one training step.
        points: inside the domain; each condition has a tenth of them.
        before: peak resident size in bytes before the work, imports included.
        peak: peak resident size in bytes after the work.
        seconds: of the work.
    """

    work: str
    points: int
    before: int
    peak: int
    seconds: float


def run(
    points: Sequence[int] = POINTS,
    *,
    chunk: int = CHUNK,
    works: Sequence[str] = ("evaluate", "train"),
    progress: Callable[[Row], object] = lambda _: None,
) -> list[Row]:
    """Measure each kind of work at each number of points, in ascending order, since the peak of a process never falls.

    Args:
        points: numbers of points.
        chunk: points evaluated at once; a chunk with all points shows the memory without chunks.
        works: keys of `WORKS`.
        progress: called with every row.

    Raises:
        RuntimeError: where the process of a measurement fails.
    """
    rows = []
    for work in works:
        command = [
            sys.executable,
            "-m",
            "pinnkit.measure.bench.memory",
            work,
            str(chunk),
            *(str(n) for n in sorted(points)),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                rows.append(Row(**json.loads(line)))
                progress(rows[-1])
        if process.returncode:
            raise RuntimeError(f"bench memory: '{work}' ended with exit code {process.returncode}")
    return rows


def growth(rows: Sequence[Row], work: str) -> float:
    """Ratio of the peak at the most points to the peak at the fewest, dimensionless."""
    peaks = [row.peak for row in sorted(rows, key=lambda r: r.points) if row.work == work]
    return peaks[-1] / peaks[0]


def table(rows: Sequence[Row]) -> Table:
    """Table of the rows."""
    result = Table(title="Peak memory against the number of points")
    for heading in ("work", "points", "before", "peak", "growth", "seconds"):
        result.add_column(heading, justify="left" if heading == "work" else "right")
    for row in rows:
        first = next(r for r in rows if r.work == row.work)
        result.add_row(
            row.work,
            f"{row.points:,}",
            f"{row.before / 2**20:.0f} MiB",
            f"{row.peak / 2**20:.0f} MiB",
            f"{row.peak / first.peak:.3f}x",
            f"{row.seconds:.1f} s",
        )
    result.caption = f"Heat in two dimensions, a Siren of 2 x 16 in float64, chunks of {CHUNK:,} points."
    return result


def as_json(rows: Sequence[Row]) -> str:
    """JSON of the rows."""
    return json.dumps([asdict(row) for row in rows], indent=2)


# work in the measured process ------------------------------------------------------------------------------------
def _collocation(points: int, chunk: int) -> ResidualLoss:
    plate = Box(x=(0, 1), y=(0, 1), t=(0, 1))
    terms = [Equation(lambda u: u.t - 0.1 * u.laplacian), Dirichlet(plate.boundary, u=0.0), Initial(u=1.0)]
    problem = Problem("plate", plate, "u", terms)
    made = Siren(width=16, depth=2).build(
        plate.axes, 1, generator=generator_of(0), dtype=torch.float64, device=torch.device("cpu")
    )
    parameters = Parameters(problem, [made], device=torch.device("cpu"), dtype=torch.float64)
    counts = {str(t.name): points if t.is_equation else points // 10 for t in problem.terms}
    return ResidualLoss(
        FieldSet(problem, {("u",): made}), parameters, CollocationPoints(problem, counts, 0, chunk=chunk)
    )


def _evaluate(target: ResidualLoss) -> None:
    """Evaluate u at all points."""
    total = 0.0
    for (points,) in target.collocation.chunks(target.problem.terms[0]):
        total += float(target.fields.unknowns(points.coords, {})["u"].sum())


def _train(target: ResidualLoss) -> None:
    """Take one step of Adam on all points."""
    solver = Adam(steps=1)
    solver.step(target, solver.start(target.parameters.get()))


WORKS: dict[str, Callable[[ResidualLoss], None]] = {"evaluate": _evaluate, "train": _train}


def peak() -> int:
    """Highest resident size of this process so far, in bytes.

    Source: VmHWM of /proc/self/status where it exists, since `ru_maxrss` of a child process starts at the value of its
    parent; else `getrusage`.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else 1024 * found


def _measure(work: str, chunk: int, points: int) -> Row:
    before, began = peak(), time.perf_counter()
    WORKS[work](_collocation(points, chunk))
    return Row(work, points, before, peak(), time.perf_counter() - began)


def _main() -> None:
    torch.set_num_threads(1)
    work, chunk, *points = sys.argv[1:]
    _measure(work, int(chunk), min(CHUNK, int(points[0])))  # imports of the first call count as "before"
    for n in points:
        row = _measure(work, int(chunk), int(n))
        sys.stdout.write(json.dumps(asdict(row)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
