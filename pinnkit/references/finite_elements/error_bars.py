"""Error bars of finite elements from three meshes, each with half the spacing of the one before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pinnkit.references.grid import Array
from pinnkit.references.grid_convergence import SAFETY, Bar, share

__all__ = ["bar_of"]

_COARSEST = 0.2  # relative difference of the two coarser meshes up to which the order observed is believed
_ROUNDING = 1e-13  # of a sparse solve, relative to the values


def bar_of(
    coarse: Array | None,
    medium: Array,
    fine: Array,
    order: float,
    corner_orders: Sequence[float],
    *,
    norm: NDArray[np.bool_],
) -> Bar:
    """The bar of one unknown from its values on three meshes, at the same points.

    Beside the rule of grid_convergence.py, that takes the order observed into account: where corners have orders of
    their own, the differences d_1, d_2 of the meshes are split into a part a that falls with the order of the elements
    and a part b that falls with the lowest order q of a corner,

        d_1 = a + b,  d_2 = a / 2^p + b / 2^q,   p the order of the elements,

    and what is left of both on the finest mesh is added up.  The larger of the two estimates is the bar.

    Args:
        coarse: values ``(n,)`` or ``(n, c)``; None where that mesh has no solution.
        medium: as `coarse`.
        fine: as `coarse`.
        order: of the elements.
        corner_orders: with which the error of each corner falls under uniform refinement.
        norm: which of the points count in the root mean square; all of them count for the greatest error.
    """
    size = _rms(fine[norm])
    last = _rms((fine - medium)[norm])
    floor = _ROUNDING * max(size, float(np.abs(fine).max(initial=0.0)))
    found, known, first = math.nan, False, math.nan
    if coarse is not None:
        first = _rms((medium - coarse)[norm])
        found = math.log2(first / last) if first > floor and last > floor else math.nan
        known = first <= _COARSEST * size
    part = share(found, order) if known or not found >= 1 else 1.0
    slowest = min(corner_orders, default=order)
    if known and slowest < order and math.isfinite(found):
        fast, slow = 2.0**-order, 2.0**-slowest
        b = min(max((last - fast * first) / (slow - fast), 0.0), first)
        left = (first - b) * fast**2 / (1 - fast) + b * slow**2 / (1 - slow)
        part = max(part, SAFETY * left / last)
    l2 = max(part * last, floor)
    greatest = max(part * float(np.abs(fine - medium).max()), floor)
    return Bar(l2 / size if size > 0 else l2, greatest, found)


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0
