"""One step of collocation at the Radau points for y' = f(t, y), of any odd number of stages.

The stage equations (A^-1 / h) (Y - y) = f(t + c h, Y) are solved by Newton's method for all stages together, with the
Jacobian of each stage, so that a step may be long beside the time in which the Jacobian changes.  Coefficients come
from Legendre polynomials, which keeps their digits for any number of stages.

Source: Hairer & Wanner, Solving Ordinary Differential Equations II, 2nd ed., sections IV.5 and IV.8; Guillou & Soulé,
R.I.R.O. R-3 (1969) 17 (collocation).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray
from scipy.linalg import lapack

from pinnkit.ordinary import OrdinarySystem

__all__ = ["Collocation", "Stages", "collocation", "coupled_stages"]

Array = NDArray[np.float64]

Factors = tuple[Array, NDArray[np.int32]]
"""LU factors and pivots of LAPACK."""

_ITERATIONS = 14
_EXACT = 1e-2
"""Error of the stages that Newton's method leaves, in tolerances."""
_TRIALS = 2
"""Random signs of rounding errors that are tried."""
_KEPT = 0.05
"""Contraction of Newton's method up to which the factors of the last iteration are used again."""


class Collocation(NamedTuple):
    """Coefficients of collocation at s Radau points.

    Args:
        nodes: c, (s,), the last one 1.
        matrix: A, (s, s), of Y = y + h A f(Y).
        inverse: A^-1.
        chebyshev: (s + 1, s + 1), from values at 0 and the nodes to Chebyshev coefficients on [0, 1].
    """

    nodes: Array
    matrix: Array
    inverse: Array
    chebyshev: Array

    @property
    def stages(self) -> int:
        """Number of stages s."""
        return len(self.nodes)


@lru_cache(maxsize=16)
def collocation(stages: int) -> Collocation:
    """Compute the coefficients from the zeros of the Radau polynomial P_s - P_(s-1) on [0, 1]."""
    polynomial = np.zeros(stages + 1)
    polynomial[-2:] = -1.0, 1.0
    x = np.sort(legendre.legroots(polynomial).real)
    slope = legendre.legder(polynomial)
    for _ in range(3):
        x = x - legendre.legval(x, polynomial) / legendre.legval(x, slope)
    x[-1] = 1.0
    values = legendre.legvander(x, stages)
    integrals = np.empty((stages, stages))
    integrals[:, 0] = x + 1
    for k in range(1, stages):
        integrals[:, k] = (values[:, k + 1] - values[:, k - 1]) / (2 * k + 1)
    matrix: Array = np.linalg.solve(values[:, :-1].T, integrals.T).T / 2
    every = np.concatenate([[-1.0], x])
    to_chebyshev = np.linalg.inv(chebyshev.chebvander(every, stages))
    parts = ((x + 1) / 2, matrix, np.linalg.inv(matrix), to_chebyshev)
    return Collocation(*(np.asarray(part, dtype=np.float64) for part in parts))


class Stages(NamedTuple):
    """Result of a step whose stage equations were solved.

    Args:
        states: y and the stages Y, (s + 1, n).
        iterations: of Newton's method.
        noise: estimated rounding errors of the stages, (n,).
    """

    states: Array
    iterations: int
    noise: Array


def coupled_stages(
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
    s, n = table.stages, len(state)
    times = time + h * table.nodes
    stages = np.tile(state, (s, 1)) if guess is None else guess(times)
    factors = None
    noise = np.zeros(n)
    before, contraction = np.inf, 1.0
    for iteration in range(1, _ITERATIONS + 1):
        if factors is None or contraction > _KEPT:
            rates, jacobian = system.evaluate(times, stages)
            if not (np.isfinite(rates).all() and np.isfinite(jacobian).all()):
                return None
            factors = _factorised(table.inverse / h, jacobian)
            if factors is None:
                return None
            noise = _rounding(factors, jacobian, stages)
        else:
            rates = system.rates(times, stages)
            if not np.isfinite(rates).all():
                return None
        defect = rates - table.inverse @ (stages - state) / h
        change = lapack.dgetrs(*factors, defect.ravel(), trans=1)[0].reshape(s, n)
        stages = stages + change
        size = float((np.abs(change).max(axis=0) / (allowed(stages) + noise)).max())
        if not np.isfinite(size):
            return None
        contraction = size / before
        before = size
        if size < 0.1 * _EXACT or (iteration > 1 and contraction < 0.9 and contraction * size < _EXACT):
            return Stages(np.concatenate([state[None], stages]), iteration, noise)
        if iteration > 3 and contraction > 0.5 and size < 1:  # rounding keeps the changes from falling further
            return Stages(np.concatenate([state[None], stages]), iteration, noise)
        if iteration > 4 and contraction > 2:
            return None
    return None


def _rounding(factors: Factors, jacobian: Array, stages: Array) -> Array:
    """Rounding errors of the stages in each row, (n,): those of the rates, eps |J| |y|, through Newton's matrix.

    Their signs are those of fixed random numbers, and the largest of a few trials is doubled.
    """
    size = (np.abs(jacobian) @ np.abs(stages)[..., None])[..., 0]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(_TRIALS, *size.shape))
    errors = (np.finfo(np.float64).eps * size * signs).reshape(_TRIALS, -1)
    found = lapack.dgetrs(*factors, errors.T, trans=1)[0].T.reshape(_TRIALS, *size.shape)
    largest: Array = 2 * np.abs(found).max(axis=(0, 1))
    return largest


def _factorised(inverse: Array, jacobian: Array) -> Factors | None:
    """LU factors of the transpose of A^-1 / h (x) I - diag(J_1, ..., J_s); None where it is singular."""
    s, n = jacobian.shape[:2]
    matrix = np.zeros((s, n, s, n))
    rows = np.arange(n)
    matrix[:, rows, :, rows] = inverse
    stage = np.arange(s)
    matrix[stage, :, stage, :] -= jacobian
    lu, pivots, failed = lapack.dgetrf(matrix.reshape(s * n, s * n).T, overwrite_a=True)  # its columns are contiguous
    return None if failed else (lu, pivots)
