"""Linear and quadratic invariants of an autonomous system y' = f(y), found from its rates at random states.

I(y) = b . y + y . Q y is conserved where grad I . f = 0 for every state.  With the monomials m_j(y) of degree one and
two, the coefficients c of I = sum_j c_j m_j lie in the null space of the matrix G_sj = grad m_j(y_s) . f(y_s) at
sampled states y_s.  The null space is found by a singular value decomposition; its basis is reduced to echelon form, so
that a simple invariant shows as few terms with simple coefficients.

Source: Hairer, Lubich & Wanner, Geometric Numerical Integration, 2nd ed., sections IV.1 and IV.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .system import OrdinarySystem

__all__ = ["Invariant", "invariants_of"]

Array = NDArray[np.float64]

_ROWS = 8
"""Rows of the state up to which quadratic invariants are searched for; linear ones up to ten times as many."""
_ZERO = 1e-11
"""Singular value, relative to the largest, that counts as zero."""
_SMALL = 1e-9
"""Coefficient, relative to the largest of an invariant, that counts as zero."""


@dataclass(frozen=True)
class Invariant:
    """A quantity sum_j c_j prod_i y_i^(p_ji) that every solution keeps.

    Args:
        powers: exponents of the rows of the state, one tuple for each monomial.
        coefficients: c, one for each monomial.
        names: of the rows.
    """

    powers: tuple[tuple[int, ...], ...]
    coefficients: tuple[float, ...]
    names: tuple[str, ...]

    def __call__(self, states: Array) -> Array:
        """Evaluate the invariant: (S, n) -> (S,)."""
        monomials = np.stack([np.prod(states ** np.array(p), axis=1) for p in self.powers], axis=1)
        value: Array = monomials @ np.array(self.coefficients)
        return value

    def size(self, states: Array) -> float:
        """Largest sum of the magnitudes of the monomials, the unit of its changes."""
        monomials = np.stack([np.abs(np.prod(states ** np.array(p), axis=1)) for p in self.powers], axis=1)
        return float((monomials @ np.abs(np.array(self.coefficients))).max())

    def drift(self, states: Array) -> float:
        """Largest change from the first of the states (S, n), relative to `size`."""
        values, size = self(states), self.size(states)
        return float(np.abs(values - values[0]).max()) / size if size > 0 else 0.0

    def __str__(self) -> str:
        """Sum of monomials, such as ``a + b + c`` or ``0.5 q_t^2 + 2 q^2``."""
        text = ""
        for powers, c in zip(self.powers, self.coefficients, strict=True):
            factors = [n if p == 1 else f"{n}^{p}" for n, p in zip(self.names, powers, strict=True) if p]
            size = "" if abs(c) == 1 else f"{abs(c):.6g} "
            sign = ("-" if c < 0 else "") if not text else (" - " if c < 0 else " + ")
            text += sign + size + " ".join(factors)
        return text


def invariants_of(system: OrdinarySystem) -> tuple[Invariant, ...]:
    """Find the linear and quadratic invariants of a system that does not depend on time.

    Quadratic ones are searched for up to 8 rows, linear ones up to 80.  Products of linear invariants are left out.
    """
    n = system.size
    if n > 10 * _ROWS:
        return ()
    generator = np.random.default_rng(0)
    units = np.where(np.abs(system.start) > 0, np.abs(system.start), 1.0)
    linear = [tuple(int(i == j) for j in range(n)) for i in range(n)]
    pairs = [tuple(int(i == j) + int(k == j) for j in range(n)) for i in range(n) for k in range(i, n) if n <= _ROWS]
    count = 3 * (len(linear) + len(pairs)) + 8
    states = units * (1 + 0.5 * generator.standard_normal((count, n)))
    time = system.time
    times = time.lower + time.extent * generator.random(count)
    rates = system.rates(times, states)
    if not np.isfinite(rates).all() or not _same(rates, system.rates(np.roll(times, 1), states)):
        return ()
    found = _null_space(linear, states, rates, units, system.names)
    if not pairs:
        return tuple(found)
    known = _products(found, pairs)
    return (*found, *_null_space(pairs, states, rates, units, system.names, beside=linear, known=known))


def _same(one: Array, two: Array) -> bool:
    return bool(np.allclose(one, two, rtol=1e-12, atol=1e-14 * float(np.abs(one).max(initial=0.0))))


def _gradients(powers: list[tuple[int, ...]], states: Array) -> Array:
    """Gradients (S, m, n) of monomials of degree one or two."""
    found = np.zeros((len(states), len(powers), states.shape[1]))
    for j, p in enumerate(powers):
        for i in (k for k, power in enumerate(p) if power):
            lowered = np.array(p)
            lowered[i] -= 1
            found[:, j, i] = p[i] * np.prod(states**lowered, axis=1)
    return found


def _null_space(
    powers: list[tuple[int, ...]],
    states: Array,
    rates: Array,
    units: Array,
    names: tuple[str, ...],
    *,
    beside: list[tuple[int, ...]] | None = None,
    known: Array | None = None,
) -> list[Invariant]:
    """Invariants made of some monomials, of others `beside` them, and not of the `known` combinations."""
    every = [*powers, *(beside or [])]
    scale = np.array([np.prod(units ** np.array(p)) for p in every])
    matrix = np.einsum("smn,sn->sm", _gradients(every, states), rates) / scale
    rows = np.abs(matrix).max(axis=1, keepdims=True)
    matrix = matrix[rows[:, 0] > 0] / rows[rows[:, 0] > 0]
    if not len(matrix):
        return []
    columns = np.linalg.norm(matrix, axis=0)
    columns[columns == 0] = 1.0
    _, singular, vt = np.linalg.svd(matrix / columns, full_matrices=True)
    rank = int((singular > _ZERO * singular[0]).sum())
    basis = vt[rank:] / columns / scale
    found = _echelon(basis * scale) / scale
    if known is not None:
        found = _independent(found * scale, known * scale) / scale if len(known) else found
    out = []
    for c in found:
        keep = np.abs(c) * scale > _SMALL * (np.abs(c) * scale).max()
        if not keep[: len(powers)].any():
            continue
        kept = np.nonzero(keep)[0]
        c = c / np.abs(c[kept]).max() * np.sign(c[kept[0]])
        out.append(Invariant(tuple(every[j] for j in kept), tuple(float(_rounded(c[j])) for j in kept), names))
    return out


def _independent(rows: Array, known: Array) -> Array:
    """Those rows that are no combinations of the `known` ones and of the rows before them."""
    span, kept = np.linalg.qr(known.T)[0], []
    for row in rows:
        rest = row - span @ (span.T @ row)
        if np.linalg.norm(rest) > 1e-8 * np.linalg.norm(row):
            kept.append(row)
            span = np.linalg.qr(np.column_stack([span, rest]))[0]
    return np.array(kept).reshape(-1, rows.shape[1])


def _products(linear: list[Invariant], pairs: list[tuple[int, ...]]) -> Array:
    """Coefficients, over pairs and then linear monomials, of the linear invariants and of their products."""
    if not linear:
        return np.zeros((0, 0))
    n = len(linear[0].names)
    at = {p: j for j, p in enumerate(pairs)}
    vectors = []
    for one in linear:
        b = np.zeros(n)
        for p, c in zip(one.powers, one.coefficients, strict=True):
            b[p.index(1)] = c
        vectors.append(b)
    rows = []
    for i, a in enumerate(vectors):
        rows.append(np.concatenate([np.zeros(len(pairs)), a]))
        for b in vectors[i:]:
            row = np.zeros(len(pairs) + n)
            for k in range(n):
                for m in range(n):
                    powers = [0] * n
                    powers[k] += 1
                    powers[m] += 1
                    row[at[tuple(powers)]] += a[k] * b[m]
            rows.append(row)
    return np.array(rows)


def _echelon(basis: Array) -> Array:
    """Reduced row echelon form by Gauss-Jordan elimination with the largest pivots."""
    rows = basis.copy()
    done: list[int] = []
    for r in range(len(rows)):
        size = np.abs(rows[r])
        pivot = int(size.argmax())
        if size[pivot] == 0:
            continue
        rows[r] = rows[r] / rows[r, pivot]
        for other in range(len(rows)):
            if other != r:
                rows[other] = rows[other] - rows[other, pivot] * rows[r]
        done.append(pivot)
    return rows


def _rounded(c: float) -> float:
    """A coefficient without the rounding of its last digits where it has few."""
    short = float(f"{c:.6g}")
    return short if abs(c - short) <= 1e-11 * abs(c) else c
