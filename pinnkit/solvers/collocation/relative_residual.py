"""Relative residual at held-out points: the measure by which candidates of a plan are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.residual_parts import natural_rate, residual_parts
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet

from .collocation_points import CollocationPoints, generator_of

__all__ = ["held_out_residual", "relative_residual"]

Values = Callable[[Term, Sequence[Points]], Mapping[Channel, Tensor]]


def relative_residual(
    fields: FieldSet, collocation: CollocationPoints, coefficients: Mapping[str, Tensor], values: Values | None = None
) -> tuple[float, tuple[float, ...]]:
    """Residual over the size of the terms that cancel in it, the worst term: dimensionless, comparable between fields.

    max over terms of rms(r) / (sum_k rms(dr/dchannel_k) size_k + rms(r at zero channels)), size_k the greater of
    the channel's rms in the domain and of the natural size of such a derivative (`natural_rate`): a single
    channel that vanishes, as in Laplace's equation, would else be compared with itself.  What enters through integrals
    or groups of points counts as one channel (`residual_parts`).

    Args:
        fields: fields of the unknowns.
        collocation: the points, which no solver should have used.
        coefficients: of the problem.
        values: gives the channels of a term at its points; None evaluates the fields.

    Returns:
        The worst ratio, infinite where a residual or a channel is not finite at some point, and the mean squared
        residual of each term.
    """
    problem = fields.problem
    sizes = _channel_sizes(fields, collocation)
    worst, costs = 0.0, []
    with torch.no_grad():
        for term in problem.terms:
            points = collocation.whole(term)
            channels = problem.trace(term, raw=True).channels
            found = fields.channels(points, channels) if values is None else values(term, points)
            lin = linearise(problem, term, points, found, coefficients, raw=True)
            size = _rms(lin.at_zero(found))
            for part in residual_parts(problem, lin, found):
                if part.channel is not None:
                    size += part.slope * sizes[part.channel._replace(site=0)]
                else:
                    unit = sizes[Channel(0, part.unknown, ())]
                    size += max(_rms(part.contribution), part.natural * unit)
            residual = _rms(lin.r)
            costs.append(float(lin.r.square().sum(dim=1).mean()))
            if not (math.isfinite(residual) and math.isfinite(size)):
                worst = math.inf
            elif size > 0 and not term.hard:  # the residual of a hard condition is rounding, and so is its size
                worst = max(worst, residual / size)
    return worst, tuple(costs)


def held_out_residual(fields: FieldSet, coefficients: Mapping[str, Tensor], *, seed: int) -> float:
    """Relative residual at 2,048 points of each equation and 512 of each condition that no solver draws."""
    some = next(p for m in fields.modules.values() for p in (*m.parameters(), *m.buffers()))
    counts = {str(t.name): 2048 if t.is_equation else 512 for t in fields.problem.terms}
    collocation = CollocationPoints(fields.problem, counts, seed, draw=2**31 + 1, device=some.device, dtype=some.dtype)
    return relative_residual(fields, collocation, coefficients)[0]


def _channel_sizes(fields: FieldSet, collocation: CollocationPoints) -> dict[Channel, float]:
    """Size of every channel that a term uses, over the interior of the domain."""
    problem = fields.problem
    used = {c._replace(site=0) for t in problem.terms for c in problem.trace(t, raw=True).channels}
    wanted = used | {Channel(0, name, ()) for name in problem.names}
    rms: dict[Channel, float] = {}
    with torch.no_grad():
        for domain in dict.fromkeys(problem.domain_of(name) for name in problem.names):
            points = (domain.sample(1024, generator_of(0)).to(collocation.dtype, collocation.device),)
            own = [c for c in wanted if problem.domain_of(c.unknown) == domain]
            rms |= {c: _rms(v) for c, v in fields.channels(points, own).items()}
    return {c: max(v, natural_rate(problem, c.order) * rms[Channel(0, c.unknown, ())]) for c, v in rms.items()}


def _rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())
