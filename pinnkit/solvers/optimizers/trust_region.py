"""The longest damped step that the true loss bears out, found by probing.

Radius and damping are two names of one thing: |p(lambda)| falls as lambda grows.  Probing dampings in place of radii
spares the search for the lambda of each radius, so that a probe is one Cholesky factorisation and one loss.
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
"""Probes beyond the damping of the step before, so that one step cannot run to the floor."""
_MOST_SHORTER = 40
_MOST_MOVING = 4
"""Shorter steps that are tried with momentum before it is dropped: they tend to the step before, not to descent."""


@dataclass(frozen=True)
class Probe:
    """A step that was tried.

    Args:
        damping: relative to the linearisation's scale.
        step: the linear step.
        vector: what was added to theta, the linear step or what it was bent to ``(P,)``.
        loss: |rows|^2 there.
        gain: how much the loss fell by, as a part of what the linear model foretold.
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
    """The step of the smallest damping, on a ladder through `damping`, at which the loss falls enough.

    Where the loss at `damping` falls by at least `accept` of what the model foretells, smaller dampings are probed
    until one does not; else greater ones until one does, in the end without momentum.  None where none does.

    Args:
        linear: the model.
        trial: step -> what to add to theta, and the rows there.
        damping: of the step before.
        velocity: what a step is damped towards, momentum times the step before ``(P,)``.
        accept: least part of the foretold fall.
        ratio: between neighbouring dampings.

    Source: long steps at a low threshold, Webb, Jerad & Cartis, arXiv 2607.02194 (there on a grid of radii, from
    singular values); Nocedal & Wright, Numerical Optimization, 2nd ed., section 10.3 (Levenberg-Marquardt as a
    trust region).
    """
    before = float(linear.rows.square().sum())

    def probe(damping: float, velocity: Tensor) -> Probe | None:
        step = linear.step(damping, velocity)
        if step is None:
            return None
        foretold = before - float((linear.rows + step.image).square().sum())
        vector, rows = trial(step)
        loss = float(rows.double().square().sum())
        gain = (before - loss) / foretold if foretold > 0 else -math.inf
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
    nowhere = torch.zeros_like(velocity)
    if bool(velocity.any()):
        for k in range(1, _MOST_MOVING + 1):
            found = probe(first * ratio**k, velocity)
            if found is not None:
                return found
    for _ in range(_MOST_SHORTER):
        found = probe(first, nowhere)
        if found is not None:
            return found
        # far beyond the diagonal, where a step is one of steepest descent, the ladder is climbed faster
        first *= ratio if first < 1e3 else max(ratio, 10.0)
    return None
