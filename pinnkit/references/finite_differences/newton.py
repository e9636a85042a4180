"""Newton's method with backtracking, for sparse systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from pinnkit.problem.errors import Unsupported
from pinnkit.references.errors import TooFewConditions, Unresolved
from pinnkit.references.grid import Array

from .linear_solvers import Solve

__all__ = ["newton", "solve_from"]

_STEPS = 40
_HALVINGS = 12
_SETTLED = 1e-11  # relative size of a step at which the iteration ends
_ROUNDING = 1e-7  # of a step that backtracking cannot improve on any more: rounding, not failure


def newton(
    residual: Callable[[Array], Array],
    inverse: Callable[[Array], Solve],
    start: Array,
    *,
    steps: int = _STEPS,
    halvings: int = _HALVINGS,
) -> Array | None:
    """The zero of `residual`, or None where the iteration finds none.

    A step is halved until the *natural* size falls: that of the next correction by the same matrix, which no scaling
    of the rows changes.

    Args:
        residual: from the values to as many residuals.
        inverse: from the values to a solver for the Jacobian matrix there.
        start: the first guess.
        steps: how many corrections there may be.
        halvings: how often each of them may be halved.

    Source: Deuflhard, Newton Methods for Nonlinear Problems, §3.3 (natural monotonicity test).
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # values that are not finite end the iteration
        return _iterate(residual, inverse, start, steps, halvings)


def _iterate(
    residual: Callable[[Array], Array], inverse: Callable[[Array], Solve], start: Array, steps: int, halvings: int
) -> Array | None:
    x, r = start, residual(start)
    if not np.isfinite(r).all():
        return None
    for _ in range(steps):
        solve = inverse(x)
        step = solve(-r)
        size = _norm(step)
        if not np.isfinite(size):
            return None
        scale = max(_norm(x), _norm(x + step))
        if size <= _SETTLED * scale:
            return x + step
        length = 1.0
        for _ in range(halvings):
            trial = x + length * step
            found = residual(trial)
            if np.isfinite(found).all():
                next_step = solve(-found)
                left = _norm(next_step)
                if left <= (1 - length / 4) * size:
                    break
            length /= 2
        else:
            return x + step if size <= _ROUNDING * scale else None
        if length == 1.0 and left * left <= _SETTLED * scale * size:  # the error after it is left^2 / size
            return trial + next_step
        x, r = trial, found
    return None


def solve_from(
    guesses: Iterable[Array],
    residual: Callable[[Array], Array],
    inverse: Callable[[Array], Solve],
    reason: str,
    *,
    method: str = "finite differences",
) -> Array:
    """The zero that Newton's method finds from the first of several guesses that leads to one.

    Args:
        guesses: states to start from, in turn.
        residual: as for `newton`.
        inverse: as for `newton`.
        reason: what to report where every guess fails.
        method: the numerical method, for messages.

    Raises:
        TooFewConditions: where the matrix is singular at every guess.
        Unresolved: where no guess leads to a solution.
    """
    reasons: list[Unsupported | None] = []
    for guess in guesses:
        try:
            first = inverse(guess)
        except (TooFewConditions, Unresolved) as error:
            reasons.append(error)
            continue
        try:
            found = newton(residual, lambda s, g=guess, f=first: f if s is g else inverse(s), guess)  # type: ignore[misc]
        except (TooFewConditions, Unresolved):  # of a state on the way, which says nothing about the equations
            found = None
        if found is not None:
            return found
        reasons.append(None)
    if reasons and all(isinstance(r, TooFewConditions) for r in reasons):
        raise TooFewConditions(method, str(reasons[-1]))
    known = reasons[-1] if reasons and None not in reasons else None
    raise Unresolved(method, reason if known is None else str(known))


def _norm(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))
