"""Pixel coordinates: domain of a picture, pixel centres, and pixel centres at other resolutions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.domains import Box

__all__ = ["Pixels"]


@dataclass(frozen=True)
class Pixels:
    """Coordinates of a picture in units of pixels: x to the right, y downwards.

    By default the pixel in row i and column j is the square [j, j + 1] x [i, i + 1] with its colour at the centre (j +
    1/2, i + 1/2), and the domain is [0, width] x [0, height], as for box filters and cameras.  With `align_corners`
    pixels are points at (j, i) and the domain is [0, width - 1] x [0, height - 1].  The two conventions differ by a
    shift when a picture is resized.

    Derivatives are per pixel and isotropic for every aspect ratio.

    Args:
        height: rows.
        width: columns.
        align_corners: whether pixels are points with the outermost ones on the border.
    """

    height: int
    width: int
    align_corners: bool = False

    def __post_init__(self) -> None:
        if self.height < 2 or self.width < 2:
            raise ValueError(f"Pixels: there must be at least 2 x 2 pixels, got {self.height} x {self.width}")

    @property
    def box(self) -> Box:
        """Domain of the picture."""
        if self.align_corners:
            return Box(x=(0, self.width - 1), y=(0, self.height - 1))
        return Box(x=(0, self.width), y=(0, self.height))

    def size(self, scale: float = 1) -> tuple[int, int]:
        """Rows and columns of the picture at `scale` times the resolution.

        Raises:
            ValueError: if the scale is not positive or leaves no pixel.
        """
        if not scale > 0 or not math.isfinite(scale):
            raise ValueError(f"`scale` must be a positive number, such as 2 for twice the pixels each way, got {scale}")
        rows, columns = round(self.height * scale), round(self.width * scale)
        if rows < 1 or columns < 1:
            raise ValueError(f"`scale` {scale:g} leaves no pixel of {self.width} x {self.height}")
        return rows, columns

    def ticks(self, scale: float = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x of each column and the y of each row at `scale` times the resolution."""
        rows, columns = self.size(scale)
        return _along(self.width, columns, self.align_corners), _along(self.height, rows, self.align_corners)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x and the y of every pixel, ``(height, width)`` each, in array order."""
        xs, ys = self.ticks()
        x, y = np.meshgrid(xs, ys, indexing="xy")  # "xy": rows are y, columns x
        return x, y

    @property
    def facts(self) -> Mapping[str, Any]:
        """Plain values from which `of` restores the object."""
        return {"height": self.height, "width": self.width, "align_corners": self.align_corners}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Pixels:
        """Restore the pixels from the facts of a problem."""
        return cls(facts["height"], facts["width"], facts["align_corners"])


def _along(pixels: int, count: int, align_corners: bool) -> NDArray[np.float64]:
    ticks = np.linspace(0, pixels - 1, count) if align_corners else (np.arange(count) + 0.5) * (pixels / count)
    return np.asarray(ticks, dtype=np.float64)
