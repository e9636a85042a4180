"""Localisation checks: residuals concentrated in a small region or right after the initial time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .context import Context
from .finding import Finding, Kind
from .measures import percent
from .residual_checks import IGNORED, UNSOLVED
from .scales import rms
from .term_sample import Sample

__all__ = ["check_localization", "check_start"]

_SHARE = 0.9
"""Share of the squared residual that defines the region."""
_REGION = 0.1
"""Largest share of the domain that counts as concentrated; noise needs more than half."""
_FEW = 8
"""Fewest points from which the size of a region is known."""
_WORTH = 0.01
"""Relative residual of the whole below which a local one is accepted: kinks and corners are never met exactly."""
_SLABS = 10
"""Number of time intervals."""
_EARLY = 3.0
"""Residual of the first interval over that of the others, from which the start is at fault."""
_LEFT = 0.25
"""Size after an interval with a residual over the size before, below which the initial state is lost."""
_STILL = 0.02
"""Rate of change of the last intervals over the largest one, below which a solution is stationary."""
_REVIVED = 2.0
"""Growth of the corrected solution at late times, from which the initial state is lost."""


def check_localization(context: Context) -> Iterator[Finding]:
    """Find a residual that is large in a small region: an unresolved front or layer."""
    for s in context.equations:
        m = s.excess.square()
        if not s.beyond > _WORTH or not bool(torch.isfinite(m).all()):
            continue
        order = torch.argsort(m, descending=True)
        needed = int((torch.cumsum(m[order], dim=0) < _SHARE * m.sum()).sum()) + 1
        if not _FEW <= needed <= _REGION * len(m):
            continue
        worst = order[:needed]
        relative = _relative(s, worst)
        if relative > UNSOLVED:
            centre = s.coords[worst].median(dim=0).values
            at = ", ".join(
                f"{c} = {v:.3g}" for c, v in zip(context.problem.frame.columns, centre.tolist(), strict=True)
            )
            yield Finding(
                Kind.LOCAL,
                f"the residual of '{s.check.name}' is concentrated: {percent(_SHARE)} of its square lie in "
                f"{percent(needed / len(m))} of the domain, around {at}, where it is {percent(relative)} of the parts "
                "that should cancel; a front or a layer is not resolved: use points that follow the residual, "
                "or a faster field",
                relative,
                s.check.name,
            )


def check_start(context: Context) -> Iterator[Finding]:
    """Find an initial state that is met and then lost: a residual right after it, or where the solution decays."""
    if context.problem.time is None or context.finite < 1 or len(context.problem.pieces) > 1:
        return
    axis = next(a for a in context.problem.axes if a.name == context.problem.time)
    column = context.problem.frame.columns.index(axis.name)
    for s in context.equations:
        if not any(axis.name in order for order in _orders(s)) or not s.beyond > _WORTH:
            continue
        when = ((s.coords[:, column] - axis.lower) / axis.extent * _SLABS).long().clamp(0, _SLABS - 1)
        slabs = [torch.nonzero(when == k)[:, 0] for k in range(_SLABS)]
        if any(len(slab) < _FEW for slab in slabs):
            return
        residual = [rms(s.excess[slab]) for slab in slabs]
        relative = [_relative(s, slab) for slab in slabs]
        sizes, rates = _profile(context, axis.name, column, axis.lower, axis.extent)
        found = _where(residual, relative, sizes, rates)
        if found is not None:
            slab, words = found
            at = axis.lower + (slab + 0.5) / _SLABS * axis.extent
            yield Finding(
                Kind.LOST_START,
                f"the start is lost: {words} around {axis.name} = {at:.3g}, "
                f"where '{s.check.name}' is off by {percent(relative[slab])} of the parts that should cancel in it; "
                "let earlier times be solved first (causal weights, slabs)",
                relative[slab],
                s.check.name,
            )
            return
    found_by = context.estimate
    if context.amplifies_own_error:
        return
    if found_by is not None and found_by.significant and found_by.late_growth > _REVIVED:
        yield Finding(
            Kind.LOST_START,
            f"the start is lost: at late times the solution should be {found_by.late_growth:.3g} times as large "
            "by the linearised problem; let earlier times be solved first (causal weights, slabs)",
            found_by.late_growth,
        )


def _where(
    residual: list[float], relative: list[float], sizes: list[float], rates: list[float]
) -> tuple[int, str] | None:
    """Return the time interval in which the initial state is lost, and a description; None if it is kept."""
    others = rms(torch.tensor(residual[1:]))
    if relative[0] > IGNORED and residual[0] > _EARLY * others:  # a kink or a corner of the data may leave less
        return 0, "the residual is concentrated right after it,"
    broken = [k for k in range(_SLABS) if relative[k] > UNSOLVED and residual[k] > 0.3 * max(residual)]
    for k in broken:
        before, after = max(sizes[: k + 1]), max(sizes[k + 1 :], default=sizes[k])
        if k + 1 < _SLABS and after < _LEFT * before:
            return k, "the solution dies away"
    late = [k for k in range(_SLABS // 2, _SLABS) if relative[k] > UNSOLVED]
    if len(late) >= _SLABS // 2 - 1 and max(rates[-3:]) < _STILL * max(rates):
        return late[0], "the solution comes to rest"
    return None


def _profile(context: Context, time: str, column: int, lower: float, extent: float) -> tuple[list[float], list[float]]:
    """Size and rate of change of the solution in each time interval."""
    when = ((context.inside[:, column] - lower) / extent * _SLABS).long().clamp(0, _SLABS - 1)
    rate = context.unknowns(context.inside, (time,))
    sizes, rates = [], []
    for k in range(_SLABS):
        here = when == k
        sizes.append(max(rms(v[here]) for v in context.values.values()))
        rates.append(max(rms(v[here]) for v in rate.values()))
    return sizes, rates


def _relative(s: Sample, rows: Tensor) -> float:
    """Residual at the given rows relative to the parts that should cancel there."""
    scale = rms(s.parts[rows])
    return rms(s.excess[rows]) / scale if scale > 0 else 0.0


def _orders(s: Sample) -> list[tuple[str, ...]]:
    """Derivatives that a term uses."""
    return [columns for c in s.values for _, columns in c.derivatives]
