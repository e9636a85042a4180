"""The state at the lower end of time: u, and the rate u_t where the equation has a second derivative in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pinnkit.domains import Points
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import linearise
from pinnkit.problem.terms import Term
from pinnkit.references.errors import TooFewConditions
from pinnkit.references.grid import Array, refined

from .assembly import System
from .grid_problem import GridProblem

__all__ = ["Start", "initial_state", "initial_values", "is_rough"]

_LOOK = {0: 1, 1: 64, 2: 32, 3: 12}  # cells, by dimension, of the grid on which the initial state is looked at
_SMOOTH = 0.4  # second differences of smooth functions fall to 1/4 when the spacing is halved
_CLASH = 1e-3  # relative contradiction of the initial state and the walls


@dataclass(frozen=True)
class Start:
    """Rows of terms that give each component its value and its rate.

    Args:
        grid_problem: of the problem.

    Raises:
        Unsupported: where a component has no initial value, or a condition at the start is no such value.
    """

    grid_problem: GridProblem

    def __post_init__(self) -> None:
        problem, structure = self.grid_problem.problem, self.grid_problem.structure
        label = f"problem '{problem.name}'"
        given = set()
        for row in structure.initial:
            if row.component is None:
                raise Unsupported(
                    "finite differences",
                    f"{label}: term '{row.term.name}' at the start of time is not the value of one unknown or of its "
                    "rate",
                )
            given.add((structure.components.index(row.component), row.level == 1))
        for i, component in enumerate(self.grid_problem.components):
            name = component.unknown
            if (i, False) not in given:
                raise TooFewConditions(
                    "finite differences", f"{label}: there is no initial state of `{name}`; add Initial({name}=...)"
                )
            if component.time_order == 2 and (i, True) not in given:
                rate = f"{name}_{self.grid_problem.time_name}"
                raise TooFewConditions(
                    "finite differences", f"{label}: there is no initial state of `{rate}`; add Initial({rate}=...)"
                )


def initial_state(system: System, start: Start) -> tuple[Array, Array]:
    """The values and the rates, each ``(C * nodes,)``; rates that no condition gives are zero.

    Raises:
        Unsupported: where the initial state is not finite at a node.
    """
    u, v = initial_values(start.grid_problem, system.grid.coords)
    return u.ravel(), v.ravel()


def initial_values(grid_problem: GridProblem, nodes: Array) -> tuple[Array, Array]:
    """The values and the rates at nodes ``(n, d)``, each ``(C, n)``; rates that no condition gives are zero.

    Raises:
        Unsupported: where the initial state is not finite at a node.
    """
    found = np.zeros((2, len(grid_problem.components), len(nodes)))
    for term in grid_problem.initial:
        r, keys = _solve(grid_problem, term, nodes)
        for j, (component, rate) in enumerate(keys):
            found[int(rate), component] = r[:, j]
    if not np.isfinite(found).all():
        raise Unsupported(
            "finite differences",
            f"problem '{grid_problem.problem.name}': the initial state is not finite at a node of the grid",
        )
    return found[0], found[1]


def is_rough(grid_problem: GridProblem, start: Start) -> bool:
    """Return whether the initial state has a kink or jump on the scale of a grid, or contradicts the walls."""
    system = System(
        grid_problem, refined(grid_problem.lines, [_LOOK[len(grid_problem.lines)]] * len(grid_problem.lines))
    )
    u, _ = initial_state(system, start)
    fields = u.reshape(len(grid_problem.components), *system.grid.shape)
    closed = system.grid.closed(fields, leading=1)
    for axis in range(1, closed.ndim):
        fine, coarse = (np.abs(_second_difference(closed, axis, stride)).max() for stride in (1, 2))
        if fine > _SMOOTH * coarse + 1e-12 * np.abs(u).max():
            return True
    largest = np.abs(u).max()
    levels = [fields.reshape(len(fields), -1)] * 3
    for block in system.blocks:
        if block.dynamic or block.wall is None:
            continue
        r, slopes = block.linearised(grid_problem.time[1] if grid_problem.time else 0.0, levels)
        values, rows, _ = block.triplets(slopes, (1.0, 0.0, 0.0))
        gap, size = np.zeros(system.size), np.zeros(system.size)
        block.fill(gap, r)
        np.add.at(size, rows, np.abs(values))
        if (np.abs(gap) > _CLASH * size * largest).any():
            return True
    return False


def _second_difference(values: Array, axis: int, stride: int) -> Array:
    values = np.moveaxis(values, axis, 0)
    return values[2 * stride :] - 2 * values[stride:-stride] + values[: -2 * stride]


def _solve(grid_problem: GridProblem, term: Term, nodes: Array) -> tuple[Array, list[tuple[int, bool]]]:
    """Values ``(n, k)`` that make the rows of an initial term vanish; each row gives a component, or its rate."""
    problem, structure, time = grid_problem.problem, grid_problem.structure, grid_problem.time
    assert time is not None
    columns = [
        torch.full((len(nodes),), time[1], dtype=torch.float64)
        if name == time[0]
        else torch.from_numpy(np.ascontiguousarray(nodes[:, [a.name for a in grid_problem.lines].index(name)]))
        for name in problem.frame.columns
    ]
    points = Points(torch.stack(columns, dim=1))
    values = {}
    for channel in problem.trace(term, raw=False).channels:
        c = problem.unknown(channel.unknown).components
        values[channel] = torch.zeros(len(nodes) if c is None else (len(nodes), c), dtype=torch.float64)
    found = linearise(problem, term, (points,), values)
    keys, rows = [], []
    for row in structure.initial:
        if row.term is not term or row.component is None or row.level is None:
            continue
        order = (time[0],) * row.level
        slopes = next(d for c, d in found.d.items() if (c.unknown, c.order) == (row.component.unknown, order))
        keys.append((structure.components.index(row.component), row.level == 1))
        rows.append(-found.r[:, row.index].numpy() / slopes[:, row.index, row.component.index].numpy())
    return np.stack(rows, axis=1), keys
