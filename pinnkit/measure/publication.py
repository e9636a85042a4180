"""What the README shows: accepted runs turned into results/published, and its table made from there."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pinnkit.problem_file import load_problem
from pinnkit.report import number
from pinnkit.storage import replacing

__all__ = ["BEGIN", "END", "between", "publish", "readme_with", "results_table"]

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
_PICTURE = "heat"  # the problem whose figure opens the README


def publish(accepted: Path, out: Path, *, readme: Path, problems: Path) -> list[Path]:
    """Write one file for each row that was accepted, the heat picture, and the README's table.

    Raises:
        ValueError: where nothing was accepted yet, or the README has no place for the table.
    """
    rows = _collect(accepted)
    if not rows:
        raise ValueError(f"publish: there are no runs in '{accepted}'; run `pinnkit accept` first")
    text = readme.read_text(encoding="utf-8")
    between(text)  # before anything is written
    written = []
    for row in rows:
        words = f"{row['table']}-{row['problem']}-{row['what']}.json"
        target = out / words.replace(" ", "_").replace(",", "+")
        with replacing(target) as temporary:
            temporary.write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")
        written.append(target)
    written += _picture(problems / f"{_PICTURE}.py", out)
    with replacing(readme) as temporary:
        temporary.write_text(readme_with(text, results_table(out)), encoding="utf-8")
    return [*written, readme]


def results_table(published: Path) -> str:
    """The README's table, from results/published alone."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(published.glob("*.json"))]
    solved = [r for r in rows if r["unit"] == "relative L2"]
    references = {r["problem"]: r for r in rows if r["table"] == "references"}
    if not solved:
        return ""
    lines = [
        "| problem | how | seeds | relative L2 error, median (worst) | seconds | finite differences: error | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in sorted(solved, key=lambda r: (r["table"], r["problem"], r["what"])):
        other = references.get(r["problem"])
        judged = ["", ""] if other is None else [number(other["rel_l2_true_error"]), number(other["seconds"]["median"])]
        failed = r.get("failed", 0)
        seeds = f"{len(r['seeds'])} ({failed} failed)" if failed else f"{len(r['seeds'])}"
        error = f"{number(r['value']['median'])} ({number(r['value']['worst'])})"
        lines.append(
            f"| {r['problem']} | {r['what']} | {seeds} | {error} | {number(r['seconds']['median'])} | "
            + " | ".join(judged)
            + " |"
        )
    fits = [r for r in rows if r.get("figures")]
    if fits:
        lines += _fits_tables(fits)
    machine = solved[0]
    lines.append("")
    lines.append(
        f"{machine['cores']} cores, no GPU, torch {machine['versions'].get('torch', '?')}; "
        f"written by `pinnkit publish`."
    )
    return "\n".join(lines)


def between(text: str) -> str:
    """What the README holds between its two marks.

    Raises:
        ValueError: where a mark is missing.
    """
    if BEGIN not in text or END not in text or text.index(BEGIN) > text.index(END):
        raise ValueError(f"publish: the README needs the lines {BEGIN} and {END}, in this order, for its table")
    return text.split(BEGIN)[1].split(END)[0].strip()


def readme_with(text: str, table: str) -> str:
    """The README's text with another table."""
    between(text)
    head, rest = text.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.split(END, 1)[1]}"


def _collect(accepted: Path) -> list[dict[str, Any]]:
    """One record a row: its seeds together, and how many of its runs failed."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for path in sorted(accepted.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        groups.setdefault((found["table"], found["problem"], found["what"]), []).append(found)
    ended = [([r for r in runs if not r.get("failed")], len(runs)) for runs in groups.values()]
    return [{**_record(runs), "failed": count - len(runs)} for runs, count in ended if runs]


def _record(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [math.inf if r["value"] is None else r["value"] for r in runs]
    seconds = [r["seconds"] for r in runs]
    detail = runs[0]["detail"]
    kept = ("field", "solver", "kind", "order", "rel_l2_error_bar", "rel_l2_true_error", "choice", "dtype", "device")
    return {
        **{key: runs[0][key] for key in ("issue", "table", "problem", "what", "unit", "target", "limit", "cores")},
        **{key: detail[key] for key in kept if key in detail},
        "seeds": sorted(r["seed"] for r in runs),
        "value": {"median": statistics.median(values), "worst": max(values)},
        "seconds": {"median": statistics.median(seconds), "worst": max(seconds)},
        "versions": detail.get("versions", {}),
        **({"figures": _figures(runs)} if runs[0].get("figures") else {}),
    }


def _figures(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Median and worst of each figure over the seeds; None where it was not finite."""
    found = {}
    for name, first in runs[0]["figures"].items():
        values = [r["figures"][name]["value"] for r in runs if name in r["figures"]]
        known = all(v is not None for v in values)
        worst = min if first["at_least"] else max
        found[name] = {
            "target": first["target"],
            "at_least": first["at_least"],
            "median": statistics.median(values) if known else None,
            "worst": worst(values) if known else None,
        }
    return found


def _fits_tables(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table for each kind of fit: a line for each row, a column for each of its figures."""
    lines = []
    for kind in sorted({r["table"] for r in rows}):
        mine = sorted((r for r in rows if r["table"] == kind), key=lambda r: (r["problem"], r["what"]))
        names = list(dict.fromkeys(name for r in mine for name in r["figures"]))
        aims = {name: {_aim(r["figures"][name]) for r in mine if name in r["figures"]} for name in names}
        common = {name: next(iter(found)) if len(found) == 1 else "" for name, found in aims.items()}
        heads = [f"{name} ({common[name]})" if common[name] else name for name in names]
        lines += ["", f"| {' | '.join((kind, 'how', 'seeds', *heads, 'seconds'))} |", "|---" * (len(names) + 4) + "|"]
        for r in mine:
            cells = [_cell(r["figures"].get(name), told=bool(common[name])) for name in names]
            seconds = number(r["seconds"]["median"])
            lines.append(f"| {' | '.join((r['problem'], r['what'], str(len(r['seeds'])), *cells, seconds))} |")
    return lines


def _aim(figure: Mapping[str, Any]) -> str:
    """What a figure should be, in words; nothing where it is only shown."""
    if figure["target"] is None:
        return ""
    return f"{'at least' if figure['at_least'] else 'at most'} {number(figure['target'])}"


def _cell(figure: Mapping[str, Any] | None, *, told: bool) -> str:
    """Median (worst), what it should be where the heading does not say so, and whether that was missed."""
    if figure is None:
        return ""
    median, worst, target = figure["median"], figure["worst"], figure["target"]
    said = number(median) if median == worst else f"{number(median)} ({number(worst)})"
    missed = target is not None and (worst is None or (worst < target if figure["at_least"] else worst > target))
    return "; ".join([said, *([_aim(figure)] if _aim(figure) and not told else []), *(["missed"] if missed else [])])


def _picture(file: Path, out: Path) -> list[Path]:
    from pinnkit import figures
    from pinnkit.reference import reference
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
