"""Row of the acceptance table, measurement of one run, and result of all runs of a row."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Measure", "Measurement", "Metric", "Result", "Row"]


@dataclass(frozen=True)
class Metric:
    """Measured number with its target.

    Args:
        value: measured.
        target: upper bound, or lower bound with `at_least`; None for a number without a target.
        at_least: whether `target` is a lower bound.
    """

    value: float
    target: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """Ratio to the target, dimensionless: at most 1 where the target is met, 0 without a target.

        value / target for an upper bound, target / value for a lower bound; infinite for a value that is not finite.
        """
        if self.target is None:
            return 0.0
        if not math.isfinite(self.value):
            return math.inf
        if self.at_least:
            return self.target / self.value if self.value > 0 else math.inf
        return self.value / self.target if self.target > 0 else (0.0 if self.value <= 0 else math.inf)


@dataclass(frozen=True)
class Measurement:
    """Values of one run of one row.

    Args:
        value: quantity of the row, to be at most its target.
        seconds: time of the work.
        detail: further plain values worth keeping.
        metrics: all measured numbers, where there are several.
    """

    value: float
    seconds: float
    detail: Mapping[str, Any]
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    @classmethod
    def of(cls, metrics: Mapping[str, Metric], seconds: float, detail: Mapping[str, Any] | None = None) -> Measurement:
        """Measurement with several metrics; its value is the largest ratio to a target."""
        return cls(max(m.ratio for m in metrics.values()), seconds, detail or {}, metrics)


Measure = Callable[["Row", Any, int], Measurement]
"""Function of (row, its problem or None, seed) that runs a row."""


def _available() -> str:
    return ""


@dataclass(frozen=True)
class Row:
    """One line of the acceptance table.

    Args:
        issue: number of the issue that asks for the target.
        table: part of the acceptance table of that issue.
        problem: name of the problem file, or of the object that `measure` makes.
        method: field and solver, or operation, in words; part of the file names.
        unit: of the value.
        target: upper bound of the value.
        measure: runs the row.
        limit: upper bound of the seconds; None for no bound.
        seeded: whether the result depends on the seed.
        from_file: whether `problem` is read from its file; False where `measure` makes its own.
        missing: returns why the row cannot run here (an extra or a file is not there); empty where it can.
    """

    issue: str
    table: str
    problem: str
    method: str
    unit: str
    target: float
    measure: Measure
    limit: float | None = None
    seeded: bool = True
    from_file: bool = True
    missing: Callable[[], str] = _available

    @property
    def name(self) -> str:
        """Name of the row in file names and test names: letters, digits, dots and dashes."""
        words = f"{self.table}-{self.problem}-{self.method}"
        return re.sub(r"[^A-Za-z0-9.-]+", "_", words)

    def file(self, seed: int) -> str:
        """Name of the file of one run."""
        return f"{self.issue}-{self.name}-{seed}.json"


@dataclass(frozen=True)
class Result:
    """Row with its runs."""

    row: Row
    runs: tuple[Mapping[str, Any], ...]

    @property
    def median(self) -> float:
        """Median of the value over the seeds; a failed run counts as infinite."""
        return statistics.median(_value(r) for r in self.runs)

    @property
    def worst(self) -> float:
        """Largest value over the seeds; a failed run counts as infinite."""
        return max(_value(r) for r in self.runs)

    @property
    def seconds(self) -> tuple[float, float]:
        """Median and longest time in seconds."""
        times = [float(r.get("seconds") or 0.0) for r in self.runs]
        return statistics.median(times), max(times)

    @property
    def metrics(self) -> dict[str, list[Metric]]:
        """Values of each metric over the runs that did not fail."""
        found: dict[str, list[Metric]] = {}
        for run in self.runs:
            for name, metric in (run.get("metrics") or {}).items():
                value = math.inf if metric["value"] is None else metric["value"]
                found.setdefault(name, []).append(Metric(value, metric["target"], metric["at_least"]))
        return found

    @property
    def on_target(self) -> bool:
        """True if the worst value is at most the target, in any time."""
        return self.worst <= self.row.target

    @property
    def met(self) -> bool:
        """True if every run is at most the target, within the time limit."""
        return self.on_target and (self.row.limit is None or self.seconds[1] <= self.row.limit)


def _value(found: Mapping[str, Any]) -> float:
    return float("inf") if found.get("value") is None else float(found["value"])
