"""Conditions on the walls against the orders of the equations in space, and against the directions of transport."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains import Boundary, Box, Faces, Product, Shape, ShapeWall
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Component, WallCondition

from .concern import Concern, Severity
from .slopes import Values, equation_slopes
from .symbol import Slopes, growth

__all__ = ["check_walls"]

_SINGULAR = 1e-8
"""Size of the highest derivative's factor on a wall, relative to that inside, from which no condition is needed."""


@dataclass(frozen=True)
class _End:
    """One wall of a column with its conditions and the number that the equations take there."""

    column: str
    value: float
    conditions: tuple[WallCondition, ...]
    degenerate: bool

    @property
    def text(self) -> str:
        return f"the wall {self.column} = {self.value:g}"


def check_walls(
    problem: Problem,
    slopes: Mapping[str, Slopes] | None,
    values: Values | None,
    coefficients: Mapping[str, Tensor],
) -> Iterator[Concern]:
    """Find walls with too few or too many conditions, Cauchy data, and conditions where transport leaves the domain."""
    structure = problem.structure
    if problem.ansatz or len(structure.equations) != len(structure.components):
        return
    if not isinstance(problem.domain, Box):
        yield from _boundary(problem)
        return
    for column in structure.space_columns:
        if column in structure.periodic:
            continue
        orders = {c: structure.order_along(column, c) for c in structure.components}
        if not any(orders.values()):
            continue
        ends = _ends(problem, column, slopes, values, coefficients)
        if len(orders) == 1:
            ((component, order),) = orders.items()
            if order == 1:
                yield from _transport(problem, column, component, ends, values, coefficients)
            else:
                yield from _scalar(problem, column, component, order, ends, slopes)
        elif all(order % 2 == 0 for order in orders.values()):
            yield from _system(problem, orders, ends)


def _ends(
    problem: Problem,
    column: str,
    slopes: Mapping[str, Slopes] | None,
    values: Values | None,
    coefficients: Mapping[str, Tensor],
) -> tuple[_End, _End]:
    axis = next(a for a in problem.axes if column in a.columns)
    ends = []
    for value in (axis.lower, axis.upper):
        wall = Faces(problem.domain, ((column, value),))
        here = tuple(
            c for c in problem.structure.conditions if c.wall and (c.wall.column, c.wall.value) == (column, value)
        )
        there = None if values is None else equation_slopes(problem, values, coefficients, wall)
        inside, outside = _leading(problem, slopes, column), _leading(problem, there, column)
        ends.append(_End(column, value, here, outside <= _SINGULAR * inside))
    return ends[0], ends[1]


def _leading(problem: Problem, slopes: Mapping[str, Slopes] | None, column: str) -> float:
    """Largest factor of the highest derivative along a column; 1 where it is not known."""
    if slopes is None:
        return 1.0
    order = problem.structure.order_along(column)
    sizes = [
        float(slope.abs().max())
        for of in slopes.values()
        for channel, slope in of.items()
        if max(columns.count(column) for _, columns in channel.derivatives) == order
    ]
    return max(sizes, default=0.0)


def _is_open(problem: Problem) -> bool:
    """Return whether terms that are no conditions on whole walls may take their place."""
    structure = problem.structure
    return bool(
        structure.data or structure.at_points or structure.comparisons or structure.elsewhere or structure.minimised
    )


def _scalar(
    problem: Problem,
    column: str,
    component: Component,
    order: int,
    ends: tuple[_End, _End],
    slopes: Mapping[str, Slopes] | None,
) -> Iterator[Concern]:
    """Check one unknown along one column."""
    counts = [len(end.conditions) for end in ends]
    singular = any(end.degenerate for end in ends)
    name, total = component.unknown, sum(counts)
    if total < order:
        if not _is_open(problem) and not singular:
            yield _missing(name, column, order, ends, counts)
        return
    if total > order and not singular:
        if not problem.coefficients:
            end = max(ends, key=lambda e: len(e.conditions))
            yield Concern(
                Severity.ILL_POSED,
                f"{total} conditions for `{name}` on the walls of `{column}` together, along which the equation has "
                f"order {order}: more than it takes, '{end.conditions[-1].term.name}' among them; leave one out",
                str(end.conditions[-1].term.name),
            )
        return
    if order % 2 or counts[0] == counts[1] or singular or slopes is None:
        return
    found = growth(problem, slopes, column)
    crowded, bare = (ends[0], ends[1]) if counts[0] > counts[1] else (ends[1], ends[0])
    if found is not None and (found.forward if crowded is ends[0] else found.backward) > 0:
        yield Concern(
            Severity.ILL_POSED,
            f"{len(crowded.conditions)} conditions for `{name}` on {crowded.text} and {len(bare.conditions)} on "
            f"{bare.text} (Cauchy data): continued from there, high frequencies grow without bound; prescribe one "
            "condition on each wall",
            str(crowded.conditions[-1].term.name),
        )


def _missing(name: str, column: str, order: int, ends: Sequence[_End], counts: Sequence[int]) -> Concern:
    bare = min(ends, key=lambda e: len(e.conditions))
    where = bare.text if counts[0] != counts[1] else f"the walls of `{column}`"
    return Concern(
        Severity.UNDETERMINED,
        f"{sum(counts)} condition{'s' * (sum(counts) != 1)} for `{name}` on the walls of `{column}` together, along "
        f"which the equation has order {order}: a condition on {where} is missing",
        name,
    )


def _transport(
    problem: Problem,
    column: str,
    component: Component,
    ends: tuple[_End, _End],
    values: Values | None,
    coefficients: Mapping[str, Tensor],
) -> Iterator[Concern]:
    """Check an equation of first order along a column: one condition, where transport enters the domain."""
    counts, name = [len(end.conditions) for end in ends], component.unknown
    if _is_open(problem):
        return
    if problem.structure.time is None:
        if sum(counts) == 0 and len(problem.structure.space_columns) == 1:
            yield _missing(name, column, 1, ends, counts)
        elif sum(counts) > 1 and len(problem.structure.space_columns) == 1 and not problem.coefficients:
            yield _surplus(name, column, ends)
        return
    if values is None or component.time_order != 1:
        return
    for end, outward in zip(ends, (-1.0, 1.0), strict=True):
        wall = Faces(problem.domain, ((column, end.value),))
        slopes = equation_slopes(problem, values, coefficients, wall)
        speed = None if slopes is None else _speed(problem, slopes, column)
        if speed is None:
            return
        enters, leaves = bool((speed * outward < 0).all()), bool((speed * outward > 0).all())
        if enters and not end.conditions:
            yield Concern(
                Severity.UNDETERMINED,
                f"there is no condition for `{name}` on {end.text}, where transport enters the domain "
                f"(d{column}/d{problem.time} = {float(speed.mean()):.3g})",
                name,
            )
        if leaves and end.conditions and not problem.coefficients:
            yield Concern(
                Severity.ILL_POSED,
                f"'{end.conditions[0].term.name}' prescribes `{name}` on {end.text}, where transport leaves the domain "
                f"(d{column}/d{problem.time} = {float(speed.mean()):.3g}) and the equation determines it; prescribe it "
                "on the opposite wall",
                str(end.conditions[0].term.name),
            )


def _speed(problem: Problem, slopes: Mapping[str, Slopes], column: str) -> Tensor | None:
    """Characteristic speed d(column)/dt at the points, of an equation of first order in both."""
    (of,) = slopes.values()
    along, rate = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for channel, slope in of.items():
        for factor, columns in channel.derivatives:
            if columns == (column,):
                along = along + factor * slope[:, 0, 0]
            elif columns == (problem.time,):
                rate = rate + factor * slope[:, 0, 0]
    return along / rate if bool((rate != 0).all()) else None


def _surplus(name: str, column: str, ends: Sequence[_End]) -> Concern:
    last = next(e for e in ends[::-1] if e.conditions).conditions[-1]
    return Concern(
        Severity.ILL_POSED,
        f"{sum(len(e.conditions) for e in ends)} conditions for `{name}` on the walls of `{column}` together, along "
        f"which the equation has order 1: more than it takes, '{last.term.name}' among them; leave one out",
        str(last.term.name),
    )


def _system(problem: Problem, orders: Mapping[Component, int], ends: tuple[_End, _End]) -> Iterator[Concern]:
    """Check a system of even orders: on each wall half the sum of the orders."""
    needed = sum(orders.values()) // 2
    for end in ends:
        if end.degenerate or _is_open(problem):
            continue
        given = len(end.conditions)
        if given < needed:
            bare = [
                c.unknown
                for c, order in orders.items()
                if order and not any(w.on(c) is not None for w in end.conditions)
            ]
            of = f" for `{bare[0]}`" if bare else ""
            yield Concern(
                Severity.UNDETERMINED,
                f"{given} condition{'s' * (given != 1)} on {end.text}, where the equations take {needed}: one{of} is "
                "missing",
                bare[0] if bare else "",
            )
        elif given > needed and not problem.coefficients:
            yield Concern(
                Severity.ILL_POSED,
                f"{given} conditions on {end.text}, where the equations take {needed}: "
                f"'{end.conditions[-1].term.name}' is one too many",
                str(end.conditions[-1].term.name),
            )


def _boundary(problem: Problem) -> Iterator[Concern]:
    """Check conditions on the boundary of a shape, piece by piece: those on named walls count where these are."""
    structure = problem.structure
    orders = {
        c: max((d.space_order for r in structure.equations for d in r.depends_on if d.component == c), default=0)
        for c in structure.components
    }
    if any(order % 2 for order in orders.values()) or not any(orders.values()) or _is_open(problem):
        return
    parts = [(c, c.part.pieces) for c in structure.conditions if isinstance(c.part, Boundary | ShapeWall)]
    if len(parts) < len(structure.conditions):
        return
    shape = problem.domain.shape if isinstance(problem.domain, Product) else problem.domain
    names = shape.piece_names if isinstance(shape, Shape) else ("boundary",)
    needed = sum(orders.values()) // 2
    on_piece = [[c for c, pieces in parts if piece in pieces] for piece in range(len(names))]
    for count in sorted({len(here) for here in on_piece} - {needed}):
        wrong = [k for k, here in enumerate(on_piece) if len(here) == count]
        walls = ", ".join(dict.fromkeys(f"'{names[k]}'" for k in wrong))
        where = "the boundary" if len(wrong) == len(names) else f"the part {walls} of the boundary"
        start = f"{count} condition{'s' * (count != 1)} on {where}, where the equations take {needed}"
        if count < needed:
            yield Concern(Severity.UNDETERMINED, f"{start}: one is missing")
        elif not problem.coefficients:
            last = str(on_piece[wrong[0]][-1].term.name)
            yield Concern(Severity.ILL_POSED, f"{start}: '{last}' is one too many", last)
