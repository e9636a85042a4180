"""Reference: values on a grid, and how far they may be off."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .grid import Array
from .interpolation import mesh_of, quotient, resample, spline

__all__ = ["Between", "Reference"]


class Between(Protocol):
    """Values of a reference between the nodes of its grid, where a method knows them better than splines do."""

    def at(self, points: Array) -> dict[str, Array]:
        """The unknowns at points ``(n, d)``, columns in the order of the grid's."""
        ...

    def on_grid(self, ticks: Sequence[Array]) -> dict[str, Array]:
        """The unknowns on the product of coordinates, one array for each column of the grid."""
        ...


@dataclass(frozen=True)
class Reference:
    """A numerical solution of a problem with a measured error bar.

    Args:
        values: for each unknown its values on the finest grid, ``(n1, n2, ...)`` in the order of the domain's axes,
            components last for a vector; NaN outside a curved wall.
        grid: the coordinates along each axis, both ends included; the columns of a vector axis are `x[0]`, `x[1]`, ...
        error_bar: for each unknown the relative error, root mean square over root mean square, on the grid.
        max_error_bar: for each unknown the greatest error of a single value, in its unit.
        order: of convergence, as stated.
        observed_order: as seen on three grids; of several unknowns the one farthest from `order`.
        seconds: that everything took, the coarser grids included; recorded, and never looked at.
        kind: the method, in words.
        divisor: for an unknown with a singularity of known shape, that shape as a function of coordinates ``(n, d)``;
            interpolation is of the quotient, which is smooth.
        between: values between the nodes; None interpolates those of the grid by cubic splines.
        remark: a warning where the grids do not resolve the solution, so that the bar is no reliable bound; else "".
    """

    values: Mapping[str, Array]
    grid: Mapping[str, Array]
    error_bar: Mapping[str, float]
    max_error_bar: Mapping[str, float]
    order: float
    observed_order: float
    seconds: float
    kind: str
    divisor: Mapping[str, Callable[[Array], Array]] = field(default_factory=dict)
    between: Between | None = None
    remark: str = ""

    @property
    def axes(self) -> Mapping[str, Array]:
        """The coordinates along each axis: `grid`."""
        return self.grid

    def bars(self, unknown: str) -> tuple[float, float]:
        """The error bars of one unknown: relative root mean square, and greatest in its unit."""
        return self.error_bar[unknown], self.max_error_bar[unknown]

    def at(self, **coords: ArrayLike) -> dict[str, Array]:
        """The unknowns at points inside the box, by `between` or cubic splines: ``ref.at(x=[0.1, 0.2], t=0.5)["u"]``.

        Args:
            coords: one array for each axis, whose shapes fit together.

        Raises:
            ValueError: for axes that are missing or unknown, and for points beyond the grid.
        """
        arrays = self._columns(coords, "at")
        try:
            columns = np.broadcast_arrays(*arrays.values())
        except ValueError:
            shapes = {name: a.shape for name, a in arrays.items()}
            raise ValueError(f"Reference.at: the coordinates' shapes must fit together, got {shapes}") from None
        points = np.stack([c.ravel() for c in columns], axis=1)
        out = {}
        if self.between is not None:
            named = self.between.at(points)
            return {name: np.reshape(v, (*columns[0].shape, *v.shape[1:])) for name, v in named.items()}
        for name in self.values:
            found = self._splines[name](points)
            if name in self.divisor:
                found = found * self.divisor[name](points)
            out[name] = np.reshape(found, (*columns[0].shape, *found.shape[1:]))
        return out

    def __call__(self, **coords: ArrayLike) -> dict[str, Array]:
        """The unknowns at points, as a solution gives them: `at`."""
        return self.at(**coords)

    def on_grid(self, **axes: int | ArrayLike) -> dict[str, Array]:
        """Every axis with its coordinates and every unknown with its values, on another grid or, without axes, on this.

        Args:
            axes: for each axis a number of points, spread evenly from end to end, or an array of coordinates.

        Raises:
            ValueError: as `at`.
        """
        if not axes:
            return {**self.grid, **self.values}
        spread = {
            name: np.linspace(self.grid[name][0], self.grid[name][-1], given)
            if isinstance(given, int) and name in self.grid
            else given
            for name, given in axes.items()
        }
        new = {name: np.atleast_1d(a) for name, a in self._columns(spread, "on_grid").items()}
        out = dict(new)
        if self.between is not None:
            return {**out, **self.between.on_grid(list(new.values()))}
        for name in self.values:
            out[name] = resample(list(self.grid.values()), self._smooth(name), list(new.values()))
            if name in self.divisor:
                out[name] = out[name] * self.divisor[name](mesh_of(list(new.values()))).reshape(out[name].shape)
        return out

    def _columns(self, given: Mapping[str, Any], owner: str) -> dict[str, Array]:
        split: dict[str, Any] = {}
        for name, value in given.items():
            if f"{name}[0]" in self.grid and owner == "at":
                array = np.asarray(value, dtype=np.float64)
                split |= {f"{name}[{i}]": array[..., i] for i in range(array.shape[-1])}
            else:
                split[name] = value
        if set(split) != set(self.grid):
            raise ValueError(f"Reference.{owner}: give each of the axes {tuple(self.grid)}, got {tuple(given)}")
        arrays = {name: np.asarray(split[name], dtype=np.float64) for name in self.grid}
        for name, array in arrays.items():
            lower, upper = self.grid[name][0], self.grid[name][-1]
            slack = 1e-12 * (upper - lower)
            if array.size and not (array.min() >= lower - slack and array.max() <= upper + slack):
                raise ValueError(f"Reference.{owner}: `{name}` must lie in [{lower:g}, {upper:g}]")
            arrays[name] = np.clip(array, lower, upper)
        return arrays

    def _smooth(self, name: str) -> Array:
        """The values, or their quotient by the divisor."""
        values = self.values[name]
        if name not in self.divisor:
            return values
        return quotient(values, self.divisor[name](mesh_of(list(self.grid.values()))).reshape(values.shape))

    @functools.cached_property
    def _splines(self) -> dict[str, scipy.interpolate.NdBSpline]:
        ticks = list(self.grid.values())
        return {name: spline(ticks, self._smooth(name)) for name in self.values}
