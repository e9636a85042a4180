"""Finite differences on grids that fit a budget of work, with measured error bars."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinnkit.domains import Box
from pinnkit.problem.problem import Problem
from pinnkit.references.eikonal.eikonal_detection import medium
from pinnkit.references.eikonal.factored_eikonal import Eikonal
from pinnkit.references.finite_differences.cut_cells import Curved
from pinnkit.references.finite_differences.evolution import Evolution
from pinnkit.references.finite_differences.grid_problem import grid_problem_of
from pinnkit.references.finite_differences.steady import Steady

from .cost_model import MEMORY
from .errors import BudgetSpent, Unresolved
from .grid_convergence import Bar, measure
from .grid_selection import attempt, choose, power
from .interpolation import mesh_of
from .ode import Ordinary
from .protocols import Scheme, Solved
from .result import Reference

__all__ = ["FiniteDifferences", "discretise"]

_AFFORDED = 4.0  # times the budget that all grids together may take, where those within it do not resolve the solution
_ALONE = 6.0  # the same where the finest grid alone has a solution, so that there is no error bar yet
_LEAST = 2.0  # nominal seconds that are always afforded
_BEYOND = 4  # times the bound of a scheme up to which a solution that is not resolved is refined
_WIDE = 0.05  # relative error bar of a solution that is not resolved: with an order that is believed it is at most 0.02


@dataclass(frozen=True)
class FiniteDifferences:
    """Finite differences of second order, fast marching for eikonal equations.

    On a box for any problem; inside a curved wall for steady equations of second order with values prescribed on it.

    The derivatives of the residual come from stencils.  Three grids, each twice as fine as the one before, give the
    error bars (see grid_convergence.py).  The grids follow from the problem and the budget alone, by a model of the
    work (cost_model.py): no clock is read.  Where the method fails on one of the finer two grids, or the solution is
    not resolved, a finer grid follows, as long as all together take at most four times the budget (six times, where
    only one grid has a solution).
    """

    def refer(self, problem: Problem, budget: float) -> Reference:
        """The problem's reference for a budget in nominal seconds of work (see cost_model.py).

        Raises:
            Unresolved: where the method fails on the finest grid that the budget affords.
            Unsupported: by name, for what finite differences do not cover.
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
            observed_order=max(
                (b.order for b in bars.values()), key=lambda p: abs(p - scheme.order) if p == p else -1.0
            ),
            seconds=time.perf_counter() - begin,
            kind=fine.kind or scheme.kind,
            divisor=divisor,
            between=fine.between,
            remark=_remark(bars),
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
    found = grid_problem_of(problem)
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
        rung = tuple(n // by for n in cells)
        solved, failed, work = attempt(scheme, rung, next(filter(None, found[::-1]), None))
        found.append(solved)
        spent += work
        if by == 4 and solved is not None and max(solved.peclet.values(), default=0.0) > 4:
            # The other two would have cell Peclet numbers above 1 and 2.
            finer = _finer(scheme, rung, solved, cells)
            if _affordable(scheme, [tuple(n // 2 for n in finer), finer], spent, _AFFORDED * budget):
                cells = finer
    while not _resolved(scheme, found[-3:]):
        finer = _finer(scheme, cells, found[-1])
        half = tuple(n // 2 for n in finer)
        more = [finer] if half == cells else [half, finer]
        alone = found[-1] is not None and found[-2] is None  # another grid makes the difference between a bar and none
        # Damped steps take more than foreseen, and so will the next ones where no front was the reason.
        share = 1.0 if solved is None or solved.unresolved else work / scheme.cost(cells)
        if not _affordable(scheme, more, spent, (_ALONE if alone else _AFFORDED) * budget, max(share, 1.0)):
            break
        for cells in more:
            solved, failed, work = attempt(scheme, cells, next(filter(None, found[::-1]), None))
            found.append(solved)
            spent += work
    coarse, middle, fine = found[-3:]
    if fine is None:
        ended = BudgetSpent if isinstance(failed, BudgetSpent) else Unresolved
        raise ended(
            "finite differences",
            f"{failed}, on the finest grid that the budget affords, {_named(scheme, cells)}; a larger "
            f"budget than {budget:g} may do",
            spent,
        )
    if fine.unresolved:
        raise BudgetSpent(
            "finite differences",
            f"{label}: the solution has fronts that the finest grid that the budget affords, "
            f"{_named(scheme, cells)}, does not resolve; give a larger budget than "
            f"{budget:g}",
            spent,
        )
    if middle is None:
        raise BudgetSpent(
            "finite differences",
            f"{label}: only the grid of {_named(scheme, cells)} gave a solution, and an error bar "
            f"takes two; give a larger budget than {budget:g}",
            spent,
        )
    return coarse, middle, fine


def _finer(
    scheme: Scheme, cells: tuple[int, ...], last: Solved | None, planned: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Twice the cells, or those planned; along fronts as many that half of them have Peclet numbers of 2 or below."""
    wanted = {} if last is None else last.fronts
    given = tuple(2 * n for n in cells) if planned is None else planned
    return tuple(
        max(m, 2 * n * power(wanted.get(c, 0.0))) for m, n, c in zip(given, cells, scheme.columns, strict=True)
    )


def _affordable(
    scheme: Scheme, grids: Sequence[tuple[int, ...]], spent: float, limit: float, share: float = 1.0
) -> bool:
    """Return whether more grids fit into what is left of a limit in nominal seconds, and into memory.

    They are taken to need `share` times the work of the model, as the grid before them did.  The bound of the scheme,
    at which rounding balances truncation, may be passed: truncation still prevails.
    """
    finest = grids[-1]
    return (
        spent + share * sum(scheme.cost(cells) for cells in grids) <= max(limit, _LEAST)
        and scheme.memory(finest) <= MEMORY
        and all(n <= _BEYOND * scheme.largest(column) for n, column in zip(finest, scheme.columns, strict=True))
    )


def _resolved(scheme: Scheme, grids: Sequence[Solved | None]) -> bool:
    """Return whether the two finest grids have a solution, and error bars that are not wide."""
    coarse, middle, fine = grids
    if middle is None or fine is None or fine.unresolved:
        return False
    bars = _bars(scheme, coarse, middle, fine)
    return all(bar.l2 <= _WIDE for bar in bars.values())


def _bars(scheme: Scheme, coarse: Solved | None, middle: Solved, fine: Solved) -> dict[str, Bar]:
    """The error bar of each unknown on the finest grid; with artificial diffusion a grid tells nothing of the order."""
    bars = {}
    coarse = None if middle.unresolved or (coarse is not None and coarse.unresolved) else coarse
    for name in fine.values:
        shape = None
        if isinstance(scheme, Eikonal) and scheme.divisible:
            nodes = mesh_of(list(fine.grid.values()))
            shape = scheme.divisor(nodes).reshape(fine.values[name].shape)
        bars[name] = measure(name, coarse, middle, fine, scheme.order, shape)
    return bars


def _remark(bars: Mapping[str, Bar]) -> str:
    """A warning where the grids differ so much that their differences give no reliable bound; else nothing."""
    doubtful = [name for name, bar in bars.items() if bar.l2 > _WIDE]
    if not doubtful:
        return ""
    names = ", ".join(f"`{name}`" for name in doubtful)
    return (
        f"the grids do not resolve {names}: the error bar gives the size of their differences and is no bound; "
        "a larger budget may do"
    )


def _named(scheme: Scheme, cells: Sequence[int]) -> str:
    return " x ".join(str(n) for n in cells) + f" cells along {', '.join(scheme.columns)}"
