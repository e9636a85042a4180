"""Steady problems inside curved walls whose values are prescribed: Shortley-Weller differences on a cut grid."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from pinnkit.domains import Boundary, Domain, Points, Product, Role, Shape, ShapeWall, SignedDistance
from pinnkit.domains.level_set.level_function import slopes as level_slopes
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.references.cost_model import Work, factor_entries, factorisation, substitution
from pinnkit.references.errors import TooFewConditions, TooManyConditions, Unresolved
from pinnkit.references.grid import Array, Grid, Line
from pinnkit.references.protocols import Solved

from .cut_cell_grid import CutGrid
from .equation_matching import match_equations
from .grid_problem import refuse_what_no_scheme_covers
from .linear_solvers import Solve, diagonal_bicgstab, sparse_lu
from .newton import solve_from
from .scattered_interpolation import Scattered

__all__ = ["Curved"]

_FEWEST = 30
"""Nodes inside that a grid must have at least."""
_DIRECT = {2: math.inf, 3: 8_000}
"""Values up to which LU is quicker than iterations."""
_CORRECTIONS = 5.0  # of Newton's method on one grid


class Curved:
    """Finite differences for a steady problem of second order, values prescribed on all walls of a shape.

    Args:
        problem: on a domain of two or three columns of space that has a `signed_distance`.

    Raises:
        Unsupported: with the reason, for what this does not cover; TooFewConditions for a wall without values.
    """

    order = 2.0
    smallest = 8

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._label = f"problem '{problem.name}'"
        domain = _domain(problem)
        shape = domain.shape if isinstance(domain, Product) else domain
        self._shape = shape if isinstance(shape, Shape) else None  # any other domain has one wall, its boundary
        self._level_of = domain.signed_distance
        self._lines = tuple(Line(c, a.lower, a.upper, 16) for a in domain.axes for c in a.columns)
        self.columns = tuple(line.name for line in self._lines)
        sides = [line.upper - line.lower for line in self._lines]
        self.proportions: tuple[float, ...] | None = tuple(side / max(sides) for side in sides)
        self.pilot = 16
        self._scalars = [(u.name, i) for u in problem.unknowns for i in range(u.components or 1)]
        self._equations, self._conditions = self._sort()
        self.linear = all(problem.trace(t, raw=False).linear for t in problem.terms)
        self.kind = f"finite differences, curved walls{'' if self.linear else ', Newton'}"

    def largest(self, column: str) -> int:  # noqa: ARG002  (the same along all)
        """Rounding and memory allow more than time does."""
        return 1200 if len(self.columns) == 2 else 200

    def cost(self, cells: tuple[int, ...]) -> float:
        """Of the wall, the assembly and the factorisation, times the corrections of Newton's method."""
        nodes, components = math.prod(c + 1.0 for c in cells), len(self._scalars)
        once = Work(traffic=8000.0 * nodes * components, calls=1000.0)
        if len(cells) == 3:
            each = Work(traffic=20_000.0 * nodes * components, calls=2000.0)
        else:
            each = factorisation(cells, components) + 2 * substitution(cells, components)
            each = each + Work(traffic=4000.0 * nodes * components, calls=500.0)
        return (once + (1.0 if self.linear else _CORRECTIONS) * each).seconds

    def memory(self, cells: tuple[int, ...]) -> float:
        """Of the factors, the matrix and the stencils."""
        nodes, components = math.prod(c + 1.0 for c in cells), len(self._scalars)
        factors = factor_entries(cells, components) if len(cells) < 3 else 100.0 * components * nodes
        return 16.0 * factors + 1000.0 * components * nodes

    def solve(self, cells: tuple[int, ...], start: Solved | None = None) -> Solved:
        """Values on the grid of `cells` cells, NaN outside.

        Raises:
            Unresolved: for a grid too coarse for the domain, or where Newton's method finds no solution.
            TooFewConditions: for a singular system.
        """
        lines = (Line(a.name, a.lower, a.upper, n) for a, n in zip(self._lines, cells, strict=True))
        cut = CutGrid(Grid(tuple(lines)), self._level)
        if len(cut.nodes) < _FEWEST:
            raise Unresolved(
                "finite differences",
                f"{self._label}: a grid of {' x '.join(map(str, cells))} cells has {len(cut.nodes)} nodes inside the "
                f"domain, too few; give more seconds, or a box closer around it",
            )
        equations = _Equations(self, cut, self._walls(cut))
        state = self._state(equations, cells, start)
        inner = {u.name: equations.unknown(state, u.name) for u in self.problem.unknowns}
        between = Scattered.of(
            np.concatenate([cut.nodes, cut.crossings]),
            {name: np.concatenate([v, equations.walls_of(name)]) for name, v in inner.items()},
            np.array([line.spacing for line in cut.grid.lines]),
            self._level,
        )
        values = {name: cut.full(v) for name, v in inner.items()}
        return Solved({line.name: line.ends for line in cut.grid.lines}, values, between)

    def _state(self, equations: _Equations, cells: tuple[int, ...], start: Solved | None) -> Array:
        if self.linear:
            zero = np.zeros(equations.size)
            right, matrix = equations.linearised(zero)
            solution: Array = self._solver(matrix)(-right)
            return solution
        reason = (
            f"{self._label}: Newton's method found no solution of the discretised equations on the grid of "
            f"{' x '.join(map(str, cells))} cells"
        )
        return solve_from(
            equations.guesses(start),
            lambda s: equations.linearised(s)[0],
            lambda s: self._solver(equations.linearised(s)[1]),
            reason,
        )

    def _solver(self, matrix: sp.csc_array) -> Solve:
        if matrix.shape[0] <= _DIRECT[len(self.columns)]:
            return sparse_lu(matrix, self.problem.name, check=True)
        return diagonal_bicgstab(matrix, self.problem.name)

    def _level(self, points: Array) -> Array:
        return np.asarray(self._level_of(torch.from_numpy(np.ascontiguousarray(points))).double().cpu().numpy())

    # the terms --------------------------------------------------------------------------------------------------------
    def _sort(self) -> tuple[list[tuple[Term, int, int]], list[Term]]:
        """Equations as (term, row, component that it settles), and the conditions on the wall."""
        structure = self.problem.structure
        if structure.is_divided:
            raise Unsupported(
                "finite differences",
                f"{self._label}: unknowns, equations or coefficients jump between pieces of the domain",
            )
        for term in structure.comparisons:
            raise Unsupported(
                "finite differences", f"{self._label}: term '{term.name}' compares {len(term.sites)} sites"
            )
        for term in (*structure.at_points, *structure.elsewhere):
            raise Unsupported(
                "finite differences",
                f"{self._label}: term '{term.name}' holds on {term.sites[0]!r}, which is no wall of the domain",
            )
        for term in structure.equation_terms:
            for channel in self.problem.trace(term, raw=False).channels:
                for _, names in channel.derivatives:
                    if len(names) > 2 or len(set(names)) > 1:
                        raise Unsupported(
                            "finite differences",
                            f"{self._label}: '{term.name}' has the derivative u_{''.join(names)}; beside curved walls "
                            f"there are stencils for u_x and u_xx along single axes only",
                        )
        conditions = list(dict.fromkeys(c.term for c in structure.conditions))
        for term in conditions:
            if any(c.order != () for c in self.problem.trace(term, raw=False).channels):
                raise Unsupported(
                    "finite differences",
                    f"{self._label}: '{term.name}' has a derivative in it; on curved walls there are only Dirichlet "
                    f"conditions",
                )
        if not structure.equations:
            raise Unsupported("finite differences", f"{self._label}: there is no equation in the inside of the domain")
        rows = match_equations(self._label, structure)
        return [(row.term, row.index, row.component) for row in rows], conditions

    def _walls(self, cut: CutGrid) -> Array:
        """The prescribed values of every component where arms end, ``(components, m)``."""
        coords = torch.from_numpy(cut.crossings)
        gradient = level_slopes(self._level_of, coords)[1]
        points = Points(coords, torch.nn.functional.normalize(gradient, dim=1))
        known = np.full((len(self._scalars), len(coords)), np.nan)
        names = ("boundary",) if self._shape is None else self._shape.piece_names
        of_piece = torch.zeros(len(coords), dtype=torch.int64) if self._shape is None else self._shape.piece_at(coords)
        for term in self._conditions:
            (site,) = term.sites
            pieces = site.pieces if isinstance(site, Boundary | ShapeWall) else (0,)
            rows = torch.nonzero(torch.isin(of_piece, torch.tensor(pieces)))[:, 0]
            if not len(rows):
                continue
            for component, values in self._prescribed(term, points.take(rows)):
                given = known[component, rows.numpy()]
                if not np.isnan(given).all():
                    raise TooManyConditions(
                        "finite differences", f"{self._label}: '{term.name}' prescribes a value for the second time"
                    )
                known[component, rows.numpy()] = values
        for (name, _), values in zip(self._scalars, known, strict=True):
            missing = np.flatnonzero(np.isnan(values))
            if len(missing):
                wall = names[int(of_piece[missing[0]])]
                where = "the wall" if len(missing) == len(values) else f"the wall '{wall}'"
                raise TooFewConditions(
                    "finite differences", f"{self._label}: no condition prescribes `{name}` on {where} of the domain"
                )
        return known

    def _prescribed(self, term: Term, points: Points) -> Iterator[tuple[int, Array]]:
        """Components whose value each row of a condition prescribes, and the values at the points."""
        channels = self.problem.trace(term, raw=False).channels
        found = linearise(self.problem, term, (points,), {c: self._zeros(c, len(points.coords)) for c in channels})
        for row in range(found.r.shape[1]):
            slopes = [
                (self._scalars.index((c.unknown, i)), d[:, row, i])
                for c, d in found.d.items()
                for i in range(d.shape[2])
                if bool((d[:, row, i] != 0).any())
            ]
            if len(slopes) != 1 or not bool((slopes[0][1] != 0).all()):
                raise Unsupported(
                    "finite differences",
                    f"{self._label}: '{term.name}' does not prescribe the value of one unknown everywhere on its "
                    f"wall; on curved walls there are only Dirichlet conditions",
                )
            yield slopes[0][0], (-found.r[:, row] / slopes[0][1]).numpy()

    def _zeros(self, channel: Channel, n: int) -> Tensor:
        components = self.problem.unknown(channel.unknown).components
        return torch.zeros(n if components is None else (n, components), dtype=torch.float64)


class _Equations:
    """The residuals at the nodes of one cut grid, and their sparse matrix.

    Args:
        scheme: whose problem it is.
        cut: the grid.
        walls: prescribed values ``(components, m)``.
    """

    def __init__(self, scheme: Curved, cut: CutGrid, walls: Array) -> None:
        self.scheme, self.cut, self.walls = scheme, cut, walls
        self.n = len(cut.nodes)
        self.size = self.n * len(scheme._scalars)
        self._points = (Points(torch.from_numpy(np.ascontiguousarray(cut.nodes))),)
        self._stencil = functools.cache(self._make)

    def linearised(self, state: Array) -> tuple[Array, sp.csc_array]:
        """The residuals ``(size,)`` at a state, and their matrix."""
        scheme, n = self.scheme, self.n
        every = np.concatenate([state.reshape(-1, n), self.walls], axis=1)
        right, blocks = np.zeros(self.size), []
        for term in dict.fromkeys(term for term, _, _ in scheme._equations):
            channels = scheme.problem.trace(term, raw=False).channels
            found = linearise(scheme.problem, term, self._points, {c: self._channel(c, every) for c in channels})
            for mine, row, component in scheme._equations:
                if mine is not term:
                    continue
                right[component * n : (component + 1) * n] = found.r[:, row].numpy()
                for channel, slope in found.d.items():
                    inner = self._stencil(channel)[:, :n]
                    for i, at in enumerate(self._components(channel.unknown)):
                        block = sp.coo_array(sp.diags_array(slope[:, row, i].numpy()) @ inner)
                        blocks.append((block.data, block.coords[0] + component * n, block.coords[1] + at * n))
        values, rows, columns = (np.concatenate(part) for part in zip(*blocks, strict=True))
        if not np.isfinite(values).all() or not np.isfinite(right).all():
            raise Unresolved(
                "finite differences", f"{scheme._label}: a residual or its slope is not finite at a node of the grid"
            )
        return right, sp.coo_array((values, (rows, columns)), shape=(self.size, self.size)).tocsc()

    def unknown(self, state: Array, name: str) -> Array:
        """The values of an unknown at the nodes, ``(n,)`` or ``(n, c)``."""
        parts = state.reshape(-1, self.n)[self._components(name)]
        return parts[0] if self.scheme.problem.unknown(name).components is None else parts.T

    def walls_of(self, name: str) -> Array:
        """The prescribed values of an unknown, ``(m,)`` or ``(m, c)``."""
        parts = self.walls[self._components(name)]
        return parts[0] if self.scheme.problem.unknown(name).components is None else parts.T

    def guesses(self, start: Solved | None) -> Iterator[Array]:
        """States from which Newton's method may start: a coarser solution, then constants."""
        if start is not None and start.between is not None:
            found = start.between.at(self.cut.nodes)
            yield np.concatenate([found[u.name].T.ravel() for u in self.scheme.problem.unknowns])
        for constant in (0.0, 1.0, 0.1, -1.0):
            yield np.full(self.size, constant)

    def _components(self, name: str) -> list[int]:
        return [i for i, (unknown, _) in enumerate(self.scheme._scalars) if unknown == name]

    def _channel(self, channel: Channel, every: Array) -> Tensor:
        parts = self._stencil(channel) @ every[self._components(channel.unknown)].T
        scalar = self.scheme.problem.unknown(channel.unknown).components is None
        return torch.from_numpy(np.ascontiguousarray(parts[:, 0] if scalar else parts))

    def _make(self, channel: Channel) -> sp.csr_array:
        columns = self.scheme.columns
        total = sp.csr_array((self.n, self.n + len(self.cut.crossings)))
        for factor, names in channel.derivatives:
            total = total + factor * self.cut.derivative(columns.index(names[0]) if names else 0, len(names))
        return total


def _domain(problem: Problem) -> Domain:
    refuse_what_no_scheme_covers(problem)
    domain = problem.domain
    shape = domain.shape if isinstance(domain, Product) else domain
    kind = f"problem '{problem.name}': the domain is not a box but {type(shape).__name__}"
    other = next((a for a in domain.axes if a.role is not Role.SPACE), None)
    if other is not None:
        raise Unsupported("finite differences", f"{kind}, which finite differences cover without `{other.name}` only")
    if not isinstance(domain, SignedDistance):
        raise Unsupported("finite differences", f"{kind}, which has no `signed_distance`")
    if len(problem.frame.columns) not in _DIRECT:
        raise Unsupported("finite differences", f"{kind} in {len(problem.frame.columns)} dimensions")
    return domain
