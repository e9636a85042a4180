"""Fused kernels on stacked channels, for eager passes: a linear layer and an elementwise function.

Run eagerly, a Taylor pass is bound by memory and not by arithmetic. Here every result is written into one buffer, a
few hundred points at a time so that intermediate results stay in the cache, and the backward pass is written out by
hand from the plan. Where torch traces operations (compiling, `torch.func`, forward mode), `is_traced()` is true and
`traceable_ops` computes the same from ordinary operations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from pinnkit.jets.elementary.tower import Elementwise, Entry

from .channel_plan import ChainTerm, Plan
from .traceable_ops import elementwise_parts, row_products

__all__ = ["affine_elementwise", "elementwise", "is_traced", "linear", "tiles"]

_TILE_BYTES = 1 << 20
"""Size of one channel of one tile on a CPU with one thread: about a second-level cache."""


def is_traced() -> bool:
    """Return whether torch traces or transforms operations, so that only ordinary ones may be used."""
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or _get_current_dispatch_mode() is not None
        or torch.autograd.forward_ad._current_level >= 0
    )


# linear layer -------------------------------------------------------------------------------------------------------
def linear(channels: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Multiply (K, ..., k) by weight^T, (h, k): (K, ..., h); a `bias` is added to slice 0, the value."""
    result: Tensor = _Linear.apply(channels, weight, bias)
    return result


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, channels: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(channels, weight)
        ctx.biased = bias is not None
        result = torch.mm(channels.reshape(-1, channels.shape[-1]), weight.t())
        result = result.view(*channels.shape[:-1], weight.shape[0])
        if bias is not None:
            result[0] += bias
        return result

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        # Ordinary operations on saved inputs: differentiable again as they stand.
        channels, weight = ctx.saved_tensors
        flat = g.reshape(-1, g.shape[-1])
        inputs = (flat @ weight).view(channels.shape) if ctx.needs_input_grad[0] else None
        weights = flat.t() @ channels.reshape(-1, channels.shape[-1]) if ctx.needs_input_grad[1] else None
        biases = g[0].reshape(-1, g.shape[-1]).sum(0) if ctx.biased and ctx.needs_input_grad[2] else None
        return inputs, weights, biases


# elementwise function of full channels ------------------------------------------------------------------------------
def elementwise(data: Tensor, plan: Plan, wanted: tuple[int, ...], function: Elementwise) -> Tensor:
    """Compute the channels `wanted` of f(z) from all channels of z: (C, n, ...) -> (len(wanted), n, ...)."""
    result: Tensor = _Elementwise.apply(data, plan, wanted, function)
    return result


class _Elementwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, data: Tensor, plan: Plan, wanted: tuple[int, ...], function: Elementwise) -> Tensor:
        out = data.new_empty(len(wanted), *data.shape[1:])
        highest = plan.blocks(wanted)
        states: list[Tensor] = []
        for start, stop in tiles(data[0]):
            z = data[:, start:stop].unbind(0)
            state = function.state(z[0])
            tower = function.tower(state, highest)
            states += state
            for position, channel in enumerate(wanted):
                _write(out[position, start:stop], channel, plan, tower, z)
        ctx.save_for_backward(data, *states)
        ctx.plan, ctx.wanted, ctx.function = plan, wanted, function
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, None, None, None]:
        data, *states = ctx.saved_tensors
        plan, wanted, function = ctx.plan, ctx.wanted, ctx.function
        if torch.is_grad_enabled():  # create_graph: this pass will be differentiated itself
            parts = elementwise_parts(plan, wanted, function, list(data.unbind(0)))
            out = _stack(parts, data[0])
            (gradient,) = torch.autograd.grad(out, data, g, create_graph=True, materialize_grads=True)
            return gradient, None, None, None
        gradient = torch.empty_like(data)
        ranges = tiles(data[0])
        width = len(states) // len(ranges)
        for number, (start, stop) in enumerate(ranges):
            tower = function.tower(tuple(states[number * width : (number + 1) * width]), plan.blocks(wanted) + 1)
            z, slopes = data[:, start:stop].unbind(0), g[:, start:stop].unbind(0)
            _pull_back(gradient[:, start:stop].unbind(0), plan, wanted, tower, z, slopes)
        return gradient, None, None, None


def _write(out: Tensor, channel: int, plan: Plan, tower: list[Entry], z: tuple[Tensor, ...]) -> None:
    """Write a channel of f(z): sum over the number of blocks p of f^(p) times the products of p channels."""
    if channel == 0:
        _copy(out, tower[0])
        return
    _multiply(out, tower[1], z[channel])
    for blocks, terms in enumerate(plan.chain[channel][1:], start=2):
        entry = tower[blocks]
        if entry is not None and terms:
            out.addcmul_(entry[1], _products(terms, z), value=entry[0])


def _pull_back(
    out: tuple[Tensor, ...],
    plan: Plan,
    wanted: tuple[int, ...],
    tower: list[Entry],
    z: tuple[Tensor, ...],
    slopes: tuple[Tensor, ...],
) -> None:
    """Compute the gradients of all channels of z from those of the channels `wanted` of f(z).

    gz_0 = g_0 f' + sum_c g_c sum_p f^(p+1) Q_cp and gz_b = sum_c g_c sum_p f^(p) dQ_cp / dz_b, where
    Q_cp = sum of coefficient * product of p channels.
    """
    given = dict(zip(wanted, slopes, strict=True))
    sums: dict[int, Tensor] = {}  # per p: sum_c g_c Q_cp
    for channel in range(1, len(out)):
        if channel in given:
            _multiply(out[channel], tower[1], given[channel])
        else:
            out[channel].zero_()
    for channel, g in given.items():
        for blocks, terms in enumerate(plan.chain[channel], start=1):
            if not terms:
                continue
            if tower[blocks + 1] is not None:
                product = z[channel] if blocks == 1 else _products(terms, z)
                if blocks in sums:
                    sums[blocks].addcmul_(g, product)
                else:
                    sums[blocks] = g * product
            entry = tower[blocks]
            if blocks == 1 or entry is None:
                continue
            scaled = g * entry[1]
            for coefficient, members in terms:
                for member in sorted(set(members)):
                    rest = list(members)
                    rest.remove(member)
                    factor = coefficient * members.count(member) * entry[0]
                    out[member].addcmul_(scaled, _product(rest, z), value=factor)
    if 0 in given:
        _multiply(out[0], tower[1], given[0])
    else:
        out[0].zero_()
    for blocks, total in sums.items():
        entry = tower[blocks + 1]
        if entry is not None:
            out[0].addcmul_(entry[1], total, value=entry[0])


def _copy(out: Tensor, entry: Entry) -> None:
    if entry is None:
        out.zero_()
    elif entry[0] == 1:
        out.copy_(entry[1])
    else:
        torch.mul(entry[1], entry[0], out=out)


def _multiply(out: Tensor, entry: Entry, factor: Tensor) -> None:
    if entry is None:
        out.zero_()
        return
    torch.mul(entry[1], factor, out=out)
    if entry[0] != 1:
        out.mul_(entry[0])


def _product(members: list[int], z: tuple[Tensor, ...]) -> Tensor:
    product = z[members[0]]
    for member in members[1:]:
        product = product * z[member]
    return product


def _products(terms: tuple[ChainTerm, ...], z: tuple[Tensor, ...]) -> Tensor:
    """Sum coefficients times products; the first term is written, the others are added to it."""
    total: Tensor | None = None
    for coefficient, members in terms:
        left = _product(list(members[:-1]), z)
        if total is None:
            total = left * z[members[-1]]
            if coefficient != 1:
                total.mul_(coefficient)
        else:
            total.addcmul_(left, z[members[-1]], value=coefficient)
    assert total is not None
    return total


# elementwise function where the argument is affine in the coordinates ----------------------------------------------
def affine_elementwise(
    value: Tensor, rows: Tensor, plan: Plan, wanted: tuple[int, ...], function: Elementwise
) -> Tensor:
    """Compute the channels `wanted` of f(z) for a value (n, ...) and derivatives (M, 1, ...), constant over the points.

    The products Q_cp of derivatives are then constant as well and computed once.
    """
    parts: list[Tensor | None] = [None] * len(plan.channels)
    for position, channel in enumerate(plan.sloped):
        parts[channel] = rows[position]
    coefficients: list[Tensor] = []
    places: list[tuple[int, int]] = []
    for position, channel in enumerate(wanted):
        for blocks, terms in enumerate(plan.chain[channel], start=1):
            product = row_products(terms, parts)
            if product is not None:
                coefficients.append(product)
                places.append((position, blocks))
    if not coefficients:
        coefficients.append(value.new_zeros(1, *value.shape[1:]))
    result: Tensor = _Affine.apply(value, torch.stack(coefficients), plan, wanted, tuple(places), function)
    return result


class _Affine(torch.autograd.Function):
    """Channels sum_p f^(p)(value) Q_cp with rows Q_cp; `places` holds the channel and p of each row."""

    @staticmethod
    def forward(
        ctx: Any,
        value: Tensor,
        rows: Tensor,
        plan: Plan,
        wanted: tuple[int, ...],
        places: tuple[tuple[int, int], ...],
        function: Elementwise,
    ) -> Tensor:
        out = value.new_empty(len(wanted), *value.shape)
        highest = plan.blocks(wanted)
        states: list[Tensor] = []
        for start, stop in tiles(value):
            state = function.state(value[start:stop])
            states += state
            tower = function.tower(state, highest)
            written = set()
            if wanted[0] == 0:
                _copy(out[0, start:stop], tower[0])
                written.add(0)
            for row, (position, blocks) in zip(rows, places, strict=False):
                entry, target = tower[blocks], out[position, start:stop]
                if entry is None:
                    continue
                if position in written:
                    target.addcmul_(entry[1], row, value=entry[0])
                else:
                    torch.mul(entry[1], row if entry[0] == 1 else entry[0] * row, out=target)
                    written.add(position)
            for position in range(len(wanted)):
                if position not in written:
                    out[position, start:stop].zero_()
        ctx.save_for_backward(value, rows, *states)
        ctx.call = plan, wanted, places, function
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None, None]:
        value, rows, *states = ctx.saved_tensors
        plan, wanted, places, function = ctx.call
        none = (None, None, None, None)
        highest = plan.blocks(wanted)
        if torch.is_grad_enabled():  # create_graph: this pass will be differentiated itself
            tower = function.tower(function.state(value), highest + 1)
            return *_affine_gradients(value, rows, wanted, places, tower, g), *none
        gradient, totals = torch.empty_like(value), torch.zeros_like(rows)
        ranges = tiles(value)
        width = len(states) // len(ranges)
        for number, (start, stop) in enumerate(ranges):
            tower = function.tower(tuple(states[number * width : (number + 1) * width]), highest + 1)
            slopes = g[:, start:stop]
            part, total = _affine_gradients(value[start:stop], rows, wanted, places, tower, slopes)
            gradient[start:stop] = part
            totals += total
        return gradient, totals, *none


def _affine_gradients(
    value: Tensor,
    rows: Tensor,
    wanted: tuple[int, ...],
    places: tuple[tuple[int, int], ...],
    tower: list[Entry],
    slopes: Tensor,
) -> tuple[Tensor, Tensor]:
    """Compute the gradients of the value and of the rows, by ordinary operations."""
    weights: dict[int, Tensor] = {}  # per p: the factor of f^(p) in the gradient of the value
    if wanted[0] == 0:
        weights[1] = slopes[0]
    totals = []
    for row, (position, blocks) in zip(rows, places, strict=False):
        entry = tower[blocks]
        if entry is None:
            totals.append(torch.zeros_like(row))
        else:
            totals.append(entry[0] * (entry[1] * slopes[position]).sum(0, keepdim=True))
        higher = blocks + 1
        if higher in weights:
            weights[higher] = torch.addcmul(weights[higher], slopes[position], row)
        else:
            weights[higher] = slopes[position] * row
    gradient: Tensor | None = None
    for blocks, weight in weights.items():
        entry = tower[blocks]
        if entry is None:
            continue
        if gradient is None:
            gradient = entry[1] * weight if entry[0] == 1 else entry[0] * entry[1] * weight
        else:
            gradient = torch.addcmul(gradient, entry[1], weight, value=entry[0])
    if gradient is None:
        gradient = torch.zeros_like(value)
    return gradient, torch.stack(totals) if totals else torch.zeros_like(rows)


def tiles(value: Tensor) -> list[tuple[int, int]]:
    """Divide points into ranges with a part of `value` that fits the cache; one range on other devices than a CPU."""
    points = value.shape[0]
    if value.device.type != "cpu" or points == 0:
        return [(0, points)]
    # Every operation ends with a barrier of all threads, which is slow where they share cores: larger tiles then.
    threads = torch.get_num_threads()
    size = _TILE_BYTES if threads == 1 else 4 * threads * _TILE_BYTES
    size = max(1, size * points // max(1, value.numel() * value.element_size()))
    return [(start, min(start + size, points)) for start in range(0, points, size)]


def _stack(parts: list[Tensor | None], like: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(like) if part is None else part for part in parts])
