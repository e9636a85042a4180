"""Derivative rules: how the derivative of a torch function's result follows from those of its arguments.

One table serves every order: a rule is written in terms of jets, so differentiating twice applies it twice.
`SLOPES` holds f'(z) of the elementwise functions of one argument; `LINEAR` the functions that act alike on a value and
on its derivative; `BILINEAR` the products; `RULES` everything else.

Sources: Abramowitz & Stegun, chapters 3, 4, 7, 9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pinnkit.jets.discontinuity_check import refuse_jump, refuse_step, steps_are_refused
from pinnkit.jets.frame import Frame
from pinnkit.jets.jet import Jet, constant, plain

from .bessel import bessel_j

__all__ = ["apply"]

Function = Callable[..., Any]
T = torch.Tensor


def apply(func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of `func` on jets: a jet, or a plain tensor where `func` has no derivative (comparisons, `floor`).

    Raises:
        TypeError: for a function without a derivative rule, or one that mixes samples, by name.
    """
    name = _name(func)
    if name in PLAIN:
        return func(*_plain(args), **_plain(kwargs))
    if name.endswith("_") and not name.endswith("__"):
        raise TypeError(f"torch.{name} changes its argument in place, which a jet refuses; use torch.{name[:-1]}")
    if kwargs.pop("out", None) is not None:
        raise TypeError(f"torch.{name}: `out=` has no meaning for jets; use the returned value")
    frame = next(_jets((args, kwargs))).frame
    if name in SLOPES:
        return _unary(frame, name, args, kwargs)
    if name in LINEAR:
        return _linear(frame, func, args, kwargs)
    if name in BILINEAR:
        return _bilinear(frame, BILINEAR[name], args, kwargs)
    if name in RULES:
        return RULES[name](frame, *args, **kwargs)
    raise TypeError(
        f"torch.{name} has no derivative rule for jets; write it with supported functions "
        f"({', '.join(sorted(SLOPES))}, ...), or take `.value` where no derivative is needed"
    )


# structure ----------------------------------------------------------------------------------------------------------
def _name(func: Function) -> str:
    name: str = getattr(func, "__name__", str(func))
    return ALIASES.get(name, name)


ALIASES = {
    "__getitem__": "getitem",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "__rsub__": "rsub",
    "absolute": "abs",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsin": "asin",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsinh": "asinh",
    "arctanh": "atanh",
    "negative": "neg",
    "concat": "cat",
    "concatenate": "cat",
    "special_bessel_j0": "bessel_j0",
    "special_bessel_j1": "bessel_j1",
    "special_erf": "erf",
    "special_expit": "sigmoid",
    "special_sinc": "sinc",
    "linalg_norm": "norm",
    "linalg_vector_norm": "norm",
    "vector_norm": "norm",
    "linalg_cross": "cross",
    "linalg_vecdot": "vecdot",
    "clip": "clamp",
}


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


PLAIN = _names(
    "lt le gt ge eq ne less less_equal greater greater_equal not_equal isnan isinf isfinite isclose allclose floor "
    "ceil round trunc sign sgn heaviside detach zeros_like ones_like full_like empty_like rand_like randn_like size "
    "dim numel logical_not logical_and logical_or is_floating_point is_complex"
)


def _jets(value: Any) -> Iterator[Jet]:
    if isinstance(value, Jet):
        yield value
    elif isinstance(value, dict):
        yield from _jets(list(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _jets(item)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_plain(item) for item in value)
    return plain(value)


def _align(*values: Any) -> list[Any]:
    """Values whose samples stand on the first axis: ``(n,)`` times ``(n, d)`` means row by row.

    Jets always carry samples first.  A plain tensor is taken as samples where it has their number of rows and one
    dimension, otherwise as torch broadcasts it (a vector of components).
    """
    raw = [plain(v) for v in values]
    rank = max((r.ndim for r in raw if isinstance(r, Tensor)), default=0)
    count = next((r.shape[0] for v, r in zip(values, raw, strict=True) if isinstance(v, Jet) and r.ndim), None)
    out = []
    for value, r in zip(values, raw, strict=True):
        samples = isinstance(value, Jet) or (isinstance(r, Tensor) and r.ndim == 1 and r.shape[0] == count)
        if isinstance(r, Tensor) and samples and 0 < r.ndim < rank:
            r = r.reshape(r.shape[0], *(1,) * (rank - r.ndim), *r.shape[1:])
        out.append(r)
    return out


def _checked(func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The value of `func`, unless it would mix the samples: a residual is pointwise."""
    name = _name(func)
    sample = next(_jets(args)).value
    if name in ALONG:
        at = ALONG[name]
        dim = next((kwargs[key] for key in ("dim", "dims") if key in kwargs), args[at] if len(args) > at else None)
        rank = sample.ndim + (name == "stack")
        if any(d is None or d in (0, -rank) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))):
            raise TypeError(
                f"torch.{name} of a jet must name a dimension of components, never the samples' one, the first: "
                f"use dim=-1 of a vector; this jet has shape {tuple(sample.shape)}"
            )
    if name == "getitem" and sample.ndim == 1 and any(isinstance(key, int) for key in args[1]):
        raise TypeError("u[0] is a component of a vector, and this jet is a scalar, of shape (n,)")
    result: Tensor = func(*_plain(args), **_plain(kwargs))
    if result.ndim == 0 or result.shape[0] != sample.shape[0]:
        raise TypeError(
            f"torch.{name} of a jet must keep the samples, its first dimension, as they are: expected shape "
            f"({sample.shape[0]}, ...), got {tuple(result.shape)}; join or reduce components with dim=-1"
        )
    return result


# rules by shape of the function ---------------------------------------------------------------------------------------
def _unary(frame: Frame, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
    z, *rest = args
    function, slope = SLOPES[name]

    def partial(column: str) -> Jet | None:
        dz = z.partial(column)
        return None if dz is None else slope(z, *rest, **kwargs) * dz

    return Jet(frame, lambda: function(z.value, *rest, **kwargs), partial)


def _linear(frame: Frame, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Jet:
    first, *rest = args
    many = isinstance(first, (tuple, list))
    items = list(first) if many else [first]

    def partial(column: str) -> Jet | None:
        parts = [_partial(item, column) for item in items]
        if all(part is None for part in parts):
            return None
        filled = [
            constant(frame, torch.zeros_like(plain(item))) if part is None else part
            for item, part in zip(items, parts, strict=True)
        ]
        return _linear(frame, func, (filled if many else filled[0], *rest), kwargs)

    def laplacian() -> Jet:
        inner = items[0].laplacian
        return _linear(frame, func, (inner, *rest), kwargs)

    return Jet(frame, lambda: _checked(func, args, kwargs), partial, None if many else laplacian)


def _bilinear(frame: Frame, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any], align: bool = False) -> Jet:
    a, b, *rest = args

    def value() -> Tensor:
        if align:
            product: Tensor = func(*_align(a, b), *rest, **kwargs)
            return product
        return _checked(func, args, kwargs)

    def partial(column: str) -> Jet | None:
        da, db = _partial(a, column), _partial(b, column)
        left = None if da is None else _bilinear(frame, func, (da, b, *rest), kwargs, align)
        right = None if db is None else _bilinear(frame, func, (a, db, *rest), kwargs, align)
        return _total(left, right)

    scalar = not isinstance(a, Jet) and not isinstance(a, Tensor), not isinstance(b, Jet) and not isinstance(b, Tensor)
    number, jet = (a, b) if scalar[0] else (b, a)

    def laplacian() -> Jet:  # of a number times a jet: it stays one channel
        return _bilinear(frame, func, (jet.laplacian, number), kwargs, align)

    return Jet(frame, value, partial, laplacian if align and any(scalar) else None)


def _partial(value: Any, column: str) -> Jet | None:
    if isinstance(value, Jet):
        return value.partial(column)
    refuse_step(value)
    return None


def _total(left: Jet | None, right: Jet | None) -> Jet | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right


def _mul(frame: Frame, a: Any, b: Any) -> Jet:
    return _bilinear(frame, torch.mul, (a, b), {}, align=True)


def _add(frame: Frame, a: Any, b: Any, *, alpha: float = 1, func: Function = torch.add) -> Jet:
    sign = alpha if func is torch.add else -alpha

    def partial(column: str) -> Jet | None:
        da, db = _partial(a, column), _partial(b, column)
        if db is not None and sign != 1:
            db = db * float(sign)
        total = _total(da, db)
        if total is None or (da is not None and db is not None):
            return total
        other = b if db is None else a  # it adds no derivative, but may widen the shape
        return total if not isinstance(plain(other), Tensor) or plain(other).ndim == 0 else _widen(frame, total, other)

    return Jet(frame, lambda: func(*_align(a, b), **({} if alpha == 1 else {"alpha": alpha})), partial)


def _widen(frame: Frame, jet: Jet, other: Any) -> Jet:
    def value() -> Tensor:
        mine, theirs = _align(jet, other)
        return torch.broadcast_to(mine, torch.broadcast_shapes(mine.shape, theirs.shape))

    def partial(column: str) -> Jet | None:
        d = jet.partial(column)
        return None if d is None else _widen(frame, d, other)

    return Jet(frame, value, partial)


def _sub(frame: Frame, a: Any, b: Any, *, alpha: float = 1) -> Jet:
    return _add(frame, a, b, alpha=alpha, func=torch.sub)


def _div(frame: Frame, a: Any, b: Any) -> Jet:
    if not isinstance(b, Jet):
        return _mul(frame, a, 1.0 / b)

    def partial(column: str) -> Jet | None:
        da, db = _partial(a, column), _partial(b, column)
        left = None if da is None else da / b
        right = None if db is None else -(_div(frame, a, b) / b * db)
        return _total(left, right)

    return Jet(frame, lambda: torch.div(*_align(a, b)), partial)


def _pow(frame: Frame, a: Any, b: Any) -> Jet:
    if not isinstance(b, Jet) and not isinstance(b, Tensor):
        if b == 1:
            return a
        if b == 2:
            return _mul(frame, a, a)

    def partial(column: str) -> Jet | None:
        da, db = _partial(a, column), _partial(b, column)
        left = None
        if da is not None and not (isinstance(b, (int, float)) and b == 0):
            left = b * _pow(frame, a, b - 1) * da
        right = None if db is None else _pow(frame, a, b) * _log(a) * db
        return _total(left, right)

    return Jet(frame, lambda: torch.pow(*_align(a, b)), partial)


def _log(base: Any) -> Any:
    return math.log(base) if isinstance(base, (int, float)) else torch.log(base)


def _where(frame: Frame, condition: Any, a: Any, b: Any) -> Jet:
    def value() -> Tensor:
        return torch.where(*_align(plain(condition), a, b))

    def partial(column: str) -> Jet | None:
        da, db = _partial(a, column), _partial(b, column)
        if steps_are_refused():  # elsewhere the branches' values are not asked for
            refuse_jump(*_align(plain(condition), a, b))
        if da is None and db is None:
            return None
        return _where(
            frame, condition, _no_slope(frame, a) if da is None else da, _no_slope(frame, b) if db is None else db
        )

    return Jet(frame, value, partial)


def _no_slope(frame: Frame, branch: Any) -> Any:
    """Zero in the shape of a branch that does not vary."""
    value = plain(branch)
    return constant(frame, torch.zeros_like(value)) if isinstance(value, Tensor) else 0.0


def _minimum(frame: Frame, a: Any, b: Any) -> Jet:
    low, high = _align(a, b)
    return _where(frame, torch.as_tensor(low) < high, a, b)


def _maximum(frame: Frame, a: Any, b: Any) -> Jet:
    low, high = _align(a, b)
    return _where(frame, torch.as_tensor(low) >= high, a, b)


def _clamp(frame: Frame, z: Jet, min: Any = None, max: Any = None) -> Jet:
    for bound in (min, max):
        if isinstance(bound, Jet):
            raise TypeError(
                "torch.clamp of a jet takes numbers as bounds; use torch.minimum and torch.maximum for jets"
            )
    inside = torch.ones_like(z.value, dtype=torch.bool)
    inside = inside if min is None else inside & (z.value >= min)
    inside = inside if max is None else inside & (z.value <= max)

    def partial(column: str) -> Jet | None:
        dz = z.partial(column)
        return None if dz is None else _where(frame, inside, dz, 0.0)

    return Jet(frame, lambda: torch.clamp(z.value, min, max), partial)


def _atan2(frame: Frame, y: Any, x: Any) -> Jet:
    def partial(column: str) -> Jet | None:
        dy, dx = _partial(y, column), _partial(x, column)
        square = x * x + y * y
        left = None if dy is None else x * dy / square
        right = None if dx is None else -(y * dx / square)
        return _total(left, right)

    return Jet(frame, lambda: torch.atan2(*map(torch.as_tensor, _align(y, x))), partial)


def _norm(frame: Frame, z: Jet, p: Any = 2, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Jet:
    order = kwargs.pop("ord", p)
    if any(option is not None for option in kwargs.values()) or order not in (None, 2, "fro"):
        raise TypeError("torch.norm of a jet is the Euclidean norm only (p=2)")
    if dim is None:
        raise TypeError("torch.norm of a jet must name its dimension: use dim=-1")
    squares: Any = _linear(frame, torch.sum, (_mul(frame, z, z),), {"dim": dim, "keepdim": keepdim})
    root: Jet = torch.sqrt(squares)  # type: ignore[assignment]
    return root


def _addcmul(frame: Frame, z: Any, a: Any, b: Any, *, value: float = 1) -> Jet:
    return _add(frame, z, value * _mul(frame, a, b))


def _lerp(frame: Frame, a: Any, b: Any, weight: Any) -> Jet:
    return _add(frame, a, _mul(frame, weight, b - a))


def _bessel(frame: Frame, z: Jet, n: int) -> Jet:
    """J_n, with J_n' = (J_{n-1} - J_{n+1}) / 2, Abramowitz & Stegun 9.1.27."""

    def partial(column: str) -> Jet | None:
        dz = z.partial(column)
        return None if dz is None else 0.5 * (_bessel(frame, z, n - 1) - _bessel(frame, z, n + 1)) * dz

    return Jet(frame, lambda: bessel_j(z.value, n), partial)


# elementwise functions of one argument: (function, slope) -------------------------------------------------------------
def _gelu_slope(z: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return 0.5 * (1.0 + torch.erf(z * math.sqrt(0.5))) + z * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    a, b = math.sqrt(2 / math.pi), 0.044715
    t = torch.tanh(a * (z + b * z**3))
    return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * a * (1.0 + 3 * b * z * z)


def _sinc_slope(z: Any) -> Any:
    """d/dz sin(pi z)/(pi z): its power series where |z| < 1/3, since the closed form cancels there."""
    near = torch.abs(z.value) < 1 / 3
    far = torch.where(near, torch.ones_like(z.value), z)
    series: Any = 0.0
    for k in range(11, 0, -1):  # sum over k of (-1)^k pi^(2k) 2k z^(2k-1) / (2k+1)!, by Horner's rule
        series = z * z * series + (-1) ** k * math.pi ** (2 * k) * 2 * k / math.factorial(2 * k + 1)
    return torch.where(near, z * series, (torch.cos(math.pi * far) - torch.sinc(far)) / far)


def _softplus_slope(z: Any, beta: float = 1, threshold: float = 20) -> Any:
    """A sigmoid, and exactly one above the threshold, where torch continues in a straight line."""
    return torch.where(beta * z.value > threshold, torch.ones_like(z.value), torch.sigmoid(beta * z))


SLOPES: dict[str, tuple[Function, Function]] = {
    "sin": (torch.sin, torch.cos),
    "cos": (torch.cos, lambda z: -torch.sin(z)),
    "tan": (torch.tan, lambda z: 1.0 + torch.tan(z) ** 2),
    "sinh": (torch.sinh, torch.cosh),
    "cosh": (torch.cosh, torch.sinh),
    "tanh": (torch.tanh, lambda z: 1.0 - torch.tanh(z) ** 2),
    "asin": (torch.asin, lambda z: torch.rsqrt(1.0 - z * z)),
    "acos": (torch.acos, lambda z: -torch.rsqrt(1.0 - z * z)),
    "atan": (torch.atan, lambda z: 1.0 / (1.0 + z * z)),
    "asinh": (torch.asinh, lambda z: torch.rsqrt(1.0 + z * z)),
    "acosh": (torch.acosh, lambda z: torch.rsqrt(z * z - 1.0)),
    "atanh": (torch.atanh, lambda z: 1.0 / (1.0 - z * z)),
    "exp": (torch.exp, torch.exp),
    "expm1": (torch.expm1, torch.exp),
    "exp2": (torch.exp2, lambda z: math.log(2.0) * torch.exp2(z)),
    "log": (torch.log, lambda z: 1.0 / z),
    "log1p": (torch.log1p, lambda z: 1.0 / (1.0 + z)),
    "log2": (torch.log2, lambda z: 1.0 / (math.log(2.0) * z)),
    "log10": (torch.log10, lambda z: 1.0 / (math.log(10.0) * z)),
    "sqrt": (torch.sqrt, lambda z: 0.5 * torch.rsqrt(z)),
    "rsqrt": (torch.rsqrt, lambda z: -0.5 * torch.rsqrt(z) / z),
    "square": (torch.square, lambda z: 2.0 * z),
    "reciprocal": (torch.reciprocal, lambda z: -1.0 / (z * z)),
    "abs": (torch.abs, lambda z: constant(z.frame, torch.sign(z.value))),
    "erf": (torch.erf, lambda z: 2.0 / math.sqrt(math.pi) * torch.exp(-z * z)),
    "erfc": (torch.erfc, lambda z: -2.0 / math.sqrt(math.pi) * torch.exp(-z * z)),
    "sigmoid": (torch.sigmoid, lambda z: torch.sigmoid(z) * (1.0 - torch.sigmoid(z))),
    "logsigmoid": (F.logsigmoid, lambda z: torch.sigmoid(-z)),
    "log_sigmoid": (F.logsigmoid, lambda z: torch.sigmoid(-z)),
    "softplus": (F.softplus, _softplus_slope),
    "silu": (F.silu, lambda z, **_: torch.sigmoid(z) * (1.0 + z * (1.0 - torch.sigmoid(z)))),
    "gelu": (F.gelu, _gelu_slope),
    "relu": (F.relu, lambda z, **_: constant(z.frame, (z.value > 0).to(z.dtype))),
    "sinc": (torch.sinc, _sinc_slope),
}

# Functions that act along the dimensions which this positional argument, or `dim=`, names.
ALONG = {"sum": 1, "mean": 1, "cumsum": 1, "cat": 1, "stack": 1, "flip": 1, "roll": 2, "repeat_interleave": 2}

LINEAR = _names(
    "neg sum mean cumsum getitem cat stack hstack vstack reshape view flatten unsqueeze squeeze transpose permute "
    "swapaxes movedim moveaxis expand expand_as broadcast_to select narrow index_select flip roll tile "
    "repeat_interleave diagonal to double float contiguous clone"
)

BILINEAR: dict[str, Function] = {
    "matmul": torch.matmul,
    "bmm": torch.bmm,
    "cross": torch.linalg.cross,
    "vecdot": torch.linalg.vecdot,
}


def _linear_layer(frame: Frame, z: Jet, weight: Tensor, bias: Tensor | None = None) -> Jet:
    """A linear layer with constant weights: the bias belongs to the value alone."""
    product = _linear(frame, F.linear, (z, weight), {})
    return product if bias is None else product + bias


def _rsub(frame: Frame, a: Any, b: Any, *, alpha: float = 1) -> Jet:
    return _sub(frame, b, a, alpha=alpha)


RULES: dict[str, Function] = {
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "where": _where,
    "minimum": _minimum,
    "maximum": _maximum,
    "clamp": _clamp,
    "clamp_min": lambda frame, z, min: _clamp(frame, z, min),
    "clamp_max": lambda frame, z, max: _clamp(frame, z, None, max),
    "atan2": _atan2,
    "norm": _norm,
    "addcmul": _addcmul,
    "bessel_j0": lambda frame, z: _bessel(frame, z, 0),
    "bessel_j1": lambda frame, z: _bessel(frame, z, 1),
    "lerp": _lerp,
    "linear": _linear_layer,
}
