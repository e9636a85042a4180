"""Solvers that work row by row need one point a row."""

from __future__ import annotations

from pinnkit.domains import Points

__all__ = ["require_pointwise"]


def require_pointwise(points: Points) -> None:
    """Refuse points of which several make one row, as along a ray.

    Raises:
        TypeError: always then, with the solvers that can.
    """
    if points.group is not None:
        raise TypeError(
            "a residual whose rows have several samples each (a ray, an integral) is trained by Adam or L-BFGS; "
            "least squares and Gauss-Newton need one point a row"
        )
