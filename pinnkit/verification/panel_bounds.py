"""Bounds of functions between the Chebyshev points of panels.

Source: Ehlich & Zeller, Schwankung von Polynomen zwischen Gitterpunkten, Math. Z. 86 (1964) 41.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pinnkit.solvers.trefftz.panels import chebyshev_points

__all__ = ["NODES", "panel_bounds"]

NODES = 48
"""Chebyshev points of a panel."""
_DEGREE = 24
"""Part of the Chebyshev series whose maximum the points give, within 1 / cos(pi _DEGREE / (2 NODES)) = 1.42."""


def panel_bounds(values: Tensor) -> Tensor:
    """Upper bounds ``(m,)`` of |interpolant| from values at Chebyshev points of panels ``(m, nodes)``."""
    angles = torch.acos(chebyshev_points(NODES))
    k = torch.arange(NODES, dtype=torch.float64)
    transform = 2 / NODES * torch.cos(k[:, None] * angles)
    coefficients = values @ transform.T
    high = coefficients[:, _DEGREE + 1 :].abs().sum(dim=1)
    largest = values.abs().amax(dim=1)
    by_points = (largest + high) / math.cos(math.pi * _DEGREE / (2 * NODES)) + high
    by_series = coefficients.abs().sum(dim=1) - coefficients[:, 0].abs() / 2
    return torch.minimum(by_points, by_series)
