"""Weighted sums of neighbouring rows of a table, with a gradient that needs no scattered additions.

Interpolation on a regular grid is sum_k w_k table[base + offset_k], with the same offsets at every point.  Rows are
read by `embedding_bag`; the gradient sorts the points by `base` once and sums the contributions to each row by
`embedding_bag` too.  On a CPU this is about ten times as fast as `grid_sample` or `index_add`, and bit for bit the same
for any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["weighted_rows"]


def weighted_rows(table: Tensor, base: Tensor, offsets: Sequence[int], weight: Tensor) -> Tensor:
    """Evaluate sum_k weight[:, k] table[base + offsets[k]]; differentiable to any order in `table` and `weight`.

    Args:
        table: `(rows, c)`.
        base: `(n,)` int32, at least 0, with rows at every base + offset.
        offsets: K whole numbers, at least 0.
        weight: `(n, K)`.

    Returns:
        `(n, c)`.
    """
    if base.shape[0] == 0:
        return table[:0] * weight.sum()
    found: Tensor = _Read.apply(table, weight, base, tuple(offsets))
    return found


def _read(table: Tensor, weight: Tensor, base: Tensor, offsets: tuple[int, ...]) -> Tensor:
    rows = base[:, None] + torch.tensor(offsets, dtype=base.dtype, device=base.device)
    return F.embedding_bag(rows, table, mode="sum", per_sample_weights=weight)


def _spread(values: Tensor, weight: Tensor, base: Tensor, offsets: tuple[int, ...], rows: int) -> Tensor:
    """Apply the transpose of `_read`: `(n, c)` to `(rows, c)`."""
    ordered, order = torch.sort(base, stable=True)
    begins = torch.arange(rows - max(offsets), dtype=base.dtype, device=base.device)
    start = torch.searchsorted(ordered, begins, out_int32=True)
    order = order.to(torch.int32)
    shares = weight.index_select(0, order).t().contiguous()
    values = values.contiguous()
    out = values.new_zeros(rows, values.shape[1])
    for offset, share in zip(offsets, shares, strict=True):
        part = F.embedding_bag(order, values, start, mode="sum", per_sample_weights=share)
        out[offset : offset + part.shape[0]] += part
    return out


def _products(table: Tensor, values: Tensor, base: Tensor, offsets: tuple[int, ...]) -> Tensor:
    """Evaluate <table[base + offset_k], values> for every k, `(n, K)`, by operations that can be differentiated."""
    return torch.stack([(table.index_select(0, base + o) * values).sum(1) for o in offsets], 1)


class _Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, weight: Tensor, base: Tensor, offsets: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(table, weight, base)
        ctx.offsets = offsets
        return _read(table, weight, base, offsets)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        table, weight, base = ctx.saved_tensors
        to_table = to_weight = None
        if ctx.needs_input_grad[0]:
            to_table = _Spread.apply(grad, weight, base, ctx.offsets, table.shape[0])
        if ctx.needs_input_grad[1]:
            to_weight = _products(table, grad, base, ctx.offsets)
        return to_table, to_weight, None, None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, base: Tensor, offsets: tuple[int, ...], rows: int) -> Tensor:
        ctx.save_for_backward(values, weight, base)
        ctx.offsets = offsets
        return _spread(values, weight, base, offsets, rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        values, weight, base = ctx.saved_tensors
        to_values = to_weight = None
        if ctx.needs_input_grad[0]:
            to_values = _Read.apply(grad, weight, base, ctx.offsets)
        if ctx.needs_input_grad[1]:
            to_weight = _products(grad, values, base, ctx.offsets)
        return to_values, to_weight, None, None, None
