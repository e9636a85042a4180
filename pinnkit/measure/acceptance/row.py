"""A row of the table, one run of it, and all of its runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Figure", "Measure", "Measured", "Result", "Row"]


@dataclass(frozen=True)
class Figure:
    """One number beside what it should be.

    Args:
        value: measured.
        target: at most, or at least, so much is good; None for a number that is only shown.
        at_least: whether more is better.
    """

    value: float
    target: float | None = None
    at_least: bool = False

    @property
    def share(self) -> float:
        """At most 1 where the target is met, the greater the worse."""
        if self.target is None:
            return 0.0
        if not math.isfinite(self.value):
            return math.inf
        if self.at_least:
            return self.target / self.value if self.value > 0 else math.inf
        return self.value / self.target if self.target > 0 else (0.0 if self.value <= 0 else math.inf)


@dataclass(frozen=True)
class Measured:
    """One run of one row.

    Args:
        value: what the row is about, to be at most its target.
        seconds: that the work took.
        detail: what else is worth keeping, plain values.
        figures: all that was measured, where that is more than one number.
    """

    value: float
    seconds: float
    detail: Mapping[str, Any]
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @classmethod
    def of(cls, figures: Mapping[str, Figure], seconds: float, detail: Mapping[str, Any] | None = None) -> Measured:
        """A run that is judged by several figures: its value is the worst share of a target."""
        return cls(max(f.share for f in figures.values()), seconds, detail or {}, figures)


Measure = Callable[["Row", Any, int], Measured]
"""(row, its problem or None, seed) -> what was measured."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        issue: whose figure it is.
        table: the part of that issue's table.
        problem: name of the problem file.
        what: how the value is got, in words: it names the row's files.
        unit: what the value is.
        target: the greatest value that is good.
        measure: runs it.
        limit: the greatest number of seconds that is good; None for no limit.
        seeded: whether a seed changes anything.
        file_needed: whether the problem is read from its file; False where `measure` makes its own.
    """

    issue: str
    table: str
    problem: str
    what: str
    unit: str
    target: float
    measure: Measure
    limit: float | None = None
    seeded: bool = True
    file_needed: bool = True

    def file(self, seed: int) -> str:
        """Name of the file of one run."""
        words = f"{self.issue}-{self.table}-{self.problem}-{self.what}-{seed}.json"
        return words.replace(" ", "_").replace(",", "+")


@dataclass(frozen=True)
class Result:
    """A row with its runs."""

    row: Row
    runs: tuple[Mapping[str, Any], ...]

    @property
    def median(self) -> float:
        """Of the value over the seeds; a run that failed counts as infinite."""
        return statistics.median(_value(r) for r in self.runs)

    @property
    def worst(self) -> float:
        """The greatest value."""
        return max(_value(r) for r in self.runs)

    @property
    def seconds(self) -> tuple[float, float]:
        """Median and greatest."""
        times = [float(r.get("seconds") or 0.0) for r in self.runs]
        return statistics.median(times), max(times)

    @property
    def figures(self) -> dict[str, list[Figure]]:
        """Each figure over the runs that did not fail."""
        found: dict[str, list[Figure]] = {}
        for run in self.runs:
            for name, figure in (run.get("figures") or {}).items():
                value = math.inf if figure["value"] is None else figure["value"]
                found.setdefault(name, []).append(Figure(value, figure["target"], figure["at_least"]))
        return found

    @property
    def met(self) -> bool:
        """Whether every run is at or below the target, within the limit."""
        return self.worst <= self.row.target and (self.row.limit is None or self.seconds[1] <= self.row.limit)


def _value(found: Mapping[str, Any]) -> float:
    return float("inf") if found.get("value") is None else float(found["value"])
