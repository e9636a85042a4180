"""Collocation in time at the Radau points: L-stable, stiffly accurate, of order 2 s - 1, with a Newton iteration.

Source: Hairer & Wanner, Stiff differential equations solved by Radau methods, J. Comput. Appl. Math. 111 (1999) 93;
Hairer & Wanner, Solving Ordinary Differential Equations II, 2nd ed., section IV.8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["Radau", "RadauStep", "Tableau", "radau_step", "radau_tableau"]

Array = NDArray[np.float64]


class System(Protocol):
    """An ordinary differential equation q' = f(t, q)."""

    def rates(self, times: Array, q: Array) -> Array:
        """Evaluate f at S times and states: (S,), (S, n) -> (S, n)."""

    def jacobian(self, time: float, q: Array) -> Array:
        """Evaluate df/dq at one time and state, (n, n)."""

    def size(self, e: Array) -> float:
        """Norm of a change (n,) of the state, relative to the size of the state."""


@dataclass(frozen=True)
class Radau:
    """Implicit collocation at the Radau points, for `March`.

    A step of s stages has order 2 s - 1 at its end and s + 1 between, no restriction of the step by stiffness, and one
    factorisation of a real and (s - 1) / 2 complex matrices of the size of the state.

    Args:
        stages: s, odd, 3 to 7; 5 (order 9) suits tolerances of 1e-7 and below.

    Raises:
        ValueError: for another number of stages.
    """

    stages: int = 5

    def __post_init__(self) -> None:
        """Check the argument."""
        if self.stages not in (3, 5, 7):
            raise ValueError(f"Radau: `stages` must be 3, 5 or 7, got {self.stages!r}; 5 is a good start")


class Tableau(NamedTuple):
    """Coefficients of one Radau method, all from its nodes."""

    nodes: Array  # (s,), the last one 1
    matrix: Array  # (s, s), Y = y + h A f(Y)
    values: NDArray[Any]  # (s,), eigenvalues of A^-1: the real one first, then one of each complex pair
    forward: NDArray[Any]  # (groups, s): T^-1
    backward: NDArray[Any]  # (s, groups): T
    first: float  # weight of f(y) in the embedded formula
    embedded: Array  # (s,): weights of the stage increments Z in the error
    powers: Array  # (s + 1, s + 1): values at 0 and the nodes -> coefficients of powers of tau


@lru_cache(maxsize=8)
def radau_tableau(stages: int) -> Tableau:
    """Compute the coefficients from the zeros of the Radau polynomial P_s - P_s-1 on [0, 1]."""
    poly = np.polynomial.legendre.Legendre.basis(stages) - np.polynomial.legendre.Legendre.basis(stages - 1)
    c = np.sort((1 + poly.roots().real) / 2)
    c[-1] = 1.0
    k = np.arange(1, stages + 1)
    vandermonde = c[:, None] ** (k - 1)
    matrix = (c[:, None] ** k / k) @ np.linalg.inv(vandermonde)
    inverse = np.linalg.inv(matrix)
    values, vectors = np.linalg.eig(inverse)
    real = int(np.abs(values.imag).argmin())
    pick = [real, *(i for i in range(stages) if i != real and values[i].imag > 0)]
    back = np.linalg.inv(vectors)
    first = 1 / values[real].real
    target = 1 / k - np.where(k == 1, first, 0.0)
    weights = np.linalg.solve(vandermonde.T, target) - matrix[-1]
    nodes = np.concatenate([[0.0], c])
    powers = np.linalg.inv(nodes[:, None] ** np.arange(stages + 1))
    return Tableau(c, matrix, values[pick], back[pick], vectors[:, pick], first, weights @ inverse, powers)


class RadauStep(NamedTuple):
    """Result of one attempt at a step."""

    converged: bool
    error: float  # estimated, in the norm of the system
    stages: Array  # (s + 1, n): the state at the start and the nodes
    iterations: int
    contraction: float  # of Newton's method


def radau_step(
    system: System,
    tableau: Tableau,
    time: float,
    q: Array,
    h: float,
    guess: Callable[[Array], Array] | None,
    *,
    tolerance: float,
) -> RadauStep:
    """Try one step of size h from state q (n,); `guess` predicts the state at times (S,).

    The stage equations are solved by Newton's method to 1e-2 of the tolerance, decoupled by the eigenvectors of A^-1.
    """
    s, n = len(tableau.nodes), len(q)
    times = time + h * tableau.nodes
    jacobian = system.jacobian(time, q)
    eye = np.eye(n)
    factors = [scipy.linalg.lu_factor((v.real if i == 0 else v) / h * eye - jacobian, check_finite=False)
               for i, v in enumerate(tableau.values)]  # fmt: skip
    start = system.rates(np.array([time]), q[None])[0]
    z = np.zeros((s, n)) if guess is None else guess(times) - q
    w = tableau.forward @ z
    before, contraction = math.inf, 0.0
    fail = RadauStep(False, math.inf, np.empty((0, n)), 0, math.inf)
    for iteration in range(1, 16):
        f = system.rates(times, q + z)
        if not np.isfinite(f).all():
            return fail
        right = tableau.forward @ f - tableau.values[:, None] / h * w
        change = np.empty_like(w)
        for i, factor in enumerate(factors):
            change[i] = scipy.linalg.lu_solve(factor, right[i].real if i == 0 else right[i], check_finite=False)
        w = w + change
        step = _real(tableau, change)
        z = _real(tableau, w)
        size = max(system.size(row) for row in step)
        contraction = size / before if math.isfinite(before) else 0.0
        if not math.isfinite(size) or (iteration > 2 and contraction > 1.5):
            return fail
        rate = min(contraction, 0.999)
        if (iteration > 1 and rate / (1 - rate) * size < 1e-2 * tolerance) or size < 1e-4 * tolerance:
            break
        before = size
    else:
        # Rounding in stiff components can keep the changes from falling further: that is as good as converged.
        if size > tolerance:
            return fail
    raw = h * tableau.first * start + tableau.embedded @ z
    error = scipy.linalg.lu_solve(factors[0], raw, check_finite=False) / (h * tableau.first)
    return RadauStep(True, system.size(error), np.concatenate([q[None], q + z]), iteration, contraction)


def _real(tableau: Tableau, w: NDArray[Any]) -> Array:
    """Compute T w, with the conjugate half of each complex pair added."""
    found = np.outer(tableau.backward[:, 0].real, w[0].real)
    for i in range(1, len(w)):
        found += 2 * np.outer(tableau.backward[:, i], w[i]).real
    return found
