"""Jets of a field at points: all derivatives that an equation needs, in one Taylor pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

from pinnkit.jets.orders import Channel
from pinnkit.jets.taylor.channel_plan import Plan, make_plan
from pinnkit.jets.taylor.taylor_pass import Taylor, UnsupportedOperation, bundle
from pinnkit.jets.taylor.weight_record import Record

from .autograd import autograd_jets

__all__ = ["Field", "check_coords", "jets", "named", "taylor_pass"]

Field = Callable[[Any], Any]

_log = logging.getLogger("pinnkit")
_logged: WeakSet[Any] = WeakSet()  # fields with a logged fallback, which is logged once


def jets(
    field: Field,
    coords: Tensor,
    orders: Sequence[Channel],
    *,
    derivatives: str = "taylor",
    record: Record | None = None,
) -> dict[Channel, Tensor]:
    """Evaluate the value and derivatives of `field` at `coords`: order -> (n, outputs).

    With "taylor" all channels pass through the field at once; where the field uses an operation without a rule, the
    whole field is differentiated by nested automatic differentiation instead, and that is logged once per field.
    "autograd" always takes the latter. The results are differentiable with respect to the field's parameters (and to
    `coords` where they require a gradient), and under `torch.no_grad()` carry no graph. An output that does not depend
    on a coordinate has zero derivatives along it.

    Args:
        field: (n, d) -> (n, outputs), pointwise; an `nn.Module` or a function of torch operations.
        coords: (n, d), floating point, in the field's dtype.
        orders: derivatives as sorted tuples of columns, of order at most 4, and `Operator`s.
        derivatives: "taylor" or "autograd".
        record: a list to which every linear layer (and every parameter that scales or shifts features) appends its
            use, see `pinnkit.jets.taylor.weight_record`. The results then depend on the weights through the recorded
            tensors alone: one backward of a sum over the points gives the cotangents of every point, and from them the
            Jacobian of each row. Weights that are used in any other way stay in the graph. Nested automatic
            differentiation appends nothing.

    Raises:
        ValueError: for an empty or malformed order, one above 4, a column that `coords` does not have, coordinates that
            are not (n, d) floating-point numbers, or another word for `derivatives`.
    """
    channels = tuple(orders)
    plan = make_plan(channels)
    check_coords(coords, plan)
    if derivatives == "autograd":
        return autograd_jets(field, coords, channels)
    if derivatives != "taylor":
        raise ValueError(f"jets: `derivatives` must be 'taylor' or 'autograd', got {derivatives!r}")
    if channels == ((),) and record is None and not torch.compiler.is_compiling():  # a value needs no pass
        return {(): field(coords)}
    before = 0 if record is None else len(record)
    try:
        if record is None:
            return named(plan, taylor_pass(field, coords, plan))
        recording = replace(plan, record=record)
        try:
            return named(plan, taylor_pass(field, coords, recording))
        finally:  # the graph keeps its plan, and the record the graph: a cycle that the garbage collector cannot free
            object.__setattr__(recording, "record", None)
    except UnsupportedOperation as reason:
        if record is not None:
            del record[before:]
        if not torch.compiler.is_compiling():
            _log_fallback(field, reason)
    return autograd_jets(field, coords, channels)


def taylor_pass(field: Field, coords: Tensor, plan: Plan) -> tuple[Tensor, ...]:
    """Run one Taylor pass: the channels `plan.wanted`, each (n, outputs).

    Raises:
        UnsupportedOperation: where the field uses an operation without a rule.
    """
    result = field(bundle(plan, coords))
    if isinstance(result, Taylor):
        return result.channels(plan.wanted).unbind(0)
    # A plain tensor does not depend on the coordinates.
    return tuple(result if channel == 0 else torch.zeros_like(result) for channel in plan.wanted)


def named(plan: Plan, found: Sequence[Tensor]) -> dict[Channel, Tensor]:
    """Name the tensors of a pass by their channels."""
    return {plan.channels[channel]: tensor for channel, tensor in zip(plan.wanted, found, strict=True)}


def _log_fallback(field: Field, reason: UnsupportedOperation) -> None:
    if field in _logged:
        return
    _logged.add(field)
    name = type(field).__name__ if isinstance(field, torch.nn.Module) else getattr(field, "__name__", repr(field))
    _log.warning("%s goes by nested automatic differentiation, which is slower: %s", name, reason)


def check_coords(coords: Tensor, plan: Plan) -> None:
    """Raise ValueError unless `coords` are floating-point numbers (n, d) with all columns that `plan` needs."""
    if coords.ndim != 2 or not coords.is_floating_point():
        raise ValueError(
            f"jets: `coords` must be floating-point numbers of shape (n, d), got {coords.dtype} of shape "
            f"{tuple(coords.shape)}; reshape or cast them"
        )
    if coords.shape[1] < plan.columns:
        raise ValueError(
            f"jets: `orders` differentiate along column {plan.columns - 1}, but `coords` has only "
            f"{coords.shape[1]} columns; they count from 0"
        )
