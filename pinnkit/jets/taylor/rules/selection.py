"""Choices between operands: where, minimum, maximum and clamp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.elementary.piecewise import clamped
from pinnkit.jets.taylor.arguments import parts_of, plan_of, value_of
from pinnkit.jets.taylor.taylor_pass import Taylor, UnsupportedOperation, implements
from pinnkit.jets.taylor.traceable_ops import Parts

from .elementwise import apply_elementwise

__all__: list[str] = []


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


@implements("clamp", "clip")
def _clamp(x: Any, min: Any = None, max: Any = None) -> Taylor:
    if isinstance(min, Taylor) or isinstance(max, Taylor) or not isinstance(x, Taylor):
        lowered = x if min is None else _maximum(x, min)
        result: Taylor = lowered if max is None else _minimum(lowered, max)
        return result
    return apply_elementwise(x, clamped(min, max))


@implements("clamp_min")
def _clamp_min(x: Taylor, min: Any) -> Taylor:
    return _clamp(x, min=min)


@implements("clamp_max")
def _clamp_max(x: Taylor, max: Any) -> Taylor:
    return _clamp(x, max=max)
