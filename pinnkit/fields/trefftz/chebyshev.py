"""Chebyshev polynomials of two coordinates up to a total degree, with their derivatives: the particular solutions."""

from __future__ import annotations

import torch
from torch import Tensor

from pinnkit.derivatives import Order

__all__ = ["chebyshev_degrees", "chebyshev_products", "chebyshev_table"]


def chebyshev_degrees(total: int) -> Tensor:
    """Degrees (i, j) with i + j <= total, ``(count, 2)``, count = (total + 1)(total + 2) / 2."""
    pairs = [(i, j) for i in range(total + 1) for j in range(total + 1 - i)]
    return torch.tensor(pairs, dtype=torch.int64)


def chebyshev_table(s: Tensor, degree: int, highest: int) -> Tensor:
    """Derivatives T_k^(m)(s), ``(highest + 1, degree + 1, n)`` for s ``(n,)``.

    By T_(k+1)^(m) = 2 s T_k^(m) + 2 m T_k^(m-1) - T_(k-1)^(m).
    """
    table = s.new_zeros(highest + 1, degree + 1, len(s))
    table[0, 0] = 1.0
    if degree > 0:
        table[0, 1] = s
        if highest > 0:
            table[1, 1] = 1.0
    for k in range(1, degree):
        table[:, k + 1] = 2 * s * table[:, k] - table[:, k - 1]
        for m in range(1, highest + 1):
            table[m, k + 1] += 2 * m * table[m - 1, k]
    return table


def chebyshev_products(s: Tensor, rate: Tensor, degrees: Tensor, order: Order) -> Tensor:
    """Derivatives of T_i(s_1) T_j(s_2) along coordinates x with ds/dx = rate, ``(n, count)`` for s ``(n, 2)``."""
    found = None
    for column in (0, 1):
        m = order.count(column)
        table = chebyshev_table(s[:, column], int(degrees[:, column].max()), m)[m] * rate[column] ** m
        factor = table[degrees[:, column]].T
        found = factor if found is None else found * factor
    assert found is not None
    return found
