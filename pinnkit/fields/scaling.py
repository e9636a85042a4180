"""The first step of every field: coordinates to [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from .base import AxisLike


class Scaling(nn.Module):
    """Affine map of each coordinate column from its axis' bounds to [-1, 1]: s(x) = (x - center) * rate.

    center = (lower + upper) / 2 and rate = 2 / (upper - lower) are buffers, (d_total,); a vector axis repeats its
    bounds over its columns. d s_a / d x_a = rate_a, which is what a closed-form derivative has to multiply by.
    """

    center: Tensor
    rate: Tensor

    def __init__(self, axes: Sequence[AxisLike]) -> None:
        """Take the bounds of `axes`, in float64."""
        super().__init__()
        lower = torch.tensor([axis.lower for axis in axes for _ in range(axis.dim)], dtype=torch.float64)
        upper = torch.tensor([axis.upper for axis in axes for _ in range(axis.dim)], dtype=torch.float64)
        self.register_buffer("center", (lower + upper) / 2)
        self.register_buffer("rate", 2 / (upper - lower))

    def forward(self, coords: Tensor) -> Tensor:
        """Scale (n, d_total) to the same shape; bounds go to -1 and 1."""
        # Subtracting first keeps the digits of a short axis far from zero.
        return torch.mul(torch.sub(coords, self.center), self.rate)
