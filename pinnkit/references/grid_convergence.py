"""Error bars of references, measured on three grids of which each has half the spacing of the one before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .grid import Array
from .interpolation import quotient, resample
from .protocols import Solved

__all__ = ["SAFETY", "TRUST", "Bar", "measure", "observed", "share"]

TRUST = 0.3  # how near the observed order must be to the stated one, to be believed
SAFETY = 1.25  # what an estimate from three grids is multiplied by, so that it is a bound and not a guess of the error
_COARSEST = 0.2  # relative difference of the two coarser grids up to which the order observed is believed
_ROUNDING = 1e-15
_LINES = 64  # lines along each axis on which the interpolation is tried
_SCATTERED = 1000  # nodes at which it is tried where there are no lines


@dataclass(frozen=True)
class Bar:
    """The error of one unknown on the finest of three grids.

    Args:
        l2: relative to the values, in the root mean square.
        greatest: of a single value, in the unit of the unknown.
        order: observed, with which the differences of the grids fall; NaN where they vanish.
    """

    l2: float
    greatest: float
    order: float


def measure(
    name: str, coarse: Solved | None, medium: Solved, fine: Solved, order: float, divisor: Array | None = None
) -> Bar:
    """The bar of one unknown; without a coarse grid, that of an order that cannot be observed.

    With e the difference of the two finest grids and p the order, the error of the finest is e / (2^p - 1), here times
    the customary safety factor 1.25.  Where the order observed is not within 0.3 of the one stated, the whole of e is
    taken, and more where it is below 1; so it is where the coarse grid is off by more than a fifth, and says nothing
    about the order.  The bar covers cubic interpolation between the nodes as well, tried on every second node; where
    there is a `divisor` on the finest grid, of the quotient by it.

    Source: Roache, Annu. Rev. Fluid Mech. 29 (1997) 123, with the factor.
    """
    dims = len(fine.grid)
    last = _thin(fine.values[name], dims) - medium.values[name]
    size = _rms(fine.values[name])
    found, known = math.nan, False
    if coarse is not None:
        found = observed(name, coarse, medium, fine)
        known = _rms(_thin(medium.values[name], dims) - coarse.values[name]) <= _COARSEST * size
    part = share(found, order) if known or not abs(found - order) <= TRUST else 1.0
    if medium.between is not None:
        gap, greatest = _scattered(name, medium, fine)
    else:
        gap, greatest = _interpolation(list(fine.grid.values()), fine.values[name], divisor)
    l2 = max(part * _rms(last), gap / 4, _ROUNDING * size)
    peak = max(part * float(np.nanmax(np.abs(last))), greatest / 4, _ROUNDING * size)
    return Bar(l2 / size if size > 0 else l2, peak, found)


def observed(name: str, coarse: Solved, medium: Solved, fine: Solved) -> float:
    """The order of convergence log2(|u_4h - u_2h| / |u_2h - u_h|) on the nodes of the coarsest grid."""
    dims = len(fine.grid)
    middle = _thin(medium.values[name], dims)
    first = _rms(middle - coarse.values[name])
    second = _rms(_thin(_thin(fine.values[name], dims), dims) - middle)
    floor = 10 * _ROUNDING * _rms(coarse.values[name])
    return math.log2(first / second) if first > floor and second > floor else math.nan


def share(found: float, order: float) -> float:
    """By what the difference of the two finest grids is multiplied, for an order observed and the one stated."""
    if abs(found - order) <= TRUST:
        return SAFETY / (2**order - 1)
    if not found < 1:  # NaN too: there was no difference
        return 1.0
    return 1 / (2 ** max(found, 0.2) - 1)


def _thin(values: Array, dims: int) -> Array:
    return values[(slice(None, None, 2),) * dims]


def _rms(values: Array) -> float:
    """Over the nodes of the domain: NaN stands outside."""
    return float(np.sqrt(np.nanmean(values**2)))


def _interpolation(ticks: Sequence[Array], values: Array, divisor: Array | None) -> tuple[float, float]:
    """Errors, root mean square and greatest, of cubic splines through every second node at the nodes left out."""
    mean = greatest = 0.0
    smooth = values if divisor is None else quotient(values, divisor)
    for axis, x in enumerate(ticks):
        if len(x) < 5:
            continue
        lines, scale = _some_lines(smooth, axis), 1.0 if divisor is None else _some_lines(divisor, axis)[1::2]
        gap = scale * (resample([x[::2]], lines[::2], [x[1::2]]) - lines[1::2])
        mean += _rms(gap)
        greatest += float(np.abs(gap).max())
    return mean, greatest


def _scattered(name: str, medium: Solved, fine: Solved) -> tuple[float, float]:
    """Errors, root mean square and greatest, of what stands between the nodes of the middle grid, at finer nodes."""
    assert medium.between is not None
    known = np.argwhere(np.isfinite(fine.values[name].reshape(*fine.values[name].shape[: len(fine.grid)], -1)[..., 0]))
    known = known[(known % 2 != 0).any(axis=1)]
    some = known[:: max(1, len(known) // _SCATTERED)]
    ticks = list(fine.grid.values())
    points = np.stack([t[some[:, i]] for i, t in enumerate(ticks)], axis=1)
    gap = medium.between.at(points)[name] - fine.values[name][tuple(some.T)]
    return _rms(gap), float(np.nanmax(np.abs(gap)))


def _some_lines(values: Array, axis: int) -> Array:
    lines = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return lines[:, :: max(1, lines.shape[1] // _LINES)]
