"""Reading a problem: which residual row belongs to which component, on which wall, and what is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from pinnkit.conditions import Jump
from pinnkit.domains import Box, Faces, Part, Points, PointSet, Role
from pinnkit.jets.frame import NamedOperator
from pinnkit.linearise import Channel, linearise
from pinnkit.problem import Problem
from pinnkit.terms import Term

from .grid import Array, Line
from .refusal import CannotDiscretise

__all__ = ["Component", "Row", "Survey", "members", "refuse_common", "survey"]

_FORBIDDEN = -1e6
_CELLS = 16  # of the lines of a survey; a scheme takes its own


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


@dataclass(frozen=True)
class Survey:
    """What the schemes need to know about a problem."""

    problem: Problem
    lines: tuple[Line, ...]
    time: tuple[str, float, float] | None
    components: tuple[Component, ...]
    equations: tuple[Row, ...]
    conditions: tuple[Row, ...]
    initial: tuple[Term, ...]

    @property
    def time_name(self) -> str | None:
        """The name of the time axis."""
        return self.time[0] if self.time else None

    def highest(self, column: str) -> int:
        """The highest derivative along a column in the equations."""
        channels = [c for row in self.equations for c in self.problem.trace(row.term, raw=False).channels]
        return max((names.count(column) for c in channels for _, _, names in members(c, None)), default=0)

    @property
    def linear(self) -> bool:
        """Whether every residual is affine in the unknowns."""
        return all(self.problem.trace(t, raw=False).linear for t in self.problem.terms)


def refuse_common(problem: Problem) -> Box:
    """Refuse what no scheme of this package covers; the domain, a box, is handed back.

    Raises:
        CannotDiscretise: with the reason.
    """
    label = f"problem '{problem.name}'"
    box = problem.domain
    if not isinstance(box, Box):
        raise CannotDiscretise(f"{label}: the domain is not a box but {type(box).__name__}")
    parameters = [a.name for a in box.axes if a.role is Role.PARAMETER]
    if parameters:
        raise CannotDiscretise(f"{label}: there is a parameter axis `{parameters[0]}`; fix its value to compare with")
    if len(problem.frame.space) > 3:
        raise CannotDiscretise(f"{label}: there are {len(problem.frame.space)} space dimensions, more than 3")
    if problem.coefficients:
        raise CannotDiscretise(f"{label}: `{problem.coefficients[0].name}` is an unknown coefficient, to be found")
    for u in problem.unknowns:
        if problem.columns_of(u.name) != frozenset(problem.frame.columns):
            raise CannotDiscretise(f"{label}: `{u.name}` is an unknown on fewer axes than the domain has")
    for term in problem.terms:
        if term.kind == "data":
            raise CannotDiscretise(f"{label}: `{term.name}` is a Data term, which is fitted and not solved")
        if getattr(term.points, "columns", None):
            raise CannotDiscretise(f"{label}: term '{term.name}' uses data columns, known at its own points only")
    return box


def survey(problem: Problem) -> Survey:
    """Read the problem.

    Raises:
        CannotDiscretise: where it has something that the finite differences do not cover.
    """
    box = refuse_common(problem)
    label = f"problem '{problem.name}'"
    time = next(((a.name, a.lower, a.upper) for a in box.axes if a.role is Role.TIME), None)
    name = time[0] if time else None
    equations, conditions, initial, periodic = _sort_terms(problem, box, name)
    lines = tuple(
        Line(column, a.lower, a.upper, _CELLS, column in periodic)
        for a in box.axes
        if a.role is Role.SPACE
        for column in a.columns
    )
    if not equations:
        raise CannotDiscretise(f"{label}: there is no equation in the inside of the domain")
    scalars = [(u.name, i) for u in problem.unknowns for i in range(u.components or 1)]
    needs = [_needs(problem, term, term.sites[0], scalars, name) for term in equations]
    rates = [max((orders.get(s, (0, {}, 0))[0] for rows in needs for orders in rows), default=0) for s in scalars]
    if max(rates) > 2:
        raise CannotDiscretise(f"{label}: a time derivative of order {max(rates)}; 2 is the highest")
    components = tuple(Component(u, i, rate) for (u, i), rate in zip(scalars, rates, strict=True))
    placed = _match_equations(label, equations, needs, scalars)
    orders = [
        [max((_along(o, s, line.name) for rows in needs for o in rows), default=0) for line in lines] for s in scalars
    ]
    rows = _match_conditions(problem, box, conditions, lines, scalars, orders, name)
    return Survey(problem, lines, time, components, placed, rows, tuple(initial))


def _sort_terms(
    problem: Problem, box: Box, time: str | None
) -> tuple[list[Term], list[tuple[Term, Faces]], list[Term], set[str]]:
    label = f"problem '{problem.name}'"
    equations: list[Term] = []
    conditions: list[tuple[Term, Faces]] = []
    initial: list[Term] = []
    periodic: set[str] = set()
    ends = {a.name: a.upper for a in box.axes if a.role is Role.TIME}
    for term in problem.terms:
        if isinstance(term.residual, Jump):
            periodic.add(term.residual.axis)
            continue
        if len(term.sites) != 1:
            raise CannotDiscretise(f"{label}: term '{term.name}' compares {len(term.sites)} sites")
        site = term.sites[0]
        if term.kind == "equation" and site == box:
            equations.append(term)
        elif isinstance(site, PointSet):
            raise CannotDiscretise(f"{label}: term '{term.name}' holds at single points, which lie on no grid")
        elif not isinstance(site, Faces) or site.axes != box.axes:
            raise CannotDiscretise(f"{label}: term '{term.name}' holds on {site!r}, which is no wall of the domain")
        elif time is not None and any(column == time for column, _ in site.walls):
            if any(value == ends[time] for _, value in site.walls):
                raise CannotDiscretise(f"{label}: term '{term.name}' is a condition at the end of time")
            initial.append(term)
        elif site.walls:
            conditions.append((term, site))
    return equations, conditions, initial, periodic


_Need = dict[tuple[str, int], tuple[int, dict[str, int], int]]
"""For each component that a row depends on: order in time, order along each space column, total order in space."""


def _needs(
    problem: Problem, term: Term, part: Part, scalars: Sequence[tuple[str, int]], time: str | None
) -> list[_Need]:
    """What each row of a term's residual depends on, by probing a few points of `part`."""
    generator = torch.Generator().manual_seed(0)
    points = _float64(part.sample(9, generator))
    channels = problem.trace(term, raw=False).channels
    values: dict[Channel, Tensor] = {}
    for channel in channels:
        c = problem.unknown(channel.unknown).components
        shape = (points.coords.shape[0],) if c is None else (points.coords.shape[0], c)
        values[channel] = torch.randn(shape, generator=generator, dtype=torch.float64)
    slopes = linearise(problem, term, (points,), values).d
    rows: list[_Need] = []
    for j in range(problem.trace(term, raw=False).rows):
        need: _Need = {}
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


def _along(need: _Need, scalar: tuple[str, int], column: str) -> int:
    return need[scalar][1].get(column, 0) if scalar in need else 0


def _dynamic(need: _Need) -> bool:
    return any(rate > 0 for rate, _, _ in need.values())


def _assign(weight: Array) -> list[int] | None:
    """For each row the column that gives the greatest sum of weights; None where a forbidden pair is needed."""
    at, columns = linear_sum_assignment(weight, maximize=True)
    if len(at) < weight.shape[0] or (weight[at, columns] <= _FORBIDDEN / 2).any():
        return None
    return [int(c) for c in columns]


def _match_equations(
    label: str, equations: Sequence[Term], needs: Sequence[list[_Need]], scalars: Sequence[tuple[str, int]]
) -> tuple[Row, ...]:
    rows = [(term, j, need) for term, some in zip(equations, needs, strict=True) for j, need in enumerate(some)]
    if len(rows) != len(scalars):
        raise CannotDiscretise(
            f"{label}: the equations have {len(rows)} rows for {len(scalars)} components of the unknowns"
        )
    weight = np.full((len(rows), len(scalars)), _FORBIDDEN)
    for r, (_, _, need) in enumerate(rows):
        for s, scalar in enumerate(scalars):
            if scalar in need:  # the equation of u is the one with the highest derivatives of u, first of all in time
                weight[r, s] = 100.0 * need[scalar][0] + 10.0 * need[scalar][2] + 1.0
    found = _assign(weight)
    if found is None:
        raise CannotDiscretise(f"{label}: no assignment gives every component of the unknowns an equation of its own")
    return tuple(Row(term, j, c, _dynamic(need)) for (term, j, need), c in zip(rows, found, strict=True))


def _match_conditions(
    problem: Problem,
    box: Box,
    conditions: Sequence[tuple[Term, Faces]],
    lines: Sequence[Line],
    scalars: Sequence[tuple[str, int]],
    orders: Sequence[Sequence[int]],
    time: str | None,
) -> tuple[Row, ...]:
    label = f"problem '{problem.name}'"
    placed: list[Row] = []
    for axis, line in enumerate(lines):
        for upper in (False, True):
            value = line.upper if upper else line.lower
            here = f"the wall {line.name} = {value:g}"
            rows: list[tuple[Term, int, _Need]] = []
            for term, site in conditions:
                if (line.name, value) in site.walls:
                    part = Faces(box, ((line.name, value),))
                    rows += [(term, j, need) for j, need in enumerate(_needs(problem, term, part, scalars, time))]
            slots = [(c, layer) for c in range(len(scalars)) for layer in range((orders[c][axis] + 1) // 2)]
            if line.periodic:
                if rows:
                    raise CannotDiscretise(
                        f"{label}: '{rows[0][0].name}' sets a condition on {here}, which is periodic"
                    )
                continue
            if len(rows) > len(slots):
                raise CannotDiscretise(
                    f"{label}: {len(rows)} conditions on {here}, where the equation takes {len(slots)} at most"
                )
            weight = np.full((len(rows), len(slots)), _FORBIDDEN)
            for r, (_, _, need) in enumerate(rows):
                for s, (c, layer) in enumerate(slots):
                    if scalars[c] in need:  # the lowest derivative goes to the wall's own nodes
                        weight[r, s] = 10.0 + need[scalars[c]][2] - (1.0 + 3.0 / (1 + need[scalars[c]][2])) * layer
            found = _assign(weight) if rows else []
            if found is None:
                raise CannotDiscretise(f"{label}: the conditions on {here} do not settle one component each")
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
                    raise CannotDiscretise(
                        f"{label}: {found} for `{unknown}` on the wall {line.name} = {value:g}, the equation has order "
                        f"{order} along `{line.name}`; {hint}"
                    )
            if order % 2 == 1 and len(scalars) == 1 and total != order:
                raise CannotDiscretise(
                    f"{label}: {total} conditions for `{unknown}` on the walls of `{line.name}` together, along which "
                    f"the equation has order {order}; {hint}"
                )


def _float64(points: Points) -> Points:
    return points.to(torch.float64, "cpu")
