"""Linear combinations of partial derivatives: the one place that takes an operator apart.

An order of differentiation is a tuple of columns, by name in equations and by index in fields; an operator
sum_k c_k D^k holds pairs of a factor and an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

__all__ = ["OperatorLike", "terms_of"]

Column = TypeVar("Column")  # a name or an index
Column_co = TypeVar("Column_co", covariant=True)


class OperatorLike(Protocol[Column_co]):
    """A linear operator with constant coefficients, computed as one channel."""

    @property
    def terms(self) -> Sequence[tuple[float, tuple[Column_co, ...]]]:
        """Pairs (factor, order), to be summed."""
        ...


def terms_of(
    order: tuple[Column, ...] | OperatorLike[Column],
) -> tuple[tuple[float, tuple[Column, ...]], ...]:
    """Pairs (factor, order) of the partial derivatives that an order or an operator is the sum of."""
    return ((1.0, order),) if isinstance(order, tuple) else tuple(order.terms)
