"""Partitions of a domain into pieces that know their neighbours and the boundaries that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pinnkit.domains.axes import Axis, Role
from pinnkit.domains.box import Box
from pinnkit.domains.combination import Operand, Solid
from pinnkit.domains.product import Product, Shape, ShapeWall
from pinnkit.domains.protocols import Domain, Part

from .components import components
from .refinement import Cut, refined
from .restricted import Restricted, share_inside

__all__ = ["Partition", "Piece", "SharedBoundary", "partition_of"]

_WHOLE = 1 - 1e-9
_ROUNDING = 1e-12
"""Distance to a piece, relative to the size of the coordinates, up to which a point counts as in it."""


@dataclass(frozen=True)
class Piece:
    """A piece of a domain.

    Args:
        number: from 1.
        domain: the piece, at all times and for all parameters.
    """

    number: int
    domain: Domain

    @property
    def name(self) -> str:
        """Name in reports, "piece 2"."""
        return f"piece {self.number}"

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes, with the bounds of its bounding box."""
        return self.domain.axes

    @property
    def shape(self) -> Domain:
        """The piece in space."""
        return in_space(self.domain)[0]  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"{self.name}: {self.domain!r}"


@dataclass(frozen=True)
class SharedBoundary:
    """Boundary that two pieces share.

    Args:
        first: number of a piece, from which the normals of `part` point into the second.
        second: number of the other piece.
        part: the boundary, at all times and for all parameters.
    """

    first: int
    second: int
    part: Part


@dataclass(frozen=True)
class Partition:
    """Pieces of a domain; ``problem.pieces[0]`` is the first, ``len(problem.pieces)`` their number.

    Args:
        domain: what is divided.
        pieces: without overlaps and gaps; the domain itself where it is not divided.
        given: shapes that were named as pieces, beside those of coefficients and equations.
    """

    domain: Domain
    pieces: tuple[Piece, ...]
    given: tuple[Operand, ...] = ()

    def __len__(self) -> int:
        return len(self.pieces)

    def __iter__(self) -> Iterator[Piece]:
        return iter(self.pieces)

    def __getitem__(self, index: int) -> Piece:
        return self.pieces[index]

    @cached_property
    def shared(self) -> tuple[SharedBoundary, ...]:
        """Boundaries that two pieces share, by ascending numbers."""
        found = []
        for i, a in enumerate(self.pieces):
            for b in self.pieces[i + 1 :]:
                part = _shared(a.domain, b.domain)
                if part is not None:
                    found.append(SharedBoundary(a.number, b.number, part))
        return tuple(found)

    def neighbours(self, number: int) -> tuple[int, ...]:
        """Numbers of the pieces that share a boundary with a piece."""
        pairs = [(s.first, s.second) for s in self.shared if number in (s.first, s.second)]
        return tuple(a + b - number for a, b in pairs)

    def owner(self, coords: Tensor) -> Tensor:
        """Index (from 0) of the piece that contains each point `(n, d)`; the first of several on their boundary."""
        return nearest_piece([piece.domain for piece in self.pieces], coords)

    def restricted(self, part: Part, piece: Piece) -> Part | None:
        """Return the points of a part that lie in a piece; None where there are none."""
        share = share_inside(part, piece.domain)
        if not share > 0:
            return None
        return part if share >= _WHOLE else Restricted(part, piece.domain)


def nearest_piece(pieces: Sequence[Domain], coords: Tensor) -> Tensor:
    """Index of the piece that contains each point `(n, d)`, the first of several; of the nearest where none does."""
    distance = torch.stack([piece.signed_distance(coords) for piece in pieces], dim=1)
    size = max(1.0, float(coords.abs().max())) if coords.numel() else 1.0
    within = distance <= _ROUNDING * size
    return torch.where(within.any(dim=1), within.int().argmax(dim=1), distance.argmin(dim=1))


def partition_of(domain: Domain, cuts: Sequence[Cut], given: Sequence[Operand] = ()) -> Partition:
    """Divide a domain so that each piece lies in one of the shapes of every cut, or in none.

    Args:
        domain: a box or a shape of one to three dimensions that combines with others, times time and parameters.
        cuts: shapes that do not overlap, with whether they must cover the domain.
        given: kept in the partition.

    Raises:
        ValueError: for a domain that cannot be divided, shapes that overlap, leave a gap or do not meet the domain.
    """
    if not cuts:
        return Partition(domain, (Piece(1, domain),), tuple(given))
    space, factors = in_space(domain)
    shapes: list[Operand] = [space]
    for cut in cuts:
        shapes = refined(shapes, space, cut)
    if shapes == [space]:
        return Partition(domain, (Piece(1, domain),), tuple(given))
    whole = [part for shape in shapes for part in components(shape)]
    pieces = tuple(Piece(i, _product(shape, factors)) for i, shape in enumerate(whole, start=1))
    return Partition(domain, pieces, tuple(given))


def in_space(domain: Domain) -> tuple[Operand, tuple[Axis, ...]]:
    """Divide a domain into a shape in space, which combines with others, and axes of time and parameters.

    Raises:
        ValueError: for a domain that is neither a box with its axes of space first, nor such a shape.
    """
    space: object = domain.shape if isinstance(domain, Product) else domain
    factors = domain.factors if isinstance(domain, Product) else ()
    if isinstance(domain, Box):
        roles = [axis.role is Role.SPACE for axis in domain.axes]
        count = sum(roles)
        if not all(roles[:count]):
            raise ValueError(
                f"pieces: the axes of space must come first in {domain!r}; name them before time and parameters"
            )
        if count < len(roles) and count:
            space, factors = Box.of(*domain.axes[:count]), domain.axes[count:]
    if not isinstance(space, Operand) or not 1 <= len(space.axes) <= 3 or any(axis.dim > 1 for axis in space.axes):
        raise ValueError(
            f"pieces: {domain!r} cannot be divided; boxes, and shapes that combine by |, & and -, can, in one to three "
            "dimensions of space"
        )
    return space, tuple(factors)


def extended(part: object, domain: Domain) -> Part:
    """Return a shape in the space of a domain, during its times and for its parameters; other parts as they are."""
    if not isinstance(part, Operand) or not isinstance(domain, Box | Product):
        return part  # type: ignore[return-value]
    others = tuple(axis for axis in domain.axes if axis.role is not Role.SPACE)
    if not others or any(axis.role is not Role.SPACE for axis in part.axes):
        return part  # type: ignore[return-value]
    if isinstance(part, Box):
        return Box.of(*part.axes, *others)
    assert isinstance(part, Shape)
    return Product(part, others)


def _product(shape: Operand, factors: tuple[Axis, ...]) -> Domain:
    assert isinstance(shape, Shape)
    return Product(shape, factors) if factors else shape


def _shared(a: Domain, b: Domain) -> Part | None:
    """Part of the boundary of one piece that is boundary of another."""
    first, _ = in_space(a)
    second, _ = in_space(b)
    if not isinstance(first, Solid) or not isinstance(second, Solid) or not _touch(first, second):
        return None
    domain = a if isinstance(a, Product) else Product(first)
    shares = [share_inside(ShapeWall(Product(first), (k,)), second) for k in range(len(first.piece_names))]
    whole = tuple(k for k, share in enumerate(shares) if share >= _WHOLE)
    some = tuple(k for k, share in enumerate(shares) if share > 0)
    if not some:
        return None
    wall = ShapeWall(domain, some)
    return wall if whole == some else Restricted(wall, b)


def _touch(a: Operand, b: Operand) -> bool:
    """True unless the bounding boxes are apart."""
    (a0, a1), (b0, b1) = a.limits, b.limits
    size = max(map(abs, (*a0, *a1, *b0, *b1)))
    return all(max(p, q) <= min(r, s) + 1e-9 * size for p, q, r, s in zip(a0, b0, a1, b1, strict=True))


def within(piece: Piece, shape: Operand) -> bool:
    """True if a piece lies in a shape."""
    points = piece.domain.sample(256, torch.Generator().manual_seed(0)).coords[:, : len(shape.axes)]
    return bool(inside_shape(shape, points).double().mean() > 0.5)


def inside_shape(shape: Operand, coords: Tensor) -> Tensor:
    """True for each point `(n, d)` of space in a shape, `(n,)`."""
    return shape.signed_distance(coords) <= 0
