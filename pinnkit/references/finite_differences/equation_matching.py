"""Matching of rows of residuals to values of the grid: which value each equation and each condition settles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pinnkit.problem.errors import Unsupported
from pinnkit.problem.structure import FORBIDDEN, Prescribes, Structure, WallCondition, assign
from pinnkit.problem.terms import Term
from pinnkit.references.errors import TooFewConditions, TooManyConditions
from pinnkit.references.grid import Line

__all__ = ["Row", "match_conditions", "match_equations"]


@dataclass(frozen=True)
class Row:
    """Row `index` of a term's residual, and the component whose value it settles.

    Args:
        term: the term.
        index: number of the row.
        component: number of the component whose value it determines: its rows of the matrix are these.
        dynamic: whether it holds a time derivative.
        wall: number of the axis and whether it is the upper end, for a condition on a wall.
        layer: 0 stands in the wall's own nodes, 1 in their inner neighbours (two conditions on one wall).
        is_value: whether it prescribes the value of one component.
    """

    term: Term
    index: int
    component: int
    dynamic: bool
    wall: tuple[int, bool] | None = None
    layer: int = 0
    is_value: bool = False


def match_equations(label: str, structure: Structure) -> tuple[Row, ...]:
    """Return the equations with the component that each settles.

    Raises:
        Unsupported: where there are not as many, or none fits.
    """
    count = len(structure.components)
    if len(structure.equations) != count:
        raise Unsupported(
            "finite differences",
            f"{label}: the equations have {len(structure.equations)} rows for {count} components of the unknowns",
        )
    rows = []
    for row in structure.equations:
        if row.settles is None:
            raise Unsupported(
                "finite differences",
                f"{label}: no assignment gives every component of the unknowns an equation of its own",
            )
        rows.append(Row(row.term, row.index, structure.components.index(row.settles), row.time_order > 0))
    return tuple(rows)


def match_conditions(label: str, structure: Structure, lines: Sequence[Line]) -> tuple[Row, ...]:
    """Return the conditions with the component and the layer of nodes that each settles, wall by wall.

    Raises:
        Unsupported: for too many conditions or too few, for the order of the equations along each axis.
    """
    components = structure.components
    orders = [[structure.order_along(line.name, c) for line in lines] for c in components]
    placed: list[Row] = []
    for axis, line in enumerate(lines):
        for upper in (False, True):
            value = line.upper if upper else line.lower
            here = f"the wall {line.name} = {value:g}"
            rows = [c for c in structure.conditions if _on(c, line.name, value)]
            slots = [(c, layer) for c in range(len(components)) for layer in range((orders[c][axis] + 1) // 2)]
            if line.periodic:
                if rows:
                    raise Unsupported(
                        "finite differences",
                        f"{label}: '{rows[0].term.name}' sets a condition on {here}, which is periodic",
                    )
                continue
            if len(rows) > len(slots):
                raise TooManyConditions(
                    "finite differences",
                    f"{label}: {len(rows)} conditions on {here}, where the equation takes {len(slots)} at most",
                )
            weight = np.full((len(rows), len(slots)), FORBIDDEN)
            for r, row in enumerate(rows):
                for s, (c, layer) in enumerate(slots):
                    found = row.on(components[c])
                    if found is not None:  # the lowest derivative goes to the wall's own nodes
                        order = found.space_order
                        weight[r, s] = 10.0 + order - (1.0 + 3.0 / (1 + order)) * layer
            matched = assign(weight) if rows else []
            if matched is None:
                raise Unsupported(
                    "finite differences", f"{label}: the conditions on {here} do not settle one component each"
                )
            for row, s in zip(rows, matched, strict=True):
                is_value = row.prescribes is Prescribes.VALUE
                place = (axis, upper)
                placed.append(Row(row.term, row.index, slots[s][0], row.time_order > 0, place, slots[s][1], is_value))
    _refuse_missing(label, placed, lines, [c.unknown for c in components], orders)
    return tuple(placed)


def _on(condition: WallCondition, column: str, value: float) -> bool:
    return condition.wall is not None and (condition.wall.column, condition.wall.value) == (column, value)


def _refuse_missing(
    label: str,
    placed: Sequence[Row],
    lines: Sequence[Line],
    unknowns: Sequence[str],
    orders: Sequence[Sequence[int]],
) -> None:
    hint = "give it as a term, even where an ansatz makes it hold"
    for axis, line in enumerate(lines):
        if line.periodic:
            continue
        total = sum(row.wall is not None and row.wall[0] == axis for row in placed)
        for c, unknown in enumerate(unknowns):
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
            if order % 2 == 1 and len(unknowns) == 1 and total != order:
                raise (TooFewConditions if total < order else TooManyConditions)(
                    "finite differences",
                    f"{label}: {total} conditions for `{unknown}` on the walls of `{line.name}` together, along which "
                    f"the equation has order {order}; {hint}",
                )
