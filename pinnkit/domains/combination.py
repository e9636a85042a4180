"""Combinations of shapes by union, intersection and difference, and motions of shapes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

from pinnkit.registry import Registry

from .axes import Axis, check_coords
from .directions import spread
from .movable import Movable, scalar_axes
from .product import Plain, Product, Shape, ShapeWall
from .sampling import Sampling
from .shapes.arrangement import TOLERANCE, PlaneSide, Primitive, arrange
from .shapes.classification import SpacePrimitive
from .shapes.curves import Curve
from .shapes.ends import Ends, LinePrimitive, LineSide, join_intervals
from .shapes.motion import Motion
from .shapes.outline import Outline
from .shapes.patches import SpaceSide
from .shapes.trimming import trim
from .shapes.walls import Owner, Walls, WallSample
from .sobol import sobol_points

__all__ = ["OPERANDS", "Composite", "Difference", "Intersection", "Operand", "Side", "Solid", "Union"]

Side = LineSide | PlaneSide | SpaceSide
"""A named part of the boundary of a primitive, in one to three dimensions."""

_MOST_SHOWN = 4
"""Primitives of a combination that its repr shows."""
_PROBES = 4096
"""Points by which a combination in space is first found not to be empty."""


class Operand(Movable["Operand"]):
    """A set of points that takes part in combinations: `a | b`, `a & b`, `a - b`, `a.rotated(0.1)`.

    A bounded operand is a shape or a box of space; a halfspace is not bounded.
    """

    @property
    @abstractmethod
    def sides(self) -> tuple[Side, ...]:
        """The named parts of the boundary of a primitive.

        Raises:
            ValueError: for a number of axes in which it takes no part in combinations.
        """

    @abstractmethod
    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, d)` to the boundary, negative inside."""

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal operand, for files."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}  # type: ignore[arg-type]

    def side_at(self, coords: Tensor) -> Tensor:
        """Numbers `(n,)` of the sides on which points `(n, 3)` of the boundary lie; needed in space alone."""
        return torch.zeros(len(coords), dtype=torch.int64)

    def level(self, coords: Tensor) -> Tensor:
        """Values `(n,)` at points `(n, d)` with the sign of the distance; in space also its value near the boundary."""
        return self.signed_distance(coords)

    @property
    def word(self) -> str:
        """The word for it in names of walls."""
        return type(self).__name__.lower()

    @property
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lower and upper corner of a box around it; infinite where it is not bounded."""
        return tuple(a.lower for a in self.axes), tuple(a.upper for a in self.axes)

    def sides_within(self, lower: Sequence[float], upper: Sequence[float]) -> tuple[Side, ...]:  # noqa: ARG002
        """The sides, cut off outside a box where they are not bounded."""
        return self.sides

    def support(self, direction: Sequence[float]) -> float:
        """The largest scalar product of a direction with a point of the operand, or a bound for it."""
        return math.fsum(max(d * a, d * b) if d else 0.0 for d, a, b in zip(direction, *self.limits, strict=True))

    def sides_on(self, part: object) -> tuple[int, ...]:  # noqa: ARG002
        """Numbers of the sides that make up a wall of another kind than `ShapeWall`; none by default."""
        return ()

    def __or__(self, other: Operand) -> Union:
        return Union(self, other)

    def __and__(self, other: Operand) -> Intersection:
        return Intersection(self, other)

    def __sub__(self, other: Operand) -> Difference:
        return Difference(self, other)


OPERANDS: Registry[Operand] = Registry("operand")
"""Operands that are no domains, by name, for files."""


class Solid(Operand, Shape):
    """A shape of one to three dimensions with exact walls: measures, samples and pieces follow from its sides."""

    @property
    def measure(self) -> float:
        """Length, area or volume."""
        return walls_of(self).enclosed

    @property
    def boundary_measure(self) -> float:
        """Number of ends, length or area of the boundary."""
        return math.fsum(walls_of(self).measures)

    def inside(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the open shape, `(n,)`."""
        return self.level(coords) < 0

    @property
    def piece_names(self) -> tuple[str, ...]:
        """Name of the wall of each piece of the boundary."""
        return walls_of(self).names

    @property
    def piece_measures(self) -> tuple[float, ...]:
        """Length or area of each piece of the boundary."""
        return walls_of(self).measures

    @property
    def piece_curves(self) -> tuple[Curve, ...]:
        """The curve of each piece of the boundary, with the domain on its left."""
        return tuple(piece.curve for piece in self.outline.pieces)

    @property
    def outline(self) -> Outline:
        """The boundary of a shape of the plane as closed loops of exact curves.

        Raises:
            ValueError: for a shape that is not of the plane.
        """
        return outline_of(self)

    @property
    def operands(self) -> tuple[object, ...]:
        """The shape itself, and all shapes of which it is combined."""
        return tuple(dict.fromkeys(operand for operand, _ in _nodes(self)))

    def pieces_on(self, part: object) -> tuple[int, ...]:
        """Numbers of the pieces that lie on the boundary of an operand, or on a wall of one."""
        wanted: set[Owner] = set()
        for operand, first in _nodes(self):
            wanted |= {(first + leaf, side) for leaf, side in _owners_on(operand, part)}
        return tuple(k for k, owners in enumerate(walls_of(self).owners) if wanted.intersection(owners))

    def piece_at(self, coords: Tensor) -> Tensor:
        """Numbers `(n,)` of the pieces on which points `(n, d)` of the boundary lie."""
        return walls_of(self).nearest(coords)

    def sample_boundary(
        self, n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points uniform on the boundary, their normals, extra columns, weights."""
        return self.sample_pieces(tuple(range(len(self.piece_names))), n, extra, generator, sampling)

    def sample_pieces(
        self, pieces: tuple[int, ...], n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points uniform on pieces of the boundary, as `sample_boundary` returns them."""
        return sampled(walls_of(self), self.dim, pieces, n, extra, generator, sampling)


@dataclass(frozen=True, repr=False)
class Composite(Solid):
    """Two shapes combined: the base of `Union`, `Intersection` and `Difference`.

    In the plane the walls are the exact curves of both, cut where they meet, and the signed distance is exact.  On the
    line likewise.  In space the walls are the trimmed surfaces of both, measured to 0.1 % or better where they are cut,
    and `signed_distance` has the right sign and zeros but is a lower bound for the distance outside a union and inside
    an intersection or difference only: the maximum or minimum of those of both shapes.

    Raises:
        TypeError: for an operand that is none.
        ValueError: for operands with time or parameters, different axes or none in common, or a result that is empty or
            not bounded.
    """

    left: Operand
    right: Operand

    sign = ""

    def __post_init__(self) -> None:
        names = []
        for operand in _any_two(self.left, self.right):
            if not isinstance(operand, Operand):
                hint = " before it is multiplied by Time or Parameters" if isinstance(operand, Product) else ""
                raise TypeError(
                    f"{self._owner}: shapes of one to three dimensions and boxes combine{hint}, got {operand!r}"
                )
            names.append(tuple(axis.name for axis in scalar_axes(operand, self._owner)))
            if len(names[-1]) > 3:
                raise ValueError(f"{self._owner}: combinations have one to three axes, got {len(names[-1])}")
        if names[0] != names[1]:
            raise ValueError(
                f"{self._owner}: both need the same axes in the same order, got {names[0]} and {names[1]}; rename or "
                f"reorder those of one"
            )
        lower, upper = self.limits
        if not all(map(math.isfinite, (*lower, *upper))):
            raise ValueError(
                f"{self._owner}: the result is not bounded: {self!r}; combine a halfspace by & or - with a shape"
            )
        if not all(a < b for a, b in zip(lower, upper, strict=True)) or self._is_empty(lower, upper):
            raise ValueError(f"{self._owner}: the result has no interior: {self!r}; shift or enlarge one of the shapes")

    @staticmethod
    @abstractmethod
    def combined(left: Tensor, right: Tensor) -> Tensor:
        """True `(n,)` for points in the combination, from whether they are in each of both."""

    @staticmethod
    @abstractmethod
    def joined(left: Tensor, right: Tensor) -> Tensor:
        """A function `(n,)` that is negative in the combination, from those of both."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, with the bounds of the bounding box; in space of one that may be larger."""
        return space_axes(self.left if all(map(math.isfinite, self.left.limits[0])) else self.right, *walls_box(self))

    @property
    def sides(self) -> tuple[Side, ...]:
        """None of its own: those of the primitives are trimmed."""
        return ()

    def inside(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the open shape, but for points where walls inside it coincide, `(n,)`."""
        return combine(self, [leaf.level(coords) < 0 for leaf in leaves_of(self)])

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, d)` to the boundary, negative inside; in space a level function, see above."""
        check_coords(f"{self._owner}.signed_distance", coords, self.columns)
        walls = walls_of(self)
        if isinstance(walls, Ends | Outline):
            return walls.signed_distance(coords)
        return self.joined(self.left.signed_distance(coords), self.right.signed_distance(coords))

    def moved(self, motion: Motion) -> Composite:
        """The combination of the moved operands."""
        return type(self)(self.left.moved(motion), self.right.moved(motion))

    @property
    @abstractmethod
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lower and upper corner of a box around it."""

    @property
    def _owner(self) -> str:
        return type(self).__name__

    def _is_empty(self, lower: tuple[float, ...], upper: tuple[float, ...]) -> bool:
        """True if there is no wall; in space, where walls take time, that is asked only if no point is found inside."""
        if len(lower) == 3:
            a, b = (torch.tensor(x, dtype=torch.float64) for x in (lower, upper))
            if bool(self.inside(a + (b - a) * sobol_points(_PROBES, 3, seed=0)).any()):
                return False
        try:
            return not walls_of(self).names
        except ValueError as error:
            raise ValueError(f"{self._owner}: {error}: {self!r}") from None

    def __repr__(self) -> str:
        leaves = leaves_of(self)
        if len(leaves) > _MOST_SHOWN:
            return f"({leaves[0]!r} {self.sign} ... {self.sign} {leaves[-1]!r}: {len(leaves)} shapes)"
        return f"({self.left!r} {self.sign} {self.right!r})"


class Union(Composite):
    """All points of either shape: `a | b`."""

    sign = "|"

    @staticmethod
    def combined(left: Tensor, right: Tensor) -> Tensor:
        """True `(n,)` for points in either."""
        return left | right

    @staticmethod
    def joined(left: Tensor, right: Tensor) -> Tensor:
        """The minimum."""
        return torch.minimum(left, right)

    @property
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lower and upper corner of a box around it."""
        (a, b), (c, d) = self.left.limits, self.right.limits
        return tuple(map(min, a, c)), tuple(map(max, b, d))


class Intersection(Composite):
    """All points of both shapes: `a & b`."""

    sign = "&"

    @staticmethod
    def combined(left: Tensor, right: Tensor) -> Tensor:
        """True `(n,)` for points in both."""
        return left & right

    @staticmethod
    def joined(left: Tensor, right: Tensor) -> Tensor:
        """The maximum."""
        return torch.maximum(left, right)

    @property
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lower and upper corner of a box around it."""
        (a, b), (c, d) = self.left.limits, self.right.limits
        return tuple(map(max, a, c)), tuple(map(min, b, d))


class Difference(Composite):
    """All points of the first shape that are not in the second: `a - b`."""

    sign = "-"

    @staticmethod
    def combined(left: Tensor, right: Tensor) -> Tensor:
        """True `(n,)` for points in the first alone."""
        return left & ~right

    @staticmethod
    def joined(left: Tensor, right: Tensor) -> Tensor:
        """The maximum of the first and the negative of the second."""
        return torch.maximum(left, -right)

    @property
    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lower and upper corner of a box around it."""
        return self.left.limits


def _any_two(left: object, right: object) -> tuple[object, object]:
    """Two operands as the user gave them, of any type."""
    return left, right


def leaves_of(operand: Operand) -> tuple[Operand, ...]:
    """The primitives of a combination, from left to right."""
    if isinstance(operand, Composite):
        return (*leaves_of(operand.left), *leaves_of(operand.right))
    return (operand,)


def combine(operand: Operand, inside: Sequence[Tensor]) -> Tensor:
    """True `(n,)` for points in a combination, from whether they are in each of its primitives."""
    if not isinstance(operand, Composite):
        return inside[0]
    count = len(leaves_of(operand.left))
    return operand.combined(combine(operand.left, inside[:count]), combine(operand.right, inside[count:]))


@lru_cache(maxsize=256)
def walls_of(operand: Operand) -> Walls:
    """The boundary of a bounded operand.

    Raises:
        ValueError: where an operand has no sides, or its walls do not close.
    """
    leaves = leaves_of(operand)
    lower, upper = _reach(leaves)
    named = _named(leaves, [leaf.sides_within(lower, upper) for leaf in leaves])

    def combined(inside: Sequence[Tensor]) -> Tensor:
        return combine(operand, inside)

    dim = len(operand.limits[0])
    if dim == 1:
        lines = [LinePrimitive(_of(LineSide, s), leaf.signed_distance) for leaf, s in zip(leaves, named, strict=True)]
        return join_intervals(lines, combined, TOLERANCE)
    if dim == 2:
        planes = [Primitive(_of(PlaneSide, s), leaf.signed_distance) for leaf, s in zip(leaves, named, strict=True)]
        return arrange(planes, combined)
    solids = [
        SpacePrimitive(_of(SpaceSide, s), leaf.level, leaf.side_at) for leaf, s in zip(leaves, named, strict=True)
    ]
    a, b = operand.limits
    origin = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2)
    return trim(solids, combined, origin, max(map(abs, (*a, *b))), _square)


def outline_of(operand: Operand) -> Outline:
    """The boundary of a bounded operand of the plane.

    Raises:
        ValueError: for one that is not of the plane.
    """
    if len(operand.limits[0]) != 2:
        raise ValueError(f"{operand!r} has no outline: that is of two axes, and these are {len(operand.limits[0])}")
    walls = walls_of(operand)
    assert isinstance(walls, Outline)
    return walls


def sampled(
    walls: Walls,
    dim: int,
    pieces: tuple[int, ...],
    n: int,
    extra: int,
    generator: torch.Generator,
    sampling: Sampling,
) -> WallSample:
    """Points uniform on pieces of walls, as `Shape.sample_pieces` returns them."""
    return walls.sample(pieces, n, lambda count: spread(sampling, count, dim - 1, extra, 1.0, generator))


def walls_box(operand: Operand) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Lower and upper corner of the bounding box; in space of a box that contains it."""
    if len(operand.limits[0]) == 3:
        return operand.limits
    walls = walls_of(operand)
    if isinstance(walls, Ends):
        return (walls.ends[0].at,), (walls.ends[-1].at,)
    assert isinstance(walls, Outline)
    return walls.box


def space_axes(operand: Operand, lower: Sequence[float], upper: Sequence[float]) -> tuple[Axis, ...]:
    """The axes of an operand with other bounds."""
    return tuple(Axis(axis.name, a, b) for axis, a, b in zip(operand.axes, lower, upper, strict=True))


def _nodes(operand: Operand, first: int = 0) -> list[tuple[Operand, int]]:
    """An operand and all of which it is combined, each with the number of its first primitive."""
    found = [(operand, first)]
    if isinstance(operand, Composite):
        found += _nodes(operand.left, first) + _nodes(operand.right, first + len(leaves_of(operand.left)))
    return found


def _owners_on(operand: Operand, part: object) -> set[Owner]:
    """Sides of primitives of an operand that make up `part`, where that is the operand or a wall of it."""
    if isinstance(part, ShapeWall):
        if not _equal(part.domain.shape, operand):
            return set()
        owners = walls_of(operand).owners
        return {owner for k in part.pieces for owner in owners[k]}
    if _equal(part, operand):
        sides = [len(leaf.sides_within(*_reach((leaf,)))) for leaf in leaves_of(operand)]
        return {(leaf, side) for leaf, count in enumerate(sides) for side in range(count)}
    return {(0, side) for side in operand.sides_on(part)}


def _equal(a: object, b: object) -> bool:
    return a == b


def _reach(leaves: Sequence[Operand]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A box well around all bounded primitives."""
    bounded = [leaf.limits for leaf in leaves if all(map(math.isfinite, (*leaf.limits[0], *leaf.limits[1])))]
    if not bounded:
        dim = len(leaves[0].limits[0])
        return (-1.0,) * dim, (1.0,) * dim
    lower = [min(column) for column in zip(*(a for a, _ in bounded), strict=True)]
    upper = [max(column) for column in zip(*(b for _, b in bounded), strict=True)]
    margin = max(b - a for a, b in zip(lower, upper, strict=True)) / 8
    return tuple(a - margin for a in lower), tuple(b + margin for b in upper)


def _named(leaves: Sequence[Operand], sides: Sequence[tuple[Side, ...]]) -> list[tuple[Side, ...]]:
    """Sides with names that say of which primitive they are: `disk`, `disk 2`, `polygon side 3`, `box 1 x = 0`."""
    words = [leaf.word for leaf in leaves]
    out = []
    for k, (word, own) in enumerate(zip(words, sides, strict=True)):
        number = f" {1 + words[:k].count(word)}" if words.count(word) > 1 else ""
        out.append(tuple(replace(side, name=f"{word}{number} {side.name}".strip()) for side in own))
    return out


T = TypeVar("T", LineSide, PlaneSide, SpaceSide)


def _of(kind: type[T], sides: Sequence[Side]) -> tuple[T, ...]:
    found = tuple(side for side in sides if isinstance(side, kind))
    assert len(found) == len(sides)
    return found


def _square(count: int) -> Tensor:
    """Points `(count, 2)` evenly spread in the unit square, always the same."""
    return sobol_points(count, 2, seed=0) + 0.5**31
