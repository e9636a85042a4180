"""Files of tables: CSV, NPZ, HDF5 and meshes; no pickle, no links, and sizes are checked before anything is read."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.numpy_files import read_npz

__all__ = ["LARGEST", "MESHES", "TABLES", "read_table", "require", "sized"]

LARGEST = 2**30
"""Bytes of a file, and of the arrays in it, that are read at most."""
_MOST_ENTRIES = 10_000
"""Arrays in one file."""

Columns = dict[str, NDArray[Any]]


def read_table(path: Path) -> Columns:
    """Read the arrays of a file by name; numbers are arrays without dimensions.

    Raises:
        FileNotFoundError: where there is none.
        ValueError: for a file that is damaged, too large, or of no known format; the message names the file.
    """
    sized(path)
    suffix = path.suffix.lower()
    reader = TABLES.get(suffix) or (_read_mesh if suffix in MESHES else None)
    if reader is None:
        known = ", ".join([*TABLES, *MESHES])
        raise ValueError(f"check: '{path}' is no table that pinnkit reads; they end in {known}")
    return reader(path)


def sized(path: Path) -> None:
    """Check that a file exists and is not larger than `LARGEST`.

    Raises:
        FileNotFoundError, ValueError: otherwise.
    """
    if not path.is_file():
        raise FileNotFoundError(f"check: there is no file '{path}'")
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"check: '{path}' has {size:,} bytes, and at most {LARGEST:,} are read; thin it out")


def require(module: str, path: Path) -> None:
    """Check that an optional package is installed.

    Raises:
        ValueError: with the command that installs it.
    """
    if find_spec(module) is None:
        raise ValueError(
            f"'{path}': this format needs {module}, which is not installed; python -m pip install 'pinnkit[exchange]'"
        )


# text ---------------------------------------------------------------------------------------------------------------
def _read_text(path: Path) -> Columns:
    """Read columns of numbers under a line of names; comments begin with # or %."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise ValueError(f"'{path}' is not UTF-8 text") from None
    first = next((i for i, line in enumerate(lines) if line[0] not in "#%"), len(lines))
    if first == len(lines):
        raise ValueError(f"'{path}' holds no numbers")
    head = lines[first]
    rows = lines[first + 1 :]
    if _is_numbers(_split(head)):
        if first == 0:
            raise ValueError(f"'{path}' begins with numbers; its first line must name the columns: x,t,u")
        head, rows = lines[first - 1].lstrip("#% "), lines[first:]
    names = [name.strip().strip('"') for name in _split(head)]
    if len(set(names)) < len(names):
        raise ValueError(f"'{path}' names a column twice: {names}")
    rows = [line for line in rows if line[0] not in "#%"]
    values = np.empty((len(rows), len(names)))
    for i, line in enumerate(rows):
        cells = _split(line)
        if len(cells) != len(names):
            raise ValueError(
                f"'{path}': row {i + 1} has {len(cells)} values, the first line names {len(names)} columns"
            )
        for j, cell in enumerate(cells):
            values[i, j] = _number(cell, path, i, names[j])
    if not rows:
        raise ValueError(f"'{path}' holds no rows below the names of its columns")
    return {name: values[:, j] for j, name in enumerate(names)}


def _split(line: str) -> list[str]:
    for mark in (",", ";", "\t"):
        if mark in line:
            return next(csv.reader([line], delimiter=mark))
    return line.split()


def _is_numbers(cells: list[str]) -> bool:
    return all(re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+|nan|inf)([eEdD][-+]?\d+)?\s*", c, re.IGNORECASE) for c in cells)


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
        raise ValueError(
            f"'{path}': row {row + 1} of column '{name}' holds {text[:40]!r}, which is no number"
        ) from None
    raise ValueError(f"'{path}': column '{name}' holds complex numbers such as {value}; give its real part")


# arrays -------------------------------------------------------------------------------------------------------------
def _read_npz(path: Path) -> Columns:
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ValueError(f"'{path}': cannot be read as a NumPy file, the archive is damaged") from None
    if total > LARGEST:
        raise ValueError(f"'{path}' unpacks to {total:,} bytes, and at most {LARGEST:,} are read")
    return read_npz(path)


def _read_hdf5(path: Path) -> Columns:
    """Read all datasets by their last names, and numbers in attributes of the file."""
    import h5py

    found: Columns = {}
    try:
        with h5py.File(path, "r") as file:
            for name, value in file.attrs.items():
                if np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiu":
                    found[str(name)] = np.asarray(value)
            for name, dataset in _datasets(file, path):
                if name in found:
                    raise ValueError(f"'{path}' holds two arrays named '{name}'; rename one of them")
                found[name] = np.asarray(dataset[()])
                if len(found) > _MOST_ENTRIES:
                    raise ValueError(f"'{path}' holds more than {_MOST_ENTRIES:,} arrays")
    except (OSError, RuntimeError, KeyError, TypeError, UnicodeError) as error:
        raise ValueError(f"'{path}': cannot be read as HDF5, {error}") from None
    return found


def _datasets(group: Any, path: Path, depth: int = 0) -> Iterator[tuple[str, Any]]:
    import h5py

    if depth > 8:
        raise ValueError(f"'{path}': its groups are nested too deeply")
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            raise ValueError(f"'{path}': '{name}' is a link to another file, which is not followed")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(item, path, depth + 1)
            continue
        if item.is_virtual or item.external:
            raise ValueError(f"'{path}': '{name}' keeps its values in other files, which are not read")
        if item.dtype.kind not in "fiubc":
            continue
        if item.nbytes > LARGEST:
            raise ValueError(f"'{path}': '{name}' has {item.nbytes:,} bytes, and at most {LARGEST:,} are read")
        yield name, item


# meshes -------------------------------------------------------------------------------------------------------------
def _read_mesh(path: Path) -> Columns:
    """Read the points of a mesh as x, y, z, and its values at points by name."""
    require("meshio", path)
    with _quiet(path):
        import meshio

        mesh = meshio.read(path)
    points = np.asarray(mesh.points, dtype=np.float64)
    found: Columns = {name: points[:, i] for i, name in enumerate("xyz"[: points.shape[1]])}
    for name, values in mesh.point_data.items():
        found[str(name)] = np.asarray(values)
    return found


@contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Turn everything that a reader of meshes raises or prints into one error; meshio ends the process for some."""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"'{path}': cannot be read as a mesh, {said}") from None


MESHES = (".vtu", ".vtk", ".xdmf", ".msh", ".ply")
TABLES: Mapping[str, Callable[[Path], Columns]] = {
    ".csv": _read_text,
    ".txt": _read_text,
    ".dat": _read_text,
    ".npz": _read_npz,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
}
