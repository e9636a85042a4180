"""The tangent kernel J J^T of a sum of squares, and products with J, from the factors of the Jacobian alone.

With a the channels that enter a layer and g the cotangents of those that leave it, a weight's share is
(J J^T)_nm = sum_{c, c'} <a[c, n], a[c', m]> <g[c, n], g[c', m]>, so J (N, P) is never formed: what is kept grows with
the width of the layers and not with the number of their weights. Where a layer is so narrow that it is quicker, its
share of J is formed for a block of rows at a time.

Source: Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks,
NeurIPS 2024, for the factors; Guzman-Cordero, Dangel, Goldshlager, Zeinhofer, arXiv:2505.12149 (2025), for the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .gram import mean_costs, row_count, widths_of
from .jacobian_factors import Dense, Outer, Tangent
from .per_sample_jacobian import tangents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .residual_loss import Collocation

__all__ = ["Kernel", "kernel"]

_ROWS = 1024
"""Rows of a block of the kernel: the temporaries of a block are a few such squares."""
_SHORT = 2.5
"""How much slower than a long product a short one is, whose result is then multiplied and added up entry by entry."""


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

    def push(self, vector: Tensor) -> Tensor:
        """J v, ``(N,)``, for v ``(P,)``."""
        result = torch.zeros_like(self.rows)
        for tangent in self.tangents:
            own = result[tangent.place]
            for start, parts in tangent.parts.items():
                for part in parts:
                    own += part.push(vector[start : start + part.width])
        return result

    def pull(self, vector: Tensor) -> Tensor:
        """J^T w, ``(P,)``, for w ``(N,)``."""
        result = self.rows.new_zeros(self.count)
        for tangent in self.tangents:
            own = vector[tangent.place]
            for start, parts in tangent.parts.items():
                for part in parts:
                    result[start : start + part.width] += part.pull(own)
        return result


def kernel(target: Collocation) -> Kernel:
    """The kernel at the parameters of the moment, block by block; a wide layer takes the time of N^2 C^2 (h + k)."""
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
    shared = [start for start in one.parts if start in other.parts]
    factored = [start for start in shared if _cheaper_as_factors(one.parts[start], other.parts[start])]
    formed = [start for start in shared if start not in factored]
    result = one.rows.new_zeros(one.rows.shape[0], other.rows.shape[0])
    if formed:
        left, right = (torch.cat([_summed(t.parts[start]) for start in formed], dim=1) for t in (one, other))
        torch.mm(left, right.t(), out=result)
    for start in factored:
        for a in one.parts[start]:
            for b in other.parts[start]:
                if isinstance(a, Outer) and isinstance(b, Outer):  # all of them are
                    _add_outer(result, a, b)
    return result


def _cheaper_as_factors(one: Sequence[Outer | Dense], other: Sequence[Outer | Dense]) -> bool:
    """Whether C C' products of lengths h and k beat one of length h k; short products run far below the full rate."""
    channels = []
    for parts in (one, other):
        own = [part.slopes.shape[0] for part in parts if isinstance(part, Outer)]
        if len(own) < len(parts):
            return False
        channels.append(sum(own))
    first = one[0]
    assert isinstance(first, Outer)
    return first.width > _SHORT * channels[0] * channels[1] * (first.slopes.shape[2] + first.inputs.shape[2])


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
