"""Publication of accepted runs: tables in results/published, and the generated blocks of README and docs."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pinnkit.problem.script import load_problem
from pinnkit.solutions.storage import replacing

from .markdown import headline_table, measured_tables, missed_table
from .published import PublishedRow, merged, read_tables, topic_of, write_tables

__all__ = ["MISSED", "RESULTS", "block", "publish", "with_block"]

RESULTS, MISSED = "results", "missed"
"""Names of the generated blocks, between the lines <!-- NAME:begin --> and <!-- NAME:end -->."""
_PICTURE = "heat"  # problem with the figure at the top of the README
_KEPT = ("field", "solver", "kind", "order", "rel_l2_error_bar", "rel_l2_true_error", "choice", "dtype", "device")
"""Entries of the detail of a run that are published."""


def publish(accepted: Path, out: Path, *, readme: Path, docs: Path, problems: Path) -> list[Path]:
    """Merge accepted runs into the published tables, and write the figure and the generated blocks anew.

    A published row that was not run this time is kept.  README and docs page are made from the published tables alone.

    Args:
        accepted: folder of the runs of `pinnkit accept`.
        out: folder of the published tables.
        readme: file whose block "results" holds the short table.
        docs: file whose block "results" holds all tables, and whose block "missed" holds the missed targets.
        problems: folder of the problem files.

    Returns:
        The files written.

    Raises:
        ValueError: where neither accepted runs nor published tables exist, a run belongs to a table without a topic, or
            README or docs page lack a block; nothing is written then.
    """
    new, old = _collect(accepted), read_tables(out)
    if not new and not old:
        raise ValueError(f"publish: there are no runs in '{accepted}'; run `pinnkit accept` first")
    texts = {path: path.read_text(encoding="utf-8") for path in (readme, docs)}
    for path, name in ((readme, RESULTS), (docs, RESULTS), (docs, MISSED)):
        block(texts[path], name, file=path.name)
    for row in new:
        topic_of(row["table"])
    written = write_tables(merged(old, new), out)
    written += _picture(problems / f"{_PICTURE}.py", out)
    full = with_block(texts[docs], RESULTS, measured_tables(out))
    finished = {
        readme: with_block(texts[readme], RESULTS, headline_table(out)),
        docs: with_block(full, MISSED, missed_table(out)),
    }
    for path, text in finished.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [*written, *finished]


def block(text: str, name: str, *, file: str = "the text") -> str:
    """Content of the generated block `name` of a text.

    Args:
        text: of a Markdown file.
        name: of the block.
        file: name of the file, for the message.

    Raises:
        ValueError: where a marker is missing, or the end comes first.
    """
    begin, end = _markers(name)
    if begin not in text or end not in text or text.index(begin) > text.index(end):
        raise ValueError(f"publish: {file} needs the lines {begin} and {end}, in this order, for its table")
    return text.split(begin)[1].split(end)[0].strip()


def with_block(text: str, name: str, content: str) -> str:
    """Text with the content of the generated block `name` replaced.

    Raises:
        ValueError: where a marker is missing, or the end comes first.
    """
    block(text, name)
    begin, end = _markers(name)
    head, rest = text.split(begin, 1)
    return f"{head}{begin}\n{content}\n{end}{rest.split(end, 1)[1]}"


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def _collect(accepted: Path) -> list[PublishedRow]:
    """Published rows of the accepted runs: the seeds of a row together, with the number of failed runs."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for path in sorted(accepted.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if "method" not in found:
            raise ValueError(f"publish: '{path}' is not a run of this version of `pinnkit accept`; delete it")
        groups.setdefault((found["table"], found["problem"], found["method"]), []).append(found)
    ended = [([r for r in runs if not r.get("failed")], len(runs)) for runs in groups.values()]
    return [{**_record(runs), "failed": count - len(runs)} for runs, count in ended if runs]


def _record(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [math.inf if r["value"] is None else r["value"] for r in runs]
    seconds = [r["seconds"] for r in runs]
    detail = runs[0]["detail"]
    return {
        **{key: runs[0][key] for key in ("issue", "table", "problem", "method", "unit", "target", "limit")},
        "value": {"median": statistics.median(values), "worst": max(values)},
        "seconds": {"median": statistics.median(seconds), "worst": max(seconds)},
        **({"metrics": _metrics(runs)} if runs[0].get("metrics") else {}),
        "seeds": sorted(r["seed"] for r in runs),
        **{key: detail[key] for key in _KEPT if key in detail},
        "cores": runs[0]["cores"],
        "versions": runs[0]["versions"],
    }


def _metrics(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Median and worst value of each metric over the seeds; None where it was not finite.

    A target may depend on the seed, such as the PSNR of a baseline: the published one is that of the worst run.
    """
    found = {}
    for name in runs[0]["metrics"]:
        mine = [r["metrics"][name] for r in runs if name in r["metrics"]]
        values = [m["value"] for m in mine]
        known = all(v is not None for v in values)
        worst = max(mine, key=_shortfall) if known else mine[0]
        found[name] = {
            "target": worst["target"],
            "at_least": worst["at_least"],
            "median": statistics.median(values) if known else None,
            "worst": worst["value"] if known else None,
        }
    return found


def _shortfall(metric: Mapping[str, Any]) -> float:
    """Distance of a value from its target, positive where it is missed; without a target, the value itself."""
    sign, target = -1.0 if metric["at_least"] else 1.0, metric["target"] or 0.0
    return sign * (float(metric["value"]) - target)


def _picture(file: Path, out: Path) -> list[Path]:
    """Solve a problem and write its figure as PNG."""
    from pinnkit.references import reference
    from pinnkit.reports import figures
    from pinnkit.solvers import solve

    problem = load_problem(file)
    drawn = figures.save(solve(problem), out, reference=reference(problem))
    renamed = []
    for path in drawn:
        if path.name == "solution.png":
            renamed.append(path.replace(out / f"{problem.name}.png"))
        else:
            path.unlink()
    return renamed
