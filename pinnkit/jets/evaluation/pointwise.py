"""Derivatives of a field at one point by `torch.func`, so that they can be mapped over points and differentiated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pinnkit.jets.orders import Channel, Order, terms_of
from pinnkit.jets.taylor.channel_plan import make_plan
from pinnkit.jets.taylor.taylor_pass import UnsupportedOperation

from .evaluate import Field, named, taylor_pass

__all__ = ["nested_jets", "point_jets"]


def point_jets(field: Field, point: Tensor, orders: Sequence[Channel], *, taylor: bool = True) -> dict[Channel, Tensor]:
    """Evaluate the derivatives `orders` of a field (n, d) -> (n, outputs) at one point (d,): order -> (outputs,).

    Uses the Taylor pass where the field has rules for it, else `nested_jets`; unlike `jets` it may be used inside
    `torch.func.vmap` and `grad`.
    """
    if taylor:
        plan = make_plan(tuple(orders))
        try:
            return {order: found[0] for order, found in named(plan, taylor_pass(field, point[None], plan)).items()}
        except UnsupportedOperation:
            pass  # `jets` has logged it already
    return nested_jets(lambda x: field(x[None])[0], point, orders)


def nested_jets(
    function: Callable[[Tensor], Tensor], point: Tensor, orders: Sequence[Channel]
) -> dict[Channel, Tensor]:
    """Differentiate a function (d,) -> (outputs,) by nested reverse-mode transforms: order -> (outputs,)."""
    found: dict[Channel, Tensor] = {}
    for order in orders:
        parts = [coefficient * _derivative(function, own)(point) for coefficient, own in terms_of(order)]
        found[order] = torch.stack(parts).sum(0)
    return found


def _derivative(function: Callable[[Tensor], Tensor], order: Order) -> Callable[[Tensor], Tensor]:
    if not order:
        return function
    inner, column = _derivative(function, order[:-1]), order[-1]
    return lambda x: torch.func.jacrev(inner)(x)[..., column]
