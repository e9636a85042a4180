"""What solvers make of the tangent of a sum of squares: rows and Jacobian, or the Gram matrix without the Jacobian."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from .parameters import Parameters
from .per_sample_jacobian import columns_of, tangents

if TYPE_CHECKING:
    from .residual_loss import Collocation

__all__ = ["Gram", "gram", "mean_costs", "row_count", "rows_and_jacobian", "widths_of"]

_ROWS = 4096
"""Rows of one pass where the Jacobian is formed whole."""
_BUFFER_BYTES = 3 << 23
"""Of the part of the Jacobian that is multiplied with itself at once; the allocator of glibc keeps less than 32 MiB."""
_COLUMNS = 256
"""Columns that are multiplied at once: what lies above the diagonal blocks of J^T J is left out."""


class Gram(NamedTuple):
    """A sum of squares to second order: loss(theta + p) ~ loss + 2 gradient . p + p . matrix p."""

    loss: Tensor  # |r|^2, 0-d
    gradient: Tensor  # J^T r, (P,): half the gradient of the loss
    matrix: Tensor  # J^T J, (P, P)
    terms: Mapping[str, Tensor]  # the unweighted mean cost of each term, 0-d each


def rows_and_jacobian(target: Collocation, *, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """All rows ``(N,)`` and their Jacobian ``(N, P)``, which is written into `out` where that is given."""
    widths = widths_of(target.parameters)
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
    for tangent in tangents(target, rows=_ROWS):
        rows[tangent.place] = tangent.rows
        tangent.write(out[tangent.place], widths)
    return rows, out


def gram(target: Collocation) -> Gram:
    """J^T J and J^T r, from a part of the Jacobian at a time: memory does not grow with the number of points."""
    widths = widths_of(target.parameters)
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

    for tangent in tangents(target, rows=capacity):
        n = tangent.rows.shape[0]
        if filled + n > capacity:
            flush()
            filled = 0
        tangent.write(buffer[filled : filled + n], widths)
        rows[filled : filled + n] = tangent.rows
        filled += n
        costs.append((tangent.term, tangent.cost))
    flush()
    matrix = matrix.tril_()
    matrix += matrix.tril(-1).t()
    return Gram(loss, gradient, matrix, mean_costs(target, costs))


def mean_costs(target: Collocation, costs: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """The unweighted mean cost of each term, from the sums of its parts."""
    total: dict[str, list[Tensor]] = {str(t.name): [] for t in target.problem.soft_terms}
    for name, cost in costs:
        total[name].append(cost)
    return {
        str(t.name): torch.stack(total[str(t.name)]).sum() / target.cloud.size(t) for t in target.problem.soft_terms
    }


def row_count(target: Collocation) -> int:
    """The number of rows of all terms."""
    problem = target.problem
    return sum(target.cloud.size(t) * problem.trace(t, raw=True).rows for t in problem.soft_terms)


def widths_of(parameters: Parameters) -> dict[int, int]:
    """How many columns every tensor has, by its first one."""
    return {start: tensor.numel() for tensor, start in columns_of(parameters).items()}
