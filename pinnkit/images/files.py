"""Reading and writing of picture files through Pillow; values are floats in [0, 1]."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pinnkit.files.picture_files import explained, open_picture, pillow_modules
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.solutions.files import replacing

from .picture import Picture, check_mask, shape_text
from .png16 import encode_16_bit_png, read_16_bit_values

__all__ = ["read_mask", "read_picture", "write_picture"]

_GREY = frozenset({"1", "L"})
_GREY_16 = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_WITH_ALPHA = frozenset({"RGBA", "LA", "La", "PA", "RGBa"})
_CONVERTED = frozenset({"CMYK", "LAB"})
_READER = "read_picture"
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
        UnreadableFile: if the file is not a picture, is truncated, has values that are not finite or outside [0, 1],
            or more than 80 million values (pixels times channels).
    """
    path = Path(path)
    if not path.is_file():
        if path.is_dir():
            raise UnreadableFile(path, "is a folder; name one of its pictures", _READER)
        raise FileNotFoundError(f"read_picture: there is no file '{path}'")
    if frame is not None and frame < 0:
        raise ValueError(f"read_picture: `frame` must be a number from 0, got {frame}")
    with explained(path, _READER):
        values, bits, profile = _read(path, frame)
    try:
        return Picture(values, path.stem, bits, profile)
    except ValueError as error:
        raise UnreadableFile(path, f"cannot be used: {error}", _READER) from None


def _read(path: Path, frame: int | None) -> tuple[NDArray[Any], int, bytes | None]:
    """Values, bits per channel, and colour profile."""
    _, operations = pillow_modules()

    def opened() -> Any:
        try:
            return open_picture(path, frame=frame, reader=_READER)
        except EOFError:
            raise UnreadableFile(path, f"has no frame {frame}; frames count from 0", _READER) from None

    with opened() as image:
        several = image.format not in _FIRST_FRAME_ONLY and bool(getattr(image, "is_animated", False))
        if frame is None and several:
            raise UnreadableFile(path, "has several frames; choose one with frame=0 (--frame 0)", _READER)
        deep = read_16_bit_values(image, operations.exif_transpose, opened)
        profile = image.info.get("icc_profile") or None
        if deep is not None:
            return deep, 16, _matching_profile(profile, 3)
        image.load()
        turned = operations.exif_transpose(image)
        bits = 16 if turned.mode == "F" or turned.mode == "I" or turned.mode in _GREY_16 else 8
        if turned.mode in _CONVERTED:
            return _to_array(_to_srgb(turned, profile), path), bits, None
        values = _to_array(turned, path)
        return values, bits, _matching_profile(profile, values.shape[2] if values.ndim == 3 else 1)


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
    pillow, _ = pillow_modules()
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


def _to_array(image: Any, path: Path) -> NDArray[Any]:
    """Floats, or integers of 8 or 16 bits."""
    mode = image.mode
    if mode == "F":
        return np.asarray(image, dtype=np.float32)
    if mode in _GREY_16 or mode == "I":  # mode "I" also holds 16-bit values, in old PNG and TIFF files
        whole = np.asarray(image)
        if whole.min() < 0 or whole.max() > 65535:
            raise UnreadableFile(
                path,
                f"holds whole numbers from {whole.min()} to {whole.max()}; grey must lie within 0 to 65535",
                _READER,
            )
        return whole.astype(np.uint16)
    transparent = mode in _WITH_ALPHA or "transparency" in image.info
    wanted = "RGBA" if transparent else "L" if mode in _GREY else "RGB"
    return np.asarray(image if mode == wanted else image.convert(wanted))
