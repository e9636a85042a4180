"""Errors of references beyond those that `Unsupported` covers."""

from __future__ import annotations

from pinnkit.problem.errors import Unsupported

__all__ = ["BudgetSpent", "NotWellPosed", "TooFewConditions", "TooManyConditions", "Unresolved"]


class NotWellPosed(Unsupported):
    """The conditions do not fit the equations: evidence against any solution of the problem."""


class TooFewConditions(NotWellPosed):
    """The terms leave the solution open: a wall without a condition, a flux on all walls, no initial state."""


class TooManyConditions(NotWellPosed):
    """The terms prescribe more than the equations take: a second value on a wall, a condition at an outflow."""


class Unresolved(Unsupported):
    """The method failed on one grid: an iteration did not converge, or values were not finite; a finer grid may do.

    Args:
        method: name of the method, such as "finite differences".
        reason: a sentence that names the problem and what happened on the grid.
        spent: work of the attempt in nominal seconds (see cost_model.py).
    """

    def __init__(self, method: str, reason: str, spent: float = 0.0) -> None:
        super().__init__(method, reason)
        self.spent = spent


class BudgetSpent(Unresolved):
    """The budget ended before the grids resolved the solution: no evidence for or against it."""
