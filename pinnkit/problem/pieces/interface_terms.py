"""Terms of a problem in pieces that join the copies of an unknown in two neighbouring pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

import torch
from torch import Generator, Tensor

from pinnkit.jets.frame import Derivative
from pinnkit.problem.channels import Channel
from pinnkit.problem.conditions import Value
from pinnkit.problem.fluxes.equation_flux import EquationFlux
from pinnkit.problem.linearization import scope_of
from pinnkit.problem.protocols import ProblemLike
from pinnkit.problem.structure_parts import InterfaceCondition, Structure
from pinnkit.problem.terms import Condition, Term

from .jumps import DerivativeJump, FluxJump, GradientFlux, JoinsPieces, NormalComponent, ValueJump
from .views import PieceView

__all__ = ["interface_terms"]

_POINTS = 16


class HasStructure(ProblemLike, Protocol):
    """Problem with its structure."""

    @property
    def structure(self) -> Structure:
        """Structure."""
        ...


def interface_terms(problem: HasStructure, views: Sequence[PieceView]) -> list[Term]:
    """Conditions between pieces as terms: the value, and for equations of second order the flux of each.

    Where neither side has a flux the normal derivatives up to one order less than that of the equations are continuous;
    where one side has none, the normal derivative takes the place of its flux.
    """
    by_number = {view.piece.number: view for view in views}
    terms = []
    for condition in problem.structure.interfaces:
        sides = by_number[condition.first.number], by_number[condition.second.number]
        where = f"{sides[0].piece.name} | {sides[1].piece.name}"
        for what, residual in _residuals(problem, condition, sides):
            term = Condition(
                condition.part, cast(Callable[..., Any], residual), name=f"{what} of {condition.unknown}, {where}"
            )
            terms.append(replace(term, kind="interface"))
    return terms


def _residuals(
    problem: ProblemLike, condition: InterfaceCondition, sides: tuple[PieceView, PieceView]
) -> list[tuple[str, JoinsPieces]]:
    """Pairs of a word for what is joined and the residual."""
    if condition.order == 0:
        return []
    a, b = (dict(view.names)[condition.unknown] for view in sides)
    inner = sides[0] if condition.direction == 1 else sides[1]
    found: list[tuple[str, JoinsPieces]] = []
    first, second = _fluxes(condition, sides, 0), _fluxes(condition, sides, 1)
    if condition.order == 1 and _all_have(condition):
        return [("flux", FluxJump(first, second, _value(condition.flux_jump, inner)))]
    jump, resistance = _value(condition.jump, inner), _value(condition.resistance, inner)
    resists = callable(resistance) or resistance != 0
    through = (first if condition.direction == 1 else second) if resists else ()
    sign = _orientation(problem, condition) * condition.direction if resists else 1.0
    ends = (a, b) if condition.direction == 1 else (b, a)
    found.append(("value", ValueJump(*ends, jump, resistance, through, sign)))
    if condition.order < 2:
        return found
    if not any(flux is not None for pair in condition.fluxes for flux in pair):
        if callable(condition.flux_jump) or condition.flux_jump != 0:
            found.append(("flux", FluxJump(first, second, _value(condition.flux_jump, inner))))
            lowest = 2
        else:
            lowest = 1
        if condition.order > lowest:
            found.append(("derivatives", DerivativeJump(a, b, lowest, condition.order - 1)))
        return found
    if condition.order > 2:
        found.append(("derivatives", DerivativeJump(a, b, 1, condition.order - 2)))
    found.append(("flux", FluxJump(first, second, _value(condition.flux_jump, inner))))
    return found


def _all_have(condition: InterfaceCondition) -> bool:
    return all(flux is not None for pair in condition.fluxes for flux in pair)


def _fluxes(
    condition: InterfaceCondition, sides: tuple[PieceView, PieceView], side: int
) -> tuple[NormalComponent, ...]:
    """Fluxes on one side, in the names of the problem in pieces."""
    view = sides[side]
    name = dict(view.names)[condition.unknown]
    found: list[NormalComponent] = []
    for i, pair in enumerate(condition.fluxes):
        flux = pair[side]
        if flux is None:
            found.append(GradientFlux(name, i if len(condition.fluxes) > 1 else None))
        else:
            found.append(replace(flux, residual=view.wrap(flux.residual)))
    return tuple(found)


def _value(value: Value, view: PieceView) -> Value:
    return view.wrap(value) if callable(value) else value


def _orientation(problem: ProblemLike, condition: InterfaceCondition) -> float:
    """Sign of n . F for an unknown that rises along n: -1 for the flux of heat, -k grad(u)."""
    flux = condition.fluxes[0][0 if condition.direction == 1 else 1]
    if flux is None:
        return 1.0
    points = condition.part.sample(_POINTS, Generator().manual_seed(0)).to(torch.float64, "cpu")
    assert points.normal is not None
    components = problem.unknown(condition.unknown).components
    space = problem.frame.space
    normal = points.normal

    def lookup(channel: Channel, rise: float) -> Tensor:
        size = problem.unknown(channel.unknown).components
        value = torch.zeros(len(normal) if size is None else (len(normal), size), dtype=torch.float64)
        if channel.unknown == condition.unknown and _is_first(channel.order, space):
            slope = rise * normal[:, space.index(channel.order[0])]  # type: ignore[index]
            value = slope if components is None else torch.cat([slope[:, None], value[:, 1:]], dim=1)
        return value

    def through(rise: float) -> Tensor:
        scope = scope_of(problem, (points,), lambda c: lookup(c, rise), problem.initial_coefficients(), raw=False)
        assert isinstance(flux, EquationFlux)
        return flux.normal(scope).value

    return 1.0 if float((through(1.0) - through(0.0)).sum()) >= 0 else -1.0


def _is_first(order: Derivative, space: Sequence[str]) -> bool:
    return isinstance(order, tuple) and len(order) == 1 and order[0] in space
