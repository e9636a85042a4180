"""Boundary of a combination of solids: their surfaces, trimmed to what bounds the combination."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .patches import SpaceSide, Vector
from .walls import Draw, Owner, WallSample

__all__ = ["SpacePrimitive", "SurfacePiece", "TrimmedSurface", "trim"]

_ON = 1e-9
"""Distance within which a point lies on a surface, relative to the size."""
_ASIDE = 1e-6
"""Distance at which the two sides of a surface are tested, relative to the size."""
_FIRST, _LAST = 2**15, 2**18
"""Points on a side by which what is left of it is first measured, and at most."""
_ACCURACY = 3e-4
"""Of the measure of a piece, up to which its points are doubled."""
_FEWEST = 4
"""Points below which a piece counts as rounding."""

Combine = Callable[[Sequence[Tensor]], Tensor]
Unit = Callable[[int], Tensor]
"""Count to points `(count, 2)` evenly spread in the unit square, always the same."""


@dataclass(frozen=True)
class SpacePrimitive:
    """A solid that is combined with others.

    Args:
        sides: its boundary.
        level: points `(n, 3)` to numbers `(n,)`, negative inside; distances near the boundary.
        side_at: points `(n, 3)` on the boundary to numbers `(n,)` of the sides on which they lie.
    """

    sides: tuple[SpaceSide, ...]
    level: Callable[[Tensor], Tensor]
    side_at: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class SurfacePiece:
    """The rest of one side of a primitive, as far as it coincides with the same sides of others.

    Args:
        owners: the side, then those that it coincides with.
        name: of the wall that it belongs to.
        area: exact for whole sides, else estimated to 0.1 % or better.
        flux: integral of (x - origin) . n.
    """

    owners: tuple[Owner, ...]
    name: str
    area: float
    flux: float


@dataclass(frozen=True, eq=False)
class TrimmedSurface:
    """The boundary of a combination of solids.

    Args:
        primitives: the solids.
        combine: for each primitive True `(n,)` at places inside it, to True `(n,)` at places inside the combination.
        pieces: of the boundary.
        size: largest coordinate.
    """

    primitives: tuple[SpacePrimitive, ...]
    combine: Combine
    pieces: tuple[SurfacePiece, ...]
    size: float

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the wall of each piece."""
        return tuple(piece.name for piece in self.pieces)

    @property
    def owners(self) -> tuple[tuple[Owner, ...], ...]:
        """Sides of primitives on which each piece lies."""
        return tuple(piece.owners for piece in self.pieces)

    @property
    def measures(self) -> tuple[float, ...]:
        """Area of each piece."""
        return tuple(piece.area for piece in self.pieces)

    @property
    def enclosed(self) -> float:
        """Volume, by the divergence theorem: a third of the integral of x . n."""
        return math.fsum(piece.flux for piece in self.pieces) / 3

    def nearest(self, points: Tensor) -> Tensor:
        """Number `(n,)` of a piece on whose primary side each point `(n, 3)` of the boundary lies."""
        gaps = torch.stack([p.level(points).abs() for p in self.primitives], dim=1)
        leaf = gaps.argmin(dim=1)
        out = torch.zeros(len(points), dtype=torch.int64)
        for k in leaf.unique().tolist():
            rows = torch.nonzero(leaf == k)[:, 0]
            side = self.primitives[k].side_at(points[rows])
            for number, piece in reversed(list(enumerate(self.pieces))):
                for owner in piece.owners:
                    if owner[0] == k:
                        out[rows[side == owner[1]]] = number
        return out

    def sample(self, pieces: tuple[int, ...], n: int, draw: Draw) -> WallSample:
        """N points uniform on the pieces: those of whole sides that lie on the pieces."""
        sides = sorted({self.pieces[k].owners[0] for k in pieces})
        areas = torch.tensor([self.primitives[leaf].sides[k].patch.area for leaf, k in sides], dtype=torch.float64)
        measure = math.fsum(self.pieces[k].area for k in pieces)
        wanted = {self.pieces[k].owners for k in pieces}
        count = math.ceil(1.1 * n * float(areas.sum()) / measure) + 32
        for _ in range(8):
            unit, weight = draw(count)
            x, normal, kept = self._candidates(sides, areas, unit[:, -2:], wanted)
            rows = torch.nonzero(kept)[:n, 0]
            if len(rows) == n:
                break
            count *= 2
        else:
            raise ValueError(
                f"only {len(rows)} of {count // 2} points of the sides lie on the wall, which is too small to sample; "
                f"shift one of the shapes, so that they overlap more or not at all"
            )
        scale = measure / float(weight[rows].sum())
        return WallSample(x[rows], normal[rows], unit[rows, :-2], weight[rows] * scale)

    def _candidates(
        self, sides: Sequence[Owner], areas: Tensor, unit: Tensor, wanted: set[tuple[Owner, ...]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Points even on whole sides, normals outward of the combination, and whether they lie on wanted pieces."""
        ends = areas.cumsum(0)
        along = unit[:, 0] * ends[-1]
        which = torch.searchsorted(ends, along, right=True).clamp(max=len(ends) - 1)
        within = ((along - (ends - areas)[which]) / areas[which]).clamp(0, 1)
        x, normal = (torch.empty(len(unit), 3, dtype=torch.float64) for _ in range(2))
        kept = torch.zeros(len(unit), dtype=torch.bool)
        for k, owner in enumerate(sides):
            rows = torch.nonzero(which == k)[:, 0]
            if not len(rows):
                continue
            at = torch.stack([within[rows], unit[rows, 1]], dim=1)
            x[rows], outward = self.primitives[owner[0]].sides[owner[1]].patch.at(at)
            found = _classified(self.primitives, self.combine, owner, x[rows], outward, self.size)
            normal[rows] = torch.where(found.flipped[:, None], -outward, outward)
            for owners in wanted:
                if owners[0] == owner:
                    kept[rows] |= found.rows_of(owners)
        return x, normal, kept


@dataclass(frozen=True, eq=False)
class _Classified:
    """Points of one side: whether they bound the combination, with which normal, and what else they lie on."""

    owner: Owner
    kept: Tensor
    flipped: Tensor
    others: dict[int, Tensor]  # for primitives that some points lie on: number of the side, -1 where they do not

    def rows_of(self, owners: tuple[Owner, ...]) -> Tensor:
        """True for points that are kept and lie on exactly these sides."""
        found = self.kept.clone()
        wanted = dict(owners[1:])
        for leaf, side in self.others.items():
            found &= side == wanted.get(leaf, -1)
        if not wanted.keys() <= self.others.keys():
            return torch.zeros_like(found)
        return found

    @property
    def keys(self) -> list[tuple[Owner, ...]]:
        """The different sets of sides on which kept points lie."""
        if not self.others:
            return [(self.owner,)] if bool(self.kept.any()) else []
        table = torch.stack(list(self.others.values()), dim=1)[self.kept]
        rows = table.unique(dim=0).tolist()
        return [(self.owner, *((o, int(s)) for o, s in zip(self.others, row, strict=True) if s >= 0)) for row in rows]


def trim(
    primitives: Sequence[SpacePrimitive], combine: Combine, origin: Vector, size: float, spread: Unit
) -> TrimmedSurface:
    """Trim the sides of solids to the boundary of a combination, and measure what is left.

    A point of a side bounds the combination where `combine` says that it has the inside on one side of the surface
    only.  Where sides of several primitives coincide, that of the first is taken.

    Args:
        primitives: solids, in the order of `combine`'s argument.
        combine: for each primitive True `(n,)` at places inside it, to True `(n,)` at places inside the combination.
        origin: near the middle.
        size: largest coordinate.
        spread: quasi-random points.
    """
    pieces = []
    for leaf, primitive in enumerate(primitives):
        for number, side in enumerate(primitive.sides):
            pieces += _measured(primitives, combine, (leaf, number), side, origin, size, spread)
    return TrimmedSurface(tuple(primitives), combine, tuple(pieces), size)


def _measured(
    primitives: Sequence[SpacePrimitive],
    combine: Combine,
    owner: Owner,
    side: SpaceSide,
    origin: Vector,
    size: float,
    spread: Unit,
) -> list[SurfacePiece]:
    """The pieces that are left of one side.

    The points are doubled until the shares in two halves of them agree; the shares of quasi-random points then differ
    from the true ones by less.
    """
    patch, count = side.patch, _FIRST
    if len(primitives) == 1:
        return [SurfacePiece((owner,), side.name, patch.area, patch.flux(origin))]
    center = torch.tensor(origin, dtype=torch.float64)
    while True:
        x, outward = patch.at(spread(count))
        found = _classified(primitives, combine, owner, x, outward, size)
        keys = found.keys
        whole = bool(found.kept.all()) and len(keys) == 1
        masks = [found.rows_of(key) for key in keys]
        halves = [[float(m.double().mean()) for m in mask.chunk(2)] for mask in masks]
        if whole or count >= _LAST or all(abs(a - b) <= _ACCURACY * (a + b) for a, b in halves):
            break
        count *= 2
    height = ((x - center) * outward).sum(dim=1)
    pieces = []
    for key, mask in zip(keys, masks, strict=True):
        if int(mask.sum()) < _FEWEST:
            continue
        flipped = found.flipped[mask]
        sign = torch.where(found.flipped, -1.0, 1.0).double()
        if whole and (bool(flipped.all()) or not bool(flipped.any())):
            area, flux = patch.area, float(sign[0]) * patch.flux(origin)
        else:
            area = patch.area * float(mask.double().mean())
            flux = patch.area * float((sign * height * mask).mean())
        pieces.append(SurfacePiece(key, side.name, area, flux))
    return pieces


def _classified(
    primitives: Sequence[SpacePrimitive], combine: Combine, owner: Owner, x: Tensor, outward: Tensor, size: float
) -> _Classified:
    left, right = [], []
    others: dict[int, Tensor] = {}
    earlier = torch.zeros(len(x), dtype=torch.bool)
    for leaf, primitive in enumerate(primitives):
        if leaf == owner[0]:
            left.append(torch.ones(len(x), dtype=torch.bool))
            right.append(torch.zeros(len(x), dtype=torch.bool))
            continue
        distance = primitive.level(x)
        on = distance.abs() <= _ON * size
        sides = [distance < 0, distance < 0]
        if bool(on.any()):
            rows = torch.nonzero(on)[:, 0]
            for side, sign in zip(sides, (-1.0, 1.0), strict=True):
                side[rows] = primitive.level(x[rows] + sign * _ASIDE * size * outward[rows]) < 0
            # A surface that only crosses here has both sides alike on neither; those that coincide separate them.
            coincides = rows[sides[0][rows] != sides[1][rows]]
            if leaf < owner[0]:
                earlier[coincides] = True
            elif len(coincides):
                number = torch.full((len(x),), -1, dtype=torch.int64)
                number[coincides] = primitive.side_at(x[coincides])
                others[leaf] = number
        left.append(sides[0])
        right.append(sides[1])
    inner, outer = combine(left), combine(right)
    return _Classified(owner, (inner != outer) & ~earlier, outer & ~inner, others)
