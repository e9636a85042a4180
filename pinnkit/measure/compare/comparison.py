"""Record of a comparison: the runs of all methods, their medians and worst values, and the reference."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pinnkit.reports.report import number

from .run import Run

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """Runs of several methods on one problem, as `compare` returns them.

    Args:
        problem: its name.
        methods: their names, in the order given.
        runs: every method with every seed.
        reference: facts about the reference solution: kind, seconds, rel_l2_error_bar, rel_l2_true_error (None without
            a closed form); or "refused", the reason why there is none.
    """

    problem: str
    methods: tuple[str, ...]
    runs: tuple[Run, ...]
    reference: Mapping[str, Any]

    def of(self, method: str) -> list[Run]:
        """Runs of one method."""
        return [r for r in self.runs if r.method == method]

    def errors(self, method: str) -> tuple[float, float]:
        """Median and worst final relative L2 error over the seeds; a failed run counts as infinite."""
        found = [r.error for r in self.of(method)]
        return statistics.median_high(found), max(found)

    def seconds(self, method: str) -> tuple[float, float]:
        """Median and longest time of the solve in seconds."""
        found = [r.seconds for r in self.of(method)]
        return statistics.median(found), max(found)

    def summary(self) -> dict[str, Any]:
        """Content of compare.json: plain values only, null for errors that are not finite."""
        rows = []
        for method in self.methods:
            (median, worst), (seconds, longest) = self.errors(method), self.seconds(method)
            rows.append(
                {
                    "method": method,
                    "rel_l2_median": median if math.isfinite(median) else None,
                    "rel_l2_worst": worst if math.isfinite(worst) else None,
                    "seconds_median": seconds,
                    "seconds_worst": longest,
                    "runs": [r.to_dict() for r in self.of(method)],
                }
            )
        facts = {"cores": os.cpu_count(), "threads": torch.get_num_threads()}
        return {"problem": self.problem, "methods": rows, "reference": dict(self.reference), **facts}

    def table(self) -> Group:
        """Table with a row for each method and one for the reference; below it, failures and warnings of validation."""
        shown = Table(box=None, padding=(0, 2), header_style="dim")
        headings = ("method", "relative L2\n(median)", "\n(worst)", "seconds\n(median)", "\n(worst)", "seeds", "ended")
        for heading in headings:
            shown.add_column(heading, no_wrap=heading == "method")
        for method in self.methods:
            runs = sorted(self.of(method), key=lambda r: r.error)
            median = next(r for r in runs if r.error == self.errors(method)[0])
            seconds = (number(s) for s in self.seconds(method))
            shown.add_row(method, median.error_text, runs[-1].error_text, *seconds, str(len(runs)), _ended(runs))
        shown.add_row("reference", *self._reference_row())
        notes = [
            Text(f"{method}: {note}", style=style) for method in self.methods for note, style in _notes(self.of(method))
        ]
        return Group(Text(self.problem, style="bold"), shown, *notes)

    def _reference_row(self) -> tuple[str | Text, ...]:
        refused = self.reference.get("refused")
        if refused:
            return "-", "-", "-", "-", "-", Text(f"none: {refused}", style="dim")
        true, bar = self.reference["rel_l2_true_error"], self.reference["rel_l2_error_bar"]
        error = f"<= {number(bar)}" if true is None else number(true)
        seconds = number(self.reference["seconds"])
        return error, error, seconds, seconds, "-", f"{self.reference['kind']}, bar {number(bar)}"


def _ended(runs: Sequence[Run]) -> Text:
    """Final status of the runs, each with its count."""
    words = ["failed" if r.failed else r.status for r in runs]
    counted = [f"{word} {words.count(word)}" for word in dict.fromkeys(words)]
    return Text(", ".join(counted), style="red" if "failed" in words else "")


def _notes(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """Failures, and the first warning of each run, with the seeds they hold for; (text, style)."""
    found = {
        r.seed: (r.failed, "red") if r.failed else (r.warnings[0], "yellow") for r in runs if r.failed or r.warnings
    }
    for seed, (words, style) in found.items():
        seeds = [s for s, (again, _) in found.items() if again == words]
        if seed == seeds[0]:
            yield f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}: {words}", style
