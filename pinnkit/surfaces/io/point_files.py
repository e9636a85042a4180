"""Files of point clouds, read: PLY, OBJ, OFF, XYZ and other text, NPY, NPZ; a mesh is sampled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.surfaces.points.cloud import PointCloud

from .files import COARSE, existing_file, read_mesh, rounding_of
from .ply import read_vertices
from .text_table import TextTable, number_rows

__all__ = ["SAMPLES", "read_points"]

SAMPLES = 10_000
"""Points drawn on a mesh that is given as a cloud."""
_TEXT = (".xyz", ".txt", ".csv", ".pts", ".asc")
_CLOUDS = (".ply", ".obj", ".stl", ".off", ".npy", ".npz", *_TEXT)
_COMMENTS = ("#", "//", ";", "%")


def read_points(path: str | Path) -> PointCloud:
    """A point cloud from a file, in the coordinates of the file.

    PLY (ascii, binary), OBJ and OFF with vertices alone, text of 3 or more columns (XYZ; columns 4 to 6 are normals
    where they have unit length), NPY ``(n, 3)`` or ``(n, 6)``, NPZ with `points` and perhaps `normals`.

    A mesh is taken as well: 10,000 points are drawn uniformly on its triangles (its vertices are no sample of the
    surface: a cube has eight), with the normals of the triangles if it is closed and consistently oriented.  `notes`
    of the cloud says so, as it says what was merged or ignored.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for what cannot be read, values that are not finite, too few points, points in one plane or line.
    """
    path = existing_file(path, _CLOUDS, "read_points")
    read = _CLOUD_READERS.get(path.suffix.lower(), _read_text)
    return read(path)


# the formats ----------------------------------------------------------------------------------------------------------
def _read_ply(path: Path) -> PointCloud:
    try:
        columns, kinds, faces = read_vertices(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None
    if faces:
        return _from_mesh(path)
    missing = [name for name in "xyz" if name not in columns]
    if missing:
        raise ValueError(f"'{path}': the vertices have no property `{missing[0]}`, only {list(columns)}")
    points = np.column_stack([columns[name] for name in "xyz"])
    normals = np.column_stack([columns[n] for n in _NORMALS]) if all(n in columns for n in _NORMALS) else None
    return PointCloud.of(points, normals, source=f"'{path}'", notes=_coarse(points, kinds["x"] == "f4"))


_NORMALS = ("nx", "ny", "nz")


def _read_obj(path: Path) -> PointCloud:
    rows: dict[str, list[list[str]]] = {"v": [], "vn": []}
    for line in _lines(path):
        words = line.split()
        if words[0] == "f":
            return _from_mesh(path)
        if words[0] in rows:
            rows[words[0]].append(words[1:4])
    points = _array(rows["v"], path, "vertices `v`")
    normals = _array(rows["vn"], path, "normals `vn`") if rows["vn"] and len(rows["vn"]) == len(rows["v"]) else None
    return PointCloud.of(points, normals, source=f"'{path}'")


def _read_off(path: Path) -> PointCloud:
    words = " ".join(_lines(path)).split()
    if not words or not words[0].endswith("OFF"):
        raise ValueError(f"'{path}': not an OFF file, it must begin with `OFF`")
    try:
        vertices, faces = int(words[1]), int(words[2])
    except (IndexError, ValueError):
        raise ValueError(f"'{path}': after `OFF` come the numbers of vertices, faces and edges") from None
    if faces:
        return _from_mesh(path)
    if words[0] != "OFF" or len(words) < 4 + 3 * vertices:
        raise ValueError(f"'{path}': {vertices:,} vertices of 3 numbers were promised; {len(words) - 4:,} numbers came")
    rows = [words[i : i + 3] for i in range(4, 4 + 3 * vertices, 3)]
    return PointCloud.of(_array(rows, path, "vertices"), source=f"'{path}'")


def _read_text(path: Path) -> PointCloud:
    try:
        table = TextTable.of(_text(path))
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None
    return _from_table(table.values, path, list(table.notes), named=table.named)


def _read_npy(path: Path) -> PointCloud:
    return _from_table(_numpy(path), path, [])


def _read_npz(path: Path) -> PointCloud:
    arrays = _numpy(path)
    named = [name for name in _NPZ if name in arrays]
    if not named:
        raise ValueError(f"'{path}': an NPZ file must have an array `points`, it has {sorted(arrays)}")
    return PointCloud.of(arrays[named[0]], arrays.get("normals"), source=f"'{path}'")


_NPZ = ("points", "xyz", "vertices", "positions", "pos")


_CLOUD_READERS: Mapping[str, Callable[[Path], PointCloud]] = {
    ".ply": _read_ply,
    ".obj": _read_obj,
    ".off": _read_off,
    ".stl": lambda path: _from_mesh(path),
    ".npy": _read_npy,
    ".npz": _read_npz,
}


def _from_mesh(path: Path) -> PointCloud:
    """Points drawn uniformly on the triangles, with their normals where those can be trusted."""
    from pinnkit.surfaces.mesh.mesh_checks import examine
    from pinnkit.surfaces.mesh.sampling import sample_mesh  # sampling knows meshes, not files

    mesh, state = read_mesh(path), None
    points, triangles = sample_mesh(mesh, SAMPLES, np.random.default_rng(0))
    state = examine(mesh)
    trusted = state.closed and state.oriented
    normals = np.asarray(mesh.face_normals)[triangles] * np.sign(state.volume) if trusted else None
    with_them = "with their normals" if trusted else "without normals, since it is not closed and oriented"
    note = f"The file is a mesh of {len(mesh.faces):,} triangles; {SAMPLES:,} points were drawn on it, {with_them}."
    return PointCloud.of(points, normals, source=f"'{path}'", notes=(note,))


def _from_table(table: Any, path: Path, notes: list[str], *, named: bool = False) -> PointCloud:
    """Columns 1 to 3 are points; 4 to 6, or 7 to 9 after colours, are normals if they are all of unit length or zero.

    Where columns have names these decide.
    """
    array = np.asarray(table)
    if array.dtype.kind in "fiu" and array.ndim == 2 and array.shape[0] in (3, 6) and array.shape[1] > 6:
        raise ValueError(
            f"'{path}': points are rows, (n, 3) or (n, 6) with normals; write the transpose of {array.shape}"
        )
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] < 3:
        raise ValueError(
            f"'{path}': must hold numbers of shape (n, 3), or (n, 6) with normals, got {array.dtype} {array.shape}"
        )
    points, others = array[:, :3].astype(np.float64), array[:, 3:].astype(np.float64)
    places = (0,) if named else (0, 3)
    trusted = [at for at in places if others.shape[1] >= at + 3 and (named or _of_unit_length(others[:, at : at + 3]))]
    normals = others[:, trusted[0] : trusted[0] + 3] if trusted else None
    if trusted == [3]:
        notes.append("Columns 7 to 9 have unit length and were taken as normals.")
    ignored = others.shape[1] - (0 if normals is None else 3)
    if ignored:
        why = "" if named else ": normals would be three of unit length after x y z"
        notes.append(f"{ignored} further columns were ignored{why}.")
    single = array.dtype == np.float32
    return PointCloud.of(points, normals, source=f"'{path}'", notes=(*notes, *_coarse(points, single)))


def _of_unit_length(columns: NDArray[np.float64]) -> bool:
    with np.errstate(all="ignore"):
        length = np.linalg.norm(columns, axis=1)
    unit = (np.abs(length - 1) < 0.1) | ~(length > 0)  # zeros and nan are those of programs without normals
    return bool(unit.mean() > 0.9)


# reading --------------------------------------------------------------------------------------------------------------
def _lines(path: Path) -> list[str]:
    """The lines of a text file without comments and blank ones."""
    stripped = (line.strip() for line in _text(path).splitlines())
    found = [line for line in stripped if line and not line.startswith(_COMMENTS)]
    return [line.split("#")[0] for line in found]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"'{path}': is not text, although its ending {path.suffix} says so") from None


def _array(rows: list[list[str]], path: Path, what: str) -> NDArray[np.float64]:
    try:
        return number_rows(rows, what)
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None


def _numpy(path: Path) -> Any:
    try:
        loaded = np.load(path, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"'{path}': cannot be read as a NumPy file, {error}") from None


def _coarse(points: NDArray[np.float64], single: bool) -> tuple[str, ...]:
    """A sentence where float32 in the file has already cost digits."""
    rounding = rounding_of(points, np.float32) if single else 0.0
    if not rounding > COARSE:
        return ()
    return (
        f"The file stores float32 far from the origin, which rounds coordinates to {rounding:.2g} of the diagonal; "
        f"subtract the offset before writing, or write float64.",
    )
