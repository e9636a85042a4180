"""Acceptance targets: rows of (problem, method, target), each measured with several seeds.

| module | content |
|---|---|
| `row` | `Row`, one line of the table; `Metric` and `Measurement`, values of one run; `Result`, all runs of a row |
| `running` | `run`, which measures rows and stores one file a run; `table`, which prints them |
| `equations` | rows on equations: errors of solves, error bars of references, speed |
| `fits` | rows on images, surfaces and radiance fields |
| `shapes` | rows on shapes with proved error bounds; `random_polygons`, the problems of some of them |

A stored run is not repeated, so a stopped `pinnkit accept` continues.  A new row goes into `equations`, `fits` or
`shapes`; its table needs a topic in `pinnkit.measure.published`.
"""

from __future__ import annotations

from . import equations, fits, materials, shapes
from .equations import solve_error as solve_error
from .row import Measurement as Measurement
from .row import Metric as Metric
from .row import Result as Result
from .row import Row as Row
from .running import run as run
from .running import table as table

__all__ = ["ROWS", "Measurement", "Metric", "Result", "Row", "run", "select", "solve_error", "table"]

ROWS: tuple[Row, ...] = (*equations.rows(), *fits.rows(), *shapes.rows(), *materials.rows())


def select(issue: str | None, part: str | None) -> list[Row]:
    """Rows of an issue and of one of its tables; None selects all.

    Raises:
        ValueError: for an unknown issue or table.
    """
    issues = sorted({r.issue for r in ROWS})
    tables = sorted({r.table for r in ROWS if issue in (None, r.issue)})
    for given, kind, known in ((issue, "ISSUE", issues), (part, "TABLE", tables)):
        if given is not None and given not in known:
            raise ValueError(f"accept: {kind} must be one of {', '.join(known)}, got '{given}'")
    return [r for r in ROWS if issue in (None, r.issue) and part in (None, r.table)]
