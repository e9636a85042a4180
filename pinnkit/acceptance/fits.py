"""Rows about images, surfaces and radiance."""

from __future__ import annotations

from collections.abc import Iterable

from .row import Row

__all__ = ["rows"]


def rows() -> Iterable[Row]:
    """The rows."""
    return ()
