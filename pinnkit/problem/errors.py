"""Errors about problems: what a method does not cover."""

from __future__ import annotations

__all__ = ["Unsupported"]


class Unsupported(ValueError):
    """A numerical method does not cover a problem.

    ``str(error)`` is the reason, so that it can be shown to a user as it is.

    Args:
        method: name of the method, such as "method of lines" or "finite differences".
        reason: a sentence that names the problem and the part of it that the method does not cover.
    """

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(method, reason)
        self.method = method
        self.reason = reason

    def __str__(self) -> str:
        return self.reason
