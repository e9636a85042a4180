"""Modes on an interval and their derivatives: Fourier modes, and Chebyshev polynomials of a stretched coordinate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["chebyshev_modes", "fourier_modes", "mapped"]

_FINE = 128
"""Fourier modes in a block; where there are very many, blocks are made by products of exponentials."""


def fourier_modes(s: Tensor, modes: int, order: int) -> Tensor:
    """Evaluate the `order`-th derivatives of exp(i pi n (s + 1)), n < modes, s in [-1, 1]: (p,) -> (p, modes)."""
    n = torch.arange(modes, dtype=s.dtype, device=s.device)
    if modes <= 8 * _FINE:
        waves = _waves(s, n)
    else:  # exp(i (a + b)) = exp(i a) exp(i b), with far fewer exponentials
        coarse = _waves(s, _FINE * torch.arange(-(-modes // _FINE), dtype=s.dtype, device=s.device))
        waves = (coarse[:, :, None] * _waves(s, n[:_FINE])[:, None]).flatten(1)[:, :modes]
    return waves if order == 0 else waves * (1j * math.pi * n) ** order


def _waves(s: Tensor, n: Tensor) -> Tensor:
    """Evaluate exp(i pi n (s + 1)): (p,), (modes,) -> (p, modes)."""
    # n (s + 1) is reduced modulo 2 before it is multiplied by pi, which keeps its digits.
    angle = torch.remainder(n * (s[:, None] + 1), 2.0) * math.pi
    return torch.polar(torch.ones_like(angle), angle)


def mapped(s: Tensor, numbers: Tensor, order: int) -> list[Tensor]:
    """Evaluate the stretched coordinate g(s) and its derivatives up to `order` (at most 4), each (p,).

    g(s) = a + b s + sum_k w_k asinh((s - d_k) / e_k), `numbers` = (a, b, w_1, d_1, e_1, ...), increasing from -1 to 1.
    An interval of width e_k about d_k is mapped to a share w_k of [-1, 1], so that a singularity at d +- i e does not
    slow the convergence of a Chebyshev expansion in g.

    Source: Tee & Trefethen, A rational spectral collocation method with adaptively transformed Chebyshev grid points,
    SIAM J. Sci. Comput. 28 (2006) 1798, section 3 (the map sinh, here by its inverse).
    """
    a, b = numbers[0], numbers[1]
    found = [a + b * s, torch.full_like(s, float(b)), *(torch.zeros_like(s) for _ in range(max(order - 1, 0)))]
    for weight, center, width in numbers[2:].reshape(-1, 3):
        z = (s - center) / width
        root = torch.sqrt(1 + z * z)
        shapes = [
            torch.asinh(z),
            1 / root,
            -z / root**3,
            (2 * z * z - 1) / root**5,
            (9 * z - 6 * z**3) / root**7,
        ]
        found = [f + weight * shapes[k] / width**k for k, f in enumerate(found)]
    return found[: order + 1]


def chebyshev_modes(g: Sequence[Tensor], modes: int, order: int) -> Tensor:
    """Evaluate the `order`-th derivatives (at most 4) of T_n(g(s)), n < modes: g and its derivatives -> (p, modes).

    Uses the recurrence T_n+1 = 2 g T_n - T_n-1, differentiated, and Faà di Bruno's formula.
    """
    y = g[0].clamp(-1.0, 1.0)
    tables: list[Tensor] = []
    for k in range(order + 1):
        table = torch.zeros(modes, len(y), dtype=y.dtype, device=y.device)
        if k == 0:
            table[0] = 1.0
        if modes > 1 and k < 2:
            table[1] = y if k == 0 else 1.0
        for n in range(1, modes - 1):
            table[n + 1] = 2 * y * table[n] - table[n - 1]
            if k:
                table[n + 1] += 2 * k * tables[k - 1][n]
        tables.append(table)
    t = [table.T for table in tables]
    d = [torch.zeros(()), *(value[:, None] for value in g[1:])]  # the first is not used
    if order == 0:
        return t[0]
    if order == 1:
        return t[1] * d[1]
    if order == 2:
        return t[2] * d[1] ** 2 + t[1] * d[2]
    if order == 3:
        return t[3] * d[1] ** 3 + 3 * t[2] * d[1] * d[2] + t[1] * d[3]
    if order == 4:
        second = 4 * d[1] * d[3] + 3 * d[2] ** 2
        return t[4] * d[1] ** 4 + 6 * t[3] * d[1] ** 2 * d[2] + t[2] * second + t[1] * d[4]
    raise ValueError(f"chebyshev_modes: `order` must be at most 4, got {order}")
