"""Scalar field interpolated from its values on the nodes of a cube."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import torch
from torch import Tensor

__all__ = ["GridField"]

_CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class GridField:
    """Interpolation of nodal values: a callable from points ``(n, d)`` to values ``(n,)``.

    Between the nodes it is multilinear (`order` 1, continuous) or Keys's cubic convolution along each axis (`order` 3,
    with continuous gradient, exact for quadratic functions).  Outside the cube it is extended as a distance: the value
    at the nearest point of the cube plus the distance to that point.

    Args:
        values: ``(r, ..., r)``, d axes, x first.
        lower: ``(d,)`` first node.
        upper: ``(d,)`` last node.
        order: 1 or 3.
        noise: estimated standard deviation of the distance of the points from the surface; 0 without points.
        normals: ``(n, d)`` outward unit normals of the points that the field was made from, None without points.
        seconds: time of the computation.
        notes: sentences on findings and repairs.

    Raises:
        ValueError: for values that are not a cube, or not finite; bounds that do not match; an order other than 1 and
            3.

    Source: Keys, Cubic convolution interpolation, IEEE Trans. ASSP 29 (1981) 1153, eq. 15 (a = -1/2).
    """

    values: Tensor
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    order: int = 3
    noise: float = 0.0
    normals: Tensor | None = field(default=None, repr=False)
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", tuple(float(x) for x in self.lower))
        object.__setattr__(self, "upper", tuple(float(x) for x in self.upper))
        shape = tuple(self.values.shape)
        if len(set(shape)) != 1 or shape[0] < 4:
            raise ValueError(f"GridField: `values` must be a cube of at least 4 nodes along each axis, got {shape}")
        if not bool(torch.isfinite(self.values).all()):
            raise ValueError("GridField: `values` must be finite")
        if not len(self.lower) == len(self.upper) == len(shape):
            raise ValueError(
                f"GridField: `lower` and `upper` must have {len(shape)} numbers, got {self.lower} and {self.upper}"
            )
        if not all(a < b for a, b in zip(self.lower, self.upper, strict=True)):
            raise ValueError(f"GridField: `lower` must be below `upper`, got {self.lower} and {self.upper}")
        if self.order not in (1, 3):
            raise ValueError(f"GridField: `order` must be 1 (multilinear) or 3 (cubic), got {self.order}")

    @property
    def dimension(self) -> int:
        """Dimension of the space."""
        return self.values.ndim

    @property
    def resolution(self) -> int:
        """Nodes along each axis."""
        return self.values.shape[0]

    @property
    def spacing(self) -> tuple[float, ...]:
        """Node spacing along each axis."""
        return tuple((b - a) / (self.resolution - 1) for a, b in zip(self.lower, self.upper, strict=True))

    def __call__(self, points: Tensor) -> Tensor:
        """Values ``(n,)`` at points ``(n, d)``, in the dtype of the points; differentiable by autograd."""
        self._check(points)
        return torch.cat([self._value(chunk) for chunk in points.split(_CHUNK)]) if len(points) else points[:, 0]

    def gradient(self, points: Tensor) -> Tensor:
        """Gradient ``(n, d)``, exact for the interpolant."""
        self._check(points)
        if not len(points):
            return points
        return torch.cat([self._gradient(chunk) for chunk in points.split(_CHUNK)])

    def _check(self, points: Tensor) -> None:
        if points.ndim != 2 or points.shape[1] != self.dimension:
            raise ValueError(f"GridField: points must be (n, {self.dimension}), got {tuple(points.shape)}")

    def _ends(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        def row(numbers: Sequence[float]) -> Tensor:
            return torch.tensor(numbers, dtype=points.dtype, device=points.device)

        return row(self.lower), row(self.upper), row(self.spacing)

    def _place(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Points clipped to the cube, their cells, and their local coordinates."""
        lower, upper, spacing = self._ends(points)
        held = torch.minimum(torch.maximum(points, lower), upper)
        at = (held - lower) / spacing
        cell = at.detach().floor().clamp(0, self.resolution - 2)
        return held, cell.to(torch.int64), at - cell

    def _value(self, points: Tensor) -> Tensor:
        held, cell, part = self._place(points)
        inside = self._sum(cell, [_weights(part[:, a], self.order) for a in range(self.dimension)])
        beyond = (points - held).square().sum(1)
        # The square root is not differentiable at zero, where most points are.
        away = beyond > 0
        return inside + torch.where(away, torch.where(away, beyond, 1.0).sqrt(), 0.0)

    def _gradient(self, points: Tensor) -> Tensor:
        held, cell, part = self._place(points)
        _, _, spacing = self._ends(points)
        weights = [_weights(part[:, a], self.order) for a in range(self.dimension)]
        columns = []
        for a in range(self.dimension):
            mixed = [_slopes(part[:, b], self.order) if b == a else weights[b] for b in range(self.dimension)]
            columns.append(self._sum(cell, mixed) / spacing[a])
        apart = points - held
        length = torch.linalg.vector_norm(apart, dim=1, keepdim=True)
        # A coordinate clipped to a face no longer affects the value inside.
        inside = torch.where(apart == 0, torch.stack(columns, 1), 0.0)
        return inside + torch.where(length > 0, apart / torch.where(length > 0, length, 1.0), 0.0)

    def _sum(self, cell: Tensor, weights: list[Tensor]) -> Tensor:
        """Sum over the surrounding nodes: weights[a] is ``(n, m)`` along axis a."""
        m, r = weights[0].shape[1], self.resolution
        first = cell - (m // 2 - 1)
        flat = self.values.reshape(-1)
        lines = [
            (first[:, a, None] + torch.arange(m, device=cell.device)).clamp(0, r - 1) for a in range(self.dimension)
        ]
        total = torch.zeros_like(weights[0][:, 0])
        *head, last = range(self.dimension)
        for steps in product(range(m), repeat=len(head)):
            base = torch.zeros_like(cell[:, 0])
            weight = torch.ones_like(total)
            for a, step in zip(head, steps, strict=True):
                base = base * r + lines[a][:, step]
                weight = weight * weights[a][:, step]
            index = base[:, None] * r + lines[last]
            gathered = flat.index_select(0, index.reshape(-1)).reshape(index.shape).to(total.dtype)
            total = total + weight * (gathered * weights[last]).sum(1)
        return total


def _weights(t: Tensor, order: int) -> Tensor:
    """Weights ``(n, 2)`` or ``(n, 4)`` of the surrounding nodes at local coordinates t in [0, 1]."""
    if order == 1:
        return torch.stack([1 - t, t], 1)
    t2, t3 = t * t, t * t * t
    return 0.5 * torch.stack([-t3 + 2 * t2 - t, 3 * t3 - 5 * t2 + 2, -3 * t3 + 4 * t2 + t, t3 - t2], 1)


def _slopes(t: Tensor, order: int) -> Tensor:
    """Derivatives of `_weights` with respect to t."""
    if order == 1:
        return torch.stack([-torch.ones_like(t), torch.ones_like(t)], 1)
    t2 = t * t
    return 0.5 * torch.stack([-3 * t2 + 4 * t - 1, 9 * t2 - 10 * t, -9 * t2 + 8 * t + 1, 3 * t2 - 2 * t], 1)
