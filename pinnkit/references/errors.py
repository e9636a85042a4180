"""What the finite differences do not cover, said by name."""

from __future__ import annotations

__all__ = ["CannotDiscretise", "TooFewConditions"]


class CannotDiscretise(ValueError):
    """The problem has something in it that these finite differences do not cover; the message says what."""


class TooFewConditions(CannotDiscretise):
    """The terms leave the solution open: a wall without a condition, or a flux on all walls."""
