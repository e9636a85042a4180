"""Rules for inpainting: the curvature penalty of grid fields, and the distance of hidden pixels from known ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pinnkit.fields import FieldSpec, HashGrid, MultilevelGrid

__all__ = ["CURVATURE_STEP", "RELIABLE_DISTANCE", "default_curvature_weight", "share_beyond_reach"]

CURVATURE_STEP = 0.5
"""Step of the differences in the curvature term, in units of the spacing of known pixels."""
RELIABLE_DISTANCE = 8.0
"""Distance in pixels: with 10 % of the pixels known at random, almost no hidden pixel is farther from a known one."""
_FULL_WEIGHT = 0.01
"""Curvature weight of a grid field if all pixels are known; differences grow with the square of the step.

Measured on photographs with 10 % of 128 x 128 pixels known, PSNR of the hidden pixels relative to linear
interpolation: weight 0.03 +0.1 dB, 0.1 +0.6 dB, 0.3 +0.3 dB, 0 -1.7 dB.
"""


def default_curvature_weight(field: FieldSpec | None, share: float) -> float:
    """Weight of the curvature term if a fraction `share` of the pixels is known; 0 for networks, which are smooth."""
    return min(_FULL_WEIGHT / share, 0.15) if isinstance(field, MultilevelGrid | HashGrid) else 0.0


def share_beyond_reach(known: NDArray[np.bool_]) -> float:
    """Fraction of the hidden pixels that are farther than `RELIABLE_DISTANCE` from every known pixel.

    There the field extrapolates, and its values are a guess.
    """
    from scipy.ndimage import distance_transform_edt

    return float((distance_transform_edt(~known)[~known] > RELIABLE_DISTANCE).mean()) if not known.all() else 0.0
