"""The Jacobian of rows as factors: far smaller than the matrix (N, P), which is formed only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Dense", "Outer", "Tangent"]

_TILE_BYTES = 1 << 19
"""Of an outer product that is formed at once: it should still be in the second-level cache when it is copied."""


@dataclass(frozen=True)
class Outer:
    """Derivatives of rows in a weight (h, k), as factors: d row_n / dW = sum_c slopes[c, n] (x) inputs[c, n]."""

    slopes: Tensor  # (C, n, h)
    inputs: Tensor  # (C, n, k)

    @property
    def width(self) -> int:
        """How many columns of the Jacobian it has a share in."""
        return self.slopes.shape[2] * self.inputs.shape[2]

    def dense(self) -> Tensor:
        """The derivatives themselves, ``(n, h k)``."""
        product = torch.bmm(self.slopes.permute(1, 2, 0), self.inputs.permute(1, 0, 2))
        return product.flatten(1)

    def write(self, out: Tensor, *, add: bool) -> None:
        """Write the derivatives into `out` ``(n, h k)``, a few points at a time, so that they fit the cache."""
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
        """J v for the part v ``(h k,)`` that belongs to the weight: ``(n,)``."""
        weight = vector.view(self.slopes.shape[2], self.inputs.shape[2])
        return (self.slopes * (self.inputs @ weight.t())).sum((0, 2))

    def pull(self, vector: Tensor) -> Tensor:
        """J^T w for ``(n,)`` numbers w: ``(h k,)``."""
        scaled = self.slopes * vector[:, None]
        return (scaled.flatten(0, 1).t() @ self.inputs.flatten(0, 1)).reshape(-1)


@dataclass(frozen=True)
class Dense:
    """Derivatives of rows in a parameter, as they are: ``(n, p)``."""

    jacobian: Tensor

    @property
    def width(self) -> int:
        """How many columns of the Jacobian it has a share in."""
        return self.jacobian.shape[1]

    def dense(self) -> Tensor:
        """The derivatives themselves."""
        return self.jacobian

    def write(self, out: Tensor, *, add: bool) -> None:
        """Write the derivatives into `out` ``(n, p)``."""
        if add:
            out += self.jacobian
        else:
            out.copy_(self.jacobian)

    def push(self, vector: Tensor) -> Tensor:
        """J v for the part v ``(p,)`` that belongs to the parameter: ``(n,)``."""
        return self.jacobian @ vector

    def pull(self, vector: Tensor) -> Tensor:
        """J^T w: ``(p,)``."""
        return self.jacobian.t() @ vector


@dataclass(frozen=True)
class Tangent:
    """Some rows beside their derivatives.

    Args:
        term: which they belong to.
        place: where they stand among all rows.
        rows: weighted, ``(n,)``.
        cost: the sum of the squares of the unweighted residuals, 0-d.
        parts: for the first column of a parameter's place in theta, contributions that add up.
    """

    term: str
    place: slice
    rows: Tensor
    cost: Tensor
    parts: Mapping[int, Sequence[Outer | Dense]]

    def write(self, out: Tensor, columns: Mapping[int, int]) -> None:
        """Write the derivatives into `out` ``(n, P)``; `columns` are the widths of all parameters by first column."""
        for start, width in columns.items():
            target = out[:, start : start + width]
            parts = self.parts.get(start, ())
            if not parts:
                target.zero_()
            for i, part in enumerate(parts):
                part.write(target, add=i > 0)
