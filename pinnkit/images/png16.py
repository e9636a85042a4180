"""Colours of 16 bits a channel, of which Pillow reads the upper 8 and writes none."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["deep_values", "png_of_16_bits"]

_OTHER_BYTE = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B"}
"""Pillow keeps the byte that counts most in the order that a file has; told the other order, it keeps the lower one."""
_COLOURS = {3: 2, 4: 6}
"""The colour type of a PNG of so many channels. Source: PNG specification, third edition, table 12."""


def deep_values(opened: Any, turned: Callable[[Any], Any], again: Callable[[], Any]) -> NDArray[np.uint16] | None:
    """The colours of a file of 16 bits a channel, ``(height, width, 3 or 4)``; None for a file of fewer.

    Args:
        opened: the image as Pillow opened it, not loaded yet.
        turned: follows the orientation that the file asks for.
        again: opens the same image once more.
    """
    raw = _layout(opened)
    if raw is None:
        return None
    if raw == "LA;16B":  # four bytes a pixel, as of four channels
        with again() as image:
            _lay_out(image, "RGBA")
            image.load()
            bytes_ = np.asarray(turned(image), dtype=np.uint16)
        grey, alpha = 256 * bytes_[..., 0] + bytes_[..., 1], 256 * bytes_[..., 2] + bytes_[..., 3]
        return np.stack([grey, grey, grey, alpha], axis=2)
    with again() as image:
        _lay_out(image, _OTHER_BYTE[raw])
        image.load()
        lower = np.asarray(turned(image))
    opened.load()
    return 256 * np.asarray(turned(opened), dtype=np.uint16) + lower


def _layout(image: Any) -> str | None:
    """How the bytes of a pixel lie, in Pillow's words, where it is a layout of 16 bits a channel that is known here."""
    words = {tile.args[0] if isinstance(tile.args, tuple) else tile.args for tile in image.tile}
    if len(words) != 1:
        return None
    word = words.pop()
    if not isinstance(word, str):  # formats that need none
        return None
    if word.endswith("16N"):  # in the order of this machine
        word = word[:-1] + ("L" if sys.byteorder == "little" else "B")
    return word if word in _OTHER_BYTE or word == "LA;16B" else None


def _lay_out(image: Any, word: str) -> None:
    image.tile = [
        tile._replace(args=(word, *tile.args[1:]) if isinstance(tile.args, tuple) else word) for tile in image.tile
    ]


def png_of_16_bits(values: NDArray[np.uint16], profile: bytes | None) -> bytes:
    """A PNG file of ``(height, width, 3 or 4)``, every row stored as differences from the pixel on the left.

    Source: PNG (Portable Network Graphics) specification, third edition, W3C, sections 9.2 and 11.
    """
    height, width, channels = values.shape
    pixel = 2 * channels
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.ones((height, 1 + rows.shape[1]), dtype=np.uint8)  # filter 1, "Sub", at the head of each row
    filtered[:, 1 : 1 + pixel] = rows[:, :pixel]
    np.subtract(rows[:, pixel:], rows[:, :-pixel], out=filtered[:, 1 + pixel :])
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _COLOURS[channels], 0, 0, 0))]
    if profile is not None:
        parts.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    parts += [(b"IDAT", zlib.compress(filtered.tobytes(), 4)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
