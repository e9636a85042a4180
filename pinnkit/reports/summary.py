"""The summary of a report: plain values in summary.json, printed as tables; needs no PyTorch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinnkit.files.content import read_json
from pinnkit.files.printable import printable
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.solutions.files import replacing
from pinnkit.verification.measures import EXACT, number

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["SUMMARY_NAME", "finite", "order_text", "plain_order", "read_summary", "summary_table", "write_summary"]

SUMMARY_NAME = "summary.json"
_REQUIRED = {"problem", "field", "parameters", "solver", "steps", "seconds", "status", "seed", "dtype", "device"}
_GIVEN = "GIVEN"  # the status of values that were not solved for
_BY_METRICS = "no fault found; the metrics below measure the quality"


def write_summary(summary: Mapping[str, Any], folder: Path) -> Path:
    """Write summary.json into `folder`, with null for numbers that are not finite, which JSON cannot represent."""
    target = folder / SUMMARY_NAME
    with replacing(target) as temporary:
        temporary.write_text(json.dumps(finite(summary), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def read_summary(path: Path) -> dict[str, Any]:
    """Read summary.json.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: where it does not hold a summary, all of which can be shown.
    """
    try:
        summary = read_json(path, reader="show")
        if isinstance(summary, dict) and not _REQUIRED - set(summary):
            _parts(summary)  # every entry that is shown is there, and of its type
            return summary
    except FileNotFoundError:
        raise
    except Exception:  # entries of other types fail in ways that nobody lists
        pass
    raise UnreadableFile(path, "is damaged, or no summary that pinnkit wrote", "show")


def finite(value: Any) -> Any:
    """A copy of JSON values in which null replaces every number that is not finite."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plain_order(order: float) -> float:
    """An order of convergence as a plain number: 2 for 2.0, so that files and the console write it alike."""
    return int(order) if math.isfinite(order) and order == int(order) else order


def order_text(order: float, observed: float | None) -> str:
    """The stated order of convergence and the observed one: "order 2, observed 1.98".

    Args:
        order: as stated.
        observed: on the last grids; None or NaN where it was not observed.
    """
    return f"order {order:g}, " + (f"observed {observed:.3g}" if _is_finite(observed) else "not observed")


def summary_table(summary: Mapping[str, Any]) -> Group:
    """A summary as rich tables."""
    from rich.console import Group

    return Group(*_parts(summary))


def _parts(summary: Mapping[str, Any]) -> list[Any]:
    """Title, tables and warnings, without the control characters that a summary may hold."""
    from rich.table import Table
    from rich.text import Text

    def safe(text: str, style: str = "") -> Text:
        return Text(printable(text), style=style)

    facts = Table.grid(padding=(0, 2))
    for label, value in _facts(summary):
        facts.add_row(safe(label, style="dim"), safe(value))
    errors = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("unknown", "measured against", "relative L2", "max error", "its bar (L2)"):
        errors.add_column(column)
    for comparisons in summary.get("unknowns", {}).values():
        for name, c in comparisons.items():
            shown = c["rel_l2_text"], c["max_text"], number(c["l2_bar"])
            errors.add_row(safe(name), safe(c["against"]), *(safe(s) for s in shown))
    terms = Table(box=None, padding=(0, 2), header_style="dim")
    own = any(t.get("own_error") for t in summary.get("terms", {}).values())  # of the derivatives of a table
    for column in ("term", "residual rms", "relative", *(["its own error (rms)"] if own else [])):
        terms.add_column(column)
    for name, t in summary.get("terms", {}).items():
        figures = [number(t["residual_rms"]), number(t["relative"]) if _is_finite(t["relative"]) else ""]
        terms.add_row(safe(name), *figures, *([number(t["own_error"] or 0.0)] if own else []))
    parts: list[Any] = [safe(f"{summary['problem']}: {_headline(summary)}", style="bold"), facts]
    parts += [table for table in (errors, terms) if table.row_count]
    verdict = summary.get("verdict") or {}
    parts += [safe(f"Confirmed: {line}", style="dim") for line in verdict.get("confirmed_by", ())]
    parts += [safe(f"Not checked: {line}", style="dim") for line in verdict.get("unchecked", ())]
    parts += [safe(f"Note: {line}", style="dim") for line in verdict.get("notes", ())]
    parts += [safe(f"Warning: {line}", style="yellow") for line in summary.get("warnings", ())]
    parts += [safe(f"Failed: {line}", style="red") for line in summary.get("failures", ())]
    return parts


def _headline(summary: Mapping[str, Any]) -> str:
    """The first line of a report: the error, or the metrics, and a remark where the solution is not good."""
    error = summary.get("rel_l2")
    text = "no closed form and no reference to measure against"
    if error is not None:
        against, bound = summary.get("measured_against"), summary.get("rel_l2_is_bound")
        text = f"relative L2 error {'<= ' if bound else ''}{number(error)} against the {against}"
        if bound and against != EXACT:  # the difference may be an error of the reference
            text += ", within the reference's own error"
    elif summary.get("metrics"):
        text = ", ".join(f"{name} {number(value)}" for name, value in summary["metrics"].items())
    if summary.get("best") == "reference":
        text = f"the reference is nearer than this solution, take `report.best`; {text}"
    return text if summary.get("good") else f"{text} - NOT GOOD, see the warnings"


def _facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Labels and texts of the first table: choice, field, solver, status, run, verdict, reference, metrics."""
    rows = [
        ("field", f"{summary['field']}, {summary['parameters']} parameters"),
        ("solver", f"{summary['solver'] or 'none'}, {summary['steps']} steps, {number(summary['seconds'])} s"),
        ("status", summary.get("status_text", summary["status"])),
        ("run", f"seed {summary['seed']}, {summary['dtype']} on {summary['device']}"),
    ]
    if summary["status"] == _GIVEN:
        rows = [row for row in rows if row[0] in ("field", "status")]
    if summary.get("verdict"):
        rows.append(("verdict", _verdict(summary["verdict"], has_metrics=bool(summary.get("metrics")))))
    if summary.get("choice"):
        rows.insert(0, ("choice", summary["choice"]))
    if summary.get("reference"):
        rows.append(("reference", _reference(summary["reference"])))
    elif summary.get("no_reference"):
        rows.append(("reference", f"none: {summary['no_reference']}"))
    rows += [(name, number(value)) for name, value in (summary.get("metrics") or {}).items()]
    deviations = (summary.get("verdict") or {}).get("coefficient_deviations", {})
    for name, value in (summary.get("coefficients") or {}).items():
        deviation = deviations.get(name)
        rows.append((name, f"{value:.6g}" + (f" +- {abs(value) * deviation:.2g}" if _is_finite(deviation) else "")))
    return rows


def _verdict(verdict: Mapping[str, Any], *, has_metrics: bool) -> str:
    labels = {"residual": "fresh_residual", "conditions": "worst_condition_error", "error": "estimated_error"}
    known = [f"{label} {number(verdict[key])}" for label, key in labels.items() if _is_finite(verdict[key])]
    word = verdict.get("level") or ("not good" if not verdict["ok"] else "good")  # files of earlier versions: no level
    if verdict["ok"] and not known and has_metrics:
        word = _BY_METRICS
    return word + "".join(f", {part}" for part in known)


def _reference(reference: Mapping[str, Any]) -> str:
    true = reference.get("rel_l2_true_error")
    order = f"order {reference['order']:g}"
    if "observed_order" in reference:  # not in files of earlier versions
        order = order_text(reference["order"], reference["observed_order"])
    return (
        f"{reference['kind']}, {order}, error bar {number(reference['rel_l2_error_bar'])}"
        + ("" if true is None else f" (true error {number(true)})")
        + f", {number(reference['seconds'])} s"
    )


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
