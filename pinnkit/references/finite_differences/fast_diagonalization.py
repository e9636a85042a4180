"""Three dimensions: BiCGSTAB, preconditioned by the exact inverse of the nearest separable operator.

The rows of the walls are eliminated first.  What is left is compared with e + L_x + L_y + L_z, where e and the
one-dimensional L have the mean coefficients of the equation and the walls' conditions built in; with the eigenvectors
L_a = V_a diag(l_a) V_a^-1 its inverse costs six small matrix products.  For constant coefficients it is the exact
inverse, and for smooth ones the number of iterations does not grow with the grid.

Source: Lynch, Rice & Thomas, Numer. Math. 6 (1964) 185 (fast diagonalisation); van der Vorst, SIAM J. Sci. Stat.
Comput. 13 (1992) 631 (BiCGSTAB).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, bicgstab, splu

from pinnkit.references.errors import Unresolved
from pinnkit.references.grid import Array, Index

from .assembly import Slopes, System, Weights

__all__ = ["TensorSolver"]

_TOLERANCE = 1e-11
_ACCEPTED = 1e-7  # a residual that stagnates below this is used all the same
_ITERATIONS = 300
_SINGULAR = 1e-12

_Table = dict[tuple[int, ...], float]
"""Mean coefficients by the orders of the derivative along each axis."""


class TensorSolver:
    """A solver for one matrix of a three-dimensional grid.

    Args:
        system: the grid's rows.
        matrix: assembled by it.
        slopes: of each block, which the matrix was made of.
        weights: of each block.

    Raises:
        Unsupported: for a system that is singular.
    """

    def __init__(
        self, system: System, matrix: sp.csc_array, slopes: Sequence[Slopes], weights: Sequence[Weights]
    ) -> None:
        self._name = system.grid_problem.problem.name
        size = system.grid.size
        rows = matrix.tocsr()
        self._free = np.concatenate([c * size + free for c, free in enumerate(system.free)])
        held = np.ones(system.size, dtype=bool)
        held[self._free] = False
        self._walls = np.flatnonzero(held)
        inner, outer = rows[self._free], rows[self._walls]
        self._inner, self._to_walls = inner[:, self._free], inner[:, self._walls]
        self._from_inner = outer[:, self._free]
        self._wall_factor = splu(outer[:, self._walls].tocsc()) if len(self._walls) else None
        self._parts = [_Separable(system, c, slopes, weights) for c in range(len(system.grid_problem.components))]
        self._cuts = np.cumsum([len(free) for free in system.free])[:-1]

    def solve(self, right: Array) -> Array:
        """The solution for one right-hand side.

        Raises:
            Unresolved: where the iteration does not converge.
        """
        f, w = right[self._free], right[self._walls]
        n = len(self._free)
        reduced = f - self._to_walls @ self._wall(w)
        if not reduced.any():
            x = np.zeros(n)
        else:
            size = float(np.abs(reduced).max())  # so that no intermediate product underflows
            x, _ = bicgstab(
                LinearOperator((n, n), matvec=self._apply, dtype=np.float64),
                reduced / size,
                M=LinearOperator((n, n), matvec=self._precondition, dtype=np.float64),
                rtol=_TOLERANCE,
                maxiter=_ITERATIONS,
            )
            left = float(np.linalg.norm(reduced / size - self._apply(x)) / np.linalg.norm(reduced / size))
            if not left <= _ACCEPTED:
                raise Unresolved(
                    "finite differences",
                    f"problem '{self._name}': the iterations for the three-dimensional system do not converge, the "
                    f"residual stays at {left:.1e}",
                )
            x = x * size
        out = np.empty(len(right))
        out[self._free] = x
        out[self._walls] = self._wall(w - self._from_inner @ x)
        return out

    def _wall(self, right: Array) -> Array:
        return right if self._wall_factor is None else self._wall_factor.solve(right)

    def _apply(self, x: Array) -> Array:
        return self._inner @ x - self._to_walls @ self._wall(self._from_inner @ x)

    def _precondition(self, r: Array) -> Array:
        return np.concatenate([p.solve(part) for p, part in zip(self._parts, np.split(r, self._cuts), strict=True)])


class _Separable:
    """The inverse of e + L_x + L_y + L_z for one component."""

    def __init__(self, system: System, component: int, slopes: Sequence[Slopes], weights: Sequence[Weights]) -> None:
        lines = system.grid.lines
        inside: _Table = {}
        walls: dict[tuple[int, bool, int], _Table] = {}
        layers = {
            (r.wall, r.index, str(r.term.name)): r for r in system.grid_problem.conditions if r.component == component
        }
        size = system.grid.size
        for block, slope, weight in zip(system.blocks, slopes, weights, strict=True):
            for pick in block.picks:
                if not len(pick.targets) or pick.targets[0] // size != component:
                    continue
                table = _means(system, component, block.channels, slope, weight, pick.index, pick.here)
                if block.wall is None:
                    inside = table
                else:
                    row = layers[block.wall, pick.index, str(block.term.name)]
                    walls[(*block.wall, row.layer)] = table
        d = len(lines)
        zero = inside.get((0,) * d, 0.0)
        self._left: list[NDArray] = []
        self._right: list[NDArray] = []
        total: NDArray = np.full((1,) * d, zero, dtype=np.complex128)
        for axis in range(d):
            values, vectors, inverse = _diagonalised(system, axis, inside, walls)
            self._left.append(inverse)
            self._right.append(vectors)
            total = total + values.reshape([-1 if a == axis else 1 for a in range(d)])
        self._real = bool(np.abs(total.imag).max() == 0)
        total = total.real if self._real else total
        if np.abs(total).min() <= _SINGULAR * np.abs(total).max():
            total = np.where(np.abs(total) <= _SINGULAR * np.abs(total).max(), np.abs(total).max(), total)
        self._factors = 1 / total

    def solve(self, r: Array) -> Array:
        """The inverse applied to values at the free nodes."""
        x: NDArray = r.reshape(self._factors.shape)
        for axis, matrix in enumerate(self._left):
            x = _along(matrix, x, axis)
        x = x * self._factors
        for axis, matrix in enumerate(self._right):
            x = _along(matrix, x, axis)
        return np.ascontiguousarray(x.real).ravel()


def _along(matrix: NDArray, x: NDArray, axis: int) -> NDArray:
    """A matrix product along one axis; matmul broadcasts over the leading ones."""
    if axis == x.ndim - 1:
        return x @ matrix.T
    shape = x.shape
    folded = x.reshape(*shape[: axis + 1], -1)
    return (matrix @ folded).reshape(shape)


def _means(
    system: System,
    component: int,
    channels: Sequence,
    slopes: Slopes,
    weights: Weights,
    index: int,
    here: Index,
) -> _Table:
    grid_problem = system.grid_problem
    table: _Table = {}
    for channel in channels:
        if channel.unknown != grid_problem.components[component].unknown:
            continue
        at = system.indices[channel.unknown].index(component)
        mean = float(np.mean(slopes[channel][here, index, at]))
        for factor, rate, columns in channel.split(grid_problem.time_name):
            orders = tuple(columns.count(line.name) for line in system.grid.lines)
            if weights[rate] and mean:
                table[orders] = table.get(orders, 0.0) + factor * weights[rate] * mean
    return table


def _pure(table: _Table, axis: int) -> dict[int, float]:
    """The coefficients of the derivatives along one axis alone."""
    return {o[axis]: c for o, c in table.items() if all(q == 0 for a, q in enumerate(o) if a != axis)}


def _diagonalised(
    system: System, axis: int, inside: _Table, walls: dict[tuple[int, bool, int], _Table]
) -> tuple[NDArray, NDArray, NDArray]:
    """Eigenvalues, eigenvectors and their inverse of the one-dimensional operator, its wall nodes eliminated."""
    stencils = system.stencils
    n = system.grid.lines[axis].size
    terms = {q: c for q, c in _pure(inside, axis).items() if q > 0}
    if any(q % 2 == 0 for q in terms):  # odd ones would spoil the eigenvectors: they are left to the iteration
        terms = {q: c for q, c in terms.items() if q % 2 == 0}
    operator = np.zeros((n, n))
    for q, c in terms.items():
        operator += c * stencils.along(axis, q).toarray()
    held: list[int] = []
    conditions: list[Array] = []
    for (a, upper, layer), table in sorted(walls.items()):
        if a == axis:
            held.append(n - 1 - layer if upper else layer)
            node = n - 1 if upper else 0
            row = np.zeros(n)
            for q, c in _pure(table, axis).items():
                row += c * stencils.along(axis, q)[[node]].toarray()[0]
            conditions.append(row)
    free = np.setdiff1d(np.arange(n), held)
    reduced = operator[np.ix_(free, free)]
    if held:
        at, rows = np.array(held), np.stack(conditions)
        reduced = reduced - operator[np.ix_(free, at)] @ np.linalg.solve(rows[:, at], rows[:, free])
    if np.abs(reduced - reduced.T).max() <= 1e-12 * np.abs(reduced).max():
        values, vectors = la.eigh(reduced)
        return values, vectors, vectors.T
    values, vectors = la.eig(reduced)
    if np.abs(values.imag).max() <= 1e-10 * np.abs(values).max():
        values, vectors = values.real, vectors.real
    return values, vectors, la.inv(vectors)
