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
from .integrals import HERE, Integral
from .names import call
from .protocols import ProblemLike
from .terms import Term

__all__ = ["Channel", "Linearised", "linearise", "provider", "residual_rows", "term_weight"]


ROW_SUMS = "row_sums"
"""Name of the function that sums over the points of each row, in the residuals of points that come in groups."""


class Linearised(NamedTuple):
    """A residual and its partial derivatives, row components separately.

    A channel has its derivatives at the points of its site, which are as many as the rows, or several for each of
    them (the samples of a group, the nodes of an integral): every point belongs to one row, and ``d[channel][i]`` is
    the derivative of that row.  The row of a Jacobian is the sum over its samples: `Points.row_sums`.
    """

    r: Tensor  # (rows, k)
    d: Mapping[Channel, Tensor]  # (points of the site, k, components), scalar unknowns with one component
    dc: Mapping[str, Tensor]  # (rows, k), per coefficient
    direct: Mapping[Channel, Tensor]  # as d, with the values of all integrals held; no channels of nodes
    points: tuple[Points, ...]  # of each site

    def at_zero(self, values: Mapping[Channel, Tensor]) -> Tensor:
        """Residual less derivatives times values, ``(rows, k)``: that of the state zero, if the residual is affine."""
        remainder = self.r
        for channel, slope in self.d.items():
            value = values[channel] if values[channel].ndim == 2 else values[channel][:, None]
            remainder = remainder - self.points[channel.site].row_sums((slope * value[:, None, :]).sum(dim=-1))
        return remainder


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
        coefficients: 0-d tensors, or one number for each row.
        raw: whether the channels are those of the fields, and the unknowns follow from them through the ansatz.
    """
    scope: dict[str, Any] = {}
    for site, sampled in enumerate(points):
        suffix = "" if site == 0 else "_partner"
        found = _scope_at(problem, site, sampled, lookup, coefficients, raw=raw)
        scope.update({name + suffix: jet for name, jet in found.items()})
    return scope


def _scope_at(
    problem: ProblemLike,
    site: int,
    points: Points,
    lookup: Callable[[Channel], Tensor],
    coefficients: Mapping[str, Tensor],
    *,
    raw: bool,
) -> dict[str, Any]:
    """Names at the points of one site, as jets."""
    frame = problem.frame
    at = place(problem, points, coefficients)
    leaves = {u.name: _leaf(frame, problem.columns_of(u.name), site, u.name, lookup) for u in problem.unknowns}
    inner = {**at, **leaves}
    found = {
        u.name: _wrap(problem, u.name, inner) if raw and u.name in problem.ansatz else leaves[u.name]
        for u in problem.unknowns
    }
    return {**found, **at}


def _integral(
    problem: ProblemLike,
    name: str,
    integral: Integral,
    nodes: Points,
    inner: Mapping[str, Any],
    outer: Mapping[str, Any],
    owner: str,
) -> Tensor:
    """Value of an integral, ``(rows,)`` or ``(rows, k)``, from the names at its nodes and those at the rows."""
    frame = problem.frame
    scope = {**inner, **{u.name + HERE: _repeated(outer[u.name], nodes) for u in problem.unknowns}}
    for part in integral.ranges:
        if part.variable != part.axis:
            scope[part.variable] = scope[part.axis]
            scope[part.axis] = constant(frame, nodes.per_sample(outer[part.axis].value))
    result = integral.evaluate(scope, f"{owner}: integral `{name}`")
    n, weight = nodes.coords.shape[0], nodes.weight
    if weight is None:
        raise ValueError(f"{owner}: the nodes of integral `{name}` have no weights; take those of `term.completed`")
    value = _rows(result, n, nodes.coords, f"{owner}: integral `{name}`", what="nodes")
    total = nodes.row_sums(weight[:, None] * value)
    return total if isinstance(result, (Jet, Tensor)) and result.ndim == 2 else total[:, 0]


def _undifferentiable(problem: ProblemLike, name: str, value: Tensor, owner: str) -> Jet:
    """An integral as a jet without derivatives.

    Raises:
        ValueError: where a derivative of it is taken.
    """

    def refuse(column: str) -> Jet | None:
        raise ValueError(
            f"{owner}: the integral `{name}` has no derivative along `{column}`; differentiate its integrand, or make "
            "the integral an unknown of its own"
        )

    return Jet(problem.frame, lambda: value, refuse)


def _repeated(jet: Jet, nodes: Points) -> Jet:
    """A jet at the points of the rows, repeated at the nodes of each."""

    def partial(column: str) -> Jet | None:
        found = jet.partial(column)
        return None if found is None else _repeated(found, nodes)

    return Jet(jet.frame, lambda: nodes.per_sample(jet.value), partial)


def place(problem: ProblemLike, points: Points, coefficients: Mapping[str, Tensor]) -> dict[str, Any]:
    """Build the scope of coordinates, normal, data columns and coefficients (0-d or one for each row), as jets."""
    frame, coords = problem.frame, points.coords
    scope: dict[str, Any] = {name: coordinate(frame, coords, name) for name in frame.names}
    if points.normal is not None:
        scope["n"] = constant(frame, points.normal)
    for name, column in points.columns.items():
        scope[name] = constant(frame, column)
    for name, value in coefficients.items():
        spread = value.expand(coords.shape[0]) if value.ndim == 0 else points.per_sample(value)
        scope[name] = constant(frame, spread)
    return scope


def residual_rows(
    problem: ProblemLike,
    term: Term,
    points: Sequence[Points],
    lookup: Callable[[Channel], Tensor],
    coefficients: Mapping[str, Tensor],
    *,
    raw: bool,
    integrals: dict[str, Tensor] | None = None,
) -> Tensor:
    """Evaluate the residual ``(rows, k)`` of a term; its channels are asked of `lookup` as the residual needs them.

    Args:
        problem: as of `scope_of`.
        term: the term.
        points: one set for each of its sites, then the nodes of each of its integrals; see `Term.completed`.
        lookup: values of a channel at the points of its site, ``(n,)`` or ``(n, c)``.
        coefficients: as of `scope_of`.
        raw: as of `scope_of`.
        integrals: values of the integrals to use, by name; those that are missing are computed and added.
    """
    owner = f"problem '{problem.name}': term '{term.name}'"
    sites = len(points) - len(term.integrals)
    scope = scope_of(problem, points[:sites], lookup, coefficients, raw=raw)
    known = {} if integrals is None else integrals
    for i, (name, integral) in enumerate(term.integrals):
        if name not in known:
            nodes = points[sites + i]
            inner = _scope_at(problem, sites + i, nodes, lookup, coefficients, raw=raw)
            inner |= {c: constant(problem.frame, nodes.per_sample(v)) for c, v in points[0].columns.items()}
            known[name] = _integral(problem, name, integral, nodes, inner, scope, owner)
    scope |= {name: _undifferentiable(problem, name, value, owner) for name, value in known.items()}
    if points[0].group is not None:
        scope.setdefault(ROW_SUMS, lambda values: points[0].row_sums(plain(values)))
    result = term.evaluate(scope)
    parts = result if isinstance(result, (tuple, list)) else (result,)
    what = "points" if points[0].group is None else "groups of points"
    return torch.cat([_rows(part, points[0].row_count, points[0].coords, owner, what) for part in parts], dim=1)


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
        points: one set of points for each site, then the nodes of each integral.
        values: the channels at the points of their sites, each ``(n,)``, or ``(n, c)`` for a vector unknown.
        coefficients: 0-d tensors; the problem's initial values where None.
        raw: False: the channels are those of the unknowns (finite differences); True: of the fields, through the
            ansatz.

    Source: the Jacobian factors of a pointwise residual; cf. Knoll & Keyes, J. Comput. Phys. 193 (2004) 357, §2.
    """
    with torch.enable_grad():
        leaves = {channel: value.detach().requires_grad_() for channel, value in values.items()}
        n = points[0].row_count
        given = problem.initial_coefficients() if coefficients is None else coefficients
        spread = {name: value.detach().expand(n).clone().requires_grad_() for name, value in given.items()}
        lookup = provider(problem, leaves, problem.trace(term, raw=raw).ignored, points)
        integrals: dict[str, Tensor] = {}
        r = residual_rows(problem, term, points, lookup, spread, raw=raw, integrals=integrals)
        slopes = _gradients(r, [*leaves.values(), *spread.values()])
        direct = slopes
        if integrals:
            held = {name: value.detach() for name, value in integrals.items()}
            at_held = residual_rows(problem, term, points, lookup, spread, raw=raw, integrals=held)
            direct = _gradients(at_held, list(leaves.values()))
    nodes = len(points) - len(term.integrals)

    def by_channel(found: Sequence[Tensor]) -> dict[Channel, Tensor]:
        return {c: s if s.ndim == 3 else s[..., None] for c, s in zip(leaves, found[: len(leaves)], strict=True)}

    return Linearised(
        r.detach(),
        by_channel(slopes),
        dict(zip(spread, slopes[len(leaves) :], strict=True)),
        {c: slope for c, slope in by_channel(direct).items() if c.site < nodes},
        tuple(points),
    )


def _gradients(r: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """Derivatives of each column of ``(rows, k)`` with respect to leaves whose every entry belongs to one row."""
    columns: list[list[Tensor]] = []
    for j in range(r.shape[1]):
        grads: Sequence[Tensor | None] = [None] * len(leaves)
        if r.requires_grad:
            grads = torch.autograd.grad(r[:, j].sum(), leaves, retain_graph=True, allow_unused=True)
        columns.append([torch.zeros_like(e) if g is None else g for e, g in zip(leaves, grads, strict=True)])
    return [torch.stack([column[i] for column in columns], dim=1) for i in range(len(leaves))]


def provider(
    problem: ProblemLike, values: Mapping[Channel, Tensor], silent: Collection[Channel], points: Sequence[Points]
) -> Callable[[Channel], Tensor]:
    """Return a lookup of channels: the given `values`, and zeros for those that are `silent`.

    Silent are channels that a residual asks for without depending on them, and those that an operator replaces.
    """

    def lookup(channel: Channel) -> Tensor:
        if channel in values:
            return values[channel]
        if channel in silent:
            components = problem.unknown(channel.unknown).components
            some = points[channel.site].coords
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


def _rows(part: Any, n: int, like: Tensor, owner: str, what: str = "points") -> Tensor:
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
        hint = "; sum over the points of each group: `lambda u, w, row_sums: row_sums(w * u)`"
        hint = hint if what == "groups of points" else ""
        raise ValueError(
            f"{owner}: a residual must return shape (n,), (n, k) or a tuple of such, for n = {n} {what}; "
            f"got {tuple(value.shape)}{hint}"
        )
    return value[:, None] if value.ndim == 1 else value
