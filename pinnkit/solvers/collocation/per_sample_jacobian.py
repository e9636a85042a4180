"""The rows of a sum of squares beside the factors of their Jacobian: one Taylor pass and one backward per component.

A row is sqrt(w_n / n) r(channels at point n). One backward of the sum of a row component over the points gives every
point's cotangents of what the Taylor pass recorded; with a the channels that enter a linear layer and g the cotangents
of those that leave it, the row's derivative in the weight is sum_c g[c, n] (x) a[c, n].

Source: Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks,
NeurIPS 2024, section 3: the channels of a jet share a weight as the places of a sequence do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.jets.evaluation import jets
from pinnkit.jets.evaluation.pointwise import point_jets
from pinnkit.jets.orders import Channel as Derived
from pinnkit.jets.taylor.weight_record import LinearUse, Record
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import Pass

from .jacobian_factors import Dense, Outer, Tangent
from .operator_collapse import Fold
from .parameters import Parameters
from .pointwise import require_pointwise

if TYPE_CHECKING:
    from .residual_loss import Collocation

__all__ = ["columns_of", "tangents"]

Part = Outer | Dense


class _Run(NamedTuple):
    """One recorded pass: what it wrote down, its derivatives, and the same again, cut off, for the residual to use."""

    each: Pass
    record: Record
    found: Mapping[Derived, Tensor]
    leaves: Mapping[Derived, Tensor]


def columns_of(parameters: Parameters) -> dict[Tensor, int]:
    """The first column of every tensor in the flat vector."""
    starts: dict[Tensor, int] = {}
    at = 0
    for tensor in parameters.tensors:
        starts[tensor] = at
        at += tensor.numel()
    return starts


def tangents(target: Collocation, *, rows: int) -> Iterator[Tangent]:
    """The rows of every term with their derivatives, at most so many `rows` at a time, one component after another.

    Raises:
        ValueError: where a residual uses parameters of a field other than through the field's values.
    """
    like = target.parameters.tensors[0]
    at = 0
    for term in target.problem.soft_terms:
        size = target.cloud.size(term)
        for chunk, points in enumerate(target.cloud.chunks(term)):
            require_pointwise(points[0])
            n = points[0].coords.shape[0]
            weight = torch.as_tensor(target.weight(term, points, chunk) / size, dtype=like.dtype, device=like.device)
            scale = weight.sqrt().expand(n, 1)[:, 0]
            folded = target.folded(term, points, chunk)
            for start in range(0, n, rows):
                stop = min(start + rows, n)
                part = points if stop - start == n else tuple(p.rows(start, stop) for p in points)
                yield from _at(target, term, part, folded, scale[start:stop], at)
                at += (stop - start) * target.problem.trace(term, raw=True).rows


def _at(
    target: Collocation, term: Term, points: Sequence[Points], folded: Fold | None, scale: Tensor, at: int
) -> Iterator[Tangent]:
    """The rows of a term at some points, whose first one stands at place `at`: one component after another."""
    n = scale.shape[0]
    starts, own = columns_of(target.parameters), target.parameters.entries
    sought = [t for t in starts if not any(t is c for c in own)]
    with torch.enable_grad():
        runs = [_run(target, each) for each in target.fields.passes(points, target.wanted(term, folded))]
        values = {channel: value for run in runs for channel, value in run.each.named(run.leaves).items()}
        spread = [c.detach().expand(n).clone().requires_grad_() for c in own]
        r = target.combine(term, points, values, target.parameters.coefficients(spread), folded)
    inputs = [*(leaf for run in runs for leaf in run.leaves.values()), *spread]
    detached, k = r.detach(), r.shape[1]
    for j in range(k):
        grads: Sequence[Tensor | None] = [None] * len(inputs)
        if r.requires_grad:
            grads = torch.autograd.grad(r[:, j], [*inputs, *sought], scale, retain_graph=True, allow_unused=True)
        if any(g is not None for g in grads[len(inputs) :]):
            raise ValueError(
                f"problem '{target.problem.name}': term '{term.name}' uses parameters of a field other than through "
                f"the field's values; make them a Coefficient, or use Adam or LBFGS"
            )
        remaining = iter(grads)
        parts: dict[int, list[Part]] = {}
        for run in runs:
            slopes = {o: g for o in run.leaves if (g := next(remaining)) is not None}
            for tensor, part in _pull_back(run, slopes, sought, taylor=target.derivatives == "taylor"):
                parts.setdefault(starts[tensor], []).append(part)
        for c in own:
            slope = next(remaining)
            if slope is not None:
                parts.setdefault(starts[c], []).append(Dense(slope[:, None]))
        yield Tangent(
            term=str(term.name),
            place=slice(at + j, at + n * k, k),
            rows=scale * detached[:, j],
            cost=detached[:, j].square().sum(),
            parts=parts,
        )


def _run(target: Collocation, each: Pass) -> _Run:
    record: Record = []
    found = jets(each.module, each.coords, each.orders, derivatives=target.derivatives, record=record)
    return _Run(each, record, found, {order: value.detach().requires_grad_() for order, value in found.items()})


def _pull_back(
    run: _Run, slopes: Mapping[Derived, Tensor], sought: Sequence[Tensor], *, taylor: bool
) -> Iterator[tuple[Tensor, Part]]:
    """What the cotangents `slopes` of a pass, (n, outputs) each, make of the parameters `sought`."""
    ends = [order for order in slopes if run.found[order].requires_grad]
    if not ends:
        return
    used = [use.outputs if isinstance(use, LinearUse) else use.copies for use in run.record]
    grads: Sequence[Tensor | None] = torch.autograd.grad(
        [run.found[o] for o in ends], [*used, *sought], [slopes[o] for o in ends], retain_graph=True, allow_unused=True
    )
    # A parameter that is in the graph is used in a way that no record tells of, and is differentiated as a whole.
    others = [t for t, g in zip(sought, grads[len(used) :], strict=True) if g is not None]
    rest = [t for t in sought if not any(t is o for o in others)]
    for use, g in zip(run.record, grads, strict=False):
        if g is None:
            continue
        if not isinstance(use, LinearUse):
            yield from _through(use.tensor, Dense(g.reshape(g.shape[0], -1)), rest)
            continue
        g = g if use.factor == 1 else g * use.factor
        yield from _through(use.weight, Outer(_points_second(g), _points_second(use.inputs)), rest)
        if use.bias is not None:
            yield from _through(use.bias, Dense(g[0].flatten(1, -2).sum(1) if g.ndim > 3 else g[0]), rest)
    if others:
        yield from _transformed(run.each, slopes, others, taylor=taylor)


def _points_second(channels: Tensor) -> Tensor:
    """(C, n, ..., k) as (C m, n, k): further dimensions of a point are like further channels."""
    return channels if channels.ndim == 3 else channels.flatten(2, -2).transpose(1, 2).flatten(0, 1)


def _through(tensor: Tensor, part: Part, sought: Sequence[Tensor]) -> Iterator[tuple[Tensor, Part]]:
    """Derivatives in `tensor` as those in the parameters that it is, or is computed from."""
    if not tensor.requires_grad:
        return
    if tensor.is_leaf:
        if any(tensor is t for t in sought):
            yield tensor, part
        return
    dense = part.dense()
    batch = dense.view(dense.shape[0], *tensor.shape)
    grads = torch.autograd.grad(tensor, sought, batch, retain_graph=True, allow_unused=True, is_grads_batched=True)
    for parameter, grad in zip(sought, grads, strict=True):
        if grad is not None:
            yield parameter, Dense(grad.flatten(1))


def _transformed(
    each: Pass, slopes: Mapping[Derived, Tensor], others: Sequence[Tensor], *, taylor: bool
) -> Iterator[tuple[Tensor, Dense]]:
    """Derivatives in `others` by `torch.func`, the points mapped over: slower, and right for any use of them."""
    module, orders = each.module, list(slopes)
    chosen = {name: p for name, p in module.named_parameters() if any(p is o for o in others)}

    def product(values: dict[str, Tensor], point: Tensor, own: tuple[Tensor, ...]) -> Tensor:
        def field(x: Tensor) -> Tensor:
            result: Tensor = torch.func.functional_call(module, values, (x,))
            return result

        found = point_jets(field, point, orders, taylor=taylor)
        return torch.stack([(found[o] * s).sum() for o, s in zip(orders, own, strict=True)]).sum()

    values = {name: p.detach() for name, p in chosen.items()}
    mapped = torch.func.vmap(torch.func.grad(product), in_dims=(None, 0, 0))
    for name, jacobian in mapped(values, each.coords, tuple(slopes.values())).items():
        yield chosen[name], Dense(jacobian.detach().reshape(jacobian.shape[0], -1))
