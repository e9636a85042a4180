"""What the finite differences do not cover, said by name."""

from __future__ import annotations

__all__ = ["CannotDiscretise", "TooFewConditions", "Unresolved"]


class CannotDiscretise(ValueError):
    """The problem has something in it that these finite differences do not cover; the message says what."""


class TooFewConditions(CannotDiscretise):
    """The terms leave the solution open: a wall without a condition, or a flux on all walls."""


class Unresolved(CannotDiscretise):
    """The method failed on one grid: an iteration did not converge, or values were not finite; a finer grid may do.

    Args:
        message: the reason.
        spent: nominal seconds of work that the attempt has taken (see cost_model.py).
    """

    def __init__(self, message: str, spent: float = 0.0) -> None:
        super().__init__(message)
        self.spent = spent
