"""Stages of one step for large systems: one Jacobian for all stages, decoupled by the eigenvectors of A^-1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pinnkit.ordinary import OrdinarySystem
from pinnkit.solvers.method_of_lines.radau import radau_step, radau_tableau

from .collocation import Collocation, Stages

__all__ = ["decoupled_stages"]

Array = NDArray[np.float64]


class _Adapted:
    """An ordinary system as `radau_step` expects it, with errors in tolerances.

    Args:
        system: the equations.
        unit: error that each row may have, (n,).
    """

    def __init__(self, system: OrdinarySystem, unit: Array) -> None:
        self._system, self._unit = system, unit

    def rates(self, times: Array, q: Array) -> Array:
        """Evaluate f: (S,), (S, n) -> (S, n)."""
        return self._system.rates(times, q)

    def jacobian(self, time: float, q: Array) -> Array:
        """Evaluate df/dq at one time and state, (n, n)."""
        return self._system.evaluate(np.array([time]), q[None]).jacobian[0]

    def size(self, e: Array) -> float:
        """Largest change of a row, in tolerances."""
        return float((np.abs(e) / self._unit).max())


def decoupled_stages(
    system: OrdinarySystem,
    table: Collocation,
    time: float,
    state: Array,
    h: float,
    guess: Callable[[Array], Array] | None,
    allowed: Callable[[Array], Array],
) -> Stages | None:
    """Solve the stage equations of one step; None where Newton's method does not converge.

    Args:
        system: the equations.
        table: coefficients of the method.
        time: start of the step.
        state: y, (n,).
        h: size of the step.
        guess: predicts the states at times (S,); None starts from y.
        allowed: error that each row may have, (n,), given states (S, n).
    """
    jacobian = system.evaluate(np.array([time]), state[None]).jacobian
    if not np.isfinite(jacobian).all():
        return None
    noise = _rounding(jacobian[0], state, h)
    adapted = _Adapted(system, allowed(state[None]) + noise)
    tried = radau_step(adapted, radau_tableau(table.stages), time, state, h, guess, tolerance=1.0)
    return Stages(tried.stages, tried.iterations, noise) if tried.converged else None


def _rounding(jacobian: Array, state: Array, h: float) -> Array:
    """Rounding errors of a step in each row: eps h |J| |y| / (1 + h |J_rr|), (n,)."""
    size = np.abs(jacobian) @ np.abs(state)
    found: Array = 4 * np.finfo(np.float64).eps * h * size / (1 + h * np.abs(np.diagonal(jacobian)))
    return found
