"""Ordinary differential equation of the coefficients of the modes, by least-squares projection on the nodes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from .semidiscretization import Rates, StateDerivative, WallConstraints
from .spatial_basis import SpatialBasis, levels_of

__all__ = ["ProjectedSystem"]

Array = NDArray[np.float64]


class ProjectedSystem:
    """q' = Z^T Phi^T f(Phi c, Phi' c, ...), c = Z q + Y g(t); see `SpatialBasis`.

    Args:
        rates: of the equations.
        walls: conditions on the walls.
        space: modes and nodes.
        scale: units of errors, the sizes of the rows of the state, (R,).
    """

    def __init__(self, rates: Rates, walls: WallConstraints, space: SpatialBasis, scale: Array) -> None:
        self.evaluate, self.walls, self.space = rates, walls, space
        self.scale = scale
        self.inputs = rates.inputs
        self._levels = levels_of(walls, rates.layout)
        self._rows = len(rates.rows)
        self._places = torch.from_numpy(space.places)

    def coefficients(self, times: Array, q: Array) -> Array:
        """Compute the coefficients of all rows, (S, R, N), at times (S,) and states (S, n)."""
        c = q @ self.space.free.T
        if len(self.walls):
            by_order = [self.walls.data(times, order) for order in (0, 1)]
            g = np.stack([by_order[level][:, i] for i, level in self._levels], axis=1)
            c = c + g @ self.space.particular.T
        found: Array = c.reshape(len(times), self._rows, self.space.modes)
        return found

    def project(self, values: Array) -> Array:
        """Project values (R, M) at the nodes on the nearest state (n,)."""
        found: Array = (values @ self.space.tables[0]).ravel() @ self.space.free
        return found

    def rates(self, times: Array, q: Array) -> Array:
        """Evaluate q' at times (S,) and states (S, n), all at once."""
        c = self.coefficients(times, q)
        m, count = len(self.space.places), len(times)
        values = self._values(c)
        f = self.evaluate(self._places.repeat(count), torch.from_numpy(np.repeat(times, m)), values).numpy()
        projected = f.reshape(self._rows, count, m) @ self.space.tables[0]
        found: Array = projected.transpose(1, 0, 2).reshape(count, -1) @ self.space.free
        return found

    def jacobian(self, time: float, q: Array) -> Array:
        """Compute dq'/dq, (n, n): Z^T Phi^T (sum_k diag(df/dchannel_k) D_k) Z."""
        times = np.array([time])
        at = torch.full_like(self._places, time)
        slopes = self.evaluate.slopes(self._places, at, self._values(self.coefficients(times, q)))
        n, tables = self.space.modes, self.space.tables
        full = np.zeros((self._rows * n, self._rows * n))
        blocks: dict[tuple[int, int], Array] = {}
        for (row, (source, order)), slope in slopes.items():
            part = slope.numpy()[:, None] * tables[order]
            blocks[row, source] = blocks[row, source] + part if (row, source) in blocks else part
        for (row, source), block in blocks.items():
            full[row * n : (row + 1) * n, source * n : (source + 1) * n] = tables[0].T @ block
        if self.space.free.shape[0] == self.space.free.shape[1]:
            return full
        return self.space.free.T @ full @ self.space.free

    def size(self, e: Array) -> float:
        """Compute the root mean square over the nodes and rows, in units of `scale`."""
        c = (e @ self.space.free.T).reshape(self._rows, -1)
        return float(np.sqrt(((c / self.scale[:, None]) ** 2).sum() / (c.shape[0] * len(self.space.places))))

    def _values(self, c: Array) -> dict[StateDerivative, torch.Tensor]:
        """Evaluate the derivatives of the state at every time and node, each (S M,)."""
        return {
            (row, order): torch.from_numpy((c[:, row] @ self.space.tables[order].T).ravel())
            for row, order in self.inputs
        }
