"""Requirements of the method of lines: predicates over the structure of a problem."""

from __future__ import annotations

from collections.abc import Iterator

from pinnkit.domains import Box, Role
from pinnkit.jets.frame import NamedOperator
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.evolution import unmet_by_terms, unmet_by_unknowns
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Structure

__all__ = ["METHOD", "require"]

METHOD = "method of lines"
"""Name of the method in `Unsupported`."""

_HIGHEST = 4
"""Derivatives in space."""


def require(problem: Problem) -> None:
    """Check that the method of lines covers a problem.

    Raises:
        Unsupported: with the first requirement that is not met.
    """
    for reason in _unmet(problem):
        raise Unsupported(METHOD, f"problem '{problem.name}': {reason}")


def _unmet(problem: Problem) -> Iterator[str]:
    """Yield the requirements that are not met, those first that cost nothing to check."""
    yield from _domain(problem)
    structure = problem.structure
    yield from unmet_by_unknowns(problem, structure)
    yield from unmet_by_terms(problem, structure)
    yield from _orders(structure)
    if len(structure.equations) != len(structure.components):
        yield "the equations do not have one row for each component of the unknowns"
    yield from _walls(structure)


def _domain(problem: Problem) -> Iterator[str]:
    """One space dimension and time, on a box."""
    if not isinstance(problem.domain, Box):
        yield f"the domain is not a box but {type(problem.domain).__name__}"
    if problem.time is None:
        yield "there is no time axis to march along"
    if any(axis.role is Role.PARAMETER for axis in problem.axes):
        yield "there is a parameter axis; fix its value"
    if len(problem.frame.space) != 1:
        yield f"there are {len(problem.frame.space)} space dimensions, a march has one"


def _orders(structure: Structure) -> Iterator[str]:
    """A first or second time derivative of every component, which no space derivative acts on."""
    assert structure.time is not None
    time = structure.time.name
    for row in structure.equations:
        for found in row.depends_on:
            if found.space_order > _HIGHEST:
                name = found.component.unknown
                yield f"{found.space_order} derivatives of `{name}` in space; {_HIGHEST} is the highest"
    for component in structure.components:
        name, order = component.unknown, component.time_order
        if order == 0:
            yield f"no equation has a time derivative of `{name}`"
        if order > 2:
            yield f"a time derivative of order {order} of `{name}`; 2 is the highest"
        if any(
            m == order and (columns or isinstance(factor.channel.order, NamedOperator))
            for row in structure.equations
            for factor in row.factors
            if (factor.channel.unknown, factor.index) == (name, component.index)
            for _, m, columns in factor.channel.split(time)
        ):
            yield f"the highest time derivative of `{name}` is differentiated in space as well"


def _walls(structure: Structure) -> Iterator[str]:
    """Periodicity, or conditions that are affine in space derivatives with factors that are constant in time."""
    conditions = structure.conditions
    axis = structure.space[0].name
    if structure.periodic and conditions:
        yield f"'{conditions[0].term.name}' sets a condition on a wall that is periodic"
    if not structure.periodic and not conditions:
        yield f"there is no condition on the walls of `{axis}`; give one, or Periodic(...)"
    for condition in conditions:
        name = condition.term.name
        if not condition.linear:
            yield f"the condition '{name}' is not affine in the unknowns"
        if condition.time_order:
            yield f"the condition '{name}' holds a time derivative"
        if not condition.constant_coefficients:
            yield f"the coefficients of the condition '{name}' change in time"
