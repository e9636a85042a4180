"""Checks of file paths, and the rounding of coordinates that a file format causes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.content import check_size
from pinnkit.files.unreadable import UnreadableFile

__all__ = ["MAX_ROUNDING", "existing_file", "relative_rounding", "writable_path"]

MAX_ROUNDING = 1e-4
"""Rounding of coordinates, relative to the diagonal of their bounding box, above which the user is told."""


def existing_file(path: str | Path, endings: tuple[str, ...], owner: str) -> Path:
    """Return the path of a file that exists, is not empty, and has one of the endings.

    Args:
        path: path of the file.
        endings: accepted suffixes in lower case.
        owner: name of the caller in the message.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for another suffix, an empty file, or one that is too large.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{owner}: '{path}' {what}")
    if path.suffix.lower() not in endings:
        raise UnreadableFile(path, f"has no known ending; known are {', '.join(endings)}", owner)
    if not check_size(path, reader=owner):
        raise UnreadableFile(path, "is empty (0 bytes)", owner)
    return path


def writable_path(path: str | Path, endings: tuple[str, ...], owner: str) -> Path:
    """Return the path, whose suffix must be one of `endings`.

    Raises:
        ValueError: for another suffix.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise ValueError(f"{owner}: '{path}' must end in one of {', '.join(endings)}")
    return path


def relative_rounding(points: NDArray[np.float64], dtype: type[np.floating[Any]]) -> float:
    """Rounding of points ``(n, 3)`` stored as `dtype`, relative to the diagonal of their bounding box."""
    finite = points[np.isfinite(points).all(axis=1)]
    if len(finite) < 2:
        return 0.0
    diagonal = float(np.linalg.norm(finite.max(axis=0) - finite.min(axis=0)))
    return float(np.finfo(dtype).eps * np.abs(finite).max() / diagonal) if diagonal > 0 else 0.0
