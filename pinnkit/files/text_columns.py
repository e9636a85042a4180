"""Reading of tables in text: columns of numbers under a line of names, separated by commas, semicolons or blanks."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .content import read_text
from .unreadable import UnreadableFile

__all__ = ["read_columns"]

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+|nan|inf)([eEdD][-+]?\d+)?\s*", re.IGNORECASE)


def read_columns(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read columns of numbers by name; comments begin with # or %, and an empty cell is NaN.

    Names stand in the line above the first numbers, which may be a comment.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for text that is no such table; the message gives the row and the column.
    """
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    first = next((i for i, line in enumerate(lines) if line[0] not in "#%"), len(lines))
    if first == len(lines):
        raise UnreadableFile(path, "holds no numbers")
    head, rows = lines[first], lines[first + 1 :]
    if all(_NUMBER.fullmatch(cell) for cell in _split(head, path)):
        if first == 0:
            raise UnreadableFile(path, "begins with numbers; its first line must name the columns: x,t,u")
        head, rows = lines[first - 1].lstrip("#% "), lines[first:]
    names = [name.strip().strip('"') for name in _split(head, path)]
    if len(set(names)) < len(names):
        raise UnreadableFile(path, f"names a column twice: {names}")
    rows = [line for line in rows if line[0] not in "#%"]
    if not rows:
        raise UnreadableFile(path, "holds no rows below the names of its columns")
    values = np.empty((len(rows), len(names)))
    for i, line in enumerate(rows):
        cells = _split(line, path)
        if len(cells) != len(names):
            raise UnreadableFile(
                path, f"row {i + 1} has {len(cells)} values, the first line names {len(names)} columns"
            )
        values[i] = [_number(cell, path, i, name) for cell, name in zip(cells, names, strict=True)]
    return {name: values[:, j] for j, name in enumerate(names)}


def _split(line: str, path: Path) -> list[str]:
    for mark in (",", ";", "\t"):
        if mark in line:
            try:
                return next(csv.reader([line], delimiter=mark))
            except csv.Error as error:
                raise UnreadableFile(path, f"is no table, {error}") from None
    return line.split()


def _number(cell: str, path: Path, row: int, name: str) -> float:
    text = cell.strip()
    if not text:
        return math.nan
    try:
        return float(text)
    except ValueError:
        pass
    try:
        value = complex(text.replace("i", "j"))
    except ValueError:
        raise UnreadableFile(
            path, f"row {row + 1} of column '{name}' holds {text[:40]!r}, which is no number"
        ) from None
    raise UnreadableFile(path, f"column '{name}' holds complex numbers such as {value}; give its real part")
