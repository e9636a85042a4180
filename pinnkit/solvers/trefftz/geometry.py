"""Boundary of a domain of the plane as curves with the conditions that hold on them, its junctions and its holes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from pinnkit.domains import Boundary, Box, Shape, ShapeWall
from pinnkit.domains.shapes.outline import OutlinePiece, opening
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Prescribes, WallCondition
from pinnkit.problem.terms import Term

from .operator_of import METHOD
from .panels import PlaneCurve

__all__ = ["Geometry", "Hole", "Junction", "Piece", "geometry_of"]

_STRAIGHT = 1e-6
"""Difference from pi below which an angle between two curves counts as none."""
_BENT = 1e-6
"""Relative jump of the curvature below which two curves count as one."""


@dataclass(frozen=True)
class Piece:
    """Curve of the boundary with its condition.

    Args:
        curve: with the domain on its left.
        term: the condition.
        prescribes: VALUE, FLUX or MIXED.
    """

    curve: PlaneCurve
    term: Term
    prescribes: Prescribes


@dataclass(frozen=True)
class Junction:
    """Point at which the boundary has an angle, or one condition ends and another begins.

    Args:
        at: the point.
        angle: opening angle inside the domain, in radians.
        bisector: unit vector into the domain.
        before: number of the piece that ends there.
        after: number of the piece that begins there.
    """

    at: tuple[float, float]
    angle: float
    bisector: tuple[float, float]
    before: int
    after: int


@dataclass(frozen=True)
class Hole:
    """Bounded component of the complement.

    Args:
        center: a point inside.
        radius: its distance to the boundary.
        pieces: numbers of the pieces around it.
    """

    center: tuple[float, float]
    radius: float
    pieces: tuple[int, ...]


@dataclass(frozen=True)
class Geometry:
    """Boundary of a domain of the plane.

    Args:
        pieces: all curves, with their conditions.
        junctions: corners and changes of condition.
        holes: bounded components of the complement.
        loops: numbers of the pieces of each closed loop.
        lower: lower corner of the bounding box.
        upper: upper corner.
    """

    pieces: tuple[Piece, ...]
    junctions: tuple[Junction, ...]
    holes: tuple[Hole, ...]
    loops: tuple[tuple[int, ...], ...]
    lower: tuple[float, float]
    upper: tuple[float, float]

    @property
    def center(self) -> tuple[float, float]:
        """Middle of the bounding box."""
        return (self.lower[0] + self.upper[0]) / 2, (self.lower[1] + self.upper[1]) / 2

    @property
    def diameter(self) -> float:
        """Diagonal of the bounding box."""
        return math.hypot(self.upper[0] - self.lower[0], self.upper[1] - self.lower[1])

    def corner_points(self) -> Tensor:
        """Junctions ``(c, 2)``."""
        return torch.tensor([j.at for j in self.junctions], dtype=torch.float64).reshape(-1, 2)


def geometry_of(problem: Problem) -> Geometry:
    """Boundary of the domain of a problem.

    Raises:
        Unsupported: for a domain without exact curves, and for walls without a condition or with several.
    """
    domain = problem.domain
    if not isinstance(domain, Box | Shape):
        raise Unsupported(METHOD, f"problem '{problem.name}': {domain!r} is no shape of the plane")
    try:
        outline = domain.outline
    except ValueError as error:
        raise Unsupported(METHOD, f"problem '{problem.name}': {error}") from None
    pieces: list[Piece] = []
    junctions: list[Junction] = []
    for loop in outline.loops:
        first = len(pieces)
        for piece in loop:
            condition = _condition_on(problem, piece, len(pieces))
            pieces.append(Piece(piece.curve, condition.term, condition.prescribes))
        for k in range(len(loop)):
            before, after = first + (k - 1) % len(loop), first + k
            angle, bisector = opening(loop[(k - 1) % len(loop)].curve, loop[k].curve)
            if abs(angle - math.pi) > _STRAIGHT or _changes(pieces[before], pieces[after]):
                junctions.append(Junction(loop[k].curve.start, angle, bisector, before, after))
    curves = [piece.curve for piece in outline.pieces]
    holes = tuple(Hole(h.center, h.radius, tuple(curves.index(c) for c in h.curves)) for h in outline.holes)
    ends = [0, *accumulate(len(loop) for loop in outline.loops)]
    loops = tuple(tuple(range(a, b)) for a, b in pairwise(ends))
    return Geometry(tuple(pieces), tuple(junctions), holes, loops, *outline.box)


def _changes(before: Piece, after: Piece) -> bool:
    """Return whether the condition or the curvature of the wall jumps between two pieces that meet smoothly."""
    if before.term is not after.term:
        return True
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    bends = float(before.curve.curvature(ends)[1]), float(after.curve.curvature(ends)[0])
    return abs(bends[0] - bends[1]) > _BENT * max(map(abs, bends))


def _condition_on(problem: Problem, piece: OutlinePiece, number: int) -> WallCondition:
    found = [c for c in problem.structure.conditions if _holds_on(c, piece, number, problem.frame.columns)]
    if len(found) != 1:
        names = " and ".join(f"'{c.term.name}'" for c in found) or "none"
        raise Unsupported(METHOD, f"problem '{problem.name}': wall '{piece.name}' needs one condition, it has {names}")
    return found[0]


def _holds_on(condition: WallCondition, piece: OutlinePiece, number: int, columns: tuple[str, ...]) -> bool:
    """Return whether a condition holds on a piece of the boundary."""
    part = condition.part
    if isinstance(part, Boundary):
        return True
    if isinstance(part, ShapeWall):
        return number in part.pieces
    if condition.wall is None:
        return False
    column = columns.index(condition.wall.column)
    return all(end[column] == condition.wall.value for end in (piece.curve.start, piece.curve.end))
