"""Checks of where the residual is: right after the start, at a front, spread over everything."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .context import Evidence
from .finding import Finding, Kind
from .residual_checks import IGNORED, UNSOLVED, percent
from .term_sample import Sample, rms

__all__ = ["local", "lost_start"]

_SHARE = 0.9
"""Of the squared residual, ..."""
_REGION = 0.1
"""... in at most this part of the domain: a residual that is noise needs more than half of it."""
_FEW = 8
"""Points that such a region has at least; fewer say nothing of its size."""
_WORTH = 0.01
"""Relative residual of the whole below which a local one is left alone: kinks and corners are never met exactly."""
_SLABS = 10
"""Into which time is cut."""
_EARLY = 3.0
"""Residual of the first slab over that of the others, from which the start is what went wrong."""
_LEFT = 0.25
"""Of the size before a slab with a residual, what is left after it, from which the start counts as lost."""
_STILL = 0.02
"""Rate of change of the last slabs, of that of the first, from which a solution has come to rest."""
_REVIVED = 2.0
"""The corrected solution at late times over the solution there."""


def local(e: Evidence) -> Iterator[Finding]:
    """A residual that lives in a small region and is not small beside what cancels there: an unresolved front."""
    for s in e.equations:
        m = s.magnitude.square()
        if not s.check.relative > _WORTH or not bool(torch.isfinite(m).all()):
            continue
        order = torch.argsort(m, descending=True)
        needed = int((torch.cumsum(m[order], dim=0) < _SHARE * m.sum()).sum()) + 1
        if not _FEW <= needed <= _REGION * len(m):
            continue
        worst = order[:needed]
        relative = _relative(s, worst)
        if relative > UNSOLVED:
            centre = s.coords[worst].median(dim=0).values
            at = ", ".join(f"{c} = {v:.3g}" for c, v in zip(e.problem.frame.columns, centre.tolist(), strict=True))
            yield Finding(
                Kind.LOCAL,
                f"the residual of '{s.check.name}' is concentrated: {percent(_SHARE)} of its square lie in "
                f"{percent(needed / len(m))} of the domain, around {at}, where it is {percent(relative)} of the parts "
                "that should cancel; a front or a layer is not resolved: use points that follow the residual, "
                "or a faster field",
                relative,
                s.check.name,
            )


def lost_start(e: Evidence) -> Iterator[Finding]:
    """A start that is met and then forgotten: the residual sits right after it, or where the solution dies away."""
    if e.problem.time is None or e.finite < 1:
        return
    axis = next(a for a in e.problem.axes if a.name == e.problem.time)
    column = e.problem.frame.columns.index(axis.name)
    for s in e.equations:
        if not any(axis.name in order for order in _orders(s)) or not s.check.relative > _WORTH:
            continue
        when = ((s.coords[:, column] - axis.lower) / axis.extent * _SLABS).long().clamp(0, _SLABS - 1)
        slabs = [torch.nonzero(when == k)[:, 0] for k in range(_SLABS)]
        if any(len(slab) < _FEW for slab in slabs):
            return
        residual = [rms(s.magnitude[slab]) for slab in slabs]
        relative = [_relative(s, slab) for slab in slabs]
        sizes, rates = _profile(e, axis.name, column, axis.lower, axis.extent)
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
    found_by = e.correction
    if found_by is not None and found_by.significant and found_by.late > _REVIVED:
        yield Finding(
            Kind.LOST_START,
            f"the start is lost: at late times the solution should be {found_by.late:.3g} times as large by what the "
            "problem, linearised, foretells; let earlier times be solved first (causal weights, slabs)",
            found_by.late,
        )


def _where(
    residual: list[float], relative: list[float], sizes: list[float], rates: list[float]
) -> tuple[int, str] | None:
    """In which slab of time the start is lost, and how."""
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


def _profile(e: Evidence, time: str, column: int, lower: float, extent: float) -> tuple[list[float], list[float]]:
    """Size and rate of change of the solution in each slab; the mean over all of it is no memory of the start."""
    when = ((e.inside[:, column] - lower) / extent * _SLABS).long().clamp(0, _SLABS - 1)
    rate = e.unknowns(e.inside, (time,))
    sizes, rates = [], []
    for k in range(_SLABS):
        here = when == k
        sizes.append(max(rms(v[here]) for v in e.values.values()))
        rates.append(max(rms(v[here]) for v in rate.values()))
    return sizes, rates


def _relative(s: Sample, rows: Tensor) -> float:
    """The residual at some points, of the parts that should cancel there."""
    scale = rms(s.parts[rows])
    return rms(s.magnitude[rows]) / scale if scale > 0 else 0.0


def _orders(s: Sample) -> list[tuple[str, ...]]:
    """The derivatives that a term uses."""
    return [columns for c in s.values for _, columns in c.derivatives]
