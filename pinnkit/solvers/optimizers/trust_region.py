"""Trust-region step: smallest damping whose actual-to-predicted reduction is at least `accept`.

The radius |p(lambda)| falls as the damping lambda grows, so that dampings are tried in place of radii: a trial costs
one Cholesky factorisation and one loss, without a search for the lambda of a radius.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .levenberg_marquardt import Linearisation, Step

__all__ = ["Probe", "longest_step"]

_MOST_LONGER = 8
"""Trials at smaller dampings than that of the previous step, so that one step cannot reach the floor."""
_MOST_SHORTER = 40
_MOST_MOVING = 4
"""Shorter steps with momentum before it is dropped: they tend to the previous step, not to the descent direction."""


@dataclass(frozen=True)
class Probe:
    """Trial step.

    Args:
        damping: relative to the linearisation's scale.
        step: the linear step.
        vector: change of theta ``(P,)``: the linear step, or the step with acceleration and corrections.
        loss: |rows|^2 at the new theta.
        gain: actual over predicted reduction of the loss.
    """

    damping: float
    step: Step
    vector: Tensor
    loss: float
    gain: float


def longest_step(
    linear: Linearisation,
    trial: Callable[[Step], tuple[Tensor, Tensor]],
    damping: float,
    velocity: Tensor,
    *,
    accept: float,
    ratio: float,
) -> Probe | None:
    """Step of the smallest damping, of a geometric sequence through `damping`, at which the loss falls enough.

    Where the loss at `damping` falls by at least `accept` times the predicted reduction, smaller dampings are tried
    until one fails; else greater ones until one succeeds, finally without momentum.  None where none does.

    Args:
        linear: the model.
        trial: step -> change of theta, and the rows at the new theta.
        damping: of the previous step.
        velocity: centre of the damping, momentum times the previous step ``(P,)``.
        accept: least actual-to-predicted reduction.
        ratio: of neighbouring dampings.

    Source: long steps at a low threshold, Webb, Jerad & Cartis, arXiv 2607.02194 (there on a grid of radii, from
    singular values); Nocedal & Wright, Numerical Optimization, 2nd ed., section 10.3 (Levenberg-Marquardt as a
    trust region).
    """
    before = float(linear.rows.square().sum())

    def probe(damping: float, velocity: Tensor) -> Probe | None:
        step = linear.step(damping, velocity)
        if step is None:
            return None
        predicted = before - float((linear.rows + step.image).square().sum())
        vector, rows = trial(step)
        loss = float(rows.double().square().sum())
        gain = (before - loss) / predicted if predicted > 0 else -math.inf
        return Probe(damping, step, vector, loss, gain) if loss < before and gain >= accept else None

    first = max(damping, linear.floor)
    found = probe(first, velocity)
    if found is not None:
        for _ in range(_MOST_LONGER):
            if found.damping <= linear.floor:
                break
            longer = probe(max(found.damping / ratio, linear.floor), velocity)
            if longer is None:
                break
            found = longer
        return found
    zero = torch.zeros_like(velocity)
    if bool(velocity.any()):
        for k in range(1, _MOST_MOVING + 1):
            found = probe(first * ratio**k, velocity)
            if found is not None:
                return found
    for _ in range(_MOST_SHORTER):
        found = probe(first, zero)
        if found is not None:
            return found
        # far beyond the diagonal, where the step is one of steepest descent, the damping grows faster
        first *= ratio if first < 1e3 else max(ratio, 10.0)
    return None
