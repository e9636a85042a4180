"""From residuals to sparse systems: r at every node, and its matrix sum_k diag(dr/dchannel_k) D_k.

A `Block` is one term on a set of nodes (all of them, or one wall), with the rows of the system that it fills.  Time
enters through weights: a channel with m time derivatives is  a_m u_next + b_m u + c_m v  at each node before its space
stencil is applied, v the rate of the state before (see evolution.py); a steady problem has a_0 = 1 and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, linearise, residual_rows
from pinnkit.references.errors import Unresolved
from pinnkit.references.grid import Array, Grid, Index

from .equation_matching import Row
from .grid_problem import GridProblem
from .stencils import Stencils

__all__ = ["STEADY", "Block", "Pick", "Slopes", "System", "Weights"]

Weights = tuple[float, float, float]
"""Factors of a state for channels with 0, 1 and 2 time derivatives."""

STEADY: Weights = (1.0, 0.0, 0.0)
_CHUNK = 400_000  # points in one call of a residual

Slopes = Mapping[Channel, Array]
"""dr/dchannel, ``(nodes, rows, components)``."""


@dataclass(frozen=True)
class Pick:
    """Row `index` of a residual at the nodes numbered `here` of its block fills the rows `targets` of the system."""

    index: int
    here: Index
    targets: Index


class Block:
    """One term on some nodes of the grid.

    Args:
        system: whose stencils and numbering are used.
        rows: of one term, all inside or all on one wall.
        picks: which of the residual's values fill which rows of the system.
        nodes: where the residual is taken.
        dynamic: whether the rows hold time derivatives; the others hold at the end of a time step.
    """

    def __init__(
        self, system: System, rows: Sequence[Row], picks: Sequence[Pick], nodes: Index, *, dynamic: bool
    ) -> None:
        self.problem = system.grid_problem.problem
        self.term = rows[0].term
        self.wall = rows[0].wall
        self.picks = tuple(picks)
        self.nodes = nodes
        self.dynamic = dynamic
        trace = self.problem.trace(self.term, raw=False)
        self.linear = trace.linear
        self._system = system
        self._width = {u.name: u.components for u in self.problem.unknowns}
        self._space = torch.from_numpy(system.grid.coords[nodes])
        # For each channel the stencils at the block's nodes, one for each order in time that the channel mixes.
        self._stencils: dict[Channel, dict[int, sp.csr_array]] = {}
        for channel in trace.channels:
            parts: dict[int, sp.csr_array] = {}
            for factor, rate, columns in channel.split(system.grid_problem.time_name):
                matrix = factor * system.stencils.matrix(columns)[nodes]
                parts[rate] = parts[rate] + matrix if rate in parts else matrix
            self._stencils[channel] = parts

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels that the residual depends on."""
        return tuple(self._stencils)

    def points(self, times: Sequence[float]) -> Points:
        """The nodes at each of the times, time by time."""
        grid_problem, n = self._system.grid_problem, len(self.nodes)
        columns: list[Tensor] = []
        for column in self.problem.frame.columns:
            if column == grid_problem.time_name:
                columns.append(torch.tensor(times, dtype=torch.float64).repeat_interleave(n))
            else:
                axis = next(i for i, line in enumerate(grid_problem.lines) if line.name == column)
                columns.append(self._space[:, axis].repeat(len(times)))
        normal = None
        if self.wall is not None:
            axis, upper = self.wall
            normal = torch.zeros(n * len(times), len(grid_problem.lines), dtype=torch.float64)
            normal[:, axis] = 1.0 if upper else -1.0
        return Points(torch.stack(columns, dim=1), normal)

    def values(self, levels: Sequence[Array]) -> dict[Channel, Tensor]:
        """The channels ``(n,)`` or ``(n, c)``, from the state at 0, 1 and 2 time derivatives, each ``(C, nodes)``."""
        out = {}
        for channel, parts in self._stencils.items():
            which = self._system.indices[channel.unknown]
            total = np.zeros((len(which), len(self.nodes)))
            for rate, matrix in parts.items():
                total += np.stack([matrix @ levels[rate][c] for c in which])
            scalar = self._width[channel.unknown] is None
            out[channel] = torch.from_numpy(total[0] if scalar else np.ascontiguousarray(total.T))
        return out

    def linearised(self, time: float, levels: Sequence[Array]) -> tuple[Array, dict[Channel, Array]]:
        """The residual ``(n, k)`` and its slopes at one time."""
        found = linearise(self.problem, self.term, (self.points([time]),), self.values(levels))
        return found.r.numpy(), {c: d.numpy() for c, d in found.d.items()}

    def zero(self, times: Sequence[float]) -> Array:
        """The residual of the state zero at each of the times, ``(times, n, k)``: the source of a linear block."""
        return np.concatenate([self._zero(times[i : i + many]) for i, many in self._chunks(times)])

    def slopes(self, times: Sequence[float], nodes: slice = slice(None)) -> dict[Channel, Array]:
        """The slopes of a linear block at each of the times, ``(times, n, k, c)``."""
        parts = [self._slopes(times[i : i + many], nodes) for i, many in self._chunks(times)]
        return {c: np.concatenate([p[c] for p in parts]) for c in self.channels}

    def triplets(self, slopes: Slopes, weights: Weights) -> tuple[Array, Index, Index]:
        """The entries of sum_k diag(slope_k) weight D_k in the rows of the system: values, rows, columns."""
        size = self._system.grid.size
        values, rows, columns = [], [], []
        for channel, parts in self._stencils.items():
            for rate, matrix in parts.items():
                if weights[rate] == 0.0:
                    continue
                for pick in self.picks:
                    for at, component in enumerate(self._system.indices[channel.unknown]):
                        slope = slopes[channel][pick.here, pick.index, at]
                        if not slope.any():
                            continue
                        some = matrix if len(pick.here) == len(self.nodes) else matrix[pick.here]
                        counts = np.diff(some.indptr)
                        values.append(np.repeat(slope * weights[rate], counts) * some.data)
                        rows.append(np.repeat(pick.targets, counts))
                        columns.append(some.indices.astype(np.int64) + component * size)
        if not values:
            return np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64)
        return np.concatenate(values), np.concatenate(rows), np.concatenate(columns)

    def applied(self, slopes: Slopes, levels: Sequence[Array]) -> Array:
        """The sum of slope times channel ``(n, k)``: an affine residual without its source."""
        total = np.zeros(())
        for channel, value in self.values(levels).items():
            wide = value.numpy().reshape(len(self.nodes), 1, -1)
            total = total + (slopes[channel] * wide).sum(axis=2)
        return total

    def fill(self, right: Array, r: Array, *, add: bool = False) -> None:
        """Put the residual ``(n, k)`` into its rows of `right`, or add it to them."""
        for pick in self.picks:
            part = r[pick.here, pick.index]
            right[pick.targets] = right[pick.targets] + part if add else part

    def _chunks(self, times: Sequence[float]) -> list[tuple[int, int]]:
        many = max(1, _CHUNK // len(self.nodes))
        return [(i, many) for i in range(0, len(times), many)]

    def _zero(self, times: Sequence[float]) -> Array:
        points = self.points(times)

        def lookup(channel: Channel) -> Tensor:
            return _zeros(points, self._width[channel.unknown])

        with torch.no_grad():
            r = residual_rows(self.problem, self.term, (points,), lookup, {}, raw=False)
        return r.numpy().reshape(len(times), len(self.nodes), -1)

    def _slopes(self, times: Sequence[float], nodes: slice) -> dict[Channel, Array]:
        points = self.points(times)
        if nodes != slice(None):
            keep = torch.arange(len(times) * len(self.nodes)).reshape(len(times), -1)[:, nodes].ravel()
            points = Points(points.coords[keep], None if points.normal is None else points.normal[keep])
        values = {c: _zeros(points, self._width[c.unknown]) for c in self.channels}
        found = linearise(self.problem, self.term, (points,), values).d
        return {c: d.numpy().reshape(len(times), -1, *d.shape[1:]) for c, d in found.items()}


class System:
    """All rows of one grid: as many as there are values.

    Args:
        grid_problem: what is where.
        grid: the nodes.
    """

    def __init__(self, grid_problem: GridProblem, grid: Grid) -> None:
        self.grid_problem = grid_problem
        self.grid = grid
        self.stencils = Stencils(grid)
        self.indices: dict[str, list[int]] = {}
        for i, component in enumerate(grid_problem.components):
            self.indices.setdefault(component.unknown, []).append(i)
        self.free, self.blocks = self._lay_out()

    @property
    def size(self) -> int:
        """Number of rows and of values: components times nodes."""
        return len(self.grid_problem.components) * self.grid.size

    def matrix(self, slopes: Sequence[Slopes], weights: Sequence[Weights]) -> sp.csc_array:
        """The sparse matrix from the slopes and the weights of each block."""
        parts = [b.triplets(s, w) for b, s, w in zip(self.blocks, slopes, weights, strict=True)]
        values, rows, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
        if not np.isfinite(values).all():
            raise Unresolved(
                "finite differences",
                f"problem '{self.grid_problem.problem.name}': the slope of a residual is not finite at a node of the "
                "grid",
            )
        return sp.coo_array((values, (rows, columns)), shape=(self.size, self.size)).tocsc()

    def _lay_out(self) -> tuple[list[Index], list[Block]]:
        """Assignment of rows: each node has one condition or equation for each component.

        On edges and corners the conditions of several walls meet: those in the walls' own nodes come before those one
        layer inside, prescribed values before others, and then the order of the axes and of the terms decides.
        """
        grid_problem, grid = self.grid_problem, self.grid
        size = grid.size
        owner = np.full(self.size, -1, dtype=np.int64)
        order = sorted(
            range(len(grid_problem.conditions)),
            key=lambda i: (grid_problem.conditions[i].layer, not grid_problem.conditions[i].is_value),
        )
        targets: dict[int, tuple[Index, Index, Index]] = {}
        for i in order:
            row = grid_problem.conditions[i]
            axis, upper = row.wall or (0, False)
            nodes = grid.wall(axis, upper)
            shifted = nodes + row.layer * grid.step(axis) * (-1 if upper else 1)
            rows = row.component * size + shifted
            here = np.flatnonzero(owner[rows] < 0)
            owner[rows[here]] = i
            targets[i] = (nodes, here, rows[here])
        free = [np.flatnonzero(owner[c * size : (c + 1) * size] < 0) for c in range(len(grid_problem.components))]
        groups: dict[tuple[str, tuple[int, bool] | None, bool], list[tuple[Row, Pick, Index]]] = {}
        everything = np.arange(size, dtype=np.int64)
        for row in grid_problem.equations:
            here = free[row.component]
            pick = Pick(row.index, here, row.component * size + here)
            groups.setdefault(self._key(row), []).append((row, pick, everything))
        for i, (nodes, here, rows) in sorted(targets.items()):
            row = grid_problem.conditions[i]
            groups.setdefault(self._key(row), []).append((row, Pick(row.index, here, rows), nodes))
        blocks = [
            Block(self, [r for r, _, _ in some], [p for _, p, _ in some], some[0][2], dynamic=key[2])
            for key, some in groups.items()
        ]
        return free, blocks

    def _key(self, row: Row) -> tuple[str, tuple[int, bool] | None, bool]:
        return str(row.term.name), row.wall, row.dynamic


def _zeros(points: Points, width: int | None) -> Tensor:
    n = points.coords.shape[0]
    return torch.zeros(n if width is None else (n, width), dtype=torch.float64)
