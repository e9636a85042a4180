"""Residual checks: equations, conditions, status of the run, finite values."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from pinnkit.solutions.status import Status

from .context import Context
from .finding import Finding, Kind
from .measures import number, percent
from .scales import rms
from .term_sample import Sample

__all__ = ["check_convergence", "check_finite", "check_overfitting", "check_terms"]

IGNORED = 0.3
"""A condition's residual, of the parts that should cancel, from which it is as good as absent."""
MISSED = 0.05
"""The same for one that counts, but too little: a wall off by 5 % of the solution is seen with the naked eye."""
NOISY = 0.5
"""The same for data, which are never met exactly."""
UNSOLVED = 0.1
"""The same for an equation: derivatives magnify, so that a solution good to 1 % may leave several per cent here."""
UNCONVERGED = 0.01
"""Any residual, after a run that stopped early."""
_OFF_SIZE = 10.0
"""A condition whose two sides differ by this factor is a matter of scale and not of accuracy."""
_APART = 10.0
"""Fresh residual over training residual: least squares with three rows for each unknown stays below three."""
_APART_FEW = 3.0
"""The same where there were fewer rows than parameters, which makes a fit of the points alone possible."""
_NOTICEABLE = 1e-2
"""A relative residual below which it does not matter that training points fare better."""


def check_finite(context: Context) -> Iterator[Finding]:
    """Find values or residuals that are NaN or infinite."""
    if context.finite < 1:
        yield Finding(
            Kind.NOT_FINITE,
            f"the solution or its residual is not finite at {percent(1 - context.finite)} of the points; "
            "look for a division by zero or a root of something negative in the problem",
            1 - context.finite,
        )


def check_convergence(context: Context) -> Iterator[Finding]:
    """Find a run that ended badly, or stopped early with large residuals."""
    status = context.solution.status
    worst = max(context.samples, key=lambda s: _finite_or_inf(s.beyond), default=None)
    if not status.good:
        yield Finding(Kind.ENDED_BADLY, f"the run did not end well. {status.value}", 1.0)
    elif (
        worst is not None
        and status in (Status.BUDGET, Status.TIME, Status.STALLED)
        and not worst.beyond <= UNCONVERGED
        and not context.close
    ):
        yield Finding(
            Kind.NOT_CONVERGED,
            f"not converged: the residual of '{worst.check.name}' is still {percent(worst.beyond)} of the parts that "
            f"should cancel in it. {status.value}",
            worst.beyond,
            worst.check.name,
        )


def check_terms(context: Context) -> Iterator[Finding]:
    """Find terms whose residual is large relative to the parts that should cancel in it; wall by wall."""
    for s in context.samples:
        check = s.check
        if s.term.is_equation:
            if not s.beyond <= UNSOLVED:
                yield Finding(
                    Kind.UNSOLVED, _sentence(context, s, "the equation", "is not solved"), check.relative, check.name
                )
            continue
        limit = NOISY if s.term.fits_data else MISSED
        walls = [] if s.term.fits_data else _walls(context, s, limit)
        if s.beyond <= limit and not walls:
            continue
        figure = max([s.beyond, *(w for _, w in walls)], key=_finite_or_inf)
        verb = "is hardly met" if figure < IGNORED else "is ignored"
        where = f" on {', '.join(name for name, _ in walls)}" if walls else ""
        yield Finding(Kind.CONDITION, _sentence(context, s, "the condition", verb + where), figure, check.name)
        yield from _scale(s)


def check_overfitting(context: Context) -> Iterator[Finding]:
    """Find residuals that are much smaller at the training points than between them."""
    rows, parameters = sum(context.solution.rows.values()), context.solution.parameters
    few = 0 < rows < parameters
    for s in context.equations:
        trained = context.solution.training_rms.get(s.check.name, math.nan)
        if not trained >= 0 or s.check.relative <= _NOTICEABLE:
            continue
        ratio = s.check.rms / trained if trained > 0 else math.inf
        if ratio > (_APART_FEW if few else _APART):
            more = "more points, or more nodes in its integrals," if s.term.integrals else "more points"
            counted = f" {parameters} parameters met {rows} rows:" if few else ""
            yield Finding(
                Kind.OVERFITTED,
                f"the residual of '{s.check.name}' is met at the training points alone:{counted} it is "
                f"{number(trained)} there and {number(s.check.rms)} between them; use {more} or a smaller field",
                ratio,
                s.check.name,
            )


def _sentence(context: Context, s: Sample, said: str, verb: str) -> str:
    solved = context.solution.status is not Status.GIVEN
    return (
        f"{said} '{s.check.name}' {verb}: its residual (rms {number(s.check.rms)}) is {percent(s.check.relative)} "
        f"of the parts that should cancel in it{'; give it more weight, more points or a larger field' * solved}"
    )


def _walls(context: Context, s: Sample, limit: float) -> list[tuple[str, float]]:
    """Straight walls on which a condition fails, with its relative residual there."""
    normal = s.points[0].normal
    if normal is None or not s.check.scale > 0:
        return []
    normal, r, coords = normal.double().cpu(), s.excess, s.coords
    out = []
    space = [context.problem.frame.columns.index(c) for c in context.problem.frame.space]
    for i, column in enumerate(space):
        for sign in (-1.0, 1.0):
            here = normal[:, i] == sign
            if int(here.sum()) in (0, len(here)):
                continue
            relative = _mean(r[here]) / s.check.scale
            if not relative <= limit:
                at = f"{float(coords[here, column].mean()):.3g}"
                out.append((f"{context.problem.frame.columns[column]} = {at}", relative))
    return out


def _scale(s: Sample) -> Iterator[Finding]:
    """Find prescribed values that differ from the solution by an order of magnitude."""
    there = rms(s.r - s.given)
    small, large = sorted((there, s.given_size))
    if s.driven and small > 0 and large > _OFF_SIZE * small:
        yield Finding(
            Kind.SCALE,
            f"'{s.check.name}' prescribes values of size {number(s.given_size)}, the solution has {number(there)} "
            "there; a field starts at about one: scale the unknown, or let `solve` choose",
            large / small,
            s.check.name,
        )


def _mean(values: Tensor) -> float:
    return float(torch.sqrt(values.square().mean()))


def _finite_or_inf(value: float) -> float:
    return value if math.isfinite(value) else math.inf
