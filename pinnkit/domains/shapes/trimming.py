"""Boundary of a combination of solids: their surfaces, trimmed to what bounds the combination."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .classification import Combine, SpacePrimitive, classify
from .patches import Vector
from .surface_pieces import SurfacePiece, Unit, measured_pieces
from .walls import Draw, Owner, WallSample

__all__ = ["TrimmedSurface", "trim"]


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
            found = classify(self.primitives, self.combine, owner, x[rows], outward, self.size)
            normal[rows] = torch.where(found.flipped[:, None], -outward, outward)
            for owners in wanted:
                if owners[0] == owner:
                    kept[rows] |= found.rows_of(owners)
        return x, normal, kept


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
            pieces += measured_pieces(primitives, combine, (leaf, number), side, origin, size, spread)
    return TrimmedSurface(tuple(primitives), combine, tuple(pieces), size)
