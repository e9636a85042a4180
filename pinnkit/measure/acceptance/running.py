"""Runs of rows, one file each, and the table of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from pinnkit.problem_file import load_problem
from pinnkit.report import finite, number
from pinnkit.storage import replacing

from .row import Result, Row

__all__ = ["run", "table"]


def run(
    rows: Sequence[Row], *, seeds: int, problems: Path, out: Path, say: Callable[[str], object] = lambda _: None
) -> list[Result]:
    """Run every row with seeds 0, 1, ..., one file a run; runs whose file is there are read and not run again.

    A run that raises is recorded as failed with its message, and the others go on.
    """
    results = []
    for row in rows:
        runs = []
        for seed in range(seeds if row.seeded else 1):
            target = out / row.file(seed)
            found = _read(target)
            if found is None:
                found = _once(row, seed, problems)
                with replacing(target) as temporary:
                    temporary.write_text(json.dumps(finite(found), indent=2) + "\n", encoding="utf-8")
                said = found["failed"] or f"{number(found['value'])} in {number(found['seconds'])} s"
                say(f"{row.problem}, {row.what}, seed {seed}: {said}")
            runs.append(found)
        results.append(Result(row, tuple(runs)))
    return results


def table(results: Sequence[Result]) -> Table:
    """Every row with its target and verdict."""
    shown = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("problem", "how", "what", "target", "median", "worst", "seconds (worst)", "seeds", "verdict"):
        shown.add_column(column)
    for r in results:
        limit = "" if r.row.limit is None else f" of {r.row.limit:g}"
        verdict = _verdict(r.met)
        if r.figures:
            _lines(shown, r)
            continue
        values = number(r.row.target), number(r.median), number(r.worst), f"{number(r.seconds[1])}{limit}"
        shown.add_row(r.row.problem, r.row.what, r.row.unit, *values, str(len(r.runs)), verdict)
    return shown


def _lines(shown: Table, result: Result) -> None:
    """A row with several figures has a line for each."""
    limit = "" if result.row.limit is None else f" of {result.row.limit:g}"
    late = result.row.limit is not None and result.seconds[1] > result.row.limit
    for i, (name, figures) in enumerate(result.figures.items()):
        worst = max(figures, key=lambda f: f.share) if figures[0].target is not None else figures[0]
        median = sorted(figures, key=lambda f: f.value)[len(figures) // 2]
        first = (result.row.problem, result.row.what) if i == 0 else ("", "")
        target = "" if worst.target is None else f"{'>= ' if worst.at_least else ''}{number(worst.target)}"
        met = worst.share <= 1 and not (late and i == 0)
        verdict = Text("") if worst.target is None else _verdict(met)
        seconds = f"{number(result.seconds[1])}{limit}" if i == 0 else ""
        count = str(len(result.runs)) if i == 0 else ""
        shown.add_row(*first, name, target, number(median.value), number(worst.value), seconds, count, verdict)


def _verdict(met: bool) -> Text:
    return Text("met", style="green") if met else Text("MISSED", style="red")


def _once(row: Row, seed: int, problems: Path) -> dict[str, Any]:
    start = time.perf_counter()
    value, seconds, detail, failed = float("inf"), 0.0, {}, ""
    figures: dict[str, Any] = {}
    try:
        problem = load_problem(problems / f"{row.problem}.py") if row.file_needed else None
        measured = row.measure(row, problem, seed)
        value, seconds, detail = measured.value, measured.seconds, dict(measured.detail)
        figures = {name: asdict(figure) for name, figure in measured.figures.items()}
    except Exception as error:  # one row that fails must not take the others with it
        failed = f"{type(error).__name__}: {error}"
    return {
        "issue": row.issue, "table": row.table, "problem": row.problem, "what": row.what, "unit": row.unit,
        "target": row.target, "limit": row.limit, "seed": seed, "value": value, "seconds": seconds,
        "wall_seconds": time.perf_counter() - start, "cores": os.cpu_count(), "failed": failed, "detail": detail,
        "figures": figures,
    }  # fmt: skip


def _read(path: Path) -> dict[str, Any] | None:
    """A run that was finished; one that failed is run again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    done: dict[str, Any] | None = found if isinstance(found, dict) and not found.get("failed", True) else None
    return done
