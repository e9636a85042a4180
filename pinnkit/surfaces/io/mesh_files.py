"""Writing of triangle meshes: PLY, OBJ, STL, OFF."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pinnkit.meshes.mesh_reading import MESH_ENDINGS
from pinnkit.meshes.paths import MAX_ROUNDING, relative_rounding, writable_path
from pinnkit.meshes.ply import ply_bytes
from pinnkit.meshes.trimesh_backend import import_trimesh
from pinnkit.solutions.files import replacing

if TYPE_CHECKING:
    import trimesh

__all__ = ["write_mesh"]


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
