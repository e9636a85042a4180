"""Periodic cubic grid of nodes, and the transfer between points and nodes.

Nodes are at `lower + i spacing`, i = 0 .. resolution - 1, along each of d axes; for Fourier transforms the grid has
the period `resolution * spacing`.  The transfer is multilinear: `Transfer.spread` distributes values of points to the
2^d surrounding nodes, `Transfer.sample` is its transpose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

__all__ = ["PeriodicGrid", "Transfer", "grid_around"]


@dataclass(frozen=True)
class PeriodicGrid:
    """Nodes of a cube.

    Attributes:
        lower: ``(d,)`` first node.
        spacing: node spacing.
        resolution: nodes along each axis.
    """

    lower: Tensor
    spacing: float
    resolution: int

    @property
    def dimension(self) -> int:
        """Dimension of the space."""
        return len(self.lower)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an array of nodal values."""
        return (self.resolution,) * self.dimension

    @cached_property
    def waves(self) -> tuple[Tensor, ...]:
        """Wave numbers along each axis, shaped to broadcast over `rfft` coefficients; zero at the Nyquist frequency."""
        d, n = self.dimension, self.resolution
        full = 2 * math.pi * torch.fft.fftfreq(n, self.spacing)
        half = 2 * math.pi * torch.fft.rfftfreq(n, self.spacing)
        if n % 2 == 0:
            # The derivative of a real function would not be real otherwise.
            full[n // 2] = 0.0
            half[-1] = 0.0
        lines = [full] * (d - 1) + [half]
        return tuple(line.reshape([-1 if i == a else 1 for i in range(d)]) for a, line in enumerate(lines))

    @cached_property
    def squared(self) -> Tensor:
        """|k|^2, including the Nyquist frequency."""
        d, n = self.dimension, self.resolution
        full = 2 * math.pi * torch.fft.fftfreq(n, self.spacing)
        half = 2 * math.pi * torch.fft.rfftfreq(n, self.spacing)
        lines = [full] * (d - 1) + [half]
        total = torch.zeros(())
        for a, line in enumerate(lines):
            total = total + line.reshape([-1 if i == a else 1 for i in range(d)]).square()
        return total

    def forward(self, values: Tensor) -> Tensor:
        """Fourier coefficients of nodal values."""
        return torch.fft.rfftn(values, dim=tuple(range(-self.dimension, 0)))

    def inverse(self, coefficients: Tensor) -> Tensor:
        """Nodal values of Fourier coefficients."""
        return torch.fft.irfftn(coefficients, s=self.shape, dim=tuple(range(-self.dimension, 0)))

    def gaussian(self, sigma: float) -> Tensor:
        """Fourier coefficients of a Gaussian with unit integral: exp(-sigma^2 |k|^2 / 2)."""
        return torch.exp(-0.5 * sigma**2 * self.squared)

    def transfer(self, points: Tensor) -> Transfer:
        """Transfer between points ``(n, d)`` and the nodes, in float32."""
        d, n = self.dimension, self.resolution
        at = (points - self.lower) / self.spacing
        cell = at.floor()
        part = (at - cell).to(torch.float32)
        cell = cell.to(torch.int64)
        index, weight = [], []
        for corner in product((0, 1), repeat=d):
            flat = torch.zeros(len(points), dtype=torch.int64)
            w = torch.ones(len(points))
            for a, step in enumerate(corner):
                flat = flat * n + (cell[:, a] + step) % n
                w = w * (part[:, a] if step else 1 - part[:, a])
            index.append(flat)
            weight.append(w)
        return Transfer(torch.stack(index, 1).reshape(-1), torch.stack(weight, 1), n**d, self.shape)


@dataclass(frozen=True)
class Transfer:
    """Multilinear transfer between points and nodes.

    Attributes:
        index: ``(n 2^d,)`` flat indices of the surrounding nodes.
        weight: ``(n, 2^d)`` their weights, which sum to 1.
        nodes: number of nodes.
        shape: shape of nodal values.
    """

    index: Tensor
    weight: Tensor
    nodes: int
    shape: tuple[int, ...]

    def spread(self, values: Tensor) -> Tensor:
        """S values: from ``(n,)`` to nodal values."""
        out = torch.zeros(self.nodes)
        out.scatter_add_(0, self.index, (self.weight * values[:, None]).reshape(-1))
        return out.reshape(self.shape)

    def sample(self, nodal: Tensor) -> Tensor:
        """S^T nodal: values at the points, ``(n,)``."""
        return (nodal.reshape(-1).index_select(0, self.index).reshape(self.weight.shape) * self.weight).sum(1)


def grid_around(points: Tensor, resolution: int, *, room: float) -> PeriodicGrid:
    """Grid on a cube centred at the bounding box and `room` times as wide as its longest side.

    Args:
        points: ``(n, d)``.
        resolution: nodes along each axis.
        room: width of the cube over the longest side.
    """
    low, high = points.amin(0), points.amax(0)
    side = room * float((high - low).max())
    return PeriodicGrid((low + high) / 2 - side / 2, side / (resolution - 1), resolution)
