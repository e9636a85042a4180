"""Cubic splines through the values of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from .grid import Array

__all__ = ["mesh_of", "quotient", "resample", "spline"]


def mesh_of(ticks: Sequence[Array]) -> Array:
    """The points of a grid ``(n1 * ... * nd, d)`` in C order."""
    return np.stack([m.ravel() for m in np.meshgrid(*ticks, indexing="ij")], axis=1)


def quotient(values: Array, shape: Array) -> Array:
    """`values` over a singular `shape`; where that vanishes, the mean quotient of the neighbours."""
    lost = shape == 0
    found = values / np.where(lost, 1.0, shape)
    for index in np.argwhere(lost):
        around = tuple(slice(max(i - 1, 0), i + 2) for i in index)
        found[tuple(index)] = found[around][~lost[around]].mean()
    return found


def spline(ticks: Sequence[Array], values: Array) -> scipy.interpolate.NdBSpline:
    """The tensor-product cubic spline through `values` ``(n1, ..., nd, ...)``; of lower degree on fewer than 4 nodes.

    Its own error falls with the fourth power of the spacing where the function is smooth.

    Source: de Boor, A Practical Guide to Splines, ch. XVII.
    """
    knots, degrees = [], []
    for axis, x in enumerate(ticks):
        degree = min(3, len(x) - 1)
        along = scipy.interpolate.make_interp_spline(x, values, k=degree, axis=axis)
        values = np.moveaxis(along.c, 0, axis)  # scipy puts the axis that it solved along first
        knots.append(along.t)
        degrees.append(degree)
    return scipy.interpolate.NdBSpline(tuple(knots), values, tuple(degrees))


def resample(ticks: Sequence[Array], values: Array, new: Sequence[Array]) -> Array:
    """Values ``(n1, ..., nd, ...)`` on other coordinates along each axis, by cubic splines."""
    for axis, (x, at) in enumerate(zip(ticks, new, strict=True)):
        values = scipy.interpolate.make_interp_spline(x, values, k=min(3, len(x) - 1), axis=axis)(at)
    return values
