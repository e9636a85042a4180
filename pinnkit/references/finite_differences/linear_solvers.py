"""Linear systems of one grid: sparse LU in one and two dimensions, preconditioned iterations in three."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from pinnkit.references.errors import TooFewConditions
from pinnkit.references.grid import Array

from .assembly import Slopes, System, Weights
from .fast_diagonalization import TensorSolver

__all__ = ["Solve", "inverse", "sparse_lu"]

Solve = Callable[[Array], Array]
"""From a right-hand side to the solution."""

_DIRECT = 12_000  # values of a three-dimensional grid that LU still factorises in little time
_SINGULAR = 1e13  # growth by which a matrix counts as singular


class Factor(Protocol):
    """What scipy's `splu` returns."""

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
    name = system.survey.problem.name
    if len(system.grid.lines) < 3 or system.size <= _DIRECT:
        return sparse_lu(matrix, name, banded=len(system.grid.lines) < 2, check=check)
    return TensorSolver(system, matrix, slopes, weights).solve


def sparse_lu(matrix: sp.csc_array, name: str, *, banded: bool = False, check: bool = False) -> Solve:
    """Sparse LU, rows scaled; the order of elimination is that of a nearly symmetric pattern, or of a `banded` one.

    In one dimension pivots may leave the diagonal (odd derivatives have none), which only the latter allows for.

    Raises:
        TooFewConditions: for a singular matrix.
    """
    scale = np.zeros(matrix.shape[0])
    np.maximum.at(scale, matrix.indices, np.abs(matrix.data))
    singular = TooFewConditions(
        "finite differences",
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
    if check:
        right = np.cos(np.arange(matrix.shape[0], dtype=np.float64) ** 2)  # nothing special about it
        if not np.abs(factor.solve(right)).max() < _SINGULAR:
            raise singular
    return lambda right: factor.solve(right / scale)
