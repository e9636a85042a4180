"""Bessel functions that can be differentiated: torch has the values of J0 and J1, but no gradient.

J0' = -J1 and J1'(z) = J0(z) - J1(z)/z, with J1'(0) = 1/2.  Source: Abramowitz & Stegun 9.1.28, 9.1.30.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["bessel_j0", "bessel_j1"]


class _J0(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return torch.special.bessel_j0(z)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return -g * bessel_j1(z)


class _J1(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return torch.special.bessel_j1(z)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return g * (bessel_j0(z) - j1_quotient(z, bessel_j1))


def j1_quotient(z: Any, j1: Callable[[Any], Any]) -> Any:
    """J1(z) / z of a tensor or a jet, `j1` being J1 for it.

    Where |z| < 1 by the power series sum_k (-1)^k z^(2k) / (2^(2k+1) k! (k+1)!), whose derivatives do not cancel.

    Source: Abramowitz & Stegun 9.1.10.
    """
    near = torch.abs(z.detach()) < 1.0
    far = torch.where(near, torch.ones_like(z.detach()), z)
    series: Any = 0.0
    for k in range(10, -1, -1):
        series = z * z * series + (-1) ** k / (2 ** (2 * k + 1) * math.factorial(k) * math.factorial(k + 1))
    return torch.where(near, series, j1(far) / far)


def bessel_j0(z: Tensor) -> Tensor:
    """J0(z), elementwise, differentiable to any order."""
    result: Tensor = _J0.apply(z)
    return result


def bessel_j1(z: Tensor) -> Tensor:
    """J1(z), elementwise, differentiable to any order."""
    result: Tensor = _J1.apply(z)
    return result
