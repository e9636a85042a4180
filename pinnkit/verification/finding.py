"""Findings and verdict: each defect of a solution as a kind, a sentence and a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["Finding", "Kind", "Level", "Verdict"]


class Kind(Enum):
    """Kinds of defects of a solution; the value is a short description."""

    NOT_FINITE = "values that are not finite"
    ENDED_BADLY = "the run did not end well"
    NOT_CONVERGED = "the run stopped before it had converged"
    TRIVIAL = "a trivial solution"
    UNDETERMINED = "one solution of many"
    MIRRORED = "a mirror image"
    UNSOLVED = "an equation that is not solved"
    CONDITION = "a condition that is not met"
    SCALE = "a size that does not fit what is prescribed"
    LOST_START = "a start that is lost later on"
    LOCAL = "a residual concentrated in a small region"
    TOO_SMOOTH = "a field too smooth for what is prescribed"
    TOO_ROUGH = "a field that oscillates where the problem does not"
    OVERFITTED = "a residual that is met at the training points alone"
    ESTIMATE = "far from the error estimate of the linearised problem"
    FAR = "far from what it was measured against"
    CLOSED_FORM = "a closed form that is not that of the problem"
    ILL_POSED = "a problem that is not well posed"
    NO_REFERENCE = "a numerical method that fails on the problem"
    AMPLIFIED = "a solution far larger than what is prescribed"
    UNSTABLE = "a solution that small perturbations change"
    SEVERAL = "one of several solutions"
    DRIFT = "a conserved quantity that changes"
    UNCOVERED = "values that do not cover the domain"
    TOO_COARSE = "values too coarse for the solution"
    TRANSFORMED = "values scaled, shifted or exchanged"


class Level(Enum):
    """Levels of a verdict; the value is the word in reports."""

    CONFIRMED = "confirmed"
    PLAUSIBLE = "plausible"
    NOT_GOOD = "not good"


@dataclass(frozen=True)
class Finding:
    """One defect of a solution.

    Args:
        kind: of the defect.
        sentence: observation and repair.
        figure: the number behind it, a fraction or ratio, dimensionless.
        place: the term or the unknown that it concerns; empty for all.
    """

    kind: Kind
    sentence: str
    figure: float
    place: str = ""

    def plain(self) -> dict[str, Any]:
        """Plain values, for summary.json."""
        return {"kind": self.kind.name, "sentence": self.sentence, "figure": self.figure, "place": self.place}


@dataclass(frozen=True)
class Verdict:
    """Result of `verdict`.

    Args:
        findings: defects; empty for a solution that is confirmed or plausible.
        fresh_residual: of the worst equation on points that the solve has not seen, as a fraction of the parts that
            should cancel in it.
        worst_condition_error: of the worst condition, likewise; NaN where there is none.
        estimated_error: size of the correction of the linearised problem, relative; NaN where it does not explain the
            residual or is not available.
        proved_error: largest error in the unit of the unknown, at most, where it is proved; NaN elsewhere.
        confirmed_by: independent evidence that the solution is right: a reference, an exact solution, an error bound.
        unchecked: sentences on what was not checked, or not confirmed.
        notes: sentences on the problem that are no defect of the solution.
        coefficient_deviations: standard deviation of each coefficient found, relative to its value.
    """

    findings: tuple[Finding, ...]
    fresh_residual: float
    worst_condition_error: float
    estimated_error: float
    proved_error: float = math.nan
    confirmed_by: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    coefficient_deviations: Mapping[str, float] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """NOT_GOOD with findings; CONFIRMED where independent evidence agrees and nothing is left unchecked."""
        if self.findings:
            return Level.NOT_GOOD
        return Level.CONFIRMED if self.confirmed_by and not self.unchecked else Level.PLAUSIBLE

    @property
    def ok(self) -> bool:
        """True if there are no findings."""
        return not self.findings

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of all findings."""
        return frozenset(f.kind for f in self.findings)

    def __str__(self) -> str:
        said = "; ".join(f.sentence for f in self.findings) or "; ".join(self.unchecked or self.confirmed_by)
        figures = f"residual {self.fresh_residual:.2g}, conditions {self.worst_condition_error:.2g}"
        return f"{self.level.value}: {said or 'nothing wrong was found'} ({figures})"
