"""Sums, products, quotients and powers; products follow the rule of Leibniz."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.elementary import ELEMENTWISE
from pinnkit.jets.elementary.algebraic import power
from pinnkit.jets.taylor.arguments import Scalar, aligned, is_number, linearly, parts_of, recorded, value_of
from pinnkit.jets.taylor.taylor_pass import Taylor, UnsupportedOperation, implements
from pinnkit.jets.taylor.traceable_ops import Parts, product_parts

from .elementwise import apply_elementwise

__all__ = ["add", "mul", "power_of"]


@implements("add", "__add__", "__radd__")
def add(a: Any, b: Any, alpha: Scalar = 1) -> Taylor:
    """Add, channel by channel; `alpha` multiplies the second operand."""
    if alpha != 1:
        b = b * alpha
    if isinstance(a, Taylor) and isinstance(b, Taylor):
        first, second = a.affinity, b.affinity
        if first is not None and second is not None and a.ndim == b.ndim:
            return Taylor.affine(a.plan, first[0] + second[0], first[1] + second[1])
        if first is None and second is None:
            ndim = max(a.ndim, b.ndim)
            return Taylor.full(a.plan, aligned(a.coefficients, ndim) + aligned(b.coefficients, ndim))
        return Taylor.stacked(a.plan, _sums(a.parts(), b.parts()))
    x, constant = (a, b) if isinstance(a, Taylor) else (b, a)
    return _shifted(x, constant)


def _shifted(x: Taylor, constant: Any) -> Taylor:
    constant = recorded(x, constant)
    affinity = x.affinity
    if affinity is not None and _same_at_all_points(x, constant):
        value, rows = affinity
        shifted = value + constant
        return Taylor.affine(x.plan, shifted, rows.expand(rows.shape[0], 1, *shifted.shape[1:]))
    return Taylor.stacked(x.plan, _sums(x.parts(), parts_of(x.plan, constant, x)))


def _same_at_all_points(x: Taylor, constant: Any) -> bool:
    return is_number(constant) or (isinstance(constant, Tensor) and constant.ndim < x.ndim)


def _sums(a: Parts, b: Parts) -> Parts:
    return [
        second if first is None else first if second is None else first + second
        for first, second in zip(a, b, strict=True)
    ]


@implements("neg", "negative", "__neg__")
def _neg(x: Taylor) -> Taylor:
    return linearly(x, torch.neg)


@implements("positive", "__pos__", "clone", "contiguous")
def _same(x: Taylor, **_: Any) -> Taylor:
    return x


@implements("sub", "subtract", "__sub__")
def _sub(a: Any, b: Any, alpha: Scalar = 1) -> Taylor:
    if is_number(b):
        return add(a, -alpha * b)
    return add(a, -b if alpha == 1 else b * -alpha)


@implements("rsub", "__rsub__")
def _rsub(a: Any, b: Any, alpha: Scalar = 1) -> Taylor:
    return _sub(b, a, alpha)


@implements("mul", "multiply", "__mul__", "__rmul__")
def mul(a: Any, b: Any) -> Taylor:
    """Multiply by the product rule."""
    if isinstance(a, Taylor) and isinstance(b, Taylor):
        if a is b:
            return apply_elementwise(a, ELEMENTWISE["square"])
        return Taylor.stacked(a.plan, product_parts(a.plan, a.parts(), b.parts()))
    x, factor = (a, b) if isinstance(a, Taylor) else (b, a)
    if is_number(factor):
        scaled = None if x.pending is None else x.pending.scaled(factor)
        if scaled is not None:
            return Taylor.later(x.plan, x, x.shape, scaled)
        return linearly(x, lambda data: data * factor)
    if not isinstance(factor, Tensor):
        raise UnsupportedOperation("mul", f"no rule for a factor of type {type(factor).__name__}")
    factor = recorded(x, factor)
    if x.affinity is not None and not _same_at_all_points(x, factor):
        return Taylor.stacked(x.plan, [None if part is None else part * factor for part in x.parts()])
    return linearly(x, lambda data: aligned(data, factor.ndim) * factor)


@implements("div", "divide", "true_divide", "__truediv__", "__div__")
def _div(a: Any, b: Any, rounding_mode: str | None = None) -> Taylor:
    if rounding_mode is not None:
        raise UnsupportedOperation("div", "no rule for a rounding mode")
    if not isinstance(b, Taylor):
        return mul(a, 1 / b)
    return mul(a, apply_elementwise(b, ELEMENTWISE["reciprocal"]))


@implements("__rtruediv__", "__rdiv__")
def _rdiv(a: Any, b: Any) -> Taylor:
    return _div(b, a)


@implements("pow", "__pow__", "float_power")
def power_of(a: Any, b: Any) -> Taylor:
    """Raise to a power."""
    if isinstance(a, Taylor) and not isinstance(b, Taylor):
        if is_number(b):
            return apply_elementwise(a, power(float(b)))
        return _exponential(b * apply_elementwise(a, ELEMENTWISE["log"]))
    base = (
        apply_elementwise(a, ELEMENTWISE["log"])
        if isinstance(a, Taylor)
        else math.log(a)
        if is_number(a)
        else torch.log(a)
    )
    return _exponential(b * base)


def _exponential(x: Taylor) -> Taylor:
    return apply_elementwise(x, ELEMENTWISE["exp"])


@implements("__rpow__", "rpow")
def _rpow(a: Any, b: Any) -> Taylor:
    return power_of(b, a)


@implements("addcmul")
def _addcmul(a: Any, b: Any, c: Any, value: Scalar = 1) -> Any:
    return add(a, b * c, value) if isinstance(a, Taylor) or isinstance(b, Taylor) else add(a, mul(b, c), value)


@implements("lerp")
def _lerp(a: Any, b: Any, weight: Any) -> Any:
    return a + weight * (b - a)


@implements("atan2", "arctan2")
def _atan2(y: Any, x: Any) -> Taylor:
    """Turn by the angle at the point: atan2(y, x) = angle + atan((x0 y - y0 x) / (x0 x + y0 y)), whose value is 0."""
    x0, y0 = value_of(x), value_of(y)
    if is_number(x0):
        x0 = torch.full_like(y0, x0)
    if is_number(y0):
        y0 = torch.full_like(x0, y0)
    turned = apply_elementwise(_div(_sub(x0 * y, y0 * x), add(x0 * x, y0 * y)), ELEMENTWISE["atan"])
    parts = turned.parts()
    parts[0] = torch.atan2(y0, x0)
    return Taylor.stacked(turned.plan, parts)
