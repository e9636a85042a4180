"""Which field and which solver: roads chosen by probing the problem, tried in order, and said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pinnkit.fields import MLP, Expansion, FieldSpec, RandomFourier, Siren
from pinnkit.problem.problem import Problem
from pinnkit.solvers.least_squares.least_squares import LeastSquares
from pinnkit.solvers.least_squares.polynomial_search import MANY_COORDINATES
from pinnkit.solvers.method_of_lines.march import March, can_march
from pinnkit.solvers.optimizers.adam import Adam
from pinnkit.solvers.optimizers.gauss_newton import GaussNewton
from pinnkit.solvers.optimizers.lbfgs import LBFGS
from pinnkit.solvers.protocols import Solver
from pinnkit.solvers.training.adaptive_points import RAD, Adaptive

__all__ = ["Choice", "automatic"]

_COLUMNS = 4
"""Random sines resolve a smooth function in up to so many coordinates."""
_GOOD = 1e-6
"""A held-out residual, relative to what cancels in it, at which a marched or solved field is taken as it is."""
_MARCHED = 1e-4
"""The same of a march, whose steps and modes were judged on the way: the rate of a second-order one is rough."""
_FAIR = 1e-3
"""One at which a network would have to train for minutes to do better."""


@dataclass(frozen=True)
class Choice:
    """A road: a field, solvers, and the reason in one or two sentences.

    Args:
        field: None where the solver brings its own.
        solvers: run in sequence.
        reason: why this road, in words.
        good: the held-out residual at which no other road is tried.
        adaptive: points that follow the residual, for a trained field.
        balance: whether terms are weighted by their row norms; False where the problem's own weights are meant as such.
    """

    field: FieldSpec | None
    solvers: Sequence[Solver | March]
    reason: str
    good: float = float("inf")
    adaptive: Adaptive | None = None
    balance: bool = True

    @property
    def trains(self) -> bool:
        """Whether all of the field is fitted, step by step, and not its read-out alone."""
        return not isinstance(self.solvers[0], (March, LeastSquares))


def automatic(problem: Problem) -> tuple[Choice, ...]:
    """The roads for a problem in the order to try, by static rules: never by timing, never by the exact solution.

    A problem that brings its own road has that one alone.
    """
    if problem.road is not None:
        return (problem.road,)
    trained = Siren(), (Adam(), LBFGS())
    curved = [str(t.name) for t in problem.terms if not t.penalty.is_square]
    columns = len(problem.frame.columns)
    if curved:
        return (Choice(*trained, f"Siren by Adam, then L-BFGS: the penalty of '{curved[0]}' is not a square."),)
    if all(t.fits_data for t in problem.terms):
        return (Choice(*trained, "Siren by Adam, then L-BFGS: the problem has data but no equation."),)
    if columns > _COLUMNS and not problem.periodic:
        return (_polynomials(problem), _network("polynomials leave a large residual."))
    if columns > _COLUMNS:
        return (_network(f"{columns} coordinates are too many for random sines."),)
    if can_march(problem) is not None:
        return (_sines(problem), _network("the residual of random sines is still large."))
    march = Choice(None, (March(),), "An evolution in one dimension of space.", good=_MARCHED)
    # Random sines resolve a linear evolution in one solve; a nonlinear one may steepen, which only marching follows.
    if problem.linear:
        return (replace(_sines(problem), good=_GOOD), march)
    return (march, _sines(problem), _network("neither marching nor random sines left a small residual."))


def _sines(problem: Problem) -> Choice:
    if problem.linear:
        reason = "Random sines by least squares: every term is linear, so one solve gives the read-out."
    else:
        curved = [str(t.name) for t in problem.soft_terms if not problem.trace(t, raw=True).linear]
        why = f"'{curved[0]}' is nonlinear" if curved else "the coefficients are unknown"
        reason = f"Random sines by Newton's method on the read-out: {why}, and every penalty is a square."
    return Choice(RandomFourier(bandwidth=None), (LeastSquares(),), reason, good=_FAIR)


def _polynomials(problem: Problem) -> Choice:
    columns, how = len(problem.frame.columns), "least squares" if problem.linear else "Newton's method"
    reason = f"Polynomials by {how} on the read-out: {columns} coordinates are too many for random sines."
    return Choice(Expansion(), (MANY_COORDINATES,), reason, good=_FAIR)


def _network(why: str) -> Choice:
    field = MLP(width=20, depth=3)
    return Choice(field, (GaussNewton(steps=150),), f"A network by Gauss-Newton: {why}", adaptive=RAD(every=20))
