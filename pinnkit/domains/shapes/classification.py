"""Classification of points of surfaces: those that bound a combination of solids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .patches import SpaceSide
from .walls import Owner

__all__ = ["ON", "Classified", "Combine", "SpacePrimitive", "classify"]

ON = 1e-9
"""Distance within which a point lies on a surface, relative to the size."""
_ASIDE = 1e-6
"""Distance at which the two sides of a surface are tested, relative to the size."""

Combine = Callable[[Sequence[Tensor]], Tensor]
"""For each primitive True `(n,)` at places inside it, to True `(n,)` at places inside the combination."""


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


@dataclass(frozen=True, eq=False)
class Classified:
    """Points of one side: whether they bound the combination, with which normal, and what else they lie on.

    Args:
        owner: the side.
        kept: True `(n,)` for points that bound the combination.
        flipped: True `(n,)` where the normal of the side points into the combination.
        others: for primitives that some points lie on, the number `(n,)` of the side, -1 where they do not.
        gaps: distance of each point to the other primitives, `(n, primitives - 1)`.
    """

    owner: Owner
    kept: Tensor
    flipped: Tensor
    others: dict[int, Tensor]
    gaps: Tensor

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


def classify(
    primitives: Sequence[SpacePrimitive], combine: Combine, owner: Owner, x: Tensor, outward: Tensor, size: float
) -> Classified:
    """Find which points of a side bound the combination: those with its inside on one side of the surface only.

    Args:
        primitives: solids, in the order of `combine`'s argument.
        combine: for each primitive True `(n,)` at places inside it, to True `(n,)` at places inside the combination.
        owner: the side on which the points lie.
        x: points `(n, 3)`.
        outward: normals of the side `(n, 3)`.
        size: largest coordinate.
    """
    left, right, gaps = [], [], []
    others: dict[int, Tensor] = {}
    earlier = torch.zeros(len(x), dtype=torch.bool)
    for leaf, primitive in enumerate(primitives):
        if leaf == owner[0]:
            left.append(torch.ones(len(x), dtype=torch.bool))
            right.append(torch.zeros(len(x), dtype=torch.bool))
            continue
        distance = primitive.level(x)
        gaps.append(distance.abs())
        on = gaps[-1] <= ON * size
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
    between = torch.stack(gaps, dim=1) if gaps else torch.empty(len(x), 0, dtype=torch.float64)
    return Classified(owner, (inner != outer) & ~earlier, outer & ~inner, others, between)
