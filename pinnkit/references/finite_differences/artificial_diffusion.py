"""Artificial diffusion where the cell Peclet number exceeds one, as upwind differences have it.

For a row  m u_t + a u_x - k u_xx + ...  with m, k > 0 and the spacing h, central differences give a monotone solution
only where the cell Peclet number  P = |a| h / (2 k)  is at most 1.  Elsewhere  (|a| h / 2 - k) u_xx  is added, which
makes P = 1 and the scheme of first order there.

Source: Spalding, Int. J. Numer. Meth. Eng. 4 (1972) 551 (the hybrid scheme).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from pinnkit.references.grid import Array, Index

from .assembly import Block, Slopes, System

__all__ = ["artificial_diffusion", "cell_peclet"]

_LARGEST = 1e6  # cell Peclet number that is reported at most


@dataclass(frozen=True)
class _Transport:
    """The coefficients m, a and k of one row along one axis, at the nodes numbered `here`."""

    component: int
    axis: int
    here: Index
    mass: Array
    speed: Array
    diffusion: Array

    def upwind(self, spacing: float) -> Array:
        """|a| h / 2: the diffusion of upwind differences."""
        return np.asarray(np.abs(self.speed) * spacing / 2)

    @property
    def own(self) -> Array:
        """k, zero where it has the wrong sign."""
        return np.asarray(np.maximum(np.sign(self.mass) * self.diffusion, 0.0))

    def peclet(self, spacing: float) -> Array:
        """The cell Peclet number, at most 10^6."""
        upwind = self.upwind(spacing)
        return np.asarray(upwind / np.maximum(self.own, max(float(upwind.max()), 1e-300) / _LARGEST))


def artificial_diffusion(system: System, state: Array, time: float) -> tuple[sp.csr_array | None, dict[str, float]]:
    """The matrix ``(size, size)`` of the added terms and the greatest cell Peclet number of each axis.

    Rows of equations of first order in time without derivatives of higher than second order in space are covered.

    Args:
        system: the rows.
        state: the values ``(size,)`` for which the coefficients are taken.
        time: for which they are taken.

    Returns:
        The matrix, None where nothing is added; the numbers of the axes on which they exceed 1.
    """
    size = system.grid.size
    total: sp.csr_array | None = None
    peclet: dict[str, float] = {}
    for row in _transports(system, state, time):
        line = system.grid.lines[row.axis]
        added = -np.sign(row.mass) * np.maximum(row.upwind(line.spacing) - row.own, 0.0)
        if not added.any():
            continue
        peclet[line.name] = max(float(row.peclet(line.spacing).max()), peclet.get(line.name, 0.0))
        second = system.stencils.matrix((line.name,) * 2)[row.here]
        part = sp.coo_array(sp.diags_array(added) @ second)
        rows, columns = row.here[part.coords[0]] + row.component * size, part.coords[1] + row.component * size
        matrix = sp.csr_array((part.data, (rows, columns)), shape=(system.size, system.size))
        total = matrix if total is None else total + matrix
    return total, peclet


def cell_peclet(system: System, state: Array, time: float) -> dict[tuple[int, int], Array]:
    """Cell Peclet numbers ``(nodes,)`` for components and axes with transport; zero where no equation holds.

    Args:
        system: the rows.
        state: the values ``(size,)`` for which the coefficients are taken.
        time: for which they are taken.
    """
    found: dict[tuple[int, int], Array] = {}
    for row in _transports(system, state, time):
        values = found.setdefault((row.component, row.axis), np.zeros(system.grid.size))
        values[row.here] = row.peclet(system.grid.lines[row.axis].spacing)
    return found


def _transports(system: System, state: Array, time: float) -> Iterator[_Transport]:
    """The coefficients of the rows that are covered, along each axis."""
    zero = np.zeros_like(state)
    levels = [part.reshape(len(system.grid_problem.components), -1) for part in (state, zero, zero)]
    for block in system.blocks:
        if block.wall is not None or not block.dynamic:
            continue
        slopes = block.linearised(time, levels)[1]
        for pick in block.picks:
            if not len(pick.targets):
                continue
            component = int(pick.targets[0]) // system.grid.size
            for axis in range(len(system.grid.lines)):
                found = _transport(system, block, slopes, pick.index, pick.here, component, axis)
                if found is not None and found.speed.any():
                    yield found


def _transport(
    system: System, block: Block, slopes: Slopes, index: int, here: Index, component: int, axis: int
) -> _Transport | None:
    """The coefficients of one row along one axis; None for a row that is not covered."""
    grid_problem, name = system.grid_problem, system.grid.lines[axis].name
    mass, speed, diffusion = np.zeros((3, len(here)))
    for channel in block.channels:
        if channel.unknown != grid_problem.components[component].unknown:
            continue
        slope = slopes[channel][here, index, system.indices[channel.unknown].index(component)]
        if not slope.any():
            continue
        for factor, rate, columns in channel.split(grid_problem.time_name):
            if rate > 1 or len(columns) > 2 or (rate and columns):
                return None
            if rate:
                mass += factor * slope
            elif columns == (name,):
                speed += factor * slope
            elif columns == (name, name):
                diffusion -= factor * slope
    return _Transport(component, axis, here, mass, speed, diffusion)
