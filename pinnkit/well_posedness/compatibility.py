"""Compatibility of what is prescribed: initial states with walls, measurements with each other."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from pinnkit.domains import Box, Faces, Points, Uniform
from pinnkit.problem.linearization import linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.structure import Component, Prescribes
from pinnkit.problem.terms import Term

from .concern import Concern, Severity

__all__ = ["check_corners", "check_measurements"]

_POINTS = 64
_JUMP = 1e-3
"""Difference of two prescribed values, relative to the largest of them, from which they are two."""
_APART = 0.2
"""Difference of two measurements at one point, relative to the range of all, from which they contradict each other."""
_OPPOSED = 0.5
"""The same from which no noise explains it."""
_SIGMAS = 5.0
"""The same in standard deviations, where these are given."""


def check_corners(problem: Problem) -> Iterator[Concern]:
    """Find walls whose prescribed value at the start differs from the initial state there."""
    structure = problem.structure
    if structure.time is None or not isinstance(problem.domain, Box) or problem.ansatz or problem.coefficients:
        return
    for condition in structure.conditions:
        wall, component = condition.wall, condition.component
        if wall is None or component is None or condition.prescribes is not Prescribes.VALUE:
            continue
        for initial in structure.initial:
            if initial.component != component or initial.level != 0:
                continue
            points = _corner(problem, problem.domain, wall.column, wall.value)
            here = _prescribed(problem, condition.term, condition.index, component, points)
            there = _prescribed(problem, initial.term, initial.index, component, points)
            if here is None or there is None:
                continue
            elsewhere = _prescribed(problem, initial.term, initial.index, component, _start(problem))
            sizes = [v.abs().max() for v in (here, there, elsewhere) if v is not None]
            size = float(torch.stack(sizes).max())
            jump = float((here - there).abs().max())
            if jump > _JUMP * size:
                yield Concern(
                    Severity.NOTE,
                    f"'{condition.term.name}' and '{initial.term.name}' differ by {jump:.3g} at the wall "
                    f"{wall.column} = {wall.value:g} at the start: the solution jumps there, which no smooth field "
                    "meets",
                    str(condition.term.name),
                )


def _start(problem: Problem) -> Points:
    """Points of the domain at the start of time."""
    drawn = problem.domain.sample(_POINTS, Generator().manual_seed(0), sampling=Uniform()).to(torch.float64, "cpu")
    axis = problem.structure.time
    assert axis is not None
    coords = drawn.coords.clone()
    coords[:, problem.frame.columns.index(axis.name)] = axis.lower
    return drawn._replace(coords=coords)


def _corner(problem: Problem, box: Box, column: str, value: float) -> Points:
    """Points of a wall at the start of time."""
    face = Faces(box, ((column, value),))
    drawn = face.sample(_POINTS, Generator().manual_seed(0), sampling=Uniform()).to(torch.float64, "cpu")
    coords = drawn.coords.clone()
    axis = problem.structure.time
    assert axis is not None
    coords[:, problem.frame.columns.index(axis.name)] = axis.lower
    return drawn._replace(coords=coords)


def _prescribed(problem: Problem, term: Term, row: int, component: Component, points: Points) -> Tensor | None:
    """Values that one row prescribes for a component; None where it cannot be evaluated."""
    channels = problem.trace(term, raw=False).channels
    shapes = {c: problem.unknown(c.unknown).components for c in channels}
    n = points.coords.shape[0]
    zero = {c: torch.zeros((n,) if count is None else (n, count), dtype=torch.float64) for c, count in shapes.items()}
    try:
        at = linearise(problem, term, (points,), zero)
    except (RuntimeError, NotImplementedError, ValueError):
        return None
    slope = next(
        (s[:, row, component.index] for c, s in at.d.items() if c.unknown == component.unknown and c.order == ()), None
    )
    return None if slope is None or not bool((slope != 0).all()) else -at.r[:, row] / slope


def check_measurements(problem: Problem) -> Iterator[Concern]:
    """Find measurements of one quantity at one point that differ by more than their noise."""
    for term in problem.structure.data:
        points = term.own_points
        if points is None:
            continue
        _, group, counts = torch.unique(points.coords, dim=0, return_inverse=True, return_counts=True)
        if not bool((counts > 1).any()):
            continue
        sigma = points.columns.get("sigma_data")
        for key, column in points.columns.items():
            if key == "sigma_data":
                continue
            values = column.reshape(len(column), -1).double()
            spread = _ranges(values, group, len(counts))
            unit = _APART * float(values.max() - values.min())
            if sigma is not None:
                unit = _SIGMAS * float(sigma.max())
            apart = (spread > unit).any(dim=1)
            if bool(apart.any()):
                spans = float(spread.max()) > _OPPOSED * float(values.max() - values.min())
                yield Concern(
                    Severity.ILL_POSED if spans and sigma is None else Severity.DOUBTFUL,
                    f"'{term.name}' has {int(apart.sum())} points with several values of "
                    f"`{key.removesuffix('_data')}` that differ by up to {float(spread.max()):.3g}: a mean is "
                    "fitted; keep one of each",
                    str(term.name),
                )


def _ranges(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Range of the values ``(n, c)`` in each group, ``(groups, c)``."""
    high = torch.full((groups, values.shape[1]), -torch.inf, dtype=torch.float64)
    low = -high
    index = group[:, None].expand_as(values)
    high.scatter_reduce_(0, index, values, "amax")
    low.scatter_reduce_(0, index, values, "amin")
    return high - low
