"""Values that a solution is evaluated for: unknowns, their derivatives, fluxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from torch import Tensor

from pinnkit.jets.jet import Jet
from pinnkit.problem.conditions import Scope
from pinnkit.problem.problem import Problem

__all__ = ["Values", "derivatives", "flux_values"]

Values = Callable[[Scope], dict[str, Tensor]]
"""Function of the names of a problem, as jets at points, that gives values ``(n,)`` or ``(n, c)`` by name."""


def derivatives(problem: Problem, order: tuple[str, ...]) -> Values:
    """Derivative of each unknown along axes; the unknowns themselves for an empty order."""

    def values(scope: Scope) -> dict[str, Tensor]:
        return {name: cast(Jet, scope[name]).d(*order).value for name in problem.names}

    return values


def flux_values(problem: Problem, equation: str, row: int) -> Values:
    """Flux of one row of an equation, ``(n, d)``, under the name "flux".

    Raises:
        ValueError: for a name that is no equation, a row that there is not, or one without a flux.
    """
    rows = [r for r in problem.structure.equations if r.term.name == equation]
    if not rows:
        names = tuple(dict.fromkeys(str(r.term.name) for r in problem.structure.equations))
        raise ValueError(f"flux: '{equation}' is no equation of problem '{problem.name}'; the equations are {names}")
    found = next((r for r in rows if r.index == row), None)
    if found is None:
        raise ValueError(f"flux: equation '{equation}' has rows 0 to {len(rows) - 1}, got {row!r}")
    flux = found.flux
    if flux is None:
        raise ValueError(
            f"flux: row {row} of equation '{equation}' has no flux; write it with div(...), such as div(k * grad(u)), "
            'or use solution.d("x")'
        )

    def values(scope: Scope) -> dict[str, Tensor]:
        return {"flux": flux.evaluate(scope).value}

    return values
