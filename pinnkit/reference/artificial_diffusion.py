"""Artificial diffusion where the cell Peclet number exceeds one, as upwind differences have it.

For a row  m u_t + a u_x - k u_xx + ...  with m, k > 0 and the spacing h, central differences give a monotone solution
only where the cell Peclet number  P = |a| h / (2 k)  is at most 1.  Elsewhere  (|a| h / 2 - k) u_xx  is added, which
makes P = 1 and the scheme of first order there.

Source: Spalding, Int. J. Numer. Meth. Eng. 4 (1972) 551 (the hybrid scheme).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from .assembly import Block, Pick, Slopes, System
from .grid import Array
from .rows import members

__all__ = ["artificial_diffusion"]

_LARGEST = 1e6  # cell Peclet number that is reported at most


def artificial_diffusion(system: System, slopes: Sequence[Slopes]) -> tuple[sp.csr_array | None, dict[str, float]]:
    """The matrix ``(size, size)`` of the added terms and the greatest cell Peclet number of each axis.

    Rows of equations of first order in time without derivatives of higher than second order in space are covered.

    Args:
        system: the rows.
        slopes: of each block, at the state whose coefficients are taken.

    Returns:
        The matrix, None where nothing is added; the numbers of the axes on which they exceed 1.
    """
    size = system.grid.size
    total: sp.csr_array | None = None
    peclet: dict[str, float] = {}
    for block, slope in zip(system.blocks, slopes, strict=True):
        if block.wall is not None or not block.dynamic:
            continue
        for pick in block.picks:
            component = int(pick.targets[0]) // size if len(pick.targets) else 0
            for axis, line in enumerate(system.grid.lines):
                coefficients = _coefficients(system, block, slope, pick, component, axis)
                if coefficients is None:
                    continue
                mass, speed, diffusion = coefficients
                upwind = np.abs(speed) * line.spacing / 2
                own = np.maximum(np.sign(mass) * diffusion, 0.0)
                added = -np.sign(mass) * np.maximum(upwind - own, 0.0)
                if not added.any():
                    continue
                worst = float((upwind / np.maximum(own, upwind.max() / _LARGEST)).max())
                peclet[line.name] = max(worst, peclet.get(line.name, 0.0))
                second = system.stencils.matrix((line.name,) * 2)[pick.here]
                part = sp.coo_array(sp.diags_array(added) @ second)
                rows, columns = pick.targets[part.coords[0]], part.coords[1] + component * size
                matrix = sp.csr_array((part.data, (rows, columns)), shape=(system.size, system.size))
                total = matrix if total is None else total + matrix
    return total, peclet


def _coefficients(
    system: System, block: Block, slopes: Slopes, pick: Pick, component: int, axis: int
) -> tuple[Array, Array, Array] | None:
    """The coefficients m, a and k of a row at its nodes, along one axis; None for a row that is not covered."""
    survey, line = system.survey, system.grid.lines[axis]
    mass, speed, diffusion = np.zeros((3, len(pick.here)))
    for channel in block.channels:
        if channel.unknown != survey.components[component].unknown:
            continue
        slope = slopes[channel][pick.here, pick.index, system.indices[channel.unknown].index(component)]
        if not slope.any():
            continue
        for factor, rate, columns in members(channel, survey.time_name):
            if rate > 1 or len(columns) > 2 or (rate and columns):
                return None
            if rate:
                mass += factor * slope
            elif columns == (line.name,):
                speed += factor * slope
            elif columns == (line.name,) * 2:
                diffusion -= factor * slope
    return mass, speed, diffusion
