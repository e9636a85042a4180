"""Chords of curves from one of their ends, without the cancellation of a difference of points."""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np
import torch
from torch import Tensor

from pinnkit.domains import Arc, EllipticalArc, Segment

__all__ = ["chord"]

_QUADRATURE = 12
"""Gauss nodes of each quarter of a chord."""


@singledispatch
def chord(curve: object, backward: bool, t: Tensor) -> Tensor:
    """x(t) - x(0) ``(n, 2)``, or x(1 - t) - x(1) backward: the integral of the tangent, by Gauss quadrature.

    Args:
        curve: with `normal` and `speed`; there are closed forms for segments and arcs.
        backward: whether t counts from the end.
        t: parameters ``(n,)`` in [0, 1/2].
    """
    places, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(_QUADRATURE))
    parts = torch.arange(4, dtype=torch.float64)[:, None]
    share, weight = ((parts + (places + 1) / 2) / 4).reshape(-1), (weights / 8).repeat(4)
    s = (t[:, None] * share).reshape(-1)
    s = 1 - s if backward else s
    normal = curve.normal(s)  # type: ignore[attr-defined]
    tangent = torch.stack([-normal[:, 1], normal[:, 0]], dim=1) * curve.speed(s)[:, None]  # type: ignore[attr-defined]
    mean = (tangent.reshape(len(t), -1, 2) * weight[:, None]).sum(dim=1)
    return (-t if backward else t)[:, None] * mean


@chord.register
def _(curve: Segment, backward: bool, t: Tensor) -> Tensor:
    whole = torch.tensor([b - a for a, b in zip(curve.start, curve.end, strict=True)], dtype=torch.float64)
    return (-t if backward else t)[:, None] * whole


@chord.register
def _(curve: Arc, backward: bool, t: Tensor) -> Tensor:
    return _turned(curve.angle, curve.sweep, backward, t, (curve.radius, curve.radius), 0.0)


@chord.register
def _(curve: EllipticalArc, backward: bool, t: Tensor) -> Tensor:
    return _turned(curve.angle, curve.sweep, backward, t, curve.radii, curve.tilt)


def _turned(angle: float, sweep: float, backward: bool, t: Tensor, radii: tuple[float, float], tilt: float) -> Tensor:
    """Q (a (cos q - cos p), b (sin q - sin p)), with p the angle of the end and q that at t."""
    turn = (-t if backward else t) * sweep
    middle = (angle + sweep if backward else angle) + turn / 2
    x, y = (
        -2 * radii[0] * torch.sin(turn / 2) * torch.sin(middle),
        2 * radii[1] * torch.sin(turn / 2) * torch.cos(middle),
    )
    cosine, sine = math.cos(tilt), math.sin(tilt)
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], dim=1)
