"""Pictures: what Pillow reads, as numbers between 0 and 1, and back into files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pinnkit.storage import replacing

__all__ = ["KINDS", "Picture", "read_mask", "read_picture", "write_picture"]

KINDS: Mapping[int, str] = MappingProxyType({1: "grey", 3: "rgb", 4: "rgba"})
"""What a picture of so many channels is called, and what the unknown of its problem is."""
_GREY = frozenset({"1", "L"})
_DEEP_GREY = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_WITH_ALPHA = frozenset({"RGBA", "LA", "La", "PA", "RGBa"})


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as numbers.

    Args:
        values: ``(height, width, channels)``, float32 between 0 and 1, sRGB as stored in files, not linear light; 1
            channel is grey, 3 are red, green, blue, and a fourth is alpha (0 transparent), not multiplied in.
        name: of the file, without its suffix.
    """

    values: NDArray[Any]
    name: str = "picture"

    def __post_init__(self) -> None:
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
        """Numbers per pixel: 1, 3 or 4."""
        return self.values.shape[2]

    @property
    def kind(self) -> str:
        """What it is called: grey, rgb or rgba."""
        return KINDS[self.channels]

    def __repr__(self) -> str:
        return f"<{self.kind} picture '{self.name}', {self.width} x {self.height}>"


def read_picture(path: str | Path, *, frame: int | None = None) -> Picture:
    """Read any file that Pillow reads, turned the way its EXIF orientation says.

    Grey of 8 and 16 bits and of floats keeps its one channel and its depth, palettes are looked up, transparency
    becomes a fourth channel, and every other colour space (CMYK, YCbCr, Lab) is converted to RGB.

    Args:
        path: of the file.
        frame: which one of an animation or of several pages, from 0; None refuses a file that has more than one.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for what is no picture, is cut short, or has values that are not finite or outside [0, 1].
    """
    path = Path(path)
    pillow, operations = _pillow()
    if not path.is_file():
        raise FileNotFoundError(f"read_picture: there is no file '{path}'")
    try:
        with pillow.open(path) as opened:
            _go_to(opened, frame, path)
            opened.load()
            turned = operations.exif_transpose(opened)
            values = _numbers(turned, path)
    except pillow.UnidentifiedImageError:
        raise ValueError(
            f"read_picture: '{path}' is no picture that Pillow can read; give a PNG, JPEG, TIFF, WebP or the like"
        ) from None
    except pillow.DecompressionBombError as error:
        raise ValueError(f"read_picture: '{path}' is too large: {error}") from None
    except (OSError, SyntaxError, EOFError) as error:  # Pillow raises SyntaxError for broken PNG
        raise ValueError(f"read_picture: '{path}' is damaged or cut short ({error}); save it again") from None
    return Picture(values, path.stem)


def read_mask(path: str | Path, like: Picture) -> NDArray[np.bool_]:
    """Read which pixels are known: ``(height, width)``, true where the mask is brighter than middle grey.

    White is known, black is hidden and to be filled in.

    Raises:
        ValueError: for a mask of another size than the picture, or one that hides every pixel or none.
    """
    seen = read_picture(path)
    return checked_mask(seen.values[..., :3].mean(axis=2) > 0.5, like, owner=f"mask '{path}'")


def checked_mask(mask: ArrayLike, like: Picture, *, owner: str = "`mask`") -> NDArray[np.bool_]:
    """A mask as booleans, of the picture's size and with known and hidden pixels in it.

    Raises:
        ValueError: for anything else.
    """
    found = np.asarray(mask)
    if found.dtype != np.bool_:
        raise ValueError(f"{owner} must be booleans, True where a pixel is known, got {found.dtype}; use values > 0.5")
    if found.shape != (like.height, like.width):
        raise ValueError(
            f"{owner} must have the picture's {like.height} rows and {like.width} columns, got {_by(found.shape)}; "
            f"resize it without interpolation"
        )
    if not found.any():
        raise ValueError(f"{owner} hides every pixel: white must mark the pixels that are known; invert it")
    if found.all():
        raise ValueError(
            f"{owner} hides no pixel: black must mark the pixels to fill in; leave the mask out to fit all"
        )
    return found


def write_picture(path: str | Path, values: NDArray[Any], *, bits: int = 8) -> Path:
    """Write values ``(height, width)`` or ``(height, width, channels)``, clipped to [0, 1], in the suffix's format.

    The file appears whole or not at all.

    Args:
        path: whose suffix says the format.
        values: between 0 and 1, of 1, 3 or 4 channels.
        bits: 8, or 16 for grey pictures.

    Raises:
        ValueError: for a suffix that Pillow does not write, or a format that cannot hold the channels.
    """
    target = Path(path)
    pillow, _ = _pillow()
    array = np.asarray(values, dtype=np.float64)
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if bits not in (8, 16) or (bits == 16 and array.ndim != 2):
        raise ValueError(f"write_picture: `bits` must be 8, or 16 for grey, got {bits} for shape {_by(array.shape)}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ValueError(f"write_picture: `values` must be of 1, 3 or 4 channels, got shape {_by(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"write_picture: {int((~np.isfinite(array)).sum())} of the `values` are not finite")
    most = 2**bits - 1
    whole = np.rint(np.clip(array, 0, 1) * most).astype(np.uint8 if bits == 8 else np.uint16)
    pillow.init()
    kind = pillow.registered_extensions().get(target.suffix.lower())
    if kind is None or kind not in pillow.SAVE:
        raise ValueError(
            f"write_picture: '{target}' must end in a format that Pillow writes, such as .png, .jpg or .tif"
        )
    with replacing(target) as temporary:
        try:
            pillow.fromarray(whole).save(temporary, format=kind)
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
    frames = int(getattr(opened, "n_frames", 1))
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
    return (np.asarray(image.convert(wanted), dtype=np.float32) / 255).astype(np.float32)


def _checked(values: Any, owner: str) -> NDArray[np.float32]:
    given = np.asarray(values)
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
            f"{owner}: `values` must be (height, width) or (height, width, 1, 3 or 4), got {_by(given.shape)}"
        )
    if min(given.shape[:2]) < 2:
        raise ValueError(
            f"{owner}: there must be at least 2 x 2 pixels to fit a function to, got {_by(given.shape[:2])}"
        )
    if not np.isfinite(given).all():
        bad = int((~np.isfinite(given)).sum())
        raise ValueError(f"{owner}: {bad} values are nan or inf; set them to numbers, and hide them by a mask")
    if given.min() < 0 or given.max() > 1:
        raise ValueError(
            f"{owner}: values must lie between 0 and 1, got {given.min():.4g} to {given.max():.4g}; rescale them"
        )
    return np.array(given, dtype=np.float32)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"
