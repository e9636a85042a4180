"""Image quality: peak signal-to-noise ratio and structural similarity, on all pixels or a subset."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["psnr", "ssim"]

_BAND = 2**20
"""Pixels processed at once."""


def psnr(found: NDArray[Any], truth: NDArray[Any], where: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio in dB, -10 log10 of the mean square difference; infinite for equal pictures.

    `found` is clipped to [0, 1] first and not rounded to 8 bits.  Values are sRGB as stored; all channels have equal
    weight.

    Args:
        found: ``(height, width, channels)``.
        truth: same shape, values in [0, 1].
        where: ``(height, width)`` booleans of the pixels to include; None includes all.
    """
    _check("psnr", found, truth, where)
    squares, count = 0.0, 0
    for rows in _bands(truth):
        difference = np.clip(found[rows], 0, 1).astype(np.float64) - truth[rows]
        counted = difference if where is None else difference[where[rows]]
        squares, count = squares + float(np.square(counted).sum()), count + counted.size
    return math.inf if squares == 0 else -10 * math.log10(squares / count)


def ssim(found: NDArray[Any], truth: NDArray[Any], where: NDArray[np.bool_] | None = None) -> float:
    """Structural similarity: mean of the SSIM map over all pixels or over `where`; 1 for equal pictures.

    Windows of 7 x 7 pixels (smaller for small pictures), averaged over the channels, by scikit-image.

    Args:
        found: ``(height, width, channels)``.
        truth: same shape, values in [0, 1].
        where: ``(height, width)`` booleans of the pixels to include; None includes all.

    Source: Wang, Bovik, Sheikh, Simoncelli, Image quality assessment: from error visibility to structural similarity,
    IEEE Trans. Image Process. 13 (2004), equation 13.
    """
    _check("ssim", found, truth, where)
    try:
        from skimage.metrics import structural_similarity
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "ssim is measured by scikit-image, which is not installed; pip install 'pinnkit[images]' installs it"
        ) from None
    least = min(truth.shape[:2])
    window = min(7, least - 1 + least % 2)
    if window < 3:
        return math.nan
    total, count = 0.0, 0
    for rows in _bands(truth):
        first, last = max(rows.start - window, 0), min(rows.stop + window, len(truth))  # rows that the windows reach
        near, own = slice(first, last), slice(rows.start - first, rows.stop - first)
        clipped = np.clip(found[near], 0, 1).astype(np.float64)
        _, each = structural_similarity(
            clipped, truth[near].astype(np.float64), win_size=window, data_range=1.0, channel_axis=2, full=True
        )
        counted = each[own] if where is None else each[own][where[rows]]
        total, count = total + float(counted.sum()), count + counted.size
    return total / count


def _bands(values: NDArray[Any]) -> list[slice]:
    """Slices of rows that bound the memory needed at once."""
    height, width = values.shape[:2]
    each = max(_BAND // width, 1)
    return [slice(start, min(start + each, height)) for start in range(0, height, each)]


def _check(owner: str, found: NDArray[Any], truth: NDArray[Any], where: NDArray[np.bool_] | None) -> None:
    if found.shape != truth.shape or truth.ndim != 3:
        raise ValueError(
            f"{owner}: pictures must be (height, width, channels), alike, got {found.shape}, {truth.shape}"
        )
    if where is not None and (where.shape != truth.shape[:2] or not where.any()):
        raise ValueError(f"{owner}: `where` must be booleans {truth.shape[:2]} with some true, got {where.shape}")
