"""Elementwise functions of one argument, by the chain rule."""

from __future__ import annotations

import math
from collections.abc import Callable

from pinnkit.jets.elementary import ELEMENTWISE, Elementwise
from pinnkit.jets.elementary.piecewise import elu, leaky_relu
from pinnkit.jets.elementary.smooth import softplus
from pinnkit.jets.taylor.layers import Applied
from pinnkit.jets.taylor.taylor_pass import Taylor, UnsupportedOperation, add_rules, implements

__all__ = ["apply_elementwise"]


def apply_elementwise(x: Taylor, function: Elementwise) -> Taylor:
    """Apply a function entry by entry; it is pending until its channels are needed."""
    return Taylor.later(x.plan, x, x.shape, Applied(x, function))


def _unary(function: Elementwise) -> Callable[..., Taylor]:
    return lambda x: apply_elementwise(x, function)


_OPTIONS = {"relu", "silu", "gelu"}
"""Functions with options, whose rules are below."""
_ALIASES = {
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
}
add_rules({name: _unary(function) for name, function in ELEMENTWISE.items() if name not in _OPTIONS})
add_rules({alias: _unary(ELEMENTWISE[name]) for alias, name in _ALIASES.items()})


@implements("relu")
def _relu(x: Taylor, inplace: bool = False) -> Taylor:
    return _unless_inplace("relu", x, ELEMENTWISE["relu"], inplace)


@implements("silu")
def _silu(x: Taylor, inplace: bool = False) -> Taylor:
    return _unless_inplace("silu", x, ELEMENTWISE["silu"], inplace)


def _unless_inplace(name: str, x: Taylor, function: Elementwise, inplace: bool) -> Taylor:
    if inplace:
        raise UnsupportedOperation(name, "no rule for inplace=True")
    return apply_elementwise(x, function)


@implements("gelu")
def _gelu(x: Taylor, approximate: str = "none") -> Taylor:
    if approximate == "none":
        return apply_elementwise(x, ELEMENTWISE["gelu"])
    inner: Taylor = math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))
    result: Taylor = 0.5 * x * (1 + apply_elementwise(inner, ELEMENTWISE["tanh"]))
    return result


@implements("softplus")
def _softplus(x: Taylor, beta: float = 1.0, threshold: float = 20.0) -> Taylor:
    return apply_elementwise(x, softplus(beta, threshold))


@implements("elu")
def _elu(x: Taylor, alpha: float = 1.0, inplace: bool = False) -> Taylor:
    return _unless_inplace("elu", x, elu(alpha), inplace)


@implements("leaky_relu")
def _leaky_relu(x: Taylor, negative_slope: float = 0.01, inplace: bool = False) -> Taylor:
    return _unless_inplace("leaky_relu", x, leaky_relu(negative_slope), inplace)
