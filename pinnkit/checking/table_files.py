"""Files of tables: CSV, NPZ, HDF5 and meshes; no pickle, no links, and sizes are checked before anything is read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.content import check_size
from pinnkit.files.hdf5_arrays import read_arrays
from pinnkit.files.numpy_files import read_npz
from pinnkit.files.text_columns import read_columns
from pinnkit.files.unreadable import UnreadableFile, reading

from .optional import require

__all__ = ["MESHES", "TABLES", "read_table"]

Columns = Mapping[str, NDArray[Any]]


def read_table(path: Path) -> Columns:
    """Read the arrays of a file by name; numbers are arrays without dimensions.

    Raises:
        FileNotFoundError: where there is none.
        UnreadableFile: for a file that is damaged, too large, or of no known format.
    """
    suffix = path.suffix.lower()
    reader = TABLES.get(suffix) or (_read_mesh if suffix in MESHES else None)
    if reader is None:
        check_size(path)
        raise UnreadableFile(path, f"is no table that pinnkit reads; they end in {', '.join([*TABLES, *MESHES])}")
    return reader(path)


def _read_mesh(path: Path) -> Columns:
    """Read the points of a mesh as x, y, z, and its values at points by name."""
    check_size(path)
    require("meshio", path)
    with reading(path, failure="cannot be read as a mesh"), _quiet():
        import meshio

        mesh = meshio.read(path)
    points = np.asarray(mesh.points, dtype=np.float64)
    found: dict[str, NDArray[Any]] = {name: points[:, i] for i, name in enumerate("xyz"[: points.shape[1]])}
    return found | {str(name): np.asarray(values) for name, values in mesh.point_data.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a reader of meshes prints; meshio ends the process for some files, which becomes an error."""
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    except SystemExit as error:
        raise RuntimeError(str(error)) from None
    except ValueError as error:  # of meshio, not of pinnkit: its words alone do not say what failed
        raise RuntimeError(str(error)) from None


MESHES = (".vtu", ".vtk", ".xdmf", ".msh", ".ply")
TABLES: Mapping[str, Callable[[Path], Columns]] = {
    ".csv": read_columns,
    ".txt": read_columns,
    ".dat": read_columns,
    ".npz": read_npz,
    ".h5": read_arrays,
    ".hdf5": read_arrays,
}
