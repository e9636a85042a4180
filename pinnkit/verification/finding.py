"""A verdict: what is wrong with a solution, each thing as a kind, a sentence and a figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Finding", "Kind", "Verdict"]


class Kind(Enum):
    """What may be wrong with a solution; the value says it in a few words."""

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
    ESTIMATE = "far from what the problem's own linearisation foretells"
    FAR = "far from what it was measured against"
    CLOSED_FORM = "a closed form that is not that of the problem"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a solution.

    Args:
        kind: which.
        sentence: what was seen, in plain words, and what may help.
        figure: the number behind it, a fraction or ratio without unit.
        place: the term or the unknown that it is about; empty where it is about all.
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
    """What `verdict` returns.

    Args:
        findings: what is wrong; empty for a good solution.
        fresh_residual: of the worst equation on points that the solve has not seen, as a fraction of the parts that
            should cancel in it.
        worst_condition_error: of the worst condition, likewise; NaN where there is none.
        estimated_error: by how much the problem, linearised at the solution, asks to correct it, relative; NaN where
            that does not explain the residual, or could not be found out.
    """

    findings: tuple[Finding, ...]
    fresh_residual: float
    worst_condition_error: float
    estimated_error: float

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of all findings."""
        return frozenset(f.kind for f in self.findings)

    def __str__(self) -> str:
        said = "nothing wrong was found" if self.ok else "; ".join(f.sentence for f in self.findings)
        return f"{said} (residual {self.fresh_residual:.2g}, conditions {self.worst_condition_error:.2g})"
