"""First arrivals from point sources: the factored eikonal equation with upwind differences of second order.

T = T0 tau with T0 = s(source) |x - source| takes out the singularity at the source.  At each node, along each axis, the
difference is taken towards the neighbour with the smaller T, of second order where the next one is smaller still; where
both neighbours are later, the central difference is taken (it is small there).  With these choices held, Newton's
method has a matrix that is lower triangular in the order of T; choices and corrections alternate until both settle.
Nodes beside the source take the time along the straight ray, which is off by the third power of the distance.  Of
several sources the earliest arrival counts.

Source: Fomel, Luo & Zhao, J. Comput. Phys. 228 (2009) 6440; Luo & Qian, J. Sci. Comput. 52 (2012) 360; Rouy & Tourin,
SIAM J. Numer. Anal. 29 (1992) 867 (the upwind choice).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from pinnkit.references.cost_model import Work
from pinnkit.references.errors import Unresolved
from pinnkit.references.finite_differences.stencils import ORDER
from pinnkit.references.grid import Array, Grid, Index, Line, refined
from pinnkit.references.interpolation import mesh_of, quotient, resample
from pinnkit.references.protocols import Solved

from .eikonal_detection import Medium

__all__ = ["Eikonal"]

_BESIDE = 2.01  # cells around the source whose nodes are given
_STEPS = 60
_SETTLED = 1e-11
_HELD_FROM = 25  # correction from which the upwind choices stay as they are
_QUADRATURE = np.polynomial.legendre.leggauss(6)  # along a ray


class Eikonal:
    """The scheme for one eikonal problem.

    Args:
        medium: slowness and sources.
    """

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        problem = medium.problem
        self._lines = tuple(Line(c, a.lower, a.upper, 16) for a in problem.axes for c in a.columns)
        self.order: float = ORDER
        self.kind = "factored eikonal equation, upwind differences"
        self.columns = tuple(line.name for line in self._lines)
        self.smallest = 8
        # Fronts run in all directions: equal spacings.
        self.proportions: tuple[float, ...] | None = tuple(line.upper - line.lower for line in self._lines)
        self.pilot = {1: 64, 2: 32, 3: 12}[len(self.columns)]

    def largest(self, column: str) -> int:  # noqa: ARG002  (all alike)
        """A bound on the memory."""
        return 3000 if len(self.columns) < 3 else 160

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of some corrections for each source."""
        nodes = float(np.prod([c + 1.0 for c in cells]))
        once = Work(traffic=nodes * {1: 40_000.0, 2: 40_000.0, 3: 80_000.0}[len(cells)], calls=2000.0)
        return len(self._medium.sources) * once.seconds

    def memory(self, cells: tuple[int, ...]) -> float:
        """Of the differences, their matrix and its factors."""
        return 400.0 * len(cells) * float(np.prod([c + 1.0 for c in cells]))

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Arrival times on the grid of `cells` cells.

        Raises:
            Unresolved: where no settled solution is found.
        """
        grid = refined(self._lines, cells)
        slowness = self._medium.slowness(grid.coords)
        name = self._medium.problem.names[0]
        first: Array | None = None
        for source, begin in zip(self._medium.sources, self._medium.starts, strict=True):
            guess = None
            if start is not None and len(self._medium.sources) == 1:
                guess = self._from(start, grid, source, begin)
            arrivals = begin + _Factored(self._medium, grid, slowness, source).solve(guess)
            first = arrivals if first is None else np.minimum(first, arrivals)
        assert first is not None
        return Solved({line.name: line.ends for line in grid.lines}, {name: first.reshape(grid.shape)})

    def divisor(self, coords: Array) -> Array:
        """T0, by which the one source's arrival times are divided before they are interpolated."""
        return np.asarray(np.linalg.norm(coords - self._medium.sources[0], axis=1))

    @property
    def divisible(self) -> bool:
        """Return whether `divisor` is the shape of the singularity."""
        return len(self._medium.sources) == 1 and float(self._medium.starts[0]) == 0.0

    def _from(self, start: Solved, grid: Grid, source: Array, begin: float) -> Array:
        """tau at the nodes from the times on another grid."""
        ticks = list(start.grid.values())
        times = next(iter(start.values.values())) - begin
        t0 = np.linalg.norm(mesh_of(ticks) - source, axis=1) * float(self._medium.slowness(source[None])[0])
        tau = quotient(times, t0.reshape(times.shape))
        return resample(ticks, tau, [line.nodes for line in grid.lines]).ravel()


class _Factored:
    """One source on one grid."""

    def __init__(self, medium: Medium, grid: Grid, slowness: Array, source: Array) -> None:
        self._name = medium.problem.name
        self._grid = grid
        self._square = slowness**2
        away = grid.coords - source
        at_source = float(medium.slowness(source[None])[0])
        far = np.linalg.norm(away, axis=1)
        self._t0 = at_source * far
        unit = away / np.where(far > 0, far, 1.0)[:, None]
        self._gradient = at_source * unit
        cells = np.abs(away) / np.array([line.spacing for line in grid.lines])
        self._given = np.flatnonzero((cells <= _BESIDE).all(axis=1))
        self._straight = _mean_along(medium, source, away) / at_source
        self._active = np.ones(grid.size, dtype=bool)
        self._active[self._given] = False
        ends = [(line.lower + line.spacing / 2, line.upper - line.spacing / 2) for line in grid.lines]
        self._inside = [(x > lower) & (x < upper) for x, (lower, upper) in zip(grid.coords.T, ends, strict=True)]

    def solve(self, guess: Array | None) -> Array:
        """Arrival times at all nodes, from a guess of tau or from straight rays."""
        for first in (guess, self._straight):
            if first is not None:
                found = self._corrected(first)
                if found is not None:
                    return self._t0 * found
        raise Unresolved(
            "factored eikonal equation",
            f"problem '{self._name}': the corrections of the arrival times do not settle on the grid of "
            f"{' x '.join(str(line.cells) for line in self._grid.lines)} cells",
        )

    def _corrected(self, guess: Array) -> Array | None:
        tau = guess.copy()
        tau[self._given] = self._straight[self._given]
        choices = self._choices(tau)
        for i in range(_STEPS):
            if 0 < i < _HELD_FROM:
                choices = self._choices(tau)
            step = self._correction(tau, choices)
            if step is None:
                return None
            size = float(np.abs(step).max())
            tau = np.maximum(tau + step, 0.2 * tau)  # T stays positive
            if size <= _SETTLED * float(np.abs(tau).max()):
                return tau
        return None

    def _choices(self, tau: Array) -> list[tuple[Index, NDArray[np.bool_]]]:
        """For each axis the direction of the earlier neighbour, -1, 0 or 1, and whether the next is earlier still."""
        shape = self._grid.shape
        times = (self._t0 * tau).reshape(shape)
        out = []
        for axis in range(len(shape)):
            t = np.moveaxis(times, axis, 0)
            late = np.full((2, *t.shape[1:]), np.inf)
            wide = np.concatenate([late, t, late])
            below, above = wide[1:-3], wide[3:-1]
            first = np.minimum(below, above)
            towards = np.where(first < t, np.where(below <= above, -1, 1), 0)
            second = np.where(towards < 0, wide[:-4], wide[4:])
            further = (towards != 0) & (second <= first)
            out.append((np.moveaxis(towards, 0, axis).ravel(), np.moveaxis(further, 0, axis).ravel()))
        return out

    def _correction(self, tau: Array, choices: list[tuple[Index, NDArray[np.bool_]]]) -> Array | None:
        """One step of Newton's method with the given choices; zero at the nodes that are given."""
        grid, size = self._grid, self._grid.size
        nodes: Index = np.arange(size, dtype=np.int64)
        residual = -self._square.copy()
        diagonal = np.zeros(size)
        values, rows, columns = [], [], []
        for axis, (towards, further) in enumerate(choices):
            h, step = grid.lines[axis].spacing, grid.step(axis)
            use = np.flatnonzero((towards != 0) & self._active)
            sign, two = towards[use], further[use]
            near = nodes[use] + towards[use] * step
            next_ = np.where(two, near + towards[use] * step, near)
            # -sign d/dx: (3/2 u - 2 u1 + 1/2 u2) / h, or (u - u1) / h
            w0, w1, w2 = np.where(two, 1.5, 1.0) / h, np.where(two, -2.0, -1.0) / h, np.where(two, 0.5, 0.0) / h
            slope = w0 * tau[use] + w1 * tau[near] + w2 * tau[next_]
            towards_source = -sign * self._gradient[use, axis]
            rise = self._t0[use] * slope + tau[use] * towards_source  # -sign dT/dx, positive when upwind
            rise = np.maximum(rise, 0.0)
            residual[use] += rise**2
            diagonal[use] += 2 * rise * (self._t0[use] * w0 + towards_source)
            # Between two later neighbours the derivative is small but not nothing; its stencil is left out of the
            # matrix, so that this stays triangular.
            here = np.flatnonzero((towards == 0) & self._active & self._inside[axis])
            rise_here = self._gradient[here, axis] * tau[here]
            rise_here += self._t0[here] * (tau[here + step] - tau[here - step]) / (2 * h)
            residual[here] += rise_here**2
            diagonal[here] += 2 * rise_here * self._gradient[here, axis]
            for weight, at in ((w1, near), (w2, next_)):
                keep = (weight != 0) & self._active[at]
                values.append((2 * rise * self._t0[use] * weight)[keep])
                rows.append(use[keep])
                columns.append(at[keep])
        active = np.flatnonzero(self._active)
        if (diagonal[active] <= 0).any():  # a node later than none of its neighbours: let it wait for them
            diagonal[active] = np.maximum(diagonal[active], 1e-3 * np.sqrt(self._square[active]) * self._t0[active])
        order = active[np.argsort((self._t0 * tau)[active], kind="stable")]
        rank = np.full(size, -1, dtype=np.int64)
        rank[order] = np.arange(len(order))
        values.append(diagonal[order])
        rows.append(order)
        columns.append(order)
        matrix = sp.coo_array(
            (np.concatenate(values), (rank[np.concatenate(rows)], rank[np.concatenate(columns)])),
            shape=(len(order), len(order)),
        ).tocsc()
        try:
            solved = splu(matrix, permc_spec="NATURAL", diag_pivot_thresh=0.0).solve(-residual[order])
        except RuntimeError:
            return None
        step_of = np.zeros(size)
        step_of[order] = solved
        return step_of if np.isfinite(step_of).all() else None


def _mean_along(medium: Medium, source: Array, away: Array) -> Array:
    """The mean slowness on the straight way from the source to each node."""
    total = np.zeros(len(away))
    for x, weight in zip(*_QUADRATURE, strict=True):
        total += weight / 2 * medium.slowness(source + (x + 1) / 2 * away)
    return total
