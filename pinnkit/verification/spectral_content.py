"""Spectral content checks: a field that is too smooth or too rough for its data."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from pinnkit.problem.linearization import linearise

from .context import Context
from .finding import Finding, Kind
from .measures import percent
from .residual_checks import MISSED, UNSOLVED
from .scales import rms
from .term_sample import Sample, channels_at

__all__ = ["check_spectral_content"]

_STEP = 0.015
"""Shift over which a residual is compared with itself, relative to the extent of the axis."""
_FINE = 0.35
"""Roughness of a residual from which it oscillates; 1 for white noise."""
_FINER = 2.5
"""Roughness of the residual over that of the data, from which the field oscillates by itself."""
_ALIKE = 0.3
"""Correlation of the residual with the data, from which a part of the data is missing in the solution."""
_DETAIL = 1.3
"""Roughness of the missing part over that of the solution, from which the field is too smooth."""


def check_spectral_content(context: Context) -> Iterator[Finding]:
    """Find residuals that are missing details of the data, or oscillations that the data do not have."""
    if context.finite < 1:
        return
    for s in context.samples:
        limit = UNSOLVED if s.term.is_equation else MISSED
        if not s.beyond > limit or s.term.own_points is not None:
            continue
        found = _roughness(context, s)
        if found is None:
            continue
        residual, prescribed, there, alike = found
        if residual > _FINE and residual > _FINER * prescribed and abs(alike) < _ALIKE:
            yield Finding(
                Kind.TOO_ROUGH,
                f"the field is too rough: the residual of '{s.check.name}' oscillates faster than anything that is "
                "prescribed; use a slower field or more points",
                residual / max(prescribed, 1e-3),
                s.check.name,
            )
        elif alike > _ALIKE and residual > _DETAIL * there and s.from_unknowns > 0.05 * s.given_size:
            yield Finding(
                Kind.TOO_SMOOTH,
                f"the field is too smooth: what '{s.check.name}' lacks are details of what is prescribed "
                f"({percent(alike)} alike, and {residual / max(there, 1e-3):.2g} times as fine as what is there); "
                "use a faster field (bandwidth, omega) or more features",
                alike,
                s.check.name,
            )


def _roughness(context: Context, s: Sample) -> tuple[float, float, float, float] | None:
    """Roughness of the residual, of the data, of the solution; correlation of the first two.

    The roughness of f is the greatest over the axes of |f(x + h) - f(x)| / (√2 |f|), as root mean squares.
    """
    r, given = s.r.double().cpu(), s.given.double().cpu()
    there = r - given
    best = [0.0, 0.0, 0.0]
    moved_at_all = False
    for axis in (a for a in context.problem.axes if a.dim == 1):
        column = context.problem.frame.columns.index(axis.name)
        spread = s.coords[:, column]
        along = _along(context, s, column)
        if not bool(along.any()) or float(spread.max() - spread.min()) < 0.5 * axis.extent:
            continue
        moved_at_all = True
        r2, given2 = _moved(context, s, column, _STEP * axis.extent, (axis.lower + axis.upper) / 2)
        there2 = r2 - given2
        for i, (one, two) in enumerate(((r, r2), (given, given2), (there, there2))):
            size = rms(one[along])
            if size > 0:
                best[i] = max(best[i], rms((two - one)[along]) / (2**0.5 * size))
    if not moved_at_all:
        return None
    norm = rms(r) * rms(given)
    alike = float((r * given).mean()) / norm if norm > 0 else 0.0
    return best[0], best[1], best[2], alike


def _along(context: Context, s: Sample, column: int) -> Tensor:
    """True for points that stay on their part when they move along a column, ``(n,)``."""
    normal, name = s.points[0].normal, context.problem.frame.columns[column]
    if normal is None or name not in context.problem.frame.space:
        return torch.ones(len(s.coords), dtype=torch.bool)
    return (normal[:, context.problem.frame.space.index(name)] == 0).cpu()


def _moved(context: Context, s: Sample, column: int, step: float, middle: float) -> tuple[Tensor, Tensor]:
    """Residual and data with all points moved inwards along one axis."""
    moved = []
    for p in s.points[: len(s.term.sites)]:
        coords = p.coords.clone()
        coords[:, column] += torch.where(coords[:, column] < middle, step, -step)
        moved.append(p._replace(coords=coords))
    points = s.term.finer().completed(*moved)
    trace = context.problem.trace(s.term, raw=False)
    values = channels_at(context.solution, points, trace.channels)
    at = linearise(context.problem, s.term, points, values, context.solution.coefficient_tensors)
    return at.r.double().cpu(), at.at_zero(values).double().cpu()
