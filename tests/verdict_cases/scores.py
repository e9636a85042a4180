"""Rates of a campaign: false confirmations, wrong answers that pass as plausible, right answers that are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .case import CaseKind

__all__ = ["WRONG", "Scores", "has_passed", "is_right", "is_wrong", "scores"]

WRONG = 0.05
"""Relative error, L2 over the points or of a coefficient, above which an answer is wrong."""
_ACCEPTED = {"confirmed": "confirmed", "good": "confirmed", "plausible": "plausible"}
"""Words of the verdict that accept an answer; "good" is that of a verdict with two values."""


def is_wrong(row: Mapping[str, Any]) -> bool:
    """True for an answer that is off by more than `WRONG`, or that answers a problem with no single answer."""
    error = row["error"]
    if error is None:
        return row["kind"] == CaseKind.ILL_POSED.value and row["word"] in (*_ACCEPTED, "not good")
    return not error <= WRONG


def is_right(row: Mapping[str, Any]) -> bool:
    """True for an answer to a well-posed problem that is not wrong, and for a well-posed problem that was refused."""
    well_posed = row["kind"] != CaseKind.ILL_POSED.value
    return well_posed and (row["word"] == "refused" or (row["error"] is not None and row["error"] <= WRONG))


@dataclass(frozen=True)
class Scores:
    """Rates of a campaign.

    Args:
        cases: number of cases, by kind.
        words: number of verdicts, by word.
        false_confirmed: names of wrong answers, or of ill-posed problems, that were confirmed.
        wrong_plausible: names of wrong answers that were called plausible.
        plausible: number of answers called plausible.
        right_refused: names of right answers that were called not good, or refused.
        right: number of right answers.
        no_verdict: names of cases that ended without a verdict: killed, or crashed.
        slow: names of cases whose verdict, the reference apart, took longer than 2 s and a third of the solve.
        timed: number of cases that were solved, and whose verdict has a time.
    """

    cases: Mapping[str, int]
    words: Mapping[str, int]
    false_confirmed: tuple[str, ...]
    wrong_plausible: tuple[str, ...]
    plausible: int
    right_refused: tuple[str, ...]
    right: int
    no_verdict: tuple[str, ...]
    slow: tuple[str, ...] = ()
    timed: int = 0

    @property
    def plausible_rate(self) -> float:
        """Fraction of all cases that are wrong and called plausible."""
        return len(self.wrong_plausible) / max(1, sum(self.cases.values()))

    @property
    def refused_rate(self) -> float:
        """Fraction of the right answers that are called not good or refused."""
        return len(self.right_refused) / max(1, self.right)

    def __str__(self) -> str:
        lines = [
            f"cases: {dict(self.cases)}; verdicts: {dict(self.words)}",
            f"false 'confirmed': {len(self.false_confirmed)} ({', '.join(self.false_confirmed)})",
            f"'plausible' but wrong: {len(self.wrong_plausible)} of {self.plausible} plausible, "
            f"{100 * self.plausible_rate:.1f} % of all cases ({', '.join(self.wrong_plausible)})",
            f"right, but 'not good' or refused: {len(self.right_refused)} of {self.right}, "
            f"{100 * self.refused_rate:.1f} % ({', '.join(self.right_refused)})",
            f"without a verdict: {len(self.no_verdict)} ({', '.join(self.no_verdict)})",
            f"verdict slower than 2 s and a third of the solve: {len(self.slow)} of {self.timed} timed "
            f"({', '.join(self.slow)})",
        ]
        return "\n".join(lines)


def has_passed(row: Mapping[str, Any]) -> bool:
    """True where the verdict on one case is right."""
    accepted = _ACCEPTED.get(row["word"])
    if accepted == "confirmed" and row["kind"] == CaseKind.ILL_POSED.value:
        return False
    if accepted:
        return not is_wrong(row)
    return row["word"] in ("not good", "refused") and not is_right(row)


def scores(rows: Sequence[Mapping[str, Any]]) -> Scores:
    """Count the verdicts of a campaign."""

    def names(*words: str, wrong: bool) -> tuple[str, ...]:
        return tuple(r["name"] for r in rows if r["word"] in words and not has_passed(r) and wrong != is_right(r))

    return Scores(
        cases=Counter(r["kind"] for r in rows),
        words=Counter(r["word"] for r in rows),
        false_confirmed=names("confirmed", "good", wrong=True),
        wrong_plausible=names("plausible", wrong=True),
        plausible=sum(r["word"] == "plausible" for r in rows),
        right_refused=names("not good", "refused", wrong=False),
        right=sum(is_right(r) for r in rows),
        no_verdict=tuple(r["name"] for r in rows if r["word"] in ("killed", "crashed")),
        slow=tuple(r["name"] for r in rows if _is_slow(r)),
        timed=sum(r.get("verdict_seconds") is not None for r in rows),
    )


def _is_slow(row: Mapping[str, Any]) -> bool:
    """True if the checks took longer than 2 s and a third of the solve; computing the reference is not counted."""
    seconds = row.get("verdict_seconds")
    return seconds is not None and seconds > max(2.0, row["solve_seconds"] / 3)
