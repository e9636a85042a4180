"""Picture files: 16-bit depth, profiles, gain maps, masks, size limits."""

import functools
import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pinnkit.files import picture_files
from pinnkit.images import Picture, read_mask, read_picture, write_picture
from pinnkit.images.png16 import encode_16_bit_png
from pinnkit.images.quick import subsample, subsample_mask, subsample_stride

HEIGHT, WIDTH = 9, 14


def deep(channels: int) -> NDArray[np.uint16]:
    """Every value another one, the lower byte as lively as the upper."""
    return np.random.default_rng(channels).integers(0, 65536, (HEIGHT, WIDTH, channels), dtype=np.uint16)


@functools.cache
def srgb() -> bytes:  # once: a profile holds the second in which it was made
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def save_tiff(path: Path, values: NDArray[np.uint16]) -> None:
    """A TIFF of one strip, little-endian, of 16 bits a channel."""
    height, width, channels = values.shape
    short, long = 3, 4
    tags = [
        (256, long, 1, width), (257, long, 1, height), (258, short, channels, 0), (259, short, 1, 1),
        (262, short, 1, 2), (273, long, 1, 0), (274, short, 1, 1), (277, short, 1, channels),
        (278, long, 1, height), (279, long, 1, values.nbytes),
    ]  # fmt: skip
    if channels == 4:
        tags.append((338, short, 1, 2))  # the fourth is alpha, not multiplied in
    behind = 8 + 2 + 12 * len(tags) + 4
    places = {258: behind, 273: behind + 2 * channels}
    entries = b"".join(struct.pack("<HHII", tag, kind, n, places.get(tag, v)) for tag, kind, n, v in tags)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + struct.pack("<I", 0)
    path.write_bytes(head + struct.pack(f"<{channels}H", *[16] * channels) + values.astype("<u2").tobytes())


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colours_of_sixteen_bits_keep_all_of_them(channels: int, suffix: str, tmp_path: Path) -> None:
    values, path = deep(channels), tmp_path / f"a{suffix}"
    path.write_bytes(encode_16_bit_png(values, None)) if suffix == ".png" else save_tiff(path, values)
    with Image.open(path) as halved:
        assert np.asarray(halved).dtype == np.uint8  # what Pillow makes of it
    picture = read_picture(path)
    assert picture.bits == 16
    np.testing.assert_array_equal(np.rint(picture.values * 65535), values)


def test_deep_grey_with_alpha_keeps_all_bits(tmp_path: Path) -> None:
    values = deep(2)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 4, 0, 0, 0)), (b"IDAT", zlib.compress(rows))]
    whole = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in [*chunks, (b"IEND", b"")]
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(whole))
    found = np.rint(read_picture(tmp_path / "a.png").values * 65535)
    np.testing.assert_array_equal(found, values[..., [0, 0, 0, 1]])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_was_read_deep_is_written_deep(channels: int, tmp_path: Path) -> None:
    values = deep(channels)
    write_picture(tmp_path / "a.png", values / 65535, bits=16, profile=srgb() if channels > 1 else None)
    found = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(np.rint(found.values * 65535), values)
    assert found.profile == (srgb() if channels > 1 else None)
    assert found.bits == 16


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, -1), (8, 1)])
def test_deep_pictures_are_turned_as_others_are(orientation: int, turns: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    text = exif.tobytes()[6:]
    chunk = struct.pack(">I", len(text)) + b"eXIf" + text + struct.pack(">I", zlib.crc32(b"eXIf" + text))
    whole = encode_16_bit_png(deep(3), None)
    (tmp_path / "a.png").write_bytes(whole[:33] + chunk + whole[33:])  # behind the header
    found = read_picture(tmp_path / "a.png").values
    np.testing.assert_array_equal(np.rint(found * 65535), np.rot90(deep(3), turns))


def test_a_profile_is_kept_beside_the_values_and_written(tmp_path: Path) -> None:
    values = deep(3).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png", icc_profile=srgb())
    picture = read_picture(tmp_path / "a.png")
    assert picture.profile == srgb()
    np.testing.assert_array_equal(np.rint(picture.values * 255), values)  # as they are stored
    write_picture(tmp_path / "b.jpg", picture.values, profile=picture.profile)
    with Image.open(tmp_path / "b.jpg") as written:
        assert written.info["icc_profile"] == srgb()
    Image.fromarray(values).convert("L").save(tmp_path / "c.png", icc_profile=srgb())
    assert read_picture(tmp_path / "c.png").profile is None  # of three colours, for grey


def test_lab_becomes_the_srgb_that_it_was_made_of(tmp_path: Path) -> None:
    colours = np.full((4, 5, 3), (200, 120, 60), dtype=np.uint8)
    made, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    ImageCms.profileToProfile(Image.fromarray(colours), made, lab, outputMode="LAB").save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_picture(tmp_path / "a.tif").values * 255, colours, atol=3)


def test_of_a_photograph_with_a_gain_map_the_photograph_is_taken(tmp_path: Path) -> None:
    photo, small = np.full((16, 24, 3), 90, dtype=np.uint8), np.full((8, 12, 3), 200, dtype=np.uint8)
    Image.fromarray(photo).save(tmp_path / "a.mpo", save_all=True, append_images=[Image.fromarray(small)])
    (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as opened:
        assert opened.format == "MPO"
    np.testing.assert_allclose(read_picture(tmp_path / "a.jpg").values * 255, photo, atol=1)
    assert read_picture(tmp_path / "a.jpg", frame=1).values.shape == (8, 12, 3)


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(deep(3).astype(np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setattr(picture_files, "MAX_VALUES", 3 * HEIGHT * WIDTH - 1)
    with pytest.raises(ValueError, match=f"too large: {WIDTH} x {HEIGHT} pixels.*make it smaller"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize(("name", "words"), [("a.heic", "save this HEIC file as JPEG"), ("a.dng", "develop this raw")])
def test_files_that_cameras_write_and_nobody_here_reads_come_with_advice(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    with pytest.raises(ValueError, match=re.escape(words)):
        read_picture(tmp_path / name)


def test_what_is_transparent_in_a_mask_is_hidden(tmp_path: Path) -> None:
    mask = np.full((HEIGHT, WIDTH, 4), 255, dtype=np.uint8)
    mask[2, 3, 3] = 0
    mask[4, 5, :3] = 0
    Image.fromarray(mask).save(tmp_path / "m.png")
    known = read_mask(tmp_path / "m.png", Picture(deep(3)))
    assert [tuple(at) for at in np.argwhere(~known)] == [(2, 3), (4, 5)]


def test_colours_of_sixteen_bits_are_written_as_png_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"16 for grey and for \.png, got 16 .* 'a\.tif'"):
        write_picture(tmp_path / "a.tif", deep(3) / 65535, bits=16)


def test_a_look_has_few_pixels_of_picture_mask_and_finer_truth_alike() -> None:
    y, x = np.mgrid[:427, :640].astype(float)
    picture = Picture(np.stack([x / 640, y / 427, 0 * x], 2))
    finer = Picture(np.kron(picture.values, np.ones((2, 2, 1))))
    stride = subsample_stride(picture)
    small, truth = subsample(picture, stride), subsample(finer, stride, picture)
    assert stride == 3
    assert small is not None
    assert truth is not None
    assert small.values.shape == (142, 213, 3)
    assert truth.values.shape == (284, 426, 3)
    assert subsample_mask(x > 5, stride).shape == (142, 213)
    np.testing.assert_array_equal(small.values[:, :, 0], (x / 640)[:426:3, :639:3].astype(np.float32))
    assert subsample(Picture(np.ones((500, 700))), stride, picture) is None
    assert subsample_stride(Picture(np.ones((2, 3)))) == 1
    assert subsample_stride(Picture(np.ones((5, 4000)))) == 2  # two rows are left
    assert subsample(picture, 1) is picture


def test_a_file_that_lies_about_its_profile_is_read_all_the_same(tmp_path: Path) -> None:
    image = Image.fromarray(deep(3).astype(np.uint8)).convert("CMYK")
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", icc_profile=b"no profile at all" * 20)
    (tmp_path / "a.tif").write_bytes(buffer.getvalue())
    found = read_picture(tmp_path / "a.tif")
    assert found.kind == "rgb"
    assert found.profile is None
