"""Jacobian of rows as factors, far smaller than the matrix (N, P), which is formed on demand only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["DenseJacobian", "JacobianBlock", "OuterProducts"]

_TILE_BYTES = 1 << 19
"""Size of an outer product that is formed at once, so that it is copied from the second-level cache."""


@dataclass(frozen=True)
class OuterProducts:
    """Derivatives of rows in a weight (h, k), as factors: d row_n / dW = sum_c slopes[c, n] (x) inputs[c, n]."""

    slopes: Tensor  # (C, n, h)
    inputs: Tensor  # (C, n, k)

    @property
    def width(self) -> int:
        """Number of its columns of the Jacobian."""
        return self.slopes.shape[2] * self.inputs.shape[2]

    def dense(self) -> Tensor:
        """Derivatives as a matrix, ``(n, h k)``."""
        product = torch.bmm(self.slopes.permute(1, 2, 0), self.inputs.permute(1, 0, 2))
        return product.flatten(1)

    def write(self, out: Tensor, *, add: bool) -> None:
        """Write or add the derivatives to `out` ``(n, h k)``, a few points at a time, so that they fit the cache."""
        n, h, k = *self.slopes.shape[1:], self.inputs.shape[2]
        width = max(h * k * self.slopes.element_size(), 1)
        size = n if self.slopes.device.type != "cpu" else min(n, max(16, _TILE_BYTES // width))
        buffer = self.slopes.new_empty(size, h, k)
        left, right = self.slopes.permute(1, 2, 0), self.inputs.permute(1, 0, 2)
        for start in range(0, n, max(size, 1)):
            stop = min(start + size, n)
            product = torch.bmm(left[start:stop], right[start:stop], out=buffer[: stop - start]).flatten(1)
            if add:
                out[start:stop] += product
            else:
                out[start:stop] = product

    def push(self, vector: Tensor) -> Tensor:
        """J v ``(n,)`` for the entries v ``(h k,)`` of the weight."""
        weight = vector.view(self.slopes.shape[2], self.inputs.shape[2])
        return (self.slopes * (self.inputs @ weight.t())).sum((0, 2))

    def pull(self, vector: Tensor) -> Tensor:
        """J^T w ``(h k,)`` for w ``(n,)``."""
        scaled = self.slopes * vector[:, None]
        return (scaled.flatten(0, 1).t() @ self.inputs.flatten(0, 1)).reshape(-1)


@dataclass(frozen=True)
class DenseJacobian:
    """Derivatives of rows in a parameter as a matrix, ``(n, p)``."""

    jacobian: Tensor

    @property
    def width(self) -> int:
        """Number of its columns of the Jacobian."""
        return self.jacobian.shape[1]

    def dense(self) -> Tensor:
        """Derivatives as a matrix, ``(n, p)``."""
        return self.jacobian

    def write(self, out: Tensor, *, add: bool) -> None:
        """Write or add the derivatives to `out` ``(n, p)``."""
        if add:
            out += self.jacobian
        else:
            out.copy_(self.jacobian)

    def push(self, vector: Tensor) -> Tensor:
        """J v ``(n,)`` for the entries v ``(p,)`` of the parameter."""
        return self.jacobian @ vector

    def pull(self, vector: Tensor) -> Tensor:
        """J^T w ``(p,)`` for w ``(n,)``."""
        return self.jacobian.t() @ vector


@dataclass(frozen=True)
class JacobianBlock:
    """Block of rows with their derivatives.

    Args:
        term: name of their term.
        place: their places among all rows.
        rows: weighted, ``(n,)``.
        cost: sum of the squares of the unweighted residuals, 0-d.
        parts: contributions to sum, by the first column of a parameter in theta.
    """

    term: str
    place: slice
    rows: Tensor
    cost: Tensor
    parts: Mapping[int, Sequence[OuterProducts | DenseJacobian]]

    def write(self, out: Tensor, columns: Mapping[int, int]) -> None:
        """Write the derivatives into `out` ``(n, P)``; `columns` maps first columns of parameters to their widths."""
        for start, width in columns.items():
            target = out[:, start : start + width]
            parts = self.parts.get(start, ())
            if not parts:
                target.zero_()
            for i, part in enumerate(parts):
                part.write(target, add=i > 0)
