"""Errors of references beyond those that `Unsupported` covers."""

from __future__ import annotations

from pinnkit.problem.errors import Unsupported

__all__ = ["TooFewConditions", "Unresolved"]


class TooFewConditions(Unsupported):
    """The terms leave the solution open: a wall without a condition, or a flux on all walls."""


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
