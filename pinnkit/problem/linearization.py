"""Linearisation of a term: its residual and the partial derivatives with respect to the channels of the jets.

All second-order solvers and all references rest on it.  The partials are the cotangents of Gauss-Newton, the
coefficients of the least-squares rows, and the diagonal factors of the sparse finite-difference Jacobian
sum_k diag(dr/dchannel_k) D_k.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.jets.frame import Frame
from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.jets.jet import Jet, constant, coordinate, plain, unknown

from .ansatz import Lift
from .channels import Channel as Channel
from .names import call
from .protocols import ProblemLike
from .terms import Term

__all__ = ["Channel", "Linearised", "linearise", "provider", "residual_rows", "term_weight"]


class Linearised(NamedTuple):
    """A residual and its partial derivatives, row components separately."""

    r: Tensor  # (rows, k)
    d: Mapping[Channel, Tensor]  # (rows, k, components), scalar unknowns with one component
    dc: Mapping[str, Tensor]  # (rows, k), per coefficient


def scope_of(
    problem: ProblemLike,
    points: Sequence[Points],
    lookup: Callable[[Channel], Tensor],
    coefficients: Mapping[str, Tensor],
    *,
    raw: bool,
) -> dict[str, Any]:
    """Build the scope of names that a residual may use, as jets; names at partner points end in `_partner`.

    Args:
        problem: whose coordinates, unknowns and ansatz give the names their meaning.
        points: one set of n points for each site.
        lookup: values of a channel, ``(n,)`` or ``(n, c)``.
        coefficients: 0-d tensors, or ``(n,)``.
        raw: whether the channels are those of the fields, and the unknowns follow from them through the ansatz.
    """
    frame = problem.frame
    scope: dict[str, Any] = {}
    for site, sampled in enumerate(points):
        suffix = "" if site == 0 else "_partner"
        at = place(problem, sampled, coefficients)
        leaves = {u.name: _leaf(frame, problem.columns_of(u.name), site, u.name, lookup) for u in problem.unknowns}
        inner = {**at, **leaves}
        for u in problem.unknowns:
            wrapped = raw and u.name in problem.ansatz
            scope[u.name + suffix] = _wrap(problem, u.name, inner) if wrapped else leaves[u.name]
        scope.update({key + suffix: jet for key, jet in at.items()})
    return scope


def place(problem: ProblemLike, points: Points, coefficients: Mapping[str, Tensor]) -> dict[str, Any]:
    """Build the scope of coordinates, normal, data columns and coefficients, as jets."""
    frame, coords = problem.frame, points.coords
    scope: dict[str, Any] = {name: coordinate(frame, coords, name) for name in frame.names}
    if points.normal is not None:
        scope["n"] = constant(frame, points.normal)
    for name, column in points.columns.items():
        scope[name] = constant(frame, column)
    for name, value in coefficients.items():
        scope[name] = constant(frame, value.expand(coords.shape[0]) if value.ndim == 0 else value)
    return scope


def residual_rows(
    problem: ProblemLike,
    term: Term,
    points: Sequence[Points],
    lookup: Callable[[Channel], Tensor],
    coefficients: Mapping[str, Tensor],
    *,
    raw: bool,
) -> Tensor:
    """Evaluate the residual ``(n, k)`` of a term; its channels are asked of `lookup` as the residual needs them."""
    scope = scope_of(problem, points, lookup, coefficients, raw=raw)
    n = points[0].row_count
    result = term.evaluate(scope)
    parts = result if isinstance(result, (tuple, list)) else (result,)
    like = points[0].coords
    return torch.cat([_rows(part, n, like, f"problem '{problem.name}': term '{term.name}'") for part in parts], dim=1)


def term_weight(problem: ProblemLike, term: Term, points: Points) -> Tensor | float:
    """Evaluate the weight of a term at its points: a number, or ``(n, 1)``."""
    if not callable(term.weight):
        return float(term.weight)
    if points.group is not None:
        raise ValueError(f"term '{term.name}': `weight` must be a number where a row has several samples")
    value = plain(call(term.weight, place(problem, points, {}), "weight"))
    return torch.as_tensor(value, dtype=points.coords.dtype).expand(points.coords.shape[0])[:, None]


@with_gradients
def linearise(
    problem: ProblemLike,
    term: Term,
    points: Sequence[Points],
    values: Mapping[Channel, Tensor],
    coefficients: Mapping[str, Tensor] | None = None,
    *,
    raw: bool = False,
) -> Linearised:
    """Evaluate the residual of `term` at `points` and its partial derivatives with respect to every channel.

    Args:
        problem: whose coordinates, unknowns and ansatz give the names their meaning.
        term: one of the problem's terms.
        points: one set of n points for each site.
        values: the channels, each ``(n,)``, or ``(n, c)`` for a vector unknown.
        coefficients: 0-d tensors; the problem's initial values where None.
        raw: False: the channels are those of the unknowns (finite differences); True: of the fields, through the
            ansatz.

    Source: the Jacobian factors of a pointwise residual; cf. Knoll & Keyes, J. Comput. Phys. 193 (2004) 357, §2.
    """
    with torch.enable_grad():
        leaves = {channel: value.detach().requires_grad_() for channel, value in values.items()}
        n = points[0].coords.shape[0]
        given = problem.initial_coefficients() if coefficients is None else coefficients
        spread = {name: value.detach().expand(n).clone().requires_grad_() for name, value in given.items()}
        lookup = provider(problem, leaves, problem.trace(term, raw=raw).ignored)
        r = residual_rows(problem, term, points, lookup, spread, raw=raw)
        every = [*leaves.values(), *spread.values()]
        columns: list[list[Tensor]] = []
        for j in range(r.shape[1]):
            grads: Sequence[Tensor | None] = [None] * len(every)
            if r.requires_grad:
                grads = torch.autograd.grad(r[:, j].sum(), every, retain_graph=True, allow_unused=True)
            columns.append([torch.zeros_like(e) if g is None else g for e, g in zip(every, grads, strict=True)])
    stacked = [torch.stack([column[i] for column in columns], dim=1) for i in range(len(every))]
    parts = [s if s.ndim == 3 else s[..., None] for s in stacked[: len(leaves)]]
    return Linearised(
        r.detach(),
        dict(zip(leaves, parts, strict=True)),
        dict(zip(spread, stacked[len(leaves) :], strict=True)),
    )


def provider(
    problem: ProblemLike, values: Mapping[Channel, Tensor], silent: Collection[Channel]
) -> Callable[[Channel], Tensor]:
    """Return a lookup of channels: the given `values`, and zeros for those that are `silent`.

    Silent are channels that a residual asks for without depending on them, and those that an operator replaces.
    """

    def lookup(channel: Channel) -> Tensor:
        if channel in values:
            return values[channel]
        if channel in silent:
            some = next(iter(values.values()))
            components = problem.unknown(channel.unknown).components
            return some.new_zeros(some.shape[:1] if components is None else (some.shape[0], components))
        raise KeyError(f"channel {channel} is missing")

    return lookup


def _leaf(frame: Frame, columns: frozenset[str], site: int, name: str, lookup: Callable[[Channel], Tensor]) -> Jet:
    return unknown(frame, lambda order: lookup(Channel(site, name, order)), columns=columns)


def _wrap(problem: ProblemLike, name: str, scope: Mapping[str, Any]) -> Jet:
    ansatz = problem.ansatz[name]
    result = ansatz.evaluate(scope) if isinstance(ansatz, Lift) else call(ansatz, scope, f"ansatz of `{name}`")
    if not isinstance(result, Jet):
        raise TypeError(
            f"the ansatz of `{name}` must be made of `{name}` by torch functions, so that it keeps its derivatives, "
            f"got {type(result).__name__}"
        )
    return result


def _rows(part: Any, n: int, like: Tensor, owner: str) -> Tensor:
    if not isinstance(part, (Jet, Tensor, int, float)) or isinstance(part, bool):
        raise TypeError(f"{owner}: a residual must return numbers at each point, got {type(part).__name__}")
    number = part.value if isinstance(part, Jet) else part
    if isinstance(number, Tensor) and number.is_complex():
        raise TypeError(
            f"{owner}: a residual must return real numbers, got complex ones; return the real and the imaginary part "
            "as two rows: (r.real, r.imag)"
        )
    if isinstance(part, Tensor) and part.dtype == torch.bool:
        raise TypeError(
            f"{owner}: a residual must return numbers that vanish, got booleans; write `a - b` for `a == b`"
        )
    value = (
        torch.as_tensor(plain(part), dtype=like.dtype, device=like.device) if not isinstance(part, Jet) else part.value
    )
    if value.ndim == 0:
        value = value.expand(n)
    if value.ndim > 2 or value.shape[0] != n:
        raise ValueError(
            f"{owner}: a residual must return shape (n,), (n, k) or a tuple of such, for n = {n} points; "
            f"got {tuple(value.shape)}"
        )
    return value[:, None] if value.ndim == 1 else value
