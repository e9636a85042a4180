"""Reading and writing of picture files of scenes, through Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pinnkit.files.picture_files import explained, open_picture, pillow_modules

__all__ = ["read_picture", "write_jpeg", "write_png"]


def write_png(path: Path, image: Tensor) -> None:
    """Write uint8 `(H, W, 3)` or `(H, W, 4)` as PNG."""
    pillow_modules()[0].fromarray(np.ascontiguousarray(image.cpu().numpy())).save(path)


def write_jpeg(path: Path, image: Tensor, *, quality: int = 95) -> None:
    """Write uint8 `(H, W, 3)` as JPEG without chroma subsampling."""
    pillow_modules()[0].fromarray(np.ascontiguousarray(image.cpu().numpy())).save(path, quality=quality, subsampling=0)


def read_picture(path: Path, *, width: int | None = None, height: int | None = None) -> Tensor:
    """Read a picture as uint8 `(H, W, 4)` with transparency, else `(H, W, 3)`; grey becomes RGB.

    With width and height it is resized by area averaging, with colours weighted by alpha.

    Raises:
        UnreadableFile: for files that Pillow cannot read, or of more pixels than are read.
    """
    pillow, _ = pillow_modules()
    with explained(path), open_picture(path, channels=3) as opened:
        clear = "A" in opened.getbands() or "transparency" in opened.info
        picture = opened.convert("RGBA" if clear else "RGB")
        if width is not None and height is not None and picture.size != (width, height):
            picture = picture.resize((width, height), pillow.Resampling.BOX)
        return torch.from_numpy(np.array(picture))
