"""Walls of a domain of the plane as closed loops of curves, for meshes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Box, Domain, Product, Region, Role, Shape
from pinnkit.domains.level_set.level_function import Inside, onto
from pinnkit.domains.shapes.curves import Segment
from pinnkit.problem.errors import Unsupported
from pinnkit.references.grid import Array, Index

__all__ = ["MeshCurve", "PlaneWalls", "plane_walls"]

SAMPLES = 64
"""Places on each curve at which its curvature and its distance to others are measured."""
_STRAIGHT = 1e-9


class MeshCurve(Protocol):
    """A directed piece of a wall with the domain on its left, x(s) for s in [0, 1]."""

    def point(self, s: Tensor) -> Tensor:
        """Points `(n, 2)` at the parameters `(n,)`."""
        ...

    def foot(self, points: Tensor) -> Tensor:
        """Parameters `(n,)` of the nearest points of the curve."""
        ...


@dataclass(frozen=True)
class PlaneWalls:
    """Loops of curves around a domain, numbered through as the pieces of its boundary are.

    Args:
        loops: closed loops with the domain on their left.
        names: name of the wall of each piece.
        size: of the domain, the larger extent.
    """

    loops: tuple[tuple[MeshCurve, ...], ...]
    names: tuple[str, ...]
    size: float

    @cached_property
    def curves(self) -> tuple[MeshCurve, ...]:
        """All curves, loop by loop."""
        return tuple(curve for loop in self.loops for curve in loop)

    @cached_property
    def samples(self) -> tuple[Array, ...]:
        """Points ``(SAMPLES + 1, 2)`` of each curve at even parameters."""
        s = torch.linspace(0, 1, SAMPLES + 1, dtype=torch.float64)
        return tuple(curve.point(s).numpy() for curve in self.curves)

    @cached_property
    def is_straight(self) -> tuple[bool, ...]:
        """For each curve, True if it is a segment."""
        return tuple(_is_straight(x, self.size) for x in self.samples)

    def follower(self, piece: int) -> int:
        """Number of the piece that begins where this one ends."""
        first = 0
        for loop in self.loops:
            if piece < first + len(loop):
                return first + (piece - first + 1) % len(loop)
            first += len(loop)
        raise IndexError(piece)

    def onto(self, points: Array, pieces: Index) -> Array:
        """The points ``(n, 2)`` moved to the nearest places of the curves with the numbers ``(n,)``."""
        out = points.copy()
        for k in np.unique(pieces):
            if self.is_straight[k]:
                continue
            rows = pieces == k
            curve = self.curves[k]
            out[rows] = curve.point(curve.foot(torch.from_numpy(points[rows]))).numpy()
        return out


def plane_walls(domain: Domain, method: str, label: str) -> PlaneWalls:
    """The walls of a box or a shape of the plane.

    Raises:
        Unsupported: for a domain whose walls are not known as curves.
    """
    shape = domain.shape if isinstance(domain, Product) else domain
    if isinstance(shape, Box):
        return box_walls(shape)
    if isinstance(shape, Region):
        return region_walls(shape)
    if isinstance(shape, Shape):
        try:
            outline = shape.outline
        except ValueError as error:
            raise Unsupported(method, f"{label}: {error}") from None
        loops = tuple(tuple(piece.curve for piece in loop) for loop in outline.loops)
        lower, upper = outline.box
        return PlaneWalls(loops, outline.names, max(b - a for a, b in zip(lower, upper, strict=True)))
    raise Unsupported(method, f"{label}: the domain is no box and no shape but {type(domain).__name__}")


def box_walls(box: Box) -> PlaneWalls:
    """The four sides of a rectangle, counter-clockwise: y lower, x upper, y upper, x lower."""
    (x, a), (y, b) = ((c, axis) for axis in box.axes if axis.role is Role.SPACE for c in axis.columns)
    corners = [(a.lower, b.lower), (a.upper, b.lower), (a.upper, b.upper), (a.lower, b.upper)]
    sides = tuple(Segment(p, q) for p, q in zip(corners, [*corners[1:], corners[0]], strict=True))
    names = tuple(f"{c} = {v:g}" for c, v in ((y, b.lower), (x, a.upper), (y, b.upper), (x, a.lower)))
    return PlaneWalls((sides,), names, max(a.extent, b.extent))


@dataclass(frozen=True, eq=False)
class ZeroLoop:
    """A closed curve on which a function vanishes.

    Args:
        inside: the function, negative inside.
        nodes: points ``(n + 1, 2)`` on it in order, the first one repeated at the end.
        reach: distance to which a point between nodes may be moved onto the curve.
    """

    inside: Inside
    nodes: Array
    reach: float

    @cached_property
    def places(self) -> Array:
        """Parameters of the nodes: shares of the length."""
        steps = np.hypot(*np.diff(self.nodes, axis=0).T)
        return np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()

    def point(self, s: Tensor) -> Tensor:
        """Points `(n, 2)` at the parameters `(n,)`."""
        at = np.stack([np.interp(s.numpy(), self.places, column) for column in self.nodes.T], axis=1)
        return onto(self.inside, torch.from_numpy(at), self.reach)[0]

    def foot(self, points: Tensor) -> Tensor:
        """Parameters `(n,)` of the nearest points of the chain of nodes."""
        start, step = self.nodes[:-1], np.diff(self.nodes, axis=0)
        x = points.numpy()
        away = x[:, None, :] - start[None]
        share = np.clip((away * step).sum(axis=2) / (step**2).sum(axis=1), 0, 1)
        gap = ((away - share[..., None] * step) ** 2).sum(axis=2)
        k = gap.argmin(axis=1)
        return torch.from_numpy(self.places[k] + share[np.arange(len(x)), k] * np.diff(self.places)[k])


def region_walls(region: Region) -> PlaneWalls:
    """The closed curves on which the function of a region vanishes, with the region on their left."""
    ends = region.surface.nodes[:, :2].numpy()  # (facets, 2, 2), in no order
    points, which = _distinct(ends.reshape(-1, 2), 1e-9 * float(np.ptp(ends.reshape(-1, 2), axis=0).max()))
    loops = []
    for chain in _chains(which.reshape(-1, 2)):
        nodes = points[np.append(chain, chain[0])]
        x, y = nodes.T
        area = float(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2
        middle = torch.from_numpy(nodes[:1])
        _, _, gradient = onto(region.function, middle, region.surface.cell)
        tangent = nodes[1] - nodes[-2]
        left_is_inside = tangent[0] * -float(gradient[0, 1]) - tangent[1] * -float(gradient[0, 0]) > 0
        loops.append((area, ZeroLoop(region.function, nodes if left_is_inside else nodes[::-1], region.surface.cell)))
    extent = max(axis.extent for axis in region.axes)
    if not loops:
        raise ValueError(f"{region!r} has no closed wall")
    return PlaneWalls(tuple((loop,) for _, loop in loops), ("boundary",) * len(loops), extent)


def _distinct(points: Array, least: float) -> tuple[Array, Index]:
    """Points without repetition, and the number of each of those given."""
    keys = np.round(points / least).astype(np.int64)
    _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return points[first], which.ravel()


def _chains(pairs: Index) -> list[Index]:
    """Closed chains of the numbers that pairs join; open ones are left out."""
    beside: dict[int, list[int]] = {}
    for a, b in pairs.tolist():
        if a != b:
            beside.setdefault(a, []).append(b)
            beside.setdefault(b, []).append(a)
    free = dict.fromkeys(sorted(beside))
    found = []
    while free:
        first = at = next(iter(free))
        chain, before = [], -1
        while at in free:
            chain.append(at)
            del free[at]
            following = [k for k in beside[at] if k != before and (k in free or (k == first and len(chain) > 2))]
            if not following:
                break
            before, at = at, following[0]
        if at == first and len(chain) > 2:
            found.append(np.array(chain))
    return found


def _is_straight(x: Array, size: float) -> bool:
    start, step = x[0], x[-1] - x[0]
    away = x - start
    length = float(np.hypot(*step))
    if length <= _STRAIGHT * size:
        return False
    return bool(np.abs(away[:, 0] * step[1] - away[:, 1] * step[0]).max() <= _STRAIGHT * size * length)


def angles_at(walls: PlaneWalls) -> Sequence[float]:
    """Opening angle inside the domain at the start of each piece, in radians; pi where the wall is smooth."""
    out = [np.pi] * len(walls.curves)
    s = torch.tensor([0.0, 1e-7, 1 - 1e-7, 1.0], dtype=torch.float64)
    near = [curve.point(s).numpy() for curve in walls.curves]
    for k in range(len(walls.curves)):
        j = walls.follower(k)
        if j == k or isinstance(walls.curves[k], ZeroLoop):
            continue  # a closed curve
        arriving, leaving = near[k][3] - near[k][2], near[j][1] - near[j][0]
        turn = np.arctan2(
            arriving[0] * leaving[1] - arriving[1] * leaving[0], arriving[0] * leaving[0] + arriving[1] * leaving[1]
        )
        out[j] = float(np.pi - turn)
    return out
