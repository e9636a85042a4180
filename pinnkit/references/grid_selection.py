"""Grids that fit a budget: by a cost measured once for each scheme, and by looking which axis needs its nodes most."""

from __future__ import annotations

import math

import numpy as np

from .protocols import Scheme, Solved

__all__ = ["choose", "round_cells"]

_SHARE = 0.5  # of the budget that the cost may take, as machines differ
_SPREAD = 4.0  # how far the cells of two axes may be apart because of the pilot, each way from their mean


def choose(scheme: Scheme, budget: float) -> tuple[int, ...]:
    """Cells along each column for the finest of three grids, the same in every run on every machine.

    Each axis is refined in turn on a small grid; with d_a the change that this makes, the truncation error is about
    sum_a d_a (p_a / n_a)^2, and least for a given number of nodes when n_a is in proportion to sqrt(d_a).
    """
    ratios = _ratios(scheme)

    def cells(factor: float) -> tuple[int, ...]:
        return tuple(
            round_cells(min(factor * r, scheme.largest(c)), scheme.smallest)
            for r, c in zip(ratios, scheme.columns, strict=True)
        )

    def cost(found: tuple[int, ...]) -> float:
        return sum(scheme.cost(tuple(n // k for n in found)) for k in (1, 2, 4))

    low, high = math.log(1.0), math.log(1e6)
    for _ in range(40):
        middle = (low + high) / 2
        if cost(cells(math.exp(middle))) <= _SHARE * budget:
            low = middle
        else:
            high = middle
    return cells(math.exp(low))


def round_cells(wanted: float, smallest: int) -> int:
    """A number of cells that can be halved twice, three times where there are many, and still leaves `smallest`."""
    unit = 8 if wanted >= 64 else 4
    return max(int(wanted) // unit * unit, 4 * smallest)


def _ratios(scheme: Scheme) -> list[float]:
    columns = scheme.columns
    if scheme.proportions is not None or len(columns) == 1:
        given = scheme.proportions or (1.0,)
        return [r / max(given) for r in given]
    pilot = [scheme.pilot] * len(columns)
    base = scheme.solve(tuple(pilot))
    changes = []
    for axis in range(len(columns)):
        finer = scheme.solve(tuple(2 * n if a == axis else n for a, n in enumerate(pilot)), base)
        changes.append(_change(base, finer, axis))
    wanted = np.sqrt(np.maximum(changes, 1e-8 * max(*changes, 1e-300)))
    logs = np.log(wanted)
    limited = np.clip(logs - logs.mean(), -math.log(_SPREAD), math.log(_SPREAD))
    return [float(r) for r in np.exp(limited)]


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
