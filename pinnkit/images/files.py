"""Reading and writing of picture files through Pillow; values are floats in [0, 1]."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solutions.storage import replacing

from .picture import Picture, check_mask, shape_text
from .png16 import encode_16_bit_png, read_16_bit_values

__all__ = ["read_mask", "read_picture", "write_picture"]

_GREY = frozenset({"1", "L"})
_GREY_16 = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_WITH_ALPHA = frozenset({"RGBA", "LA", "La", "PA", "RGBa"})
_CONVERTED = frozenset({"CMYK", "LAB"})
_MAX_PIXELS = 2**26
"""Pixel limit of pictures that are read; a fit of more pixels exceeds the memory of most machines."""
_DAMAGE = (
    OSError,
    SyntaxError,
    EOFError,
    struct.error,
    zlib.error,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
)
"""Errors of Pillow for damaged files; SyntaxError is that of broken PNG."""
_FIRST_FRAME_ONLY = frozenset({"MPO"})
"""Formats of photographs whose further frames are a preview, a second eye or a gain map."""


def read_picture(path: str | Path, *, frame: int | None = None) -> Picture:
    """Read a picture file in any format that Pillow reads, rotated by its EXIF orientation.

    Grey of 8 or 16 bits or of floats keeps one channel and its depth; 16-bit colour is kept for PNG and TIFF; palettes
    are expanded; transparency becomes a fourth channel; other colour spaces (CMYK, YCbCr, Lab) are converted to RGB
    with the profile of the file if it has one.  Values stay as stored (not linearised).  A profile of RGB or grey is
    kept with them.

    Args:
        path: path of the file.
        frame: index of the frame of an animation or multi-page file, from 0.  None refuses files with several frames,
            except photographs with a preview or a gain map (MPO), whose first frame is read.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the file is not a picture, is truncated, has values that are not finite or outside [0, 1], or
            more than 67 million pixels.
    """
    path = Path(path)
    pillow, _ = _pillow()
    if not path.is_file():
        if path.is_dir():
            raise ValueError(f"read_picture: '{path}' is a folder; name one of its pictures")
        raise FileNotFoundError(f"read_picture: there is no file '{path}'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pillow.DecompressionBombWarning)  # a lower limit is checked below
            return _read(path, frame)
    except pillow.UnidentifiedImageError:
        raise ValueError(
            f"read_picture: '{path}' is no picture that Pillow can read; give a PNG, JPEG, TIFF, WebP or the like"
            + _advice(path)
        ) from None
    except pillow.DecompressionBombError as error:
        raise ValueError(f"read_picture: '{path}' is too large: {error}") from None
    except ValueError as error:
        if str(error).startswith("read_picture: "):
            raise
        raise ValueError(f"read_picture: '{path}': {error}") from None
    except _DAMAGE as error:
        raise ValueError(f"read_picture: '{path}' is damaged or cut short ({error}); save it again") from None


def _read(path: Path, frame: int | None) -> Picture:
    pillow, operations = _pillow()

    def opened() -> Any:
        image = pillow.open(path)
        try:
            _seek(image, frame, path)
        except ValueError:
            image.close()
            raise
        return image

    with opened() as image:
        if image.width * image.height > _MAX_PIXELS:
            raise ValueError(
                f"read_picture: '{path}' is too large: {image.width} x {image.height} pixels, at most {_MAX_PIXELS:,} "
                f"are read; make it smaller first"
            )
        deep = read_16_bit_values(image, operations.exif_transpose, opened)
        profile = image.info.get("icc_profile") or None
        if deep is not None:
            return Picture(deep, path.stem, 16, _matching_profile(profile, 3))
        image.load()
        turned = operations.exif_transpose(image)
        bits = 16 if turned.mode == "F" or turned.mode == "I" or turned.mode in _GREY_16 else 8
        if turned.mode in _CONVERTED:
            return Picture(_to_floats(_to_srgb(turned, profile), path), path.stem, bits)
        values = _to_floats(turned, path)
        return Picture(values, path.stem, bits, _matching_profile(profile, values.shape[2] if values.ndim == 3 else 1))


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


def _matching_profile(profile: bytes | None, channels: int) -> bytes | None:
    """The profile if its colour space matches the number of channels, else None."""
    return profile if profile is not None and profile[16:20] == (b"GRAY" if channels == 1 else b"RGB ") else None


def _to_srgb(image: Any, profile: bytes | None) -> Any:
    """Convert CMYK or Lab to sRGB: with the profile of the file, or CMYK without a profile by its complement."""
    from PIL import ImageCms

    try:
        given: Any
        if profile is not None:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        elif image.mode == "LAB":
            given = ImageCms.createProfile("LAB")
        else:
            return image.convert("RGB")
        return ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # broken profile, or another colour space
        return image.convert("RGB")


def read_mask(path: str | Path, like: Picture) -> NDArray[np.bool_]:
    """Read a mask of known pixels, ``(height, width)``: True where the mask is brighter than middle grey.

    White means known; black or transparent means hidden.

    Args:
        path: path of the mask.
        like: picture that the mask belongs to.

    Raises:
        ValueError: if the size differs from the picture, or if the mask hides all pixels or none.
    """
    seen = read_picture(path)
    bright = seen.values[..., :3].mean(axis=2)
    bright = bright * seen.values[..., 3] if seen.channels == 4 else bright
    return check_mask(bright > 0.5, like, owner=f"mask '{path}'")


def write_picture(path: str | Path, values: NDArray[Any], *, bits: int = 8, profile: bytes | None = None) -> Path:
    """Write values ``(height, width)`` or ``(height, width, channels)``, clipped to [0, 1].

    The file is written atomically (temporary file, then rename).

    Args:
        path: target path; its suffix selects the format.
        values: values in [0, 1] with 1, 3 or 4 channels.
        bits: 8 or 16 bits per channel; 16-bit colour is written as PNG only.
        profile: ICC profile, for formats that store one.

    Returns:
        The path.

    Raises:
        ValueError: if the suffix is not a format that Pillow writes, or the format cannot hold the channels.
    """
    target = Path(path)
    pillow, _ = _pillow()
    array = np.asarray(values)
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ValueError(f"write_picture: `values` must be of 1, 3 or 4 channels, got shape {shape_text(array.shape)}")
    deep = bits == 16 and array.ndim == 3
    if bits not in (8, 16) or (deep and target.suffix.lower() != ".png"):
        raise ValueError(
            f"write_picture: `bits` must be 8, or 16 for grey and for .png, got {bits} for shape "
            f"{shape_text(array.shape)} and '{target.name}'"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"write_picture: {int((~np.isfinite(array)).sum())} of the `values` are not finite")
    whole = np.rint(np.clip(array, 0, 1) * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    pillow.init()
    kind = pillow.registered_extensions().get(target.suffix.lower())
    if kind is None or kind not in pillow.SAVE:
        raise ValueError(
            f"write_picture: '{target}' must end in a format that Pillow writes, such as .png, .jpg or .tif"
        )
    with replacing(target) as temporary:
        if deep:
            temporary.write_bytes(encode_16_bit_png(whole, profile))
            return target
        options = {} if profile is None else {"icc_profile": profile}
        try:
            pillow.fromarray(whole).save(temporary, format=kind, **options)
        except OSError as error:
            raise ValueError(f"write_picture: {kind} cannot hold this picture ({error}); write a .png") from None
    return target


def _pillow() -> tuple[ModuleType, ModuleType]:
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "pictures are read by Pillow, which is not installed; pip install 'pinnkit[images]' installs it"
        ) from None
    return Image, ImageOps


def _seek(opened: Any, frame: int | None, path: Path) -> None:
    frames = 1 if frame is None and opened.format in _FIRST_FRAME_ONLY else int(getattr(opened, "n_frames", 1))
    if frame is None and frames > 1:
        raise ValueError(f"read_picture: '{path}' has {frames} frames; choose one with frame=0 (--frame 0)")
    if frame is not None and not 0 <= frame < frames:
        raise ValueError(f"read_picture: `frame` must be 0 to {frames - 1} for '{path}', got {frame}")
    if frame:
        opened.seek(frame)


def _to_floats(image: Any, path: Path) -> NDArray[np.float32]:
    mode = image.mode
    if mode == "F":
        return np.asarray(image, dtype=np.float32)
    if mode in _GREY_16 or mode == "I":  # mode "I" also holds 16-bit values, in old PNG and TIFF files
        whole = np.asarray(image).astype(np.int64)
        if whole.min() < 0 or whole.max() > 65535:
            raise ValueError(
                f"read_picture: '{path}' holds whole numbers from {whole.min()} to {whole.max()}; "
                f"grey must lie within 0 to 65535"
            )
        return (whole / 65535).astype(np.float32)
    transparent = mode in _WITH_ALPHA or "transparency" in image.info
    wanted = "RGBA" if transparent else "L" if mode in _GREY else "RGB"
    return np.asarray(image.convert(wanted), dtype=np.float32) / np.float32(255)
