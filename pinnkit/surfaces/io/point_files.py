"""Reading and writing of point clouds: PLY, OBJ, OFF, STL, XYZ and other text, NPY, NPZ; meshes are sampled."""

from __future__ import annotations

import io
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.content import read_content, read_text
from pinnkit.files.numpy_files import read_npy, read_npz
from pinnkit.files.unreadable import reading
from pinnkit.meshes.mesh_checks import check_mesh
from pinnkit.meshes.mesh_formats import OBJ_KEYWORDS
from pinnkit.meshes.mesh_reading import read_mesh
from pinnkit.meshes.paths import MAX_ROUNDING, existing_file, relative_rounding, writable_path
from pinnkit.meshes.ply import ply_bytes, read_vertices
from pinnkit.solutions.files import replacing
from pinnkit.surfaces.mesh.sampling import sample_mesh
from pinnkit.surfaces.points.cloud import PointCloud

from .text_table import TextTable

__all__ = ["SAMPLES", "read_points", "write_points"]

SAMPLES = 10_000
"""Points sampled on a mesh that is read as a cloud."""
_TEXT = (".xyz", ".txt", ".csv", ".pts", ".asc")
_CLOUDS = (".ply", ".obj", ".stl", ".off", ".npy", ".npz", *_TEXT)
_COMMENTS = ("#", "//", ";", "%")


def read_points(path: str | Path) -> PointCloud:
    """Read a point cloud from a file, in the coordinates of the file.

    Formats: PLY (ascii, binary), OBJ and OFF with vertices only, text with 3 or more columns (XYZ; columns 4 to 6 are
    normals if they have unit length), NPY ``(n, 3)`` or ``(n, 6)``, NPZ with `points` and optionally `normals`.

    For a mesh, 10,000 points are sampled uniformly on its triangles, with the normals of the triangles if the mesh is
    closed and consistently oriented.  (The vertices alone are no sample of the surface: a cube has eight.)  `notes` of
    the cloud list what was sampled, merged or ignored.

    Args:
        path: path of the file.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that cannot be read, values that are not finite, too few points, or coplanar points.
    """
    path = existing_file(path, _CLOUDS, "read_points")
    read = _CLOUD_READERS.get(path.suffix.lower(), _read_text)
    with reading(path):
        return read(path)


def write_points(path: str | Path, cloud: PointCloud) -> Path:
    """Write a cloud as PLY, XYZ (text of 3 or 6 columns), NPY ``(n, 3 or 6)`` or NPZ.

    The file is written atomically (temporary file, then rename).

    Args:
        path: target path; its suffix selects the format.
        cloud: points, with normals where there are any.

    Returns:
        The path.

    Raises:
        ValueError: for another suffix.
    """
    path = writable_path(path, (".ply", ".xyz", ".npy", ".npz"), "write_points")
    kind, out = path.suffix.lower(), io.BytesIO()
    table = cloud.points if cloud.normals is None else np.column_stack([cloud.points, cloud.normals])
    if kind == ".ply":
        out.write(ply_bytes(cloud.points, cloud.normals))
    elif kind == ".xyz":
        np.savetxt(out, table, fmt="%.17g")
    elif kind == ".npy":
        np.save(out, table)
    elif cloud.normals is None:
        np.savez(out, points=cloud.points)
    else:
        np.savez(out, points=cloud.points, normals=cloud.normals)
    with replacing(path) as temporary:
        temporary.write_bytes(out.getvalue())
    return path


# formats ----------------------------------------------------------------------------------------------------------
def _read_ply(path: Path) -> PointCloud:
    try:
        columns, kinds, faces = read_vertices(read_content(path))
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None
    if faces:
        return _sample_mesh_file(path)
    missing = [name for name in "xyz" if name not in columns]
    if missing:
        raise ValueError(f"'{path}': the vertices have no property `{missing[0]}`, only {list(columns)}")
    points = np.column_stack([columns[name] for name in "xyz"])
    normals = np.column_stack([columns[n] for n in _NORMALS]) if all(n in columns for n in _NORMALS) else None
    return PointCloud.of(points, normals, source=f"'{path}'", notes=_rounding_note(points, kinds["x"] == "f4"))


_NORMALS = ("nx", "ny", "nz")


def _read_obj(path: Path) -> PointCloud:
    found = {"v": array("d"), "vn": array("d")}
    for line in _lines(path):
        words = line.split()
        if words[0] in ("f", "fo"):
            return _sample_mesh_file(path)
        if words[0] not in OBJ_KEYWORDS:
            raise ValueError(f"'{path}': a line begins with {words[0]!r}, which is no keyword of OBJ")
        if words[0] in found:
            found[words[0]].extend(_three(words[1:4], path, f"`{words[0]}` number {len(found[words[0]]) // 3}"))
    points, normals = (np.array(numbers, np.float64).reshape(-1, 3) for numbers in found.values())
    trusted = normals if len(normals) and len(normals) == len(points) else None
    return PointCloud.of(points, trusted, source=f"'{path}'", notes=_ending_note(read_text(path)))


def _read_off(path: Path) -> PointCloud:
    words = " ".join(_lines(path)).split()
    if not words or not words[0].endswith("OFF"):
        raise ValueError(f"'{path}': not an OFF file, it must begin with `OFF`")
    try:
        vertices, faces = int(words[1]), int(words[2])
    except (IndexError, ValueError):
        raise ValueError(f"'{path}': after `OFF` come the numbers of vertices, faces and edges") from None
    if faces:
        return _sample_mesh_file(path)
    if words[0] != "OFF":
        raise ValueError(f"'{path}': the points of a file that begins with `{words[0]}` are not read; write it as OFF")
    if len(words) != 4 + 3 * vertices:
        raise ValueError(f"'{path}': {vertices:,} vertices of 3 numbers were promised; {len(words) - 4:,} numbers came")
    points = array("d")
    for i in range(4, len(words), 3):
        points.extend(_three(words[i : i + 3], path, f"vertex {len(points) // 3}"))
    return PointCloud.of(np.array(points, np.float64).reshape(-1, 3), source=f"'{path}'")


def _read_text(path: Path) -> PointCloud:
    text = read_text(path)
    try:
        table = TextTable.of(text)
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from None
    return _from_table(table.values, path, [*table.notes, *_ending_note(text)], named=table.named)


def _read_npy(path: Path) -> PointCloud:
    return _from_table(read_npy(path), path, [])


def _read_npz(path: Path) -> PointCloud:
    arrays = read_npz(path)
    named = [name for name in _NPZ if name in arrays]
    if not named:
        raise ValueError(f"'{path}': an NPZ file must have an array `points`, it has {sorted(arrays)}")
    return PointCloud.of(arrays[named[0]], arrays.get("normals"), source=f"'{path}'")


_NPZ = ("points", "xyz", "vertices", "positions", "pos")


_CLOUD_READERS: Mapping[str, Callable[[Path], PointCloud]] = {
    ".ply": _read_ply,
    ".obj": _read_obj,
    ".off": _read_off,
    ".stl": lambda path: _sample_mesh_file(path),
    ".npy": _read_npy,
    ".npz": _read_npz,
}


def _sample_mesh_file(path: Path) -> PointCloud:
    """Sample points uniformly on the triangles; with normals if the mesh is closed and oriented."""
    mesh = read_mesh(path)
    points, triangles = sample_mesh(mesh, SAMPLES, np.random.default_rng(0))
    state = check_mesh(mesh)
    trusted = state.closed and state.oriented
    normals = np.asarray(mesh.face_normals)[triangles] * np.sign(state.volume) if trusted else None
    with_them = "with their normals" if trusted else "without normals, since it is not closed and oriented"
    note = f"The file is a mesh of {len(mesh.faces):,} triangles; {SAMPLES:,} points were drawn on it, {with_them}."
    return PointCloud.of(points, normals, source=f"'{path}'", notes=(note,))


def _from_table(table: Any, path: Path, notes: list[str], *, named: bool = False) -> PointCloud:
    """Make a cloud from a table ``(n, c)`` whose columns 1 to 3 are coordinates.

    Columns 4 to 6, or 7 to 9 after colours, are normals if all rows have unit length or zero.  Column names take
    precedence.
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
    return PointCloud.of(points, normals, source=f"'{path}'", notes=(*notes, *_rounding_note(points, single)))


def _of_unit_length(columns: NDArray[np.float64]) -> bool:
    with np.errstate(all="ignore"):
        length = np.linalg.norm(columns, axis=1)
    unit = (np.abs(length - 1) < 0.1) | ~(length > 0)  # zeros and nan: written by programs without normals
    return bool(unit.mean() > 0.9)


# reading --------------------------------------------------------------------------------------------------------------
def _lines(path: Path) -> list[str]:
    """Lines of a text file without comments and blank lines."""
    stripped = (line.strip() for line in read_text(path).splitlines())
    found = [line for line in stripped if line and not line.startswith(_COMMENTS)]
    return [line.split("#")[0] for line in found]


def _three(words: list[str], path: Path, what: str) -> tuple[float, float, float]:
    try:
        x, y, z = map(float, words)
    except ValueError:
        raise ValueError(f"'{path}': {what} must be three numbers, got {' '.join(words)[:80]!r}") from None
    return x, y, z


def _ending_note(text: str) -> tuple[str, ...]:
    """Note for the user if the last line of a text has no line end: its numbers may lack digits."""
    if text.endswith(("\n", "\r")):
        return ()
    return ("The last line has no line end; if the file was cut short, its last point is wrong.",)


def _rounding_note(points: NDArray[np.float64], single: bool) -> tuple[str, ...]:
    """Note for the user if float32 in the file has rounded the coordinates noticeably."""
    rounding = relative_rounding(points, np.float32) if single else 0.0
    if not rounding > MAX_ROUNDING:
        return ()
    return (
        f"The file stores float32 far from the origin, which rounds coordinates to {rounding:.2g} of the diagonal; "
        f"subtract the offset before writing, or write float64.",
    )
