"""How well fields meet a problem at points that no solver has seen: the measure by which roads are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import FieldSet, natural_rate

from .collocation_points import Cloud, generator_of

__all__ = ["held_out", "imbalance"]

Values = Callable[[Term, Sequence[Points]], Mapping[Channel, Tensor]]


def imbalance(
    fields: FieldSet, cloud: Cloud, coefficients: Mapping[str, Tensor], values: Values | None = None
) -> tuple[float, tuple[float, ...]]:
    """Residual over the size of what should cancel in it, the worst term: dimensionless, comparable between fields.

    max over terms of rms(r) / (sum_k rms(dr/dchannel_k) size_k + rms(r at zero channels)), size_k the greater of
    the channel's rms in the domain and of what a field of that size has by nature (`natural_rate`): a single
    channel that vanishes, as in Laplace's equation, would else be compared with itself.

    Args:
        fields: to be judged.
        cloud: the points, which should be none that a solver has used.
        coefficients: of the problem.
        values: the channels of a term at its points; None asks the fields.

    Returns:
        The worst ratio, and the mean squared residual of each term.
    """
    problem = fields.problem
    sizes = _channel_sizes(fields, cloud)
    worst, costs = 0.0, []
    with torch.no_grad():
        for term in problem.terms:
            points = cloud.whole(term)
            channels = problem.trace(term, raw=True).channels
            found = fields.channels(points, channels) if values is None else values(term, points)
            lin = linearise(problem, term, points, found, coefficients, raw=True)
            columns = {c: v if v.ndim == 2 else v[:, None] for c, v in found.items()}
            origin = lin.r - sum((lin.d[c] * v[:, None, :]).sum(dim=-1) for c, v in columns.items())
            size = _rms(origin) + sum(_rms(lin.d[c]) * sizes[c._replace(site=0)] for c in columns)
            costs.append(float(lin.r.square().sum(dim=1).mean()))
            if size > 0 and not term.hard:  # what is left of a hard one is rounding, and so is its size
                worst = max(worst, _rms(lin.r) / size)
    return (worst if math.isfinite(worst) else math.inf), tuple(costs)


def held_out(fields: FieldSet, coefficients: Mapping[str, Tensor], *, seed: int) -> float:
    """The imbalance at 2,048 points of each equation, 512 of each condition, that no solver draws."""
    some = next(p for m in fields.modules.values() for p in (*m.parameters(), *m.buffers()))
    counts = {str(t.name): 2048 if t.is_equation else 512 for t in fields.problem.terms}
    cloud = Cloud(fields.problem, counts, seed, draw=2**31 + 1, device=some.device, dtype=some.dtype)
    return imbalance(fields, cloud, coefficients)[0]


def _channel_sizes(fields: FieldSet, cloud: Cloud) -> dict[Channel, float]:
    """The size of every channel that a term uses, over the inside of the domain."""
    problem = fields.problem
    points = (problem.domain.sample(1024, generator_of(0)).to(cloud.dtype, cloud.device),)
    used = {c._replace(site=0) for t in problem.terms for c in problem.trace(t, raw=True).channels}
    with torch.no_grad():
        wanted = used | {Channel(0, name, ()) for name in problem.names}
        rms = {c: _rms(v) for c, v in fields.channels(points, wanted).items()}
    return {c: max(v, natural_rate(problem, c.order) * rms[Channel(0, c.unknown, ())]) for c, v in rms.items()}


def _rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())
