"""Difference stencils: sparse matrices D that give a partial derivative at every node, of second order everywhere.

Central where the window fits, one-sided with one node more at the walls, wrapped on periodic lines; in several
dimensions Kronecker products of these.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from pinnkit.problem.errors import Unsupported
from pinnkit.references.grid import Array, Grid, Line

__all__ = ["ORDER", "Stencils", "derivative", "weights"]

ORDER = 2  # in every spacing, at every node


def weights(offsets: Sequence[int], order: int) -> Array:
    """Weights w with sum_j w_j u(x + o_j h) = h^q u^(q)(x), exact for polynomials up to degree len(offsets) - 1.

    Source: the Vandermonde system of Fornberg, Math. Comp. 51 (1988) 699.
    """
    powers = np.vander(np.asarray(offsets, dtype=np.float64), increasing=True).T
    right = np.zeros(len(offsets))
    right[order] = math.factorial(order)
    return np.asarray(np.linalg.solve(powers, right), dtype=np.float64)


def derivative(line: Line, order: int) -> sp.csr_array:
    """The matrix ``(size, size)`` of the derivative of `order` along a line.

    Raises:
        Unsupported: for more derivatives than the line has nodes for.
    """
    n, h = line.size, line.spacing
    if order == 0:
        return sp.eye_array(n, format="csr")
    half = (order + 1) // 2
    central = weights(range(-half, half + 1), order)
    if n < order + 2 or n < 2 * half + 1:
        raise Unsupported(
            "finite differences", f"{n} nodes along `{line.name}` are too few for a derivative of order {order}"
        )
    if line.periodic:
        at = np.arange(n)
        rows = np.repeat(at, 2 * half + 1)
        columns = (at[:, None] + np.arange(-half, half + 1)).ravel() % n
        entries = np.tile(central, n)
    else:
        at = np.arange(half, n - half)
        rows = np.repeat(at, 2 * half + 1)
        columns = (at[:, None] + np.arange(-half, half + 1)).ravel()
        entries = np.tile(central, len(at))
        for i in (*range(half), *range(n - half, n)):
            first = 0 if i < half else n - (order + 2)
            window = np.arange(first, first + order + 2)
            rows = np.concatenate([rows, np.full(len(window), i)])
            columns = np.concatenate([columns, window])
            entries = np.concatenate([entries, weights((window - i).tolist(), order)])
    return sp.csr_array((entries / h**order, (rows, columns)), shape=(n, n))


class Stencils:
    """The matrices of one grid, each made when it is first asked for."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._along = functools.cache(lambda axis, order: derivative(grid.lines[axis], order))
        self._matrix = functools.cache(self._make)

    def along(self, axis: int, order: int) -> sp.csr_array:
        """The one-dimensional matrix of an axis."""
        return self._along(axis, order)

    def matrix(self, columns: tuple[str, ...]) -> sp.csr_array:
        """The matrix ``(size, size)`` of the partial derivative along `columns`, repeated for higher ones."""
        orders = tuple(columns.count(line.name) for line in self.grid.lines)
        return self._matrix(orders)

    def _make(self, orders: tuple[int, ...]) -> sp.csr_array:
        total = sp.eye_array(1, format="csr")
        for axis, order in enumerate(orders):
            total = sp.kron(total, self.along(axis, order), format="csr")
        return total
