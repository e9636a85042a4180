"""Repair of meshes: merging of seams and duplicates, orientation, hole filling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .mesh_checks import check_mesh
from .polygons import Polygons
from .trimesh_backend import import_trimesh
from .winding import WindingNumber

if TYPE_CHECKING:
    import trimesh

__all__ = ["RepairedMesh", "repair_mesh"]

_WELD_DISTANCE = 1e-6  # of the diagonal: closer vertices are merged

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RepairedMesh:
    """Repaired mesh.

    Attributes:
        mesh: closed triangles.
        notes: a sentence for each change.
    """

    mesh: trimesh.Trimesh
    notes: tuple[str, ...]


def repair_mesh(mesh: trimesh.Trimesh) -> RepairedMesh:
    """Make a mesh closed and consistently oriented; a mesh that already is stays unchanged.

    1. Vertices closer than 1e-6 of the diagonal are merged.  Of coincident triangles one is kept, or none if they have
       opposite orientations.
    2. Components with inconsistent orientations are oriented: outward, or inward for a component inside an odd number
       of others (a cavity).
    3. Holes are closed by triangulating their boundary loops, flat where the loop is flat.  Fillings of large holes are
       a guess; the note states their size.

    Args:
        mesh: triangles.

    Raises:
        ValueError: for a mesh without triangles.

    Source: Barequet & Sharir, Filling gaps in the boundary of a polyhedron, Computer Aided Geometric Design 12 (1995)
    207, for the closing of boundary loops.
    """
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    if not len(faces):
        raise ValueError("repair_mesh: the mesh has no triangles")
    notes = list[str]()
    state = check_mesh(mesh)
    if not (state.closed and state.oriented):
        faces = _weld_vertices(vertices, faces, notes)
        faces = _remove_duplicates(faces, notes)
        faces = _orient_faces(vertices, faces, notes)
        faces = _fill_holes(vertices, faces, notes)
    used, corners = np.unique(faces, return_inverse=True)
    made = import_trimesh().Trimesh(vertices[used], corners.reshape(-1, 3), process=False)
    return RepairedMesh(made, tuple(notes))


def _weld_vertices(vertices: Floats, faces: Indices, notes: list[str]) -> Indices:
    used = np.unique(faces)
    at = vertices[used]
    diagonal = float(np.linalg.norm(at.max(axis=0) - at.min(axis=0)))
    pairs = cKDTree(at).query_pairs(_WELD_DISTANCE * diagonal, output_type="ndarray")
    if not len(pairs):
        return faces
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(at), len(at)))
    label = connected_components(links, directed=False)[1]
    first = np.full(label.max() + 1, len(vertices))
    np.minimum.at(first, label, used)
    stand_in = np.arange(len(vertices))
    stand_in[used] = first[label]
    merged = stand_in[faces]
    whole = (merged != np.roll(merged, 1, axis=1)).all(axis=1)
    notes.append(
        f"{len(at) - len(first):,} vertices nearer to another than {_WELD_DISTANCE:g} of the diagonal were joined to "
        f"it."
    )
    return merged[whole]


def _remove_duplicates(faces: Indices, notes: list[str]) -> Indices:
    lowest = faces.argmin(axis=1)[:, None]
    turned = np.take_along_axis(faces, (lowest + np.arange(3)) % 3, axis=1)  # lowest index first
    sense = np.where(turned[:, 1] < turned[:, 2], 1, -1)
    _, first, which = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_inverse=True)
    net = np.bincount(which.reshape(-1), weights=sense)
    alone = np.bincount(which.reshape(-1)) == 1
    kept = first[alone | (net != 0)]
    flip = (np.sign(net) != sense[first])[alone | (net != 0)]
    if len(kept) == len(faces):
        return faces
    notes.append(f"{len(faces) - len(kept):,} triangles that lay on others were left out.")
    order = np.argsort(kept)
    found = faces[kept[order]]
    return np.where(flip[order][:, None], found[:, ::-1], found)


def _orient_faces(vertices: Floats, faces: Indices, notes: list[str]) -> Indices:
    """Orient the triangles of each component alike.

    Each triangle is two graph nodes, one per orientation; neighbours are linked so that their common edge is traversed
    in both directions.
    """
    m = len(faces)
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    low, high = np.minimum(start, end), np.maximum(start, end)
    order = np.lexsort((high, low))
    same = np.pad((np.diff(low[order]) == 0) & (np.diff(high[order]) == 0), 1)
    pairs = np.flatnonzero(same[1:-1] & ~same[:-2] & ~same[2:])  # edges with exactly two triangles
    one, other = order[pairs], order[pairs + 1]
    alike = (start[one] == start[other]).astype(np.int64)  # same direction: one of the two must be flipped
    a, b = one // 3, other // 3
    rows = np.concatenate([a, a + m])
    columns = np.concatenate([b + m * alike, b + m * (1 - alike)])
    ties = coo_array((np.ones(len(rows)), (rows, columns)), shape=(2 * m, 2 * m))
    label = connected_components(ties, directed=False)[1]
    kept, turned = label[:m], label[m:]
    piece = np.minimum(kept, turned)
    twisted = np.unique(piece[kept == turned])  # not orientable, such as a Möbius strip
    flip = (kept > turned) & (kept != turned)
    mixed = [p for p in np.unique(piece[flip]) if p not in twisted and not flip[piece == p].all()]
    found = faces.copy()
    solids = {p: _orient_component(vertices, faces, flip, piece == p) for p in mixed}
    for p, solid in solids.items():
        rows_of = np.flatnonzero(piece == p)
        corner = vertices[solid[:1, 0]] if len(solids) > 1 else None
        depth = sum(_contains(vertices, other, corner) for q, other in solids.items() if q != p and corner is not None)
        found[rows_of] = solid[:, ::-1] if depth % 2 else solid
    if mixed:
        notes.append(f"In {len(mixed):,} piece(s) triangles faced different ways; they were turned alike.")
    if len(twisted):
        notes.append(f"{len(twisted):,} piece(s) cannot be oriented, as a Möbius strip cannot; they stay as they are.")
    return found


def _orient_component(vertices: Floats, faces: Indices, flip: NDArray[np.bool_], rows: NDArray[np.bool_]) -> Indices:
    """Triangles of one component with equal orientation and positive volume."""
    solid = np.where(flip[rows][:, None], faces[rows][:, ::-1], faces[rows])
    a, b, c = (vertices - vertices[solid[0, 0]])[solid].transpose(1, 0, 2)
    return solid if np.einsum("ij,ij->", a, np.cross(b, c)) >= 0 else solid[:, ::-1]


def _contains(vertices: Floats, solid: Indices, point: Floats) -> bool:
    mesh = import_trimesh().Trimesh(vertices, solid, process=False)
    return bool(abs(WindingNumber.of(mesh)(point)[0]) > 0.5)


def _fill_holes(vertices: Floats, faces: Indices, notes: list[str]) -> Indices:
    start, end = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    low, high = np.minimum(start, end), np.maximum(start, end)
    edges, which = np.unique(np.stack([low, high], axis=1), axis=0, return_inverse=True)
    net = np.bincount(which.reshape(-1), weights=np.where(start < end, 1, -1)).astype(np.int64)
    left = np.repeat(np.arange(len(edges)), np.abs(net))
    if not len(left):
        return faces
    forward = net[left] > 0  # the cap traverses the edge in the opposite direction
    a = np.where(forward, edges[left, 1], edges[left, 0])
    b = np.where(forward, edges[left, 0], edges[left, 1])
    loops = _boundary_loops(a.tolist(), b.tolist())
    corners = np.concatenate([*loops, np.zeros(0, np.int64)])
    caps = Polygons(vertices, np.array([len(loop) for loop in loops], np.int64), corners).triangles()
    across = max((float(np.linalg.norm(np.ptp(vertices[loop], axis=0))) for loop in loops), default=0.0)
    diagonal = float(np.linalg.norm(np.ptp(vertices[np.unique(faces)], axis=0)))
    notes.append(
        f"{len(loops):,} hole(s) with {len(corners):,} edges were closed, the largest {across / diagonal:.2g} of the "
        f"diagonal across."
    )
    return np.concatenate([faces, caps])


def _boundary_loops(starts: list[int], ends: list[int]) -> list[Indices]:
    """Closed loops of directed edges, each passing a vertex at most once; back-and-forth pairs are dropped."""
    leaving: dict[int, list[int]] = {}
    for a, b in zip(starts, ends, strict=True):
        leaving.setdefault(a, []).append(b)
    found = []
    for first in starts:
        path, place = [first], {first: 0}
        while leaving.get(path[-1]):
            after = leaving[path[-1]].pop()
            if after not in place:
                place[after] = len(path)
                path.append(after)
                continue
            rim = path[place[after] :]
            for vertex in rim[1:]:
                del place[vertex]
            del path[place[after] + 1 :]
            if len(rim) > 2:
                found.append(np.array(rim, np.int64))
    return found
