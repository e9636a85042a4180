"""A recorded residual as NumPy operations: for single states, of which an integrator of scipy takes many thousands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pinnkit.problem.operation_record import Fixed, Place, Played, Several, Slot

__all__ = ["in_numpy"]

Array = NDArray[np.float64]


def _getitem(x: Array, index: Any) -> Array:
    return x[index]


def _unsqueeze(x: Array, dim: int) -> Array:
    return np.expand_dims(x, dim)


def _cat(parts: list[Array], dim: int = 0) -> Array:
    return np.concatenate(parts, axis=dim)


def _stack(parts: list[Array], dim: int = 0) -> Array:
    return np.stack(parts, axis=dim)


def _sigmoid(x: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-x))
    return found


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "__getitem__": _getitem,
    "add": np.add, "__add__": np.add, "__radd__": np.add,
    "sub": np.subtract, "subtract": np.subtract, "__sub__": np.subtract,
    "mul": np.multiply, "multiply": np.multiply, "__mul__": np.multiply, "__rmul__": np.multiply,
    "div": np.true_divide, "divide": np.true_divide, "true_divide": np.true_divide, "__truediv__": np.true_divide,
    "neg": np.negative, "__neg__": np.negative, "negative": np.negative,
    "pow": np.power, "__pow__": np.power, "square": np.square, "reciprocal": np.reciprocal,
    "matmul": np.matmul, "__matmul__": np.matmul,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan, "atan2": np.arctan2, "arctan2": np.arctan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "log2": np.log2, "log10": np.log10,
    "sqrt": np.sqrt, "abs": np.abs, "absolute": np.abs, "sign": np.sign, "sigmoid": _sigmoid,
    "maximum": np.maximum, "minimum": np.minimum, "hypot": np.hypot,
    "unsqueeze": _unsqueeze, "cat": _cat, "concat": _cat, "stack": _stack,
}  # fmt: skip
"""NumPy functions of the same arguments as the torch functions of these names."""
_SAME = 1e-12
"""Relative difference from the torch functions up to which a translation is used."""


def in_numpy(played: Played, inputs: list[Tensor]) -> Callable[..., Array] | None:
    """Translate recorded operations; None where one of them has no translation, or the results differ.

    Args:
        played: the recording.
        inputs: to try the translation on.
    """
    lines, names = [], {f"x{i}": None for i in range(len(inputs))}
    scope: dict[str, Any] = {}
    for number, (func, args, kwargs, target) in enumerate(played.steps):
        operation = _OPERATIONS.get(func.__name__)
        if operation is None or not set(kwargs) <= {"dim"}:
            return None
        scope[f"f{number}"] = operation
        words = [_text(a, scope) for a in args] + [f"{k}={_text(a, scope)}" for k, a in kwargs.items()]
        lines.append(f"    x{target} = f{number}({', '.join(words)})")
    source = "\n".join([f"def function({', '.join(names)}):", *lines, f"    return x{played.last}"])
    exec(source, scope)
    function: Callable[..., Array] = scope["function"]
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(function(*(x.detach().numpy() for x in inputs)))
    except (TypeError, ValueError, IndexError):
        return None
    with torch.no_grad():
        true = played(*inputs).numpy()
    same = found.shape == true.shape and np.allclose(found, true, rtol=_SAME, atol=0, equal_nan=True)
    return function if same else None


def _text(slot: Slot, scope: dict[str, Any]) -> str:
    """Expression of an argument; values that are fixed get names in the scope."""
    if isinstance(slot, Place):
        return f"x{slot.index}"
    if isinstance(slot, Several):
        inner = ", ".join(_text(s, scope) for s in slot.slots)
        return f"[{inner}]" if slot.kind is list else f"({inner},)"
    assert isinstance(slot, Fixed)
    name = f"c{len(scope)}"
    scope[name] = slot.value.detach().numpy() if isinstance(slot.value, Tensor) else slot.value
    return name
