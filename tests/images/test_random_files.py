"""Properties of random picture files: what is written comes back; damaged files are refused or keep their size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pinnkit.images import read_picture, write_picture
from tests.damage import SETTINGS, Damage, byte_changes, damages, read_or_refused, truncations

seeds = st.integers(0, 2**31)
sides = st.integers(1, 20)


def values_of(seed: int, height: int, width: int, channels: int, bits: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, 2**bits, (height, width, channels))


@SETTINGS
@given(seeds, sides, sides, st.sampled_from([1, 3, 4]), st.sampled_from([8, 16]))
def test_a_random_png_comes_back_to_the_last_bit(seed: int, height: int, width: int, channels: int, bits: int) -> None:
    values = values_of(seed, max(height, 2), max(width, 2), channels, bits)
    found = read_picture(write_picture("a.png", values / (2**bits - 1), bits=bits))
    np.testing.assert_array_equal(np.rint(found.values * (2**bits - 1)), values)
    assert found.bits == bits


@SETTINGS
@given(seeds, sides, sides, st.sampled_from([1, 3, 4]), st.sampled_from(["tif", "webp", "bmp"]))
def test_formats_without_loss_bring_back_eight_bits(
    seed: int, height: int, width: int, channels: int, ending: str
) -> None:
    if ending in ("webp", "bmp"):
        channels = 3
    values = values_of(seed, max(height, 2), max(width, 2), channels, 8)
    Image.fromarray(values.astype(np.uint8).squeeze(2) if channels == 1 else values.astype(np.uint8)).save(
        f"a.{ending}", **({"lossless": True} if ending == "webp" else {})
    )
    np.testing.assert_array_equal(np.rint(read_picture(f"a.{ending}").values * 255), values)


def encoded(ending: str, mode: str = "RGB") -> bytes:
    y, x = np.mgrid[:17, :23]
    colours = np.stack([10 * x, 15 * y, 5 * x + 5 * y, 255 - 10 * x], axis=2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(colours[..., : len(mode)]).convert(mode).save(
        out, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending)
    )
    return out.getvalue()


def deep(channels: int) -> bytes:
    values = values_of(0, 17, 23, channels, 16)
    return write_picture("whole.png", values / 65535, bits=16).read_bytes()


FILES = {
    "png": ("png", lambda: encoded("png")),
    "transparent png": ("png", lambda: encoded("png", "RGBA")),
    "grey png of 16 bits": ("png", lambda: deep(1)),
    "png of 16 bits": ("png", lambda: deep(3)),
    "jpeg": ("jpg", lambda: encoded("jpg")),
    "tiff": ("tif", lambda: encoded("tif")),
    "webp": ("webp", lambda: encoded("webp")),
    "bmp": ("bmp", lambda: encoded("bmp")),
    "gif": ("gif", lambda: encoded("gif")),
}
PNGS = [kind for kind in FILES if "png" in kind]


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of Pillow, for EXIF and TIFF tags
@SETTINGS
@given(damages)
def test_a_damaged_picture_is_refused_or_has_values_in_range(kind: str, damage: Damage) -> None:
    ending, make = FILES[kind]
    path = Path(f"damaged.{ending}")
    path.write_bytes(damage(make()))
    picture = read_or_refused(read_picture, path)
    if picture is not None:
        assert np.isfinite(picture.values).all()
        assert picture.values.min() >= 0
        assert picture.values.max() <= 1


@pytest.mark.parametrize("kind", PNGS)
@SETTINGS
@given(byte_changes)
def test_checksums_of_png_find_every_change_of_the_values(kind: str, damage: Damage) -> None:
    ending, make = FILES[kind]
    data, path = make(), Path(f"damaged.{ending}")
    path.write_bytes(data)
    whole = read_picture(path)
    path.write_bytes(damage(data))
    found = read_or_refused(read_picture, path)
    if found is not None:  # changes that undo each other, or in a chunk that does not bear on the values
        np.testing.assert_array_equal(found.values, whole.values)


@pytest.mark.parametrize("kind", [*PNGS, "tiff", "bmp", "webp", "jpeg"])
@pytest.mark.filterwarnings("ignore::UserWarning")
@SETTINGS
@given(truncations)
def test_a_truncated_picture_is_refused_or_whole(kind: str, damage: Damage) -> None:
    ending, make = FILES[kind]
    data, path = make(), Path(f"damaged.{ending}")
    path.write_bytes(data)
    whole = read_picture(path)
    path.write_bytes(damage(data))
    found = read_or_refused(read_picture, path)
    if found is not None:  # padding or an end marker is cut off
        np.testing.assert_array_equal(found.values, whole.values)
