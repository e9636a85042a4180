"""Operations that move, pick or join features: they act alike on every channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pinnkit.jets.taylor.arguments import feature_dim, linearly, parts_of
from pinnkit.jets.taylor.taylor_pass import Taylor, UnsupportedOperation, implements

__all__ = ["squeeze", "unbind", "unsqueeze"]


@implements("getitem", "__getitem__")
def _getitem(x: Taylor, index: Any) -> Taylor:
    index = index if isinstance(index, tuple) else (index,)
    used = sum(1 for entry in index if entry is not None and entry is not Ellipsis)
    points = (index[0] is Ellipsis and used < x.ndim) or (isinstance(index[0], slice) and index[0] == slice(None))
    if not points:
        raise UnsupportedOperation("getitem", "index features with x[:, ...] or x[..., i]; points cannot be picked")
    for entry in index:
        fits = entry is None or entry is Ellipsis or isinstance(entry, int | slice | list)
        if not fits and not (isinstance(entry, Tensor) and entry.ndim == 1 and entry.dtype != torch.bool):
            raise UnsupportedOperation("getitem", f"no rule for an index of type {type(entry).__name__}")
    return linearly(x, lambda data: data[(slice(None), *index)])


def _reshaped(name: str, x: Taylor, shape: Sequence[int]) -> Taylor:
    known = math.prod(size for size in shape if size != -1)
    sizes = [x.numel() // max(known, 1) if size == -1 else int(size) for size in shape]
    if not sizes or sizes[0] != x.shape[0]:
        raise UnsupportedOperation(name, "dimension 0 counts the points, which cannot be mixed")
    return linearly(x, lambda data: data.reshape(data.shape[0], data.shape[1], *sizes[1:]))


@implements("reshape", "view")
def _reshape(x: Taylor, *shape: Any) -> Taylor:
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    return _reshaped("reshape", x, shape)


@implements("flatten")
def _flatten(x: Taylor, start_dim: int = 0, end_dim: int = -1) -> Taylor:
    first, last = start_dim % x.ndim, end_dim % x.ndim
    if last <= first:
        return x
    return _reshaped("flatten", x, (*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


@implements("unflatten")
def _unflatten(x: Taylor, dim: int, sizes: Sequence[int]) -> Taylor:
    position = feature_dim("unflatten", x, dim)
    return linearly(x, lambda data: data.unflatten(position, tuple(sizes)))


@implements("unsqueeze")
def unsqueeze(x: Taylor, dim: int) -> Taylor:
    """Insert a dimension of features, of length 1."""
    position = dim % (x.ndim + 1)
    if position == 0:
        raise UnsupportedOperation("unsqueeze", "dimension 0 counts the points")
    return linearly(x, lambda data: data.unsqueeze(position + 1))


@implements("squeeze")
def squeeze(x: Taylor, dim: int | None = None) -> Taylor:
    """Remove dimensions of features that have length 1."""
    if dim is None:
        return _reshaped("squeeze", x, (x.shape[0], *(size for size in x.shape[1:] if size != 1)))
    position = feature_dim("squeeze", x, dim)
    return linearly(x, lambda data: data.squeeze(position))


@implements("transpose", "swapaxes", "swapdims")
def _transpose(x: Taylor, dim0: int, dim1: int) -> Taylor:
    first, second = feature_dim("transpose", x, dim0), feature_dim("transpose", x, dim1)
    return linearly(x, lambda data: data.transpose(first, second))


@implements("permute")
def _permute(x: Taylor, *dims: Any) -> Taylor:
    order = tuple(dims[0]) if len(dims) == 1 and not isinstance(dims[0], int) else dims
    if order[0] % x.ndim != 0:
        raise UnsupportedOperation("permute", "dimension 0 counts the points, which stay first")
    return linearly(x, lambda data: data.permute(0, *(dim % x.ndim + 1 for dim in order)))


@implements("expand", "broadcast_to")
def _expand(x: Taylor, *sizes: Any) -> Taylor:
    shape = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if len(shape) != x.ndim or shape[0] not in (-1, x.shape[0]):
        raise UnsupportedOperation("expand", "no rule for new leading dimensions")
    return linearly(x, lambda data: data.expand(data.shape[0], -1, *shape[1:]))


@implements("narrow")
def _narrow(x: Taylor, dim: int, start: int, length: int) -> Taylor:
    position = feature_dim("narrow", x, dim)
    return linearly(x, lambda data: data.narrow(position, start, length))


@implements("select")
def _select(x: Taylor, dim: int, index: int) -> Taylor:
    position = feature_dim("select", x, dim)
    return linearly(x, lambda data: data.select(position, index))


@implements("index_select")
def _index_select(x: Taylor, dim: int, index: Tensor) -> Taylor:
    position = feature_dim("index_select", x, dim)
    return linearly(x, lambda data: data.index_select(position, index))


@implements("split", "split_with_sizes")
def _split(x: Taylor, split_size_or_sections: Any, dim: int = 0) -> tuple[Taylor, ...]:
    length = x.shape[feature_dim("split", x, dim) - 1]
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        sizes = [min(sizes, length - start) for start in range(0, length, sizes)]
    starts = [sum(sizes[:position]) for position in range(len(sizes))]
    return tuple(_narrow(x, dim, start, size) for start, size in zip(starts, sizes, strict=True))


@implements("chunk")
def _chunk(x: Taylor, chunks: int, dim: int = 0) -> tuple[Taylor, ...]:
    length = x.shape[feature_dim("chunk", x, dim) - 1]
    return _split(x, -(-length // chunks), dim)


@implements("unbind")
def unbind(x: Taylor, dim: int = 0) -> tuple[Taylor, ...]:
    """Return one for each index along a dimension of features."""
    length = x.shape[feature_dim("unbind", x, dim) - 1]
    return tuple(_select(x, dim, index) for index in range(length))


@implements("cat", "concat", "concatenate")
def _cat(tensors: Sequence[Any], dim: int = 0) -> Taylor:
    first = next(tensor for tensor in tensors if isinstance(tensor, Taylor))
    position = feature_dim("cat", first, dim)
    affinities = [tensor.affinity if isinstance(tensor, Taylor) else None for tensor in tensors]
    if all(affinity is not None for affinity in affinities):
        values = [affinity[0] for affinity in affinities if affinity is not None]
        rows = [affinity[1] for affinity in affinities if affinity is not None]
        return Taylor.affine(first.plan, torch.cat(values, position - 1), torch.cat(rows, position))
    return Taylor.full(first.plan, torch.cat([_data(tensor, first) for tensor in tensors], position))


def _data(operand: Any, like: Taylor) -> Tensor:
    if isinstance(operand, Taylor):
        return operand.coefficients
    return Taylor.stacked(like.plan, parts_of(like.plan, operand, like)).coefficients


@implements("hstack", "column_stack")
def _hstack(tensors: Sequence[Any]) -> Taylor:
    return _cat([unsqueeze(x, -1) if x.ndim == 1 and isinstance(x, Taylor) else x for x in tensors], 1)


@implements("stack")
def _stack(tensors: Sequence[Any], dim: int = 0) -> Taylor:
    first = next(tensor for tensor in tensors if isinstance(tensor, Taylor))
    position = dim % (first.ndim + 1)
    if position == 0:
        raise UnsupportedOperation("stack", "dimension 0 counts the points")
    return _cat([_as(tensor, first).unsqueeze(position) for tensor in tensors], position)


def _as(operand: Any, like: Taylor) -> Any:
    return operand if isinstance(operand, Taylor) else torch.as_tensor(operand, device=like.device)
