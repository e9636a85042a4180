"""The first step of every field: coordinates to [-1, 1], or to a circle along periodic axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
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

    @property
    def width(self) -> int:
        """Number of columns after scaling."""
        return self.rate.shape[0]

    def affine(self, coords: Tensor) -> Tensor:
        """(x - center) * rate: (n, d_total) to the same shape."""
        # Subtracting first keeps the digits of a short axis far from zero.
        return torch.mul(torch.sub(coords, self.center), self.rate)

    def spread(self, per_column: Tensor) -> Tensor:
        """Numbers that belong to the columns of coordinates, (d_total,), over the columns after scaling, (width,)."""
        return per_column

    def forward(self, coords: Tensor) -> Tensor:
        """Scale (n, d_total) to (n, width); bounds go to -1 and 1."""
        return self.affine(coords)


class PeriodicScaling(Scaling):
    """Scaling that puts periodic columns on a circle: [s(x) of the others, cos a, sin a] with the angle a.

    a = 2 pi (x - lower) / extent. Whatever follows is periodic with all its derivatives. Along a periodic column
    `center` is lower and `rate` is 2 pi / extent, so that `affine` gives the angle.

    Source: Dong and Ni, A method for representing periodic functions and enforcing exactly periodic boundary
    conditions with deep neural networks, J. Comput. Phys. 435 (2021) 110242, section 2.
    """

    others: Tensor
    turning: Tensor

    def __init__(self, axes: Sequence[AxisLike]) -> None:
        """Take the bounds of `axes` and which of them are periodic."""
        super().__init__(axes)
        periodic = periodic_columns(axes)
        lower = torch.tensor([axis.lower for axis in axes for _ in range(axis.dim)], dtype=torch.float64)
        self.center = torch.where(periodic, lower, self.center)
        self.rate = torch.where(periodic, math.pi * self.rate, self.rate)
        # Columns are picked by products, which everything that passes through a field has a rule for.
        every = torch.eye(len(periodic), dtype=torch.float64)
        self.register_buffer("others", every[~periodic], persistent=False)
        self.register_buffer("turning", every[periodic], persistent=False)

    @property
    def width(self) -> int:
        """Number of columns after scaling: two for each periodic one."""
        return self.others.shape[0] + 2 * self.turning.shape[0]

    def spread(self, per_column: Tensor) -> Tensor:
        """Numbers that belong to the columns of coordinates, (d_total,), over the columns after scaling, (width,)."""
        turning = F.linear(per_column, self.turning.to(per_column))
        return torch.cat([F.linear(per_column, self.others.to(per_column)), turning, turning])

    def forward(self, coords: Tensor) -> Tensor:
        """Scale (n, d_total) to (n, width)."""
        scaled = self.affine(coords)
        angle = F.linear(scaled, self.turning)
        circle = [torch.cos(angle), torch.sin(angle)]
        return torch.cat([F.linear(scaled, self.others), *circle] if len(self.others) else circle, -1)


def scaling_of(axes: Sequence[AxisLike]) -> Scaling:
    """The scaling of `axes`, on circles where they are periodic."""
    return PeriodicScaling(axes) if bool(periodic_columns(axes).any()) else Scaling(axes)


def periodic_columns(axes: Sequence[AxisLike]) -> Tensor:
    """Which coordinate columns are periodic, (d_total,); an axis that does not say is not."""
    return torch.tensor([bool(getattr(axis, "periodic", False)) for axis in axes for _ in range(axis.dim)])
