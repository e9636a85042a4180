"""The report: what was measured of a solution, as a record, as text, and as files."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pinnkit.solutions.files import FILE_NAME
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solutions.storage import save
from pinnkit.verification import Level, Verdict
from pinnkit.verification.measures import Comparison, TermCheck, number

from .history_file import write_history
from .summary import SUMMARY_NAME, finite, plain_order, summary_table, write_summary

if TYPE_CHECKING:
    from rich.console import Group

    from pinnkit.references import Reference

__all__ = ["SUMMARY_NAME", "Comparison", "Report", "TermCheck", "finite", "number", "summary_table", "write_summary"]


@dataclass(frozen=True, repr=False, eq=False)
class Report:
    """Measurements of a solution, returned by `validate`.

    Args:
        solution: the solution measured.
        exact: comparisons with the closed form on a fixed test set, one for each unknown that has one.
        discretised: comparisons with the reference on its grid, one for each unknown that it supplies.
        reference_error: comparisons of the reference with the closed form: its true error, beside its error bar.
        terms: residuals of the terms on fresh points.
        reference: the reference, or None.
        no_reference: the reason why there is none.
        verdict: findings; none for a good solution.
        metrics: the problem's own scores.
        seconds: duration of the validation, without the reference.
        failures: metrics that raised an error, with the error.
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
    failures: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of the verdict's findings."""
        return tuple(f.sentence for f in self.verdict.findings)

    @property
    def good(self) -> bool:
        """True where the solve ended well and the verdict has no findings."""
        return self.solution.status.good and self.verdict.ok

    @property
    def level(self) -> Level:
        """Level of the verdict; NOT_GOOD where the run did not end well."""
        return self.verdict.level if self.solution.status.good else Level.NOT_GOOD

    @property
    def headline(self) -> Comparison | None:
        """The comparison with the largest error: with the closed form if there is one, else with the reference."""
        return max(self.exact or self.discretised, key=lambda c: c.rel_l2, default=None)

    @property
    def reference_is_nearer(self) -> bool:
        """True where the solution is farther from the reference than the reference's own error bar, in any unknown.

        With an exact solution the true errors decide.
        """
        true = {c.unknown: c.measured_l2 for c in self.reference_error}
        own = {c.unknown: c.measured_l2 for c in self.exact}
        if true and set(true) <= set(own):
            return max(own[name] - true[name] for name in true) > 0 and max(own.values()) > max(true.values())
        return any(c.measured_l2 > 2 * c.l2_bar for c in self.discretised)

    @property
    def best(self) -> Solution | Reference:
        """The nearer of the solution and the reference; both are called with coordinates: ``best(x=0.5)["u"]``."""
        return self.reference if self.reference is not None and self.reference_is_nearer else self.solution

    @property
    def residual_rms(self) -> float:
        """Root mean square of the terms' residuals on fresh points, √(mean over terms of rms²); NaN without terms."""
        return math.sqrt(sum(t.rms**2 for t in self.terms) / len(self.terms)) if self.terms else math.nan

    def summary(self) -> dict[str, Any]:
        """The content of summary.json: numbers, texts, lists and dictionaries."""
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
            "failures": list(self.failures),
            "verdict": {
                "ok": self.verdict.ok,
                "level": self.verdict.level.value,
                "confirmed_by": list(self.verdict.confirmed_by),
                "unchecked": list(self.verdict.unchecked),
                "notes": list(self.verdict.notes),
                "coefficient_deviations": dict(self.verdict.coefficient_deviations),
                "findings": [f.plain() for f in self.verdict.findings],
                "fresh_residual": self.verdict.fresh_residual,
                "worst_condition_error": self.verdict.worst_condition_error,
                "estimated_error": self.verdict.estimated_error,
                "proved_error": None if math.isnan(self.verdict.proved_error) else self.verdict.proved_error,
            },
            "best": "solution" if self.best is s else "reference",
            "rel_l2": None if head is None else head.rel_l2,
            "rel_l2_is_bound": None if head is None else head.is_bound,
            "max_error": None if head is None else head.max_error,
            "measured_against": None if head is None else head.against,
            "residual_rms": self.residual_rms,
            "reference": None
            if reference is None
            else {
                "kind": reference.kind,
                "order": plain_order(reference.order),
                "observed_order": plain_order(reference.observed_order),
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
            "terms": {
                t.name: {"residual_rms": t.rms, "relative": t.relative, "own_error": t.own_error or None}
                for t in self.terms
            },
            "seconds": s.seconds,
            "validation_seconds": self.seconds,
            "steps": s.steps,
            "versions": dict(s.versions),
        }

    def save(self, folder: str | Path, *, figures: bool = True, problem_file: str | Path | None = None) -> list[Path]:
        """Write solution.h5, summary.json, history.csv and figures into `folder`, in this order, each file atomically.

        Values that come from elsewhere (`check`) have no history and no solution.h5.

        Args:
            folder: the folder to write; created if it does not exist.
            figures: False to draw none.
            problem_file: a script whose text is kept in solution.h5.

        Returns:
            The files written.

        Raises:
            ValueError: for a field that cannot be stored; the other files have been written by then.
        """
        folder = Path(folder)
        given = self.solution.status is Status.GIVEN
        written: list[Path] = []
        refused = None
        try:
            if not given:
                written.append(save(self.solution, folder / FILE_NAME, problem_file=problem_file))
        except ValueError as error:
            refused = error
        written.append(write_summary(self.summary(), folder))
        if not given:
            written.append(write_history(self.solution.history, folder))
        if figures:
            from . import figures as drawing

            written += drawing.save(self.solution, folder, reference=self.reference)
        if refused is not None:
            raise refused
        return written

    def __rich__(self) -> Group:
        """The tables that rich prints."""
        return summary_table(self.summary())

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(file=io.StringIO(), width=110, color_system=None)
        console.print(self)
        return console.file.getvalue().rstrip()  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        head = self.headline
        error = "no error measured" if head is None else f"relative L2 {head.rel_l2_text}"
        return f"<Report on '{self.solution.problem.name}': {error}, {self.level.value}>"


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
