"""Ends: the boundary of a union of intervals of a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .walls import Draw, Owner, WallSample

__all__ = ["End", "Ends", "LinePrimitive", "LineSide", "join_intervals"]


@dataclass(frozen=True)
class LineSide:
    """An end of an interval.

    Args:
        name: of the wall.
        at: the coordinate.
        outward: 1 at an upper end, -1 at a lower end.
    """

    name: str
    at: float
    outward: float


@dataclass(frozen=True)
class LinePrimitive:
    """A set on the line that is combined with others.

    Args:
        sides: its ends.
        signed_distance: points `(n, 1)` to distances `(n,)`, negative inside.
    """

    sides: tuple[LineSide, ...]
    signed_distance: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class End:
    """An end of an interval of a combination, with the sides of primitives that lie there."""

    at: float
    outward: float
    owners: tuple[Owner, ...]
    name: str


@dataclass(frozen=True)
class Ends:
    """The ends of disjoint intervals, ascending: lower, upper, lower, upper, ..."""

    ends: tuple[End, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the wall of each end."""
        return tuple(end.name for end in self.ends)

    @property
    def owners(self) -> tuple[tuple[Owner, ...], ...]:
        """Sides of primitives at each end."""
        return tuple(end.owners for end in self.ends)

    @property
    def measures(self) -> tuple[float, ...]:
        """One for each end."""
        return (1.0,) * len(self.ends)

    @property
    def enclosed(self) -> float:
        """Sum of the lengths."""
        return math.fsum(end.outward * end.at for end in self.ends)

    def signed_distance(self, points: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, 1)` to the nearest end, negative inside."""
        nearest = self.nearest(points)
        at = torch.tensor([end.at for end in self.ends], dtype=points.dtype, device=points.device)
        outward = torch.tensor([end.outward for end in self.ends], dtype=points.dtype, device=points.device)
        return outward[nearest] * (points[:, 0] - at[nearest])

    def nearest(self, points: Tensor) -> Tensor:
        """Number `(n,)` of the nearest end to each point `(n, 1)`."""
        at = torch.tensor([end.at for end in self.ends], dtype=points.dtype, device=points.device)
        return (points - at).abs().argmin(dim=1)

    def sample(self, pieces: tuple[int, ...], n: int, draw: Draw) -> WallSample:
        """N points shared evenly between the ends, in their order."""
        unit, weight = draw(n)
        which = torch.tensor(pieces)[(torch.arange(n) * len(pieces)) // n]
        at = torch.tensor([end.at for end in self.ends], dtype=torch.float64)[which]
        outward = torch.tensor([end.outward for end in self.ends], dtype=torch.float64)[which]
        share = torch.zeros(n, dtype=torch.float64)
        for piece in pieces:  # each end has measure 1, whatever its number of points
            rows = which == piece
            if bool(rows.any()):
                share[rows] = weight[rows] / weight[rows].sum()
        return WallSample(at[:, None], outward[:, None], unit, share * (len(pieces) / float(share.sum())))


def join_intervals(
    primitives: Sequence[LinePrimitive], combine: Callable[[Sequence[Tensor]], Tensor], tolerance: float
) -> Ends:
    """The intervals of a combination: the line is cut at all ends, and `combine` asked between them.

    Args:
        primitives: sets, in the order of `combine`'s argument.
        combine: for each primitive True `(n,)` at places inside it, to True `(n,)` at places inside the combination.
        tolerance: distance below which ends coincide, relative to their size.
    """
    every = [((leaf, k), side) for leaf, p in enumerate(primitives) for k, side in enumerate(p.sides)]
    least = tolerance * max(abs(side.at) for _, side in every)
    places: list[float] = []
    for at in sorted(side.at for _, side in every):
        if not places or at - places[-1] > least:
            places.append(at)
    cuts = torch.tensor(places, dtype=torch.float64)
    middle = torch.cat([cuts[:1] - 1, (cuts[1:] + cuts[:-1]) / 2, cuts[-1:] + 1])
    inside = combine([p.signed_distance(middle[:, None]) < 0 for p in primitives]).tolist()
    ends = []
    for k, at in enumerate(places):
        if inside[k] != inside[k + 1]:
            here = [(owner, side) for owner, side in every if abs(side.at - at) <= least]
            exact, name = here[0][1].at, here[0][1].name
            ends.append(End(exact, 1.0 if inside[k] else -1.0, tuple(owner for owner, _ in here), name))
    return Ends(tuple(ends))
