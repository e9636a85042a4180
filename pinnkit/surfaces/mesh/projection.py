"""Projection of mesh vertices onto the zero set of a field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .field_sampler import FieldSampler
from .lattice import Lattice

__all__ = ["project"]

_STEPS = 12
_HALVINGS = 50


def project(
    lattice: Lattice, field: FieldSampler, index: NDArray[np.float64], *, tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newton steps along the gradient, x <- x - f g / |g|^2, from the vertices of marching cubes.

    Steps stay within one cell of the start and inside the box.  Vertices that do not converge (at a kink, or where the
    gradient vanishes) are found by bisection along their lattice edge, whose ends have different signs.

    Args:
        lattice: the points.
        field: field to evaluate.
        index: vertices in units of the lattice, ``(n, 3)``; on an edge, all but one coordinate are integers.
        tolerance: on the distance |f| / |g|, in the unit of the box.

    Returns:
        The vertices ``(n, 3)``, and the first-order distance |f| / |g| of each from the zero set ``(n,)``.
    """
    began = lattice.at(index)
    points, distance = began.copy(), np.full(len(began), np.inf)
    best = began.copy()
    lower, upper = lattice.at(np.zeros((1, 3)))[0], lattice.at(np.asarray([lattice.counts]))[0]
    moving = np.arange(len(points))
    for step in range(_STEPS):
        values, gradients = field.values_and_gradients(points[moving])
        square = np.einsum("ij,ij->i", gradients, gradients)
        steep = np.isfinite(square) & (square > 0)
        safe = np.where(steep, square, 1.0)
        away = np.where(steep, np.abs(values) / np.sqrt(safe), np.where(values == 0, 0.0, np.inf))
        better = away < distance[moving]
        distance[moving[better]], best[moving[better]] = away[better], points[moving[better]]
        # One step beyond the tolerance: it is cheap and squares the error.
        keep = steep & (away > tolerance * 1e-3)
        moving, shift = moving[keep], (values[keep] / safe[keep])[:, None] * gradients[keep]
        if not len(moving) or step == _STEPS - 1:
            break
        moved = np.clip(points[moving] - shift, lower, upper)
        near = np.linalg.norm(moved - began[moving], axis=1) <= lattice.cell
        moving = moving[near]
        points[moving] = moved[near]
    stuck = np.flatnonzero(distance > tolerance)
    if len(stuck):
        found, width = _bisect(lattice, field, index[stuck])
        use = width < distance[stuck]
        best[stuck[use]], distance[stuck[use]] = found[use], width[use]
    return best, distance


def _bisect(
    lattice: Lattice, field: FieldSampler, index: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sign change on the lattice edge of each vertex, and its uncertainty; infinite where there is none."""
    low, high = lattice.at(np.floor(index)), lattice.at(np.ceil(index))
    first, second = field.values(low) < 0, field.values(high) < 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        same = (field.values(middle) < 0) == first
        low, high = np.where(same[:, None], middle, low), np.where(same[:, None], high, middle)
    width = np.where(first != second, np.linalg.norm(high - low, axis=1), np.inf)
    return (low + high) / 2, width
