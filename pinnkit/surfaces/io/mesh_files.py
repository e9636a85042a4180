"""Reading and writing of triangle meshes: PLY, OBJ, STL, OFF."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.unreadable import UnreadableFile, reading
from pinnkit.solutions.files import replacing
from pinnkit.surfaces.mesh.trimesh_backend import import_trimesh

from .mesh_formats import read_polygons
from .paths import MAX_ROUNDING, existing_file, relative_rounding, writable_path
from .ply import ply_bytes

if TYPE_CHECKING:
    import trimesh

__all__ = ["MESH_ENDINGS", "read_mesh", "write_mesh"]

MESH_ENDINGS = (".ply", ".obj", ".stl", ".off")
_FAILURE = "cannot be read as a mesh"


def read_mesh(path: str | Path) -> trimesh.Trimesh:
    """Read a triangle mesh from a PLY, OBJ, STL or OFF file, in the coordinates of the file.

    Objects, groups and solids of a file are joined to one mesh.  Faces with more than three corners, convex or not, are
    triangulated.  Equal vertices are merged (STL repeats each); triangles that use a vertex twice and unused vertices
    are dropped.

    Args:
        path: path of the file.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that cannot be read, has no triangles, or has vertices that are not finite.
    """
    path = existing_file(path, MESH_ENDINGS, "read_mesh")
    with reading(path, failure=_FAILURE):
        return _read(path)


def _read(path: Path) -> trimesh.Trimesh:
    trimesh = import_trimesh()
    try:
        polygons = read_polygons(path)
    except UnreadableFile:
        raise
    except ValueError as error:
        raise UnreadableFile(path, f"{_FAILURE}, {error}") from None
    vertices = polygons.vertices
    if not (polygons.counts >= 3).any():
        raise UnreadableFile(
            path,
            f"has {len(vertices):,} vertices and no triangles; a point cloud becomes a mesh by "
            f"`pinnkit reconstruct {path.name} --out mesh.ply`",
        )
    bad = ~np.isfinite(vertices).all(axis=1)
    if bad.any():
        raise UnreadableFile(
            path,
            f"{int(bad.sum())} of {len(vertices):,} vertices are not finite, the first is number "
            f"{int(bad.argmax())}; repair the file",
        )
    faces = polygons.triangles()
    used = np.zeros(len(vertices), bool)
    used[faces] = True
    merged, rows = np.unique(vertices[used], axis=0, return_inverse=True)
    corners = rows.reshape(-1)[np.cumsum(used) - 1][faces]
    a, b, c = corners.T
    return trimesh.Trimesh(merged, corners[(a != b) & (b != c) & (c != a)], process=False)


def write_mesh(path: str | Path, mesh: trimesh.Trimesh) -> Path:
    """Write a mesh as PLY, OBJ or OFF (float64) or STL (float32 by its definition).

    The file is written atomically (temporary file, then rename).

    Args:
        path: target path; its suffix selects the format.
        mesh: triangles.

    Returns:
        The path.

    Raises:
        ValueError: for another suffix, or an STL file whose float32 would move vertices by more than 1e-4 of the
            diagonal.
    """
    path = writable_path(path, MESH_ENDINGS, "write_mesh")
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    kind = path.suffix.lower()
    if kind == ".ply":
        data = ply_bytes(vertices, None, faces)
    elif kind == ".stl":
        rounding = relative_rounding(vertices, np.float32)
        if rounding > MAX_ROUNDING:
            raise ValueError(
                f"write_mesh: STL stores float32, which rounds these coordinates to {rounding:.1%} of the diagonal; "
                f"write '{path.with_suffix('.ply')}' or .obj, which keep float64"
            )
        data = import_trimesh().exchange.stl.export_stl(mesh)
    else:
        first = f"OFF\n{len(vertices)} {len(faces)} 0\n" if kind == ".off" else ""
        data = (first + _obj_or_off(vertices, faces, kind)).encode("ascii")
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


def _obj_or_off(vertices: NDArray[np.float64], faces: NDArray[np.int64], kind: str) -> str:
    out = io.StringIO()
    np.savetxt(out, vertices, fmt=("v " if kind == ".obj" else "") + "%.17g %.17g %.17g")
    np.savetxt(out, faces + 1 if kind == ".obj" else faces, fmt="f %d %d %d" if kind == ".obj" else "3 %d %d %d")
    return out.getvalue()
