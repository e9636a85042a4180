"""Exponential Runge-Kutta steps of fourth order for y_t = L y + N(y, t), L a small matrix for each Fourier mode.

L is integrated exactly, so that its stiffness, damping or rapid oscillation puts no bound on the step.

Source: Cox & Matthews, J. Comput. Phys. 176 (2002) 430, eqs 26-29; the weights as means over circles in the complex
plane by Kassam & Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .semilinear_form import Spectrum

__all__ = ["ORDER", "Blocks", "Eigen", "Exponential", "Rotating", "eigen"]

ORDER = 4
_POINTS = 32  # on a circle
_ROUNDING = 1e-14
_RAPID = 1.0  # radians in a step from which a mode counts as rapid
_TURNED = 0.35  # the same from which it is turned: fewer, as neighbours that drive a rapid mode must turn with it
_DEFECTIVE = 1e4  # condition of the eigenvectors from which a mode goes without them

Rest = Callable[[float, Spectrum], Spectrum]
"""N(t, y)."""


@dataclass(frozen=True)
class Eigen:
    """L = V diag(values) V^-1 for each mode; V the unit matrix where there are not enough eigenvectors.

    Args:
        values: ``(states, *modes)``.
        vectors: V ``(states, states, *modes)``.
        inverse: V^-1, likewise.
        defective: of which modes V and `values` say nothing, ``(*modes,)``.
    """

    values: Spectrum
    vectors: Spectrum
    inverse: Spectrum
    defective: NDArray[np.bool_]


def eigen(operator: Spectrum) -> Eigen:
    """The eigenvalues and eigenvectors of L ``(states, states, *modes)``."""
    n, shape = len(operator), operator.shape[2:]
    if n == 1:
        one = np.ones_like(operator)
        return Eigen(operator[0], one, one, np.zeros(shape, dtype=bool))
    matrices = np.moveaxis(operator, (0, 1), (-2, -1))
    values, vectors = np.linalg.eig(matrices)
    rows = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.maximum(rows, 1e-6)  # the states differ in unit, but a row that vanishes is no unit
    smallest, largest = (np.linalg.svd(scaled, compute_uv=False)[..., i] for i in (-1, 0))
    defective = ~(smallest * _DEFECTIVE > largest)
    values[defective] = 0
    vectors[defective] = np.eye(n)
    inverse = np.linalg.inv(vectors)
    return Eigen(
        np.moveaxis(values, -1, 0),
        np.ascontiguousarray(np.moveaxis(vectors, (-2, -1), (0, 1))),
        np.ascontiguousarray(np.moveaxis(inverse, (-2, -1), (0, 1))),
        defective,
    )


class Exponential:
    """Steps of one length that take N along as a polynomial in time: for damped modes, and for smooth solutions.

    Args:
        operator: L for each mode.
        found: its eigenvalues and eigenvectors.
        length: of a step.
        rest: N; None where it vanishes, so that a step is exact.
    """

    evaluations = 4  # of N in a step

    def __init__(self, operator: Spectrum, found: Eigen, length: float, rest: Rest | None) -> None:
        self._length, self._rest = length, rest
        several = functions(operator, found, length)
        self._whole, self._half, self._q, self._f1, self._f2, self._f3 = (Blocks(f) for f in several)

    def __call__(self, time: float, y: Spectrum) -> Spectrum:
        """The state after a step from `time`."""
        rest, middle = self._rest, time + self._length / 2
        if rest is None:
            return self._whole(y)
        half = self._half(y)
        n_y = rest(time, y)
        a = half + self._q(n_y)
        n_a = rest(middle, a)
        b = half + self._q(n_a)
        n_b = rest(middle, b)
        c = self._half(a) + self._q(2 * n_b - n_y)
        n_c = rest(time + self._length, c)
        return self._whole(y) + self._f1(n_y) + self._f2(n_a + n_b) + self._f3(n_c)


class Rotating:
    """Classical Runge-Kutta steps of one length for e^(-L t) y: for waves that nothing damps and that are not smooth.

    Rapid modes of N mostly follow L, which a polynomial in time does not see.  What couples a rapid mode to those that
    turn the other way averages out; but where the length of a step beats with their frequency, the step would not see
    that.  So a rapid mode takes the mean of two values of N, the second of the state with its modes turned by a quarter
    and then turned back, in which such terms cancel and the others remain.

    Args:
        operator: L for each mode.
        found: its eigenvalues and eigenvectors.
        length: of a step.
        rest: N; None where it vanishes, so that a step is exact.

    Source: Lawson, SIAM J. Numer. Anal. 4 (1967) 372, for the steps; the mean is the averaging of Sanders, Verhulst &
    Murdock, Averaging Methods in Nonlinear Dynamical Systems, 2nd ed., ch. 2, with two phases.
    """

    evaluations = 8  # of N in a step

    def __init__(self, operator: Spectrum, found: Eigen, length: float, rest: Rest | None) -> None:
        self._length, self._rest = length, rest
        self._half = Blocks(functions(operator, found, length)[1])
        angle = length * np.abs(found.values.imag)
        turn = np.where(angle > _TURNED, np.exp(0.5j * np.pi * np.sign(found.values.imag)), 1.0)
        first = np.where(angle > _RAPID, 0.5, 1.0).astype(np.complex128)
        several = (turn, first, (1 - first) / turn)
        self._turn, self._first, self._second = (Blocks(_diagonal(found, d)) for d in several)
        self._rapid = bool((angle > _RAPID).any())

    def _mean(self, time: float, y: Spectrum) -> Spectrum:
        assert self._rest is not None
        here = self._rest(time, y)
        return self._first(here) + self._second(self._rest(time, self._turn(y))) if self._rapid else here

    def __call__(self, time: float, y: Spectrum) -> Spectrum:
        """The state after a step from `time`."""
        h, middle, half = self._length, time + self._length / 2, self._half(y)
        if self._rest is None:
            return self._half(half)
        n_y = self._half(self._mean(time, y))
        n_a = self._mean(middle, half + h / 2 * n_y)
        n_b = self._mean(middle, half + h / 2 * n_a)
        n_c = self._mean(time + h, self._half(half + h * n_b))
        return self._half(half + h / 6 * (n_y + 2 * (n_a + n_b))) + h / 6 * n_c


class Blocks:
    """A matrix for each mode ``(states, states, *modes)``, to be applied to many states."""

    def __init__(self, matrices: Spectrum) -> None:
        self._parts = [
            [
                (j, block if block.imag.any() else np.ascontiguousarray(block.real))
                for j, block in enumerate(row)
                if block.any()
            ]
            for row in matrices
        ]

    def __call__(self, state: Spectrum) -> Spectrum:
        """The product with a state ``(states, *modes)``."""
        out = np.empty_like(state)
        for i, row in enumerate(self._parts):
            if not row:
                out[i] = 0
            for first, (j, block) in enumerate(row):
                if first == 0:
                    np.multiply(block, state[j], out=out[i])
                else:
                    out[i] += block * state[j]
        return out


def functions(operator: Spectrum, found: Eigen, h: float) -> list[Spectrum]:
    """e^hL, e^hL/2 and h times the four weights of the stages, ``(states, states, *modes)`` each."""
    z = h * found.values
    circle = np.exp(2j * np.pi * (np.arange(_POINTS) + 0.5) / _POINTS)
    means: list[Spectrum] = [np.zeros_like(z) for _ in range(4)]
    for r in circle:
        for mean, stage in zip(means, _stages(z + r), strict=True):
            mean += h / _POINTS * stage
    diagonal = [np.exp(z), np.exp(z / 2), *means]
    if len(operator) == 1:
        return [d[None] for d in diagonal]
    out = [_diagonal(found, d) for d in diagonal]
    if found.defective.any():
        some = np.moveaxis(h * operator[:, :, found.defective], -1, 0)
        for total, exact in zip(out, _by_contour(some, h), strict=True):
            total[:, :, found.defective] = np.moveaxis(exact, 0, -1)
    return out


def _diagonal(found: Eigen, values: Spectrum) -> Spectrum:
    """V diag(values) V^-1."""
    if len(values) == 1:
        return values[None]
    product = (found.vectors * values[None])[:, :, None] * found.inverse[None]
    return _tidied(product.sum(axis=1))


def _tidied(matrices: Spectrum) -> Spectrum:
    """Without imaginary parts that are rounding alone."""
    if np.abs(matrices.imag).max() <= _ROUNDING * np.abs(matrices).max():
        return matrices.real.astype(np.complex128)
    return matrices


def _stages(z: Spectrum) -> tuple[Spectrum, ...]:
    """The scalar weights; of use where |z| is not small."""
    e, cube = np.exp(z), z**3
    return (
        np.expm1(z / 2) / z,
        (-4 - z + e * (4 - 3 * z + z**2)) / cube,
        2 * (2 + z + e * (z - 2)) / cube,
        (-4 - 3 * z - z**2 + e * (4 - z)) / cube,
    )


def _by_contour(matrices: Spectrum, h: float) -> list[Spectrum]:
    """The same functions of matrices ``(m, n, n)`` without eigenvectors, by Cauchy's formula on a circle around all."""
    n = matrices.shape[-1]
    centre = np.trace(matrices, axis1=1, axis2=2) / n
    spread = np.abs(np.linalg.eigvals(matrices) - centre[:, None]).max(axis=1)
    radius = 1.0 + 2 * spread
    points = 4 * _POINTS
    total = [np.zeros_like(matrices) for _ in range(6)]
    for angle in 2 * np.pi * (np.arange(points) + 0.5) / points:
        step = radius * np.exp(1j * angle)
        z = centre + step
        resolvent = np.linalg.inv(z[:, None, None] * np.eye(n) - matrices) * (step / points)[:, None, None]
        for sum_, value in zip(total, (np.exp(z), np.exp(z / 2), *(h * f for f in _stages(z))), strict=True):
            sum_ += value[:, None, None] * resolvent
    return total
