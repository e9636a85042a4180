"""Initial state of ordinary differential equations, from the terms at the lower end of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pinnkit.domains import Points
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.linearization import linearise
from pinnkit.problem.probing import random_values
from pinnkit.problem.problem import Problem

from .requirements import METHOD

__all__ = ["ContradictoryState", "OpenState", "initial_state"]

Array = NDArray[np.float64]

_AGREE = 1e-10
"""Relative residual up to which more initial conditions than rows agree."""


class OpenState(Unsupported):
    """The initial conditions leave a row of the state open."""


class ContradictoryState(Unsupported):
    """The initial conditions contradict each other."""


def initial_state(problem: Problem, rows: Sequence[tuple[int, int]]) -> Array:
    """Find the state (n,) at the lower end of time from conditions that are affine in its rows.

    Args:
        problem: with initial terms.
        rows: pairs (component, level) of the state.

    Raises:
        OpenState: where a row is not determined.
        ContradictoryState: for conditions that contradict each other.
        Unsupported: for conditions that are not affine, hold other derivatives than those of the state, or have no
            finite values.
    """
    label, structure = f"problem '{problem.name}'", problem.structure
    time = structure.time
    assert time is not None
    points = (Points(torch.tensor([[time.lower]], dtype=torch.float64)),)
    at = {(structure.components[i].unknown, structure.components[i].index, m): r for r, (i, m) in enumerate(rows)}
    slopes: list[Array] = []
    values: list[float] = []
    for term in structure.initial_terms:
        trace = problem.trace(term, raw=False)
        if not trace.linear:
            raise Unsupported(METHOD, f"{label}: the initial condition '{term.name}' is not affine in the unknowns")
        zeros = {
            c: torch.zeros_like(v) for c, v in random_values(problem, trace.channels, 1, torch.Generator()).items()
        }
        found = linearise(problem, term, points, zeros)
        matrix = np.zeros((trace.rows, len(rows)))
        for channel, slope in found.d.items():
            for index in range(slope.shape[2]):
                part = slope[0, :, index].numpy()
                if not part.any():
                    continue
                for factor, level, _ in channel.split(time.name):
                    row = at.get((channel.unknown, index, level))
                    if row is None:
                        raise Unsupported(
                            METHOD,
                            f"{label}: the initial condition '{term.name}' holds a derivative of order {level} of "
                            f"`{channel.unknown}`, which the equations determine themselves",
                        )
                    matrix[:, row] += factor * part
        slopes += list(matrix)
        values += [-float(v) for v in found.r[0]]
    given, right = np.array(slopes).reshape(-1, len(rows)), np.array(values)
    _require_determined(given, problem, rows)
    if not (np.isfinite(given).all() and np.isfinite(right).all()):
        raise Unsupported(METHOD, f"{label}: the initial state is not finite")
    scale = np.abs(given).max(axis=1)
    scale[scale == 0] = 1.0
    direct = _single_values(given, right, len(rows))
    state = np.linalg.lstsq(given / scale[:, None], right / scale, rcond=None)[0] if direct is None else direct
    gap = np.abs(given @ state - right)
    if (gap > _AGREE * (np.abs(given) @ np.abs(state) + np.abs(right))).any():
        raise ContradictoryState(METHOD, f"{label}: the initial conditions contradict each other")
    return state


def _single_values(given: Array, right: Array, count: int) -> Array | None:
    """The state where every condition prescribes one row, without rounding; None otherwise."""
    state = np.full(count, np.nan)
    for row, value in zip(given, right, strict=True):
        (used,) = row.nonzero()
        if len(used) != 1:
            return None
        state[used[0]] = value / row[used[0]]
    return state


def _require_determined(given: Array, problem: Problem, rows: Sequence[tuple[int, int]]) -> None:
    """Refuse conditions that leave a row of the state open, and name it."""
    if not np.isfinite(given).all():
        return
    size = np.abs(given).max(axis=1, keepdims=True, initial=0.0)
    _, singular, directions = np.linalg.svd(given / np.where(size > 0, size, 1.0), full_matrices=True)
    rank = int((singular > 1e-10).sum())
    if rank == len(rows):
        return
    i, level = rows[int(np.abs(directions[rank:]).max(axis=0).argmax())]
    assert problem.time is not None
    name = problem.structure.components[i].unknown + ("_" + problem.time * level if level else "")
    raise OpenState(METHOD, f"problem '{problem.name}': there is no initial state of `{name}`; add Initial({name}=...)")
