"""What the raw outputs of a radiance field mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pinnkit.domains import Box

from .scene import size

__all__ = ["colour_of", "density_in"]

_THIN = 3.0
"""Optical thickness of the diagonal of the box where a field gives 0: thin enough to see through, and not nothing."""
_MOST = 9.0
"""Largest logarithm of the density, relative to that."""


def density_in(box: Box) -> Callable[[Any], Any]:
    """The density of a raw output r, sigma = 3 exp(min(r, 9)) / diagonal of the box: the same in any unit of length."""
    unit = _THIN / size(box)
    return lambda raw: unit * torch.exp(torch.clamp(raw, max=_MOST))


def colour_of(raw: Any) -> Any:
    """The colour of raw outputs, in (0, 1): their sigmoid."""
    return torch.sigmoid(raw)
