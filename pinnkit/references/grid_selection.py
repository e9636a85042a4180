"""Grids that fit a budget: by the nominal cost of each scheme, and by a first look at which axis needs its nodes most.

Nothing here reads a clock: costs are those of cost_model.py, so that a problem and a budget give one set of grids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .cost_model import MEMORY
from .errors import Unresolved
from .protocols import Scheme, Solved

__all__ = ["attempt", "choose", "doubled", "foreseen", "power", "round_cells"]

_SHARE = 0.5  # of the budget that the cost may take, as machines differ
_SPREAD = 4.0  # how far the cells of two axes may be apart because of the pilot, each way from their mean
_RESOLVED = 0.25  # relative change by a doubling up to which a pilot grid tells about errors
_MEANINGLESS = 1.0  # relative change beyond which a pilot grid tells nothing, not even which axis needs its nodes
_LOOK = 0.3  # of the budget that pilot grids may take where the first does not resolve the solution


def choose(scheme: Scheme, budget: float) -> tuple[int, ...]:
    """Cells along each column for the finest of three grids, the same in every run on every machine.

    Each axis is refined in turn on a small grid; with d_a the change that this makes, the truncation error is about
    sum_a d_a (p_a / n_a)^2, and least for a given number of nodes when n_a is in proportion to p_a sqrt(d_a).  A pilot
    grid on which the method fails, or the changes are large, is refined first.

    Args:
        scheme: of the problem.
        budget: nominal seconds (see cost_model.py), half of which the three grids may take.
    """
    ratios = _ratios(scheme, budget)

    def cells(factor: float) -> tuple[int, ...]:
        return tuple(
            round_cells(min(factor * r, scheme.largest(c)), scheme.smallest)
            for r, c in zip(ratios, scheme.columns, strict=True)
        )

    low, high = math.log(1.0), math.log(1e6)
    for _ in range(40):
        middle = (low + high) / 2
        found = cells(math.exp(middle))
        if foreseen(scheme, found) <= _SHARE * budget and scheme.memory(found) <= MEMORY:
            low = middle
        else:
            high = middle
    return cells(math.exp(low))


def foreseen(scheme: Scheme, cells: tuple[int, ...]) -> float:
    """Nominal seconds of a grid and the two of half and of a quarter of its cells."""
    return sum(scheme.cost(tuple(n // k for n in cells)) for k in (1, 2, 4))


def doubled(cells: tuple[int, ...], axes: Sequence[str], columns: Sequence[str]) -> tuple[int, ...]:
    """Twice the cells along some axes, out of all the `columns`."""
    return tuple(2 * n if column in axes else n for n, column in zip(cells, columns, strict=True))


def power(least: float) -> int:
    """The smallest power of two that is at least so large, and at least 1."""
    return int(2 ** math.ceil(math.log2(least))) if least > 1 else 1


def round_cells(wanted: float, smallest: int) -> int:
    """A number of cells that can be halved twice, three times where there are many, and still leaves `smallest`."""
    unit = 8 if wanted >= 64 else 4
    return max(int(wanted) // unit * unit, 4 * smallest)


def _ratios(scheme: Scheme, budget: float) -> list[float]:
    columns = scheme.columns
    if scheme.proportions is not None or len(columns) == 1:
        given = scheme.proportions or (1.0,)
        return [r / max(given) for r in given]
    pilot: tuple[int, ...] = (scheme.pilot,) * len(columns)
    base, _, spent = attempt(scheme, pilot)
    work = spent
    while base is None or base.wanted:
        # As many cells as bring the cell Peclet number to 2 or below, and as many steps as Newton's method asks for.
        factors = [2.0 if base is None else base.wanted.get(c, 0.0) for c in columns]
        more = tuple(n * power(f) for n, f in zip(pilot, factors, strict=True))
        if base is not None and more == pilot:
            more = doubled(pilot, list(base.wanted), columns)
        ahead = work * scheme.cost(more) / scheme.cost(pilot)
        if spent + ahead > _LOOK * budget or _too_large(scheme, more):
            # All that is known is along which axes there are fronts or divided steps.
            return [_SPREAD if base is not None and c in base.wanted else 1.0 for c in columns]
        pilot = more
        base, _, work = attempt(scheme, pilot)
        spent += work
    while True:
        changes, finer = [], []
        for axis, column in enumerate(columns):
            solved, _, work = attempt(scheme, doubled(pilot, [column], columns), base)
            spent += work
            finer.append(solved)
            changes.append(math.inf if solved is None else _change(base, solved, axis))
        worst = int(np.argmax(changes))
        best = finer[worst]
        more = doubled(pilot, [columns[worst]], columns)
        ahead = sum(scheme.cost(doubled(more, [column], columns)) for column in columns)
        if max(changes) <= _RESOLVED or best is None or spent + ahead > _LOOK * budget or _too_large(scheme, more):
            break
        base, pilot = best, more
    if not max(changes) <= _MEANINGLESS:
        return [1.0] * len(columns)
    known = np.array(changes)
    wanted = np.array(pilot) * np.sqrt(np.maximum(known, 1e-8 * max(float(known.max()), 1e-300)))
    logs = np.log(wanted)
    limited = np.clip(logs - logs.mean(), -math.log(_SPREAD), math.log(_SPREAD))
    return [float(r) for r in np.exp(limited)]


def _too_large(scheme: Scheme, cells: tuple[int, ...]) -> bool:
    return any(n > scheme.largest(c) for n, c in zip(cells, scheme.columns, strict=True))


def attempt(
    scheme: Scheme, cells: tuple[int, ...], start: Solved | None = None
) -> tuple[Solved | None, Unresolved | None, float]:
    """The solution on one grid or why there is none, and the work in nominal seconds."""
    try:
        solved = scheme.solve(cells, start)
    except Unresolved as error:
        return None, error, error.spent
    return solved, None, scheme.cost(cells) if solved.spent is None else solved.spent


def _change(base: Solved, finer: Solved, axis: int) -> float:
    """Relative difference of two grids, the second of which has twice the cells along one axis."""
    total = 0.0
    for name, values in base.values.items():
        every = [slice(None)] * len(base.grid)
        every[axis] = slice(None, None, 2)
        gap = finer.values[name][tuple(every)] - values
        size = float(np.sqrt(np.mean(values**2)))
        total += float(np.sqrt(np.mean(gap**2))) / (size if size > 0 else 1.0)
    return total
