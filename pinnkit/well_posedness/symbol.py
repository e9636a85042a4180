"""Growth of high frequencies: the symbol of the linearised equations with frozen coefficients.

With u = exp(i k.x + λ y) û the equations become M(k, λ) û = 0, a polynomial in λ.  Prescribing the state at one end of
the coordinate y determines the solution continuously only if Re λ stays bounded as |k| grows (Hadamard; Petrovsky's
condition): for the heat equation λ = -k², for the heat equation run backwards k², for Laplace's equation ±|k|, for the
wave equation ±i|k|.

Source: Kreiss & Lorenz, Initial-Boundary Value Problems and the Navier-Stokes Equations (1989), ch. 2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray

from pinnkit.problem.channels import Channel
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Component, EquationRow

__all__ = ["Growth", "Slopes", "growth"]

Slopes = Mapping[Channel, torch.Tensor]
"""Derivatives of the residual of one term with respect to its channels, ``(n, rows, components)``."""

_WAVES = (1e2, 1e3, 1e4)
"""Wave numbers times half the width of the domain; waves must grow between all of them."""
_POINTS = 8
_DIRECTIONS = 6
_POWER = (0.4, 8.0)
"""Growth rates that rise as |k|^p with p between these are unbounded; others are rounding of bounded ones."""
_ALIKE = 0.3
"""Difference of the powers p between three wave numbers up to which they are one law."""
_REAL = 1e-6
"""Re λ / |λ| below which waves do not grow, but for rounding."""


@dataclass(frozen=True)
class Growth:
    """Unbounded growth of high frequencies along a coordinate.

    Args:
        forward: power p of growth rates |k|^p towards larger values of the coordinate; 0 for bounded ones.
        backward: towards smaller values.
    """

    forward: float
    backward: float


def growth(problem: Problem, slopes: Mapping[str, Slopes], column: str) -> Growth | None:
    """Return the growth of high frequencies along a column; None where it cannot be determined.

    Args:
        problem: the problem, with as many equations as components.
        slopes: for each equation, by name, the derivatives of its residual at the same points.
        column: the coordinate along which a solution would be continued: time, or one of space.
    """
    structure = problem.structure
    rows, components = structure.equations, structure.components
    others = [c for c in problem.frame.columns if c != column and _differentiated(rows, c)]
    if not others or len(rows) != len(components):
        return None
    half = {c: (a.upper - a.lower) / 2 for a in problem.axes for c in a.columns}
    directions = _directions(len(others))
    count = min(min(len(s) for of in slopes.values() for s in of.values()), _POINTS)
    found = [0.0, 0.0]
    for point, direction in itertools.product(range(count), directions):
        rates = []
        for wave in _WAVES:
            k = {c: wave * d / half[c] for c, d in zip(others, direction, strict=True)}
            values = _eigenvalues(_matrices(rows, components, slopes, point, column, k))
            if values is None:
                return None
            size = np.abs(values)
            rates.append([float(max((s * values.real)[size * _REAL < s * values.real], default=0.0)) for s in (1, -1)])
        for side in (0, 1):
            found[side] = max(found[side], _power([r[side] for r in rates]))
    return Growth(*found)


def _power(rates: Sequence[float]) -> float:
    """Power of |k| with which rates rise; 0 where they do not follow one."""
    if min(rates) <= 0:
        return 0.0
    powers = [
        math.log(b / a) / math.log(w / v)
        for (a, b), (v, w) in zip(itertools.pairwise(rates), itertools.pairwise(_WAVES), strict=True)
    ]
    low, high = min(powers), max(powers)
    return high if high - low <= _ALIKE and _POWER[0] <= high <= _POWER[1] else 0.0


def _differentiated(rows: Sequence[EquationRow], column: str) -> bool:
    return any(column in columns for row in rows for f in row.factors for _, columns in f.channel.derivatives)


def _directions(count: int) -> NDArray[np.float64]:
    """Unit vectors ``(m, count)``: the axes, and some from a fixed seed."""
    if count == 1:
        return np.ones((1, 1))
    random = np.random.default_rng(0).normal(size=(_DIRECTIONS, count))
    return np.concatenate([np.eye(count), random / np.linalg.norm(random, axis=1, keepdims=True)])


def _matrices(
    rows: Sequence[EquationRow],
    components: Sequence[Component],
    slopes: Mapping[str, Slopes],
    point: int,
    column: str,
    k: Mapping[str, float],
) -> list[NDArray[np.complex128]]:
    """Coefficients of the powers of λ in M(k, λ) at one point."""
    index = {(c.unknown, c.index): i for i, c in enumerate(components)}
    powers: dict[int, NDArray[np.complex128]] = {}
    for r, row in enumerate(rows):
        for channel, slope in slopes[str(row.term.name)].items():
            for i in range(slope.shape[2]):
                value = float(slope[point, row.index, i])
                if value == 0.0:
                    continue
                for factor, columns in channel.derivatives:
                    m = sum(c == column for c in columns)
                    entry = value * factor * np.prod([1j * k.get(c, 0.0) for c in columns if c != column])
                    matrix = powers.setdefault(m, np.zeros((len(rows), len(rows)), dtype=np.complex128))
                    matrix[r, index[channel.unknown, i]] += entry
    zero = np.zeros((len(rows), len(rows)), dtype=np.complex128)
    return [powers.get(m, zero) for m in range(max(powers, default=0) + 1)]


def _eigenvalues(matrices: Sequence[NDArray[np.complex128]]) -> NDArray[np.complex128] | None:
    """Finite λ with det Σ λ^m A_m = 0, by the companion pencil; None where values are not finite."""
    n, order = len(matrices[0]), len(matrices) - 1
    if order == 0 or not all(np.isfinite(a).all() for a in matrices):
        return None
    if n == 1:
        polynomial = np.array([a[0, 0] for a in matrices[::-1]])
        return np.asarray(np.roots(polynomial))
    scale = np.max([np.abs(a).max(axis=1) for a in matrices], axis=0)[:, None]
    matrices = [a / np.where(scale > 0, scale, 1.0) for a in matrices]
    left = np.zeros((n * order, n * order), dtype=np.complex128)
    right = np.eye(n * order, dtype=np.complex128)
    for m in range(order - 1):
        left[n * m : n * (m + 1), n * (m + 1) : n * (m + 2)] = np.eye(n)
    for m in range(order):
        left[-n:, n * m : n * (m + 1)] = -matrices[m]
    right[-n:, -n:] = matrices[order]
    try:
        alpha, beta = scipy.linalg.eig(left, right, right=False, homogeneous_eigvals=True)
    except (ValueError, np.linalg.LinAlgError):
        return None
    finite = np.abs(beta) > 1e-12 * np.abs(alpha)
    return np.asarray(alpha[finite] / beta[finite])
