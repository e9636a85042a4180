"""Outline: the boundary of a shape of the plane as closed loops of exact curves, with its corners and holes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from .curve_families import nearest_curves
from .curves import Arc, Curve, EllipticalArc, signed_distances
from .motion import Point
from .walls import Draw, Owner, WallSample

__all__ = ["Corner", "Hole", "Outline", "OutlinePiece", "Outlined", "crossings"]

_SAME = 1e-10
"""Distance below which vertices are one, relative to their coordinates."""
STRAIGHT = 1e-6
"""Difference from pi below which an angle between two curves counts as none."""
_NODES = 16
"""Of Gauss quadrature on each piece that turns by at most `_TURN`."""
_TURN = math.pi / 4


@dataclass(frozen=True)
class Corner:
    """A point at which the boundary has an angle, or at which one wall ends and another begins.

    Args:
        at: the point.
        angle: opening angle inside the domain, in radians: above pi where the corner is re-entrant; 0 and 2 pi where
            curves touch (cusps).
        bisector: unit vector from the point into the domain, half-way between both walls.
        walls: names of the wall before and the wall after it, along the loop with the domain on its left.
    """

    at: Point
    angle: float
    bisector: Point
    walls: tuple[str, str]


@dataclass(frozen=True)
class Hole:
    """A bounded component of the complement of a shape of the plane.

    Args:
        center: a point in the hole: that with the largest distance to the boundary, up to 1 %.
        radius: its distance to the boundary; a circular hole has its own center and radius.
        curves: the loop around the hole, clockwise, so that the domain is on its left.
    """

    center: Point
    radius: float
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class OutlinePiece:
    """A piece of the boundary.

    Args:
        curve: with the domain on its left.
        owners: sides of primitives on which it lies, in their order; several where sides coincide.
        name: of the wall that it belongs to.
    """

    curve: Curve
    owners: tuple[Owner, ...]
    name: str


@dataclass(frozen=True)
class Outline:
    """The boundary of a shape of the plane.

    Args:
        loops: closed loops with the domain on their left: outer ones first, by decreasing area, then those around
            holes.
    """

    loops: tuple[tuple[OutlinePiece, ...], ...]

    @cached_property
    def pieces(self) -> tuple[OutlinePiece, ...]:
        """All pieces, loop by loop."""
        return tuple(piece for loop in self.loops for piece in loop)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the wall that each piece belongs to."""
        return tuple(piece.name for piece in self.pieces)

    @property
    def owners(self) -> tuple[tuple[Owner, ...], ...]:
        """Sides of primitives on which each piece lies."""
        return tuple(piece.owners for piece in self.pieces)

    @cached_property
    def measures(self) -> tuple[float, ...]:
        """Length of each piece."""
        return tuple(piece.curve.length for piece in self.pieces)

    @cached_property
    def enclosed(self) -> float:
        """Area, by Green's theorem: half the integral of x . n over the boundary."""
        return math.fsum(swept_area([p.curve for p in loop]) for loop in self.loops)

    @cached_property
    def box(self) -> tuple[Point, Point]:
        """Lower and upper corner of the bounding box."""
        boxes = [bounding_box(piece.curve) for piece in self.pieces]
        lower = min(b[0][0] for b in boxes), min(b[0][1] for b in boxes)
        return lower, (max(b[1][0] for b in boxes), max(b[1][1] for b in boxes))

    @cached_property
    def junctions(self) -> tuple[Corner, ...]:
        """All points at which the boundary has an angle or changes from one wall to another, loop by loop."""
        return tuple(corner for loop in self.loops for corner in _junctions(loop))

    @property
    def corners(self) -> tuple[Corner, ...]:
        """The junctions whose angle is not pi."""
        return tuple(corner for corner in self.junctions if abs(corner.angle - math.pi) > STRAIGHT)

    @cached_property
    def holes(self) -> tuple[Hole, ...]:
        """The bounded components of the complement."""
        loops = [tuple(p.curve for p in loop) for loop in self.loops]
        return tuple(self._hole(loop) for loop in loops if swept_area(loop) < 0)

    def signed_distance(self, points: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, 2)` to the boundary, negative inside.

        The nearest point decides: within a curve, the side on which the point lies; at a vertex, whether the direction
        to the point lies in the opening angle.  Distances from the inner part of a curve are smooth through it, with
        the outward normal as their gradient.
        """
        curves = [piece.curve for piece in self.pieces]
        nearest = self.nearest(points)
        out = torch.zeros(len(points), dtype=points.dtype, device=points.device)
        at_vertex = torch.full((len(points),), -1, dtype=torch.int64, device=points.device)
        for k in nearest.unique().tolist():
            rows = torch.nonzero(nearest == k)[:, 0]
            distance, foot = signed_distances(curves[k], points[rows])
            out = out.index_put((rows,), distance)
            first, last = self._vertices.of_piece[k]
            at_vertex[rows[foot == 0]], at_vertex[rows[foot == 1]] = first, last
        rows = torch.nonzero(at_vertex >= 0)[:, 0]
        if len(rows):
            inside = self._vertices.inside(points[rows].detach().double(), at_vertex[rows])
            out = out.index_put((rows,), torch.where(inside, -out[rows].abs(), out[rows].abs()))
        return out

    def nearest(self, points: Tensor) -> Tensor:
        """Number `(n,)` of the nearest piece to each point `(n, 2)`."""
        return nearest_curves([piece.curve for piece in self.pieces], points.detach().double())

    def sample(self, pieces: tuple[int, ...], n: int, draw: Draw) -> WallSample:
        """N points uniform on the pieces: a number in the unit interval is a place along them, one after the other."""
        unit, weight = draw(n)
        lengths = torch.tensor([self.measures[k] for k in pieces], dtype=torch.float64)
        ends = lengths.cumsum(0)
        along = unit[:, -1] * ends[-1]
        which = torch.searchsorted(ends, along, right=True).clamp(max=len(ends) - 1)
        share = ((along - (ends - lengths)[which]) / lengths[which]).clamp(0, 1)
        x, normal = (torch.empty(len(unit), 2, dtype=torch.float64) for _ in range(2))
        for k in which.unique().tolist():
            rows = which == k
            curve = self.pieces[pieces[k]].curve
            s = curve.at_length(share[rows])
            x[rows], normal[rows] = curve.point(s), curve.normal(s)
        return WallSample(x, normal, unit[:, :-1], weight * (float(ends[-1]) / float(weight.sum())))

    @cached_property
    def _vertices(self) -> _Vertices:
        return _Vertices.of(self.loops)

    def _hole(self, loop: tuple[Curve, ...]) -> Hole:
        round_one = _circle_of(loop)
        outer = sum(swept_area([p.curve for p in other]) > 0 for other in self.loops)
        if round_one is not None and outer == 1:
            return Hole(*round_one, loop)
        boxes = [bounding_box(curve) for curve in loop]
        lower = torch.tensor([b[0] for b in boxes], dtype=torch.float64).amin(dim=0)
        upper = torch.tensor([b[1] for b in boxes], dtype=torch.float64).amax(dim=0)
        ring = torch.cat([c.point(torch.linspace(0, 1, 65, dtype=torch.float64)[:-1]) for c in loop])
        step, center = (upper - lower) / 32, (lower + upper) / 2
        best = math.inf
        unit = torch.linspace(-16, 16, 33, dtype=torch.float64)
        for _ in range(8):
            found = center + step * torch.cartesian_prod(unit, unit)
            found = torch.cat([center[None], found])
            distance = self.signed_distance(found)
            distance = torch.where((crossings(ring, found) % 2 == 1) & (distance > 0), distance, -math.inf)
            row = int(distance.argmax())
            best, center = float(distance[row]), found[row]
            step = step / 6
        return Hole((float(center[0]), float(center[1])), best, loop)


@dataclass(frozen=True, eq=False)
class _Vertices:
    """Points at which pieces meet.

    Args:
        at: the points, `(v, 2)`.
        wedges: directions in which the domain begins at each point, and its opening angles there, `(v, w, 2)`; more
            than one where loops touch.
        of_piece: numbers of the vertices at the start and the end of each piece.
    """

    at: Tensor
    wedges: Tensor
    of_piece: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, loops: Sequence[Sequence[OutlinePiece]]) -> _Vertices:
        from scipy.spatial import cKDTree  # loaded here, as few runs need it

        points: list[Point] = []
        wedges: list[tuple[float, float]] = []
        of_piece: list[tuple[int, int]] = []
        for loop in loops:
            count, base = len(loop), len(points)
            for before, after in zip((loop[-1], *loop[:-1]), loop, strict=True):
                points.append(after.curve.start)
                wedges.append((heading(after.curve, 0.0), opening(before.curve, after.curve)[0]))
            of_piece += [(base + k, base + (k + 1) % count) for k in range(count)]
        at = torch.tensor(points, dtype=torch.float64)
        near = [[k] for k in range(len(points))]
        for a, b in cKDTree(at.numpy()).query_pairs(_SAME * float(at.abs().max()), output_type="ndarray").tolist():
            near[a].append(b)
            near[b].append(a)
        most = max(map(len, near))
        table = [[wedges[k] for k in group] + [(0.0, 0.0)] * (most - len(group)) for group in near]
        return cls(at, torch.tensor(table, dtype=torch.float64), tuple(of_piece))

    def inside(self, points: Tensor, vertex: Tensor) -> Tensor:
        """True `(n,)` where the direction from the vertex, the nearest point of the boundary, is inside a wedge."""
        away = points - self.at[vertex]
        direction = torch.atan2(away[:, 1], away[:, 0])
        wedges = self.wedges[vertex]
        turn = torch.remainder(direction[:, None] - wedges[:, :, 0], 2 * math.pi)
        return (turn < wedges[:, :, 1]).any(dim=1)


class Outlined(ABC):
    """A set of points whose boundary, in the plane, is an outline."""

    @property
    @abstractmethod
    def outline(self) -> Outline:
        """The boundary in space as closed loops of exact curves.

        Raises:
            ValueError: for a set whose space is not a plane, or whose boundary is not made of exact curves.
        """

    @property
    def loops(self) -> tuple[tuple[Curve, ...], ...]:
        """Closed loops of curves with the domain on their left, outer ones first; see `outline`."""
        return tuple(tuple(piece.curve for piece in loop) for loop in self.outline.loops)

    @property
    def corners(self) -> tuple[Corner, ...]:
        """Corners of the boundary with their opening angles; see `outline`."""
        return self.outline.corners

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Bounded components of the complement; see `outline`."""
        return self.outline.holes


def swept_area(curves: Sequence[Curve]) -> float:
    """Half the integral of x . n over curves: the area inside closed ones, positive if they are counter-clockwise."""
    nodes, weights = _gauss_rule()
    origin = torch.tensor(curves[0].start, dtype=torch.float64)
    total = []
    for curve in curves:
        for low, high in _slices(curve):
            s = low + (high - low) * nodes
            height = ((curve.point(s) - origin) * curve.normal(s)).sum(dim=1)
            total.append((high - low) * float(weights @ (height * curve.speed(s))) / 2)
    return math.fsum(total)


@cache
def _gauss_rule() -> tuple[Tensor, Tensor]:
    """Nodes and weights `(n,)` of Gauss-Legendre quadrature on [0, 1]."""
    x, w = leggauss(_NODES)
    return torch.from_numpy((x + 1) / 2), torch.from_numpy(w / 2)


def bounding_box(curve: Curve) -> tuple[Point, Point]:
    """Lower and upper corner of the bounding box of a curve."""
    points = [curve.start, curve.end]
    if isinstance(curve, Arc | EllipticalArc):
        points += list(_extremes(curve))
    x, y = [p[0] for p in points], [p[1] for p in points]
    return (min(x), min(y)), (max(x), max(y))


def _extremes(curve: Arc | EllipticalArc) -> Iterator[Point]:
    """Points of an arc at which a coordinate is an extremum."""
    if isinstance(curve, Arc):
        (a, b), tilt = (curve.radius, curve.radius), 0.0
    else:
        (a, b), tilt = curve.radii, curve.tilt
    for across, along in ((-b * math.sin(tilt), a * math.cos(tilt)), (b * math.cos(tilt), a * math.sin(tilt))):
        for half in (0.0, math.pi):
            turn = (math.atan2(across, along) + half - curve.angle) * math.copysign(1.0, curve.sweep)
            s = (turn % (2 * math.pi)) / abs(curve.sweep)
            if s <= 1:
                x, y = curve.point(torch.tensor([s], dtype=torch.float64))[0].tolist()
                yield x, y


def _slices(curve: Curve) -> list[tuple[float, float]]:
    """Intervals of the parameter in which an arc turns by at most `_TURN`."""
    count = math.ceil(abs(curve.sweep) / _TURN - 1e-9) if isinstance(curve, Arc | EllipticalArc) else 1
    if isinstance(curve, EllipticalArc):
        count *= max(1, math.ceil(max(curve.radii) / min(curve.radii) / 4))
    return [(k / count, (k + 1) / count) for k in range(count)]


def _junctions(loop: Sequence[OutlinePiece]) -> Iterator[Corner]:
    for before, after in zip((loop[-1], *loop[:-1]), loop, strict=True):
        angle, bisector = opening(before.curve, after.curve)
        if abs(angle - math.pi) > STRAIGHT or before.name != after.name:
            yield Corner(after.curve.start, angle, bisector, (before.name, after.name))


def opening(before: Curve, after: Curve) -> tuple[float, Point]:
    """Angle inside the domain from the end of a curve to the start of the next, and the direction half-way.

    Where both leave in the same direction their curvature decides between 0 and 2 pi.
    """
    arriving, leaving = heading(before, 1.0), heading(after, 0.0)
    angle = (arriving + math.pi - leaving) % (2 * math.pi)
    if min(angle, 2 * math.pi - angle) < STRAIGHT:
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
        bends = float(after.curvature(ends)[0]), -float(before.curvature(ends)[1])
        angle = 0.0 if bends[0] < bends[1] else 2 * math.pi
    middle = leaving + angle / 2
    return angle, (math.cos(middle), math.sin(middle))


def heading(curve: Curve, s: float) -> float:
    """Direction of the tangent of a curve, as an angle in radians."""
    x, y = curve.normal(torch.tensor([s], dtype=torch.float64))[0].tolist()
    return math.atan2(x, -y)


def _circle_of(loop: Sequence[Curve]) -> tuple[Point, float] | None:
    """Center and radius of the largest circle in a loop that is a whole circle or ellipse."""
    first = loop[0]
    turned = math.fsum(c.sweep for c in loop if isinstance(c, Arc | EllipticalArc))
    if isinstance(first, Arc):
        if all(isinstance(c, Arc) and (c.center, c.radius) == (first.center, first.radius) for c in loop):
            return (first.center, first.radius) if abs(abs(turned) - 2 * math.pi) < 1e-9 else None
        return None
    if isinstance(first, EllipticalArc):
        same = (first.center, first.radii, first.tilt)
        if all(isinstance(c, EllipticalArc) and (c.center, c.radii, c.tilt) == same for c in loop):
            return (first.center, min(first.radii)) if abs(abs(turned) - 2 * math.pi) < 1e-9 else None
    return None


def crossings(ring: Tensor, points: Tensor) -> Tensor:
    """Number `(n,)` of sides of a closed polygon `(m, 2)` that the ray from each point to the right crosses."""
    a, b = ring, ring.roll(-1, 0)
    x, y = points[:, :1], points[:, 1:]
    spans = (a[:, 1] <= y) != (b[:, 1] <= y)
    rise = torch.where(a[:, 1] == b[:, 1], torch.ones_like(a[:, 1]), b[:, 1] - a[:, 1])
    at = a[:, 0] + (y - a[:, 1]) / rise * (b - a)[:, 0]
    return (spans & (at > x)).sum(dim=1)
