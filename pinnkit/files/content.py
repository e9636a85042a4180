"""Content of small files: bytes, text and JSON, with a limit on the size that is checked before anything is read."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from .unreadable import UnreadableFile, reading

__all__ = ["MAX_BYTES", "Json", "check_size", "parse_json", "read_content", "read_json", "read_text"]

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_BYTES = 512 * 2**20
"""Largest file of points, triangles, arrays or pictures that is read; parsed, it takes several times as much memory."""
MAX_JSON_BYTES = 16 * 2**20
_MEBI = 2**20


def check_size(path: Path, most: int = MAX_BYTES, *, reader: str = "") -> int:
    """Return the size of a regular file in bytes.

    Args:
        path: the file.
        most: limit in bytes.
        reader: as of `UnreadableFile`.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for devices and pipes, whose size is not known, and for a file beyond the limit.
    """
    with reading(path, reader=reader, failure="cannot be opened"):
        found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableFile(path, "is no regular file", reader)
    if found.st_size > most:
        raise UnreadableFile(
            path, f"is too large: {found.st_size / _MEBI:,.0f} MiB, at most {most / _MEBI:,.0f} MiB are read", reader
        )
    return found.st_size


def read_content(path: Path, most: int = MAX_BYTES, *, reader: str = "") -> bytes:
    """Read all bytes of a regular file.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that is too large, no regular file, or cannot be opened.
    """
    size = check_size(path, most, reader=reader)
    with reading(path, reader=reader, failure="cannot be opened"), path.open("rb") as file:
        return file.read(size + 1)  # a file that grows meanwhile is not read to an end that never comes


def read_text(path: Path, most: int = MAX_BYTES, *, reader: str = "") -> str:
    """Read a text in UTF-8, with or without a byte order mark.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: as `read_content`, and for bytes that are no UTF-8.
    """
    data = read_content(path, most, reader=reader)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(path, f"is not text in UTF-8, byte {error.start:,} is not part of it", reader) from None


def read_json(path: Path, *, reader: str = "") -> Json:
    """Read a JSON file.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: as `read_text`, and for text that is no JSON.
    """
    text = read_text(path, MAX_JSON_BYTES, reader=reader)
    try:
        return parse_json(text)
    except ValueError as error:
        raise UnreadableFile(path, f"is no JSON: {error}", reader) from None


def parse_json(text: str) -> Json:
    """Parse JSON.

    Raises:
        ValueError: for text that is no JSON, is nested too deeply, or has numbers of thousands of digits.
    """
    try:
        found: Json = json.loads(text)
    except RecursionError:
        raise ValueError("its lists are nested too deeply") from None
    return found
