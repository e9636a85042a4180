"""Reading and writing of picture files of scenes, through Pillow."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["PictureError", "picture_size", "read_picture", "write_jpeg", "write_png"]

_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    zlib.error,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
)


class PictureError(ValueError):
    """Error for a picture file that cannot be read."""


def write_png(path: Path, image: Tensor) -> None:
    """Write uint8 `(H, W, 3)` or `(H, W, 4)` as PNG."""
    _pillow().fromarray(np.ascontiguousarray(image.cpu().numpy())).save(path)


def write_jpeg(path: Path, image: Tensor, *, quality: int = 95) -> None:
    """Write uint8 `(H, W, 3)` as JPEG without chroma subsampling."""
    _pillow().fromarray(np.ascontiguousarray(image.cpu().numpy())).save(path, quality=quality, subsampling=0)


def read_picture(path: Path, *, width: int | None = None, height: int | None = None) -> Tensor:
    """Read a picture as uint8 `(H, W, 4)` with transparency, else `(H, W, 3)`; grey becomes RGB.

    With width and height it is resized by area averaging, with colours weighted by alpha.

    Raises:
        PictureError: for files that Pillow cannot read.
    """
    pillow = _pillow()
    with _explained(path), pillow.open(path) as opened:
        clear = "A" in opened.getbands() or "transparency" in opened.info
        picture = opened.convert("RGBA" if clear else "RGB")
        if width is not None and height is not None and picture.size != (width, height):
            picture = picture.resize((width, height), pillow.Resampling.BOX)
        return torch.from_numpy(np.array(picture))


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, without decoding it.

    Raises:
        PictureError: for files that Pillow cannot read.
    """
    with _explained(path), _pillow().open(path) as opened:
        width, height = opened.size
        return int(width), int(height)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of Pillow into one sentence that names the file; its SyntaxError is that of broken PNG."""
    pillow = _pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)  # pictures of 90 million pixels
            yield
    except (pillow.DecompressionBombWarning, pillow.DecompressionBombError) as error:
        raise PictureError(f"'{path}' is too large: {error}") from None
    except _DAMAGE as error:
        raise PictureError(f"'{path}' is no picture that can be read: {error}") from None


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ModuleNotFoundError("scenes are read and written by Pillow: pip install 'pinnkit[radiance]'") from None
    return Image
