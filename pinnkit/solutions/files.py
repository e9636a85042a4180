"""Names of result files, and their atomic replacement; needs the standard library alone."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["FILE_NAME", "replacing"]

FILE_NAME = "solution.h5"


@contextmanager
def replacing(path: Path, *, temporary: Path | None = None) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when the block ends well and removed when it does not.

    A reader sees the old file or the new one, never half of one.  The content reaches the disk before the new name
    does, so that this holds after a loss of power, too.

    Args:
        path: the file to write; its folder is created if it does not exist.
        temporary: the temporary name, in the same folder; None makes one of the process.

    Raises:
        OSError: where the file cannot be written; the old one is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary or path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Flush the names in a folder, where the system can."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # not every file system can
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
