"""Arguments of the rules of Taylor coefficients: coefficients, tensors or numbers, and dimensions of features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor

from .channel_plan import Plan
from .taylor_pass import Taylor, UnsupportedOperation
from .traceable_ops import Parts
from .weight_record import record_spread

__all__ = [
    "Scalar",
    "aligned",
    "feature_dim",
    "is_number",
    "linearly",
    "parts_of",
    "plan_of",
    "recorded",
    "value_of",
]

Scalar = int | float


def is_number(value: Any) -> TypeGuard[Scalar]:
    """Return whether `value` is a plain number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def plan_of(*values: Any) -> Plan:
    """Return the plan of the first value that has coefficients."""
    return next(value.plan for value in values if isinstance(value, Taylor))


def value_of(operand: Any) -> Any:
    """Return the value at the points, without derivatives."""
    return operand.value if isinstance(operand, Taylor) else operand


def parts_of(plan: Plan, operand: Any, like: Taylor) -> Parts:
    """Return the channels of an operand; a constant has a value and no other channel."""
    if isinstance(operand, Taylor):
        return operand.parts()
    tensor = torch.as_tensor(operand, dtype=None if isinstance(operand, Tensor) else like.dtype, device=like.device)
    return [tensor, *[None] * (len(plan.channels) - 1)]


def aligned(data: Tensor, ndim: int) -> Tensor:
    """Reshape channels of a quantity with fewer dimensions than `ndim`, to be broadcast against one that has them."""
    missing = ndim + 1 - data.ndim
    return data if missing <= 0 else data.reshape(data.shape[0], *[1] * missing, *data.shape[1:])


def feature_dim(name: str, x: Taylor, dim: int) -> int:
    """Return the position of feature dimension `dim` in (C, n, ...)."""
    position = dim % x.ndim
    if position == 0:
        raise UnsupportedOperation(name, "dimension 0 counts the points, which cannot be mixed")
    return position + 1


def linearly(x: Taylor, act: Callable[[Tensor], Tensor]) -> Taylor:
    """Apply `act`, which is linear and leaves the first two dimensions (channels, points) alone, to all channels."""
    affinity = x.affinity
    if affinity is None:
        return Taylor.full(x.plan, act(x.coefficients))
    value, rows = affinity
    return Taylor.affine(x.plan, act(value.unsqueeze(0)).squeeze(0), act(rows))


def recorded(x: Taylor, constant: Any) -> Any:
    """Return `constant`, or where a pass is recorded and it is trained, a copy of it for every point of `x`."""
    record = x.plan.record
    if record is None or not isinstance(constant, Tensor):
        return constant
    return record_spread(record, constant, x.shape)
