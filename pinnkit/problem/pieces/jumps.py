"""Residuals that join the unknowns of two pieces on the boundary that they share.

n is the unit normal that points from the first piece into the second, [u] = u_second - u_first, F the flux of an
equation.  The conditions of a perfect contact are [u] = 0 and [n . F] = 0.

Source: Carslaw & Jaeger, Conduction of Heat in Solids, 2nd ed., section 1.9 (contact resistance).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch

from pinnkit.jets.jet import Jet
from pinnkit.jets.operators import normal_derivative
from pinnkit.problem.conditions import Scope, Value, value_of
from pinnkit.problem.fluxes.equation_flux import EquationFlux, signature_of
from pinnkit.problem.portable import Portable

__all__ = ["DerivativeJump", "FluxJump", "GradientFlux", "JoinsPieces", "NormalComponent", "ValueJump"]


class JoinsPieces(Portable):
    """Base of the residuals that join two pieces."""


class NormalComponent(Protocol):
    """Normal component of a flux."""

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Functions of the user that it is made of."""
        ...

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Unknowns that it uses beside those of the functions."""
        ...

    def normal(self, scope: Scope) -> Jet:
        """Return n . F at points, ``(n,)``."""
        ...


@dataclass(frozen=True)
class GradientFlux(Portable):
    """The gradient of one component of an unknown, as the flux of an equation that has none of its own."""

    unknown: str
    component: int | None

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Return none."""
        return ()

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Return the unknown."""
        return (self.unknown,)

    def normal(self, scope: Scope) -> Jet:
        """Return the normal derivative at points, ``(n,)``."""
        u = cast(Jet, scope[self.unknown])
        return normal_derivative(u if self.component is None else u[self.component], scope["n"])


@dataclass(frozen=True, repr=False)
class ValueJump(JoinsPieces):
    """[u] - jump - sign * resistance * n . F.

    Args:
        first: name of the unknown in the first piece.
        second: name in the second.
        jump: prescribed jump, a number or a function of coordinates.
        resistance: contact resistance, likewise, with the sign of F.
        fluxes: of the components of the unknown in the first piece; none without a resistance.
        sign: of the resistance: -1 where n points the other way, or F is the flux of heat, -k grad(u).
    """

    first: str
    second: str
    jump: Value
    resistance: Value
    fluxes: tuple[NormalComponent, ...]
    sign: float = 1.0

    @property
    def __signature__(self) -> inspect.Signature:
        """Names that the residual uses."""
        return _signature(self.fluxes, (self.jump, self.resistance), (self.first, self.second))

    def __call__(self, **scope: Any) -> Any:
        """Residual at the points of a scope."""
        difference = scope[self.second] - scope[self.first] - value_of(self.jump, scope, "jump")
        if not self.fluxes:
            return difference
        normal = [flux.normal(scope) for flux in self.fluxes]
        through = normal[0] if difference.ndim == 1 else torch.stack(normal, dim=-1)  # type: ignore[arg-type]
        return difference - self.sign * value_of(self.resistance, scope, "resistance") * through

    def __repr__(self) -> str:
        return f"{self.second} - {self.first}"


@dataclass(frozen=True, repr=False)
class FluxJump(JoinsPieces):
    """[n . F] - jump, a row for each pair of fluxes.

    Args:
        first: fluxes of the first piece.
        second: fluxes of the second.
        jump: prescribed jump, a number or a function of coordinates.
    """

    first: tuple[NormalComponent, ...]
    second: tuple[NormalComponent, ...]
    jump: Value

    @property
    def __signature__(self) -> inspect.Signature:
        """Names that the residual uses."""
        return _signature((*self.first, *self.second), (self.jump,))

    def __call__(self, **scope: Any) -> tuple[Any, ...]:
        """Residual at the points of a scope."""
        jump = value_of(self.jump, scope, "flux_jump")
        pairs = zip(self.first, self.second, strict=True)
        return tuple(b.normal(scope) - a.normal(scope) - jump for a, b in pairs)

    def __repr__(self) -> str:
        return "jump of the normal flux"


@dataclass(frozen=True, repr=False)
class DerivativeJump(JoinsPieces):
    """Jumps of the normal derivatives of orders `lowest` to `highest` of an unknown.

    Args:
        first: name of the unknown in the first piece.
        second: name in the second.
        lowest: lowest order, at least 1.
        highest: highest order.
    """

    first: str
    second: str
    lowest: int
    highest: int

    @property
    def __signature__(self) -> inspect.Signature:
        """Names that the residual uses."""
        return _signature((), (), (self.first, self.second))

    def __call__(self, **scope: Any) -> tuple[Any, ...]:
        """Residual at the points of a scope."""
        rows = []
        a, b = scope[self.first], scope[self.second]
        for order in range(1, self.highest + 1):
            a, b = normal_derivative(a, scope["n"]), normal_derivative(b, scope["n"])
            rows += [b - a] if order >= self.lowest else []
        return tuple(rows)

    def __repr__(self) -> str:
        return f"normal derivatives of {self.second} - {self.first}"


def _signature(
    fluxes: tuple[NormalComponent, ...], values: tuple[Value, ...], unknowns: tuple[str, ...] = ()
) -> inspect.Signature:
    functions = [f for flux in fluxes for f in flux.functions] + [v for v in values if callable(v)]
    own = [name for flux in fluxes for name in flux.unknowns]
    return signature_of(functions, (*unknowns, *own, "n"))


def as_normal(flux: EquationFlux | None, unknown: str, component: int | None) -> NormalComponent:
    """Return the flux of an equation, or the gradient of the unknown that it settles where it has none."""
    return GradientFlux(unknown, component) if flux is None else flux
