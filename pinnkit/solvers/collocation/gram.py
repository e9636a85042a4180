"""Rows and Jacobian of a sum of squares, or its Gram matrix J^T J without the Jacobian."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from .parameters import Parameters
from .per_sample_jacobian import first_columns, jacobian_blocks
from .weighted_residuals import WeightedResiduals

__all__ = ["Gram", "column_counts", "gram", "mean_costs", "row_count", "rows_and_jacobian"]

_ROWS = 4096
"""Rows of one pass where the Jacobian is formed whole."""
_BUFFER_BYTES = 3 << 23
"""Size of the block of the Jacobian that is multiplied with itself; glibc reuses blocks of less than 32 MiB."""
_COLUMNS = 256
"""Columns that are multiplied at once: blocks above the diagonal of J^T J are not computed."""


class Gram(NamedTuple):
    """Gauss-Newton model of a sum of squares: loss(theta + p) ~ loss + 2 gradient . p + p . matrix p."""

    loss: Tensor  # |r|^2, 0-d
    gradient: Tensor  # J^T r, (P,): half the gradient of the loss
    matrix: Tensor  # J^T J, (P, P)
    terms: Mapping[str, Tensor]  # the unweighted mean cost of each term, 0-d each


def rows_and_jacobian(target: WeightedResiduals, *, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """All rows ``(N,)`` and their Jacobian ``(N, P)``, written into `out` where it is given."""
    widths = column_counts(target.parameters)
    like = target.parameters.tensors[0]
    shape = (row_count(target), sum(widths.values()))
    if out is None:
        out = like.detach().new_empty(shape)
    elif out.shape != shape or out.dtype != like.dtype or out.device != like.device:
        raise ValueError(
            f"rows_and_jacobian: `out` must be {like.dtype} of shape {shape} on {like.device}, got {out.dtype} of "
            f"shape {tuple(out.shape)} on {out.device}"
        )
    rows = out.new_empty(shape[0])
    for block in jacobian_blocks(target, rows=_ROWS):
        rows[block.place] = block.rows
        block.write(out[block.place], widths)
    return rows, out


def gram(target: WeightedResiduals) -> Gram:
    """J^T J and J^T r, from a block of the Jacobian at a time: memory does not grow with the number of points."""
    widths = column_counts(target.parameters)
    like = target.parameters.tensors[0].detach()
    p = sum(widths.values())
    capacity = max(256, _BUFFER_BYTES // (p * like.element_size()))
    capacity = min(capacity, row_count(target))
    buffer, rows = like.new_empty(capacity, p), like.new_empty(capacity)
    matrix, gradient, loss = like.new_zeros(p, p), like.new_zeros(p), like.new_zeros(())
    costs = []
    filled = 0

    def flush() -> None:
        part, own = buffer[:filled], rows[:filled]
        for start in range(0, p, _COLUMNS):
            stop = min(start + _COLUMNS, p)
            matrix[start:stop, :stop].addmm_(part[:, start:stop].t(), part[:, :stop])
        gradient.addmv_(part.t(), own)
        loss.add_(own @ own)

    for block in jacobian_blocks(target, rows=capacity):
        n = block.rows.shape[0]
        if filled + n > capacity:
            flush()
            filled = 0
        block.write(buffer[filled : filled + n], widths)
        rows[filled : filled + n] = block.rows
        filled += n
        costs.append((block.term, block.cost))
    flush()
    matrix = matrix.tril_()
    matrix += matrix.tril(-1).t()
    return Gram(loss, gradient, matrix, mean_costs(target, costs))


def mean_costs(target: WeightedResiduals, costs: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Unweighted mean cost of each term, from the sums over its blocks."""
    total: dict[str, list[Tensor]] = {str(t.name): [] for t in target.problem.soft_terms}
    for name, cost in costs:
        total[name].append(cost)
    return {
        str(t.name): torch.stack(total[str(t.name)]).sum() / target.collocation.size(t)
        for t in target.problem.soft_terms
    }


def row_count(target: WeightedResiduals) -> int:
    """Number of rows of all terms."""
    problem = target.problem
    return sum(target.collocation.size(t) * problem.trace(t, raw=True).rows for t in problem.soft_terms)


def column_counts(parameters: Parameters) -> dict[int, int]:
    """Number of columns of every tensor, by its first column."""
    return {start: tensor.numel() for tensor, start in first_columns(parameters).items()}
