"""Names of derivatives: an `Order` is one partial derivative, an `Operator` a whole linear operator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from pinnkit.derivatives import Order as Order
from pinnkit.derivatives import terms_of as terms_of

__all__ = ["HIGHEST", "Channel", "Operator", "Order", "check_order", "terms_of"]

HIGHEST = 4
"""The highest order of a derivative that is supported."""


@dataclass(frozen=True)
class Operator:
    """The constant-coefficient linear operator L u = sum_k c_k D^k u, computed as one channel.

    Members are sorted and equal ones added up, so that two ways of writing one operator are equal.

    Args:
        terms: pairs (c_k, order), every order of length 1 to 4 (no value term).

    Raises:
        ValueError: without terms, for a coefficient that is not finite or an order out of range.
    """

    terms: tuple[tuple[float, Order], ...]

    def __post_init__(self) -> None:
        """Check and sort the terms."""
        if not self.terms:
            raise ValueError("Operator: `terms` must hold at least one pair (coefficient, order), got none")
        total: dict[Order, float] = {}
        for coefficient, order in self.terms:
            order = check_order(tuple(sorted(order)), owner="Operator")
            if not order:
                raise ValueError(
                    "Operator: every order in `terms` must differentiate at least once, got (); "
                    "ask for the value, order (), as a channel of its own"
                )
            if not math.isfinite(coefficient):
                raise ValueError(f"Operator: coefficients must be finite, got {coefficient!r} for order {order}")
            total[order] = total.get(order, 0.0) + float(coefficient)
        merged = sorted(total.items(), key=lambda item: (len(item[0]), item[0]))
        object.__setattr__(self, "terms", tuple((coefficient, order) for order, coefficient in merged))


Channel = Order | Operator


def check_order(order: Order, *, owner: str) -> Order:
    """Return `order`, or raise ValueError where it is not a sorted tuple of at most `HIGHEST` columns."""
    if not isinstance(order, tuple) or any(not isinstance(column, int) or column < 0 for column in order):
        raise ValueError(f"{owner}: an order must be a tuple of column indices from 0, got {order!r}")
    if len(order) > HIGHEST:
        raise ValueError(
            f"{owner}: derivatives up to order {HIGHEST} are supported, got {order!r} of order {len(order)}; "
            f"introduce an auxiliary unknown for the inner derivative"
        )
    if any(second < first for first, second in pairwise(order)):
        raise ValueError(f"{owner}: an order must be sorted, got {order!r}; use {tuple(sorted(order))!r}")
    return order
