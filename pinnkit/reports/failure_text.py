"""Text of an error that a report records in place of a traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

__all__ = ["reason_of"]

_PACKAGE = Path(__file__).parents[1]


def reason_of(error: Exception) -> str:
    """The message of an error in one line; for one that pinnkit did not raise, with its kind and its place."""
    message = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, OSError) and error.strerror:
        return message
    explained = isinstance(error, ValueError | TypeError | NotImplementedError)
    if not frames or (explained and _PACKAGE in Path(frames[-1].filename).parents):
        return message or type(error).__name__
    own = next((f for f in reversed(frames) if "site-packages" not in f.filename), frames[-1])
    return f"{type(error).__name__}: {message} ({Path(own.filename).name}:{own.lineno})".replace(":  (", " (")
