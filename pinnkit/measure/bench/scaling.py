"""Time and memory of a training step and of a Gram matrix against points, width and dimension."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from rich.table import Table

from pinnkit.domains import Box, Cube
from pinnkit.fields import MLP
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Equation
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solvers.collocation.collocation_points import CHUNK, CollocationPoints, generator_of
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.collocation.residual_loss import ResidualLoss

from .memory import peak

__all__ = ["DIMENSIONS", "POINTS", "WIDTHS", "WORKS", "Row", "as_json", "order", "run", "table"]

POINTS = (1_000, 10_000, 100_000, 1_000_000)
WIDTHS = (32, 64, 128, 256, 512)
DIMENSIONS = (2, 5, 10, 20, 50, 100)
_DEPTH = 3
_MOST = 4_000
"""Largest number of parameters for a Gram matrix, which has its square as entries."""
_MANY = 100_000
"""Number of points from which one measurement is enough."""

Size = tuple[int, int, int]
"""Points, width and dimension."""


@dataclass(frozen=True)
class Row:
    """Result of one measurement; each series has a separate process.

    Attributes:
        grows: quantity that varies in the series: "points", "width" or "dimension".
        work: "step", the loss and its gradient, or "gram", J^T J and J^T r.
        points: N.
        width: units of each of three hidden layers.
        dimension: of the Poisson equation.
        parameters: P.
        seconds: minimum over the repetitions.
        memory: increase of the peak resident size in bytes by the work, points and parameters included.
    """

    grows: str
    work: str
    points: int
    width: int
    dimension: int
    parameters: int
    seconds: float
    memory: int


def run(
    *,
    quick: bool = False,
    points: Sequence[int] = POINTS,
    widths: Sequence[int] = WIDTHS,
    dimensions: Sequence[int] = DIMENSIONS,
    works: Sequence[str] = ("step", "gram"),
    repetitions: int = 2,
    progress: Callable[[Row], object] = lambda _: None,
) -> list[Row]:
    """Measure both kinds of work; each series varies one of points, width and dimension.

    -laplacian u = 1 in a cube, tanh of three hidden layers, float64: 10,000 points in 2 dimensions, width 32. Gram
    matrices are made for at most 4,000 parameters.

    Args:
        quick: small sizes, for a check that it runs.
        points: sizes of the first series.
        widths: of the second.
        dimensions: of the third.
        works: keys of `WORKS`.
        repetitions: of each measurement with fewer than 100,000 points; larger ones run once.
        progress: called with each row as it is ready.

    Raises:
        RuntimeError: where the process of a measurement fails.
    """
    count = 10_000
    if quick:
        points, widths, dimensions, count, repetitions = (200, 400), (8, 16), (2, 3), 200, 1
    rows = []
    for grows, sizes in _series(points, widths, dimensions, count).items():
        for work in works:
            made = [size for size in sizes if work != "gram" or _parameters(*size[1:]) <= _MOST]
            for row in _measured(grows, work, made, repetitions) if made else ():
                rows.append(row)
                progress(row)
    return rows


def _series(
    points: Sequence[int], widths: Sequence[int], dimensions: Sequence[int], count: int
) -> dict[str, list[Size]]:
    width, dimension = widths[0], dimensions[0]
    return {
        "points": [(n, width, dimension) for n in sorted(points)],
        "width": [(count, own, dimension) for own in sorted(widths)],
        "dimension": [(count, width, own) for own in sorted(dimensions)],
    }


def _parameters(width: int, dimension: int) -> int:
    return (dimension + 1) * width + (_DEPTH - 1) * (width + 1) * width + width + 1


def _measured(grows: str, work: str, sizes: Sequence[Size], repetitions: int) -> Iterator[Row]:
    """Rows of a series, from one process, in ascending order, since the peak of a process never falls."""
    command = [sys.executable, "-m", "pinnkit.measure.bench.scaling", work, str(repetitions), json.dumps(sizes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for size, line in zip(sizes, process.stdout, strict=False):
            seconds, memory = json.loads(line)
            yield Row(grows, work, *size, _parameters(*size[1:]), seconds, memory)
    if process.returncode:
        raise RuntimeError(f"bench scaling: '{work}' ended with exit code {process.returncode}")


def order(rows: Sequence[Row], grows: str, work: str) -> float | None:
    """Exponent p of seconds ~ size^p between the last two rows of a series, dimensionless; None with fewer rows."""
    series = [row for row in rows if (row.grows, row.work) == (grows, work)]
    if len(series) < 2:
        return None
    last = torch.tensor([[getattr(row, grows), row.seconds] for row in series[-2:]], dtype=torch.float64).log()
    rise, power = (last[1] - last[0]).flip(0).tolist()
    return float(rise / power)


def table(rows: Sequence[Row]) -> Table:
    """Table of the rows, a section for each series."""
    result = Table(title="A training step and a Gram matrix against points, width and dimension")
    for heading in ("grows", "work"):
        result.add_column(heading)
    for heading in ("points", "width", "dimension", "parameters", "seconds", "a point", "memory", "order"):
        result.add_column(heading, justify="right")
    for grows in dict.fromkeys(row.grows for row in rows):
        for work in dict.fromkeys(row.work for row in rows):
            series = [row for row in rows if (row.grows, row.work) == (grows, work)]
            power = order(rows, grows, work)
            for row in series:
                result.add_row(
                    grows,
                    work,
                    f"{row.points:,}",
                    f"{row.width}",
                    f"{row.dimension}",
                    f"{row.parameters:,}",
                    f"{row.seconds:.3g} s",
                    f"{1e6 * row.seconds / row.points:.3g} us",
                    f"{row.memory / 2**20:.0f} MiB",
                    f"{power:.2f}" if row is series[-1] and power is not None else "",
                )
            result.add_section()
    result.caption = (
        f"Poisson, tanh of {_DEPTH} layers, float64, a process for each series, chunks of {CHUNK:,} points. step: loss "
        f"and gradient; gram: J'J and J'r, up to {_MOST:,} parameters. memory: increase of the peak. order: exponent p "
        f"of seconds ~ size^p at the end of the series."
    )
    return result


def as_json(rows: Sequence[Row]) -> str:
    """JSON of the rows."""
    return json.dumps([asdict(row) for row in rows], indent=2)


# work in the measured process -------------------------------------------------------------------------------------
def _collocation(points: int, width: int, dimension: int) -> ResidualLoss:
    cube = Box(x=Cube(0, 1, dim=dimension))
    problem = Problem("cube", cube, "u", [Equation(lambda u: -u.laplacian - 1.0, name="equation")])
    device = torch.device("cpu")
    module = MLP(width=width, depth=_DEPTH).build(
        cube.axes, 1, generator=generator_of(0), dtype=torch.float64, device=device
    )
    parameters = Parameters(problem, [module], device=device, dtype=torch.float64)
    return ResidualLoss(
        FieldSet(problem, {("u",): module}), parameters, CollocationPoints(problem, {"equation": points}, 0)
    )


def _step(target: ResidualLoss) -> None:
    target.evaluate(target.parameters.get())


def _gram(target: ResidualLoss) -> None:
    target.gram(target.parameters.get())


WORKS: dict[str, Callable[[ResidualLoss], None]] = {"step": _step, "gram": _gram}


def _main() -> None:
    work, repetitions, sizes = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    WORKS[work](_collocation(8, 4, sizes[0][2]))  # imports of the first call count as "before"
    before = peak()
    for size in sizes:
        target = _collocation(*size)
        for _ in target.collocation.chunks(
            target.problem.terms[0]
        ):  # draws the points, and keeps them in memory unless they are many
            pass
        seconds = []
        for _ in range(repetitions if size[0] < _MANY else 1):
            began = time.perf_counter()
            WORKS[work](target)
            seconds.append(time.perf_counter() - began)
        sys.stdout.write(json.dumps([min(seconds), peak() - before]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
