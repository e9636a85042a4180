"""Conditions where two pieces meet, from the equations on both sides and the statements on interfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pinnkit.domains.pieces.partition import Piece, SharedBoundary
from pinnkit.problem.fluxes.equation_flux import EquationFlux
from pinnkit.problem.protocols import ProblemLike
from pinnkit.problem.structure_parts import Component, EquationRow, InterfaceCondition
from pinnkit.problem.unknowns import Unknown

from .interface import Interface
from .views import PieceView, holds_in, is_divided, views_of

__all__ = ["interface_conditions"]


def interface_conditions(problem: ProblemLike, equations: Sequence[EquationRow]) -> tuple[InterfaceCondition, ...]:
    """Conditions of every unknown on every boundary that two pieces share; none in a problem in pieces.

    Raises:
        ValueError: for an `Interface` that holds nowhere, or does not say which unknown it means; for two on the same
            boundary.
    """
    if len(problem.pieces) < 2 or any(isinstance(u.on, Piece) for u in problem.unknowns):
        return ()
    views = {view.piece.number: view for view in views_of(problem)}
    used: set[int] = set()
    found = []
    for shared in problem.pieces.shared:
        sides = views[shared.first], views[shared.second]
        both = [u for u in problem.unknowns if is_divided(problem, u) and all(u.name in dict(v.names) for v in sides)]
        for unknown in both:
            condition = _condition(unknown, shared, sides, equations)
            for i, statement in enumerate(problem.interfaces):
                if statement.unknown not in (None, unknown.name):
                    continue
                direction = statement.direction(sides[0].piece, sides[1].piece)
                if direction == 0:
                    continue
                if statement.unknown is None and len(both) > 1:
                    raise ValueError(
                        f"problem '{problem.name}': {statement!r} does not say which unknown it means; give unknown= "
                        f"one of {tuple(u.name for u in both)}"
                    )
                if (condition.resistance, condition.jump, condition.flux_jump) != (0.0, 0.0, 0.0):
                    raise ValueError(
                        f"problem '{problem.name}': two Interface statements hold for `{unknown.name}` between "
                        f"{sides[0].piece!r} and {sides[1].piece!r}; leave one out"
                    )
                used.add(i)
                condition = _stated(condition, statement, direction)
            found.append(condition)
    for i, statement in enumerate(problem.interfaces):
        if i not in used:
            raise ValueError(
                f"problem '{problem.name}': no two pieces meet at {statement!r}; an interface lies inside the domain, "
                f"between two of {', '.join(map(repr, problem.pieces))}"
            )
    return tuple(found)


def _condition(
    unknown: Unknown, shared: SharedBoundary, sides: tuple[PieceView, PieceView], equations: Sequence[EquationRow]
) -> InterfaceCondition:
    order, fluxes = 0, []
    for component in range(unknown.components or 1):
        pair = []
        for view in sides:
            here = [r for r in equations if r.part is None or holds_in(r.part, view.piece)]
            used = [d for r in here for d in r.depends_on if _is(d.component, unknown, component)]
            order = max([order, *(d.space_order for d in used)])
            settling = [r for r in here if _is(r.settles, unknown, component)]
            pair.append(_in_piece(settling[0].flux, view) if settling else None)
        fluxes.append((pair[0], pair[1]))
    first, second = (view.piece for view in sides)
    return InterfaceCondition(first, second, shared.part, unknown.name, order, tuple(fluxes))


def _is(component: Component | None, unknown: Unknown, index: int) -> bool:
    return component is not None and (component.unknown, component.index) == (unknown.name, index)


def _in_piece(flux: EquationFlux | None, view: PieceView) -> EquationFlux | None:
    """Flux with the coefficients of a piece, in the names of the user's problem."""
    return None if flux is None else replace(flux, residual=replace(view.wrap(flux.residual), names=()))


def _stated(condition: InterfaceCondition, statement: Interface, direction: int) -> InterfaceCondition:
    return replace(
        condition,
        resistance=statement.resistance,
        jump=statement.jump,
        flux_jump=statement.flux_jump,
        direction=direction,
    )
