"""Panels on curves, short where functions vary fast: near their poles, and so towards corners."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .chords import chord

__all__ = ["LEAST", "Arm", "Panels", "PlaneCurve", "chebyshev_points", "gaps", "panels_of"]

LEAST = 1e-16
"""Shortest panel of a fit relative to the length of its curve."""
_CUT = 0.25
"""Place at which a panel is cut that has a singularity near one end, from that end."""
_ONE_SIDED = 0.25
"""Ratio of the distances of both ends to singularities below which it has."""
_DEEP = 120
"""Bisections of a panel at most."""


class PlaneCurve(Protocol):
    """Directed smooth curve x(s), s in [0, 1], with the domain on its left."""

    @property
    def length(self) -> float:
        """Length."""
        ...

    @property
    def start(self) -> tuple[float, float]:
        """Point at s = 0."""
        ...

    @property
    def end(self) -> tuple[float, float]:
        """Point at s = 1."""
        ...

    def point(self, s: Tensor) -> Tensor:
        """Points ``(n, 2)`` at parameters ``(n,)``."""
        ...

    def normal(self, s: Tensor) -> Tensor:
        """Outward unit normals ``(n, 2)``."""
        ...

    def speed(self, s: Tensor) -> Tensor:
        """|dx/ds| ``(n,)``."""
        ...

    def curvature(self, s: Tensor) -> Tensor:
        """Curvature ``(n,)``, positive where the curve turns left."""
        ...


@dataclass(frozen=True)
class Arm:
    """Half of a curve, by the parameter t in [0, 1/2] from one of its ends; distances to that end keep their digits.

    Args:
        curve: the curve.
        backward: whether t counts from the end of the curve, s = 1 - t.
    """

    curve: PlaneCurve
    backward: bool

    @property
    def anchor(self) -> tuple[float, float]:
        """End of the curve at t = 0."""
        return self.curve.end if self.backward else self.curve.start

    def parameter(self, t: Tensor) -> Tensor:
        """Parameter s ``(n,)`` of the curve."""
        return 1 - t if self.backward else t

    def offset(self, t: Tensor) -> Tensor:
        """Points relative to the anchor ``(n, 2)``."""
        return chord(self.curve, self.backward, t)


@dataclass(frozen=True)
class Panels:
    """Intervals of the parameter of an arm.

    Args:
        arm: half of a curve.
        lower: smaller end of each panel ``(m,)``, increasing.
        upper: larger end of each panel ``(m,)``.
    """

    arm: Arm
    lower: Tensor
    upper: Tensor

    def __len__(self) -> int:
        return len(self.lower)

    def at(self, places: Tensor) -> Tensor:
        """Parameters ``(m * p,)`` at places ``(p,)`` in [-1, 1] of each panel, panel by panel."""
        share = (places + 1) / 2
        return (self.lower[:, None] + (self.upper - self.lower)[:, None] * share).reshape(-1)

    def gauss(self, nodes: int) -> tuple[Tensor, Tensor]:
        """Parameters of Gauss nodes, panel by panel, and the weights of arc length, ``(m * nodes,)`` each."""
        places, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(nodes))
        t = self.at(places)
        share = ((self.upper - self.lower)[:, None] / 2 * weights).reshape(-1)
        return t, share * self.arm.curve.speed(self.arm.parameter(t))

    def chebyshev(self, nodes: int) -> Tensor:
        """Parameters of Chebyshev points of the first kind, panel by panel, ``(m * nodes,)``."""
        return self.at(chebyshev_points(nodes))

    def halved(self) -> Panels:
        """Each panel cut in two."""
        middle = (self.lower + self.upper) / 2
        lower = torch.stack([self.lower, middle], dim=1).reshape(-1)
        upper = torch.stack([middle, self.upper], dim=1).reshape(-1)
        return Panels(self.arm, lower, upper)


def chebyshev_points(count: int) -> Tensor:
    """Chebyshev points of the first kind, ``(count,)`` in (-1, 1), decreasing."""
    return torch.cos(math.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count)


def gaps(points: Tensor, others: Tensor) -> Tensor:
    """Distance ``(n,)`` of points ``(n, 2)`` to the nearest of others ``(m, 2)``; infinite where there are none."""
    if not len(others):
        return torch.full((len(points),), math.inf, dtype=torch.float64)
    exact = "donot_use_mm_for_euclid_dist"  # matrix products would lose half of the digits of short distances
    parts = [torch.cdist(p, others, compute_mode=exact).amin(dim=1) for p in points.split(max(1, 2**22 // len(others)))]
    return torch.cat(parts) if parts else points.new_zeros(0)


def panels_of(arm: Arm, singular: Tensor, longest: float, ratio: float = 3.0, least: float = LEAST) -> Panels:
    """Bisect an arm until each panel is at most `ratio` times as long as its distance to singular points.

    Args:
        arm: half of a curve.
        singular: points ``(m, 2)`` outside the domain at which functions are singular.
        longest: upper bound of the length of a panel.
        ratio: dimensionless.
        least: shortest panel over the length of the curve.
    """
    away = singular - torch.tensor(arm.anchor, dtype=torch.float64)
    length = arm.curve.length
    lower, upper = torch.zeros(1, dtype=torch.float64), torch.full((1,), 0.5, dtype=torch.float64)
    done: list[tuple[Tensor, Tensor]] = []
    for depth in range(_DEEP + 1):
        size = length * (upper - lower)
        first, inner, last = (gaps(arm.offset(t), away) for t in (lower, (lower + upper) / 2, upper))
        near = torch.stack([first, inner, last]).amin(dim=0)
        long = ((size > ratio * near) | (size > longest)) & (size > least * length)
        long &= torch.full_like(long, depth < _DEEP)
        done.append((lower[~long], upper[~long]))
        if not bool(long.any()):
            break
        share = torch.where(first < _ONE_SIDED * last, _CUT, torch.where(last < _ONE_SIDED * first, 1 - _CUT, 0.5))
        lower, upper, share = lower[long], upper[long], share[long]
        middle = lower + share * (upper - lower)
        lower, upper = torch.cat([lower, middle]), torch.cat([middle, upper])
    lower, upper = (torch.cat(parts) for parts in zip(*done, strict=True))
    order = torch.argsort(lower)
    return Panels(arm, lower[order], upper[order])
