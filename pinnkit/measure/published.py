"""Published tables: one JSON file a topic in results/published, read, merged and written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pinnkit.reports.report import finite
from pinnkit.solutions.storage import replacing

__all__ = ["TOPICS", "PublishedRow", "merged", "missed", "read_tables", "topic_of", "write_tables"]

PublishedRow = Mapping[str, Any]
"""Plain values of one acceptance row, its seeds together; the columns are described in results/published/README.md."""

TOPICS: dict[str, tuple[str, ...]] = {
    "equations": ("automatic", "shapes", "materials"),
    "trained_networks": ("networks", "trained"),
    "references": ("references", "agreement"),
    "speed": ("steps", "jacobians", "limits"),
    "images": ("images",),
    "surfaces": ("surfaces", "noisy", "igr", "extraction", "inside"),
    "radiance": ("radiance",),
}
"""File name of each topic, without .json, and the acceptance tables that it holds, in order."""


def topic_of(table: str) -> str:
    """Topic that holds an acceptance table.

    Raises:
        ValueError: for a table without a topic.
    """
    found = next((topic for topic, tables in TOPICS.items() if table in tables), None)
    if found is None:
        raise ValueError(f"publish: table '{table}' has no topic; add it to TOPICS in pinnkit/measure/published.py")
    return found


def read_tables(folder: Path) -> list[PublishedRow]:
    """Rows of all topics, in the order of `TOPICS`; topics without a file have no rows.

    Raises:
        ValueError: for a file that is not a JSON array of rows.
    """
    rows: list[PublishedRow] = []
    for topic in TOPICS:
        path = folder / f"{topic}.json"
        if not path.exists():
            continue
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"publish: '{path}' must hold a JSON array of rows: {error}") from None
        if not isinstance(found, list) or not all(isinstance(r, dict) and r.keys() >= _KEY for r in found):
            raise ValueError(f"publish: '{path}' must hold a JSON array of rows with {', '.join(sorted(_KEY))}")
        rows += found
    return rows


def merged(old: Iterable[PublishedRow], new: Iterable[PublishedRow]) -> list[PublishedRow]:
    """Rows of `old` with those of `new` added; a new row replaces an old one of equal table, problem and method.

    The rows are sorted by topic, table, problem and method, so that an unchanged row keeps its place.
    """
    rows = {_identity(r): r for r in old} | {_identity(r): r for r in new}
    return sorted(rows.values(), key=_order)


def write_tables(rows: Sequence[PublishedRow], folder: Path) -> list[Path]:
    """Write one JSON array a topic, each file complete or not at all; return the paths of topics with rows.

    Raises:
        ValueError: for a row of a table without a topic.
    """
    by_topic: dict[str, list[PublishedRow]] = {}
    for row in sorted(rows, key=_order):
        by_topic.setdefault(topic_of(row["table"]), []).append(row)
    written = []
    for topic, mine in by_topic.items():
        target = folder / f"{topic}.json"
        with replacing(target) as temporary:
            temporary.write_text(_text(mine), encoding="utf-8")
        written.append(target)
    return written


def missed(row: PublishedRow) -> bool:
    """True if the worst seed is beyond the target, a run exceeded the time limit, or a run failed."""
    worst, limit = row["value"]["worst"], row["limit"]
    late = limit is not None and row["seconds"]["worst"] > limit
    return worst is None or worst > row["target"] or late or row.get("failed", 0) > 0


_KEY = {"table", "problem", "method"}


def _identity(row: PublishedRow) -> tuple[str, str, str]:
    return row["table"], row["problem"], row["method"]


def _order(row: PublishedRow) -> tuple[int, int, str, str]:
    topic = topic_of(row["table"])
    return list(TOPICS).index(topic), TOPICS[topic].index(row["table"]), row["problem"], row["method"]


def _text(rows: Sequence[PublishedRow]) -> str:
    """JSON array with one line for each value of a row, and one for each of its metrics."""
    return "[\n" + ",\n".join(_row_text(finite(row)) for row in rows) + "\n]\n"


def _row_text(row: PublishedRow) -> str:
    lines = []
    for key, value in row.items():
        text = json.dumps(value, ensure_ascii=False)
        if key == "metrics":
            inner = (f"      {json.dumps(name)}: {json.dumps(metric)}" for name, metric in value.items())
            text = "{\n" + ",\n".join(inner) + "\n    }"
        lines.append(f"    {json.dumps(key)}: {text}")
    return "  {\n" + ",\n".join(lines) + "\n  }"
