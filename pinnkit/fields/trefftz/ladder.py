"""Solutions of laplacian(v) + kappa v = 0 in the plane about a point, and their derivatives by shifts of the order.

With z = y_1 + i y_2 - centre, r = |z| and a length R, the regular functions and the multipoles are

    F_m = (z / R)^m 0F1(m + 1; -kappa r^2 / 4),              m = 0, 1, ...,
    S_m = (R / z)^m (1 + ...),  S_0 = log(r / R) (kappa = 0), m = 0, 1, ...

that is, for kappa = k^2, F_m = m! (2 / (k R))^m J_m(k r) e^{i m theta}, S_0 = (pi / 2) Y_0(k r) and, for m > 0,
S_m = -pi (k R / 2)^m / (m - 1)! Y_m(k r) e^{-i m theta}; for kappa = -k^2 the same with I_m, -K_0 and
2 (k R / 2)^m / (m - 1)! K_m.  All of them are continuous in kappa but for a constant in S_0.  With
d = (d_1 - i d_2) / 2 and its conjugate d':

    d F_m = (m / R) F_{m-1},  d' F_m = -kappa R / (4 (m + 1)) F_{m+1},  d F_0 = conj(d' F_0),
    d S_m = -(m / R) S_{m+1}, d' S_m = kappa R / (4 (m - 1)) S_{m-1},   d' S_1 = -(kappa R / 2) S_0,
    d S_0 = S_1 / (2 R) = conj(d' S_0).

F_m is a solution for fractional m as well, with the first two rules: the singular functions of a corner.

Source: Abramowitz & Stegun, 9.1.10, 9.1.27, 9.6.26; the scaling makes the recurrences free of overflow for small k.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "Shifted",
    "fractional",
    "multipoles",
    "regular",
    "shifted_fractional",
    "shifted_multipoles",
    "shifted_regular",
]

_TERMS = 24
"""Terms of the power series."""


class Shifted(NamedTuple):
    """Derivative of a family: for each member the factor, the order of the function, and whether it is conjugated."""

    factor: Tensor  # (N,) real
    order: Tensor  # (N,) int64
    conjugated: Tensor  # (N,) bool

    def of(self, table: Tensor) -> Tensor:
        """Select from a table ``(..., orders)``: ``(..., N)``."""
        found = table.index_select(-1, self.order)
        if bool(self.conjugated.any()):
            found = torch.where(self.conjugated, found.conj(), found)
        return self.factor * found


def shifted_regular(orders: Tensor, length: float, kappa: float, raised: int, conjugate: int) -> Shifted:
    """d^raised d'^conjugate F_m for the given orders ``(N,)``."""

    def down(m: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # d F_m
        zero = m == 0
        return torch.where(zero, -kappa * length / 4, m.double() / length), torch.where(zero, 1, m - 1), zero

    def up(m: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # d' F_m
        return -kappa * length / (4 * (m.double() + 1)), m + 1, torch.zeros_like(m, dtype=torch.bool)

    return _applied(orders, down, up, raised, conjugate)


def shifted_fractional(
    first: float, orders: Tensor, length: float, kappa: float, raised: int, conjugate: int
) -> Shifted:
    """d^raised d'^conjugate F_(first + m) for whole m ``(N,)``; orders of the result count from `first` as well."""

    def down(m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return (first + m.double()) / length, m - 1, torch.zeros_like(m, dtype=torch.bool)

    def up(m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return -kappa * length / (4 * (first + m.double() + 1)), m + 1, torch.zeros_like(m, dtype=torch.bool)

    return _applied(orders, down, up, raised, conjugate)


def shifted_multipoles(orders: Tensor, length: Tensor, kappa: float, raised: int, conjugate: int) -> Shifted:
    """d^raised d'^conjugate S_m for the given orders ``(N,)`` and lengths ``(N,)`` or ``()``."""

    def up(m: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # d S_m
        zero = m == 0
        return torch.where(zero, 0.5 / length, -m / length), m + 1, torch.zeros_like(zero)

    def down(m: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # d' S_m
        zero, one = m == 0, m == 1
        inner = kappa * length / (4 * (m.double() - 1).clamp(min=1.0))
        factor = torch.where(zero, 0.5 / length, torch.where(one, -kappa * length / 2, inner))
        return factor, torch.where(zero, 1, m - 1), zero

    return _applied(orders, up, down, raised, conjugate)


_Step = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def _applied(orders: Tensor, plain: _Step, barred: _Step, raised: int, conjugate: int) -> Shifted:
    """Apply d `raised` times and d' `conjugate` times; on a conjugated function they exchange their roles."""
    factor = torch.ones(len(orders), dtype=torch.float64, device=orders.device)
    order, conjugated = orders, torch.zeros(len(orders), dtype=torch.bool, device=orders.device)
    for first in [True] * raised + [False] * conjugate:
        one, other = plain(order), barred(order)
        is_plain = conjugated != first
        step = [torch.where(is_plain, a, b) for a, b in zip(one, other, strict=True)]
        factor, order, conjugated = factor * step[0], step[1], conjugated ^ step[2]
    return Shifted(factor, order, conjugated)


def regular(z: Tensor, highest: int, kappa: float) -> Tensor:
    """F_0 to F_highest at z / R ``(n,)`` complex, for kappa R^2 in place of kappa: ``(n, highest + 1)`` complex."""
    powers = torch.cumprod(torch.cat([torch.ones_like(z)[:, None], z[:, None].expand(-1, highest)], dim=1), dim=1)
    return powers if kappa == 0 else powers * _radial(z.real**2 + z.imag**2, 0.0, highest, kappa)


def fractional(z: Tensor, first: float, count: int, kappa: float) -> Tensor:
    """F_first to F_(first + count - 1) at z / R ``(n,)``, cut along the negative real axis: ``(n, count)`` complex.

    `first` is no whole number and may be negative; the value at 0 is 0 for orders above 0, else that at 1e-30.
    """
    away = torch.where(z == 0, 1e-30, z)
    orders = first + torch.arange(count, dtype=torch.float64, device=z.device)
    modulus, angle = torch.log(away.abs())[:, None], torch.angle(away)[:, None]
    powers = torch.polar(torch.exp(orders * modulus), orders * angle)
    return powers if kappa == 0 else powers * _radial(z.real**2 + z.imag**2, first, count - 1, kappa)


def _radial(square: Tensor, first: float, highest: int, kappa: float) -> Tensor:
    """0F1(m + 1; -kappa r^2 / 4) for m = first to first + highest, from r^2 ``(n,)``: ``(n, highest + 1)``.

    By the recurrence g_{m-1} = g_m - x / (m (m + 1)) g_{m+1}, x = kappa r^2 / 4, which is stable downwards, from orders
    above |x|, where the power series has no cancellation.
    """
    x = kappa * square / 4
    largest = float(x.abs().max()) if x.numel() else 0.0
    start = highest + 2 + max(0, math.ceil(largest - first - highest))
    above, here = _series(x, first + start + 1), _series(x, first + start)
    found = torch.empty(len(x), highest + 1, dtype=x.dtype, device=x.device)
    for place in range(start, -1, -1):
        if place < start:
            m = first + place + 1
            above, here = here, here - x / (m * (m + 1)) * above
        if place <= highest:
            found[:, place] = here
    return found


def _series(x: Tensor, order: float) -> Tensor:
    """0F1(order + 1; -x) by its power series, for |x| <= order + 1."""
    term = total = torch.ones_like(x)
    for s in range(1, _TERMS):
        term = term * (-x / (s * (order + s)))
        total = total + term
    return total


def multipoles(z: Tensor, highest: int, kappa: Tensor) -> Tensor:
    """S_0 to S_highest at z / R ``(n, P)`` complex, for kappa R^2 ``(P,)`` in place of kappa: ``(n, P, highest + 1)``.

    Upwards from S_0 and S_1: S_{m+1} = S_m / z - kappa / (4 m (m - 1)) (conj(z) / z) S_{m-1}, S_2 = S_1 / z +
    (kappa / 2) (conj(z) / z) S_0.
    """
    inverse = 1 / z
    radius = z.abs()
    if not bool(kappa.any()):
        first = inverse[..., None].expand(*z.shape, highest)
        return torch.cat([torch.log(radius).to(z.dtype)[..., None], torch.cumprod(first, dim=-1)], dim=-1)
    k = kappa.abs().sqrt()
    x = k * radius
    turn = inverse * radius  # e^{-i theta}
    if bool((kappa > 0).all()):
        zero, one = (found.to(x) for found in _bessel_y(x.cpu().numpy()))
        zero, one = math.pi / 2 * zero, -math.pi / 2 * k * one
    else:
        zero = -torch.special.modified_bessel_k0(x)
        one = k * torch.special.modified_bessel_k1(x)
    table = [zero.to(z.dtype), one * turn]
    for m in range(1, highest):
        factor = kappa / 2 if m == 1 else -kappa / (4 * m * (m - 1))
        table.append(inverse * table[m] + factor * turn**2 * table[m - 1])
    return torch.stack(table[: highest + 1], dim=-1)


def _bessel_y(x: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """Y_0 and Y_1; those of torch lose half of their digits between 5 and 25."""
    from scipy.special import y0, y1  # takes long to load, and few runs need it

    return torch.from_numpy(y0(x)), torch.from_numpy(y1(x))
