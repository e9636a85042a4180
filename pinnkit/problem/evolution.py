"""Requirements common to methods that march in time: predicates over the structure of a problem."""

from __future__ import annotations

from collections.abc import Iterator

from .problem import Problem
from .structure import Structure

__all__ = ["unmet_by_terms", "unmet_by_unknowns"]


def unmet_by_unknowns(problem: Problem, structure: Structure) -> Iterator[str]:
    """Yield the reasons why the unknowns do not suit: coefficients to be found, an ansatz, fewer axes than the domain.

    Args:
        problem: that is to be marched.
        structure: of the problem.
    """
    if structure.coefficients:
        yield f"`{structure.coefficients[0].name}` is an unknown coefficient, to be found"
    if problem.ansatz and not any(t.hard for t in problem.terms):
        yield "there is an ansatz; give its conditions as terms instead"
    for component in structure.components:
        if len(component.columns) < len(problem.frame.columns):
            yield f"`{component.unknown}` is an unknown on fewer axes than the domain has"


def unmet_by_terms(problem: Problem, structure: Structure) -> Iterator[str]:
    """Yield the terms that are neither equations in the whole domain, nor conditions on walls, nor an initial state.

    Args:
        problem: that is to be marched.
        structure: of the problem.
    """
    for term in structure.data:
        yield f"'{term.name}' is a Data term, which is fitted and not solved"
    for term in structure.minimised:
        yield f"term '{term.name}' is minimised, not solved"
    for term in problem.terms:
        if term.integrals:
            yield f"term '{term.name}' has an integral"
        if term.own_points is not None:
            yield f"term '{term.name}' holds at its own points only"
    for term in (*structure.comparisons, *structure.at_points, *structure.elsewhere):
        yield f"term '{term.name}' holds neither in the domain nor on one of its walls"
    for term in structure.final:
        yield f"term '{term.name}' is a condition at the end of time"
    if structure.is_divided:
        yield "unknowns, equations or coefficients jump between pieces of the domain"
    if not structure.equations:
        yield "there is no equation in the inside of the domain"
