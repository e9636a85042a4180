"""Section of a family of problems: the problem at fixed values of its parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch

from pinnkit.domains import Axis, Boundary, Box, CrossSection, Domain, Faces, Part, Product, Role

from .ansatz import Lift
from .conditions import ConditionRule, Flux, InitialState, Jump, Mixed, Prescribed
from .errors import Unsupported
from .names import arguments
from .portable import Portable
from .problem import Problem
from .terms import Term
from .unknowns import Unknown

__all__ = ["Held", "section"]

_METHOD = "section"
Given = TypeVar("Given")


@dataclass(frozen=True)
class Held(Portable):
    """A function of names, some of which have fixed values.

    Args:
        function: of the user.
        values: pairs of a name and its value.
    """

    function: Callable[..., Any]
    values: tuple[tuple[str, float], ...]

    @property
    def __signature__(self) -> inspect.Signature:
        """Signature without the names that are fixed."""
        fixed = {name for name, _ in self.values}
        own = inspect.signature(self.function)
        return own.replace(parameters=[p for p in own.parameters.values() if p.name not in fixed])

    def __call__(self, **given: Any) -> Any:
        """Value of the function; the fixed values are 0-d tensors, which torch functions take."""
        fixed = {name: torch.tensor(value, dtype=torch.float64) for name, value in self.values}
        return self.function(**given, **fixed)


def section(problem: Problem, **values: float) -> Problem:
    """Problem at fixed values of its parameters: ``section(family, nu=0.05)``, without the axis `nu`.

    Args:
        problem: with axes made by `Parameters`.
        values: for each parameter of the section its value; parameters without one stay axes.

    Raises:
        ValueError: for a name that is no parameter axis, or a value outside of its range.
        Unsupported: for terms with points or integrals of their own, and conditions at ends of the parameter.
    """
    ranges = {a.name: a for a in problem.axes if a.role is Role.PARAMETER}
    for name, value in values.items():
        if name not in ranges:
            raise ValueError(f"section: `{name}` is no parameter of problem '{problem.name}'; they are {tuple(ranges)}")
        axis = ranges[name]
        if axis.dim > 1 or not axis.lower <= value <= axis.upper:
            raise ValueError(
                f"section: `{name}` must be one number between {axis.lower:g} and {axis.upper:g}, got {value!r}"
            )
    held = tuple(sorted((name, float(value)) for name, value in values.items()))
    if not held:
        return problem
    fixed = frozenset(values)
    shown = ", ".join(f"{name} = {value:.6g}" for name, value in held)
    return Problem(
        name=f"{problem.name} at {shown}",
        domain=_domain(problem.domain, fixed),
        unknowns=[_unknown(u, fixed) for u in problem.unknowns],
        terms=[_term(term, held) for term in problem.terms],
        coefficients=problem.coefficients,
        ansatz={name: _held(f, held) for name, f in problem.ansatz.items() if not isinstance(f, Lift)},
        exact={name: _held(f, held) for name, f in problem.exact.items()},
        dtype=problem.dtype,
    )


def _unknown(unknown: Unknown, fixed: frozenset[str]) -> Unknown:
    if unknown.axes is None:
        return unknown
    kept = tuple(name for name in unknown.axes if name not in fixed)
    if not kept:
        raise Unsupported(_METHOD, f"`{unknown.name}` depends on nothing but {sorted(fixed)}")
    return replace(unknown, axes=kept)


def _kept(axes: tuple[Axis, ...], fixed: frozenset[str]) -> tuple[Axis, ...]:
    return tuple(a for a in axes if a.name not in fixed)


def _domain(domain: Domain, fixed: frozenset[str]) -> Domain:
    if isinstance(domain, Box):
        return Box.of(*_kept(domain.axes, fixed))
    if isinstance(domain, Product):
        factors = _kept(domain.factors, fixed)
        return Product(domain.shape, factors) if factors else domain.shape
    raise Unsupported(_METHOD, f"the domain {domain!r} has no sections")


def _part(part: Part, fixed: frozenset[str]) -> Part:
    """The same part without the fixed axes."""
    if isinstance(part, Faces | CrossSection) and any(column in fixed for column, _ in part.walls):
        raise Unsupported(_METHOD, f"{part!r} lies at ends of {sorted(fixed)}")
    if isinstance(part, Faces) and isinstance(part.box, Box):
        return Faces(Box.of(*_kept(part.box.axes, fixed)), part.walls)
    if isinstance(part, CrossSection):
        return CrossSection(Product(part.domain.shape, _kept(part.domain.factors, fixed)), part.walls)
    if isinstance(part, Boundary):
        return Boundary(Product(part.domain.shape, _kept(part.domain.factors, fixed)))
    if isinstance(part, Box | Product):
        return _domain(part, fixed)
    raise Unsupported(_METHOD, f"the part {part!r} has no sections")


def _term(term: Term, held: tuple[tuple[str, float], ...]) -> Term:
    fixed = frozenset(name for name, _ in held)
    if term.own_points is not None or term.integrals:
        raise Unsupported(_METHOD, f"term '{term.name}' has points or integrals of its own")
    residual = _held(term.residual, held) if term.rule is None else _rule(term.rule, held)
    return replace(
        term,
        sites=tuple(_part(site, fixed) for site in term.sites),
        residual=residual,
        weight=_held(term.weight, held),
    )


def _rule(rule: ConditionRule, held: tuple[tuple[str, float], ...]) -> ConditionRule:
    """Built-in condition whose functions have fixed values."""
    if isinstance(rule, Prescribed):
        return Prescribed(_pairs(rule.values, held), _held(rule.sigma, held))
    if isinstance(rule, Flux):
        return Flux(_pairs(rule.values, held))
    if isinstance(rule, InitialState):
        return replace(rule, values=_pairs(rule.values, held))
    if isinstance(rule, Mixed):
        return Mixed(tuple((n, (_held(a, held), _held(b, held), _held(g, held))) for n, (a, b, g) in rule.values))
    if isinstance(rule, Jump):
        return rule
    raise Unsupported(_METHOD, f"conditions of the kind {type(rule).__name__} have no sections")


def _pairs(values: tuple[tuple[str, Given], ...], held: tuple[tuple[str, float], ...]) -> tuple[tuple[str, Given], ...]:
    return tuple((name, _held(value, held)) for name, value in values)


def _held(value: Given, held: tuple[tuple[str, float], ...]) -> Given:
    """The value itself, or for a function that uses a fixed name the function with it."""
    if not callable(value):
        return value
    needed, optional = arguments(value, "section")
    own = tuple((name, number) for name, number in held if name in (*needed, *optional))
    return Held(value, own) if own else value  # type: ignore[return-value]
