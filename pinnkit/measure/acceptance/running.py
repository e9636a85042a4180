"""Runs of acceptance rows, one file each, and the table of their results."""

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

from pinnkit.machine import versions
from pinnkit.problem.script import load_problem
from pinnkit.reports.report import finite, number
from pinnkit.solutions.storage import replacing

from .row import Result, Row

__all__ = ["run", "table"]


def run(
    rows: Sequence[Row], *, seeds: int, problems: Path, out: Path, log: Callable[[str], object] = lambda _: None
) -> list[Result]:
    """Measure rows with seeds 0, 1, ..., one file a run; a stored run is read instead of repeated.

    A run that raises is recorded as failed with its message, and the remaining runs continue.

    Args:
        rows: to be measured.
        seeds: number of runs of each row; rows that do not depend on the seed run once.
        problems: folder of the problem files.
        out: folder of the run files.
        log: called with one line after each run.
    """
    results = []
    for row in rows:
        runs = []
        for seed in range(seeds if row.seeded else 1):
            target = out / row.file(seed)
            found = _read(target)
            if found is None:
                found = _run_once(row, seed, problems)
                with replacing(target) as temporary:
                    temporary.write_text(json.dumps(finite(found), indent=2) + "\n", encoding="utf-8")
                outcome = found["failed"] or f"{number(found['value'])} in {number(found['seconds'])} s"
                log(f"{row.problem}, {row.method}, seed {seed}: {outcome}")
            runs.append(found)
        results.append(Result(row, tuple(runs)))
    return results


def table(results: Sequence[Result]) -> Table:
    """Table of results: a line for each row, or for each metric of a row, with target and verdict."""
    shown = Table(box=None, padding=(0, 2), header_style="dim")
    headings = ("problem", "method", "quantity", "target", "median", "worst", "seconds (worst)", "seeds", "verdict")
    for heading in headings:
        shown.add_column(heading)
    for r in results:
        limit = "" if r.row.limit is None else f" of {r.row.limit:g}"
        verdict = _verdict(r.met)
        if r.metrics:
            _add_metrics(shown, r)
            continue
        values = number(r.row.target), number(r.median), number(r.worst), f"{number(r.seconds[1])}{limit}"
        shown.add_row(r.row.problem, r.row.method, r.row.unit, *values, str(len(r.runs)), verdict)
    return shown


def _add_metrics(shown: Table, result: Result) -> None:
    """Add one line for each metric of a row."""
    limit = "" if result.row.limit is None else f" of {result.row.limit:g}"
    late = result.row.limit is not None and result.seconds[1] > result.row.limit
    for i, (name, metrics) in enumerate(result.metrics.items()):
        worst = max(metrics, key=lambda m: m.ratio) if metrics[0].target is not None else metrics[0]
        median = sorted(metrics, key=lambda m: m.value)[len(metrics) // 2]
        first = (result.row.problem, result.row.method) if i == 0 else ("", "")
        target = "" if worst.target is None else f"{'>= ' if worst.at_least else ''}{number(worst.target)}"
        met = worst.ratio <= 1 and not (late and i == 0)
        verdict = Text("") if worst.target is None else _verdict(met)
        seconds = f"{number(result.seconds[1])}{limit}" if i == 0 else ""
        count = str(len(result.runs)) if i == 0 else ""
        shown.add_row(*first, name, target, number(median.value), number(worst.value), seconds, count, verdict)


def _verdict(met: bool) -> Text:
    return Text("met", style="green") if met else Text("MISSED", style="red")


def _run_once(row: Row, seed: int, problems: Path) -> dict[str, Any]:
    """Record of one run: plain values for its file."""
    start = time.perf_counter()
    value, seconds, detail, failed = float("inf"), 0.0, {}, ""
    metrics: dict[str, Any] = {}
    try:
        problem = load_problem(problems / f"{row.problem}.py") if row.from_file else None
        measured = row.measure(row, problem, seed)
        value, seconds, detail = measured.value, measured.seconds, dict(measured.detail)
        metrics = {name: asdict(metric) for name, metric in measured.metrics.items()}
    except Exception as error:  # one failed run must not stop the remaining ones
        failed = f"{type(error).__name__}: {error}"
    return {
        "issue": row.issue, "table": row.table, "problem": row.problem, "method": row.method, "unit": row.unit,
        "target": row.target, "limit": row.limit, "seed": seed, "value": value, "seconds": seconds,
        "wall_seconds": time.perf_counter() - start, "cores": os.cpu_count(), "versions": versions(), "failed": failed,
        "detail": detail, "metrics": metrics,
    }  # fmt: skip


def _read(path: Path) -> dict[str, Any] | None:
    """Stored run that did not fail; None where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    done: dict[str, Any] | None = found if isinstance(found, dict) and not found.get("failed", True) else None
    return done
