"""Sizes of elements in the plane: small at corners, at bends and in gaps of the walls.

Near a corner with opening angle w the solution behaves like r^a, with a = pi / w where both walls have conditions of
one kind, and a = pi / (2 w) where values meet fluxes.  With h the size of elements far away and R the length of the
shorter wall, sizes h (r / R)^(1 - m), m = 0.9 a / 2, keep the order of convergence of elements of second degree in
the energy norm; a first element of size r_1 with r_1^(2 a) = (h / R)^3 / 1000 makes the error that it causes in the
whole domain small after two refinements.

Source: Babuska, Kellogg & Pitkaranta, Numer. Math. 33 (1979) 447; Grisvard, Elliptic Problems in Nonsmooth Domains,
1985, for the exponents; Wahlbin, SIAM J. Numer. Anal. 21 (1984) 119, for the effect at a distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from pinnkit.references.grid import Array

from .plane_walls import PlaneWalls

__all__ = ["SingularPoint", "SizeField", "size_field", "wall_sizes"]

_GROWTH = 0.4
"""Largest change of size with distance."""
_TURN = math.pi / 6
"""Largest angle by which a wall turns along one edge."""
_ACROSS = 2.0
"""Elements across a gap between two walls."""
_REGULAR = 2.0
"""Exponent from which on elements need not be graded."""
_SMALLEST = 3e-6
"""Smallest first element at a corner, relative to R; triangulations in double precision resolve no smaller ones."""


@dataclass(frozen=True)
class SingularPoint:
    """A point of the boundary at which the solution behaves like r^exponent.

    Args:
        at: the point.
        exponent: of the leading singular function.
        reach: length of the shorter of the two walls that meet there.
    """

    at: tuple[float, float]
    exponent: float
    reach: float


@dataclass(frozen=True, eq=False)
class SizeField:
    """Wanted edge lengths at points.

    Args:
        largest: far from everything.
        points: singular points.
        places: points of the walls ``(n, 2)`` and sizes ``(n,)`` there.
        sizes: see `places`.
    """

    largest: float
    points: tuple[SingularPoint, ...]
    places: Array
    sizes: Array

    def at(self, x: Array) -> Array:
        """Sizes ``(n,)`` at points ``(n, 2)``."""
        out = np.full(len(x), self.largest)
        for point in self.points:
            r = np.hypot(x[:, 0] - point.at[0], x[:, 1] - point.at[1])
            out = np.minimum(out, self._near(point, r))
        if len(self.places):
            rows = max(1, 2**21 // len(self.places))
            for start in range(0, len(x), rows):
                part = x[start : start + rows]
                gap = np.hypot(part[:, None, 0] - self.places[:, 0], part[:, None, 1] - self.places[:, 1])
                out[start : start + rows] = np.minimum(
                    out[start : start + rows], (self.sizes + _GROWTH * gap).min(axis=1)
                )
        return out

    def _near(self, point: SingularPoint, r: Array) -> Array:
        relative = min(self.largest / point.reach, 1.0)
        power = 0.45 * point.exponent
        first = max((relative**3 / 1000) ** (0.5 / point.exponent), _SMALLEST) * point.reach
        graded = self.largest * np.minimum(r / point.reach, 1.0) ** (1 - min(power, 1.0))
        return np.minimum(np.maximum(graded, first), first + _GROWTH * r)


def wall_sizes(walls: PlaneWalls) -> tuple[Array, Array]:
    """Points of the walls and the sizes that bends and gaps there ask for, whatever the size elsewhere."""
    places, sizes = [], []
    trees = [cKDTree(x) for x in walls.samples]
    ends = [(x[0], x[-1]) for x in walls.samples]
    for k, x in enumerate(walls.samples):
        h = np.full(len(x), math.inf)
        if not walls.is_straight[k]:
            step = np.diff(x, axis=0)
            length = np.hypot(*step.T)
            heading = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
            bend = np.abs(np.diff(heading)) / ((length[1:] + length[:-1]) / 2)
            with np.errstate(divide="ignore"):
                h[1:-1] = _TURN / bend
            h[0], h[-1] = h[1], h[-2]
        for j, tree in enumerate(trees):
            if j == k or _touch(ends[k], ends[j], 1e-9 * walls.size):
                continue
            spacing = float(np.hypot(*np.diff(walls.samples[j], axis=0).T).max())
            gap, _ = tree.query(x)
            # Between the samples a wall may be nearer than at them, but not by more than their spacing allows.
            h = np.minimum(h, np.sqrt(np.maximum(gap**2 - spacing**2 / 4, (gap / 2) ** 2)) / _ACROSS)
        places.append(x)
        sizes.append(h)
    return np.concatenate(places), np.concatenate(sizes)


def size_field(points: tuple[SingularPoint, ...], largest: float, known: tuple[Array, Array]) -> SizeField:
    """The size field with the largest size, and those of the walls from `wall_sizes` that are below it."""
    places, sizes = known
    small = sizes < largest
    graded = tuple(p for p in points if p.exponent < _REGULAR)
    return SizeField(largest, graded, places[small], sizes[small])


def _touch(a: tuple[Array, Array], b: tuple[Array, Array], least: float) -> bool:
    return any(float(np.hypot(*(p - q))) <= least for p in a for q in b)
