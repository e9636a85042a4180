"""Phi functions of exponential integrators, and the weights of exponential collocation.

phi_0(z) = exp(z), phi_k(z) = (phi_k-1(z) - 1 / (k-1)!) / z, so that int_0^c exp((c - s) z) s^m ds
= c^(m+1) m! phi_m+1(c z).

Source: Hochbruck & Ostermann, Exponential integrators, Acta Numerica 19 (2010) 209, section 2.1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Weights", "collocation_weights", "lobatto_nodes", "phi"]

Array = NDArray[np.float64]
Complex = NDArray[Any]

_SMALL = 3.0  # below, the last function is summed as a power series and the others follow from it without cancellation
_SERIES = 40


def phi(z: Complex, count: int) -> Complex:
    """Evaluate phi_0 .. phi_count at z (complex), (count + 1, *z.shape), to rounding."""
    out = np.empty((count + 1, *z.shape), dtype=np.complex128)
    out[0] = np.exp(z)
    small = np.abs(z) < _SMALL
    big = np.where(small, 1.0, z)
    for k in range(1, count + 1):
        out[k] = (out[k - 1] - 1 / math.factorial(k - 1)) / big
    near = z[small]
    term = np.full(near.shape, 1 / math.factorial(count), dtype=np.complex128)
    total = term.copy()
    for j in range(1, _SERIES):
        term = term * near / (count + j)
        total += term
    out[count][small] = total
    for k in range(count - 1, 0, -1):
        total = near * total + 1 / math.factorial(k)
        out[k][small] = total
    return out


@lru_cache(maxsize=8)
def lobatto_nodes(count: int) -> Array:
    """Compute the Gauss-Lobatto nodes on [0, 1], ends included: zeros of (1 - x^2) P'_count-1."""
    inner = np.polynomial.legendre.Legendre.basis(count - 1).deriv().roots().real
    found: Array = np.concatenate([[0.0], np.sort((1 + inner) / 2), [1.0]])
    return found


class Weights(NamedTuple):
    """Weights of a step of size h: w_i = growth_i w_0 + h sum_j stage_ij n_j, with n the rest of the rates."""

    growth: Complex  # (s, ...), exp(c_i h lambda), i = 1 .. s
    stage: Complex  # (s, s + 1, ...)
    error: Complex  # (s + 1, ...): the last row of `stage` less that without the middle node


def collocation_weights(nodes: Array, z: Complex) -> Weights:
    """Compute the weights for z = h lambda (any shape): n is interpolated at all nodes (s + 1,) by a polynomial.

    Source: Hochbruck & Ostermann, Exponential Runge-Kutta methods for parabolic problems, Appl. Numer. Math. 53
    (2005) 323 (exponential collocation).
    """
    count = len(nodes)
    powers = np.linalg.inv(nodes[:, None] ** np.arange(count))  # [m, j]: coefficient of tau^m in the j-th polynomial
    rows, growth = [], []
    last: Complex = np.empty(0)
    for c in nodes[1:]:
        found = phi(c * z, count)
        growth.append(found[0])
        moments = np.stack([math.factorial(m) * c ** (m + 1) * found[m + 1] for m in range(count)])
        rows.append(np.tensordot(powers.T, moments, axes=1))
        last = moments
    fewer = np.delete(nodes, count // 2)
    short = np.linalg.inv(fewer[:, None] ** np.arange(count - 1))
    other = np.insert(np.tensordot(short.T, last[:-1], axes=1), count // 2, 0.0, axis=0)
    return Weights(np.stack(growth), np.stack(rows), rows[-1] - other)
