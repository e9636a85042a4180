"""Why a problem cannot be marched in time."""

from __future__ import annotations

__all__ = ["CannotMarch"]


class CannotMarch(ValueError):
    """The problem has something that marching in time does not cover; the message says what."""
