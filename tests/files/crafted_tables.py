"""Hostile tables: text, archives of arrays, and HDF5 files of other programs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from .crafted import Crafted, odd_files, of_bytes
from .crafted_arrays import npz_cases
from .crafted_hdf5 import STORAGE
from .crafted_shapes import NUMBERS, points, text_rows

_OUTSIDE = frozenset(
    {
        "link to a file of the system",
        "link to a solution",
        "virtual dataset",
        "storage in a file of the system",
        "storage in a device",
        "8 TB that were never written",
        "2^62 numbers",
        "a product that overflows",
        "a chunk beyond the file",
        "very deep groups",
        "deep groups",
    }
)
"""Kinds of storage that reach beyond the file or its limits; all others may be read or skipped."""


def hdf5_table() -> bytes:
    """A file of columns, one of them packed and one in a group, with a number as an attribute."""
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.attrs["t"] = 0.5
        file.attrs["title"] = "a run"
        file.create_dataset("x", data=points()[:, 0], compression="gzip", shuffle=True)
        file.create_group("fields")["u"] = points()[:, 1]
        file["names"] = ["a", "b"]
    return out.getvalue()


def text_table() -> bytes:
    """Comma-separated columns under their names."""
    return b"# a run\nx,y,u\n" + text_rows(points()).replace(" ", ",").encode()


def table_cases() -> Iterator[Crafted]:
    """Tables of every container."""
    yield from odd_files("crafted.csv")
    rows = text_rows(points()).replace(" ", ",")
    first = rows.splitlines()[3]
    for number in NUMBERS:
        changed = rows.replace(first, f"0,0,{number}")
        yield of_bytes(f"a value {number[:9]!r}", "crafted.csv", f"x,y,u\n{changed}".encode(), refused=False)
    for name, text, refused in (
        ("names of escape sequences", f"x,\x1b[2J,\x9b31m\n{rows}", False),
        ("names twice", f"x,x,u\n{rows}", True),
        ("no names", rows, True),
        ("a name that is never closed", f'x,"y,u\n{rows}', False),
        ("a name of a megabyte", f"x,y,{'u' * 10**6}\n{rows}", False),
        ("a value of a megabyte", f"x,y,u\n{rows}0,0,{'1' * 10**6}\n", False),
        ("a million columns", ",".join(map(str, range(10**6))) + "\n", True),
        ("a million names", ",".join(f"u{i}" for i in range(10**6)) + "\n1,2\n", True),
        ("separators alone", ",;\t" * 300_000, True),
        ("many comments", "# x y z\n" * 300_000 + f"x,y,u\n{rows}", False),
        ("zeros among the rows", f"x,y,u\n{rows}" + "\0" * 1000, True),
        ("brackets", "(" * 10**6, True),
    ):
        yield of_bytes(name, "crafted.csv", text.encode(), refused=refused)
    for case in npz_cases():  # arrays of any name and shape may be a table
        yield replace(case, refused=case.refused and case.name.startswith("odd"))
    yield from odd_files("crafted.h5")
    for name, make in STORAGE.items():
        yield _stored(name, make, refused=name in _OUTSIDE)


def _stored(name: str, put: object, *, refused: bool) -> Crafted:
    def make(folder: Path) -> Path:
        path = folder / "crafted.h5"
        with h5py.File(path, "w") as file:
            file["x"] = np.arange(8.0)
            assert callable(put)
            put(file, "u")
        return path

    return Crafted(f"storage: {name}", make, refused, heavy=name in ("compressed zeros", "very deep groups"))
