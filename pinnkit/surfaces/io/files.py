"""Files of meshes, read and written, and of clouds, written: PLY, OBJ, STL, OFF, XYZ, NPY, NPZ."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solutions.storage import replacing
from pinnkit.surfaces.points.cloud import PointCloud

from .mesh_files import read_polygons
from .ply import ply_bytes

if TYPE_CHECKING:
    import trimesh

__all__ = ["COARSE", "existing_file", "import_trimesh", "read_mesh", "rounding_of", "write_mesh", "write_points"]

_MESHES = (".ply", ".obj", ".stl", ".off")
COARSE = 1e-4  # of the diagonal: a file that rounds more coarsely is worth a sentence


def import_trimesh() -> Any:
    """The package trimesh, or a message on how to get it."""
    try:
        import trimesh
    except ImportError:
        raise ImportError("meshes need the package trimesh: pip install 'pinnkit[surfaces]'") from None
    return trimesh


def read_mesh(path: str | Path) -> trimesh.Trimesh:
    """A triangle mesh from a PLY, OBJ, STL or OFF file, in the coordinates of the file.

    Objects, groups and solids of a file become one mesh; faces of more than three corners are cut into triangles, also
    where they are not convex.  Equal vertices are merged (STL repeats each), triangles that use a vertex twice and
    vertices without a triangle are dropped.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for what cannot be read, has no triangles, or has vertices that are not finite.
    """
    path = existing_file(path, _MESHES, "read_mesh")
    trimesh = import_trimesh()
    try:
        polygons = read_polygons(path)
    except ValueError as error:
        raise ValueError(f"'{path}': cannot be read as a mesh, {error}") from None
    vertices = polygons.vertices
    if not (polygons.counts >= 3).any():
        raise ValueError(
            f"'{path}': has {len(vertices):,} vertices and no triangles; a point cloud becomes a mesh by "
            f"`pinnkit reconstruct {path.name} --out mesh.ply`"
        )
    bad = ~np.isfinite(vertices).all(axis=1)
    if bad.any():
        raise ValueError(
            f"'{path}': {int(bad.sum())} of {len(vertices):,} vertices are not finite, the first is number "
            f"{int(bad.argmax())}; repair the file"
        )
    faces = polygons.triangles()
    used, corners = np.unique(vertices[faces.reshape(-1)], axis=0, return_inverse=True)
    corners = corners.reshape(-1, 3)
    a, b, c = corners.T
    return trimesh.Trimesh(used, corners[(a != b) & (b != c) & (c != a)], process=False)


def write_mesh(path: str | Path, mesh: trimesh.Trimesh) -> Path:
    """Write a mesh as PLY or OBJ or OFF (float64) or STL (float32 by its definition), whole or not at all.

    Raises:
        ValueError: for another ending, or an STL file whose float32 would move vertices by more than 1e-4 of the
            diagonal.
    """
    path = _writable(path, _MESHES, "write_mesh")
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    kind = path.suffix.lower()
    if kind == ".ply":
        data = ply_bytes(vertices, None, faces)
    elif kind == ".stl":
        rounding = rounding_of(vertices, np.float32)
        if rounding > COARSE:
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


def write_points(path: str | Path, cloud: PointCloud) -> Path:
    """Write a cloud as PLY, XYZ (text of 3 or 6 columns), NPY ``(n, 3 or 6)`` or NPZ, whole or not at all."""
    path = _writable(path, (".ply", ".xyz", ".npy", ".npz"), "write_points")
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


# reading and checking -------------------------------------------------------------------------------------------------
def existing_file(path: str | Path, endings: tuple[str, ...], owner: str) -> Path:
    """The path of a file that is there, is not empty, and has one of the endings.

    Raises:
        FileNotFoundError, ValueError: where it is not so.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{owner}: '{path}' {what}")
    if path.suffix.lower() not in endings:
        raise ValueError(f"{owner}: '{path}' has no known ending; known are {', '.join(endings)}")
    if not path.stat().st_size:
        raise ValueError(f"{owner}: '{path}' is empty (0 bytes)")
    return path


def _writable(path: str | Path, endings: tuple[str, ...], owner: str) -> Path:
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise ValueError(f"{owner}: '{path}' must end in one of {', '.join(endings)}")
    return path


def rounding_of(points: NDArray[np.float64], dtype: type[np.floating[Any]]) -> float:
    """How coarsely `dtype` stores these points, relative to the diagonal of their box."""
    finite = points[np.isfinite(points).all(axis=1)]
    if len(finite) < 2:
        return 0.0
    diagonal = float(np.linalg.norm(finite.max(axis=0) - finite.min(axis=0)))
    return float(np.finfo(dtype).eps * np.abs(finite).max() / diagonal) if diagonal > 0 else 0.0


def _obj_or_off(vertices: NDArray[np.float64], faces: NDArray[np.int64], kind: str) -> str:
    out = io.StringIO()
    np.savetxt(out, vertices, fmt=("v " if kind == ".obj" else "") + "%.17g %.17g %.17g")
    np.savetxt(out, faces + 1 if kind == ".obj" else faces, fmt="f %d %d %d" if kind == ".obj" else "3 %d %d %d")
    return out.getvalue()
