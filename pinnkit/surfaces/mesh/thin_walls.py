"""Detection of walls and gaps thinner than a lattice cell, where a mesh may be torn without being open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .field_sampler import FieldSampler
from .lattice import Lattice

__all__ = ["THIN_WALL_LIMIT", "thin_wall_share", "thin_wall_warning"]

THIN_WALL_LIMIT = 0.05
"""Share of vertices above which the user is warned; edges of sharp wedges stay below it."""
_MAX_VERTICES = 20_000


def thin_wall_share(lattice: Lattice, field: FieldSampler, vertices: NDArray[np.float64]) -> float:
    """Share of `vertices` ``(n, 3)`` at which the wall or the gap is thinner than one cell.

    One cell inward along the gradient the field should be negative, one cell outward positive.  Where it is not, the
    zero set passes twice between neighbouring lattice points, which marching cubes cannot resolve.  At most 20,000
    vertices are tested.
    """
    some = vertices[:: max(1, len(vertices) // _MAX_VERTICES)]
    gradients = field.values_and_gradients(some)[1]
    length = np.linalg.norm(gradients, axis=1, keepdims=True)
    step = max(lattice.step) * gradients / np.where(length > 0, length, 1.0)
    lower, upper = lattice.at(np.zeros((1, 3)))[0], lattice.at(np.asarray([lattice.counts]))[0]
    inward = field.values(np.clip(some - step, lower, upper)) >= 0
    outward = field.values(np.clip(some + step, lower, upper)) <= 0
    return float(((inward | outward) & (length[:, 0] > 0)).mean())


def thin_wall_warning(share: float, advice: str) -> str | None:
    """Warning for the user where a mesh has thin walls; None up to a share of `THIN_WALL_LIMIT`.

    Args:
        share: share of the vertices, from `thin_wall_share`.
        advice: repair that follows the sentence, such as "--resolution 256".
    """
    if not share > THIN_WALL_LIMIT:
        return None
    return (
        f"{100 * share:.0f} % of the surface bounds a wall or a gap thinner than a cell, where the mesh may be torn or "
        f"parts of it missing: try {advice}"
    )
