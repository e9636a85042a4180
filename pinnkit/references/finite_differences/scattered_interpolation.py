"""Values between the nodes of a grid that is cut by a curved wall: radial basis functions through the nearest nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from pinnkit.references.grid import Array
from pinnkit.references.interpolation import mesh_of

from .cut_cell_grid import Level

__all__ = ["Scattered"]

_NEAREST = {2: 30, 3: 60}
_APART = 0.1
"""Of the spacing: of places that are nearer to each other than that the first is kept, as twins say nothing twice."""


@dataclass(frozen=True)
class Scattered:
    """Unknowns known at scattered points, nodes inside and places on the wall.

    Interpolation is by |x|^3 and quadratic polynomials through the nearest points, of third order.

    Args:
        points: ``(n, d)``.
        values: for each unknown ``(n,)`` or ``(n, c)``.
        spacing: of the points along each column.
        level: negative inside the domain.

    Source: Fornberg & Flyer, A Primer on Radial Basis Functions, SIAM 2015, chapter 5.
    """

    points: Array
    values: Mapping[str, Array]
    spacing: Array
    level: Level

    @classmethod
    def of(cls, points: Array, values: Mapping[str, Array], spacing: Array, level: Level) -> Scattered:
        """From points of which some may all but coincide: those that come first stay."""
        pairs = scipy.spatial.KDTree(points / spacing).query_pairs(_APART, output_type="ndarray")
        keep = np.ones(len(points), dtype=bool)
        keep[pairs.max(axis=1)] = False
        return cls(points[keep], {name: v[keep] for name, v in values.items()}, spacing, level)

    def at(self, points: Array) -> dict[str, Array]:
        """The unknowns at points ``(n, d)``; those outside the domain are NaN."""
        within = self.level(points) <= 1e-9 * float(self.spacing.max())
        neighbours = min(_NEAREST[points.shape[1]], len(self.points))
        out = {}
        for name, values in self.values.items():
            found = np.full((len(points), *values.shape[1:]), np.nan)
            if within.any():
                smooth = scipy.interpolate.RBFInterpolator(
                    self.points / self.spacing, values, neighbors=neighbours, kernel="cubic", degree=2
                )
                found[within] = smooth(points[within] / self.spacing)
            out[name] = found
        return out

    def on_grid(self, ticks: Sequence[Array]) -> dict[str, Array]:
        """The unknowns on the product of coordinates, NaN outside the domain."""
        shape = tuple(len(t) for t in ticks)
        return {name: v.reshape(*shape, *v.shape[1:]) for name, v in self.at(mesh_of(list(ticks))).items()}
