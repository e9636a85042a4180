"""Scaling of coordinates to [-1, 1], or to a circle along periodic axes: the first step of every field."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .protocols import AxisLike

__all__ = ["PeriodicScaling", "Scaling", "periodic_columns", "scaling_of"]


class Scaling(nn.Module):
    """Affine map of each coordinate column from its axis' bounds to [-1, 1]: s(x) = (x - center) * rate.

    center = (lower + upper) / 2 and rate = 2 / (upper - lower) are buffers, (d_total,); a vector axis repeats its
    bounds over its columns. A closed-form derivative along x_a is multiplied by d s_a / d x_a = rate_a.
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
        """Scale without circles, (x - center) * rate: (n, d_total) to the same shape."""
        # Subtracting first keeps the digits of a short axis far from zero.
        return torch.mul(torch.sub(coords, self.center), self.rate)

    def spread(self, per_column: Tensor) -> Tensor:
        """Spread numbers per coordinate column, (d_total,), over the columns after scaling, (width,)."""
        return per_column

    def forward(self, coords: Tensor) -> Tensor:
        """Scale (n, d_total) to (n, width); bounds go to -1 and 1."""
        return self.affine(coords)


class PeriodicScaling(Scaling):
    """Scaling that puts periodic columns on a circle: [s(x) of the ordinary columns, cos a, sin a] with the angle a.

    a = 2 pi (x - lower) / extent. Layers that follow are periodic with all their derivatives. Along a periodic column
    `center` is lower and `rate` is 2 pi / extent, so that `affine` gives the angle.

    Source: Dong and Ni, A method for representing periodic functions and enforcing exactly periodic boundary
    conditions with deep neural networks, J. Comput. Phys. 435 (2021) 110242, section 2.
    """

    ordinary: Tensor
    periodic: Tensor

    def __init__(self, axes: Sequence[AxisLike]) -> None:
        """Take the bounds of `axes` and the axes that are periodic."""
        super().__init__(axes)
        periodic = periodic_columns(axes)
        lower = torch.tensor([axis.lower for axis in axes for _ in range(axis.dim)], dtype=torch.float64)
        self.center = torch.where(periodic, lower, self.center)
        self.rate = torch.where(periodic, math.pi * self.rate, self.rate)
        # Columns are picked by matrix products, for which every kind of coordinates has a rule.
        every = torch.eye(len(periodic), dtype=torch.float64)
        self.register_buffer("ordinary", every[~periodic], persistent=False)
        self.register_buffer("periodic", every[periodic], persistent=False)

    @property
    def width(self) -> int:
        """Number of columns after scaling: two for each periodic one."""
        return self.ordinary.shape[0] + 2 * self.periodic.shape[0]

    def spread(self, per_column: Tensor) -> Tensor:
        """Spread numbers per coordinate column, (d_total,), over the columns after scaling, (width,)."""
        periodic = F.linear(per_column, self.periodic.to(per_column))
        return torch.cat([F.linear(per_column, self.ordinary.to(per_column)), periodic, periodic])

    def forward(self, coords: Tensor) -> Tensor:
        """Scale (n, d_total) to (n, width)."""
        scaled = self.affine(coords)
        angle = F.linear(scaled, self.periodic)
        circle = [torch.cos(angle), torch.sin(angle)]
        return torch.cat([F.linear(scaled, self.ordinary), *circle] if len(self.ordinary) else circle, -1)


def scaling_of(axes: Sequence[AxisLike]) -> Scaling:
    """Build the scaling of `axes`, on circles where they are periodic."""
    return PeriodicScaling(axes) if bool(periodic_columns(axes).any()) else Scaling(axes)


def periodic_columns(axes: Sequence[AxisLike]) -> Tensor:
    """Return a mask of the coordinate columns that are periodic, (d_total,)."""
    return torch.tensor([axis.periodic for axis in axes for _ in range(axis.dim)])
