"""Files of pictures: whatever Pillow reads, as numbers between 0 and 1, and back."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.solutions.storage import replacing

from .picture import Picture, by, checked_mask
from .png16 import deep_values, png_of_16_bits

__all__ = ["read_mask", "read_picture", "write_picture"]

_GREY = frozenset({"1", "L"})
_DEEP_GREY = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_WITH_ALPHA = frozenset({"RGBA", "LA", "La", "PA", "RGBa"})
_PRINTED = frozenset({"CMYK", "LAB"})
_MOST = 2**26
"""Pixels of a picture that is read: a fit of more would need more memory than most machines have."""
_FIRST = frozenset({"MPO"})
"""Photographs whose further frames are a preview, a second eye or a gain map."""


def read_picture(path: str | Path, *, frame: int | None = None) -> Picture:
    """Read any file that Pillow reads, turned the way its EXIF orientation says.

    Grey of 8 and 16 bits and of floats keeps its one channel and its depth, colours of 16 bits keep theirs in PNG and
    TIFF, palettes are looked up, transparency becomes a fourth channel, and every other colour space (CMYK, YCbCr,
    Lab) is converted to RGB, by the file's profile where it has one.  Values stay as they are stored: they are not made
    linear, and a profile of RGB or grey is kept beside them.

    Args:
        path: of the file.
        frame: which one of an animation or of several pages, from 0; None refuses a file that has more than one, but
            takes the first of photographs with a preview or a gain map (MPO).

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for what is no picture, is cut short, has values that are not finite or outside [0, 1], or more
            than 67 million pixels.
    """
    path = Path(path)
    pillow, _ = _pillow()
    if not path.is_file():
        if path.is_dir():
            raise ValueError(f"read_picture: '{path}' is a folder; name one of its pictures")
        raise FileNotFoundError(f"read_picture: there is no file '{path}'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pillow.DecompressionBombWarning)  # the limit here is lower
            return _read(path, frame)
    except pillow.UnidentifiedImageError:
        raise ValueError(
            f"read_picture: '{path}' is no picture that Pillow can read; give a PNG, JPEG, TIFF, WebP or the like"
            + _advice(path)
        ) from None
    except pillow.DecompressionBombError as error:
        raise ValueError(f"read_picture: '{path}' is too large: {error}") from None
    except (OSError, SyntaxError, EOFError) as error:  # Pillow raises SyntaxError for broken PNG
        raise ValueError(f"read_picture: '{path}' is damaged or cut short ({error}); save it again") from None


def _read(path: Path, frame: int | None) -> Picture:
    pillow, operations = _pillow()

    def opened() -> Any:
        image = pillow.open(path)
        try:
            _go_to(image, frame, path)
        except ValueError:
            image.close()
            raise
        return image

    with opened() as image:
        if image.width * image.height > _MOST:
            raise ValueError(
                f"read_picture: '{path}' is too large: {image.width} x {image.height} pixels, at most {_MOST:,} are "
                f"read; make it smaller first"
            )
        deep = deep_values(image, operations.exif_transpose, opened)
        profile = image.info.get("icc_profile") or None
        if deep is not None:
            return Picture(deep, path.stem, 16, _kept(profile, 3))
        image.load()
        turned = operations.exif_transpose(image)
        bits = 16 if turned.mode == "F" or turned.mode == "I" or turned.mode in _DEEP_GREY else 8
        if turned.mode in _PRINTED:
            return Picture(_numbers(_in_srgb(turned, profile), path), path.stem, bits)
        values = _numbers(turned, path)
        return Picture(values, path.stem, bits, _kept(profile, values.shape[2] if values.ndim == 3 else 1))


def _advice(path: Path) -> str:
    """What to do about kinds of file that many have and Pillow does not read."""
    suffix = path.suffix.lower()
    if suffix in (".heic", ".heif"):
        return "; save this HEIC file as JPEG or AVIF"
    if suffix in (".tif", ".tiff"):
        return "; a TIFF of floats must be grey, of 32 bits"
    if suffix in (".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2"):
        return "; develop this raw file first"
    return ""


def _kept(profile: bytes | None, channels: int) -> bytes | None:
    """A profile, where it is one of as many colours as the picture has."""
    return profile if profile is not None and profile[16:20] == (b"GRAY" if channels == 1 else b"RGB ") else None


def _in_srgb(image: Any, profile: bytes | None) -> Any:
    """CMYK or Lab as sRGB: by the file's profile, and CMYK without one by its complement."""
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
    except (ImageCms.PyCMSError, OSError):  # a profile that is broken, or of another colour space
        return image.convert("RGB")


def read_mask(path: str | Path, like: Picture) -> NDArray[np.bool_]:
    """Read which pixels are known: ``(height, width)``, true where the mask is brighter than middle grey.

    White is known; black, and what is transparent, is hidden and to be filled in.

    Raises:
        ValueError: for a mask of another size than the picture, or one that hides every pixel or none.
    """
    seen = read_picture(path)
    bright = seen.values[..., :3].mean(axis=2)
    bright = bright * seen.values[..., 3] if seen.channels == 4 else bright
    return checked_mask(bright > 0.5, like, owner=f"mask '{path}'")


def write_picture(path: str | Path, values: NDArray[Any], *, bits: int = 8, profile: bytes | None = None) -> Path:
    """Write values ``(height, width)`` or ``(height, width, channels)``, clipped to [0, 1], in the suffix's format.

    The file appears whole or not at all.

    Args:
        path: whose suffix says the format.
        values: between 0 and 1, of 1, 3 or 4 channels.
        bits: 8, or 16: colours of 16 bits as PNG only.
        profile: what the colours mean (ICC), for formats that hold it.

    Raises:
        ValueError: for a suffix that Pillow does not write, or a format that cannot hold the channels.
    """
    target = Path(path)
    pillow, _ = _pillow()
    array = np.asarray(values)
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ValueError(f"write_picture: `values` must be of 1, 3 or 4 channels, got shape {by(array.shape)}")
    deep = bits == 16 and array.ndim == 3
    if bits not in (8, 16) or (deep and target.suffix.lower() != ".png"):
        raise ValueError(
            f"write_picture: `bits` must be 8, or 16 for grey and for .png, got {bits} for shape {by(array.shape)} "
            f"and '{target.name}'"
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
            temporary.write_bytes(png_of_16_bits(whole, profile))
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


def _go_to(opened: Any, frame: int | None, path: Path) -> None:
    frames = 1 if frame is None and opened.format in _FIRST else int(getattr(opened, "n_frames", 1))
    if frame is None and frames > 1:
        raise ValueError(f"read_picture: '{path}' has {frames} frames; choose one with frame=0 (--frame 0)")
    if frame is not None and not 0 <= frame < frames:
        raise ValueError(f"read_picture: `frame` must be 0 to {frames - 1} for '{path}', got {frame}")
    if frame:
        opened.seek(frame)


def _numbers(image: Any, path: Path) -> NDArray[np.float32]:
    mode = image.mode
    if mode == "F":
        return np.asarray(image, dtype=np.float32)
    if mode in _DEEP_GREY or mode == "I":  # "I" holds 16 bits as well, in old PNG and in TIFF
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
