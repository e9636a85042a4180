"""Requirements of an initial-value problem of ordinary differential equations, over the structure of a problem."""

from __future__ import annotations

from collections.abc import Iterator

from pinnkit.domains import Role
from pinnkit.jets.orders import HIGHEST
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.evolution import unmet_by_terms, unmet_by_unknowns
from pinnkit.problem.problem import Problem

__all__ = ["METHOD", "require"]

METHOD = "initial-value problem"
"""Name of the class of problems in `Unsupported`."""


def require(problem: Problem) -> None:
    """Check that a problem consists of ordinary differential equations in time with an initial state.

    Raises:
        Unsupported: with the first requirement that is not met.
    """
    for reason in _unmet(problem):
        raise Unsupported(METHOD, f"problem '{problem.name}': {reason}")


def _unmet(problem: Problem) -> Iterator[str]:
    """Yield the requirements that are not met, those first that cost nothing to check."""
    if problem.time is None:
        yield "there is no time axis to march along"
    others = [axis.name for axis in problem.axes if axis.role is not Role.TIME]
    if others:
        yield f"`{others[0]}` is an axis beside time; ordinary differential equations have time alone"
    structure = problem.structure
    yield from unmet_by_unknowns(problem, structure)
    yield from unmet_by_terms(problem, structure)
    if not structure.is_local:
        yield "the equations depend on several points at once"
    for component in structure.components:
        name, order = component.unknown, component.time_order
        if order == 0:
            yield f"no equation has a time derivative of `{name}`"
        if order > HIGHEST:
            yield f"a time derivative of order {order} of `{name}`; {HIGHEST} is the highest"
    rows, components = len(structure.equations), len(structure.components)
    if rows != components:
        yield f"there are {rows} equations for {components} components of the unknowns; give one for each"
