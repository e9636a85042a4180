"""The tangent kernel J J^T of a sum of squares, and products with J, from the factors of the Jacobian alone.

With a the channels that enter a layer and g the cotangents of those that leave it, a weight's share is
(J J^T)_nm = sum_{c, c'} <a[c, n], a[c', m]> <g[c, n], g[c', m]>, so J (N, P) is never formed: what is kept grows with
the width of the layers and not with the number of their weights.

Source: Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks,
NeurIPS 2024, for the factors; Guzman-Cordero, Dangel, Goldshlager, Zeinhofer, arXiv:2505.12149 (2025), for the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .factors import Dense, Outer, Tangent
from .pull_back import tangents
from .tangent import mean_costs, row_count, widths_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .collocation import Collocation

__all__ = ["Kernel", "kernel"]

_ROWS = 1024
"""Rows of a block of the kernel: the temporaries of a block are a few such squares."""


@dataclass(frozen=True)
class Kernel:
    """The rows of a sum of squares, their kernel, and their Jacobian as two functions.

    Args:
        rows: r, ``(N,)``; the loss is their sum of squares.
        matrix: J J^T, ``(N, N)``.
        terms: the unweighted mean cost of each term, 0-d each.
        count: P, the number of parameters.
        tangents: the rows with the factors of their derivatives.
    """

    rows: Tensor
    matrix: Tensor
    terms: Mapping[str, Tensor]
    count: int
    tangents: Sequence[Tangent]

    def times(self, vector: Tensor) -> Tensor:
        """J v, ``(N,)``, for v ``(P,)``."""
        result = torch.zeros_like(self.rows)
        for tangent in self.tangents:
            own = result[tangent.place]
            for start, parts in tangent.parts.items():
                for part in parts:
                    own += part.times(vector[start : start + part.width])
        return result

    def transposed_times(self, vector: Tensor) -> Tensor:
        """J^T w, ``(P,)``, for w ``(N,)``."""
        result = self.rows.new_zeros(self.count)
        for tangent in self.tangents:
            own = vector[tangent.place]
            for start, parts in tangent.parts.items():
                for part in parts:
                    result[start : start + part.width] += part.transposed_times(own)
        return result


def kernel(target: Collocation) -> Kernel:
    """The kernel at the parameters of the moment, block by block; the time is that of N^2 C^2 (h + k) per layer."""
    found = list(tangents(target, rows=_ROWS))
    like = target.parameters.tensors[0].detach()
    n = row_count(target)
    rows, matrix = like.new_empty(n), like.new_empty(n, n)
    for i, one in enumerate(found):
        rows[one.place] = one.rows
        for other in found[: i + 1]:
            block = _block(one, other)
            matrix[one.place, other.place] = block
            if other is not one:
                matrix[other.place, one.place] = block.t()
    costs = mean_costs(target, ((tangent.term, tangent.cost) for tangent in found))
    return Kernel(rows, matrix, costs, sum(widths_of(target.parameters).values()), found)


def _block(one: Tangent, other: Tangent) -> Tensor:
    result = one.rows.new_zeros(one.rows.shape[0], other.rows.shape[0])
    for start, left in one.parts.items():
        right = other.parts.get(start)
        if right is None:
            continue
        pairs = [p for p in left if isinstance(p, Outer)], [p for p in right if isinstance(p, Outer)]
        if len(pairs[0]) == len(left) and len(pairs[1]) == len(right):
            for a in pairs[0]:
                for b in pairs[1]:
                    _add_outer(result, a, b)
        else:
            result.addmm_(_summed(left), _summed(right).t())
    return result


def _add_outer(result: Tensor, a: Outer, b: Outer) -> None:
    """Add sum over channels c of a and c' of b of <inputs_c, inputs_c'> <slopes_c, slopes_c'>."""
    first, second = torch.empty_like(result), torch.empty_like(result)
    for slopes, inputs in zip(a.slopes, a.inputs, strict=True):
        for own_slopes, own_inputs in zip(b.slopes, b.inputs, strict=True):
            torch.mm(slopes, own_slopes.t(), out=first)
            torch.mm(inputs, own_inputs.t(), out=second)
            result.addcmul_(first, second)


def _summed(parts: Sequence[Outer | Dense]) -> Tensor:
    total = parts[0].dense()
    for part in parts[1:]:
        total = total + part.dense()
    return total
