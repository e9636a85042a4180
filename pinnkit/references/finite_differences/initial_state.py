"""The state at the lower end of time: u, and the rate u_t where the equation has a second derivative in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pinnkit.domains import Points
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.terms import Term
from pinnkit.references.grid import Array, refined

from .assembly import System
from .survey import Survey

__all__ = ["Start", "initial_state", "initial_values", "is_rough"]

_LOOK = {0: 1, 1: 64, 2: 32, 3: 12}  # cells, by dimension, of the grid on which the initial state is looked at
_SMOOTH = 0.4  # second differences of smooth functions fall to 1/4 when the spacing is halved
_CLASH = 1e-3  # relative contradiction of the initial state and the walls


@dataclass(frozen=True)
class Start:
    """Which rows of which terms give each component its value and its rate.

    Args:
        survey: of the problem.

    Raises:
        Unsupported: where a component has no initial value, or a condition at the start is no such value.
    """

    survey: Survey

    def __post_init__(self) -> None:
        given = {key for term in self.survey.initial for key in _given(self.survey, term)}
        label = f"problem '{self.survey.problem.name}'"
        for i, component in enumerate(self.survey.components):
            name = component.unknown
            if (i, False) not in given:
                raise Unsupported(
                    "finite differences", f"{label}: there is no initial state of `{name}`; add Initial({name}=...)"
                )
            if component.rate == 2 and (i, True) not in given:
                rate = f"{name}_{self.survey.time_name}"
                raise Unsupported(
                    "finite differences", f"{label}: there is no initial state of `{rate}`; add Initial({rate}=...)"
                )


def initial_state(system: System, start: Start) -> tuple[Array, Array]:
    """The values and the rates, each ``(C * nodes,)``; rates that no condition gives are zero.

    Raises:
        Unsupported: where the initial state is not finite at a node.
    """
    u, v = initial_values(start.survey, system.grid.coords)
    return u.ravel(), v.ravel()


def initial_values(survey: Survey, nodes: Array) -> tuple[Array, Array]:
    """The values and the rates at nodes ``(n, d)``, each ``(C, n)``; rates that no condition gives are zero.

    Raises:
        Unsupported: where the initial state is not finite at a node.
    """
    found = np.zeros((2, len(survey.components), len(nodes)))
    for term in survey.initial:
        r, keys = _solve(survey, term, nodes)
        for j, (component, rate) in enumerate(keys):
            found[int(rate), component] = r[:, j]
    if not np.isfinite(found).all():
        raise Unsupported(
            "finite differences",
            f"problem '{survey.problem.name}': the initial state is not finite at a node of the grid",
        )
    return found[0], found[1]


def is_rough(survey: Survey, start: Start) -> bool:
    """Whether the initial state has a kink or jump on the scale of a grid, or contradicts the walls."""
    system = System(survey, refined(survey.lines, [_LOOK[len(survey.lines)]] * len(survey.lines)))
    u, _ = initial_state(system, start)
    fields = u.reshape(len(survey.components), *system.grid.shape)
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
        r, slopes = block.linearised(survey.time[1] if survey.time else 0.0, levels)
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


def _given(survey: Survey, term: Term) -> list[tuple[int, bool]]:
    return _solve(survey, term, np.array([[0.5 * (a.lower + a.upper) for a in survey.lines]]))[1]


def _solve(survey: Survey, term: Term, nodes: Array) -> tuple[Array, list[tuple[int, bool]]]:
    """Values ``(n, k)`` that make the rows of an initial term vanish; each row gives a component, or its rate.

    Raises:
        Unsupported: for a row that is not affine in one value or rate.
    """
    problem, time = survey.problem, survey.time
    assert time is not None
    trace = problem.trace(term, raw=False)
    columns = [
        torch.full((len(nodes),), time[1], dtype=torch.float64)
        if name == time[0]
        else torch.from_numpy(np.ascontiguousarray(nodes[:, [a.name for a in survey.lines].index(name)]))
        for name in problem.frame.columns
    ]
    points = Points(torch.stack(columns, dim=1))
    values = {}
    for channel in trace.channels:
        c = problem.unknown(channel.unknown).components
        values[channel] = torch.zeros(len(nodes) if c is None else (len(nodes), c), dtype=torch.float64)
    found = linearise(problem, term, (points,), values)
    keys, rows = [], []
    for j in range(trace.rows):
        uses = [
            (channel, i, slope[:, j, i].numpy())
            for channel, slope in found.d.items()
            for i in range(slope.shape[2])
            if bool((slope[:, j, i] != 0).any())
        ]
        if len(uses) != 1 or not trace.linear or uses[0][0].order not in ((), (time[0],)) or (uses[0][2] == 0).any():
            raise Unsupported(
                "finite differences",
                f"problem '{problem.name}': term '{term.name}' at the start of time is not the value of one unknown or "
                "of its rate",
            )
        channel, i, slope = uses[0]
        keys.append((_component(survey, channel, i), channel.order == (time[0],)))
        rows.append(-found.r[:, j].numpy() / slope)
    return np.stack(rows, axis=1), keys


def _component(survey: Survey, channel: Channel, index: int) -> int:
    return next(i for i, c in enumerate(survey.components) if (c.unknown, c.index) == (channel.unknown, index))
