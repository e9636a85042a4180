"""Rows of residuals: what each depends on, found by probing, and which value of the grid it settles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from pinnkit.domains import Box, Faces, Part
from pinnkit.jets.frame import NamedOperator
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.references.errors import TooFewConditions
from pinnkit.references.grid import Array, Line

__all__ = ["Component", "Need", "Row", "match_conditions", "match_equations", "members", "needs", "order_along"]

_FORBIDDEN = -1e6


def members(channel: Channel, time: str | None) -> list[tuple[float, int, tuple[str, ...]]]:
    """What a channel is made of: factors, orders in time, and space columns of its partial derivatives."""
    order = channel.order
    parts = order.terms if isinstance(order, NamedOperator) else ((1.0, order),)
    return [(c, sum(k == time for k in names), tuple(k for k in names if k != time)) for c, names in parts]


@dataclass(frozen=True)
class Component:
    """One scalar field of values: an unknown, or one component of a vector unknown.

    Args:
        unknown: its name.
        index: which component; 0 for a scalar.
        rate: the highest time derivative in the equations, 0, 1 or 2.
    """

    unknown: str
    index: int
    rate: int


@dataclass(frozen=True)
class Row:
    """Row `index` of a term's residual, and the component whose value it settles.

    Args:
        term: where the residual is.
        index: which of its rows.
        component: whose value it determines: its rows of the matrix are these.
        wall: the axis and whether it is the upper end, for a condition on a wall.
        layer: 0 stands in the wall's own nodes, 1 in their inner neighbours (two conditions on one wall).
        dynamic: whether it holds a time derivative.
    """

    term: Term
    index: int
    component: int
    dynamic: bool
    wall: tuple[int, bool] | None = None
    layer: int = 0


Need = dict[tuple[str, int], tuple[int, dict[str, int], int]]
"""For each component that a row depends on: order in time, order along each space column, total order in space."""


def needs(problem: Problem, term: Term, part: Part, scalars: Sequence[tuple[str, int]], time: str | None) -> list[Need]:
    """What each row of a term's residual depends on, by probing a few points of `part`."""
    generator = torch.Generator().manual_seed(0)
    points = part.sample(9, generator).to(torch.float64, "cpu")
    channels = problem.trace(term, raw=False).channels
    values: dict[Channel, Tensor] = {}
    for channel in channels:
        c = problem.unknown(channel.unknown).components
        shape = (points.coords.shape[0],) if c is None else (points.coords.shape[0], c)
        values[channel] = torch.randn(shape, generator=generator, dtype=torch.float64)
    slopes = linearise(problem, term, (points,), values).d
    rows: list[Need] = []
    for j in range(problem.trace(term, raw=False).rows):
        need: Need = {}
        for channel, slope in slopes.items():
            for unknown, i in scalars:
                if unknown != channel.unknown or not bool((slope[:, j, i] != 0).any()):  # NaN counts as dependence
                    continue
                rate, along, total = need.get((unknown, i), (0, {}, 0))
                for _, m, names in members(channel, time):
                    rate, total = max(rate, m), max(total, len(names))
                    along = {k: max(along.get(k, 0), names.count(k)) for k in {*along, *names}}
                need[unknown, i] = (rate, along, total)
        rows.append(need)
    return rows


def order_along(need: Need, scalar: tuple[str, int], column: str) -> int:
    """The highest derivative of a component along a column in one row."""
    return need[scalar][1].get(column, 0) if scalar in need else 0


def _dynamic(need: Need) -> bool:
    return any(rate > 0 for rate, _, _ in need.values())


def _assign(weight: Array) -> list[int] | None:
    """For each row the column that gives the greatest sum of weights; None where a forbidden pair is needed."""
    at, columns = linear_sum_assignment(weight, maximize=True)
    if len(at) < weight.shape[0] or (weight[at, columns] <= _FORBIDDEN / 2).any():
        return None
    return [int(c) for c in columns]


def match_equations(
    label: str, equations: Sequence[Term], needed: Sequence[list[Need]], scalars: Sequence[tuple[str, int]]
) -> tuple[Row, ...]:
    """An equation for each component: the one with its highest derivatives, first of all in time.

    Raises:
        Unsupported: where there are not as many, or none fits.
    """
    rows = [(term, j, need) for term, some in zip(equations, needed, strict=True) for j, need in enumerate(some)]
    if len(rows) != len(scalars):
        raise Unsupported(
            "finite differences",
            f"{label}: the equations have {len(rows)} rows for {len(scalars)} components of the unknowns",
        )
    weight = np.full((len(rows), len(scalars)), _FORBIDDEN)
    for r, (_, _, need) in enumerate(rows):
        for s, scalar in enumerate(scalars):
            if scalar in need:
                weight[r, s] = 100.0 * need[scalar][0] + 10.0 * need[scalar][2] + 1.0
    found = _assign(weight)
    if found is None:
        raise Unsupported(
            "finite differences", f"{label}: no assignment gives every component of the unknowns an equation of its own"
        )
    return tuple(Row(term, j, c, _dynamic(need)) for (term, j, need), c in zip(rows, found, strict=True))


def match_conditions(
    problem: Problem,
    box: Box,
    conditions: Sequence[tuple[Term, Faces]],
    lines: Sequence[Line],
    scalars: Sequence[tuple[str, int]],
    orders: Sequence[Sequence[int]],
    time: str | None,
) -> tuple[Row, ...]:
    """The component and the layer of nodes that each condition on each wall settles.

    Raises:
        Unsupported: for too many conditions or too few, for the order of the equations along each axis.
    """
    label = f"problem '{problem.name}'"
    placed: list[Row] = []
    for axis, line in enumerate(lines):
        for upper in (False, True):
            value = line.upper if upper else line.lower
            here = f"the wall {line.name} = {value:g}"
            rows: list[tuple[Term, int, Need]] = []
            for term, site in conditions:
                if (line.name, value) in site.walls:
                    part = Faces(box, ((line.name, value),))
                    rows += [(term, j, need) for j, need in enumerate(needs(problem, term, part, scalars, time))]
            slots = [(c, layer) for c in range(len(scalars)) for layer in range((orders[c][axis] + 1) // 2)]
            if line.periodic:
                if rows:
                    raise Unsupported(
                        "finite differences",
                        f"{label}: '{rows[0][0].name}' sets a condition on {here}, which is periodic",
                    )
                continue
            if len(rows) > len(slots):
                raise Unsupported(
                    "finite differences",
                    f"{label}: {len(rows)} conditions on {here}, where the equation takes {len(slots)} at most",
                )
            weight = np.full((len(rows), len(slots)), _FORBIDDEN)
            for r, (_, _, need) in enumerate(rows):
                for s, (c, layer) in enumerate(slots):
                    if scalars[c] in need:  # the lowest derivative goes to the wall's own nodes
                        weight[r, s] = 10.0 + need[scalars[c]][2] - (1.0 + 3.0 / (1 + need[scalars[c]][2])) * layer
            found = _assign(weight) if rows else []
            if found is None:
                raise Unsupported(
                    "finite differences", f"{label}: the conditions on {here} do not settle one component each"
                )
            for (term, j, need), s in zip(rows, found, strict=True):
                placed.append(Row(term, j, slots[s][0], _dynamic(need), (axis, upper), slots[s][1]))
    _refuse_missing(label, placed, lines, scalars, orders)
    return tuple(placed)


def _refuse_missing(
    label: str,
    placed: Sequence[Row],
    lines: Sequence[Line],
    scalars: Sequence[tuple[str, int]],
    orders: Sequence[Sequence[int]],
) -> None:
    hint = "give it as a term, even where an ansatz makes it hold"
    for axis, line in enumerate(lines):
        if line.periodic:
            continue
        total = sum(row.wall is not None and row.wall[0] == axis for row in placed)
        for c, (unknown, _) in enumerate(scalars):
            order = orders[c][axis]
            for upper in (False, True):
                count = sum(row.wall == (axis, upper) and row.component == c for row in placed)
                if order % 2 == 0 and count < order // 2:
                    value = line.upper if upper else line.lower
                    found = "no condition" if count == 0 else f"only {count} condition"
                    raise TooFewConditions(
                        "finite differences",
                        f"{label}: {found} for `{unknown}` on the wall {line.name} = {value:g}, the equation has order "
                        f"{order} along `{line.name}`; {hint}",
                    )
            if order % 2 == 1 and len(scalars) == 1 and total != order:
                raise (TooFewConditions if total < order else Unsupported)(
                    "finite differences",
                    f"{label}: {total} conditions for `{unknown}` on the walls of `{line.name}` together, along which "
                    f"the equation has order {order}; {hint}",
                )
