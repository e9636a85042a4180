"""Activations of a radiance field: from raw outputs to density and colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pinnkit.domains import Box
from pinnkit.radiance.data.contraction import Contraction
from pinnkit.radiance.data.scene import box_diagonal

__all__ = ["colour_activation", "density_activation"]

_THIN = 3.0
"""Optical thickness of the diagonal of the box for a raw output of 0: translucent."""
_THINNER = 0.3
"""Optical thickness for contracted space, which contains the cameras.

A denser initial field becomes fog in front of each camera that reproduces its own picture.
"""
_MAX_LOG_DENSITY = 9.0
"""Upper bound on the logarithm of the density, relative to that."""


def density_activation(box: Box, contraction: Contraction | None = None) -> Callable[[Any], Any]:
    """Density of a raw output r: sigma = q exp(min(r, 9)) / diagonal of the box; independent of the unit of length.

    q, the optical thickness of the diagonal at r = 0, is 3, or 0.3 for contracted space.

    Args:
        box: domain of the field.
        contraction: contraction of space; None for a bounded scene.
    """
    unit = (_THIN if contraction is None else _THINNER) / box_diagonal(box)
    return lambda raw: unit * torch.exp(torch.clamp(raw, max=_MAX_LOG_DENSITY))


def colour_activation(raw: Any) -> Any:
    """Colour of raw outputs, in (0, 1): their sigmoid."""
    return torch.sigmoid(raw)
