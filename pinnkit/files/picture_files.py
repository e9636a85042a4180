"""Picture files opened by Pillow: sizes are checked before pixels are decoded, errors become one."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from .content import check_size
from .png_chunks import check_chunks
from .unreadable import UnreadableFile

__all__ = ["MAX_VALUES", "explained", "open_picture", "picture_size", "pillow_modules"]

MAX_VALUES = 80_000_000
"""Limit of width times height times channels; the values of more take a gigabyte while they are read."""
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "TGA", "QOI", "PCX", "SGI")
"""Formats of single pictures.  Left out are those whose readers run programs (EPS), decode a picture of another size
than is stated (ICO, ICNS), or are not made for files from strangers."""
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    MemoryError,
)
"""Errors of Pillow for damaged files; SyntaxError is that of broken PNG."""
_GREY, _COLOUR = ("1", "L", "I", "F"), ("RGB", "YCbCr", "LAB", "HSV")


@contextmanager
def explained(path: Path, reader: str = "") -> Iterator[None]:
    """Context in which errors and warnings of Pillow become one `UnreadableFile` each, or nothing."""
    pillow, _ = pillow_modules()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on odd tags; lower limits of sizes than its own are checked
            yield
    except (UnreadableFile, FileNotFoundError):
        raise
    except pillow.UnidentifiedImageError:
        words = "is no picture that Pillow can read; give a PNG, JPEG, TIFF, WebP or the like" + _advice(path)
        raise UnreadableFile(path, words, reader) from None
    except pillow.DecompressionBombError as error:
        raise UnreadableFile(path, f"is too large: {error}", reader) from None
    except _DAMAGE as error:
        words = f"is damaged or cut short ({' '.join(str(error).split())[:160]}); save it again"
        raise UnreadableFile(path, words, reader) from None


def open_picture(path: Path, *, frame: int | None = None, channels: int = 1, reader: str = "") -> Any:
    """Open a picture with Pillow, without decoding it.

    Args:
        path: the file.
        frame: index of the frame of an animation or multi-page file; None leaves the first one.
        channels: least number of channels that the pixels are expanded to.
        reader: as of `UnreadableFile`.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for more pixels than are read; other errors are those of Pillow, for `explained`.
    """
    pillow, _ = pillow_modules()
    check_size(path, reader=reader)
    pillow.init()
    opened = pillow.open(path, formats=[name for name in _FORMATS if name in pillow.OPEN])
    try:
        if opened.format == "PNG":
            check_chunks(path)
        if frame is not None:
            opened.seek(frame)
        if opened.width * opened.height * max(channels, _channels(opened)) > MAX_VALUES:
            raise UnreadableFile(
                path,
                f"is too large: {opened.width} x {opened.height} pixels, at most {MAX_VALUES:,} values are read, "
                f"{MAX_VALUES // 3:,} pixels in colour; make it smaller first",
                reader,
            )
    except BaseException:
        opened.close()
        raise
    return opened


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture, without decoding it.

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableFile: for a file that Pillow cannot read, or of more pixels than are read.
    """
    with explained(path), open_picture(path) as opened:
        width, height = opened.size
        return int(width), int(height)


def pillow_modules() -> tuple[ModuleType, ModuleType]:
    """`PIL.Image` and `PIL.ImageOps`.

    Raises:
        ModuleNotFoundError: where Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "pictures are read by Pillow, which is not installed; pip install 'pinnkit[images]' installs it"
        ) from None
    return Image, ImageOps


def _channels(opened: Any) -> int:
    """Most channels that the pixels are expanded to."""
    if "transparency" in opened.info:
        return 4
    mode = opened.mode.partition(";")[0]
    return 1 if mode in _GREY else 3 if mode in _COLOUR else 4


def _advice(path: Path) -> str:
    """Advice for file types that are common but not read by Pillow."""
    suffix = path.suffix.lower()
    if suffix in (".heic", ".heif"):
        return "; save this HEIC file as JPEG or AVIF"
    if suffix in (".tif", ".tiff"):
        return "; a TIFF of floats must be grey, of 32 bits"
    if suffix in (".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2"):
        return "; develop this raw file first"
    return ""
