"""Tabulated functions: coefficients, sources or initial states given as arrays, with derivatives."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinnkit.jets.jet import Jet, plain

__all__ = ["Tabulated"]


class Tabulated:
    """A function through the values of a table on a grid: ``k = Tabulated(values, x=xs, y=ys)``, then ``k(x, y)``.

    Between the grid points it is a tensor-product spline with not-a-knot ends, of degree 3 unless said otherwise: its
    derivatives up to ``degree - 1`` are continuous and its error falls as ``h ** (degree + 1)``.  It takes jets as
    well as tensors, so that ``div(k(x, y) * grad(u))`` knows grad k, and it has the argument names of its axes, so that
    ``Initial(u=Tabulated(u0, x=xs))`` finds its coordinate.  Evaluated by scipy on the CPU, in float64.

    Args:
        values: the table, one dimension for each axis, in the order of the keywords.
        degree: of the spline, 1 to 5; an equation may differentiate it `degree` times along an axis.
        axes: for each argument its grid, strictly increasing, of more than `degree` points.

    Raises:
        TypeError, ValueError: for a table that does not fit its axes or is not finite; when called, for arguments
            outside the grid, or a derivative beyond the degree.

    Source: de Boor, A Practical Guide to Splines, revised ed. 2001, chapters XIII and XVII.
    """

    def __init__(self, values: ArrayLike | Tensor, *, degree: int = 3, **axes: ArrayLike | Tensor) -> None:
        if not isinstance(degree, int) or not 1 <= degree <= 5:
            raise ValueError(f"Tabulated: `degree` must be a whole number from 1 to 5, got {degree!r}")
        if not axes:
            raise ValueError("Tabulated: name the grid of each dimension, such as Tabulated(values, x=xs, y=ys)")
        table = _array(values, "`values`")
        grids = {name: _array(grid, f"`{name}`") for name, grid in axes.items()}
        expected = tuple(grid.size for grid in grids.values())
        if table.shape != expected:
            raise ValueError(
                f"Tabulated: `values` must have shape {expected}, one dimension for each of {tuple(grids)}, "
                f"got {table.shape}"
            )
        for name, grid in grids.items():
            if grid.ndim != 1 or grid.size <= degree or not (np.diff(grid) > 0).all():
                raise ValueError(
                    f"Tabulated: `{name}` must be a strictly increasing array of more than {degree} numbers "
                    f"(the degree of the spline), got shape {grid.shape}"
                )
        knots = []
        for axis, grid in enumerate(grids.values()):
            spline = scipy.interpolate.make_interp_spline(grid, table, k=degree, axis=axis)
            knots.append(spline.t)
            table = np.moveaxis(spline.c, 0, axis)  # scipy puts the axis of interpolation first
        self.degree = degree
        self.bounds = {name: (float(grid[0]), float(grid[-1])) for name, grid in grids.items()}
        self._spline = scipy.interpolate.NdBSpline(tuple(knots), table, k=degree)
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in grids]
        self.__signature__ = inspect.Signature(parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the spline at places ``(n,)``, in the order or by the names of the axes; a jet if one is a jet."""
        places = tuple(self.__signature__.bind(*args, **kwargs).args)
        return _derivative(self, (0,) * len(places), places)

    def __repr__(self) -> str:
        grids = ", ".join(f"{name}=({low:g}, {high:g})" for name, (low, high) in self.bounds.items())
        return f"Tabulated({grids}, degree={self.degree})"

    def evaluate(self, orders: Sequence[int], places: Sequence[Tensor]) -> Tensor:
        """Evaluate the partial derivative of the given orders at plain places, without gradient.

        Raises:
            ValueError: for an order above the degree of the spline, or a place outside of the table.
        """
        if max(orders) > self.degree:
            raise ValueError(
                f"Tabulated: derivative {max(orders)} of a spline of degree {self.degree}; give a higher `degree`"
            )
        columns = []
        for place, (name, (low, high)) in zip(places, self.bounds.items(), strict=True):
            column = place.detach().cpu().numpy().astype(np.float64)
            slack = 1e-9 * (high - low)
            if bool((column < low - slack).any()) or bool((column > high + slack).any()):
                raise ValueError(
                    f"Tabulated: `{name}` spans ({np.nanmin(column):g}, {np.nanmax(column):g}), the table only "
                    f"({low:g}, {high:g}); extend the table, or clamp the argument"
                )
            columns.append(np.clip(column, low, high))
        at = np.stack(np.broadcast_arrays(*columns), axis=-1)
        known = np.isfinite(at).all(axis=-1)
        found = np.full(at.shape[:-1], np.nan)
        found[known] = self._spline(at[known], nu=tuple(orders))
        return torch.as_tensor(found, dtype=places[0].dtype, device=places[0].device)


class _Evaluate(torch.autograd.Function):
    """Spline on tensors; its gradient is the spline's derivative, to any order that the degree allows."""

    @staticmethod
    def forward(ctx: Any, table: Tabulated, orders: tuple[int, ...], *places: Tensor) -> Tensor:
        ctx.table, ctx.orders = table, orders
        ctx.save_for_backward(*places)
        return table.evaluate(orders, places)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        places = ctx.saved_tensors
        grads = [
            g * _derivative(ctx.table, _raised(ctx.orders, i), places) if ctx.needs_input_grad[2 + i] else None
            for i in range(len(places))
        ]
        return (None, None, *grads)


def _derivative(table: Tabulated, orders: tuple[int, ...], places: tuple[Any, ...]) -> Any:
    jet = next((place for place in places if isinstance(place, Jet)), None)
    tensors = [plain(place) for place in places if isinstance(plain(place), Tensor)]
    if not tensors:
        raise TypeError(f"Tabulated: expected coordinates, jets or tensors, for each of {tuple(table.bounds)}")

    def value() -> Tensor:
        like = tensors[0]
        filled = (torch.as_tensor(plain(p), dtype=like.dtype, device=like.device).expand(like.shape) for p in places)
        found: Tensor = _Evaluate.apply(table, orders, *filled)
        return found

    def partial(column: str) -> Jet | None:
        total: Jet | None = None
        for i, place in enumerate(places):
            inner = place.partial(column) if isinstance(place, Jet) else None
            if inner is not None:
                part = _derivative(table, _raised(orders, i), places) * inner
                total = part if total is None else total + part
        return total

    return value() if jet is None else Jet(jet.frame, value, partial)


def _raised(orders: tuple[int, ...], i: int) -> tuple[int, ...]:
    return (*orders[:i], orders[i] + 1, *orders[i + 1 :])


def _array(given: Any, what: str) -> NDArray[np.float64]:
    array = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
    try:
        found = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"Tabulated: {what} must be an array of numbers, got {type(given).__name__}") from None
    if not np.isfinite(found).all():
        raise ValueError(f"Tabulated: {what} must be finite, got nan or inf")
    return found
