"""How each torch operation acts on Taylor coefficients, by name.

Linear operations act alike on every channel; elementwise functions follow the chain rule, products Leibniz' rule; what
compares returns plain tensors of values. Dimension 0 of a `Taylor` counts points, and no operation may mix those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.rules import elementwise as activations
from pinnkit.jets.rules.elementwise import ELEMENTWISE, Elementwise

from .arguments import Scalar, aligned, feature_dim, is_number, linearly, parts_of, plan_of, value_of
from .layers import Applied, LinearLayer
from .shapes import squeeze, unbind, unsqueeze
from .taylor_pass import RULES, Taylor, UnsupportedOperation, implements
from .traceable_ops import Parts, product_parts
from .weight_record import spread

__all__: list[str] = []


# elementwise functions ----------------------------------------------------------------------------------------------
def _apply(x: Taylor, function: Elementwise) -> Taylor:
    like = x.value if x.pending is None else torch.empty((), dtype=x.dtype, device=x.device)
    return Taylor.later(x.plan, like, x.shape, Applied(x, function))


def _unary(function: Elementwise) -> Callable[..., Taylor]:
    return lambda x: _apply(x, function)


for _name, _function in ELEMENTWISE.items():
    RULES[_name] = _unary(_function)
for _alias, _name in {
    "absolute": "abs",
    "arctan": "atan",
    "arcsin": "asin",
    "arccos": "acos",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "special_erf": "erf",
    "special_expit": "sigmoid",
    "special_expm1": "expm1",
    "special_log1p": "log1p",
    "special_sinc": "sinc",
    "bessel_j0": "special_bessel_j0",
    "bessel_j1": "special_bessel_j1",
    "__abs__": "abs",
}.items():
    RULES[_alias] = RULES[_name]


@implements("relu")
def _relu(x: Taylor, inplace: bool = False) -> Taylor:
    return _apply_unless_inplace("relu", x, ELEMENTWISE["relu"], inplace)


@implements("silu")
def _silu(x: Taylor, inplace: bool = False) -> Taylor:
    return _apply_unless_inplace("silu", x, ELEMENTWISE["silu"], inplace)


def _apply_unless_inplace(name: str, x: Taylor, function: Elementwise, inplace: bool) -> Taylor:
    if inplace:
        raise UnsupportedOperation(name, "no rule for inplace=True")
    return _apply(x, function)


@implements("gelu")
def _gelu(x: Taylor, approximate: str = "none") -> Taylor:
    if approximate == "none":
        return _apply(x, ELEMENTWISE["gelu"])
    result: Taylor = 0.5 * x * (1 + RULES["tanh"](math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    return result


@implements("softplus")
def _softplus(x: Taylor, beta: float = 1.0, threshold: float = 20.0) -> Taylor:
    return _apply(x, activations.softplus(beta, threshold))


@implements("elu")
def _elu(x: Taylor, alpha: float = 1.0, inplace: bool = False) -> Taylor:
    return _apply_unless_inplace("elu", x, activations.elu(alpha), inplace)


@implements("leaky_relu")
def _leaky_relu(x: Taylor, negative_slope: float = 0.01, inplace: bool = False) -> Taylor:
    return _apply_unless_inplace("leaky_relu", x, activations.leaky_relu(negative_slope), inplace)


@implements("clamp", "clip")
def _clamp(x: Any, min: Any = None, max: Any = None) -> Taylor:
    if isinstance(min, Taylor) or isinstance(max, Taylor) or not isinstance(x, Taylor):
        lowered = x if min is None else _maximum(x, min)
        result: Taylor = lowered if max is None else _minimum(lowered, max)
        return result
    return _apply(x, activations.clamped(min, max))


@implements("clamp_min")
def _clamp_min(x: Taylor, min: Any) -> Taylor:
    return _clamp(x, min=min)


@implements("clamp_max")
def _clamp_max(x: Taylor, max: Any) -> Taylor:
    return _clamp(x, max=max)


# arithmetic ---------------------------------------------------------------------------------------------------------
@implements("add", "__add__", "__radd__")
def _add(a: Any, b: Any, alpha: Scalar = 1) -> Taylor:
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
    constant = spread(x, constant)
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
        return _add(a, -alpha * b)
    return _add(a, -b if alpha == 1 else b * -alpha)


@implements("rsub", "__rsub__")
def _rsub(a: Any, b: Any, alpha: Scalar = 1) -> Taylor:
    return _sub(b, a, alpha)


@implements("mul", "multiply", "__mul__", "__rmul__")
def _mul(a: Any, b: Any) -> Taylor:
    if isinstance(a, Taylor) and isinstance(b, Taylor):
        if a is b:
            return _apply(a, ELEMENTWISE["square"])
        return Taylor.stacked(a.plan, product_parts(a.plan, a.parts(), b.parts()))
    x, factor = (a, b) if isinstance(a, Taylor) else (b, a)
    pending = x.pending
    if is_number(factor):
        if isinstance(pending, LinearLayer):
            return Taylor.later(x.plan, pending.weight, x.shape, pending.scaled(factor))
        return linearly(x, lambda data: data * factor)
    if not isinstance(factor, Tensor):
        raise UnsupportedOperation("mul", f"no rule for a factor of type {type(factor).__name__}")
    factor = spread(x, factor)
    if x.affinity is not None and not _same_at_all_points(x, factor):
        return Taylor.stacked(x.plan, [None if part is None else part * factor for part in x.parts()])
    return linearly(x, lambda data: aligned(data, factor.ndim) * factor)


@implements("div", "divide", "true_divide", "__truediv__", "__div__")
def _div(a: Any, b: Any, rounding_mode: str | None = None) -> Taylor:
    if rounding_mode is not None:
        raise UnsupportedOperation("div", "no rule for a rounding mode")
    if not isinstance(b, Taylor):
        return _mul(a, 1 / b)
    return _mul(a, _apply(b, ELEMENTWISE["reciprocal"]))


@implements("__rtruediv__", "__rdiv__")
def _rdiv(a: Any, b: Any) -> Taylor:
    return _div(b, a)


@implements("pow", "__pow__", "float_power")
def _pow(a: Any, b: Any) -> Taylor:
    if isinstance(a, Taylor) and not isinstance(b, Taylor):
        if is_number(b):
            return _apply(a, activations.power(float(b)))
        return _exponential(b * RULES["log"](a))
    base = RULES["log"](a) if isinstance(a, Taylor) else math.log(a) if is_number(a) else torch.log(a)
    return _exponential(b * base)


def _exponential(x: Taylor) -> Taylor:
    return _apply(x, ELEMENTWISE["exp"])


@implements("__rpow__", "rpow")
def _rpow(a: Any, b: Any) -> Taylor:
    return _pow(b, a)


@implements("addcmul")
def _addcmul(a: Any, b: Any, c: Any, value: Scalar = 1) -> Any:
    return _add(a, b * c, value) if isinstance(a, Taylor) or isinstance(b, Taylor) else _add(a, _mul(b, c), value)


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
    turned = RULES["atan"](_div(_sub(_mul_any(x0, y), _mul_any(y0, x)), _add(_mul_any(x0, x), _mul_any(y0, y))))
    parts = turned.parts()
    parts[0] = torch.atan2(y0, x0)
    return Taylor.stacked(turned.plan, parts)


def _mul_any(a: Any, b: Any) -> Any:
    return a * b


# choices ------------------------------------------------------------------------------------------------------------
@implements("where")
def _where(condition: Any, a: Any = None, b: Any = None) -> Taylor:
    if isinstance(condition, Taylor) or a is None or b is None:
        raise UnsupportedOperation("where", "no rule for this form")
    plan = plan_of(a, b)
    like = a if isinstance(a, Taylor) else b
    parts: Parts = []
    for first, second in zip(parts_of(plan, a, like), parts_of(plan, b, like), strict=True):
        if first is None and second is None:
            parts.append(None)
            continue
        zero = torch.zeros((), dtype=like.dtype, device=like.device)
        parts.append(torch.where(condition, zero if first is None else first, zero if second is None else second))
    return Taylor.stacked(plan, parts)


@implements("minimum", "fmin")
def _minimum(a: Any, b: Any) -> Any:
    return _where(_compared(torch.le, a, b), a, b)


@implements("maximum", "fmax")
def _maximum(a: Any, b: Any) -> Any:
    return _where(_compared(torch.ge, a, b), a, b)


def _compared(comparison: Callable[..., Tensor], a: Any, b: Any) -> Tensor:
    first, second = value_of(a), value_of(b)
    return comparison(first, second) if isinstance(first, Tensor) else ~comparison(second, first)


@implements("max", "amax")
def _max(a: Any, b: Any = None, **options: Any) -> Any:
    if options or not isinstance(b, Taylor | Tensor):
        raise UnsupportedOperation("max", "no rule for a reduction")
    return _maximum(a, b)


@implements("min", "amin")
def _min(a: Any, b: Any = None, **options: Any) -> Any:
    if options or not isinstance(b, Taylor | Tensor):
        raise UnsupportedOperation("min", "no rule for a reduction")
    return _minimum(a, b)


# values alone -------------------------------------------------------------------------------------------------------
def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: function(*map(value_of, args), **kwargs)


_VALUES: dict[str, Callable[..., Any]] = {
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
    "eq": torch.eq,
    "ne": torch.ne,
    "isnan": torch.isnan,
    "isfinite": torch.isfinite,
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "zeros_like": torch.zeros_like,
    "ones_like": torch.ones_like,
    "full_like": torch.full_like,
    "detach": torch.detach,
    "new_zeros": torch.Tensor.new_zeros,
    "new_ones": torch.Tensor.new_ones,
    "new_full": torch.Tensor.new_full,
    "new_tensor": torch.Tensor.new_tensor,
}
for _name, _plain in _VALUES.items():
    RULES[_name] = _of_values(_plain)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    RULES[f"__{_name}__"] = RULES[_name]


# linear layers ------------------------------------------------------------------------------------------------------
@implements("linear")
def _linear_layer(x: Any, weight: Any, bias: Any = None) -> Taylor:
    if not isinstance(x, Taylor) or isinstance(weight, Taylor) or isinstance(bias, Taylor) or weight.ndim != 2:
        raise UnsupportedOperation("linear", "no rule for a weight that depends on the coordinates")
    shape = (*x.shape[:-1], weight.shape[0])
    return Taylor.later(x.plan, weight, shape, LinearLayer(x, weight, bias))


@implements("matmul", "mm", "__matmul__")
def _matmul(a: Any, b: Any) -> Taylor:
    if not isinstance(a, Taylor) or not isinstance(b, Tensor) or a.ndim < 2 or b.ndim not in (1, 2):
        raise UnsupportedOperation("matmul", "no rule but for features (n, ..., k) times a constant matrix (k, h)")
    if b.ndim == 1:
        return squeeze(_linear_layer(a, b.unsqueeze(0)), -1)
    return _linear_layer(a, b.t())


@implements("addmm")
def _addmm(bias: Any, a: Any, b: Any, *, beta: Scalar = 1, alpha: Scalar = 1) -> Taylor:
    return _add(_mul(_matmul(a, b), alpha), bias if beta == 1 else bias * beta)


# reductions over features -------------------------------------------------------------------------------------------
def _dims(name: str, x: Taylor, dim: int | Sequence[int] | None) -> tuple[int, ...]:
    if dim is None:
        raise UnsupportedOperation(name, "without `dim` it mixes the points")
    return tuple(feature_dim(name, x, entry) for entry in ([dim] if isinstance(dim, int) else dim))


@implements("sum")
def _sum(x: Taylor, dim: Any = None, keepdim: bool = False) -> Taylor:
    dims = _dims("sum", x, dim)
    return linearly(x, lambda data: data.sum(dims, keepdim=keepdim))


@implements("mean")
def _mean(x: Taylor, dim: Any = None, keepdim: bool = False) -> Taylor:
    dims = _dims("mean", x, dim)
    return linearly(x, lambda data: data.mean(dims, keepdim=keepdim))


@implements("cumsum")
def _cumsum(x: Taylor, dim: int) -> Taylor:
    position = feature_dim("cumsum", x, dim)
    return linearly(x, lambda data: data.cumsum(position))


@implements("prod")
def _prod(x: Taylor, dim: Any = None, keepdim: bool = False) -> Taylor:
    (position,) = _dims("prod", x, dim)
    factors = unbind(x, position - 1)
    product = factors[0]
    for factor in factors[1:]:
        product = _mul(product, factor)
    return unsqueeze(product, position - 1) if keepdim else product


@implements("norm", "linalg_norm", "linalg_vector_norm")
def _norm(x: Taylor, p: Any = 2, dim: Any = None, keepdim: bool = False, ord: Any = None) -> Taylor:
    p = 2 if p == "fro" or p is None else p
    p = p if ord is None else ord
    dims = tuple(position - 1 for position in _dims("norm", x, dim))
    if p == 2:
        return RULES["sqrt"](_sum(_apply(x, ELEMENTWISE["square"]), dims, keepdim))
    if p == 1:
        return _sum(_apply(x, ELEMENTWISE["abs"]), dims, keepdim)
    if is_number(p) and 1 < p < math.inf:
        return _pow(_sum(_pow(_apply(x, ELEMENTWISE["abs"]), p), dims, keepdim), 1 / p)
    raise UnsupportedOperation("norm", f"no rule for p = {p!r}")


@implements("dot", "vecdot", "linalg_vecdot")
def _dot(a: Any, b: Any, dim: int = -1) -> Any:
    return (a * b).sum(dim)
