"""Finite differences on grids that take about as long as a budget allows, with measured error bars."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pinnkit.domains import Box
from pinnkit.problem.problem import Problem
from pinnkit.references.eikonal.eikonal_detection import medium
from pinnkit.references.eikonal.factored_eikonal import Eikonal
from pinnkit.references.finite_differences.cut_cells import Curved
from pinnkit.references.finite_differences.evolution import Evolution
from pinnkit.references.finite_differences.grid_problem import grid_problem
from pinnkit.references.finite_differences.steady import Steady

from .grid_convergence import measure
from .grid_selection import choose
from .interpolation import mesh_of
from .ode import Ordinary
from .protocols import Scheme, Solved
from .result import Reference

__all__ = ["FiniteDifferences", "discretise"]

_PATIENCE = 2.0  # times the budget at which the finest grid is given up
_GRACE = 10.0  # seconds that are never worth giving up for


@dataclass(frozen=True)
class FiniteDifferences:
    """Finite differences of second order, fast marching for eikonal equations.

    On a box for any problem; inside a curved wall for steady equations of second order with values prescribed on it.

    The derivatives of the residual come from stencils.  Three grids, each twice as fine as the one before, give the
    error bars (see error_bar.py).  The grids follow from the problem and the budget alone; on a machine that would take
    more than twice the budget they are coarser.
    """

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference in about `budget` seconds.

        Raises:
            Unsupported: by name, for what finite differences do not cover.
        """
        begin = time.perf_counter()
        scheme = discretise(problem)
        coarse, middle, fine = _ladder(scheme, choose(scheme, budget), begin, budget)
        divisor = {problem.names[0]: scheme.divisor} if isinstance(scheme, Eikonal) and scheme.divisible else {}
        bars = {}
        for name in problem.names:
            shape = (
                divisor[name](mesh_of(list(fine.grid.values()))).reshape(fine.values[name].shape)
                if name in divisor
                else None
            )
            bars[name] = measure(name, coarse, middle, fine, scheme.order, shape)
        return Reference(
            values=dict(fine.values),
            grid=dict(fine.grid),
            error_bar={name: bar.l2 for name, bar in bars.items()},
            max_error_bar={name: bar.greatest for name, bar in bars.items()},
            order=scheme.order,
            observed_order=max((b.order for b in bars.values()), key=lambda p: abs(p - scheme.order)),
            seconds=time.perf_counter() - begin,
            kind=scheme.kind,
            divisor=divisor,
            between=fine.between,
        )


def discretise(problem: Problem) -> Scheme:
    """The scheme that suits a problem.

    Raises:
        Unsupported: where none does.
    """
    rays = medium(problem)
    if rays is not None:
        return Eikonal(rays)
    if not isinstance(problem.domain, Box):
        return Curved(problem)
    found = grid_problem(problem)
    if found.time is None:
        return Steady(found)
    return Evolution(found) if found.lines else Ordinary(found)


def _ladder(scheme: Scheme, cells: tuple[int, ...], begin: float, budget: float) -> tuple[Solved, Solved, Solved]:
    def divided(by: int) -> tuple[int, ...]:
        return tuple(n // by for n in cells)

    coarse = scheme.solve(divided(4))
    before = time.perf_counter()
    middle = scheme.solve(divided(2), coarse)
    now = time.perf_counter()
    ahead = (now - before) * scheme.cost(cells) / scheme.cost(divided(2))
    if now - begin + ahead > max(_PATIENCE * budget, _GRACE) and all(
        n % 8 == 0 and n // 8 >= scheme.smallest for n in cells
    ):
        return scheme.solve(divided(8)), coarse, middle
    return coarse, middle, scheme.solve(cells, middle)
