"""Three dimensions: BiCGSTAB, preconditioned by the exact inverse of the nearest separable operator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from .assembly import Slopes, System, Weights
from .grid import Array

__all__ = ["TensorSolver"]


class TensorSolver:
    """To be filled in."""

    def __init__(
        self, system: System, matrix: sp.csc_array, slopes: Sequence[Slopes], weights: Sequence[Weights]
    ) -> None:
        raise NotImplementedError

    def solve(self, right: Array) -> Array:
        """The solution."""
        raise NotImplementedError
