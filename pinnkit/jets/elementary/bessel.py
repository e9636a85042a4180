"""Bessel functions of the first kind with all their derivatives; torch has values of J0 and J1 without a gradient."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

__all__ = ["bessel_j", "bessel_tower"]

_NEAR = 2.0  # below it the power series loses no digits
_FAR = 25.0  # above it the asymptotic expansion behind torch's values is exact to rounding


class _BesselJ(torch.autograd.Function):
    """Autograd function J_n(z) with J_n' = (J_{n-1} - J_{n+1}) / 2, which is again this function."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, n: int) -> Tensor:
        return _value(z, n)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004 - torch's signature
        z, n = inputs
        ctx.save_for_backward(z)
        ctx.n = n

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        (z,) = ctx.saved_tensors
        return g * _slope(z, ctx.n), None


def bessel_j(z: Tensor, n: int) -> Tensor:
    """Evaluate J_n(z) for n from -7 to 7, elementwise; differentiable to any order that stays in that range."""
    value: Tensor = _BesselJ.apply(z, abs(n))
    return -value if n < 0 and n % 2 else value


def bessel_tower(z: Tensor, n: int, highest: int) -> list[Tensor]:
    """Evaluate the derivatives 0 to `highest` of J_n: f^(m) = 2^-m sum_k (-1)^k C(m, k) J_{n-m+2k}.

    Source: Abramowitz & Stegun 9.1.31.
    """
    tower = []
    for m in range(highest + 1):
        terms = [(-1) ** k * math.comb(m, k) / 2**m * bessel_j(z, n - m + 2 * k) for k in range(m + 1)]
        tower.append(torch.stack(terms).sum(0))
    return tower


def _slope(z: Tensor, n: int) -> Tensor:
    return -bessel_j(z, 1) if n == 0 else 0.5 * (bessel_j(z, n - 1) - bessel_j(z, n + 1))


def _value(z: Tensor, n: int) -> Tensor:
    # torch's own values are off by up to 7e-8 for |z| in 3 to 12, so only its asymptotic expansion is used.
    size = z.abs()
    value = torch.where(size < _NEAR, _series(size.clamp(max=_NEAR), n), _downwards(size.clamp(_NEAR, _FAR), n))
    value = torch.where(size <= _FAR, value, _upwards(size.clamp(min=_FAR), n))
    return value * torch.where(z < 0, -1.0, 1.0) if n % 2 else value


def _series(z: Tensor, n: int) -> Tensor:
    """Evaluate the power series, Abramowitz & Stegun 9.1.10."""
    square = z * z / 4
    total = torch.zeros_like(z)
    for k in range(14, -1, -1):
        total = total * square + (-1) ** k / (math.factorial(k) * math.factorial(k + n))
    return total * (z / 2) ** n


def _downwards(z: Tensor, n: int) -> Tensor:
    """Evaluate Miller's downward recurrence with 1 = J0 + 2 J2 + 2 J4 + ..., Abramowitz & Stegun 9.12, example 1."""
    above, current = torch.zeros_like(z), torch.full_like(z, 1e-30)
    total, found = torch.zeros_like(z), current
    for order in range(64, 0, -1):
        above, current = current, 2 * order / z * current - above
        if order - 1 == n:
            found = current
        if (order - 1) % 2 == 0:
            total = total + (current if order == 1 else 2 * current)
        # Scaling keeps the numbers finite; the ratio does not change.
        if order % 8 == 0:
            scale = 1 / (1 + current.abs())
            above, current, total, found = above * scale, current * scale, total * scale, found * scale
    return found / total


def _upwards(z: Tensor, n: int) -> Tensor:
    """Evaluate the recurrence 9.1.27 from J0 and J1, stable where z > n."""
    below, value = torch.special.bessel_j0(z), torch.special.bessel_j1(z)
    if n == 0:
        return below
    for order in range(1, n):
        below, value = value, 2 * order / z * value - below
    return value
