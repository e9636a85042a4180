"""Problem on a tensor grid: requirements of finite differences on a box, and the nodes that each condition settles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pinnkit.domains import Box, Role
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Component, Structure
from pinnkit.problem.terms import Term
from pinnkit.references.grid import Line

from .equation_matching import Row, match_conditions, match_equations

__all__ = ["GridProblem", "grid_problem_of", "refuse_common", "refuse_what_no_scheme_covers"]

_CELLS = 16  # of the lines at first; a scheme takes its own


@dataclass(frozen=True)
class GridProblem:
    """Problem with the lines of a grid and, for every row of its terms, the values that the row settles.

    Args:
        problem: that is discretised.
        lines: axes of the grid.
        time: name, lower and upper end of the time axis.
        equations: rows that hold at all nodes.
        conditions: rows that hold on walls.
    """

    problem: Problem
    lines: tuple[Line, ...]
    time: tuple[str, float, float] | None
    equations: tuple[Row, ...]
    conditions: tuple[Row, ...]

    @property
    def structure(self) -> Structure:
        """Structure of the problem."""
        return self.problem.structure

    @property
    def components(self) -> tuple[Component, ...]:
        """Scalar fields of values."""
        return self.structure.components

    @property
    def initial(self) -> tuple[Term, ...]:
        """Terms at the start of time."""
        return self.structure.initial_terms

    @property
    def time_name(self) -> str | None:
        """Name of the time axis."""
        return self.time[0] if self.time else None

    def highest(self, column: str) -> int:
        """Highest derivative along a column in the equations."""
        return self.structure.order_along(column)

    @property
    def linear(self) -> bool:
        """True if every residual is affine in the unknowns."""
        return self.structure.linear


def refuse_common(problem: Problem) -> Box:
    """Refuse what no scheme on a box covers, and return the domain, a box.

    Raises:
        Unsupported: with the reason.
    """
    box = problem.domain
    if not isinstance(box, Box):
        raise Unsupported(
            "finite differences", f"problem '{problem.name}': the domain is not a box but {type(box).__name__}"
        )
    refuse_what_no_scheme_covers(problem)
    return box


def refuse_what_no_scheme_covers(problem: Problem, method: str = "finite differences") -> None:
    """Refuse what no scheme of this package covers on any domain, in the name of a method.

    Raises:
        Unsupported: with the reason.
    """
    for reason in _covered_by_none(problem):
        raise Unsupported(method, f"problem '{problem.name}': {reason}")


def _covered_by_none(problem: Problem) -> Iterator[str]:
    parameters = [a.name for a in problem.axes if a.role is Role.PARAMETER]
    for term in problem.terms:
        if not term.is_local:
            what = "an integral" if term.integrals else "rows that depend on groups of points"
            yield f"term '{term.name}' has {what}, which no reference of this package covers"
    if parameters:
        yield f"there is a parameter axis `{parameters[0]}`; fix its value to compare with"
    if len(problem.frame.space) > 3:
        yield f"there are {len(problem.frame.space)} space dimensions, more than 3"
    if problem.coefficients:
        yield f"`{problem.coefficients[0].name}` is an unknown coefficient, to be found"
    for u in problem.unknowns:
        if problem.columns_of(u.name) != frozenset(problem.frame.columns):
            yield f"`{u.name}` is an unknown on fewer axes than the domain has"
    for term in problem.terms:
        if term.fits_data:
            yield f"`{term.name}` is a Data term, which is fitted and not solved"
        if term.data_columns:
            yield f"term '{term.name}' uses data columns, known at its own points only"
        if not term.penalty.vanishes:
            yield f"term '{term.name}' is minimised, not solved"


def grid_problem_of(problem: Problem) -> GridProblem:
    """Lay a problem out on a grid.

    Raises:
        Unsupported: where it has something that the finite differences do not cover.
    """
    box = refuse_common(problem)
    label = f"problem '{problem.name}'"
    structure = problem.structure
    for reason in _off_the_grid(structure):
        raise Unsupported("finite differences", f"{label}: {reason}")
    lines = tuple(
        Line(column, a.lower, a.upper, _CELLS, column in structure.periodic)
        for a in box.axes
        if a.role is Role.SPACE
        for column in a.columns
    )
    orders = max(c.time_order for c in structure.components)
    if orders > 2:
        raise Unsupported("finite differences", f"{label}: a time derivative of order {orders}; 2 is the highest")
    equations = match_equations(label, structure)
    conditions = match_conditions(label, structure, lines)
    axis = structure.time
    time = None if axis is None else (axis.name, axis.lower, axis.upper)
    return GridProblem(problem, lines, time, equations, conditions)


def _off_the_grid(structure: Structure) -> Iterator[str]:
    """Yield the terms that a grid does not represent."""
    for term in structure.comparisons:
        yield f"term '{term.name}' compares {len(term.sites)} sites"
    for term in structure.at_points:
        yield f"term '{term.name}' holds at single points, which lie on no grid"
    for term in structure.elsewhere:
        yield f"term '{term.name}' holds on {term.sites[0]!r}, which is no wall of the domain"
    for term in structure.final:
        yield f"term '{term.name}' is a condition at the end of time"
    if structure.is_divided:
        yield "unknowns, equations or coefficients jump between pieces of the domain"
    if not structure.equations:
        yield "there is no equation in the inside of the domain"
