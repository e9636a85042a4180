"""The rows of a sum of squares and their Jacobian in the parameters, point by point, from one pass and one backward.

A row is sqrt(w_n / n) r(channels at point n). One backward of the sum of a row component over the points gives every
point's cotangents of what the Taylor pass recorded; with a the channels that enter a linear layer and g the cotangents
of those that leave it, the row's derivative in the weight is sum_c g[c, n] (x) a[c, n]. These factors are far smaller
than the Jacobian (N, P), which is formed only where it is asked for.

Source: Dangel, Mueller, Zeinhofer, Kronecker-factored approximate curvature for physics-informed neural networks,
NeurIPS 2024, section 3: the channels of a jet share a weight as the places of a sequence do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.evaluation import Pass
from pinnkit.jets.evaluate import jets
from pinnkit.jets.functional import point_jets
from pinnkit.jets.orders import Channel as Derived
from pinnkit.jets.record import LinearUse, Record
from pinnkit.terms import Term

from .fold import Fold
from .parameters import Parameters

if TYPE_CHECKING:
    from .collocation import Collocation

__all__ = ["Dense", "Gram", "Outer", "Tangent", "gram", "rows_and_jacobian", "tangents"]

_ROWS = 2048
"""Rows of one pass where the Jacobian is formed whole."""
_TILE_BYTES = 1 << 21
"""Of an outer product that is written at once: about a second-level cache."""
_BUFFER_BYTES = 1 << 25
"""Of the part of the Jacobian that is multiplied with itself at once."""
_COLUMNS = 256
"""Columns that are multiplied at once: what lies above the diagonal blocks of J^T J is left out."""


class Gram(NamedTuple):
    """A sum of squares to second order: loss(theta + p) ~ loss + 2 gradient . p + p . matrix p."""

    loss: Tensor  # |r|^2, 0-d
    gradient: Tensor  # J^T r, (P,): half the gradient of the loss
    matrix: Tensor  # J^T J, (P, P)
    terms: Mapping[str, Tensor]  # the unweighted mean cost of each term, 0-d each


@dataclass(frozen=True)
class Outer:
    """Derivatives of rows in a weight (h, k), as factors: d row_n / dW = sum_c slopes[c, n] (x) inputs[c, n]."""

    slopes: Tensor  # (C, n, h)
    inputs: Tensor  # (C, n, k)

    @property
    def width(self) -> int:
        """How many columns of the Jacobian it has a share in."""
        return self.slopes.shape[2] * self.inputs.shape[2]

    def dense(self) -> Tensor:
        """The derivatives themselves, ``(n, h k)``."""
        product = torch.bmm(self.slopes.permute(1, 2, 0), self.inputs.permute(1, 0, 2))
        return product.flatten(1)

    def write(self, out: Tensor, *, add: bool) -> None:
        """Write the derivatives into `out` ``(n, h k)``, a few points at a time, so that they fit the cache."""
        n, h, k = *self.slopes.shape[1:], self.inputs.shape[2]
        width = max(h * k * self.slopes.element_size(), 1)
        size = n if self.slopes.device.type != "cpu" else min(n, max(16, _TILE_BYTES // width))
        buffer = self.slopes.new_empty(size, h, k)
        left, right = self.slopes.permute(1, 2, 0), self.inputs.permute(1, 0, 2)
        for start in range(0, n, max(size, 1)):
            stop = min(start + size, n)
            product = torch.bmm(left[start:stop], right[start:stop], out=buffer[: stop - start]).flatten(1)
            if add:
                out[start:stop] += product
            else:
                out[start:stop] = product

    def times(self, vector: Tensor) -> Tensor:
        """J v for the part v ``(h k,)`` that belongs to the weight: ``(n,)``."""
        weight = vector.view(self.slopes.shape[2], self.inputs.shape[2])
        return (self.slopes * (self.inputs @ weight.t())).sum((0, 2))

    def transposed_times(self, vector: Tensor) -> Tensor:
        """J^T w for ``(n,)`` numbers w: ``(h k,)``."""
        scaled = self.slopes * vector[:, None]
        return (scaled.flatten(0, 1).t() @ self.inputs.flatten(0, 1)).reshape(-1)


@dataclass(frozen=True)
class Dense:
    """Derivatives of rows in a parameter, as they are: ``(n, p)``."""

    jacobian: Tensor

    @property
    def width(self) -> int:
        """How many columns of the Jacobian it has a share in."""
        return self.jacobian.shape[1]

    def dense(self) -> Tensor:
        """The derivatives themselves."""
        return self.jacobian

    def write(self, out: Tensor, *, add: bool) -> None:
        """Write the derivatives into `out` ``(n, p)``."""
        if add:
            out += self.jacobian
        else:
            out.copy_(self.jacobian)

    def times(self, vector: Tensor) -> Tensor:
        """J v for the part v ``(p,)`` that belongs to the parameter: ``(n,)``."""
        return self.jacobian @ vector

    def transposed_times(self, vector: Tensor) -> Tensor:
        """J^T w: ``(p,)``."""
        return self.jacobian.t() @ vector


@dataclass(frozen=True)
class Tangent:
    """Some rows beside their derivatives.

    Args:
        term: which they belong to.
        place: where they stand among all rows.
        rows: weighted, ``(n,)``.
        cost: the sum of the squares of the unweighted residuals, 0-d.
        parts: for the first column of a parameter's place in theta, contributions that add up.
    """

    term: str
    place: slice
    rows: Tensor
    cost: Tensor
    parts: Mapping[int, Sequence[Outer | Dense]]

    def write(self, out: Tensor, columns: Mapping[int, int]) -> None:
        """Write the derivatives into `out` ``(n, P)``; `columns` are the widths of all parameters by first column."""
        for start, width in columns.items():
            target = out[:, start : start + width]
            parts = self.parts.get(start, ())
            if not parts:
                target.zero_()
            for i, part in enumerate(parts):
                part.write(target, add=i > 0)


def columns_of(parameters: Parameters) -> dict[Tensor, int]:
    """The first column of every tensor in the flat vector."""
    starts: dict[Tensor, int] = {}
    at = 0
    for tensor in parameters.tensors:
        starts[tensor] = at
        at += tensor.numel()
    return starts


def widths_of(parameters: Parameters) -> dict[int, int]:
    """How many columns every tensor has, by its first one."""
    return {start: tensor.numel() for tensor, start in columns_of(parameters).items()}


# what is made of the rows -------------------------------------------------------------------------------------------
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


# rows with their factors --------------------------------------------------------------------------------------------
def tangents(target: Collocation, *, rows: int) -> Iterator[Tangent]:
    """The rows of every term with their derivatives, at most so many `rows` at a time, one component after another."""
    starts = columns_of(target.parameters)
    at = 0
    for term in target.problem.soft_terms:
        size = target.cloud.size(term)
        for chunk, points in enumerate(target.cloud.chunks(term)):
            n = points[0].coords.shape[0]
            like = target.parameters.tensors[0]
            weight = torch.as_tensor(target.weight(term, points, chunk) / size, dtype=like.dtype, device=like.device)
            scale = weight.sqrt().expand(n, 1)[:, 0]
            folded = target.folded(term, points, chunk)
            for start in range(0, n, rows):
                stop = min(start + rows, n)
                part = points if stop - start == n else tuple(p.rows(start, stop) for p in points)
                at = yield from _at(target, term, part, folded, scale[start:stop], starts, at)


def _at(
    target: Collocation,
    term: Term,
    points: Sequence[Points],
    folded: Fold | None,
    scale: Tensor,
    starts: Mapping[Tensor, int],
    at: int,
) -> Iterator[Tangent]:
    n = scale.shape[0]
    taylor = target.derivatives == "taylor"
    own = target.parameters.entries
    sought = [t for t in target.parameters.tensors if not any(t is c for c in own)]
    with torch.enable_grad():
        runs = []
        for each in target.fields.passes(points, target.wanted(term, folded)):
            record: Record = []
            found = jets(each.module, each.coords, each.orders, derivatives=target.derivatives, record=record)
            leaves = {order: value.detach().requires_grad_() for order, value in found.items()}
            runs.append((each, record, found, leaves))
        values = {channel: value for each, _, _, leaves in runs for channel, value in each.named(leaves).items()}
        spread = [c.detach().expand(n).clone().requires_grad_() for c in own]
        coefficients = target.parameters.coefficients(spread)
        r = target.combine(term, points, values, coefficients, folded)
    inputs = [leaf for _, _, _, leaves in runs for leaf in leaves.values()] + spread
    detached = r.detach()
    for j in range(r.shape[1]):
        grads: Sequence[Tensor | None] = [None] * len(inputs)
        if r.requires_grad:
            grads = torch.autograd.grad(r[:, j], inputs, scale, retain_graph=True, allow_unused=True)
        remaining = iter(grads)
        parts: dict[int, list[Outer | Dense]] = {}
        for each, record, found, leaves in runs:
            slopes = {o: g for o in leaves if (g := next(remaining)) is not None}
            for start, part in _pull_back(each, record, found, slopes, sought, starts, taylor=taylor):
                parts.setdefault(start, []).append(part)
        for c in own:
            slope = next(remaining)
            if slope is not None:
                parts.setdefault(starts[c], []).append(Dense(slope[:, None]))
        place = slice(at + j, at + n * r.shape[1], r.shape[1])
        yield Tangent(str(term.name), place, scale * detached[:, j], detached[:, j].square().sum(), parts)
    return at + n * r.shape[1]


def _pull_back(
    each: Pass,
    record: Record,
    found: Mapping[Derived, Tensor],
    slopes: Mapping[Derived, Tensor],
    sought: Sequence[Tensor],
    starts: Mapping[Tensor, int],
    *,
    taylor: bool,
) -> Iterator[tuple[int, Outer | Dense]]:
    """What the cotangents `slopes` of a pass, (n, outputs) each, make of the parameters: first columns and parts."""
    ends = [order for order in slopes if found[order].requires_grad]
    if not ends:
        return
    used = [use.outputs if isinstance(use, LinearUse) else use.copies for use in record]
    grads = torch.autograd.grad(
        [found[o] for o in ends], [*used, *sought], [slopes[o] for o in ends], retain_graph=True, allow_unused=True
    )
    # A parameter that is in the graph is used in a way that no record tells of, and is differentiated as a whole.
    others = [t for t, g in zip(sought, grads[len(used) :], strict=True) if g is not None]
    rest = {t: starts[t] for t in sought if not any(t is o for o in others)}
    for use, g in zip(record, grads, strict=False):
        if g is None:
            continue
        if not isinstance(use, LinearUse):
            yield from _through(use.tensor, Dense(g.flatten(1)), rest)
            continue
        if use.factor != 1:
            g = g * use.factor
        yield from _through(use.weight, Outer(_points_second(g), _points_second(use.inputs)), rest)
        if use.bias is not None:
            yield from _through(use.bias, Dense(g[0].flatten(1, -2).sum(1) if g.ndim > 3 else g[0]), rest)
    if others:
        yield from _transformed(each, slopes, others, starts, taylor=taylor)


def _points_second(channels: Tensor) -> Tensor:
    """(C, n, ..., k) as (C m, n, k): further dimensions of a point are like further channels."""
    if channels.ndim == 3:
        return channels
    return channels.flatten(2, -2).transpose(1, 2).flatten(0, 1)


def _through(tensor: Tensor, part: Outer | Dense, starts: Mapping[Tensor, int]) -> Iterator[tuple[int, Outer | Dense]]:
    """Derivatives in `tensor` as those in the parameters that it is, or is computed from."""
    if not tensor.requires_grad:
        return
    if tensor.is_leaf:
        if tensor in starts:
            yield starts[tensor], part
        return
    dense = part.dense()
    batch = dense.view(dense.shape[0], *tensor.shape)
    grads = torch.autograd.grad(
        tensor, list(starts), batch, retain_graph=True, allow_unused=True, is_grads_batched=True
    )
    for start, grad in zip(starts.values(), grads, strict=True):
        if grad is not None:
            yield start, Dense(grad.flatten(1))


def _transformed(
    each: Pass,
    slopes: Mapping[Derived, Tensor],
    others: Sequence[Tensor],
    starts: Mapping[Tensor, int],
    *,
    taylor: bool,
) -> Iterator[tuple[int, Dense]]:
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
        yield starts[chosen[name]], Dense(jacobian.detach().flatten(1))
