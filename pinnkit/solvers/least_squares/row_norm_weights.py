"""Weights of terms by their row norms: the default of trained fields, without parameters to tune."""

from __future__ import annotations

import math

from pinnkit.fields.protocols import linear_readout
from pinnkit.solutions.evaluation import FieldSet

from .linear_readout import ReadoutObjective

__all__ = ["row_norm_weights"]


def row_norm_weights(readout: ReadoutObjective) -> dict[str, float]:
    """Weights 1 / g_m, g_m the mean squared row norm of term m: all terms count equally, whatever their units.

    g_m = mean over points of |d r_m / d c|^2, c the linear read-out of the field as it is initialised.  An equation
    with second derivatives of a field of frequency w has rows w^2 times as large as those of a boundary value, so that
    equal weights would leave the boundary values unmet, and give the trivial solution of a wave equation; on [0, 100]
    the same rows are 1e-4 times as large, and equal weights would leave the equation unsolved.  Weight times residual
    is invariant to the scale of an axis and to units.  Cf. Wang, Yu & Perdikaris, J. Comput. Phys. 449 (2022) 110768,
    whose weights are ratios of such traces of the full tangent kernel.
    """
    norms = {str(t.name): readout.row_norm(t) ** 2 for t in readout.fields.problem.soft_terms}
    return {name: 1.0 / g if g > 0 and math.isfinite(1.0 / g) else 1.0 for name, g in norms.items()}


def has_row_norms(fields: FieldSet) -> bool:
    """Return whether every field has a linear read-out, and every penalty is a square."""
    squares = all(t.penalty.is_square for t in fields.problem.soft_terms)
    return squares and all(linear_readout(m) is not None for m in fields.modules.values())
