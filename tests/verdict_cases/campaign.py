"""All cases, each in a process of its own with a hard limit of time, and the table of what was said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .case import Case
from .run_case import ROW

__all__ = ["LIMIT", "campaign", "read_rows"]

LIMIT = 300.0
"""Seconds after which a case is killed."""


def campaign(cases: Sequence[Case], out: Path, *, workers: int = 1, limit: float = LIMIT) -> list[dict[str, Any]]:
    """Run cases that the table does not hold yet, and write it after each.

    Args:
        cases: to be run.
        out: table of rows, JSON; rows of other cases stay.
        workers: processes at a time.
        limit: seconds for one case.
    """
    rows = {row["name"]: row for row in read_rows(out)}
    missing = [case for case in cases if case.name not in rows]
    with ThreadPoolExecutor(workers) as pool:
        for number, row in enumerate(pool.map(lambda case: _in_process(case, limit), missing), start=1):
            rows[row["name"]] = row
            _write(rows, out)
            error = "" if row["error"] is None else f", error {row['error']:.2g}"
            print(f"{number}/{len(missing)} {row['name']}: {row['word']}{error} ({row['seconds']:.0f} s)", flush=True)  # noqa: T201
    return list(rows.values())


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a table; none where there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _in_process(case: Case, limit: float) -> dict[str, Any]:
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", "tests.verdict_cases", "--in-this-process", case.name]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, **threads, "PYTHONPATH": str(root)}
    row = {"name": case.name, "kind": case.kind.value, "wrong": case.wrong, "source": case.source, "error": None}
    row |= {"max_error": None, "errors": {}, "findings": []}
    start = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {**row, "word": "killed", "said": f"no end within {limit:g} s", "seconds": limit}
    lines = [line for line in done.stdout.splitlines() if line.startswith(ROW)]
    ended = {**row, "word": "crashed", "said": f"exit code {done.returncode} without a row. {done.stderr[-2000:]}"}
    found = json.loads(lines[-1].removeprefix(ROW)) if lines else ended
    return {**found, "seconds": round(time.monotonic() - start, 1)}


def _write(rows: dict[str, dict[str, Any]], out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([rows[name] for name in sorted(rows)], indent=1, allow_nan=False, ensure_ascii=False)
    temporary = out.with_name(f".{out.name}.part")
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(out)
