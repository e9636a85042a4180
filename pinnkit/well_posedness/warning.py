"""Warning before a solve, for problems that are not well posed."""

from __future__ import annotations

import warnings

from pinnkit.problem.problem import Problem

from .concern import Severity
from .concerns import concerns_of

__all__ = ["IllPosedWarning", "warn_of_concerns"]


class IllPosedWarning(UserWarning):
    """A problem may have no solution, several, or one that does not depend continuously on its data."""


def warn_of_concerns(problem: Problem) -> None:
    """Warn of each concern about a problem but notes, once for each problem and place of the call.

    Args:
        problem: the problem that is about to be solved.
    """
    for concern in concerns_of(problem):
        if concern.severity is not Severity.NOTE:
            warnings.warn(f"problem '{problem.name}': {concern.sentence}", IllPosedWarning, stacklevel=4)
