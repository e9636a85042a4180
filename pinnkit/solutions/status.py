"""The end of a solve, as a sentence."""

from __future__ import annotations

from enum import Enum

__all__ = ["Status"]


class Status(Enum):
    """The end of a solve; the value is the sentence that reports print."""

    CONVERGED = "The residual met the tolerance."
    SOLVED = "The least-squares system was solved; its residual is as small as this field allows."
    BUDGET = "All steps were used before the tolerance was met; the residual was still falling."
    TRAINED = "All steps of the schedule were taken."
    TIME = "The time was used up before the tolerance was met; the residual was still falling."
    STALLED = "No step lowered the loss any more; try more features, more points or another solver."
    DIVERGED = "The loss became non-finite; the state before that step was kept."
    GIVEN = "The values come from elsewhere; nothing was solved here."
    INTERRUPTED = "The run was stopped from outside; the state so far was kept."

    @property
    def good(self) -> bool:
        """False for a run that diverged or was interrupted."""
        return self not in (Status.DIVERGED, Status.INTERRUPTED)

    @property
    def resumable(self) -> bool:
        """True for a run that was stopped before its end: its checkpoint can be continued."""
        return self in (Status.TIME, Status.INTERRUPTED)
