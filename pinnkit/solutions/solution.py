"""Solutions: the result of a solve, evaluated at points and on grids."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from pinnkit.domains import Axis, Role
from pinnkit.fields import FieldSpec
from pinnkit.fields.protocols import smoothness_of
from pinnkit.problem.names import call
from pinnkit.problem.problem import Problem

from .evaluation import FieldSet
from .field_values import Values, derivatives, flux_values
from .history import History
from .status import Status

__all__ = ["Derivative", "Solution", "exact_values", "grid_counts"]

CHUNK = 65_536  # points evaluated at once
_ROUNDING = 1e-6  # of an axis' extent, by which a coordinate may miss its bound, as in float32

Rows = Callable[[int, int], NDArray[np.float64]]


@dataclass(frozen=True, repr=False, eq=False)
class Solution:
    """The fitted fields, the record of the solve, and their evaluation; the result of `solve`.

    Solutions can be pickled, copied and hashed.  A deep copy, and one from a pickle, has modules of its own; a solution
    is equal to itself alone.  Unpickling runs code: to keep a solution in a file, use `save` and `load`.

    ``solution(x=0.5, t=[0, 1])["u"]`` are values at points, ``solution.d("x")`` is the derivative, called alike, and
    ``solution.on_grid(x=200, t=100)["u"]`` has shape ``(200, 100)``; all are NumPy arrays.

    Args:
        problem: the problem.
        fields: for each group of unknowns that share a trunk, the spec of its field; None where a module was given.
        modules: for each group, the fitted module; its outputs are the group's components side by side.
        coefficients: fitted values of the coefficients.
        status: the end of the solve.
        history: loss of every term against steps and seconds.
        seconds: duration of the solve with sampling, searches and restarts, without validation and figures.
        seed: seed of the solve.
        device: device of the modules and of their evaluation.
        dtype: floating-point type of the modules and of the arrays returned.
        solvers: each solver that ran, as its constructor is written.
        choice: the field and solvers chosen, and the reason.
        residual_rms: root mean square of all residuals at the end of the solve.
        steps: number of steps of all solvers.
        parameters: number of fitted numbers.
        versions: versions of Python and of the packages used.
        rows: for each term the number of its residuals in the solve; empty where it is not known.
        training_rms: for each term the root mean square residual at the points of the solve; likewise.
    """

    problem: Problem
    fields: Mapping[tuple[str, ...], FieldSpec | None]
    modules: Mapping[tuple[str, ...], nn.Module]
    coefficients: Mapping[str, float]
    status: Status
    history: History
    seconds: float
    seed: int
    device: str
    dtype: torch.dtype
    solvers: tuple[str, ...]
    choice: str
    residual_rms: float
    steps: int
    parameters: int
    versions: Mapping[str, str]
    rows: Mapping[str, int] = dataclass_field(default_factory=dict)
    training_rms: Mapping[str, float] = dataclass_field(default_factory=dict)

    def __call__(self, **coords: ArrayLike | Tensor) -> dict[str, NDArray[Any]]:
        """The unknowns at points.

        Args:
            coords: for each axis a number or an array; they are broadcast against each other as NumPy does.  A vector
                axis of k columns takes ``(..., k)``.

        Returns:
            For each unknown an array of the broadcast shape; a vector unknown has its components last.

        Raises:
            ValueError: for an axis that is missing or unknown, shapes that do not fit together, coordinates that are
                not finite or lie outside the domain: a field says nothing about what it was not fitted to.
        """
        return _at_points(self, coords, derivatives(self.problem, ()))

    def d(self, *axes: str) -> Derivative:
        """The partial derivative along `axes`, ``d("x", "t")`` is ∂²/∂x∂t, called as the solution itself is.

        Raises:
            ValueError: for a name that is no axis, or more derivatives than the field has.
        """
        return Derivative(self, axes)

    def on_grid(self, **axes: int | ArrayLike) -> dict[str, NDArray[Any]]:
        """The unknowns on a grid: every axis with its coordinates, every unknown with its values.

        Args:
            axes: for each axis a number of points, spread evenly from bound to bound, or an array of coordinates.

        Returns:
            Each axis ``(m,)``, each unknown ``(m1, m2, ...)`` in the order of the domain's axes, components last.
            Where the grid leaves the domain (a plate with a hole), values are NaN.

        Raises:
            ValueError: as at points, for coordinates beyond the bounds of an axis, and for a count of a vector axis.
        """
        return _on_grid(self, axes, derivatives(self.problem, ()))

    def flux(self, equation: str, row: int = 0, /, **coords: ArrayLike | Tensor) -> NDArray[Any]:
        """The flux of an equation at points: the argument of its divergence, k grad(u) for ``div(k * grad(u)) = f``.

        Args:
            equation: name of the equation.
            row: number of its row, where it has several.
            coords: as for the values at points.

        Returns:
            Vectors of the broadcast shape, components along the space axes last.

        Raises:
            ValueError: for a name that is no equation, a row that there is not or that has no flux, and coordinates as
                at points.
        """
        return _at_points(self, coords, flux_values(self.problem, equation, row))["flux"]

    @property
    def fieldset(self) -> FieldSet:
        """The fields, evaluated at tensors of coordinates."""
        return FieldSet(self.problem, self.modules)

    @property
    def coefficient_tensors(self) -> dict[str, Tensor]:
        """The coefficients as 0-d tensors on the device of the modules."""
        return {k: torch.tensor(v, dtype=self.dtype, device=self.device) for k, v in self.coefficients.items()}

    @property
    def smoothness(self) -> float:
        """Number of derivatives of the solution: the least that its fields declare, infinity without declaration."""
        said = [smoothness_of(spec or self.modules[group]) for group, spec in self.fields.items()]
        return min(said, default=math.inf)

    @property
    def field_text(self) -> str:
        """The fields as their constructors are written, with at most four digits of each number."""
        words = {
            g: type(self.modules[g]).__name__ if s is None else _four_digits(repr(s)) for g, s in self.fields.items()
        }
        if len(words) == 1:
            return next(iter(words.values()))
        return ", ".join(f"{'+'.join(group)}: {word}" for group, word in words.items())

    def __repr__(self) -> str:
        return (
            f"<Solution of '{self.problem.name}': {self.field_text} by {', '.join(self.solvers) or 'no solver'}, "
            f"{self.status.name.lower()} in {self.seconds:.3g} s>"
        )


@dataclass(frozen=True, repr=False)
class Derivative:
    """A partial derivative of a solution; it is evaluated as the solution is."""

    solution: Solution
    axes: tuple[str, ...]

    def __post_init__(self) -> None:
        known = self.solution.problem.frame.columns + self.solution.problem.frame.names
        for axis in self.axes:
            if axis not in known:
                raise ValueError(f"d: `{axis}` is not an axis of this problem; its axes are {_names(self.solution)}")
        if len(self.axes) > self.solution.smoothness:
            raise ValueError(
                f"d: {len(self.axes)} derivatives were asked for, {self.solution.field_text} has "
                f"{self.solution.smoothness:g}; solve with a smooth field such as Siren()"
            )

    def __call__(self, **coords: ArrayLike | Tensor) -> dict[str, NDArray[Any]]:
        """The derivative of each unknown at points."""
        return _at_points(self.solution, coords, derivatives(self.solution.problem, self.axes))

    def d(self, *axes: str) -> Derivative:
        """A further derivative."""
        return Derivative(self.solution, (*self.axes, *axes))

    def on_grid(self, **axes: int | ArrayLike) -> dict[str, NDArray[Any]]:
        """The derivative of each unknown on a grid, with the axes' coordinates."""
        return _on_grid(self.solution, axes, derivatives(self.solution.problem, self.axes))

    def __repr__(self) -> str:
        return f"<derivative along {self.axes} of {self.solution!r}>"


def grid_counts(axes: Sequence[Axis], points: int = 40_000) -> dict[str, int]:
    """Numbers of points along each axis of an evenly spaced grid of about `points` in all; odd, to include the middle.

    Empty for a vector axis and for more than four axes.
    """
    if len(axes) > 4 or any(axis.dim > 1 for axis in axes):
        return {}
    if len(axes) == 1:
        return {axes[0].name: 1001}
    count = int(points ** (1 / len(axes)))
    return dict.fromkeys((axis.name for axis in axes), count + 1 - count % 2)


def _four_digits(text: str) -> str:
    """Round the decimal numbers in a text that have more than five digits after the point."""
    return re.sub(r"\d+\.\d{6,}(e[-+]?\d+)?", lambda found: f"{float(found[0]):.4g}", text)


def exact_values(problem: Problem, coords: Tensor, coefficients: Mapping[str, float]) -> dict[str, Tensor]:
    """The closed forms of a problem at points ``(n, d)``: ``(n,)``, or ``(n, c)`` for a vector unknown."""
    split = coords.split([a.dim for a in problem.axes], dim=1)
    scope: dict[str, Any] = {a.name: c if a.dim > 1 else c[:, 0] for a, c in zip(problem.axes, split, strict=True)}
    scope.update({name: torch.tensor(value, dtype=coords.dtype) for name, value in coefficients.items()})
    values = {}
    for name, function in problem.exact.items():
        components = problem.unknown(name).components
        shape = (coords.shape[0],) if components is None else (coords.shape[0], components)
        value = call(function, scope, f"exact solution of `{name}`")
        values[name] = torch.as_tensor(value, dtype=coords.dtype).expand(shape)
    return values


def _at_points(solution: Solution, coords: Mapping[str, ArrayLike | Tensor], values: Values) -> dict[str, NDArray[Any]]:
    axes = _axes(solution, coords, "solution")
    arrays = {a.name: _within(a, _column(a, coords[a.name])) for a in axes}
    heads = {name: a.shape[:-1] for name, a in arrays.items()}  # the last dimension holds the columns
    try:
        shape = np.broadcast_shapes(*heads.values())
    except ValueError:
        raise ValueError(
            f"solution: the coordinates' shapes must fit together, got {heads}; "
            f"give arrays of one length and single numbers, or use on_grid for a grid"
        ) from None
    columns = [np.broadcast_to(a[..., i], shape) for a in arrays.values() for i in range(a.shape[-1])]

    def rows(start: int, stop: int) -> NDArray[np.float64]:
        return np.stack([column.flat[start:stop] for column in columns], axis=1)

    return _evaluate(solution, values, rows, shape, refuse=True)


def _on_grid(solution: Solution, given: Mapping[str, int | ArrayLike], values: Values) -> dict[str, NDArray[Any]]:
    axes = _axes(solution, given, "on_grid")
    ticks = [_ticks(a, given[a.name]) for a in axes]
    shape = tuple(len(t) for t in ticks)

    def rows(start: int, stop: int) -> NDArray[np.float64]:
        where = np.unravel_index(np.arange(start, stop), shape)
        return np.concatenate([t[i] for t, i in zip(ticks, where, strict=True)], axis=1)

    found = _evaluate(solution, values, rows, shape, refuse=False)
    shown = {a.name: t[:, 0] if a.dim == 1 else t for a, t in zip(axes, ticks, strict=True)}
    return {**shown, **found}


def _evaluate(
    solution: Solution, values: Values, rows: Rows, shape: tuple[int, ...], *, refuse: bool
) -> dict[str, NDArray[Any]]:
    """Evaluate in chunks of rows, so that memory grows with the result alone."""
    problem, fields, coefficients = solution.problem, solution.fieldset, solution.coefficient_tensors
    n = math.prod(shape)
    out: dict[str, NDArray[Any]] = {}
    for start in range(0, max(n, 1), CHUNK):
        stop = min(start + CHUNK, n)
        raw = torch.from_numpy(rows(start, stop))
        coords, inside = _inside(problem, raw)
        if refuse and not bool(inside.all()):
            first = raw[int((~inside).nonzero()[0, 0])].tolist()
            at = ", ".join(f"{c} = {v:g}" for c, v in zip(problem.frame.columns, first, strict=True))
            raise ValueError(
                f"solution: {int((~inside).sum())} of the points lie outside the domain {problem.domain!r}, "
                f"the first at {at}; the fields are fitted inside only"
            )
        found = fields.evaluate(coords.to(solution.device, solution.dtype), coefficients, values, chunk=CHUNK)
        for name, value in found.items():
            block = value.cpu().numpy()
            if not bool(inside.all()):
                block[~inside.numpy()] = np.nan
            if name not in out:
                out[name] = np.empty((n, *block.shape[1:]), dtype=block.dtype)
            out[name][start:stop] = block
    return {name: value.reshape(shape + value.shape[1:]) for name, value in out.items()}


def _inside(problem: Problem, coords: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates clamped to bounds that they miss by rounding, and a mask of those in the domain."""
    lower = torch.tensor([a.lower for a in problem.axes for _ in a.columns], dtype=coords.dtype)
    upper = torch.tensor([a.upper for a in problem.axes for _ in a.columns], dtype=coords.dtype)
    moved = coords.clamp(lower, upper)
    inside = problem.domain.contains(moved)
    if not bool(inside.all()):  # curved walls are met by rounding only
        extents = [a.extent for a in problem.axes if a.role is Role.SPACE]
        near = problem.domain.signed_distance(moved) <= _ROUNDING * min(extents, default=1.0)
        inside = inside | near
    return moved, inside


def _axes(solution: Solution, given: Iterable[str], owner: str) -> tuple[Axis, ...]:
    names = _names(solution)
    given = tuple(given)
    for name in given:
        if name not in names:
            raise ValueError(f"{owner}: `{name}` is not an axis of '{solution.problem.name}'; its axes are {names}")
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"{owner}: `{missing[0]}` is missing; give every axis of {names}")
    return solution.problem.axes


def _names(solution: Solution) -> tuple[str, ...]:
    return tuple(a.name for a in solution.problem.axes)


def _column(axis: Axis, value: ArrayLike | Tensor) -> NDArray[np.float64]:
    """Coordinates of one axis as float64, ``(..., dim)``."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"solution: `{axis.name}` must be a number or an array of numbers, got {type(value).__name__} {value!r}"[
                :200
            ]
        ) from None
    if axis.dim > 1 and (array.ndim == 0 or array.shape[-1] != axis.dim):
        raise ValueError(
            f"solution: `{axis.name}` is a vector of {axis.dim} columns and takes shape (..., {axis.dim}), "
            f"got {array.shape}"
        )
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise ValueError(f"solution: `{axis.name}` must be finite, {bad} of its {array.size} values are nan or inf")
    return array if axis.dim > 1 else array[..., None]


def _within(axis: Axis, array: NDArray[np.float64]) -> NDArray[np.float64]:
    slack = _ROUNDING * axis.extent
    beyond = (array < axis.lower - slack) | (array > axis.upper + slack)
    if beyond.any():
        raise ValueError(
            f"solution: `{axis.name}` must lie within [{axis.lower:g}, {axis.upper:g}], got {array[beyond][0]:g} "
            f"({int(beyond.sum())} of {array.size} values are outside); the fields are fitted inside only"
        )
    return array


def _ticks(axis: Axis, given: int | ArrayLike) -> NDArray[np.float64]:
    """Coordinates of a grid along one axis, ``(m, dim)``."""
    if axis.dim == 1 and isinstance(given, int | np.integer) and not isinstance(given, bool):
        if given < 2:
            raise ValueError(
                f"on_grid: `{axis.name}` must be at least 2 points, got {given}; "
                f"for a slice give its coordinate in a list, {axis.name}=[{axis.lower:g}]"
            )
        return np.linspace(axis.lower, axis.upper, int(given))[:, None]
    ticks = _column(axis, given)
    if ticks.ndim != 2:
        wanted = "a number of points or coordinates (m,)" if axis.dim == 1 else f"coordinates (m, {axis.dim})"
        raise ValueError(f"on_grid: `{axis.name}` takes {wanted}, got {given!r}"[:200])
    return _within(axis, ticks)
