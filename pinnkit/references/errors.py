"""Errors of references beyond those that `Unsupported` covers."""

from __future__ import annotations

from pinnkit.problem.errors import Unsupported

__all__ = ["TooFewConditions"]


class TooFewConditions(Unsupported):
    """The terms leave the solution open: a wall without a condition, or a flux on all walls."""
