"""Per-sample Jacobian of a sum of squares, as factors: one Taylor pass and one backward pass per component.

A row is sqrt(w_n / n) r(channels at point n). One backward pass of the sum of a row component over the points gives
the cotangents of all points at the layers that the Taylor pass recorded; with a the channels that enter a linear layer
and g the cotangents of its outputs, the derivative of the row in the weight is sum_c g[c, n] (x) a[c, n].

Where a row has several samples (the points of a group, the nodes of an integral), they are further channels of it.

Source: Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks,
NeurIPS 2024, section 3: the channels of a jet share a weight as the places of a sequence do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.jets.evaluation import jets
from pinnkit.jets.evaluation.pointwise import point_jets
from pinnkit.jets.orders import Channel as Derived
from pinnkit.jets.taylor.weight_record import LinearUse, Record
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import Pass

from .jacobian_factors import DenseJacobian, JacobianBlock, OuterProducts
from .operator_collapse import CollapsedOperator
from .parameters import Parameters
from .weighted_residuals import WeightedResiduals

__all__ = ["first_columns", "jacobian_blocks"]

Part = OuterProducts | DenseJacobian


class _RecordedPass(NamedTuple):
    """Recorded Taylor pass: the uses of its weights, its derivatives, and detached leaves of them for the residual."""

    each: Pass
    record: Record
    found: Mapping[Derived, Tensor]
    leaves: Mapping[Derived, Tensor]


def first_columns(parameters: Parameters) -> dict[Tensor, int]:
    """First column of every tensor in the flat vector."""
    starts: dict[Tensor, int] = {}
    at = 0
    for tensor in parameters.tensors:
        starts[tensor] = at
        at += tensor.numel()
    return starts


def jacobian_blocks(target: WeightedResiduals, *, rows: int) -> Iterator[JacobianBlock]:
    """Rows of every term with their derivatives, of at most `rows` samples at a time, one component after another.

    Raises:
        ValueError: where a residual uses parameters of a field other than through the field's values.
    """
    like = target.parameters.tensors[0]
    at = 0
    for term in target.problem.soft_terms:
        size = target.collocation.size(term)
        for chunk, points in enumerate(target.collocation.chunks(term)):
            n = points[0].row_count
            own = max(rows * n // max(p.coords.shape[0] for p in points), 1)  # rows of at most `rows` samples
            weight = torch.as_tensor(target.weight(term, points, chunk) / size, dtype=like.dtype, device=like.device)
            scale = weight.sqrt().expand(n, 1)[:, 0]
            collapsed = target.collapsed(term, points, chunk)
            for start in range(0, n, own):
                stop = min(start + own, n)
                part = points if stop - start == n else tuple(p.rows(start, stop) for p in points)
                yield from _blocks(target, term, part, collapsed, scale[start:stop], at)
                at += (stop - start) * target.problem.trace(term, raw=True).rows


def _blocks(
    target: WeightedResiduals,
    term: Term,
    points: Sequence[Points],
    collapsed: CollapsedOperator | None,
    scale: Tensor,
    at: int,
) -> Iterator[JacobianBlock]:
    """Rows of a term at some points, the first one at place `at` among all rows: one component after another."""
    n = scale.shape[0]
    starts, own = first_columns(target.parameters), target.parameters.entries
    sought = [t for t in starts if not any(t is c for c in own)]
    with torch.enable_grad():
        runs = [_record_pass(target, each) for each in target.fields.passes(points, target.channels(term, collapsed))]
        values = {channel: value for run in runs for channel, value in run.each.named(run.leaves).items()}
        spread = [c.detach().expand(n).clone().requires_grad_() for c in own]
        r = target.combine(term, points, values, target.parameters.coefficients(spread), collapsed)
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
            for tensor, part in _parameter_jacobian(run, slopes, sought, taylor=target.derivatives == "taylor"):
                parts.setdefault(starts[tensor], []).append(_of_rows(part, points[run.each.site]))
        for c in own:
            slope = next(remaining)
            if slope is not None:
                parts.setdefault(starts[c], []).append(DenseJacobian(slope[:, None]))
        yield JacobianBlock(
            term=str(term.name),
            place=slice(at + j, at + n * k, k),
            rows=scale * detached[:, j],
            cost=detached[:, j].square().sum(),
            parts=parts,
        )


def _record_pass(target: WeightedResiduals, each: Pass) -> _RecordedPass:
    record: Record = []
    found = jets(each.module, each.coords, each.orders, derivatives=target.derivatives, record=record)
    return _RecordedPass(
        each, record, found, {order: value.detach().requires_grad_() for order, value in found.items()}
    )


def _parameter_jacobian(
    run: _RecordedPass, slopes: Mapping[Derived, Tensor], sought: Sequence[Tensor], *, taylor: bool
) -> Iterator[tuple[Tensor, Part]]:
    """Derivatives in the parameters `sought` from the cotangents `slopes` of a pass, (n, outputs) each."""
    ends = [order for order in slopes if run.found[order].requires_grad]
    if not ends:
        return
    used = [use.outputs if isinstance(use, LinearUse) else use.copies for use in run.record]
    grads: Sequence[Tensor | None] = torch.autograd.grad(
        [run.found[o] for o in ends], [*used, *sought], [slopes[o] for o in ends], retain_graph=True, allow_unused=True
    )
    # A parameter in the graph is used in a way that was not recorded, and is differentiated as a whole.
    others = [t for t, g in zip(sought, grads[len(used) :], strict=True) if g is not None]
    rest = [t for t in sought if not any(t is o for o in others)]
    for use, g in zip(run.record, grads, strict=False):
        if g is None:
            continue
        if not isinstance(use, LinearUse):
            yield from _through(use.tensor, DenseJacobian(g.reshape(g.shape[0], -1)), rest)
            continue
        g = g if use.factor == 1 else g * use.factor
        yield from _through(use.weight, OuterProducts(_points_second(g), _points_second(use.inputs)), rest)
        if use.bias is not None:
            yield from _through(use.bias, DenseJacobian(g[0].flatten(1, -2).sum(1) if g.ndim > 3 else g[0]), rest)
    if others:
        yield from _transformed(run.each, slopes, others, taylor=taylor)


def _of_rows(part: Part, points: Points) -> Part:
    """Derivatives of the rows from those at their samples: samples of equal number as further factors, else summed."""
    if points.group is None:
        return part
    if isinstance(part, DenseJacobian) or not isinstance(points.group, int):
        return DenseJacobian(points.row_sums(part.dense()))
    slopes, inputs = (
        x.reshape(x.shape[0], -1, points.group, x.shape[2]).transpose(1, 2).flatten(0, 1)
        for x in (part.slopes, part.inputs)
    )
    return OuterProducts(slopes, inputs)


def _points_second(channels: Tensor) -> Tensor:
    """(C, n, ..., k) as (C m, n, k): further dimensions of a point are like further channels."""
    return channels if channels.ndim == 3 else channels.flatten(2, -2).transpose(1, 2).flatten(0, 1)


def _through(tensor: Tensor, part: Part, sought: Sequence[Tensor]) -> Iterator[tuple[Tensor, Part]]:
    """Derivatives in the parameters that `tensor` is, or is computed from."""
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
            yield parameter, DenseJacobian(grad.flatten(1))


def _transformed(
    each: Pass, slopes: Mapping[Derived, Tensor], others: Sequence[Tensor], *, taylor: bool
) -> Iterator[tuple[Tensor, DenseJacobian]]:
    """Derivatives in `others` by `torch.func`, mapped over the points: slower, and correct for any use of them."""
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
        yield chosen[name], DenseJacobian(jacobian.detach().reshape(jacobian.shape[0], -1))
