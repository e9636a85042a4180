"""PNG and TIFF files with 16 bits per colour channel, which Pillow reads as 8 bits and does not write."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["encode_16_bit_png", "read_16_bit_values"]

_SWAPPED = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B"}
"""Raw modes with swapped byte order.  Pillow keeps the high byte only; with the swapped mode it keeps the low byte."""
_COLOURS = {3: 2, 4: 6}
"""PNG colour type by number of channels. Source: PNG specification, third edition, table 12."""


def read_16_bit_values(
    opened: Any, transpose: Callable[[Any], Any], reopen: Callable[[], Any]
) -> NDArray[np.uint16] | None:
    """Read the colours of a 16-bit file, ``(height, width, 3 or 4)``; None for files of lower depth.

    Args:
        opened: image opened by Pillow, not loaded yet.
        transpose: applies the EXIF orientation.
        reopen: opens the same image again.
    """
    raw = _raw_mode(opened)
    if raw is None:
        return None
    if raw == "LA;16B":  # four bytes per pixel, read as four channels
        with reopen() as image:
            _set_raw_mode(image, "RGBA")
            image.load()
            bytes_ = np.asarray(transpose(image), dtype=np.uint16)
        grey, alpha = 256 * bytes_[..., 0] + bytes_[..., 1], 256 * bytes_[..., 2] + bytes_[..., 3]
        return np.stack([grey, grey, grey, alpha], axis=2)
    with reopen() as image:
        _set_raw_mode(image, _SWAPPED[raw])
        image.load()
        lower = np.asarray(transpose(image))
    opened.load()
    return 256 * np.asarray(transpose(opened), dtype=np.uint16) + lower


def _raw_mode(image: Any) -> str | None:
    """Pillow raw mode of the image if it is a supported 16-bit mode, else None."""
    words = {tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in image.tile}
    if len(words) != 1:
        return None
    word = words.pop()
    if not isinstance(word, str):  # formats without a raw mode
        return None
    if word.endswith("16N"):  # native byte order
        word = word[:-1] + ("L" if sys.byteorder == "little" else "B")
    return word if word in _SWAPPED or word == "LA;16B" else None


def _set_raw_mode(image: Any, word: str) -> None:
    image.tile = [
        tile._replace(args=(word, *tile.args[1:]) if isinstance(tile.args, tuple) else word) for tile in image.tile
    ]


def encode_16_bit_png(values: NDArray[np.uint16], profile: bytes | None) -> bytes:
    """Encode values ``(height, width, 3 or 4)`` as a PNG file, each row with filter type 1 ("Sub").

    Source: PNG (Portable Network Graphics) specification, third edition, W3C, sections 9.2 and 11.
    """
    height, width, channels = values.shape
    pixel = 2 * channels
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.ones((height, 1 + rows.shape[1]), dtype=np.uint8)  # filter type 1 ("Sub") at the start of each row
    filtered[:, 1 : 1 + pixel] = rows[:, :pixel]
    np.subtract(rows[:, pixel:], rows[:, :-pixel], out=filtered[:, 1 + pixel :])
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _COLOURS[channels], 0, 0, 0))]
    if profile is not None:
        parts.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    parts += [(b"IDAT", zlib.compress(filtered.tobytes(), 4)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
