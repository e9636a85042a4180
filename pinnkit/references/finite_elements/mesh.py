"""Meshes of triangles or tetrahedra with curved edges on the walls, and their uniform refinement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.spatial import cKDTree

from pinnkit.references.grid import Array, Index

__all__ = ["ElementMesh", "MeshWalls"]

_EDGES = {2: ((0, 1), (1, 2), (2, 0)), 3: ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))}
# Children of a cell by its corners and the middles of its edges, numbered on.  In a tetrahedron four are at its
# corners; the octahedron between them is divided along its shortest diagonal, with its other corners in a ring around.
_CHILDREN = {
    2: ((0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)),
    3: ((0, 4, 5, 6), (4, 1, 7, 8), (5, 7, 2, 9), (6, 8, 9, 3)),
}
_DIAGONALS = (((4, 9), (5, 6, 8, 7)), ((5, 8), (4, 6, 9, 7)), ((6, 7), (4, 5, 9, 8)))
_NEAREST = 24
"""Cells of the coarsest mesh that are tried for a point."""


class MeshWalls(Protocol):
    """The walls that a mesh follows."""

    def onto(self, points: Array, pieces: Index) -> Array:
        """The points ``(n, d)`` moved onto the pieces of the boundary with the numbers ``(n,)``."""
        ...


@dataclass(frozen=True, eq=False)
class ElementMesh:
    """Triangles or tetrahedra.

    Args:
        points: vertices ``(n, d)``.
        cells: their numbers ``(m, d + 1)``; the children of a refined cell stand together.
        facets: numbers ``(k, d)`` of the vertices of the facets on the walls.
        pieces: number of the piece of the boundary of each facet.
        bent: edges ``(q, 2)`` on the walls, ascending vertices.
        middles: places ``(q, d)`` of their middles, on the walls.
        bent_pieces: number of the piece of each of these edges, and of a second one or -1, ``(q, 2)``.
        walls: that the mesh follows.
        parent: the mesh that this one refines, if any.
    """

    points: Array
    cells: Index
    facets: Index
    pieces: Index
    bent: Index
    middles: Array
    bent_pieces: Index
    walls: MeshWalls
    parent: ElementMesh | None = None

    @classmethod
    def of(cls, points: Array, cells: Index, facets: Index, pieces: Index, walls: MeshWalls) -> ElementMesh:
        """A mesh whose edges on walls are bent onto them."""
        ends = [facets[:, [i, j]] for i in range(facets.shape[1]) for j in range(i + 1, facets.shape[1])]
        edges = np.sort(np.concatenate(ends), axis=1)
        owners = np.tile(pieces, len(ends))
        bent, which = np.unique(edges, axis=0, return_inverse=True)
        which = which.ravel()
        both = np.full((len(bent), 2), -1, dtype=np.int64)
        np.maximum.at(both[:, 0], which, owners)
        other = owners != both[which, 0]
        np.maximum.at(both[:, 1], which[other], owners[other])
        middles = points[bent].mean(axis=1)
        middles = _onto(walls, middles, both)
        return cls(points, cells, facets, pieces, bent, middles, both, walls)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self.points.shape[1]

    @cached_property
    def edges(self) -> tuple[Index, Index]:
        """All edges ``(e, 2)``, ascending vertices, and those of each cell ``(m, 3 or 6)``."""
        pairs = np.concatenate([self.cells[:, [i, j]] for i, j in _EDGES[self.dim]])
        keys = np.sort(pairs, axis=1)
        found, which = np.unique(keys[:, 0] * len(self.points) + keys[:, 1], return_inverse=True)
        edges = np.stack([found // len(self.points), found % len(self.points)], axis=1)
        return edges, which.reshape(len(_EDGES[self.dim]), -1).T

    @cached_property
    def edge_middles(self) -> Array:
        """The middle of each edge, on the wall for those there."""
        edges, _ = self.edges
        middles = self.points[edges].mean(axis=1)
        middles[self.numbers_of(self.bent)] = self.middles
        return middles

    def numbers_of(self, pairs: Index) -> Index:
        """The numbers of edges, given by ascending vertices ``(q, 2)``."""
        edges, _ = self.edges
        n = len(self.points)
        return np.searchsorted(edges[:, 0] * n + edges[:, 1], pairs[:, 0] * n + pairs[:, 1])

    @property
    def unknowns(self) -> int:
        """Number of vertices and edges: of the values of a function of second degree."""
        return len(self.points) + len(self.edges[0])

    def refined(self) -> ElementMesh:
        """Every cell divided into 2^d, with new vertices at the middles of the edges."""
        _edges, of_cell = self.edges
        n = len(self.points)
        points = np.concatenate([self.points, self.edge_middles])
        local = np.concatenate([self.cells, n + of_cell], axis=1)
        cells = np.stack([local[:, list(child)] for child in _CHILDREN[self.dim]], axis=1)
        if self.dim == 3:
            cells = np.concatenate([cells, _octahedra(points, local)], axis=1)
        cells = cells.reshape(-1, self.dim + 1)
        d = self.dim
        sides = [(0, 1)] if d == 2 else [(0, 1), (1, 2), (2, 0)]
        middle = np.stack([n + self.numbers_of(np.sort(self.facets[:, s], axis=1)) for s in sides], axis=1)
        nodes = np.concatenate([self.facets, middle], axis=1)
        parts = [(0, 2), (2, 1)] if d == 2 else [(0, 3, 5), (3, 1, 4), (5, 4, 2), (3, 4, 5)]
        facets = np.stack([nodes[:, list(part)] for part in parts], axis=1).reshape(-1, d)
        pieces = np.repeat(self.pieces, len(parts))
        made = ElementMesh.of(points, cells, facets, pieces, self.walls)
        return ElementMesh(
            points, cells, facets, pieces, made.bent, made.middles, made.bent_pieces, self.walls, parent=self
        )

    @cached_property
    def volumes(self) -> Array:
        """Signed area or volume of each cell with straight edges."""
        x = self.points[self.cells]
        return np.linalg.det(x[:, 1:] - x[:, :1]) / (2 if self.dim == 2 else 6)

    def locate(self, points: Array) -> Index:
        """The number of the cell that contains each point, or of one that is nearly the nearest."""
        if self.parent is not None:
            found = self.parent.locate(points)
            count = 2**self.dim
            rows = found[:, None] * count + np.arange(count)
            return rows[np.arange(len(points)), self._depth(points, rows).argmax(axis=1)]
        tree = cKDTree(self.points[self.cells].mean(axis=1))
        many = min(_NEAREST, len(self.cells))
        _, rows = tree.query(points, k=many)
        rows = rows.reshape(len(points), many)
        depth = self._depth(points, rows)
        best = depth.argmax(axis=1)
        out = rows[np.arange(len(points)), best]
        lost = np.flatnonzero(depth[np.arange(len(points)), best] < -1e-9)
        every = np.arange(len(self.cells))
        step = max(1, 2**20 // len(every))
        for start in range(0, len(lost), step):
            part = lost[start : start + step]
            out[part] = self._depth(points[part], np.broadcast_to(every, (len(part), len(every)))).argmax(axis=1)
        return out

    @cached_property
    def _frames(self) -> tuple[Array, Array, Array]:
        x = self.points[self.cells]
        sides = np.swapaxes(x[:, 1:] - x[:, :1], 1, 2)
        size = np.sqrt((sides**2).sum(axis=1).max(axis=1))
        return x[:, 0], np.asarray(np.linalg.inv(sides), dtype=np.float64), size

    def _depth(self, points: Array, rows: Index) -> Array:
        """Smallest barycentric coordinate ``(n, k)`` in cells ``(n, k)``, times their size where it is negative."""
        origin, inverse, size = self._frames
        inner = np.einsum("nkij,nkj->nki", inverse[rows], points[:, None] - origin[rows])
        least = np.minimum(inner.min(axis=2), 1 - inner.sum(axis=2))
        return np.where(least < 0, least * size[rows], least)


def _octahedra(points: Array, local: Index) -> Index:
    """The four tetrahedra ``(m, 4, 4)`` inside each octahedron of the middles of edges, along its shortest diagonal."""
    lengths, parts = [], []
    for (a, b), ring in _DIAGONALS:
        lengths.append(np.linalg.norm(points[local[:, a]] - points[local[:, b]], axis=1))
        parts.append(np.stack([local[:, [a, b, ring[k], ring[(k + 1) % 4]]] for k in range(4)], axis=1))
    shortest = np.argmin(np.round(np.stack(lengths), 12), axis=0)
    return np.stack(parts)[shortest, np.arange(len(local))]


def _onto(walls: MeshWalls, points: Array, pieces: Index) -> Array:
    """Points moved onto the piece of their edge; onto both in turn where it has two."""
    found = walls.onto(points, pieces[:, 0])
    two = np.flatnonzero(pieces[:, 1] >= 0)
    for _ in range(20 if len(two) else 0):
        found[two] = walls.onto(found[two], pieces[two, 1])
        found[two] = walls.onto(found[two], pieces[two, 0])
    return found
