"""Partial derivatives and linear differential operators with constant coefficients, by the columns they act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor

__all__ = ["Derivative", "OperatorLike", "Order", "sum_operators", "terms_of"]

Order = tuple[int, ...]
"""One partial derivative by its coordinate columns, sorted: () the value, (0,) d/dx_0, (0, 1) d2/dx_0 dx_1."""


Column = TypeVar("Column")
Column_co = TypeVar("Column_co", covariant=True)


@runtime_checkable
class OperatorLike(Protocol[Column_co]):
    """A linear differential operator, evaluated as one channel; columns are numbers or names."""

    @property
    def terms(self) -> Sequence[tuple[float, tuple[Column_co, ...]]]:
        """Pairs (coefficient, order), to be summed."""


Derivative = TypeVar("Derivative", bound=Order | OperatorLike[int])
"""A partial derivative or an operator."""


def terms_of(channel: tuple[Column, ...] | OperatorLike[Column]) -> tuple[tuple[float, tuple[Column, ...]], ...]:
    """Return the partial derivatives that an operator is the sum of, as pairs (coefficient, order)."""
    return ((1.0, channel),) if isinstance(channel, tuple) else tuple(channel.terms)


def sum_operators(derivatives: Mapping[Order, Tensor], channels: Iterable[Derivative]) -> dict[Derivative, Tensor]:
    """Sum plain derivatives to the operators among `channels`; a plain derivative stays as it is."""
    found: dict[Derivative, Tensor] = {}
    for channel in channels:
        (factor, first), *rest = terms_of(channel)
        total = derivatives[first] if factor == 1.0 else factor * derivatives[first]
        for coefficient, order in rest:
            total = total + coefficient * derivatives[order]
        found[channel] = total
    return found
