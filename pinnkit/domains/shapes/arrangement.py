"""Outline of a combination of shapes of the plane: their curves, cut where they meet, and the pieces that bound it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .curves import Curve
from .intersections import meetings
from .motion import Point
from .outline import Outline, OutlinePiece, bounding_box, opening, swept_area
from .walls import Owner

__all__ = ["TOLERANCE", "PlaneSide", "Primitive", "arrange"]

TOLERANCE = 1e-12
"""Distance of coincident points that rounding may leave, relative to the size of the arrangement.

The tolerances below are multiples of it.  Pieces may only lie on each other where the curves have been cut, and ends of
pieces may only be farther apart than a cut is exact where they are of different cuts.
"""
_ON = 8.0
"""Of a piece to another curve on which it lies."""
_MEETS = 16.0
"""Of curves that touch; cuts of both are then within four times that."""
_NODE = 128.0
"""Of ends of pieces that are one node."""
_SHORTEST = 256.0
"""Of cuts that are two."""
_ASIDE = 1e5
"""Distance at which the two sides of a piece are tested."""


@dataclass(frozen=True)
class PlaneSide:
    """A named part of the boundary of a primitive of the plane.

    Args:
        name: of the wall, unique among those of a shape.
        curves: with the primitive on their left.
    """

    name: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Primitive:
    """A shape of the plane that is combined with others.

    Args:
        sides: its boundary.
        signed_distance: points `(n, 2)` to distances `(n,)`, negative inside.
    """

    sides: tuple[PlaneSide, ...]
    signed_distance: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class _Cut:
    """The piece of curve number `curve` between two parameters; the nodes are the numbers of its end points."""

    curve: int
    start: float
    stop: float
    owners: tuple[Owner, ...]
    flipped: bool


def arrange(primitives: Sequence[Primitive], combine: Callable[[Sequence[Tensor]], Tensor]) -> Outline:
    """Trim the boundaries of primitives to that of a combination, and chain the pieces into closed loops.

    A piece between two meeting points bounds the combination where `combine` says that one of its sides is inside and
    the other is not.  Whether a side lies in a primitive follows from the direction of the curve for its own, from
    points on both sides where the piece lies on the boundary of another, and from the middle of the piece else.  Of
    pieces that coincide, that of the first primitive is taken.

    Args:
        primitives: shapes, in the order of `combine`'s argument.
        combine: for each primitive True `(n,)` at places inside it, to True `(n,)` at places inside the combination.

    Returns:
        The outline, without loops where the combination has no interior.

    Source: Edelsbrunner, Algorithms in Combinatorial Geometry, 1987, on arrangements; Requicha & Voelcker, Boolean
    operations in solid modeling, Proc. IEEE 73 (1985) 30, on the classification of pieces with neighbourhoods.
    """
    curves = [
        (leaf, side, curve) for leaf, p in enumerate(primitives) for side, s in enumerate(p.sides) for curve in s.curves
    ]
    only = [curve for _, _, curve in curves]
    boxes = np.array([bounding_box(curve) for curve in only])  # (curves, 2, 2)
    size = float(np.abs(boxes).max())
    tolerance = TOLERANCE * size
    places = _meeting_places([leaf for leaf, _, _ in curves], only, boxes, tolerance)
    cuts = [(k, a, b) for k, at in enumerate(places) for a, b in _intervals(only[k], at, tolerance)]
    kept = _classified(primitives, combine, curves, cuts, tolerance)
    if not kept:
        return Outline(())
    nodes = _nodes([_ends(only, cut) for cut in kept], _NODE * tolerance)
    kept, nodes = _merged(kept, nodes)
    loops = _chained(only, kept, nodes)
    names = {(leaf, side): s.name for leaf, p in enumerate(primitives) for side, s in enumerate(p.sides)}
    made = [
        tuple(OutlinePiece(_curve(only, kept[k]), kept[k].owners, names[kept[k].owners[0]]) for k in loop)
        for loop in loops
    ]
    areas = [swept_area([piece.curve for piece in loop]) for loop in made]
    order = sorted(range(len(made)), key=lambda k: (areas[k] < 0, -abs(areas[k])))
    found = [made[k] for k in order if abs(areas[k]) > tolerance * size]
    return Outline(tuple(found))


def _meeting_places(
    leaves: Sequence[int], curves: Sequence[Curve], boxes: np.ndarray, tolerance: float
) -> list[list[float]]:
    """Parameters on each curve at which curves of other primitives meet it."""
    places: list[list[float]] = [[] for _ in curves]
    lower, upper = boxes[:, 0] - _MEETS * tolerance, boxes[:, 1] + _MEETS * tolerance
    of = np.array(leaves)
    for k, curve in enumerate(curves):
        near = (lower[k] <= upper[k + 1 :]).all(axis=1) & (lower[k + 1 :] <= upper[k]).all(axis=1)
        for j in (k + 1 + np.flatnonzero(near & (of[k + 1 :] != of[k]))).tolist():
            here, there = meetings(curve, curves[j], _MEETS * tolerance)
            places[k] += here
            places[j] += there
    return places


def _intervals(curve: Curve, places: list[float], tolerance: float) -> list[tuple[float, float]]:
    """The pieces of a curve between places; a closed curve is cut at places only, not where it begins."""
    least = _SHORTEST * tolerance / curve.length
    closed = curve.start == curve.end
    if closed:
        at = sorted(p % 1.0 for p in places)
        at = [p for i, p in enumerate(at) if i == 0 or p - at[i - 1] > least]
        if len(at) > 1 and at[0] + 1 - at[-1] <= least:
            at.pop()
        return list(zip(at, [*at[1:], at[0] + 1], strict=True)) if at else [(0.0, 1.0)]
    inner = [0.0]
    for p in sorted(places):
        if inner[-1] + least < p < 1 - least:
            inner.append(p)
    return list(zip(inner, [*inner[1:], 1.0], strict=True))


def _classified(
    primitives: Sequence[Primitive],
    combine: Callable[[Sequence[Tensor]], Tensor],
    curves: Sequence[tuple[int, int, Curve]],
    cuts: Sequence[tuple[int, float, float]],
    tolerance: float,
) -> list[_Cut]:
    """The pieces that bound the combination, turned so that it is on their left."""
    middle, normal = (torch.empty(len(cuts), 2, dtype=torch.float64) for _ in range(2))
    for row, (k, a, b) in enumerate(cuts):
        s = torch.tensor([(a + b) / 2], dtype=torch.float64)
        middle[row], normal[row] = curves[k][2].point(s)[0], curves[k][2].normal(s)[0]
    own = torch.tensor([curves[k][0] for k, _, _ in cuts])
    left, right, on = [], [], []
    for leaf, primitive in enumerate(primitives):
        sides = [own == leaf, torch.zeros(len(cuts), dtype=torch.bool)]  # its own curves have it on their left
        meets = torch.zeros(len(cuts), dtype=torch.bool)
        rows = torch.nonzero(own != leaf)[:, 0]
        if len(rows):
            there = primitive.signed_distance(middle[rows])
            meets[rows] = there.abs() <= _ON * tolerance
            for side in sides:
                side[rows] = there < 0
        rows = torch.nonzero(meets)[:, 0]
        if len(rows):
            for side, sign in zip(sides, (-1.0, 1.0), strict=True):
                aside = middle[rows] + sign * _ASIDE * tolerance * normal[rows]
                side[rows] = primitive.signed_distance(aside) < 0
        left.append(sides[0])
        right.append(sides[1])
        on.append(meets)
    inner, outer = combine(left), combine(right)
    kept = []
    for row in torch.nonzero(inner != outer)[:, 0].tolist():
        k, a, b = cuts[row]
        leaf, side, _ = curves[k]
        others = [other for other in range(len(primitives)) if bool(on[other][row])]
        if others and others[0] < leaf:
            continue
        owners = [(leaf, side), *((o, _side_at(primitives[o], middle[row])) for o in others)]
        kept.append(_Cut(k, a, b, tuple(owners), not bool(inner[row])))
    return kept


def _side_at(primitive: Primitive, point: Tensor) -> int:
    """Number of the side of a primitive that passes through a point."""

    def distance(side: PlaneSide) -> float:
        gaps = [(curve.point(curve.foot(point[None])) - point).square().sum() for curve in side.curves]
        return min(float(gap) for gap in gaps)

    return min(range(len(primitive.sides)), key=lambda k: distance(primitive.sides[k]))


def _curve(curves: Sequence[Curve], cut: _Cut) -> Curve:
    curve = curves[cut.curve]
    piece = curve if (cut.start, cut.stop) == (0.0, 1.0) else curve.cut(cut.start, cut.stop)
    return piece.reversed() if cut.flipped else piece


def _ends(curves: Sequence[Curve], cut: _Cut) -> tuple[Point, Point]:
    piece = _curve(curves, cut)
    return piece.start, piece.end


def _nodes(ends: Sequence[tuple[Point, Point]], tolerance: float) -> list[tuple[int, int]]:
    """Numbers of the start and the end of each piece; ends within the tolerance are one node."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    points = np.array(ends).reshape(-1, 2)
    pairs = cKDTree(points).query_pairs(tolerance, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    labels = connected_components(links, directed=False)[1].reshape(-1, 2)
    return [(int(a), int(b)) for a, b in labels]


def _merged(cuts: list[_Cut], nodes: list[tuple[int, int]]) -> tuple[list[_Cut], list[tuple[int, int]]]:
    """Join consecutive pieces of one curve where nothing else meets them."""
    starts, ends = _by_node(nodes)
    out: list[_Cut] = []
    out_nodes: list[tuple[int, int]] = []
    for cut, (first, last) in zip(cuts, nodes, strict=True):
        if out:
            before = out[-1]
            joint = last if cut.flipped else first
            follows = (before.curve, before.stop, before.owners, before.flipped) == (
                cut.curve,
                cut.start,
                cut.owners,
                cut.flipped,
            )
            if follows and len(starts[joint]) == 1 and len(ends[joint]) == 1:
                out[-1] = _Cut(cut.curve, before.start, cut.stop, cut.owners, cut.flipped)
                a, b = out_nodes[-1]
                out_nodes[-1] = (first, b) if cut.flipped else (a, last)
                continue
        out.append(cut)
        out_nodes.append((first, last))
    return out, out_nodes


def _by_node(nodes: Sequence[tuple[int, int]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Pieces that start, and that end, at each node."""
    starts: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for k, (a, b) in enumerate(nodes):
        for node in (a, b):
            starts.setdefault(node, [])
            ends.setdefault(node, [])
        starts[a].append(k)
        ends[b].append(k)
    return starts, ends


def _chained(curves: Sequence[Curve], cuts: Sequence[_Cut], nodes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Loops of pieces: at every node on to the piece that opens the smallest angle inside the domain."""
    starts, _ = _by_node(nodes)
    free = set(range(len(cuts)))
    loops = []
    while free:
        first = k = min(free)
        loop = []
        while True:
            free.discard(k)
            loop.append(k)
            following = [j for j in starts[nodes[k][1]] if j in free or j == first]
            if not following:
                x, y = _ends(curves, cuts[k])[1]
                raise ValueError(
                    f"the walls do not close near ({x:.6g}, {y:.6g}), where they nearly touch; "
                    f"shift one of the shapes a little"
                )
            here = _curve(curves, cuts[k])
            angles = [opening(here, _curve(curves, cuts[j]))[0] for j in following] if len(following) > 1 else [0.0]
            k = following[angles.index(min(angles))]
            if k == first:
                break
        loops.append(loop)
    return loops
