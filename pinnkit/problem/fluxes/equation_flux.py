"""Fluxes of equations: the vector fields F of rows  a div(F) + ... = 0.

From the flux follow the natural condition n . F = g on a wall, the condition [n . F] = 0 where two materials meet, the
weak form  -int F . grad v + int_wall n . F v  of int div(F) v, and the heat or mass flux of a solution.

Source: Evans, Partial Differential Equations, 2nd ed., section 6.1 (divergence form).
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch

from pinnkit.jets.divergences import Divergences, record_divergences
from pinnkit.jets.jet import Jet
from pinnkit.problem.conditions import Scope, Value, value_of
from pinnkit.problem.names import arguments, call
from pinnkit.problem.portable import Portable

__all__ = ["EquationFlux", "FluxPart", "PrescribedFlux", "signature_of"]


@dataclass(frozen=True)
class FluxPart:
    """One divergence in a row.

    Args:
        divergence: its number in the order in which the residual takes them.
        component: row of a tensor whose divergence is a vector; None for a vector field.
        weight: factor of the vector field in the flux of the row.
    """

    divergence: int
    component: int | None
    weight: float


@dataclass(frozen=True)
class EquationFlux(Portable):
    """Flux F of one row of an equation, which is  factor * div(F) + terms without divergences.

    The argument of `div` is the flux of a row with one divergence; several add up in the ratio of their factors, the
    first with weight 1.  ``laplacian(u)`` counts as ``div(grad(u))``.

    Args:
        residual: function of the equation.
        parts: divergences of the row.
        factor: derivative of the row with respect to div(F); None where it differs between points or states.
    """

    residual: Callable[..., Any]
    parts: tuple[FluxPart, ...]
    factor: float | None

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Function of the equation, whose arguments are the names that the flux may use."""
        return (self.residual,)

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Return none: they are among the arguments of the function."""
        return ()

    def evaluate(self, scope: Scope) -> Jet:
        """Flux ``(n, d)`` at points, from the names that the residual uses: coordinates, unknowns, coefficients.

        Raises:
            ValueError: for a residual that takes other divergences at these points than where its flux was found.
        """
        with record_divergences() as record:
            call(self.residual, scope, "flux")
        if len(record.fluxes) <= max(part.divergence for part in self.parts):
            raise ValueError(
                f"flux: the residual takes {len(record.fluxes)} divergences at these points, and more elsewhere; a "
                "residual must be the same formula at all points"
            )
        return functools.reduce(operator.add, (_weighted(record, part) for part in self.parts))

    def normal(self, scope: Scope) -> Jet:
        """Normal component n . F, ``(n,)``; `n` in the scope is the unit normal ``(n, d)``.

        Raises:
            ValueError: without a normal.
        """
        if "n" not in scope:
            raise ValueError("the flux through a wall needs a wall of space; this part has no outward normal")
        flux, n = self.evaluate(scope), cast(Jet, scope["n"])
        return functools.reduce(operator.add, (n[i] * flux[i] for i in range(flux.shape[1])))


@dataclass(frozen=True, repr=False)
class PrescribedFlux(Portable):
    """Residual n . F - g of the natural condition, a row for each of the fluxes.

    Args:
        fluxes: of the rows of an equation.
        value: g, a number, one number for each flux, or a function of coordinates, unknowns and coefficients by name.
    """

    fluxes: tuple[EquationFlux, ...]
    value: Value

    @property
    def __signature__(self) -> inspect.Signature:
        """Names that the fluxes and the value use, and the normal."""
        functions = [flux.residual for flux in self.fluxes[:1]]
        return signature_of([*functions, *([self.value] if callable(self.value) else [])], ("n",))

    def __call__(self, **scope: Any) -> tuple[Any, ...] | Any:
        """Residual at the points of a scope: ``(n,)`` for each flux."""
        normal = tuple(flux.normal(scope) for flux in self.fluxes)
        value = value_of(self.value, scope, "value of the flux")
        if len(normal) == 1:
            return normal[0] - value
        return torch.stack(normal, dim=-1) - value  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"n . flux = {self.value!r}"


def signature_of(functions: Iterable[Callable[..., Any]], others: Iterable[str] = ()) -> inspect.Signature:
    """Signature of a function that calls others by argument name: their needed names, each once, and `others`."""
    names = [name for f in functions for name in arguments(f, "a condition")[0]]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature([inspect.Parameter(name, keyword) for name in dict.fromkeys([*names, *others])])


def _weighted(record: Divergences, part: FluxPart) -> Jet:
    flux = record.fluxes[part.divergence]
    chosen = flux if part.component is None else flux[part.component]
    return chosen if part.weight == 1.0 else part.weight * chosen
