"""Reading of triangle meshes: PLY, OBJ, STL, OFF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pinnkit.files.unreadable import UnreadableFile, reading

from .mesh_formats import read_polygons
from .paths import existing_file
from .trimesh_backend import import_trimesh

if TYPE_CHECKING:
    import trimesh

__all__ = ["MESH_ENDINGS", "read_mesh"]

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
