"""Derivatives of a field by nested reverse-mode automatic differentiation, the check of the Taylor pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pinnkit.jets.orders import Channel, Order, terms_of

__all__ = ["autograd_jets"]


def autograd_jets(
    field: Callable[[Tensor], Tensor], coords: Tensor, orders: Sequence[Channel]
) -> dict[Channel, Tensor]:
    """Evaluate derivatives by nested `torch.autograd.grad`, each (n, outputs); an operator sums its members.

    One gradient yields the derivatives along all columns at once, and every lower derivative is shared. Works under
    `torch.no_grad()` too, where the results carry no graph. The field must treat points independently.
    """
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        # A leaf of its own unless the caller differentiates by the coordinates as well.
        points = coords if coords.requires_grad and keep else coords.detach().requires_grad_()
        values = field(points)
        outputs = [_Derivatives(values[:, component], points) for component in range(values.shape[1])]
        found = {order: torch.stack([output.channel(order) for output in outputs], 1) for order in orders}
    return found if keep else {order: tensor.detach() for order, tensor in found.items()}


class _Derivatives:
    """All partial derivatives of one output (n,), each gradient taken once."""

    def __init__(self, value: Tensor, points: Tensor) -> None:
        self.points = points
        self.known: dict[Order, Tensor] = {(): value}
        self.gradients: dict[Order, Tensor] = {}

    def channel(self, channel: Channel) -> Tensor:
        if isinstance(channel, tuple):
            return self.order(channel)
        return torch.stack([coefficient * self.order(order) for coefficient, order in terms_of(channel)]).sum(0)

    def order(self, order: Order) -> Tensor:
        if order not in self.known:
            self.known[order] = self.gradient(order[:-1])[:, order[-1]]
        return self.known[order]

    def gradient(self, order: Order) -> Tensor:
        """Evaluate the gradient (n, d) of the derivative `order`."""
        if order not in self.gradients:
            derivative = self.order(order)
            self.gradients[order] = _gradient(derivative, self.points)
        return self.gradients[order]


def _gradient(values: Tensor, points: Tensor) -> Tensor:
    if not values.requires_grad:  # constant
        return torch.zeros_like(points)
    ones = torch.ones_like(values)
    (gradient,) = torch.autograd.grad(
        values, points, ones, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return gradient
