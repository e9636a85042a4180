"""The other road: the same problem, discretised with scipy, with a measured error bar."""

from __future__ import annotations

import time

from pinnkit.problem import Problem

from .budget import choose
from .error_bar import measure
from .evolution import Evolution
from .result import Reference
from .scheme import Scheme, Solved
from .steady import Steady
from .survey import survey

__all__ = ["discretise", "reference"]

_PATIENCE = 2.0  # times the budget at which the finest grid is given up


def reference(problem: Problem, *, budget: float = 5.0) -> Reference:
    """Solve a problem by finite differences derived from its own terms, on grids that take about `budget` seconds.

    The residuals are those of the problem, through `linearise`; only the derivatives come from stencils.  Three grids,
    each twice as fine as the one before, give the error bars (see error_bar.py).  The grids follow from the problem and
    the budget alone; on a machine that would take more than twice the budget they are coarser.

    Args:
        problem: what to solve; its `reference_solver(problem, budget)` is called instead where there is one.
        budget: seconds.

    Raises:
        ValueError: for a budget that is not positive.
        CannotDiscretise: by name, for what these finite differences do not cover.
    """
    if not budget > 0:
        raise ValueError(f"reference: `budget` must be a positive number of seconds, got {budget!r}")
    if problem.reference_solver is not None:
        given: Reference = problem.reference_solver(problem, budget)
        return given
    begin = time.perf_counter()
    scheme = discretise(problem)
    coarse, medium, fine = _ladder(scheme, choose(scheme, budget), begin, budget)
    bars = {name: measure(name, coarse, medium, fine, scheme.order) for name in problem.names}
    return Reference(
        values=dict(fine.values),
        grid=dict(fine.grid),
        error_bar={name: bar.l2 for name, bar in bars.items()},
        max_error_bar={name: bar.greatest for name, bar in bars.items()},
        order=scheme.order,
        observed_order=max((b.order for b in bars.values()), key=lambda p: abs(p - scheme.order)),
        seconds=time.perf_counter() - begin,
        kind=scheme.kind,
    )


def discretise(problem: Problem) -> Scheme:
    """The scheme that suits a problem.

    Raises:
        CannotDiscretise: where none does.
    """
    found = survey(problem)
    return Steady(found) if found.time is None else Evolution(found)


def _ladder(scheme: Scheme, cells: tuple[int, ...], begin: float, budget: float) -> tuple[Solved, Solved, Solved]:
    def divided(by: int) -> tuple[int, ...]:
        return tuple(n // by for n in cells)

    coarse = scheme.solve(divided(4))
    before = time.perf_counter()
    medium = scheme.solve(divided(2), coarse)
    now = time.perf_counter()
    ahead = (now - before) * scheme.cost(cells) / scheme.cost(divided(2))
    if now - begin + ahead > _PATIENCE * budget and all(n % 8 == 0 and n // 8 >= scheme.smallest for n in cells):
        return scheme.solve(divided(8)), coarse, medium
    return coarse, medium, scheme.solve(cells, medium)
