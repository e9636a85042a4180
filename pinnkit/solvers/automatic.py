"""Which field and which solver: chosen by probing the problem, and said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pinnkit.fields import FieldSpec, RandomFourier, Siren
from pinnkit.penalties import Square
from pinnkit.problem import Problem

from .first_order import Adam
from .least_squares import LeastSquares
from .objective import Solver
from .quasi_newton import LBFGS

__all__ = ["Choice", "automatic"]

_COLUMNS = 4
"""Random sines resolve a smooth function in up to so many coordinates."""


@dataclass(frozen=True)
class Choice:
    """A field, solvers, and the reason in one or two sentences."""

    field: FieldSpec
    solvers: Sequence[Solver]
    reason: str


def automatic(problem: Problem) -> Choice:
    """The default road for a problem, by static rules: never by timing, never by the exact solution."""
    trained = Siren(), (Adam(), LBFGS())
    curved = [str(t.name) for t in problem.terms if not isinstance(t.penalty, Square)]
    columns = len(problem.frame.columns)
    if curved:
        return Choice(*trained, f"Siren by Adam, then L-BFGS: the penalty of '{curved[0]}' is not a square.")
    if all(t.kind == "data" for t in problem.terms):
        return Choice(*trained, "Siren by Adam, then L-BFGS: the problem has data but no equation.")
    if columns > _COLUMNS:
        return Choice(*trained, f"Siren by Adam, then L-BFGS: {columns} coordinates are too many for random sines.")
    if problem.linear:
        reason = "random sines by least squares: every term is linear, so one solve gives the read-out."
    else:
        curved = [str(t.name) for t in problem.terms if not problem.trace(t, raw=True).linear]
        why = f"'{curved[0]}' is nonlinear" if curved else "the coefficients are unknown"
        reason = f"random sines by Newton's method on the read-out: {why}, and every penalty is a square."
    return Choice(RandomFourier(bandwidth=None), (LeastSquares(),), reason[0].upper() + reason[1:])
