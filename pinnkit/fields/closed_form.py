"""Fields whose derivatives have closed forms: the operation that a Taylor pass asks for the channels it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from pinnkit.derivatives import OperatorLike, Order, terms_of

__all__ = ["ClosedForm", "Differentiated", "PlanLike", "TaylorLike"]


class PlanLike(Protocol):
    """Channels of a Taylor pass."""

    @property
    def channels(self) -> Sequence[Order | OperatorLike[int]]:
        """Derivatives that the pass carries."""
        ...

    @property
    def every(self) -> tuple[int, ...]:
        """Numbers of all channels."""
        ...


class TaylorLike(Protocol):
    """Taylor coefficients of coordinates, as much of them as a closed form uses (`pinnkit.jets.taylor`)."""

    @property
    def plan(self) -> PlanLike:
        """Channels of the pass."""
        ...

    @property
    def affinity(self) -> tuple[Tensor, Tensor] | None:
        """Values and slopes of an affine function of the coordinates; None for other coefficients."""
        ...

    @staticmethod
    def full(plan: PlanLike, data: Tensor) -> TaylorLike:
        """Make coefficients of computed channels."""
        ...

    @staticmethod
    def later(plan: PlanLike, like: Tensor, shape: Sequence[int], pending: ClosedForm) -> TaylorLike:
        """Make coefficients whose channels are computed once they are known."""
        ...


class Differentiated(Protocol):
    """A field with derivatives in closed form."""

    outputs: int

    def derivative(self, coords: Tensor, order: Sequence[int]) -> Tensor:
        """Evaluate the derivative along the columns `order`: (n, d) -> (n, outputs)."""
        ...


class ClosedForm:
    """Pending operation of a Taylor pass: evaluates the wanted channels of the field in closed form, and no other.

    Args:
        field: the field.
        coords: Taylor coefficients of the coordinates.
        value: coordinates, (n, d).
    """

    def __init__(self, field: Differentiated, coords: TaylorLike, value: Tensor) -> None:
        self.field, self.coords, self.plan, self.value = field, coords, coords.plan, value

    @classmethod
    def of(cls, field: Differentiated, coords: TaylorLike) -> TaylorLike:
        """Pass Taylor coefficients of the coordinates through a field."""
        affinity = coords.affinity
        assert affinity is not None  # coordinates are affine in themselves
        value, _ = affinity
        return coords.later(coords.plan, value, (value.shape[0], field.outputs), cls(field, coords, value))

    def channels(self, wanted: tuple[int, ...]) -> Tensor:
        """Evaluate the channels `wanted`, (len(wanted), n, outputs)."""
        return torch.stack([self._channel(self.plan.channels[channel]) for channel in wanted])

    def scaled(self, factor: float) -> None:
        """Return None: a factor is applied to the computed channels."""
        del factor

    def resolve(self) -> TaylorLike:
        """Evaluate all channels."""
        return self.coords.full(self.plan, self.channels(self.plan.every))

    def _channel(self, channel: Order | OperatorLike[int]) -> Tensor:
        terms = terms_of(channel)
        return sum((c * self.field.derivative(self.value, o) for c, o in terms), torch.zeros(()).to(self.value))
