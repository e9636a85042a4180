"""How the rules of Taylor coefficients read their arguments: jets, tensors or numbers, and dimensions of features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor

from .taylor_pass import Taylor, UnsupportedOperation
from .traceable_ops import Parts

Scalar = int | float


def is_number(value: Any) -> TypeGuard[Scalar]:
    """Whether it is a plain number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def plan_of(*values: Any) -> Any:
    """The plan of the first that has coefficients."""
    return next(value.plan for value in values if isinstance(value, Taylor))


def value_of(operand: Any) -> Any:
    """What it is at the points, without its derivatives."""
    return operand.value if isinstance(operand, Taylor) else operand


def parts_of(plan: Any, operand: Any, like: Taylor) -> Parts:
    """Its channels; a constant has a value and nothing else."""
    if isinstance(operand, Taylor):
        return operand.parts()
    tensor = torch.as_tensor(operand, dtype=None if isinstance(operand, Tensor) else like.dtype, device=like.device)
    return [tensor, *[None] * (len(plan.channels) - 1)]


def aligned(data: Tensor, ndim: int) -> Tensor:
    """Channels of a quantity with fewer dimensions than `ndim`, ready to be broadcast against one that has them."""
    missing = ndim + 1 - data.ndim
    return data if missing <= 0 else data.reshape(data.shape[0], *[1] * missing, *data.shape[1:])


def feature_dim(name: str, x: Taylor, dim: int) -> int:
    """The position of feature dimension `dim` in (C, n, ...)."""
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
