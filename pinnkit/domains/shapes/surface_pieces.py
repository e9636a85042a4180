"""Pieces of the sides of solids that bound a combination: their areas, and the volumes of the cones to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .classification import ON, Classified, Combine, SpacePrimitive, classify
from .patches import Patch, SpaceSide, Vector
from .walls import Owner

__all__ = ["SurfacePiece", "Unit", "measured_pieces"]

_LINES, _CELLS, _HALVINGS = 1024, 32, 12
"""Lines across a side, cells along each, and how often a cell that a surface may cross is halved."""
_ENDS = 1e-7
"""Margin of the lines, on whose ends other surfaces often lie."""
_POINTS = 2**17
"""Points by which a side without continuous coordinates is measured."""
_LEAST = 1e-6
"""Share of a side below which a piece counts as rounding."""

Unit = Callable[[int], Tensor]
"""Count to points `(count, 2)` evenly spread in the unit square, always the same."""
Kind = tuple[tuple[Owner, ...], bool]
"""Sides on which points lie, and whether their normal points into the combination."""


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


def measured_pieces(
    primitives: Sequence[SpacePrimitive],
    combine: Combine,
    owner: Owner,
    side: SpaceSide,
    origin: Vector,
    size: float,
    spread: Unit,
) -> list[SurfacePiece]:
    """The pieces that are left of one side, measured to 0.1 % of the side or better; exactly where it is left whole.

    Along lines of one coordinate, the places where the other surfaces cross are found by halving: two points between
    which no surface crosses are those that are farther from each than from each other.  Across the lines the midpoint
    rule applies.  Sides without continuous coordinates are measured by quasi-random points.

    Args:
        primitives: solids, in the order of `combine`'s argument.
        combine: for each primitive True `(n,)` at places inside it, to True `(n,)` at places inside the combination.
        owner: number of the side.
        side: the side.
        origin: near the middle.
        size: largest coordinate.
        spread: quasi-random points.
    """
    patch = side.patch
    if len(primitives) == 1:
        return [SurfacePiece((owner,), side.name, patch.area, patch.flux(origin))]

    def classified(unit: Tensor) -> tuple[Tensor, Classified]:
        x, outward = patch.at(unit)
        return x, classify(primitives, combine, owner, x, outward, size)

    shares = _along_lines(classified, size) if patch.is_continuous else _at_points(classified, spread(_POINTS))
    out: dict[tuple[Owner, ...], SurfacePiece] = {}
    for (owners, flipped), share in shares.items():
        sign = -1.0 if flipped else 1.0
        if share.total > 1 - 1e-9:
            return [SurfacePiece(owners, side.name, patch.area, sign * patch.flux(origin))]
        if share.total > _LEAST:
            before = out.get(owners, SurfacePiece(owners, side.name, 0.0, 0.0))
            area = before.area + patch.area * share.total
            flux = before.flux + sign * patch.area * share.integral(patch, origin)
            out[owners] = SurfacePiece(owners, side.name, area, flux)
    return list(out.values())


@dataclass(frozen=True, eq=False)
class _Share:
    """A part of the unit square as points with weights.

    Args:
        unit: points `(n, 2)`.
        weight: their weights `(n,)`, which sum to the share of the square.
    """

    unit: Tensor
    weight: Tensor

    @property
    def total(self) -> float:
        """The share."""
        return float(self.weight.sum())

    def integral(self, patch: Patch, origin: Vector) -> float:
        """Integral of (x - origin) . n over the part, for a patch of area 1."""
        x, normal = patch.at(self.unit)
        height = ((x - torch.tensor(origin, dtype=torch.float64)) * normal).sum(dim=1)
        return float(self.weight @ height)


def _at_points(classified: Callable[[Tensor], tuple[Tensor, Classified]], unit: Tensor) -> dict[Kind, _Share]:
    """The parts of a side as quasi-random points."""
    _, found = classified(unit)
    numbers, kinds = _kinds(found, {})
    weight = torch.full((len(unit),), 1 / len(unit), dtype=torch.float64)
    return {kind: _Share(unit[numbers == k], weight[numbers == k]) for kind, k in kinds.items()}


def _along_lines(classified: Callable[[Tensor], tuple[Tensor, Classified]], size: float) -> dict[Kind, _Share]:
    """The parts of a side as intervals of lines, each with the two points of Gauss quadrature."""
    kinds: dict[Kind, int] = {}

    def ends_of(u: Tensor, v: Tensor) -> _Nodes:
        x, found = classified(torch.stack([u, v], dim=1))
        return _Nodes(u, v, x, found.gaps, _kinds(found, kinds)[0])

    lines = (torch.arange(_LINES, dtype=torch.float64) + 0.5) / _LINES
    cells = torch.linspace(_ENDS, 1 - _ENDS, _CELLS + 1, dtype=torch.float64)
    grid = torch.cartesian_prod(lines, cells)
    nodes = ends_of(grid[:, 1], grid[:, 0])
    first = torch.arange(len(grid)).reshape(_LINES, -1)
    low, high = nodes.rows(first[:, :-1].reshape(-1)), nodes.rows(first[:, 1:].reshape(-1))
    intervals: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []  # line, both ends, kind
    for _ in range(_HALVINGS):
        chord = torch.linalg.vector_norm(high.x - low.x, dim=1, keepdim=True)
        on = (low.gaps <= ON * size) & (high.gaps <= ON * size)
        clear = ((low.gaps + high.gaps >= chord) | on).all(dim=1) & (low.kind == high.kind)
        done, left = torch.nonzero(clear)[:, 0], torch.nonzero(~clear)[:, 0]
        intervals.append((low.v[done], low.u[done], high.u[done], low.kind[done]))
        low, high = low.rows(left), high.rows(left)
        if not len(left):
            break
        middle = ends_of((low.u + high.u) / 2, low.v)
        low, high = low.joined(middle), middle.joined(high)
    middle_u = (low.u + high.u) / 2
    intervals += [(low.v, low.u, middle_u, low.kind), (low.v, middle_u, high.u, high.kind)]
    v, a, b, kind = (torch.cat(parts) for parts in zip(*intervals, strict=True))
    width = (b - a) / (_LINES * (1 - 2 * _ENDS))
    middle_u, half = (a + b) / 2, (b - a) / math.sqrt(12)
    out = {}
    for of, k in kinds.items():
        rows = kind == k
        unit = torch.cat([torch.stack([(middle_u + s * half)[rows], v[rows]], dim=1) for s in (-1, 1)])
        out[of] = _Share(unit, width[rows].repeat(2) / 2)
    return out


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Points on lines: coordinates along and across, places, distances to the other primitives, numbers of kinds."""

    u: Tensor
    v: Tensor
    x: Tensor
    gaps: Tensor
    kind: Tensor

    def rows(self, index: Tensor) -> _Nodes:
        """Selected nodes."""
        return _Nodes(self.u[index], self.v[index], self.x[index], self.gaps[index], self.kind[index])

    def joined(self, other: _Nodes) -> _Nodes:
        """These nodes, then others."""
        return _Nodes(
            torch.cat([self.u, other.u]),
            torch.cat([self.v, other.v]),
            torch.cat([self.x, other.x]),
            torch.cat([self.gaps, other.gaps]),
            torch.cat([self.kind, other.kind]),
        )


def _kinds(found: Classified, known: dict[Kind, int]) -> tuple[Tensor, dict[Kind, int]]:
    """Number `(n,)` of the kind of each point, -1 for points that do not bound the combination."""
    numbers = torch.full((len(found.kept),), -1, dtype=torch.int64)
    for owners in found.keys:
        rows = found.rows_of(owners)
        for flipped in (False, True):
            here = rows & (found.flipped == flipped)
            if bool(here.any()):
                numbers[here] = known.setdefault((owners, flipped), len(known))
    return numbers, known
