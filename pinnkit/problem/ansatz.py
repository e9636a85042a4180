"""Ansatz of hard conditions on boxes: u = g + m N, with g an extension of the prescribed values into the inside.

m is the product of the distances from the walls, so that u meets the conditions for every field N.  All is made of
jets: every derivative of u follows from those of N.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, mul
from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet, constant

from .conditions import Value, value_of

__all__ = ["Lift", "Side", "Span", "on_side"]


@dataclass(frozen=True)
class Span:
    """Coordinate column: the axis that it belongs to, its index in it, and its bounds."""

    axis: str
    index: int | None  # in a vector axis
    lower: float
    upper: float

    @property
    def column(self) -> str:
        """Name of the column."""
        return self.axis if self.index is None else f"{self.axis}[{self.index}]"

    def at(self, scope: Mapping[str, Any]) -> Jet:
        """Return the coordinate in a scope, ``(n,)``."""
        jet: Jet = scope[self.axis] if self.index is None else scope[self.axis][self.index]
        return jet


@dataclass(frozen=True)
class Side:
    """Values prescribed at one end of a column.

    Args:
        term: name of the condition.
        span: the column.
        upper: whether it is the upper end.
        value: value of the unknown there.
        rate: derivative along the column, for an initial state; None leaves it free.
        normal: outward normal of a wall of space.
    """

    term: str
    span: Span
    upper: bool
    value: Value
    rate: Value | None = None
    normal: tuple[float, ...] | None = None

    @property
    def end(self) -> float:
        """Value of the column."""
        return self.span.upper if self.upper else self.span.lower

    @property
    def place(self) -> str:
        """Words for the side, `x = 0`."""
        return f"{self.span.column} = {self.end:g}"

    def given(self, scope: Mapping[str, Any], name: str) -> Jet | None:
        """Evaluate the prescribed value of `name`, as a function of the other columns; None for zero."""
        return _jet(self.value, on_side(scope, self), name)

    def given_rate(self, scope: Mapping[str, Any], name: str) -> Jet | None:
        """Evaluate the prescribed derivative; None for zero."""
        return _jet(self.rate, on_side(scope, self), name)


@dataclass(frozen=True)
class Lift:
    """u = g + m N for one unknown, N the output of its field.

    For each column with conditions, P g = (1 - s) g_lower + s g_upper between two walls, s in [0, 1]; P g = g_wall
    for one wall; P g = u0, or u0 + (t - t0) v0, for an initial state.  With several columns g is the Boolean sum
    P_1 + P_2 (1 - P_1) + ..., which takes the values of every wall as long as they agree where walls meet.  m is the
    product over the columns of 4 s (1 - s) for two walls, s or 1 - s for one, s for a value and s^2 for a value and a
    rate at the start.

    Source: Gordon & Hall, Int. J. Numer. Methods Eng. 7 (1973) 461 (transfinite interpolation); Lagaris, Likas &
    Fotiadis, IEEE Trans. Neural Netw. 9 (1998) 987 (trial solutions).
    """

    name: str
    sides: tuple[tuple[Side, ...], ...]  # one entry for each column, of one or two sides

    def evaluate(self, scope: Mapping[str, Any]) -> Jet:
        """Evaluate the unknown, from a scope in which its name means the field."""
        raw: Jet = scope[self.name]
        free = self.distance(scope)
        extension = self.extension(scope)
        product = free * raw
        return _with_laplacian(product if extension is None else extension + product, free, raw, extension)

    def extension(self, scope: Mapping[str, Any]) -> Jet | None:
        """Evaluate g; None where it is zero."""
        return _lift(self.name, self.sides, scope)

    def distance(self, scope: Mapping[str, Any]) -> Jet:
        """Evaluate m."""
        return reduce(mul, [_distance(sides, scope) for sides in self.sides])


def _lift(name: str, columns: Sequence[Sequence[Side]], scope: Mapping[str, Any]) -> Jet | None:
    """Evaluate the Boolean sum over some columns."""
    if not columns:
        return None
    *before, sides = columns
    parts = [_lift(name, before, scope)]
    for side in sides:
        there = on_side(scope, side)
        missing = _minus(side.given(scope, name), _lift(name, before, there))
        if missing is not None:
            parts.append(missing if len(sides) == 1 else _share(side, scope) * missing)
        if side.rate is not None:
            base = _lift(name, before, on_side(scope, side, moving=True))
            slope = None if base is None else base.partial(side.span.column)
            frozen = None if slope is None else _frozen(slope, side.span.column)
            missing = _minus(side.given_rate(scope, name), frozen)
            if missing is not None:
                parts.append((side.span.at(scope) - side.end) * missing)
    found = [part for part in parts if part is not None]
    return reduce(add, found) if found else None


def on_side(scope: Mapping[str, Any], side: Side, *, moving: bool = False) -> dict[str, Any]:
    """Project all points of a scope on a side along its column; `moving` keeps the derivative along it."""
    span = side.span
    here: Jet = scope[span.axis]
    frame = here.frame
    ones = torch.ones_like(here.value)
    if span.index is None:
        there: Jet = constant(frame, side.end * ones)
        if moving:
            unit = constant(frame, ones)
            there = Jet(frame, lambda: side.end * ones, lambda column: unit if column == span.column else None)
    else:
        keep, fixed = ones, torch.zeros_like(ones)
        keep[:, span.index], fixed[:, span.index] = 0.0, side.end
        there = here * constant(frame, keep) + constant(frame, fixed)
    out = {**scope, span.axis: there}
    if side.normal is not None:
        row = torch.tensor(side.normal, dtype=ones.dtype, device=ones.device)
        out["n"] = constant(frame, row.expand(ones.shape[0], len(side.normal)))
    return out


def _share(side: Side, scope: Mapping[str, Any]) -> Jet:
    """Evaluate the linear function that is 1 on the side and 0 on the opposite one."""
    x, rate = side.span.at(scope), 1.0 / (side.span.upper - side.span.lower)
    return (x - side.span.lower) * rate if side.upper else (side.span.upper - x) * rate


def _distance(sides: Sequence[Side], scope: Mapping[str, Any]) -> Jet:
    """Evaluate the factor of m for one column: exactly zero on its sides, at most 1 elsewhere."""
    span = sides[0].span
    x, rate = span.at(scope), 1.0 / (span.upper - span.lower)
    if len(sides) == 2:
        return (x - span.lower) * (span.upper - x) * (4.0 * rate * rate)
    s = (span.upper - x) * rate if sides[0].upper else (x - span.lower) * rate
    return s if sides[0].rate is None else s * s


def _jet(value: Value | None, scope: Mapping[str, Any], name: str) -> Jet | None:
    """Make a prescribed value a jet; None for zero."""
    if value is None or (isinstance(value, (int, float)) and value == 0):
        return None
    found = value_of(value, scope, name)
    if isinstance(found, Jet):
        return found
    some = next(v for v in scope.values() if isinstance(v, Jet))
    n = some.value.shape[0]
    row = torch.as_tensor(found, dtype=some.dtype, device=some.device)
    by_point = callable(value) and row.ndim > 0 and row.shape[0] == n  # torch.zeros_like(x) is a plain tensor
    return constant(some.frame, row if by_point else row.expand(n, *row.shape))


def _minus(a: Jet | None, b: Jet | None) -> Jet | None:
    if b is None:
        return a
    return -b if a is None else a - b


def _frozen(jet: Jet, column: str) -> Jet:
    """Return the same values with zero derivatives along `column`."""

    def partial(other: str) -> Jet | None:
        inner = None if other == column else jet.partial(other)
        return None if inner is None else _frozen(inner, column)

    return Jet(jet.frame, lambda: jet.value, partial)


def _with_laplacian(jet: Jet, free: Jet, raw: Jet, known: Jet | None) -> Jet:
    """Return the same jet, whose Laplacian needs one collapsed channel of the field and no single second derivatives.

    laplacian(g + m N) = laplacian(g) + m laplacian(N) + 2 grad(m) . grad(N) + N laplacian(m).
    """
    frame: Frame = jet.frame

    def laplacian() -> Jet:
        parts = [free * raw.laplacian]
        parts += [] if known is None else [known.laplacian]
        curvature = [s for c in frame.space if (s := _twice(free, c)) is not None]
        parts += [reduce(add, curvature) * raw] if curvature else []
        for column in frame.space:
            slope, other = free.partial(column), raw.partial(column)
            if slope is not None and other is not None:
                parts.append(2.0 * slope * other)
        return reduce(add, parts)

    return Jet(frame, lambda: jet.value, jet.partial, laplacian)


def _twice(jet: Jet, column: str) -> Jet | None:
    first = jet.partial(column)
    return None if first is None else first.partial(column)


def values_at(side: Side, scope: Mapping[str, Any], name: str, *, rate: bool = False) -> Tensor:
    """Evaluate the prescribed numbers ``(n,)`` or ``(n, c)`` on a side."""
    jet = side.given_rate(scope, name) if rate else side.given(scope, name)
    some: Jet = scope[side.span.axis]
    return some.value.new_zeros(some.value.shape[0]) if jet is None else jet.value
