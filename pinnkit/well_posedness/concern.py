"""Concern: one reason why a problem may have no solution, several, or one that does not depend on its data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Concern", "Severity"]


class Severity(Enum):
    """Severity of a concern; the value is a short description."""

    UNDETERMINED = "the conditions leave the solution open"
    ILL_POSED = "no solution, or none that depends continuously on the data"
    DOUBTFUL = "what is prescribed contradicts itself"
    NOTE = "the solution exists, with less accuracy or smoothness"


@dataclass(frozen=True)
class Concern:
    """One concern about a problem.

    Args:
        severity: of the concern.
        sentence: the observation, the term it concerns and the repair.
        place: the term or the unknown; empty for all.
    """

    severity: Severity
    sentence: str
    place: str = ""

    def plain(self) -> dict[str, Any]:
        """Plain values, for summary.json."""
        return {"severity": self.severity.name, "sentence": self.sentence, "place": self.place}
