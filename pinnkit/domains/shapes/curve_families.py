"""Nearest of many curves to many points: segments and circular arcs all at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .curves import Arc, Curve, EllipticalArc, Segment

__all__ = ["nearest_curves"]

_ENTRIES = 2**22
"""Distances that are held at once."""


def nearest_curves(curves: Sequence[Curve], points: Tensor) -> Tensor:
    """Number `(n,)` of the nearest curve to each point `(n, 2)`; of equally near ones, the first."""
    rows = max(1, _ENTRIES // len(curves))
    found = [_distances(curves, part).argmin(dim=1) for part in points.split(rows)]
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.int64)


def _distances(curves: Sequence[Curve], points: Tensor) -> Tensor:
    out = torch.empty(len(points), len(curves), dtype=torch.float64)
    segments = [(k, c) for k, c in enumerate(curves) if isinstance(c, Segment)]
    arcs = [(k, c) for k, c in enumerate(curves) if isinstance(c, Arc)]
    if segments:
        out[:, [k for k, _ in segments]] = _to_segments([c for _, c in segments], points)
    if arcs:
        out[:, [k for k, _ in arcs]] = _to_arcs([c for _, c in arcs], points)
    done = {k for k, _ in (*segments, *arcs)}
    least = out[:, sorted(done)].amin(dim=1) if done else torch.full((len(points),), math.inf, dtype=torch.float64)
    for k, curve in enumerate(curves):
        if k in done:
            continue
        assert isinstance(curve, EllipticalArc)
        # Far from an ellipse its circumscribed circle says enough: the exact distance is needed where it may be least.
        center = torch.tensor(curve.center, dtype=torch.float64)
        far = torch.linalg.vector_norm(points - center, dim=1) - max(curve.radii)
        near = torch.nonzero(far <= least)[:, 0]
        out[:, k] = math.inf
        foot = curve.foot(points[near])
        out[near, k] = torch.linalg.vector_norm(curve.point(foot) - points[near], dim=1)
        least = torch.minimum(least, out[:, k])
    return out


def _to_segments(segments: Sequence[Segment], points: Tensor) -> Tensor:
    """Distances `(n, k)`."""
    a = torch.tensor([c.start for c in segments], dtype=torch.float64)
    b = torch.tensor([c.end for c in segments], dtype=torch.float64)
    u = b - a
    along = points @ u.T - (a * u).sum(dim=1)
    share = (along / u.square().sum(dim=1)).clamp(0, 1)
    x = points[:, :1] - a[:, 0] - share * u[:, 0]
    y = points[:, 1:] - a[:, 1] - share * u[:, 1]
    return torch.hypot(x, y)


def _to_arcs(arcs: Sequence[Arc], points: Tensor) -> Tensor:
    """Distances `(n, k)`: from the circle where the arc faces the point, else from the nearer end."""
    center = torch.tensor([c.center for c in arcs], dtype=torch.float64)
    radius = torch.tensor([c.radius for c in arcs], dtype=torch.float64)
    start = torch.tensor([c.angle for c in arcs], dtype=torch.float64)
    sweep = torch.tensor([c.sweep for c in arcs], dtype=torch.float64)
    x, y = points[:, :1] - center[:, 0], points[:, 1:] - center[:, 1]
    turn = torch.remainder((torch.atan2(y, x) - start) * sweep.sign(), 2 * math.pi)
    faces = turn <= sweep.abs()
    first, last = (torch.hypot(x - radius * angle.cos(), y - radius * angle.sin()) for angle in (start, start + sweep))
    return torch.where(faces, (torch.hypot(x, y) - radius).abs(), torch.minimum(first, last))
