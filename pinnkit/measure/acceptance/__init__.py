"""The acceptance figures: rows of (problem, field, solver) with targets, each run with several seeds.

One file a run, so that a stopped run goes on where it was: what has its file is not run again.
"""

from __future__ import annotations

from . import equations, fits
from .equations import solve_error as solve_error
from .row import Figure as Figure
from .row import Measured as Measured
from .row import Result as Result
from .row import Row as Row
from .running import run as run
from .running import table as table

__all__ = ["ROWS", "Figure", "Measured", "Result", "Row", "run", "select", "solve_error", "table"]

ROWS: tuple[Row, ...] = (*equations.rows(), *fits.rows())


def select(issue: str | None, part: str | None) -> list[Row]:
    """The rows of an issue and of a part of its table.

    Raises:
        ValueError: for an issue or a part that is not there.
    """
    for given, kind in ((issue, "issue"), (part, "table")):
        known = sorted({getattr(r, kind) for r in ROWS if kind == "issue" or issue in (None, r.issue)})
        if given is not None and given not in known:
            raise ValueError(f"accept: {kind.upper()} must be one of {', '.join(known)}, got '{given}'")
    return [r for r in ROWS if issue in (None, r.issue) and part in (None, r.table)]
