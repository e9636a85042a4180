"""What the finite differences do not cover, said by name."""

from __future__ import annotations

__all__ = ["CannotDiscretise"]


class CannotDiscretise(ValueError):
    """The problem has something in it that these finite differences do not cover; the message says what."""
