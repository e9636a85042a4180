"""Functions of values alone, without a derivative: comparisons, rounding, new tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pinnkit.jets.taylor.arguments import value_of
from pinnkit.jets.taylor.taylor_pass import add_rules

__all__: list[str] = []


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
_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
add_rules({name: _of_values(function) for name, function in _VALUES.items()})
add_rules({f"__{name}__": _of_values(_VALUES[name]) for name in _COMPARISONS})
