"""Bessel functions that can be differentiated: torch has the values of J0 and J1, but no gradient.

J0' = -J1 and J1'(z) = J0(z) - J1(z)/z, with J1'(0) = 1/2.  Source: Abramowitz & Stegun 9.1.28, 9.1.30.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["bessel_j0", "bessel_j1"]


class _J0(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(z)
        return torch.special.bessel_j0(z)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:  # type: ignore[override]
        (z,) = ctx.saved_tensors
        return -g * bessel_j1(z)


class _J1(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(z)
        return torch.special.bessel_j1(z)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:  # type: ignore[override]
        (z,) = ctx.saved_tensors
        near = z.abs() < 1e-3
        safe = torch.where(near, torch.ones_like(z), z)
        quotient = torch.where(near, 0.5 - z**2 / 16 + z**4 / 384, bessel_j1(safe) / safe)
        return g * (bessel_j0(z) - quotient)


def bessel_j0(z: Tensor) -> Tensor:
    """J0(z), elementwise, differentiable to any order."""
    result: Tensor = _J0.apply(z)  # type: ignore[no-untyped-call]
    return result


def bessel_j1(z: Tensor) -> Tensor:
    """J1(z), elementwise, differentiable to any order."""
    result: Tensor = _J1.apply(z)  # type: ignore[no-untyped-call]
    return result
