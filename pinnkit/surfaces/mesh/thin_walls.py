"""Walls and gaps that are thinner than a cell of the lattice: where a mesh may be torn without being open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .lattice import Lattice
from .sampled import Sampled

__all__ = ["THIN", "thin_share"]

THIN = 0.05
"""A share from which on it is worth a sentence: rims of sharp wedges make up less."""
_LOOKED_AT = 20_000


def thin_share(lattice: Lattice, field: Sampled, vertices: NDArray[np.float64]) -> float:
    """The share of `vertices` ``(n, 3)`` from which one cell along the gradient, in or out, leads through the solid.

    A cell inward the field should be negative, a cell outward positive; where it is not, the zero set passes twice
    between neighbouring points of the lattice, which marching cubes cannot see.  At most 20,000 vertices are looked at.
    """
    some = vertices[:: max(1, len(vertices) // _LOOKED_AT)]
    gradients = field.values_and_gradients(some)[1]
    length = np.linalg.norm(gradients, axis=1, keepdims=True)
    step = max(lattice.step) * gradients / np.where(length > 0, length, 1.0)
    lower, upper = lattice.at(np.zeros((1, 3)))[0], lattice.at(np.asarray([lattice.counts]))[0]
    inward = field.values(np.clip(some - step, lower, upper)) >= 0
    outward = field.values(np.clip(some + step, lower, upper)) <= 0
    return float(((inward | outward) & (length[:, 0] > 0)).mean())
