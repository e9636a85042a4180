"""Check for residuals whose rows depend on one point each, which least squares and Gauss-Newton need."""

from __future__ import annotations

import torch

from pinnkit.domains import Points
from pinnkit.problem.terms import Term

__all__ = ["pointwise", "require_pointwise"]


def pointwise(term: Term) -> bool:
    """Return whether every row of a term depends on one point, as in an equation."""
    return term.sample(1, torch.Generator().manual_seed(0))[0].group is None


def require_pointwise(points: Points) -> None:
    """Refuse points of which several belong to one row, as along a ray.

    Raises:
        TypeError: for such points, with the solvers that can.
    """
    if points.group is not None:
        raise TypeError(
            "a residual whose rows have several samples each (a ray, an integral) is trained by Adam or L-BFGS; "
            "least squares and Gauss-Newton need one point a row"
        )
