"""Linear systems of one grid.

Sparse LU in one and two dimensions, fast diagonalisation for separable operators in two, preconditioned iterations in
three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import bicgstab, splu

from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel
from pinnkit.references.errors import TooFewConditions
from pinnkit.references.grid import Array

from .assembly import Slopes, System, Weights
from .fast_diagonalization import TensorSolver

__all__ = ["Solve", "diagonal_bicgstab", "inverse", "sparse_lu"]

Solve = Callable[[Array], Array]
"""From a right-hand side to the solution."""

_DIRECT = 12_000  # values of a three-dimensional grid that LU still factorises in little time
_SEPARABLE = 5_000  # values of a two-dimensional grid from which fast diagonalisation is faster than LU
_SINGULAR = 1e13  # growth by which a matrix counts as singular
_CONVERGED, _ITERATIONS = 1e-12, 1000
_BACKWARD_ERROR = 1e-11  # residual over |A| |x| + |b| that fast diagonalisation must reach


class Factor(Protocol):
    """Factorisation that scipy's `splu` returns."""

    def solve(self, right: Array) -> Array:
        """The solution of the factorised system."""
        ...


def inverse(
    system: System, matrix: sp.csc_array, slopes: Sequence[Slopes], weights: Sequence[Weights], *, check: bool = False
) -> Solve:
    """A solver for one matrix of a grid, to be used for many right-hand sides.

    Args:
        system: the grid's rows.
        matrix: assembled by it.
        slopes: of each block, which the matrix was made of.
        weights: of each block.
        check: refuse a matrix that is singular to rounding.

    Raises:
        TooFewConditions: for a singular matrix.
    """
    name = system.grid_problem.problem.name
    if check and len(system.grid.lines) == 2 and system.size >= _SEPARABLE:
        solve = _diagonal_inverse(system, matrix, slopes, weights)
        if solve is not None:
            return solve
    if len(system.grid.lines) < 3 or system.size <= _DIRECT:
        return sparse_lu(matrix, name, banded=len(system.grid.lines) < 2, check=check)
    return TensorSolver(system, matrix, slopes, weights).solve


def _diagonal_inverse(
    system: System, matrix: sp.csc_array, slopes: Sequence[Slopes], weights: Sequence[Weights]
) -> Solve | None:
    """A solver by fast diagonalisation where that is exact, else None.

    It is exact for one unknown, constant coefficients, and even derivatives along one axis at a time: the eigenvectors
    of the one-dimensional operators then diagonalise the whole, O(n^(3/2)) operations for n values after O(n^(3/2)) for
    the eigenvectors.  A trial right-hand side tells singular matrices, which are left to LU and its error message.
    """
    blocks = list(zip(system.blocks, slopes, strict=True))
    constant = all((array == array[:1]).all() for _, own in blocks for array in own.values())
    even = all(_pure_and_even(channel) for block, own in blocks if block.wall is None for channel in own)
    if len(system.grid_problem.components) > 1 or not (constant and even):
        return None
    solve = TensorSolver(system, matrix, slopes, weights).solve
    right = _trial(system.size)
    try:
        found = solve(right)
    except Unsupported:
        return None
    largest = float(np.abs(matrix.data).max())
    left = float(np.linalg.norm(matrix @ found - right))
    accurate = left <= _BACKWARD_ERROR * (largest * np.linalg.norm(found) + np.linalg.norm(right))
    return solve if accurate and largest * np.abs(found).max() < _SINGULAR else None


def _pure_and_even(channel: Channel) -> bool:
    """Return whether a channel holds even derivatives along one axis at a time."""
    return all(len(set(columns)) <= 1 and len(columns) % 2 == 0 for _, columns in channel.derivatives)


def _trial(size: int) -> Array:
    """A right-hand side without symmetry."""
    return np.cos(np.arange(size, dtype=np.float64) ** 2)


def sparse_lu(
    matrix: sp.csc_array,
    name: str,
    *,
    banded: bool = False,
    check: bool = False,
    method: str = "finite differences",
) -> Solve:
    """Sparse LU, rows scaled; the order of elimination is that of a nearly symmetric pattern, or of a `banded` one.

    In one dimension pivots may leave the diagonal (odd derivatives have none), which only the latter allows for.

    Raises:
        TooFewConditions: for a singular matrix.
    """
    scale = np.zeros(matrix.shape[0])
    np.maximum.at(scale, matrix.indices, np.abs(matrix.data))
    singular = TooFewConditions(
        method,
        f"problem '{name}': the discretised system is singular; do its equations and conditions determine the solution "
        "(or only up to a constant, as with a flux on every wall)?",
    )
    if not (scale > 0).all():
        raise singular
    scaled = sp.csc_array((matrix.data / scale[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
    try:
        factor: Factor = (
            splu(scaled, permc_spec="COLAMD")
            if banded
            else splu(scaled, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.01, options={"SymmetricMode": True})
        )
    except RuntimeError:
        raise singular from None
    if check and not np.abs(factor.solve(_trial(matrix.shape[0]))).max() < _SINGULAR:
        raise singular
    return lambda right: factor.solve(right / scale)


def diagonal_bicgstab(matrix: sp.csc_array, name: str, *, method: str = "finite differences") -> Solve:
    """BiCGStab on rows over their diagonal entries; LU where it does not converge.

    Where short arms or small elements make the diagonal large, the scaling undoes that: a few iterations per node
    along an axis do.

    Source: van der Vorst, SIAM J. Sci. Stat. Comput. 13 (1992) 631.
    """
    diagonal = matrix.diagonal()
    if not diagonal.all():
        return sparse_lu(matrix, name, check=True, method=method)
    scaled = sp.csr_array(sp.diags_array(1.0 / diagonal) @ matrix)

    def solve(right: Array) -> Array:
        target = right / diagonal
        found, _ = bicgstab(scaled, target, rtol=_CONVERGED, atol=0.0, maxiter=_ITERATIONS)
        if float(np.linalg.norm(scaled @ found - target)) <= 100 * _CONVERGED * float(np.linalg.norm(target)):
            return np.asarray(found)
        return sparse_lu(matrix, name, check=True, method=method)(right)

    return solve
