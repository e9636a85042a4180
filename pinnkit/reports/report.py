"""The report: what was measured of a solution, as a record, as text, and as summary.json."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinnkit.solutions.history import History
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.storage import replacing, save
from pinnkit.verification import Verdict
from pinnkit.verification.measures import EXACT, Comparison, TermCheck, number

if TYPE_CHECKING:
    from rich.console import Group

    from pinnkit.references import Reference

__all__ = ["SUMMARY_NAME", "Comparison", "Report", "TermCheck", "finite", "number", "summary_table", "write_summary"]

SUMMARY_NAME = "summary.json"
_BY_METRICS = "nothing found wrong; how good it is, the metrics say"


@dataclass(frozen=True, repr=False)
class Report:
    """What `validate` returns.

    Args:
        solution: what was examined.
        exact: against the closed form on a fixed test set, one for each unknown that has one.
        discretised: against the reference on its grid, one for each unknown that it gives.
        reference_error: the reference against the closed form: its true error, beside the bar that it claims.
        terms: how well each term vanishes on fresh points.
        reference: values on a grid by finite differences, if there is one.
        no_reference: why there is none.
        verdict: what is wrong or suspicious; empty for a good solution.
        metrics: the problem's own scores.
        seconds: that validation took, without the reference.
    """

    solution: Solution
    exact: tuple[Comparison, ...]
    discretised: tuple[Comparison, ...]
    reference_error: tuple[Comparison, ...]
    terms: tuple[TermCheck, ...]
    reference: Reference | None
    no_reference: str
    verdict: Verdict
    metrics: Mapping[str, float]
    seconds: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong or suspicious, in plain words."""
        return tuple(f.sentence for f in self.verdict.findings)

    @property
    def good(self) -> bool:
        """Whether the solve ended well and nothing suspicious was found."""
        return self.solution.status.good and self.verdict.ok

    @property
    def headline(self) -> Comparison | None:
        """The comparison that counts: the worst unknown against the closed form, else against the reference."""
        return max(self.exact or self.discretised, key=lambda c: c.rel_l2, default=None)

    @property
    def residual_rms(self) -> float:
        """Root mean square over the terms' residuals on fresh points, every term counting alike."""
        return math.sqrt(sum(t.rms**2 for t in self.terms) / len(self.terms)) if self.terms else math.nan

    def summary(self) -> dict[str, Any]:
        """The content of summary.json: plain values only."""
        s, head, reference = self.solution, self.headline, self.reference
        worst = max(self.discretised, key=lambda c: c.l2_bar, default=None)
        return {
            "problem": s.problem.name,
            "field": s.field_text,
            "solver": ", ".join(s.solvers),
            "choice": s.choice,
            "seed": s.seed,
            "device": s.device,
            "dtype": str(s.dtype).removeprefix("torch."),
            "parameters": s.parameters,
            "status": s.status.name,
            "status_text": s.status.value,
            "good": self.good,
            "warnings": list(self.warnings),
            "verdict": {
                "ok": self.verdict.ok,
                "findings": [f.plain() for f in self.verdict.findings],
                "fresh_residual": self.verdict.fresh_residual,
                "worst_condition_error": self.verdict.worst_condition_error,
                "estimated_error": self.verdict.estimated_error,
            },
            "rel_l2": None if head is None else head.rel_l2,
            "rel_l2_is_bound": None if head is None else head.is_bound,
            "max_error": None if head is None else head.max_error,
            "measured_against": None if head is None else head.against,
            "residual_rms": self.residual_rms,
            "reference": None
            if reference is None
            else {
                "kind": reference.kind,
                "order": reference.order,
                "rel_l2_error_bar": None if worst is None else worst.l2_bar,
                "rel_l2_true_error": max((c.rel_l2 for c in self.reference_error), default=None),
                "seconds": reference.seconds,
            },
            "no_reference": self.no_reference or None,
            "metrics": dict(self.metrics),
            "facts": dict(s.problem.facts),
            "coefficients": dict(s.coefficients),
            "unknowns": {
                "exact": {c.unknown: _plain(c) for c in self.exact},
                "reference": {c.unknown: _plain(c) for c in self.discretised},
            },
            "terms": {t.name: {"residual_rms": t.rms, "relative": t.relative} for t in self.terms},
            "seconds": s.seconds,
            "validation_seconds": self.seconds,
            "steps": s.steps,
            "versions": dict(s.versions),
        }

    def save(self, folder: str | Path, *, figures: bool = True, problem_file: str | Path | None = None) -> list[Path]:
        """Write summary.json, history.csv, solution.h5 and the figures into `folder`, each whole or not at all.

        Args:
            folder: made where it is not there yet.
            figures: whether to draw them.
            problem_file: kept in solution.h5 as text.

        Returns:
            The files written.

        Raises:
            ValueError: for a field that cannot be stored; the summary and the figures are written nevertheless.
        """
        folder = Path(folder)
        written = [write_summary(self.summary(), folder), _write_history(self.solution.history, folder)]
        if figures:
            from . import figures as drawing

            written += drawing.save(self.solution, folder, reference=self.reference)
        return [*written, save(self.solution, folder / "solution.h5", problem_file=problem_file)]

    def __rich__(self) -> Group:
        """How rich shows it."""
        return summary_table(self.summary())

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(file=io.StringIO(), width=110, color_system=None)
        console.print(self)
        return console.file.getvalue().rstrip()  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        head = self.headline
        error = "no error measured" if head is None else f"relative L2 {head.rel_l2_text}"
        return f"<Report on '{self.solution.problem.name}': {error}, {'good' if self.good else 'not good'}>"


def write_summary(summary: Mapping[str, Any], folder: Path) -> Path:
    """Write summary.json into `folder`; numbers that are not finite become null, as JSON has no word for them."""
    target = folder / SUMMARY_NAME
    with replacing(target) as temporary:
        temporary.write_text(json.dumps(finite(summary), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def finite(value: Any) -> Any:
    """Plain values with null for every number that is not finite, as JSON has no word for those."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def summary_table(summary: Mapping[str, Any]) -> Group:
    """A summary as rich tables, whether just measured or read from a file."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    for label, value in _facts(summary):
        facts.add_row(Text(label, style="dim"), Text(value))
    errors = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("unknown", "measured against", "relative L2", "max error", "its bar (L2)"):
        errors.add_column(column)
    for comparisons in summary.get("unknowns", {}).values():
        for name, c in comparisons.items():
            shown = c["rel_l2_text"], c["max_text"], number(c["l2_bar"])
            errors.add_row(name, Text(c["against"]), *(Text(s) for s in shown))
    terms = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("term", "residual rms", "relative"):
        terms.add_column(column)
    for name, t in summary.get("terms", {}).items():
        terms.add_row(Text(name), number(t["residual_rms"]), number(t["relative"]) if _is_known(t["relative"]) else "")
    parts: list[Any] = [Text(f"{summary['problem']}: {_verdict(summary)}", style="bold"), facts]
    parts += [table for table in (errors, terms) if table.row_count]
    parts += [Text(f"Warning: {line}", style="yellow") for line in summary.get("warnings", ())]
    return Group(*parts)


def _write_history(history: History, folder: Path) -> Path:
    target = folder / "history.csv"
    with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["step", "seconds", "solver", "loss", *history.terms, *history.measures])
        columns = (history.step, history.seconds, history.solver, history.loss)
        columns += (*history.terms.values(), *history.measures.values())  # type: ignore[assignment]
        writer.writerows(zip(*columns, strict=True))
    return target


def _verdict(summary: Mapping[str, Any]) -> str:
    error = summary.get("rel_l2")
    said = "no closed form and no reference to measure against"
    if error is not None:
        against, bound = summary.get("measured_against"), summary.get("rel_l2_is_bound")
        said = f"relative L2 error {'<= ' if bound else ''}{number(error)} against the {against}"
        if bound and against != EXACT:  # what is left may be the reference's and not the solution's
            said += ", within the reference's own error"
    elif summary.get("metrics"):
        said = ", ".join(f"{name} {number(value)}" for name, value in summary["metrics"].items())
    return said if summary.get("good") else f"{said} - NOT GOOD, see the warnings"


def _facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    reference = summary.get("reference")
    rows = [
        ("field", f"{summary['field']}, {summary['parameters']} parameters"),
        ("solver", f"{summary['solver'] or 'none'}, {summary['steps']} steps, {number(summary['seconds'])} s"),
        ("status", summary.get("status_text", summary["status"])),
        ("run", f"seed {summary['seed']}, {summary['dtype']} on {summary['device']}"),
    ]
    found = summary.get("verdict")
    if found:
        told = (("residual", "fresh_residual"), ("conditions", "worst_condition_error"), ("error", "estimated_error"))
        known = [f"{word} {number(found[key])}" for word, key in told if _is_known(found[key])]
        word = "not good" if not found["ok"] else "good" if known or not summary.get("metrics") else _BY_METRICS
        rows.append(("verdict", word + "".join(f", {part}" for part in known)))
    if summary.get("choice"):
        rows.insert(0, ("choice", summary["choice"]))
    if reference:
        true = reference.get("rel_l2_true_error")
        rows.append(
            (
                "reference",
                f"{reference['kind']}, order {reference['order']}, error bar {number(reference['rel_l2_error_bar'])}"
                + ("" if true is None else f" (true error {number(true)})")
                + f", {number(reference['seconds'])} s",
            )
        )
    elif summary.get("no_reference"):
        rows.append(("reference", f"none: {summary['no_reference']}"))
    rows += [(name, number(value)) for name, value in (summary.get("metrics") or {}).items()]
    rows += [(name, f"{value:.6g}") for name, value in (summary.get("coefficients") or {}).items()]
    return rows


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _plain(c: Comparison) -> dict[str, Any]:
    return {
        "against": c.against,
        "rel_l2": c.rel_l2,
        "max_error": c.max_error,
        "rel_l2_text": c.rel_l2_text,
        "max_text": c.max_text,
        "is_bound": c.is_bound,
        "l2_bar": c.l2_bar,
        "max_bar": c.max_bar,
        "points": c.points,
    }
