"""Hard conditions: the ansatz that meets the hard terms of a problem, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from pinnkit.domains import Axis, Box, Faces, Points
from pinnkit.jets.jet import Jet, constant, coordinate

from .ansatz import Lift, Side, Span, on_side, values_at
from .channels import Channel
from .conditions import InitialState, Jump, Prescribed
from .linearization import scope_of
from .protocols import ProblemLike
from .terms import Term
from .tracing import naming

__all__ = ["check_hard", "lifts_of"]

_POINTS = 64
_TOLERANCE = 1e-9
"""Two conditions agree where they differ by less than this fraction of the largest prescribed value."""
_MOST = 4
"""Columns with walls: the sum has 3^k parts, and a product of many distances vanishes nearly everywhere."""


def lifts_of(problem: ProblemLike) -> dict[str, Lift]:
    """Build the ansatz of every unknown that has a hard value.

    Raises:
        ValueError: for what cannot be hard, and for hard conditions that contradict each other, with the place and
            the size of the contradiction.
    """
    sides: dict[str, list[Side]] = {}
    for term in problem.terms:
        if term.hard and term.periodic_axis is None:
            with naming(_label(problem, term)):
                for name, side in _sides(problem, term):
                    sides.setdefault(name, []).append(side)
    found = {}
    for name, mine in sides.items():
        label = f"problem '{problem.name}': hard conditions of `{name}`"
        if name in problem.ansatz:
            raise ValueError(
                f"{label} make an ansatz, and the problem has one of its own; drop `ansatz`, or the hard=True of "
                f"'{mine[0].term}'"
            )
        found[name] = Lift(name, _by_column(problem, mine, label))
        scope = _scope(problem, _corners_and_inside(problem))
        with naming(label):
            size = max(float(values_at(s, scope, name).abs().max()) for s in mine)
            for side in mine:
                _check_value(side, scope, name)
            for one, other in combinations(mine, 2):
                if one.span != other.span:
                    _compare(one, other, scope, name, size)
    return found


def check_hard(problem: ProblemLike) -> None:
    """Check the ansatz, derived or given, against the hard conditions on points of their own.

    Raises:
        ValueError: where a condition is missed: a value that differs from wall to wall in more than the corners, or an
            initial state whose periodic extension has a jump or a kink.
    """
    for term in problem.terms:
        if not term.hard:
            continue
        with naming(_label(problem, term)):
            if term.periodicity is not None:
                _check_periodic(problem, term, term.periodicity)
            else:
                _check_met(problem, term)


# reading the terms ----------------------------------------------------------------------------------------------------
def _sides(problem: ProblemLike, term: Term) -> Iterator[tuple[str, Side]]:
    """Yield the unknowns that a hard term fixes, each with the side on which it does."""
    site, rule = term.sites[0], term.residual
    if term.data_columns:
        raise ValueError(
            f"a hard value must be known everywhere on its wall, and this term has data columns "
            f"{term.data_columns}, known at its own points only; drop hard=True"
        )
    spans = {s.column: s for s in _spans(problem.axes)}
    if isinstance(rule, InitialState):
        given = {rule.split(key): value for key, value in rule.values}
        for name in dict.fromkeys(name for name, _ in given):
            higher = [key for key, _ in rule.values if rule.split(key)[0] == name and rule.split(key)[1] > 1]
            if higher:
                raise ValueError(
                    f"a hard initial state has a value and a rate, and `{higher[0]}` is a higher derivative; drop "
                    "hard=True"
                )
            if (name, 0) not in given:
                raise ValueError(
                    f"a hard rate `{name}_{rule.time}` needs the hard value beside it: "
                    f"Initial({name}=..., {name}_{rule.time}=..., hard=True)"
                )
            side = Side(str(term.name), spans[rule.time], False, given[name, 0], given.get((name, 1)))
            yield name, _dependent(problem, name, side)
        return
    if not isinstance(site, Faces):
        raise ValueError(
            f"only walls of a box can be hard, and this term lives on {site!r}; drop hard=True, or give the problem an "
            f"`ansatz` that meets it"
        )
    assert isinstance(rule, Prescribed)
    space = problem.frame.space
    for name, value in rule.values:
        for column, end in site.walls:
            span = spans[column]
            sign = 1.0 if end == span.upper else -1.0
            normal = tuple(sign * (c == column) for c in space) if column in space else None
            side = Side(str(term.name), span, end == span.upper, value, None, normal)
            yield name, _dependent(problem, name, side)


def _dependent(problem: ProblemLike, name: str, side: Side) -> Side:
    if side.span.column not in problem.columns_of(name):
        raise ValueError(
            f"`{name}` does not depend on `{side.span.axis}`, so it cannot be held at {side.place} alone; "
            f"drop hard=True"
        )
    return side


def _by_column(problem: ProblemLike, sides: Sequence[Side], label: str) -> tuple[tuple[Side, ...], ...]:
    """Group the sides by column, in the order of the columns, time last."""
    grouped: dict[str, list[Side]] = {}
    for side in sides:
        twin = next((s for s in grouped.get(side.span.column, ()) if s.upper == side.upper), None)
        if twin is not None:
            raise ValueError(
                f"{label}: '{twin.term}' and '{side.term}' both prescribe it at {side.place}; keep one of them"
            )
        grouped.setdefault(side.span.column, []).append(side)
    for column, found in grouped.items():
        terms = " and ".join(f"'{s.term}'" for s in found)
        if found[0].span.axis in problem.periodic:
            raise ValueError(
                f"{label}: {terms} prescribe it at {found[0].place}, where Periodic('{found[0].span.axis}', hard=True) "
                f"leaves no wall; drop the hard=True of one of them"
            )
        if len(found) == 2 and any(s.rate is not None for s in found):
            raise ValueError(
                f"{label}: {terms} prescribe it at both ends of `{column}`, and one of them its rate as well, which "
                f"no ansatz of pinnkit covers; drop the hard=True of one of them"
            )
    if len(grouped) > _MOST:
        raise ValueError(
            f"{label} hold on walls of {len(grouped)} columns; the product of their distances is next to nothing "
            f"nearly everywhere, {_MOST} are the most. Drop hard=True"
        )
    time = problem.time
    ordered = sorted(
        grouped.values(), key=lambda s: (s[0].span.axis == time, problem.frame.columns.index(s[0].span.column))
    )
    return tuple(tuple(sorted(found, key=lambda s: s.upper)) for found in ordered)


def _spans(axes: Sequence[Axis]) -> Iterator[Span]:
    for axis in axes:
        for i in range(axis.dim):
            yield Span(axis.name, i if axis.dim > 1 else None, axis.lower, axis.upper)


# comparing the conditions -------------------------------------------------------------------------------------------
def _corners_and_inside(problem: ProblemLike) -> Tensor:
    """Sample points of the domain: some inside, and the corners of a box while they are few."""
    inside = problem.domain.sample(_POINTS, torch.Generator().manual_seed(0)).coords
    spans = list(_spans(problem.axes))
    if not isinstance(problem.domain, Box) or len(spans) > 6:
        return inside
    ends = [torch.tensor([s.lower, s.upper], dtype=torch.float64) for s in spans]
    return torch.cat([torch.cartesian_prod(*ends).reshape(-1, len(spans)), inside])


def _scope(problem: ProblemLike, coords: Tensor) -> dict[str, Any]:
    frame = problem.frame
    scope: dict[str, Any] = {name: coordinate(frame, coords, name) for name in frame.names}
    for name, value in problem.initial_coefficients().items():
        scope[name] = constant(frame, value.to(coords).expand(coords.shape[0]))
    return scope


def _check_value(side: Side, scope: Mapping[str, Any], name: str) -> None:
    """Check that a prescribed value is finite and, where it varies, made of jets."""
    for rate in (False, True):
        found = values_at(side, scope, name, rate=rate)
        if not bool(torch.isfinite(found).all()):
            raise ValueError(f"the value of '{side.term}' is not finite everywhere at {side.place}")
        value = side.rate if rate else side.value
        jet = side.given_rate(scope, name) if rate else side.given(scope, name)
        others = [c for c in scope if isinstance(scope[c], Jet)]
        varies = bool((found != found[:1]).any())
        if callable(value) and jet is not None and varies and _is_flat(jet):
            raise ValueError(
                f"the value of '{side.term}' varies at {side.place} but has lost its derivatives; write it with torch "
                f"functions of {tuple(others)}, or drop hard=True"
            )


def _is_flat(jet: Jet) -> bool:
    """Test whether all first derivatives of a jet are zero by construction."""
    return all(jet.partial(column) is None for column in jet.frame.columns)


def _compare(one: Side, other: Side, scope: Mapping[str, Any], name: str, size: float) -> None:
    """Compare two conditions where their walls meet: the values, and along an initial rate the derivatives."""
    here = on_side(on_side(scope, one), other)
    a, b = values_at(one, here, name), values_at(other, here, name)
    _refuse(one, other, here, a, b, size, name, "the value")
    for start, wall in ((one, other), (other, one)):
        if start.rate is None:
            continue
        column = start.span.column
        moving = on_side(on_side(scope, wall), start, moving=True)
        along = wall.given(moving, name)
        slope = None if along is None else along.partial(column)
        a = values_at(start, here, name, rate=True)
        b = torch.zeros_like(a) if slope is None else slope.value
        scale = max(float(a.abs().max()), float(b.abs().max()), size / (start.span.upper - start.span.lower))
        _refuse(start, wall, here, a, b, scale, f"{name}_{column}", "the rate")


def _refuse(
    one: Side, other: Side, scope: Mapping[str, Any], a: Tensor, b: Tensor, size: float, name: str, what: str
) -> None:
    a, b = (v if v.ndim == 2 else v[:, None] for v in (a, b))
    gap = (a - b).abs()
    if float(gap.max()) <= _TOLERANCE * size:
        return
    gap, a, b = (g.expand_as(gap) for g in (gap, a, b))
    worst = int(gap.amax(dim=1).argmax())
    component = int(gap[worst].argmax())
    raise ValueError(
        f"'{one.term}' and '{other.term}' contradict each other in {what} where they meet, at "
        f"{_place(scope, worst)}: {name} = {float(a[worst, component]):.6g} and {float(b[worst, component]):.6g}, "
        f"apart by {float(gap[worst, component]):.3g}; correct one of them, or drop its hard=True"
    )


def _place(scope: Mapping[str, Any], row: int) -> str:
    """Words for a point, `x = 0, t = 0.25`."""
    frame = next(v for v in scope.values() if isinstance(v, Jet)).frame
    parts = []
    for name in frame.names:
        value = scope[name].value[row]
        shown = f"{float(value):.4g}" if value.ndim == 0 else "(" + ", ".join(f"{v:.3g}" for v in value.tolist()) + ")"
        parts.append(f"{name} = {shown}")
    return ", ".join(parts)


def _check_met(problem: ProblemLike, term: Term) -> None:
    """Check the residual of a hard term through the ansatz, for zero fields, at points of the term."""
    points = term.sample(_POINTS, torch.Generator().manual_seed(0))
    scope = _raw_scope(problem, points[0])
    everywhere = _raw_scope(problem, problem.domain.sample(_POINTS, torch.Generator().manual_seed(0)))
    for name, side in _sides(problem, term):
        columns = [()] if side.rate is None else [(), (side.span.column,)]
        on = (side.span.at(scope).value == side.end).nonzero()[:, 0]
        for order in columns:
            label = "_".join([name, *order])
            value, wanted = scope[name].d(*order).value, values_at(side, scope, name, rate=bool(order))
            size = max(float(v.abs().max()) for v in (value, wanted, everywhere[name].d(*order).value))
            value, wanted = (v if v.ndim == 2 else v[:, None] for v in (value, wanted))
            gap = (value - wanted).abs()[on]
            if gap.numel() and not float(gap.max()) <= 10 * _TOLERANCE * size:
                worst = int(on[int(gap.amax(dim=1).argmax())])
                raise ValueError(
                    f"the other hard conditions leave {label} off by {float(gap.max()):.3g} at {_place(scope, worst)}; "
                    f"drop the hard=True of one of them"
                )


def _check_periodic(problem: ProblemLike, term: Term, rule: Jump) -> None:
    """Check that the values of the other conditions are periodic with as many derivatives as the equation needs."""
    here, there = (_raw_scope(problem, p) for p in term.sample(_POINTS, torch.Generator().manual_seed(0)))
    inside = _raw_scope(problem, problem.domain.sample(_POINTS, torch.Generator().manual_seed(0)))
    columns = next(a.columns for a in problem.axes if a.name == rule.axis)
    for name in rule.unknowns:
        if name not in problem.ansatz or columns[0] not in problem.columns_of(name):
            continue
        for column in columns:
            for order in range(rule.order + 1):
                a, b, other = (s[name].d(*[column] * order).value for s in (here, there, inside))
                gap = (a - b).abs().reshape(a.shape[0], -1).amax(dim=1)
                size = max(float(v.abs().max()) for v in (a, b, other))
                if not float(gap.max()) <= 10 * _TOLERANCE * size:
                    worst = int(gap.argmax())
                    what = f"`{name}` itself" if order == 0 else f"the derivative of `{name}` of order {order}"
                    raise ValueError(
                        f"{what} along {column}, as the other hard conditions or the ansatz prescribe it, jumps by "
                        f"{float(gap.max()):.4g} from one end to the other, at {_place(here, worst)}, so that no "
                        f"periodic field can meet both; drop the hard=True of one of them"
                    )


def _raw_scope(problem: ProblemLike, points: Points) -> dict[str, Any]:
    """Build a scope of unknowns through the ansatz, in float64.

    Derived ones are those of zero fields, given ones those of random, periodic fields.
    """
    points = points.to(torch.float64, torch.device("cpu"))
    n = points.coords.shape[0]
    drawn: dict[Channel, Tensor] = {}

    def lookup(channel: Channel) -> Tensor:
        if channel not in drawn:
            components = problem.unknown(channel.unknown).components
            shape = (n,) if components is None else (n, components)
            key = sum(ord(c) for c in f"{channel.unknown} {channel.order}")
            generator = torch.Generator().manual_seed(key)
            values = torch.randn(shape, generator=generator, dtype=torch.float64)
            drawn[channel] = (
                torch.zeros_like(values) if isinstance(problem.ansatz.get(channel.unknown), Lift) else values
            )
        return drawn[channel]

    coefficients = {k: v.double() for k, v in problem.initial_coefficients().items()}
    return scope_of(problem, (points,), lookup, coefficients, raw=True)


def _label(problem: ProblemLike, term: Term) -> str:
    return f"problem '{problem.name}': term '{term.name}'"
