"""Triangles inside the walls of a domain of the plane, by Delaunay refinement.

The walls are divided into edges of the wanted sizes, with vertices on the exact curves.  Circumcentres of triangles
that are too large or too thin are inserted, many at a time, until none is left; an edge of a wall is halved where a
vertex lies in the circle around it.  Then vertices are moved to the middle of their neighbours a few times.  There is
nothing random and nothing that depends on time: one domain and one size field give one mesh.

Triangulations are those of scipy (Qhull), so that references in the plane need no mesh generator.

Source: Ruppert, J. Algorithms 18 (1995) 548; Chew, Proc. 9th Symp. Comput. Geom., 1993, 274.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from pinnkit.references.grid import Array, Index

from .mesh import ElementMesh
from .plane_walls import PlaneWalls
from .sizes import SizeField

__all__ = ["MeshingFailed", "mesh_plane"]

_ROUNDS = 60
_SMOOTHINGS = 8
_LARGE = 0.72
"""Circumradius over wanted size up to which a triangle is small enough; 0.58 for an equilateral one."""
_THIN = 1.35
"""Circumradius over shortest edge up to which a triangle is good enough: smallest angle 22 degrees."""
_APART = 0.6
"""Least distance of vertices that are inserted together, relative to the wanted size."""
_SHORTEST = 1e-8
"""Shortest edge of a wall that is halved, relative to the domain."""
_MOST, _MOST_ON_WALLS = 400_000, 10_000
"""Vertices of a mesh, and on its walls, at which it is given up."""


Mask = NDArray[np.bool_]


class MeshingFailed(ValueError):
    """The walls leave no mesh of good triangles: they touch, or nearly so."""


@dataclass
class _Edges:
    """The walls as chains of edges: parameters of the vertices on each curve, both ends included."""

    walls: PlaneWalls
    places: list[Array]

    def build(self) -> tuple[Array, Index, Index]:
        """Vertices ``(n, 2)``, edges ``(n, 2)`` with the domain on their left, and the piece of each edge."""
        points, edges, pieces, count, piece = [], [], [], 0, 0
        for loop in self.walls.loops:
            first = count
            for curve in loop:
                s = self.places[piece][:-1]
                points.append(curve.point(torch.from_numpy(s)).numpy())
                pieces.append(np.full(len(s), piece))
                count += len(s)
                piece += 1
            here = np.arange(first, count)
            edges.append(np.stack([here, np.roll(here, -1)], axis=1))
        return np.concatenate(points), np.concatenate(edges), np.concatenate(pieces)

    def split(self, rows: Index, pieces: Index) -> None:
        """Halve the edges with the numbers `rows`.

        The first edges of both walls at a corner are split together, at one distance from it: of equal length, neither
        has the end of the other in its circle, however small the angle.
        """
        first = np.concatenate([[0], np.cumsum([len(s) - 1 for s in self.places])])
        wanted = set(rows.tolist())
        new: list[list[float]] = [[] for _ in self.places]
        for piece in range(len(self.places)):
            after = self.walls.follower(piece)
            last, start = int(first[piece + 1]) - 1, int(first[after])
            if after == piece or not {last, start} & wanted:
                continue
            wanted -= {last, start}
            s, t = self.places[piece], self.places[after]
            ends = [self._chord(piece, s[-1], s[-2]), self._chord(after, t[0], t[1])]
            at = min(ends) / 2
            new[piece].append(self._at_distance(piece, s[-1], s[-2], at))
            new[after].append(self._at_distance(after, t[0], t[1], at))
        for row in wanted:
            piece = int(pieces[row])
            k = row - int(first[piece])
            new[piece].append(float(self.places[piece][k] + self.places[piece][k + 1]) / 2)
        for piece, more in enumerate(new):
            self.places[piece] = np.unique(np.concatenate([self.places[piece], more]))

    def _chord(self, piece: int, a: float, b: float) -> float:
        x = self.walls.curves[piece].point(torch.tensor([a, b], dtype=torch.float64)).numpy()
        return float(np.hypot(*(x[1] - x[0])))

    def _at_distance(self, piece: int, corner: float, end: float, distance: float) -> float:
        """The parameter between that of a corner and another one at which the curve has a distance from the corner."""
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            if self._chord(piece, corner, corner + middle * (end - corner)) < distance:
                low = middle
            else:
                high = middle
        return corner + high * (end - corner)


def mesh_plane(walls: PlaneWalls, sizes: SizeField) -> ElementMesh:
    """The mesh of triangles of the wanted sizes.

    Raises:
        MeshingFailed: where the walls do not admit one.
    """
    edges = _Edges(walls, [_divided(walls, k, sizes) for k in range(len(walls.curves))])
    inner = np.zeros((0, 2))
    for _ in range(_ROUNDS):
        boundary, pairs, pieces = edges.build()
        encroached = _encroached(boundary, pairs)
        if len(encroached):
            _give_up_on(boundary, pairs[encroached], walls.size)
            edges.split(encroached, pieces)
            continue
        inner = inner[~_in_circles(boundary, pairs, inner)]
        points = np.concatenate([boundary, inner])
        cells = _inside(points, pairs, walls.size)
        if isinstance(cells, np.ndarray) and cells.shape[1] == 2:  # edges that are missing
            _give_up_on(boundary, cells, walls.size)
            edges.split(_rows_of(pairs, cells), pieces)
            continue
        new, blocked = _candidates(points, cells, boundary, pairs, sizes)
        if len(blocked):
            edges.split(blocked, pieces)
        if not len(new) and not len(blocked):
            break
        if len(points) + len(new) > _MOST:
            raise MeshingFailed(f"more than {_MOST} vertices would be needed")
        inner = np.concatenate([inner, new])
    boundary, pairs, pieces = edges.build()
    inner = inner[~_in_circles(boundary, pairs, inner)]
    points = np.concatenate([boundary, inner])
    cells = _inside(points, pairs, walls.size)
    if cells.shape[1] == 2:
        x, y = points[cells[0, 0]]
        raise MeshingFailed(f"no triangles follow the wall near ({x:.6g}, {y:.6g})")
    for _ in range(_SMOOTHINGS):
        moved = _smoothed(points, cells, len(boundary), boundary, pairs)
        again = _inside(moved, pairs, walls.size)
        if again.shape[1] == 2:
            break
        points, cells = moved, again
    kept, where = np.unique(np.concatenate([cells.ravel(), pairs.ravel()]), return_inverse=True)
    cells, facets = where[: cells.size].reshape(-1, 3), where[cells.size :].reshape(-1, 2)
    return ElementMesh.of(points[kept], cells, facets, pieces, walls)


def _give_up_on(points: Array, pairs: Index, size: float) -> None:
    """Refuse walls whose edges would have to become too short, or too many.

    Raises:
        MeshingFailed: with the place.
    """
    length = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    if length.min() < _SHORTEST * size or len(points) > _MOST_ON_WALLS:
        x, y = points[pairs[length.argmin(), 0]]
        raise MeshingFailed(f"walls touch or nearly touch near ({x:.6g}, {y:.6g})")


def _divided(walls: PlaneWalls, piece: int, sizes: SizeField) -> Array:
    """Parameters that divide a curve into edges of the wanted sizes, at least 3 for a closed one."""
    curve = walls.curves[piece]
    s = np.linspace(0, 1, 513)
    # Places in geometric progression from both ends, as sizes may be tiny there.
    near = 2.0 ** np.arange(-30, -8)
    s = np.unique(np.concatenate([s, near, 1 - near]))
    x = curve.point(torch.from_numpy(s)).numpy()
    length = np.hypot(*np.diff(x, axis=0).T)
    h = sizes.at((x[1:] + x[:-1]) / 2)
    count = np.concatenate([[0.0], np.cumsum(length / h)])
    closed = walls.follower(piece) == piece
    edges = max(int(np.ceil(count[-1] - 1e-9)), 6 if closed else 1)
    return np.interp(np.linspace(0, count[-1], edges + 1), count, s)


def _encroached(points: Array, pairs: Index) -> Index:
    """Edges with another vertex of the walls inside the circle around them."""
    middle = (points[pairs[:, 0]] + points[pairs[:, 1]]) / 2
    radius = np.hypot(*(points[pairs[:, 1]] - points[pairs[:, 0]]).T) / 2
    gap, nearest = cKDTree(points).query(middle, k=3)
    other = (nearest != pairs[:, :1]) & (nearest != pairs[:, 1:])
    return np.flatnonzero((other & (gap < radius[:, None] * (1 - 1e-9))).any(axis=1))


def _in_circles(points: Array, pairs: Index, x: Array, slack: float = 1.0) -> Mask:
    """True ``(n,)`` for points inside a circle around an edge."""
    found = np.zeros(len(x), dtype=bool)
    if len(x):
        middle = (points[pairs[:, 0]] + points[pairs[:, 1]]) / 2
        radius = slack * np.hypot(*(points[pairs[:, 1]] - points[pairs[:, 0]]).T) / 2
        for rows in cKDTree(x).query_ball_point(middle, radius):
            found[rows] = True
    return found


def _inside(points: Array, pairs: Index, size: float) -> Index:
    """Triangles ``(m, 3)`` inside, counter-clockwise; or, where the triangulation lacks them, the edges ``(k, 2)``.

    A triangle on the left of an edge is inside, one on its right is outside, and so are those that no edge separates
    from it.
    """
    lower, upper = points.min(axis=0), points.max(axis=0)
    middle = (lower + upper) / 2
    frame = middle + 2.0 * size * np.array([[-1, -1.1], [1.2, -1], [1, 1.3], [-1.4, 1]])
    n = len(points)
    found = Delaunay(np.concatenate([points, frame]) - middle)
    cells = found.simplices.astype(np.int64)
    x = found.points[cells]
    area = _cross(x[:, 1] - x[:, 0], x[:, 2] - x[:, 0])
    flipped = area < 0
    cells[flipped] = cells[flipped][:, [0, 2, 1]]
    neighbours = found.neighbors.copy()
    neighbours[flipped] = neighbours[flipped][:, [0, 2, 1]]
    start = cells[:, [1, 2, 0]].ravel()  # the edge opposite to vertex k is (k + 1, k + 2)
    end = cells[:, [2, 0, 1]].ravel()
    owner = np.repeat(np.arange(len(cells)), 3)
    keys = start * (n + 4) + end
    order = np.argsort(keys)

    def side(a: Index, b: Index) -> Index:
        wanted = a * (n + 4) + b
        at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
        return np.where(keys[order][at] == wanted, owner[order][at], -1)

    left, right = side(pairs[:, 0], pairs[:, 1]), side(pairs[:, 1], pairs[:, 0])
    if (left < 0).any() or (right < 0).any():
        return pairs[(left < 0) | (right < 0)]
    walls = np.concatenate([pairs[:, 0] * (n + 4) + pairs[:, 1], pairs[:, 1] * (n + 4) + pairs[:, 0]])
    free = ~np.isin(keys, walls) & (neighbours.ravel() >= 0)
    links = coo_array((np.ones(free.sum()), (owner[free], neighbours.ravel()[free])), shape=(len(cells), len(cells)))
    _, label = connected_components(links, directed=False)
    inner = np.zeros(label.max() + 1, dtype=bool)
    inner[label[left]] = True
    if inner[label[right]].any():
        row = int(np.flatnonzero(inner[label[right]])[0])
        a, b = points[pairs[row, 0]]
        raise MeshingFailed(f"the walls do not enclose the domain near ({a:.6g}, {b:.6g})")
    return cells[inner[label]]


def _rows_of(pairs: Index, some: Index) -> Index:
    known = {tuple(edge): k for k, edge in enumerate(pairs.tolist())}
    return np.array([known[tuple(edge)] for edge in some.tolist()])


def _candidates(points: Array, cells: Index, boundary: Array, pairs: Index, sizes: SizeField) -> tuple[Array, Index]:
    """Circumcentres to insert, far enough from each other, and edges of walls in the way that are too long."""
    a, b, c = (points[cells[:, k]] for k in range(3))
    u, v = b - a, c - a
    area = 2 * _cross(u, v)
    su, sv = (u**2).sum(axis=1), (v**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.stack([v[:, 1] * su - u[:, 1] * sv, u[:, 0] * sv - v[:, 0] * su], axis=1) / area[:, None]
    radius = np.hypot(*away.T)
    centre = a + away
    shortest = np.sqrt(np.minimum(np.minimum(su, sv), ((c - b) ** 2).sum(axis=1)))
    h = sizes.at((a + b + c) / 3)
    large, thin = radius / (_LARGE * h), radius / (_THIN * shortest)
    # Thin triangles below the wanted size are left where only ever smaller ones would follow.
    bad = np.isfinite(radius) & ((large > 1) | ((thin > 1) & (radius > 0.3 * h)))
    if not bad.any():
        return np.zeros((0, 2)), np.zeros(0, np.int64)
    urgent = np.maximum(large, 0.5 * thin)[bad]
    centre, h = centre[bad], sizes.at(centre[bad])
    order = np.lexsort((centre[:, 1], centre[:, 0], -urgent))
    centre, h = centre[order], h[order]
    blocking = np.zeros(len(pairs), dtype=bool)
    middle = (boundary[pairs[:, 0]] + boundary[pairs[:, 1]]) / 2
    length = np.hypot(*(boundary[pairs[:, 1]] - boundary[pairs[:, 0]]).T)
    stopped = np.zeros(len(centre), dtype=bool)
    for k, rows in enumerate(cKDTree(centre).query_ball_point(middle, length / 2)):
        if rows:
            stopped[rows] = True
            blocking[k] = True
    wanted = sizes.at(middle)
    blocked = np.flatnonzero(blocking & (length > 1.3 * wanted))
    lower, upper = boundary.min(axis=0), boundary.max(axis=0)
    stopped |= ((centre < lower) | (centre > upper)).any(axis=1)
    centre, h = centre[~stopped], h[~stopped]
    if not len(centre):
        return centre, blocked
    near, _ = cKDTree(points).query(centre)
    far = near > 0.5 * np.minimum(h, near.max())
    centre, h = centre[far], h[far]
    taken = np.ones(len(centre), dtype=bool)
    if len(centre):
        for k, rows in enumerate(cKDTree(centre).query_ball_point(centre, _APART * h)):
            if taken[k]:
                later = [r for r in rows if r > k]
                taken[later] = False
    return centre[taken], blocked


def _smoothed(points: Array, cells: Index, fixed: int, boundary: Array, pairs: Index) -> Array:
    """Vertices moved to the middle of their neighbours, unless they come into the circle around an edge of a wall."""
    n = len(points)
    start, end = cells[:, [0, 1, 2]].ravel(), cells[:, [1, 2, 0]].ravel()
    total, count = np.zeros((n, 2)), np.zeros(n)
    np.add.at(total, start, points[end])
    np.add.at(total, end, points[start])
    np.add.at(count, start, 1.0)
    np.add.at(count, end, 1.0)
    moved = points.copy()
    rows = np.flatnonzero((np.arange(n) >= fixed) & (count > 0))
    target = total[rows] / count[rows, None]
    good = ~_in_circles(boundary, pairs, target, 1.05)
    moved[rows[good]] = target[good]
    return moved


def _cross(u: Array, v: Array) -> Array:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
