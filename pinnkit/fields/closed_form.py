"""Functions whose derivatives of every order have closed forms, for Taylor passes and autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, overload

import torch
from torch import Tensor

from pinnkit.derivatives import OperatorLike, Order, terms_of

__all__ = ["ClosedForm", "by_closed_form"]


class _PlanLike(Protocol):
    @property
    def channels(self) -> Sequence[Order | OperatorLike[int]]: ...

    @property
    def every(self) -> tuple[int, ...]: ...


class _TaylorLike(Protocol):
    """Taylor coefficients of coordinates, as much of them as the closed form uses (`pinnkit.jets.taylor`)."""

    @property
    def plan(self) -> _PlanLike: ...

    @property
    def affinity(self) -> tuple[Tensor, Tensor] | None: ...

    @staticmethod
    def full(plan: _PlanLike, data: Tensor) -> _TaylorLike: ...

    @staticmethod
    def later(plan: _PlanLike, like: Tensor, shape: Sequence[int], pending: _Pending) -> _TaylorLike: ...


class ClosedForm(Protocol):
    """Function of coordinates that knows its derivatives of every order."""

    def derivatives(self, coords: Tensor, orders: Sequence[Sequence[int]]) -> dict[tuple[int, ...], Tensor]:
        """Evaluate derivatives along columns, by their columns: (n, d) -> {order: (n, outputs)}."""


@overload
def by_closed_form(function: ClosedForm, coords: Tensor, outputs: int) -> Tensor: ...


@overload
def by_closed_form(function: ClosedForm, coords: _TaylorLike, outputs: int) -> _TaylorLike: ...


def by_closed_form(function: ClosedForm, coords: Tensor | _TaylorLike, outputs: int) -> Tensor | _TaylorLike:
    """Evaluate a function, (n, d) -> (n, outputs), for autograd or a Taylor pass, both of which use its derivatives.

    Args:
        function: with derivatives in closed form.
        coords: (n, d), or Taylor coefficients of coordinates.
        outputs: number of values at a point.
    """
    if isinstance(coords, Tensor):
        values: Tensor = _Differentiable.apply(coords, function, ())
        return values
    affinity = coords.affinity
    assert affinity is not None  # coordinates are affine in themselves
    value, _ = affinity
    return coords.later(coords.plan, value, (value.shape[0], outputs), _Pending(function, coords, value))


class _Pending:
    """Pending operation of a Taylor pass: evaluates the wanted channels in closed form, and no other."""

    def __init__(self, function: ClosedForm, coords: _TaylorLike, value: Tensor) -> None:
        self.function, self.coords, self.plan, self.value = function, coords, coords.plan, value

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """Evaluate the channels `wanted`, (len(wanted), n, outputs)."""
        parts = [terms_of(self.plan.channels[channel]) for channel in wanted]
        found = self.function.derivatives(self.value, [order for terms in parts for _, order in terms])
        zero = torch.zeros(()).to(self.value)
        return torch.stack([sum((c * found[tuple(o)] for c, o in terms), zero) for terms in parts])

    def scaled(self, factor: float) -> None:
        """Return None: a factor is applied to the computed channels."""
        del factor

    def resolve(self) -> _TaylorLike:
        """Evaluate all channels."""
        return self.coords.full(self.plan, self.channels(self.plan.every))


class _Differentiable(torch.autograd.Function):
    """Derivative of the function whose gradient is a closed form again, to any order."""

    @staticmethod
    def forward(ctx: Any, coords: Tensor, function: ClosedForm, order: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(coords)
        ctx.function, ctx.order = function, order
        return function.derivatives(coords.detach(), [order])[order]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, None]:
        (coords,) = ctx.saved_tensors
        slopes = [
            _Differentiable.apply(coords, ctx.function, (*ctx.order, column)) for column in range(coords.shape[1])
        ]
        return torch.stack([(grad * slope).sum(dim=1) for slope in slopes], dim=1), None, None
