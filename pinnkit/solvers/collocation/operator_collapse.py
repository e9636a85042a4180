"""Operator collapse: the constant-coefficient linear part of an equation as one channel, u_t included.

Coefficients are checked to be constant at the points of evaluation themselves, so that a coefficient that jumps between
test points cannot be missed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.domains import Points
from pinnkit.jets.frame import NamedOperator
from pinnkit.jets.taylor.channel_plan import make_plan
from pinnkit.problem.linearization import Channel, linearise
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Term
from pinnkit.solutions.evaluation import index

__all__ = ["CollapsedOperator", "collapse"]


@dataclass(frozen=True)
class CollapsedOperator:
    """Evaluation of a term with fewer channels: the residual with the replaced channels at zero, plus the operator.

    Args:
        operator: the linear part, ``sum_k c_k D^k u``.
        replaced: the channels that it replaces.
        kept: all other channels.
    """

    operator: Channel
    replaced: frozenset[Channel]
    kept: tuple[Channel, ...]


def collapse(problem: Problem, term: Term, points: Sequence[Points]) -> CollapsedOperator | None:
    """Collapsed operator of `term` at `points`, or None where it would not save a channel."""
    if points[0].group is not None:  # a row sums over several points
        return None
    trace = problem.trace(term, raw=True)
    scalars = [c for c in trace.channels if c.site == 0 and problem.unknown(c.unknown).components is None]
    derived = [c for c in scalars if c.order != ()]
    if trace.rows != 1 or problem.coefficients or len({c.unknown for c in derived}) != 1 or len(derived) < 2:
        return None
    constants = _constants(problem, term, points, trace.channels)
    replaced = {c: constants[c] for c in derived if constants.get(c, 0.0) != 0.0}
    if len(replaced) < 2:
        return None
    members = [(value * k, order) for c, value in replaced.items() for k, order in c.derivatives]
    operator = Channel(0, derived[0].unknown, NamedOperator(tuple(members)))
    kept = tuple(c for c in trace.channels if c not in replaced)
    local = {name: i for i, name in enumerate(problem.frame.columns)}
    width = [
        len(make_plan(tuple(index(c.order, local) for c in cs)).channels) for cs in (trace.channels, (*kept, operator))
    ]
    return CollapsedOperator(operator, frozenset(replaced), kept) if width[1] < width[0] else None


def _constants(
    problem: Problem, term: Term, points: Sequence[Points], channels: Sequence[Channel]
) -> Mapping[Channel, float]:
    """Partial derivatives that are the same number at all points and for two different states of the unknowns."""
    like = points[0].coords
    generator = torch.Generator().manual_seed(0)
    found: dict[Channel, list[Tensor]] = {c: [] for c in channels}
    for scale in (1.0, 1e3):  # a bounded term, or one that is small near zero, shows at one of them
        values = {}
        for c in channels:
            components = problem.unknown(c.unknown).components
            n = points[c.site].coords.shape[0]
            shape = (n,) if components is None else (n, components)
            values[c] = (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).to(like)
        partials = linearise(problem, term, points, values, raw=True).d
        for c in channels:
            found[c].append(partials[c].reshape(-1))
    constants = {}
    for c, parts in found.items():
        every = torch.cat(parts)
        low, high = float(every.min()), float(every.max())
        if math.isfinite(high - low) and high - low <= 8 * torch.finfo(like.dtype).eps * max(abs(low), abs(high)):
            constants[c] = high
    return constants
