"""Integrals in residuals: each row gets quadrature nodes of its own, at which the unknowns are evaluated as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from pinnkit.domains import Axis, Part, Points, Sobol, gauss_rule

from .names import call, check_names
from .portable import Portable

__all__ = ["HERE", "Integral", "Range"]

HERE = "_here"
"""Suffix of the unknowns at the point of the row, in an integrand."""
_MOST = 1024
"""Largest number of nodes of a row."""
_SLACK = 1e-6
"""Distance by which nodes may lie outside of the domain, relative to the extent of an axis: rounding."""

Bound = float | Callable[..., Any]
"""End of a range: a number, or a function of the coordinates of the row."""


@dataclass(frozen=True)
class Range:
    """Range of one variable of integration.

    Args:
        axis: axis of the domain along which it runs.
        variable: its name in the integrand; that of the axis where the integrand does not use the row's coordinate.
        lower: lower end.
        upper: upper end.
    """

    axis: str
    variable: str
    lower: Bound
    upper: Bound


@dataclass(frozen=True, init=False)
class Integral(Portable):
    """An integral over axes or a part of the domain, by quadrature at nodes that belong to each row.

    ``Equation(lambda u, memory: u.t + u - memory, memory=Integral(lambda u, s, t: torch.exp(s - t) * u,
    t=("s", 0, lambda t: t)))`` is u' + u = int_0^t exp(s - t) u(s) ds.

    The integrand is a function of names: the variables of integration, the unknowns and their derivatives at the node,
    the coordinates of the row, coefficients, data columns; ``u_here`` is the unknown at the point of the row.  Its
    value is one number, or ``(k,)`` numbers, at every node.  The integral has no derivative: differentiate the
    integrand, or make the integral an unknown of its own.

    Args:
        integrand: the function.
        nodes: number of Gauss nodes of each variable, 24 by default; of points of a part, 512 by default.
        powers: exponents (p, q), above -1, of a factor (s - lower)^p (upper - s)^q that the rule supplies and the
            integrand leaves out, for one variable: an Abel kernel (t - s)^(-1/2) has ``powers=(0, -0.5)``.
        over: a part, such as a shape or its boundary, with fixed quasi-random points, in place of ranges; the
            integrand of a boundary may use the normal `n`.
        ranges: for each axis ``(lower, upper)`` or ``("s", lower, upper)`` with a name for the variable; ends are
            numbers or functions of the row's coordinates.

    The problem that takes the integral adds the axes of its domain.

    Raises:
        TypeError: for an integrand that is no function, an `over` that is no part, or ranges of another form.
        ValueError: without a range or a part, or with both, for fewer than one node, more than 1,024 nodes a row, or
            powers of -1 and below.
    """

    integrand: Callable[..., Any]
    ranges: tuple[Range, ...]
    nodes: int
    powers: tuple[float, float]
    over: Part | None
    axes: tuple[Axis, ...]

    def __init__(
        self,
        integrand: Callable[..., Any],
        *,
        nodes: int | None = None,
        powers: tuple[float, float] = (0.0, 0.0),
        over: Part | None = None,
        **ranges: Any,
    ) -> None:
        if not callable(integrand):
            raise TypeError(
                "Integral: `integrand` must be a function such as `lambda u, s, t: torch.exp(s - t) * u`, "
                f"got {type(integrand).__name__}"
            )
        if over is not None and not hasattr(over, "sample"):
            raise TypeError(f"Integral: `over` must be a part such as domain.boundary, got {type(over).__name__}")
        if bool(ranges) == (over is not None):
            raise ValueError("Integral: name at least one axis and its ends, such as x=(0, 1), or a part, over=shape")
        if nodes is None:
            nodes = 24 if over is None else 512
        if isinstance(nodes, bool) or not isinstance(nodes, int) or nodes < 1:
            raise ValueError(f"Integral: `nodes` must be a whole number of at least 1, got {nodes!r}")
        if over is not None and nodes > _MOST:
            raise ValueError(f"Integral: `nodes` may be at most {_MOST} for a part, got {nodes}")
        if nodes ** len(ranges) > _MOST:
            raise ValueError(
                f"Integral: {nodes} nodes for each of {len(ranges)} axes are {nodes ** len(ranges)} for every row; "
                f"`nodes` may be at most {int(_MOST ** (1 / len(ranges)) + 1e-9)} here"
            )
        if not (isinstance(powers, tuple | list) and len(powers) == 2 and all(map(_is_number, powers))):
            raise TypeError(f"Integral: `powers` must be two numbers such as (0, -0.5), got {powers!r}")
        if min(powers) <= -1:
            raise ValueError(f"Integral: `powers` must be above -1, where the integral is finite, got {powers!r}")
        if any(powers) and len(ranges) != 1:
            raise ValueError("Integral: `powers` are for one variable; leave them out, or integrate over one axis")
        self._set(
            integrand=integrand,
            ranges=tuple(_range(axis, given) for axis, given in ranges.items()),
            nodes=nodes,
            powers=(float(powers[0]), float(powers[1])),
            over=over,
            axes=(),
        )

    @property
    def node_count(self) -> int:
        """Number of nodes of a row."""
        return self.nodes ** max(len(self.ranges), 1)

    @property
    def integrated(self) -> tuple[str, ...]:
        """Names of the axes that are integrated over."""
        return tuple(a.name for a in self.over.axes) if self.over is not None else tuple(p.axis for p in self.ranges)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _changed(self, **values: Any) -> Integral:
        made = object.__new__(Integral)
        made._set(**self._state() | values)
        return made

    def within(self, axes: Sequence[Axis]) -> Integral:
        """Return the same integral over the axes of a domain."""
        return self._changed(axes=tuple(axes))

    def check(self, unknowns: Sequence[str], coefficients: Sequence[str], data: Sequence[str], owner: str) -> None:
        """Check the names that the integrand and the ends use.

        Raises:
            ValueError: for a name that there is not, or that means two things.
        """
        axes, names = self.axes, tuple(a.name for a in self.axes)
        for name in self.integrated if self.over is not None else ():
            if name not in names:
                raise ValueError(f"{owner}: `over` has the axis `{name}`, the domain has {names}")
        for part in self.ranges:
            axis = next((a for a in axes if a.name == part.axis), None)
            if axis is None:
                raise ValueError(f"{owner}: `{part.axis}` is no axis of the domain; its axes are {names}")
            if axis.dim > 1:
                raise ValueError(f"{owner}: `{part.axis}` has {axis.dim} columns; integrals run along single columns")
            for end in (part.lower, part.upper):
                if callable(end):
                    check_names(end, {"a coordinate of the row": names}, f"{owner}: an end of `{part.variable}`")
            taken = {*names, *unknowns, *coefficients, *data} - {part.axis}
            if part.variable in taken or [r.variable for r in self.ranges].count(part.variable) > 1:
                raise ValueError(f"{owner}: the variable `{part.variable}` has the name of something else")
        variables = tuple(r.variable for r in self.ranges) if self.over is None else self.integrated
        known = {
            "a variable of integration": variables,
            "a coordinate of the row": tuple(n for n in names if n not in variables),
            "the normal": ("n",) if self.over is not None and self._drawn().normal is not None else (),
            "an unknown at the node": tuple(unknowns),
            "an unknown at the point of the row": tuple(name + HERE for name in unknowns),
            "a coefficient": tuple(coefficients),
            "a data column": tuple(data),
        }
        check_names(self.integrand, known, f"{owner}: the integrand")

    def points(self, rows: Points) -> Points:
        """Return the nodes of every row with their weights, as groups.

        Args:
            rows: the points of the rows.

        Raises:
            ValueError: for ends in the wrong order, or outside of the domain.
        """
        axes = self.axes
        columns = [c for a in axes for c in a.columns]
        if self.over is not None:
            return self._points_of_part(self.over, rows, columns)
        outer = {a.name: _of_axis(rows.coords, columns, a) for a in axes}
        z, w = gauss_rule(self.nodes, at_lower=self.powers[0], at_upper=self.powers[1])
        count = self.node_count
        grid = torch.cartesian_prod(*[torch.arange(self.nodes)] * len(self.ranges)).reshape(count, len(self.ranges))
        n = rows.coords.shape[0]
        coords = rows.coords[:, None, :].repeat(1, count, 1)
        weight = rows.coords.new_ones(n, count)
        for i, part in enumerate(self.ranges):
            axis = next(a for a in axes if a.name == part.axis)
            lower, upper = (_end(end, outer, n, rows.coords) for end in (part.lower, part.upper))
            _check_ends(part, axis, lower, upper)
            length = (upper - lower).clamp(min=0.0)
            at, own = z[grid[:, i]].to(coords), w[grid[:, i]].to(coords)
            coords[:, :, columns.index(axis.columns[0])] = lower[:, None] + length[:, None] * at
            weight = weight * length[:, None] ** (1 + sum(self.powers)) * own
        return Points(coords.reshape(n * count, -1), weight=weight.reshape(-1), group=count)

    def _drawn(self) -> Points:
        assert self.over is not None
        return self.over.sample(self.nodes, Generator().manual_seed(0), sampling=Sobol())

    def _points_of_part(self, part: Part, rows: Points, columns: Sequence[str]) -> Points:
        """Return the points of a part as nodes of every row."""
        drawn = self._drawn()
        n, count = rows.coords.shape[0], drawn.coords.shape[0]
        if drawn.weight is None or drawn.group is not None:
            raise ValueError(f"the part {part!r} has no quadrature weights; integrate over a shape, a box or its walls")
        coords = rows.coords[:, None, :].repeat(1, count, 1)
        own = [columns.index(c) for a in part.axes for c in a.columns]
        coords[:, :, own] = drawn.coords.to(coords)
        normal = None if drawn.normal is None else drawn.normal.to(coords).repeat(n, 1)
        weight = drawn.weight.to(coords).repeat(n)
        return Points(coords.reshape(n * count, -1), normal=normal, weight=weight, group=count)

    def finer(self) -> Integral:
        """Return the same integral by a rule with more nodes, which shows whether this one resolves the integrand."""
        more = 2 * self.nodes + 1 if len(self.ranges) < 2 else self.nodes + self.nodes // 2 + 1
        return self._changed(nodes=more)

    def evaluate(self, scope: Mapping[str, Any], owner: str) -> Any:
        """Return the integrand at the nodes."""
        return call(self.integrand, scope, owner)


def _range(axis: str, given: Any) -> Range:
    """Read ``(lower, upper)`` or ``(name, lower, upper)``."""
    parts = tuple(given) if isinstance(given, tuple | list) else ()
    named = len(parts) == 3 and isinstance(parts[0], str) and parts[0].isidentifier()
    ends = parts[1:] if named else parts
    if len(ends) != 2 or not all(callable(e) or _is_number(e) for e in ends):
        raise TypeError(
            f"Integral: `{axis}` must be (lower, upper) or (name, lower, upper) with numbers or functions of the row's "
            f'coordinates, such as {axis}=("s", 0, lambda {axis}: {axis}), got {given!r}'
        )
    numbers = [e if callable(e) else float(e) for e in ends]
    if all(isinstance(e, float) for e in numbers) and not numbers[0] < numbers[1]:
        raise ValueError(f"Integral: the lower end of `{axis}` must be below the upper one, got {given!r}")
    return Range(axis, parts[0] if named else axis, numbers[0], numbers[1])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _of_axis(coords: Tensor, columns: Sequence[str], axis: Axis) -> Tensor:
    """Coordinates of one axis, ``(n,)`` or ``(n, dim)``."""
    at = columns.index(axis.columns[0])
    return coords[:, at] if axis.dim == 1 else coords[:, at : at + axis.dim]


def _end(end: Bound, outer: Mapping[str, Tensor], n: int, like: Tensor) -> Tensor:
    """Values of an end at every row, ``(n,)``."""
    value = call(end, outer, "an end of an integral") if callable(end) else end
    return torch.as_tensor(value, dtype=like.dtype, device=like.device).expand(n)


def _check_ends(part: Range, axis: Axis, lower: Tensor, upper: Tensor) -> None:
    slack = _SLACK * (axis.upper - axis.lower)
    if bool((upper < lower - slack).any()):
        at = int((upper - lower).argmin())
        raise ValueError(
            f"the upper end of the integral over `{part.variable}` is below the lower one, such as from "
            f"{float(lower[at]):.6g} to {float(upper[at]):.6g}; exchange them and the sign"
        )
    if bool((lower < axis.lower - slack).any()) or bool((upper > axis.upper + slack).any()):
        raise ValueError(
            f"the integral over `{part.variable}` runs from {float(lower.min()):.6g} to {float(upper.max()):.6g}, "
            f"outside of the domain, where `{axis.name}` spans ({axis.lower:g}, {axis.upper:g}); the unknowns are "
            "defined inside only"
        )
