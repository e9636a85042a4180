"""Tangent kernel J J^T of a sum of squares, and products with J, from the factors of the Jacobian alone.

With a the channels that enter a layer and g the cotangents of its outputs, the contribution of a weight is
(J J^T)_nm = sum_{c, c'} <a[c, n], a[c', m]> <g[c, n], g[c', m]>, so J (N, P) is never formed: memory grows with
the width of the layers and not with the number of their weights. For narrow layers, where it is faster, their block of
J is formed for some rows at a time.

Source: Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks,
NeurIPS 2024, for the factors; Guzman-Cordero, Dangel, Goldshlager, Zeinhofer, arXiv:2505.12149 (2025), for the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .gram import column_counts, mean_costs, row_count
from .jacobian_factors import DenseJacobian, JacobianBlock, OuterProducts
from .per_sample_jacobian import jacobian_blocks
from .weighted_residuals import WeightedResiduals

__all__ = ["FactoredKernel", "tangent_kernel"]

_ROWS = 1024
"""Rows of a block of the kernel: a block needs a few temporary matrices of this size."""
_SHORT = 2.5
"""Ratio of the times of a short and a long matrix product per operation; short ones are added up entry by entry."""


@dataclass(frozen=True)
class FactoredKernel:
    """Rows of a sum of squares, their kernel, and their Jacobian as two functions.

    Args:
        rows: r, ``(N,)``; the loss is their sum of squares.
        matrix: J J^T, ``(N, N)``.
        terms: the unweighted mean cost of each term, 0-d each.
        count: P, the number of parameters.
        blocks: the rows with the factors of their derivatives.
    """

    rows: Tensor
    matrix: Tensor
    terms: Mapping[str, Tensor]
    count: int
    blocks: Sequence[JacobianBlock]

    def push(self, vector: Tensor) -> Tensor:
        """J v, ``(N,)``, for v ``(P,)``."""
        result = torch.zeros_like(self.rows)
        for block in self.blocks:
            own = result[block.place]
            for start, parts in block.parts.items():
                for part in parts:
                    own += part.push(vector[start : start + part.width])
        return result

    def pull(self, vector: Tensor) -> Tensor:
        """J^T w, ``(P,)``, for w ``(N,)``."""
        result = self.rows.new_zeros(self.count)
        for block in self.blocks:
            own = vector[block.place]
            for start, parts in block.parts.items():
                for part in parts:
                    result[start : start + part.width] += part.pull(own)
        return result


def tangent_kernel(target: WeightedResiduals) -> FactoredKernel:
    """Kernel at the current parameters, block by block; a wide layer takes N^2 C^2 (h + k) operations."""
    found = list(jacobian_blocks(target, rows=_ROWS))
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
    costs = mean_costs(target, ((block.term, block.cost) for block in found))
    return FactoredKernel(rows, matrix, costs, sum(column_counts(target.parameters).values()), found)


def _block(one: JacobianBlock, other: JacobianBlock) -> Tensor:
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
                if isinstance(a, OuterProducts) and isinstance(b, OuterProducts):  # all of them are
                    _add_outer(result, a, b)
    return result


def _cheaper_as_factors(
    one: Sequence[OuterProducts | DenseJacobian], other: Sequence[OuterProducts | DenseJacobian]
) -> bool:
    """Return whether C C' products of lengths h and k are faster than one of length h k; short ones are slow."""
    channels = []
    for parts in (one, other):
        own = [part.slopes.shape[0] for part in parts if isinstance(part, OuterProducts)]
        if len(own) < len(parts):
            return False
        channels.append(sum(own))
    first = one[0]
    assert isinstance(first, OuterProducts)
    return first.width > _SHORT * channels[0] * channels[1] * (first.slopes.shape[2] + first.inputs.shape[2])


def _add_outer(result: Tensor, a: OuterProducts, b: OuterProducts) -> None:
    """Add sum over channels c of a and c' of b of <inputs_c, inputs_c'> <slopes_c, slopes_c'>."""
    first, second = torch.empty_like(result), torch.empty_like(result)
    for slopes, inputs in zip(a.slopes, a.inputs, strict=True):
        for own_slopes, own_inputs in zip(b.slopes, b.inputs, strict=True):
            torch.mm(slopes, own_slopes.t(), out=first)
            torch.mm(inputs, own_inputs.t(), out=second)
            result.addcmul_(first, second)


def _summed(parts: Sequence[OuterProducts | DenseJacobian]) -> Tensor:
    total = parts[0].dense()
    for part in parts[1:]:
        total = total + part.dense()
    return total
