"""Parts of a residual that cancel each other, with the size that each has for a field of size one.

A channel at the point of a row is one part.  Everything of one unknown that enters through integrals or groups of
points is one part together: the difference quotients of a singular kernel are large one by one, and their sum is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnkit.derivatives import terms_of
from pinnkit.jets.frame import Derivative

from .channels import Channel
from .linearization import Linearised
from .protocols import ProblemLike

__all__ = ["ResidualPart", "natural_rate", "residual_parts"]


@dataclass(frozen=True)
class ResidualPart:
    """One part of the linearised residual.

    Args:
        unknown: the unknown that it comes from.
        channel: the channel, at the point of the row; None for what enters through several points.
        contribution: derivative times value, ``(rows, k)``.
        slope: root mean square of the derivative with respect to the channel; 0 without one.
        natural: root mean square of the part for an unknown exp(i theta), theta the sum of (x - lower) / half-width
            over the columns: of size one, with a natural scale that is half of the domain.
    """

    unknown: str
    channel: Channel | None
    contribution: Tensor
    slope: float
    natural: float


def residual_parts(
    problem: ProblemLike, linearised: Linearised, values: Mapping[Channel, Tensor]
) -> tuple[ResidualPart, ...]:
    """Parts of a residual at the values of its channels."""
    parts: list[ResidualPart] = []
    joint: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
    for channel, slope in linearised.d.items():
        points = linearised.points[channel.site]
        value = values[channel] if values[channel].ndim == 2 else values[channel][:, None]
        single = points.group is None
        if single:
            own = linearised.direct[channel]
            here = ResidualPart(
                channel.unknown,
                channel,
                (own * value[:, None, :]).sum(dim=-1),
                _rms(own),
                _rms(own) * natural_rate(problem, channel.order),
            )
            if here.slope > 0 or not _has_several(linearised):
                parts.append(here)
            slope = slope - own
        if single and not bool((slope != 0).any()):
            continue
        cosine, sine = _wave(problem, channel, points.coords)
        found = (
            points.row_sums((slope * value[:, None, :]).sum(dim=-1)),
            points.row_sums(slope * cosine[:, None, None]),
            points.row_sums(slope * sine[:, None, None]),
        )
        before = joint.get(channel.unknown)
        joint[channel.unknown] = found if before is None else _sum(before, found)
    for name, (contribution, cosine, sine) in joint.items():
        natural = math.hypot(_rms(cosine), _rms(sine))
        parts.append(ResidualPart(name, None, contribution, 0.0, natural))
    return tuple(parts)


def _has_several(linearised: Linearised) -> bool:
    """Return whether a row has several points at some site."""
    return any(p.group is not None for p in linearised.points)


def _sum(a: tuple[Tensor, Tensor, Tensor], b: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def _half_widths(problem: ProblemLike) -> dict[str, float]:
    return {c: (a.upper - a.lower) / 2 for a in problem.axes for c in a.columns}


def natural_rate(problem: ProblemLike, order: Derivative) -> float:
    """Natural size of a derivative of a field of size one: the product of 1 / half-width over its columns."""
    half = _half_widths(problem)
    return sum(abs(factor) / math.prod(half[c] for c in columns) for factor, columns in terms_of(order))


def _wave(problem: ProblemLike, channel: Channel, coords: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of the channel of exp(i theta) at coordinates, ``(n,)`` each."""
    half = _half_widths(problem)
    lower = {c: a.lower for a in problem.axes for c in a.columns}
    theta = torch.stack([(coords[:, i] - lower[c]) / half[c] for i, c in enumerate(problem.frame.columns)]).sum(dim=0)
    real, imaginary = torch.zeros_like(theta), torch.zeros_like(theta)
    for factor, columns in channel.derivatives:
        size, turned = factor / math.prod(half[c] for c in columns), theta + math.pi / 2 * len(columns)
        real, imaginary = real + size * turned.cos(), imaginary + size * turned.sin()
    return real, imaginary


def _rms(values: Tensor) -> float:
    return float(values.double().square().mean().sqrt()) if values.numel() else 0.0
