"""Rows of a problem matched to test functions and conditions to pieces of the boundary; what finite elements refuse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pinnkit.domains import Boundary, Box, Faces, Points, Product, Shape, ShapeWall
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import FORBIDDEN, Structure, WallCondition, assign
from pinnkit.references.errors import TooFewConditions, TooManyConditions

from .weak_form import METHOD, PROBES, TestedRow, WeakForm, space_order

__all__ = ["box_piece", "pieces_of", "shape_of", "weak_form"]


def weak_form(problem: Problem, names: Sequence[str], owners: Sequence[int] | None = None) -> WeakForm:
    """Match the rows of a problem to test functions, and its conditions to the pieces of the boundary.

    Args:
        problem: that is discretised.
        names: name of the wall of each piece of the boundary.
        owners: where a mesh divides the boundary further, the piece of the domain's boundary that each of its pieces
            lies on.

    Raises:
        Unsupported: with the reason, for what finite elements do not cover.
        TooFewConditions: for a wall without a condition.
        TooManyConditions: for a wall with more than the equations take.
    """
    label, structure = f"problem '{problem.name}'", problem.structure
    _refuse(label, structure)
    rows, degrees = _tested(label, structure)
    whole = range(len(names)) if owners is None else owners
    conditions = tuple(tuple(c for c in structure.conditions if k in pieces_of(c, problem)) for k in whole)
    quadratic = degrees.count(2)
    for piece, found in enumerate(conditions):
        if len(found) > quadratic:
            raise TooManyConditions(
                METHOD,
                f"{label}: {len(found)} conditions on the wall '{names[piece]}', where the equations take {quadratic}; "
                f"leave out '{found[-1].term.name}' there",
            )
        if len(found) < quadratic:
            missing = _without_condition(structure, degrees, found)
            raise TooFewConditions(
                METHOD,
                f"{label}: no condition for `{missing}` on the wall '{names[piece]}'; give its value, its flux or a "
                f"combination there",
            )
    extents = [axis.extent for axis in structure.space]
    form = WeakForm(problem, rows, degrees, conditions, tuple(names), max(extents))
    if not form.linear:
        _refuse_second_powers(form)
    return form


def pieces_of(condition: WallCondition, problem: Problem) -> tuple[int, ...]:
    """Numbers of the pieces of the boundary on which a condition holds, as `plane_walls` counts them."""
    part = condition.part
    if isinstance(part, Boundary | ShapeWall):
        return part.pieces
    assert isinstance(part, Faces)
    assert condition.wall is not None
    columns = problem.structure.space_columns
    axis = columns.index(condition.wall.column)
    upper = condition.wall.outward > 0
    return (box_piece(len(columns), axis, upper),)


def box_piece(dim: int, axis: int, upper: bool) -> int:
    """Number of the piece of a wall of a box: counter-clockwise from the lower y in the plane."""
    if dim == 2:
        return {(1, False): 0, (0, True): 1, (1, True): 2, (0, False): 3}[axis, upper]
    return 2 * axis + upper


def _refuse_second_powers(form: WeakForm) -> None:
    """Refuse rows that are not affine in the second derivatives.

    Raises:
        Unsupported: with the term.
    """
    generator = torch.Generator().manual_seed(1)
    points = Points(form.problem.domain.sample(PROBES, generator).coords)
    for term in form.structure.equation_terms:
        channels = form.problem.trace(term, raw=False).channels
        states = []
        for scale in (0.0, 1.0):
            values = {}
            for channel in channels:
                width = form.problem.unknown(channel.unknown).components
                shape = (points.coords.shape[0],) if width is None else (points.coords.shape[0], width)
                drawn = torch.rand(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
                values[channel] = drawn * (scale if space_order(form, channel) > 1 else 1.0)
            found = linearise(form.problem, term, (points,), values).d
            states.append([found[c] for c in channels if space_order(form, c) > 1])
        for before, after in zip(*states, strict=True):
            if not torch.allclose(before, after, rtol=1e-12, atol=1e-12):
                raise Unsupported(
                    METHOD,
                    f"{form.label}: '{term.name}' is not linear in its second derivatives, as finite elements need",
                )


def _refuse(label: str, structure: Structure) -> None:
    """Refuse terms that are no equations and no conditions on walls.

    Raises:
        Unsupported: with the first of them.
    """

    def refuse(reason: str) -> None:
        raise Unsupported(METHOD, f"{label}: {reason}")

    if structure.is_divided:
        refuse("unknowns, equations or coefficients jump between pieces of the domain")
    for term in structure.comparisons:
        refuse(f"term '{term.name}' compares {len(term.sites)} sites")
    for term in structure.elsewhere:
        refuse(f"term '{term.name}' holds on {term.sites[0]!r}, which is no wall of the domain")
    for term in structure.final:
        refuse(f"term '{term.name}' is a condition at the end of time")
    for column in structure.periodic:
        refuse(f"`{column}` is periodic, which finite differences cover")
    if not structure.equations:
        refuse("there is no equation in the inside of the domain")
    for row in structure.equations:
        for d in row.depends_on:
            if d.space_order > 2:
                refuse(f"'{row.term.name}' has a derivative of order {d.space_order}; elements of second degree take 2")
    if len(structure.equations) != len(structure.components):
        refuse(
            f"the equations have {len(structure.equations)} rows for {len(structure.components)} components of the "
            f"unknowns"
        )


def _tested(label: str, structure: Structure) -> tuple[tuple[TestedRow, ...], tuple[int, ...]]:
    """The component whose functions each row is tested with, and the degree of the elements of each component.

    Rows with second derivatives are tested by the component that they settle among those with second derivatives; the
    other rows, such as div u = 0, by the others, such as the pressure, in their order.
    """
    components = structure.components
    highest = [max((d.space_order for r in structure.equations if (d := r.on(c))), default=0) for c in components]
    degrees = tuple(2 if order == 2 else 1 for order in highest)
    if 2 not in degrees:
        raise Unsupported(METHOD, f"{label}: no equation has second derivatives in space, which finite elements need")
    second = [r for r in structure.equations if any(d.space_order == 2 for d in r.depends_on)]
    first = [r for r in structure.equations if r not in second]
    quadratic = [i for i, degree in enumerate(degrees) if degree == 2]
    others = [i for i, degree in enumerate(degrees) if degree == 1]
    if len(second) != len(quadratic):
        raise Unsupported(
            METHOD,
            f"{label}: {len(second)} rows have second derivatives, of {len(quadratic)} components; their numbers "
            f"must be equal",
        )
    weight = np.full((len(second), len(quadratic)), FORBIDDEN)
    for i, row in enumerate(second):
        for j, number in enumerate(quadratic):
            d = row.on(components[number])
            if d is not None and d.space_order == 2:
                weight[i, j] = 10.0 * sum(order == 2 for _, order in d.space_orders) + d.time_order
    found = assign(weight)
    if found is None:
        raise Unsupported(
            METHOD, f"{label}: no assignment gives every component an equation with its second derivatives"
        )
    tested = [TestedRow(row, quadratic[j]) for row, j in zip(second, found, strict=True)]
    tested += [TestedRow(row, number) for row, number in zip(first, others, strict=True)]
    return tuple(tested), degrees


def _without_condition(structure: Structure, degrees: Sequence[int], found: Sequence[WallCondition]) -> str:
    known = {c.component for c in found}
    every = [c for c, degree in zip(structure.components, degrees, strict=True) if degree == 2]
    missing = next((c for c in every if c not in known), every[-1])
    scalar = sum(c.unknown == missing.unknown for c in structure.components) == 1
    return missing.unknown if scalar else f"{missing.unknown}[{missing.index}]"


def shape_of(problem: Problem) -> Shape | Box:
    """The domain in space.

    Raises:
        Unsupported: for a domain that is neither a box nor a shape.
    """
    domain = problem.domain
    shape = domain.shape if isinstance(domain, Product) else domain
    if not isinstance(shape, Shape | Box):
        raise Unsupported(METHOD, f"problem '{problem.name}': the domain is no box and no shape but {shape!r}")
    return shape
