"""Line search for the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from pinnkit.solvers.protocols import Evaluation

__all__ = ["Trial", "trial", "wolfe"]


class Trial(NamedTuple):
    """Length along a direction, the evaluation there, and the slope of the loss along the direction."""

    length: float
    at: Evaluation
    slope: float

    @property
    def loss(self) -> float:
        """Loss at this length."""
        return float(self.at.loss)


def trial(length: float, phi: Callable[[float], Evaluation], direction: Tensor) -> Trial:
    """Evaluate at one length."""
    at = phi(length)
    return Trial(length, at, float(at.gradient @ direction))


def wolfe(
    phi: Callable[[float], Evaluation],
    here: Evaluation,
    direction: Tensor,
    slope: float,
    first: float,
    *,
    evaluations: int,
    c1: float,
    c2: float,
) -> Trial | None:
    """Length that meets the strong Wolfe conditions, or at least lowers the loss; None if none does.

    f(a) <= f(0) + c1 a f'(0) and |f'(a)| <= c2 |f'(0)|.

    Args:
        phi: loss and gradient at ``theta + length direction``.
        here: the same at length 0.
        direction: ``(P,)``.
        slope: f'(0) = gradient . direction, negative.
        first: the length tried first.
        evaluations: of phi at most.
        c1: sufficient decrease.
        c2: curvature.

    Source: Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 3.5 and 3.6.
    """
    before, length = Trial(0.0, here, slope), first
    f0 = before.loss
    best: Trial | None = None
    left = evaluations
    while left > 0:
        left -= 1
        at = trial(length, phi, direction)
        if at.loss < f0 and (best is None or at.loss < best.loss):
            best = at
        too_far = not at.loss <= f0 + c1 * length * slope
        if too_far or (before.length > 0 and at.loss >= before.loss):
            return _zoom(phi, direction, before, at, f0, slope, left, c1, c2) or best
        if abs(at.slope) <= -c2 * slope:
            return at
        if at.slope >= 0:
            return _zoom(phi, direction, at, before, f0, slope, left, c1, c2) or best
        before, length = at, 2.0 * length
    return best


def _zoom(
    phi: Callable[[float], Evaluation],
    direction: Tensor,
    low: Trial,
    high: Trial,
    f0: float,
    d0: float,
    left: int,
    c1: float,
    c2: float,
) -> Trial | None:
    while left > 0 and abs(high.length - low.length) > 1e-12 * max(low.length, high.length):
        left -= 1
        at = trial(_interpolate(low, high), phi, direction)
        if not at.loss <= f0 + c1 * at.length * d0 or at.loss >= low.loss:
            high = at
            continue
        if abs(at.slope) <= -c2 * d0:
            return at
        if at.slope * (high.length - low.length) >= 0:
            high = low
        low = at
    return low if low.length > 0 else None


def _interpolate(low: Trial, high: Trial) -> float:
    """Minimum of the cubic through both ends (Nocedal & Wright, eq. 3.59), kept off the ends by a tenth."""
    a, b = low.length, high.length
    width = b - a
    mid = a + 0.5 * width
    if not all(map(math.isfinite, (low.loss, high.loss, low.slope, high.slope))):
        return mid
    d1 = low.slope + high.slope - 3 * (low.loss - high.loss) / (a - b)
    square = d1 * d1 - low.slope * high.slope
    if square < 0:
        return mid
    d2 = square**0.5 * (1 if width > 0 else -1)
    bottom = high.slope - low.slope + 2 * d2
    best = b - width * (high.slope + d2 - d1) / bottom if bottom != 0 else mid
    inner = sorted((a + 0.1 * width, b - 0.1 * width))
    return min(max(best, inner[0]), inner[1]) if math.isfinite(best) else mid
