"""Reading a problem: its axes, equations and conditions, and what is refused by name."""

from __future__ import annotations

from dataclasses import dataclass

from pinnkit.domains import Box, Faces, PointSet, Role
from pinnkit.problem.conditions import Jump
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.references.grid import Line

from .equation_matching import Component, Row, match_conditions, match_equations, members, needs, order_along

__all__ = ["Survey", "refuse_common", "refuse_what_no_scheme_covers", "survey"]

_CELLS = 16  # of the lines of a survey; a scheme takes its own


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
    """Refuse what no scheme on a box covers; the domain, a box, is handed back.

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


def refuse_what_no_scheme_covers(problem: Problem) -> None:
    """Refuse what no scheme of this package covers on any domain.

    Raises:
        Unsupported: with the reason.
    """
    label = f"problem '{problem.name}'"
    parameters = [a.name for a in problem.axes if a.role is Role.PARAMETER]
    if parameters:
        raise Unsupported(
            "finite differences", f"{label}: there is a parameter axis `{parameters[0]}`; fix its value to compare with"
        )
    if len(problem.frame.space) > 3:
        raise Unsupported(
            "finite differences", f"{label}: there are {len(problem.frame.space)} space dimensions, more than 3"
        )
    if problem.coefficients:
        raise Unsupported(
            "finite differences", f"{label}: `{problem.coefficients[0].name}` is an unknown coefficient, to be found"
        )
    for u in problem.unknowns:
        if problem.columns_of(u.name) != frozenset(problem.frame.columns):
            raise Unsupported(
                "finite differences", f"{label}: `{u.name}` is an unknown on fewer axes than the domain has"
            )
    for term in problem.terms:
        if term.kind == "data":
            raise Unsupported(
                "finite differences", f"{label}: `{term.name}` is a Data term, which is fitted and not solved"
            )
        if getattr(term.points, "columns", None):
            raise Unsupported(
                "finite differences", f"{label}: term '{term.name}' uses data columns, known at its own points only"
            )


def survey(problem: Problem) -> Survey:
    """Read the problem.

    Raises:
        Unsupported: where it has something that the finite differences do not cover.
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
        raise Unsupported("finite differences", f"{label}: there is no equation in the inside of the domain")
    scalars = [(u.name, i) for u in problem.unknowns for i in range(u.components or 1)]
    needed = [needs(problem, term, term.sites[0], scalars, name) for term in equations]
    rates = [max((orders.get(s, (0, {}, 0))[0] for rows in needed for orders in rows), default=0) for s in scalars]
    if max(rates) > 2:
        raise Unsupported("finite differences", f"{label}: a time derivative of order {max(rates)}; 2 is the highest")
    components = tuple(Component(u, i, rate) for (u, i), rate in zip(scalars, rates, strict=True))
    placed = match_equations(label, equations, needed, scalars)
    orders = [
        [max((order_along(o, s, line.name) for rows in needed for o in rows), default=0) for line in lines]
        for s in scalars
    ]
    rows = match_conditions(problem, box, conditions, lines, scalars, orders, name)
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
            raise Unsupported("finite differences", f"{label}: term '{term.name}' compares {len(term.sites)} sites")
        site = term.sites[0]
        if term.kind == "equation" and site == box:
            equations.append(term)
        elif isinstance(site, PointSet):
            raise Unsupported(
                "finite differences", f"{label}: term '{term.name}' holds at single points, which lie on no grid"
            )
        elif not isinstance(site, Faces) or site.axes != box.axes:
            raise Unsupported(
                "finite differences", f"{label}: term '{term.name}' holds on {site!r}, which is no wall of the domain"
            )
        elif time is not None and any(column == time for column, _ in site.walls):
            if any(value == ends[time] for _, value in site.walls):
                raise Unsupported(
                    "finite differences", f"{label}: term '{term.name}' is a condition at the end of time"
                )
            initial.append(term)
        elif site.walls:
            conditions.append((term, site))
    return equations, conditions, initial, periodic
