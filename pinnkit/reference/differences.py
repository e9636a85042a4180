"""Finite differences on grids that fit a budget of work, with measured error bars."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinnkit.domains import Box
from pinnkit.problem import Problem

from .budget import choose, doubled
from .cost_model import MEMORY
from .curved import Curved
from .eikonal import Eikonal
from .error_bar import TRUST, Bar, measure
from .evolution import Evolution
from .interpolate import mesh_of
from .medium import medium
from .ode import Ordinary
from .refusal import Unresolved
from .result import Reference
from .scheme import Scheme, Solved
from .steady import Steady
from .survey import survey

__all__ = ["FiniteDifferences", "discretise"]

_AFFORDED = 4.0  # times the budget that all grids together may take, where those within it do not resolve the solution
_BEYOND = 4  # times the bound of a scheme up to which a solution that is not resolved is refined
_WIDE = 0.05  # relative error bar from which an order that is not the one stated asks for finer grids


@dataclass(frozen=True)
class FiniteDifferences:
    """Finite differences of second order, fast marching for eikonal equations.

    On a box for any problem; inside a curved wall for steady equations of second order with values prescribed on it.

    The derivatives of the residual come from stencils.  Three grids, each twice as fine as the one before, give the
    error bars (see error_bar.py).  The grids follow from the problem and the budget alone, by a model of the work
    (cost_model.py): no clock is read.  Where the method fails on one of the finer two grids, or the solution is not
    resolved, a finer grid follows, as long as all together take at most four times the budget.
    """

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference for a budget in nominal seconds of work (see cost_model.py).

        Raises:
            Unresolved: where the method fails on the finest grid that the budget affords.
            CannotDiscretise: by name, for what finite differences do not cover.
        """
        begin = time.perf_counter()
        scheme = discretise(problem)
        coarse, middle, fine = _grids(scheme, f"problem '{problem.name}'", budget)
        divisor = {problem.names[0]: scheme.divisor} if isinstance(scheme, Eikonal) and scheme.divisible else {}
        bars = _bars(scheme, coarse, middle, fine)
        return Reference(
            values=dict(fine.values),
            grid=dict(fine.grid),
            error_bar={name: bar.l2 for name, bar in bars.items()},
            max_error_bar={name: bar.greatest for name, bar in bars.items()},
            order=scheme.order,
            observed_order=max((b.order for b in bars.values()), key=lambda p: abs(p - scheme.order)),
            seconds=time.perf_counter() - begin,
            kind=fine.kind or scheme.kind,
            divisor=divisor,
            between=fine.between,
            remark=_remark(bars, scheme.order),
        )


def discretise(problem: Problem) -> Scheme:
    """The scheme that suits a problem.

    Raises:
        CannotDiscretise: where none does.
    """
    rays = medium(problem)
    if rays is not None:
        return Eikonal(rays)
    if not isinstance(problem.domain, Box):
        return Curved(problem)
    found = survey(problem)
    if found.time is None:
        return Steady(found)
    return Evolution(found) if found.lines else Ordinary(found)


def _grids(scheme: Scheme, label: str, budget: float) -> tuple[Solved | None, Solved, Solved]:
    """The solutions on three grids, each of twice the cells of the one before; None where the coarsest fails.

    Raises:
        Unresolved: where the finest grid that the budget affords fails, or the one before it.
    """
    cells = choose(scheme, budget)
    found: list[Solved | None] = []
    failed: Unresolved | None = None
    spent = 0.0
    for by in (4, 2, 1):
        solved, failed, work = _attempt(scheme, tuple(n // by for n in cells), next(filter(None, found[::-1]), None))
        found.append(solved)
        spent += work
    while not _resolved(scheme, found[-3:]) and _affordable(scheme, cells, spent, budget):
        cells = doubled(cells, scheme.columns, scheme.columns)
        solved, failed, work = _attempt(scheme, cells, next(filter(None, found[::-1]), None))
        found.append(solved)
        spent += work
    coarse, middle, fine = found[-3:]
    if fine is None:
        raise Unresolved(f"{failed}, on the finest grid that the budget affords, {_named(scheme, cells)}", spent)
    if fine.peclet:
        raise Unresolved(
            f"{label}: the solution has fronts that the finest grid that the budget affords, "
            f"{_named(scheme, cells)}, does not resolve without artificial diffusion; give a larger budget than "
            f"{budget:g}",
            spent,
        )
    if middle is None:
        raise Unresolved(
            f"{label}: only the grid of {_named(scheme, cells)} gave a solution, and an error bar "
            f"takes two; give a larger budget than {budget:g}",
            spent,
        )
    return coarse, middle, fine


def _attempt(
    scheme: Scheme, cells: tuple[int, ...], start: Solved | None
) -> tuple[Solved | None, Unresolved | None, float]:
    """The solution on one grid or why there is none, and the work in nominal seconds."""
    try:
        solved = scheme.solve(cells, start)
    except Unresolved as error:
        return None, error, error.spent
    return solved, None, scheme.cost(cells) if solved.spent is None else solved.spent


def _affordable(scheme: Scheme, cells: tuple[int, ...], spent: float, budget: float) -> bool:
    """Whether a grid of twice the cells fits into what is left of four budgets, and into memory.

    The bound of the scheme, at which rounding balances truncation, may be passed: truncation still prevails.
    """
    finer = doubled(cells, scheme.columns, scheme.columns)
    return (
        spent + scheme.cost(finer) <= _AFFORDED * budget
        and scheme.memory(finer) <= MEMORY
        and all(n <= _BEYOND * scheme.largest(column) for n, column in zip(finer, scheme.columns, strict=True))
    )


def _resolved(scheme: Scheme, grids: Sequence[Solved | None]) -> bool:
    """Whether the two finest grids have a solution, and their difference is small or falls as stated."""
    coarse, middle, fine = grids
    if middle is None or fine is None or fine.peclet:
        return False
    bars = _bars(scheme, coarse, middle, fine)
    return all(bar.l2 <= _WIDE or abs(bar.order - scheme.order) <= TRUST for bar in bars.values())


def _bars(scheme: Scheme, coarse: Solved | None, middle: Solved, fine: Solved) -> dict[str, Bar]:
    """The error bar of each unknown on the finest grid; with artificial diffusion a grid tells nothing of the order."""
    bars = {}
    coarse = None if middle.peclet or (coarse is not None and coarse.peclet) else coarse
    for name in fine.values:
        shape = None
        if isinstance(scheme, Eikonal) and scheme.divisible:
            nodes = mesh_of(list(fine.grid.values()))
            shape = scheme.divisor(nodes).reshape(fine.values[name].shape)
        bars[name] = measure(name, coarse, middle, fine, scheme.order, shape)
    return bars


def _remark(bars: Mapping[str, Bar], order: float) -> str:
    """A warning where the differences of the grids are large and do not fall with the order stated; else nothing."""
    doubtful = [n for n, b in bars.items() if b.l2 > _WIDE and not abs(b.order - order) <= TRUST]
    if not doubtful:
        return ""
    names = ", ".join(f"`{name}`" for name in doubtful)
    return (
        f"the grids do not resolve {names}: their differences do not fall with order {order:g}, and the error bar "
        "gives no more than the size of these differences"
    )


def _named(scheme: Scheme, cells: Sequence[int]) -> str:
    return " x ".join(str(n) for n in cells) + f" cells along {', '.join(scheme.columns)}"
