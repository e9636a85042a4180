"""Random shapes for tests: polygons with holes and trees of combinations, each determined by a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pinnkit.domains import Ball, Box, Capsule, Cone, Cylinder, Disk, Ellipse, Operand, Polygon, Torus, Union

__all__ = ["PolygonWithHoles", "random_polygon_with_holes", "random_tree"]


@dataclass(frozen=True)
class PolygonWithHoles:
    """A polygon without holes that lie apart from each other and from its sides.

    Attributes:
        shape: the domain, `outer - hole - hole - ...`.
        outer: the polygon; its sides are `outer.side(k)`.
        holes: disks, ellipses and polygons.
        gap: the smallest distance of a hole to another hole or to a side of the polygon is at least this.
    """

    shape: Operand
    outer: Polygon
    holes: tuple[Operand, ...]
    gap: float


def random_polygon_with_holes(
    seed: int, *, holes: int = 3, corners: int = 7, only_disks: bool = False, size: float = 1.0
) -> PolygonWithHoles:
    """A star-shaped polygon of `corners` vertices about the origin, of a radius around `size`, with round holes in it.

    Vertices are at radii from 0.75 to 1.25 and at irregular angles, so that some corners are re-entrant.  Holes are
    disks, ellipses and triangles or quadrilaterals by turns drawn, with radii from 0.05 to 0.15; candidates that come
    too near are drawn again.

    Args:
        seed: determines everything.
        holes: their number.
        corners: vertices of the polygon.
        only_disks: whether all holes are round.
        size: scale of the whole.
    """
    rng = np.random.default_rng(seed)
    step = 2 * math.pi / corners
    angles = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * step
    radii = rng.uniform(0.75, 1.25, corners) * size
    outer = Polygon(np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1))
    gap = 0.04 * size
    taken: list[tuple[float, float, float]] = []
    made: list[Operand] = []
    ends = np.array(outer.vertices)
    while len(made) < holes:
        radius = rng.uniform(0.05, 0.15) * size
        x, y = rng.uniform(-1, 1, 2) * size
        inside = _crossings(ends, x, y) % 2 == 1
        if not inside or _to_sides(ends, x, y) < radius + gap:
            continue
        if any(math.hypot(x - a, y - b) < radius + r + gap for a, b, r in taken):
            continue
        taken.append((x, y, radius))
        made.append(_hole(rng, x, y, radius, only_disks))
    shape: Operand = outer
    for hole in made:
        shape = shape - hole
    return PolygonWithHoles(shape, outer, tuple(made), gap)


def random_tree(seed: int, dim: int, leaves: int = 4) -> Operand:
    """A combination of random primitives that overlap, in one to three dimensions; never empty.

    Args:
        seed: determines everything.
        dim: number of axes.
        leaves: number of primitives.
    """
    rng = np.random.default_rng(seed)
    made = [_primitive(rng, dim) for _ in range(leaves)]
    while len(made) > 1:
        k = int(rng.integers(len(made) - 1))
        a, b = made[k], made.pop(k + 1)
        made[k] = _combined(rng, a, b)
    return made[0]


def _combined(rng: np.random.Generator, a: Operand, b: Operand) -> Operand:
    """`a | b`, `a & b` or `a - b`; their union where that is empty."""
    try:
        return (a.__or__, a.__and__, a.__sub__)[int(rng.integers(3))](b)
    except ValueError as error:
        if "no interior" not in str(error):
            raise
        return Union(a, b)


def _primitive(rng: np.random.Generator, dim: int) -> Operand:
    names = ("x", "y", "z")[:dim]
    center = rng.uniform(-0.6, 0.6, dim)
    at = dict(zip(names, center.tolist(), strict=True))
    half = rng.uniform(0.4, 0.9, dim)
    box = Box(**{n: (c - h, c + h) for n, c, h in zip(names, center.tolist(), half.tolist(), strict=True)})
    if dim == 1:
        return box
    turn = float(rng.uniform(0, math.pi))
    kind = int(rng.integers(4 if dim == 2 else 6))
    radius = float(rng.uniform(0.4, 0.9))
    if dim == 2:
        if kind == 3:
            angles = np.sort(rng.uniform(0, 2 * math.pi, 3)) + np.array([0, 0.2, 0.4])
            points = center + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            return Polygon(points)
        return (
            lambda: box.rotated(turn, about=center.tolist()),
            lambda: Disk(**at, radius=radius),
            lambda: Ellipse(**at, radii=(radius, 0.5 * radius), angle=turn),
        )[kind]()
    along = names[int(rng.integers(3))]
    place = at | {along: (at[along] - radius, at[along] + 0.8 * radius)}
    solid = (
        lambda: box,
        lambda: Ball(**at, radius=radius),
        lambda: Cylinder(**place, radius=0.6 * radius),
        lambda: Cone(**place, radius=0.8 * radius, top=0.2 * radius),
        lambda: Capsule(**place, radius=0.5 * radius),
        lambda: Torus(**at, radius=0.8 * radius, tube=0.35 * radius, axis=along),
    )[kind]()
    return solid.rotated(turn, rng.normal(size=3).tolist(), about=center.tolist()) if rng.random() < 0.5 else solid


def _hole(rng: np.random.Generator, x: float, y: float, radius: float, only_disks: bool) -> Operand:
    """A hole within a circle."""
    kind = 0 if only_disks else int(rng.integers(3))
    if kind == 0:
        return Disk(x=x, y=y, radius=radius)
    turn = float(rng.uniform(0, math.pi))
    if kind == 1:
        return Ellipse(x=x, y=y, radii=(radius, float(rng.uniform(0.4, 0.9)) * radius), angle=turn)
    count = int(rng.integers(3, 5))
    angles = turn + (np.arange(count) + rng.uniform(-0.2, 0.2, count)) * 2 * math.pi / count
    return Polygon(np.array([x, y]) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def _crossings(ends: np.ndarray, x: float, y: float) -> int:
    """Sides of a polygon that a ray from a point to the right crosses."""
    a, b = ends, np.roll(ends, -1, axis=0)
    spans = (a[:, 1] <= y) != (b[:, 1] <= y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return int((spans & (at > x)).sum())


def _to_sides(ends: np.ndarray, x: float, y: float) -> float:
    """Distance of a point to the nearest side of a polygon."""
    a, u = ends, np.roll(ends, -1, axis=0) - ends
    p = np.array([x, y]) - a
    share = np.clip((p * u).sum(axis=1) / (u * u).sum(axis=1), 0, 1)
    return float(np.hypot(*(p - share[:, None] * u).T).min())
