"""Pictures as arrays of values in [0, 1], and masks of known pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["KINDS", "Picture", "check_mask", "shape_text"]

KINDS: Mapping[int, str] = MappingProxyType({1: "grey", 3: "rgb", 4: "rgba"})
"""Kind of a picture by its number of channels; also the name of the unknown of its problem."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Picture as an array of floats.

    Args:
        values: ``(height, width, channels)``, float32 in [0, 1], sRGB as stored in files (not linear light).  One
            channel is grey, three are red, green, blue; a fourth is alpha (0 transparent), not premultiplied.
        name: file name without its suffix.
        bits: bits per channel in the file, 8 or 16 (16 also for floats).
        profile: ICC profile of the file.  It is passed on to files that are written, and not applied.
    """

    values: NDArray[Any]
    name: str = "picture"
    bits: int = 8
    profile: bytes | None = None

    def __post_init__(self) -> None:
        if self.bits not in (8, 16):
            raise ValueError(f"Picture '{self.name}': `bits` must be 8 or 16, got {self.bits}")
        values = _checked(self.values, f"Picture '{self.name}'")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.values.shape[0]

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.values.shape[1]

    @property
    def channels(self) -> int:
        """Channels per pixel: 1, 3 or 4."""
        return self.values.shape[2]

    @property
    def kind(self) -> str:
        """Kind of the picture: grey, rgb or rgba."""
        return KINDS[self.channels]

    def __repr__(self) -> str:
        return f"<{self.kind} picture '{self.name}', {self.width} x {self.height}>"


def check_mask(mask: ArrayLike, like: Picture, *, owner: str = "`mask`") -> NDArray[np.bool_]:
    """Return the mask as booleans of the size of the picture, with both known and hidden pixels.

    Raises:
        ValueError: if the mask has another type or size, or all its values are equal.
    """
    found = np.asarray(mask)
    if found.dtype != np.bool_:
        raise ValueError(f"{owner} must be booleans, True where a pixel is known, got {found.dtype}; use values > 0.5")
    if found.shape != (like.height, like.width):
        raise ValueError(
            f"{owner} must have the picture's {like.height} rows and {like.width} columns, got "
            f"{shape_text(found.shape)}; resize it without interpolation"
        )
    if not found.any():
        raise ValueError(f"{owner} hides every pixel: white must mark the pixels that are known; invert it")
    if found.all():
        raise ValueError(
            f"{owner} hides no pixel: black must mark the pixels to fill in; leave the mask out to fit all"
        )
    return found


def _checked(values: Any, owner: str) -> NDArray[np.float32]:
    given = np.asarray(values)
    whole = given.dtype in (np.uint8, np.uint16)
    if given.dtype == np.uint8:
        given = given / np.float32(255)
    elif given.dtype == np.uint16:
        given = given / np.float32(65535)
    elif not np.issubdtype(given.dtype, np.floating):
        raise ValueError(
            f"{owner}: `values` must be floats between 0 and 1, or uint8 or uint16, got {given.dtype}; divide by the "
            f"greatest value there can be"
        )
    if given.ndim == 2:
        given = given[..., None]
    if given.ndim != 3 or given.shape[2] not in KINDS:
        raise ValueError(
            f"{owner}: `values` must be (height, width) or (height, width, 1, 3 or 4), got {shape_text(given.shape)}"
        )
    if min(given.shape[:2]) < 2:
        raise ValueError(
            f"{owner}: there must be at least 2 x 2 pixels to fit a function to, got {shape_text(given.shape[:2])}"
        )
    least, most = float(given.min()), float(given.max())
    if not (math.isfinite(least) and math.isfinite(most)):
        bad = int((~np.isfinite(given)).sum())
        raise ValueError(f"{owner}: {bad} values are nan or inf; set them to numbers, and hide them by a mask")
    if least < 0 or most > 1:
        raise ValueError(f"{owner}: values must lie between 0 and 1, got {least:.4g} to {most:.4g}; rescale them")
    return given if whole else np.array(given, dtype=np.float32)  # a quotient is an array of its own


def shape_text(shape: tuple[int, ...]) -> str:
    """Text of a shape, such as "4 x 3"."""
    return " x ".join(map(str, shape)) or "a number"
