"""Markdown tables of the published results, for README.md and docs/measured.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pinnkit.reports.report import number

from .published import TOPICS, PublishedRow, missed, read_tables

__all__ = ["HEADLINES", "headline_table", "measured_tables", "missed_table"]

HEADLINES: dict[tuple[str, str, str], tuple[str, str]] = {
    ("automatic", "heat", "automatic"): ("heat in a rod: relative L2 error", ""),
    ("automatic", "burgers", "automatic"): ("Burgers' equation: relative L2 error", ""),
    ("automatic", "poisson_100d", "automatic"): ("Poisson's equation in 100 dimensions: relative L2 error", ""),
    ("images", "astronaut 256 x 256", "fit, default"): ("image of 256 x 256 pixels: PSNR in dB", "PSNR, dB"),
    ("surfaces", "torus", "neural"): (
        "torus from 10,000 points: Chamfer distance in % of the diagonal",
        "Chamfer, % of the diagonal",
    ),
    ("radiance", "generated scene", "planes and lines, 30 s"): (
        "radiance field of 40 views: PSNR of held-out views in dB",
        "PSNR of held-out views, dB",
    ),
}
"""Rows of the short table: (table, problem, method) to (label, metric); an empty metric is the value of the row."""

_HEADINGS = {
    "equations": "Equations, automatic choice of field and solver",
    "trained_networks": "Equations, trained networks",
    "references": "Numerical references",
    "speed": "Speed",
    "images": "Images",
    "surfaces": "Surfaces",
    "radiance": "Radiance fields",
}


def headline_table(published: Path) -> str:
    """Short table for the README: at most six rows, with target and seconds; empty where nothing is published."""
    rows = {(r["table"], r["problem"], r["method"]): r for r in read_tables(published)}
    lines = ["| task | median (worst) | target | seconds |", "|---|---|---|---|"]
    for key, (label, metric) in HEADLINES.items():
        if key not in rows:
            continue
        row = rows[key]
        shown = row["metrics"][metric] if metric else {**row["value"], "target": row["target"], "at_least": False}
        seconds = number(row["seconds"]["median"])
        lines.append(f"| {label} | {_spread(shown)} | {_target(shown)} | {seconds} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def measured_tables(published: Path) -> str:
    """All published tables, under one heading a topic; empty where nothing is published."""
    rows = read_tables(published)
    references = {r["problem"]: r for r in rows if r["table"] == "references"}
    parts: list[str] = []
    for topic, tables in TOPICS.items():
        mine = {table: [r for r in rows if r["table"] == table] for table in tables}
        if any(mine.values()):
            parts += ["", f"## {_HEADINGS[topic]}"]
        for table, found in mine.items():
            if found:
                parts += ["", *_table(table, found, references)]
    if not parts:
        return ""
    return "\n".join([*parts[1:], "", _machine(rows)])


def missed_table(published: Path) -> str:
    """Rows that miss a target: the worst seed is beyond it, a run exceeded its time limit, or a run failed."""
    rows = [r for r in read_tables(published) if missed(r)]
    if not rows:
        return "Every published row meets its target."
    lines = ["| problem | method | quantity | target | worst of the seeds |", "|---|---|---|---|---|"]
    for r in rows:
        for quantity, target, worst in _misses(r):
            lines.append(f"| {r['problem']} | {r['method']} | {quantity} | {target} | {worst} |")
    return "\n".join(lines)


def _misses(row: PublishedRow) -> list[tuple[str, str, str]]:
    """Missed targets of a row: (quantity, target, worst value), with four digits, since some are missed narrowly."""
    found = []
    single = {row["unit"]: {**row["value"], "target": row["target"], "at_least": False}}
    for name, metric in (row.get("metrics") or single).items():
        if _is_missed(metric):
            worst = "not finite" if metric["worst"] is None else f"{metric['worst']:.4g}"
            found.append((name, f"{_bound(metric)} {metric['target']:.4g}", worst))
    if row["limit"] is not None and row["seconds"]["worst"] > row["limit"]:
        found.append(("seconds", f"at most {number(row['limit'])}", number(row["seconds"]["worst"])))
    if row.get("failed", 0):
        found.append(("failed runs", "0", str(row["failed"])))
    return found


def _table(table: str, rows: Sequence[PublishedRow], references: Mapping[str, PublishedRow]) -> list[str]:
    """Lines of one acceptance table, in the layout of its rows."""
    if table == "references":
        return _reference_lines(rows)
    if rows[0].get("metrics"):
        return _metric_lines(table, rows)
    if rows[0]["unit"] == "relative L2":
        return _error_lines(rows, references)
    return _value_lines(rows)


def _error_lines(rows: Sequence[PublishedRow], references: Mapping[str, PublishedRow]) -> list[str]:
    """Relative L2 errors of solves, with the reference of the same problem."""
    lines = [
        "| problem | method | seeds | relative L2 error, median (worst) | seconds "
        "| finite differences: error | seconds | target |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        other = references.get(r["problem"])
        beside = ["", ""] if other is None else [number(other["rel_l2_true_error"]), number(other["seconds"]["median"])]
        error = f"{_number(r['value']['median'])} ({_number(r['value']['worst'])})"
        cells = [r["problem"], r["method"], _seeds(r), error, number(r["seconds"]["median"]), *beside]
        limit = "" if r["limit"] is None else f" in {number(r['limit'])} s"
        target = f"{number(r['target'])}{limit}{'; missed' if missed(r) else ''}"
        lines.append(f"| {' | '.join([*cells, target])} |")
    return lines


def _reference_lines(rows: Sequence[PublishedRow]) -> list[str]:
    """Error bars of references, beside their true errors."""
    lines = [
        "| problem | reference | order | error bar, relative L2 | true error, relative L2 | true error / error bar "
        "| target | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        errors = number(r["rel_l2_error_bar"]), number(r["rel_l2_true_error"]), _number(r["value"]["worst"])
        target = f"at most {number(r['target'])}{'; missed' if missed(r) else ''}"
        cells = [r["problem"], r["kind"], str(r["order"]), *errors, target, number(r["seconds"]["median"])]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _value_lines(rows: Sequence[PublishedRow]) -> list[str]:
    """Rows with one value, such as a ratio of times."""
    lines = ["| problem | method | quantity | seeds | median (worst) | target |", "|---|---|---|---|---|---|"]
    for r in rows:
        value = _spread(r["value"])
        target = f"at most {number(r['target'])}{'; missed' if missed(r) else ''}"
        lines.append(f"| {r['problem']} | {r['method']} | {r['unit']} | {_seeds(r)} | {value} | {target} |")
    return lines


def _metric_lines(table: str, rows: Sequence[PublishedRow]) -> list[str]:
    """Rows with several metrics: one column a metric, with a target that is common to all rows in its heading."""
    names = list(dict.fromkeys(name for r in rows for name in r["metrics"]))
    targets = {name: {_target(r["metrics"][name]) for r in rows if name in r["metrics"]} for name in names}
    common = {name: next(iter(found)) if len(found) == 1 else "" for name, found in targets.items()}
    heads = [f"{name} ({common[name]})" if common[name] else name for name in names]
    lines = [f"| {' | '.join((table, 'method', 'seeds', *heads, 'seconds'))} |", "|---" * (len(names) + 4) + "|"]
    for r in rows:
        cells = [_cell(r["metrics"].get(name), with_target=not common[name]) for name in names]
        seconds = number(r["seconds"]["median"])
        lines.append(f"| {' | '.join((r['problem'], r['method'], _seeds(r), *cells, seconds))} |")
    return lines


def _cell(metric: Mapping[str, Any] | None, *, with_target: bool) -> str:
    """Median (worst) of a metric, its target if asked for, and a note where it is missed."""
    if metric is None:
        return ""
    target = [_target(metric)] if _target(metric) and with_target else []
    return "; ".join([_spread(metric), *target, *(["missed"] if _is_missed(metric) else [])])


def _is_missed(metric: Mapping[str, Any]) -> bool:
    worst, target = metric["worst"], metric["target"]
    if target is None:
        return False
    return worst is None or bool(worst < target if metric["at_least"] else worst > target)


def _target(metric: Mapping[str, Any]) -> str:
    """Target of a metric with its direction; empty where there is none."""
    if metric["target"] is None:
        return ""
    return f"{_bound(metric)} {number(metric['target'])}"


def _bound(metric: Mapping[str, Any]) -> str:
    return "at least" if metric["at_least"] else "at most"


def _spread(values: Mapping[str, Any]) -> str:
    """Median, with the worst value where it differs."""
    median, worst = values["median"], values["worst"]
    return _number(median) if median == worst else f"{_number(median)} ({_number(worst)})"


def _seeds(row: PublishedRow) -> str:
    failed = row.get("failed", 0)
    return f"{len(row['seeds'])} ({failed} failed)" if failed else f"{len(row['seeds'])}"


def _number(value: float | None) -> str:
    return "not finite" if value is None else number(value)


def _machine(rows: Sequence[PublishedRow]) -> str:
    """Sentence about the machines and versions of the rows."""
    cores = sorted({r["cores"] for r in rows})
    devices = sorted({r["device"] for r in rows if "device" in r}) or ["cpu"]
    torch = sorted({r["versions"]["torch"] for r in rows if "torch" in r["versions"]})
    parts = [f"{' or '.join(map(str, cores))} cores", f"device {' or '.join(devices)}"]
    parts += [f"torch {' or '.join(torch)}"] if torch else []
    return f"Measured with {', '.join(parts)}; written by `pinnkit publish`."
