"""Concerns about a problem: numbers of conditions, ends at which they are given, growth of high frequencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from pinnkit.jets.gradient_mode import with_gradients
from pinnkit.problem.problem import Problem
from pinnkit.problem.tracing import coefficient_is_used

from .compatibility import check_corners, check_measurements
from .concern import Concern, Severity
from .initial_conditions import check_final_states, check_growth, check_initial_states, check_late_data
from .slopes import Values, equation_slopes, random_state
from .types import check_type
from .wall_conditions import check_walls

__all__ = ["concerns_of"]


@with_gradients
def concerns_of(
    problem: Problem, values: Values | None = None, coefficients: Mapping[str, Tensor] | None = None
) -> tuple[Concern, ...]:
    """Find reasons why a problem may not be well posed, from its structure and the signs of its coefficients.

    Nothing is solved.  Signs that depend on the solution are looked at only with `values`.

    Args:
        problem: the problem.
        values: derivatives of the unknowns at points, of a solution; None looks at linear problems alone.
        coefficients: of the problem; None takes their initial values.
    """
    if problem.plan is not None or problem.structure.joins:  # in pieces: the problem as it was given is looked at
        return ()
    if not problem.structure.equations:
        return tuple(check_measurements(problem))
    if coefficients is None:
        coefficients = {c.name: torch.tensor(c.initial, dtype=torch.float64) for c in problem.coefficients}
    if values is None and problem.structure.linear:
        values = random_state(problem)
    return tuple(_found(problem, values, coefficients))


def _found(problem: Problem, values: Values | None, coefficients: Mapping[str, Tensor]) -> Iterator[Concern]:
    structure = problem.structure
    rows, components = len(structure.equations), len(structure.components)
    if rows < components and not (structure.data or structure.minimised or structure.at_points or problem.ansatz):
        yield Concern(
            Severity.UNDETERMINED,
            f"{rows} equation{'s' * (rows > 1)} for {components} components of the unknowns: "
            "state one equation for each of them",
        )
        return
    local = structure.is_local  # the orders of integral equations tell little about walls and growth
    slopes = None if values is None or not local else equation_slopes(problem, values, coefficients)
    yield from _unused_coefficients(problem)
    yield from check_measurements(problem)
    yield from check_corners(problem)
    yield from check_initial_states(problem)
    yield from check_final_states(problem, slopes)
    yield from check_growth(problem, slopes)
    yield from check_late_data(problem, slopes)
    if local and all(row.part is None for row in structure.equations):  # else walls ask for what holds beside them
        yield from check_type(problem, slopes)
        yield from check_walls(problem, slopes, values, coefficients)


def _unused_coefficients(problem: Problem) -> Iterator[Concern]:
    for c in problem.coefficients:
        if not any(coefficient_is_used(problem, term, c.name) for term in problem.soft_terms):
            yield Concern(
                Severity.UNDETERMINED,
                f"coefficient `{c.name}` is used by no term, so that nothing determines it; use it, or leave it out",
                c.name,
            )
