"""Linear layers, matrix products, norms, and reductions over features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pinnkit.jets.elementary import ELEMENTWISE
from pinnkit.jets.taylor.arguments import Scalar, feature_dim, is_number, linearly
from pinnkit.jets.taylor.layers import LinearLayer
from pinnkit.jets.taylor.taylor_pass import Taylor, UnsupportedOperation, implements

from .arithmetic import add, mul, power_of
from .elementwise import apply_elementwise
from .shapes import squeeze, unbind, unsqueeze

__all__: list[str] = []


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
    return add(mul(_matmul(a, b), alpha), bias if beta == 1 else bias * beta)


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
        product = mul(product, factor)
    return unsqueeze(product, position - 1) if keepdim else product


@implements("norm", "linalg_norm", "linalg_vector_norm")
def _norm(x: Taylor, p: Any = 2, dim: Any = None, keepdim: bool = False, ord: Any = None) -> Taylor:
    p = 2 if p == "fro" or p is None else p
    p = p if ord is None else ord
    dims = tuple(position - 1 for position in _dims("norm", x, dim))
    if p == 2:
        return apply_elementwise(_sum(apply_elementwise(x, ELEMENTWISE["square"]), dims, keepdim), ELEMENTWISE["sqrt"])
    if p == 1:
        return _sum(apply_elementwise(x, ELEMENTWISE["abs"]), dims, keepdim)
    if is_number(p) and 1 < p < math.inf:
        return power_of(_sum(power_of(apply_elementwise(x, ELEMENTWISE["abs"]), p), dims, keepdim), 1 / p)
    raise UnsupportedOperation("norm", f"no rule for p = {p!r}")


@implements("dot", "vecdot", "linalg_vecdot")
def _dot(a: Any, b: Any, dim: int = -1) -> Any:
    return (a * b).sum(dim)
