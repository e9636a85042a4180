"""What the raw outputs of a radiance field mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pinnkit.domains import Box
from pinnkit.radiance.data.contraction import Contraction
from pinnkit.radiance.data.scene import size

__all__ = ["colour_of", "density_in"]

_THIN = 3.0
"""Optical thickness of the diagonal of the box where a field gives 0: thin enough to see through, and not nothing."""
_THINNER = 0.3
"""The same where all of space is contracted to the box and cameras stand in it: what is before them must be seen
through from the first step on, or it becomes a fog that shows to each camera its own picture."""
_MOST = 9.0
"""Largest logarithm of the density, relative to that."""


def density_in(box: Box, space: Contraction | None = None) -> Callable[[Any], Any]:
    """The density of a raw output r, sigma = q exp(min(r, 9)) / diagonal of the box: the same in any unit of length.

    q, the optical thickness of the diagonal where r = 0, is 3, or 0.3 where all of space is contracted to the box.

    Args:
        box: where the field lives.
        space: what space is contracted by; None: by nothing.
    """
    unit = (_THIN if space is None else _THINNER) / size(box)
    return lambda raw: unit * torch.exp(torch.clamp(raw, max=_MOST))


def colour_of(raw: Any) -> Any:
    """The colour of raw outputs, in (0, 1): their sigmoid."""
    return torch.sigmoid(raw)
