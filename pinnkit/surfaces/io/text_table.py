"""Parser for points in text files: common separators, column names, comments, point counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.printable import printable

__all__ = ["TextTable"]

_COMMENTS = ("#", "//", ";", "%", "!")
_LINES = 2**16  # that are split into words at once
_POINT = ("x", "y", "z")
_NORMAL = ("nx", "ny", "nz")
_SPELLINGS = {f"{prefix}{a}": f"n{a}" for prefix in ("normal", "normal_", "n_") for a in _POINT}


@dataclass(frozen=True, eq=False)
class TextTable:
    """Numbers ``(n, c)``: x y z, then normals if columns are named so, then the remaining columns.

    Attributes:
        values: the numbers.
        named: whether columns 4 to 6 are normals by their names.
        notes: sentences on the interpretation of the header lines.
    """

    values: NDArray[np.float64]
    named: bool
    notes: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> TextTable:
        """Parse text.

        Columns are separated by blanks, tabs, commas or semicolons; with semicolons or tabs, decimal commas are
        accepted. Lines that start with #, //, ;, % or ! are comments.  The first row may be preceded by text, the
        number of points, and column names; names that include x, y and z assign the columns.

        Args:
            text: content of the file.

        Raises:
            ValueError: for no rows, rows of different lengths or with fewer than three numbers, words among the
                numbers, or another number of points than the first line promises.
        """
        lines = [line.strip() for line in text.splitlines()]
        comments = [line for line in lines if line.startswith(_COMMENTS)]
        lines = [line for line in lines if line and not line.startswith(_COMMENTS)]
        head = 0
        while head < len(lines) and not _is_number(_split(lines[head])[0]):
            head += 1
        before, lines = lines[:head], lines[head:]
        if len(lines) > 1 and len(_split(lines[0])) == 1 and len(_split(lines[1])) >= 3:
            promised, lines = _split(lines[0])[0], lines[1:]
            if float(promised) != len(lines):
                raise ValueError(f"the first line promises {promised} points, {len(lines):,} rows follow")
        values = _values(lines)
        notes: tuple[str, ...] = ()
        if before:
            what = "first line of the file was" if len(before) == 1 else f"first {len(before)} lines of the file were"
            as_what = "names of columns" if len(before) == 1 else "text"
            notes = (f"The {what} taken as {as_what}: {_short(' '.join(_split(before[-1])))}.",)
        for names in map(_split, [*reversed(before), *(line.lstrip("#/;%! \t") for line in reversed(comments))]):
            if len(names) == values.shape[1] and (order := _column_order([_canonical_name(name) for name in names])):
                ordered, named = order
                if ordered[:3] != [0, 1, 2]:
                    kept = printable(", ".join(names[i] for i in ordered[: 6 if named else 3]))
                    notes = (*notes, f"Columns were taken by their names: {kept}.")
                return cls(values[:, ordered], named, notes)
        return cls(values, False, notes)


def _split(line: str) -> list[str]:
    """Fields of one line; a trailing separator adds no field."""
    if ";" in line:
        fields = [field.strip().replace(",", ".") for field in line.rstrip("; \t").split(";")]
    elif "," in line and "\t" in line and line.count(",") != line.count("\t") - 1:
        fields = line.replace(",", ".").split("\t")
    else:
        fields = line.rstrip(", \t").split(",") if "," in line else line.split()
        if any(len(words := field.split()) > 1 and _is_number(words[0]) for field in fields):
            fields = line.replace(",", " ").split()  # "1, 2 3"
    return [field.strip().strip("\"'") for field in fields]


def _canonical_name(name: str) -> str:
    """Canonical column name: `X`, `x (m)`, `"x"`, `x[mm]` and `x_coord` become x."""
    word = re.sub(r"(\(.*|\[.*|_?coord.*)", "", name.strip().lower()).strip()
    return _SPELLINGS.get(word, word)


def _column_order(names: list[str]) -> tuple[list[int], bool] | None:
    """Order of the columns: x y z, normals, others; and whether there are normals.

    None where x, y or z is missing.
    """
    if not all(names.count(name) == 1 for name in _POINT):
        return None
    named = all(names.count(name) == 1 for name in _NORMAL)
    first = [names.index(name) for name in (*_POINT, *(_NORMAL if named else ()))]
    return first + [i for i in range(len(names)) if i not in first], named


def _values(lines: list[str]) -> NDArray[np.float64]:
    """Numbers of the lines, ``(n, columns)``, some at a time: words take ten times as much memory."""
    parts = []
    for start in range(0, len(lines), _LINES):
        rows = [_split(line) for line in lines[start : start + _LINES]]
        try:
            parts.append(np.array(rows, dtype=np.float64).reshape(len(rows), -1))
        except ValueError:
            _check_widths({len(_split(line)) for line in lines})
            at = next(i for i, row in enumerate(rows) if not all(map(_is_number, row)))
            raise ValueError(f"rows must be numbers, number {start + at} is {_short(' '.join(rows[at]))}") from None
    _check_widths({part.shape[1] for part in parts})
    return np.concatenate(parts)


def _check_widths(widths: set[int]) -> None:
    if len(widths) != 1 or min(widths) < 3:
        found = f"rows of {sorted(widths)[:5]} columns" if widths else "no rows"
        raise ValueError(f"each row must be x y z or x y z nx ny nz, all alike; there are {found}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
