"""Pictures: files, pixel coordinates, quality measures, baselines."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pinnkit.images import (
    Picture,
    Pixels,
    bicubic,
    bicubic_at,
    check_mask,
    downsample,
    gradients,
    image_preset,
    image_problem,
    inpaint_linear,
    integrate_gradients,
    low_pass,
    psnr,
    quality,
    read_mask,
    read_picture,
    ssim,
    write_picture,
)

HEIGHT, WIDTH = 7, 12  # different, so that an exchanged row and column shows


def ramp(channels: int = 3, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Every pixel and channel different, brighter to the right and below."""
    y, x, c = np.mgrid[:height, :width, :channels]
    return (20 * x + 2 * y + c).astype(np.uint8)


# files --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mode", "channels", "suffix"),
    [
        ("L", 1, ".png"),
        ("RGB", 3, ".png"),
        ("RGBA", 4, ".png"),
        ("RGB", 3, ".bmp"),
        ("RGB", 3, ".tif"),
        ("RGB", 3, ".webp"),
        ("CMYK", 3, ".tif"),
        ("P", 3, ".gif"),
        ("1", 1, ".png"),
        ("LA", 4, ".png"),
        ("YCbCr", 3, ".jpg"),
    ],
)
def test_every_mode_that_pillow_reads_becomes_one_three_or_four_channels(
    mode: str, channels: int, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    source = Image.fromarray(ramp(4 if mode in ("RGBA", "LA") else 3))
    source.convert("L").convert(mode).save(path) if mode in ("1", "P") else source.convert(mode).save(path, quality=100)
    picture = read_picture(path)
    assert picture.values.shape == (HEIGHT, WIDTH, channels)
    assert picture.values.dtype == np.float32
    assert picture.name == "a"


def test_rows_are_y_and_columns_are_x_and_colours_are_kept_exactly(tmp_path: Path) -> None:
    Image.fromarray(ramp()).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert (picture.height, picture.width) == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(picture.values * 255, ramp().astype(np.float32))


def test_sixteen_bits_of_grey_keep_their_depth(tmp_path: Path) -> None:
    deep = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) * 700 + 3).astype(np.uint16)
    for suffix in (".png", ".tif"):
        Image.fromarray(deep).save(tmp_path / f"a{suffix}")
        np.testing.assert_allclose(read_picture(tmp_path / f"a{suffix}").values[..., 0] * 65535, deep, atol=1e-2)


def test_the_orientation_of_exif_is_followed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.fromarray(ramp()).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert (picture.height, picture.width) == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(np.rint(picture.values * 255), np.rot90(ramp(), -1))


def test_transparency_of_a_palette_becomes_a_fourth_channel(tmp_path: Path) -> None:
    image = Image.fromarray(ramp(1)[..., 0]).convert("P")
    image.save(tmp_path / "a.png", transparency=0)
    assert read_picture(tmp_path / "a.png").kind == "rgba"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_is_written_is_read_back_to_half_a_step_and_nothing_else_is_left(channels: int, tmp_path: Path) -> None:
    values = ramp(channels) / 255 + 0.001
    write_picture(tmp_path / "a.png", values)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    np.testing.assert_allclose(read_picture(tmp_path / "a.png").values, values, atol=0.5 / 255 + 1e-6)


def test_values_beyond_the_range_are_clipped_and_grey_may_have_sixteen_bits(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", np.array([[-1.0, 0.25], [0.5, 2.0]]), bits=16)
    found = read_picture(tmp_path / "a.png").values[..., 0]
    np.testing.assert_allclose(found, [[0, 0.25], [0.5, 1]], atol=1e-5)


# bad input ----------------------------------------------------------------------------------------------------------
def _save(path: Path, array: NDArray[np.uint8]) -> Path:
    Image.fromarray(array).save(path)
    return path


def _corrupt(folder: Path) -> None:
    path = _save(folder / "a.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    read_picture(path)


def _empty(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"")
    read_picture(folder / "a.png")


def _text(folder: Path) -> None:
    (folder / "a.png").write_text("no picture", encoding="utf-8")
    read_picture(folder / "a.png")


def _animated(folder: Path) -> None:
    frames = [Image.fromarray(ramp() + np.uint8(9 * k)) for k in range(3)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    assert read_picture(folder / "a.gif", frame=2).values.shape == (HEIGHT, WIDTH, 3)
    read_picture(folder / "a.gif")


def _huge(folder: Path) -> None:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60000, 60000, 8, 2, 0, 0, 0)
    (folder / "a.png").write_bytes(header + b"\0" * 64)
    read_picture(folder / "a.png")


PICTURE = Picture(ramp(), "p")
NAN = np.full((4, 4), np.nan)

BAD = {
    "a folder": (lambda d: read_picture(d), ValueError, "is a folder"),
    "a file that is not there": (lambda d: read_picture(d / "no.png"), FileNotFoundError, "there is no file"),
    "a corrupt file": (_corrupt, ValueError, "damaged or cut short"),
    "an empty file": (_empty, ValueError, "no picture that Pillow can read"),
    "a text file": (_text, ValueError, "no picture that Pillow can read"),
    "an animation": (_animated, ValueError, "several frames; choose one with frame=0"),
    "a huge file": (_huge, ValueError, "too large|damaged|no picture"),
    "nan": (lambda _: Picture(NAN), ValueError, "16 values are nan or inf"),
    "values up to 255": (lambda _: Picture(np.full((4, 4), 255.0)), ValueError, "between 0 and 1, got 255"),
    "integers of no known range": (lambda _: Picture(np.ones((4, 4), int)), ValueError, "or uint8 or uint16, got int"),
    "one pixel": (lambda d: read_picture(_save(d / "a.png", ramp(3, 1, 1))), ValueError, "at least 2 x 2 pixels"),
    "two channels": (lambda _: Picture(np.zeros((4, 4, 2))), ValueError, "got 4 x 4 x 2"),
    "a mask of another size": (
        lambda d: read_mask(_save(d / "m.png", ramp(1, WIDTH, HEIGHT)[..., 0]), PICTURE),
        ValueError,
        "7 rows and 12 columns, got 12 x 7",
    ),
    "a mask that hides all": (
        lambda _: image_problem(PICTURE, mask=np.zeros((HEIGHT, WIDTH), bool)),
        ValueError,
        "hides every pixel",
    ),
    "a mask that hides nothing": (
        lambda _: image_problem(PICTURE, mask=np.ones((HEIGHT, WIDTH), bool)),
        ValueError,
        "hides no pixel",
    ),
    "a mask of numbers": (lambda _: check_mask(np.ones((HEIGHT, WIDTH)), PICTURE), ValueError, "must be booleans"),
    "a truth of another shape": (
        lambda _: image_problem(PICTURE, truth=Picture(ramp(3, 14, 12))),
        ValueError,
        "same multiple of both, got 12 x 14",
    ),
    "a grey truth": (lambda _: image_problem(PICTURE, truth=Picture(ramp(1))), ValueError, "must be rgb"),
    "a scale of zero": (lambda _: Pixels(4, 4).ticks(0), ValueError, "`scale` must be a positive number"),
    "a scale that leaves nothing": (lambda _: Pixels(4, 4).ticks(0.1), ValueError, "leaves no pixel"),
    "an unknown field": (lambda _: image_preset("gird", 8, 8), ValueError, "one of grid, hash, siren"),
    "an unknown suffix": (lambda d: write_picture(d / "a.xyz", ramp() / 255), ValueError, "that Pillow writes"),
    "nan to write": (lambda d: write_picture(d / "a.png", NAN), ValueError, "16 of the `values` are not finite"),
    "alpha in a jpeg": (lambda d: write_picture(d / "a.jpg", ramp(4) / 255), ValueError, "cannot hold"),
    "gradients of two pictures": (
        lambda _: integrate_gradients(np.zeros((4, 4, 1)), np.zeros((4, 4, 1))),
        ValueError,
        "differences along x",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("default")  # Pillow warns of large files before it refuses them
def test_bad_input_is_refused_in_words_that_tell_the_repair(case: str, tmp_path: Path) -> None:
    call, kind, words = BAD[case]
    with pytest.raises(kind, match=words):
        call(tmp_path)


# where pixels are ---------------------------------------------------------------------------------------------------
def test_centres_are_halves_by_default_and_whole_numbers_where_corners_are_aligned() -> None:
    x, y = Pixels(HEIGHT, WIDTH).centres()
    assert x.shape == y.shape == (HEIGHT, WIDTH)
    assert (x[2, 5], y[2, 5]) == (5.5, 2.5)
    x, y = Pixels(HEIGHT, WIDTH, align_corners=True).centres()
    assert (x[2, 5], y[2, 5]) == (5.0, 2.0)
    assert (x.max(), y.max()) == (WIDTH - 1, HEIGHT - 1)


def test_the_mean_of_the_fine_centres_in_a_pixel_is_its_centre() -> None:
    pixels = Pixels(HEIGHT, WIDTH)
    for coarse, fine in zip(pixels.ticks(), pixels.ticks(3), strict=True):
        np.testing.assert_allclose(fine.reshape(-1, 3).mean(axis=1), coarse, rtol=1e-12)


def test_pixels_are_made_again_from_their_facts() -> None:
    pixels = Pixels(HEIGHT, WIDTH, align_corners=True)
    assert Pixels.of(pixels.facts) == pixels


# quality and rivals -------------------------------------------------------------------------------------------------
def test_psnr_of_a_known_difference_and_on_chosen_pixels_alone() -> None:
    truth = np.full((8, 9, 3), 0.5)
    found = truth + 0.1
    assert psnr(found, truth) == pytest.approx(20.0)
    where = np.zeros((8, 9), bool)
    where[2, 3] = True
    found[2, 3] = 0.51
    assert psnr(found, truth, where) == pytest.approx(40.0)
    assert psnr(np.full_like(truth, 7.0), np.ones_like(truth)) == np.inf  # a screen shows white


def test_ssim_is_one_for_equal_pictures_and_less_for_blurred_ones() -> None:
    truth = np.random.default_rng(0).random((16, 20, 3))
    assert ssim(truth, truth) == pytest.approx(1.0)
    assert ssim(truth * 0.5 + 0.25, truth) < 0.95
    assert np.isfinite(ssim(truth[:5, :4], truth[:5, :4]))


def test_bicubic_agrees_with_pillow_and_keeps_cubics_where_it_should() -> None:
    values = np.random.default_rng(0).random((HEIGHT, WIDTH, 1))
    ours = bicubic(values, 2)
    plane = Image.fromarray(values[..., 0].astype(np.float32))
    pillow = np.asarray(plane.resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(ours[4:-4, 4:-4, 0], pillow[4:-4, 4:-4], atol=1e-6)  # they differ beyond the border
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    quadratic = (x**2 + x * y)[..., None].astype(float)  # convolution with a = -1/2 is exact for these
    np.testing.assert_allclose(bicubic_at(quadratic, np.array([3.3]), np.array([6.7])), 6.7**2 + 6.7 * 3.3, rtol=1e-12)


def test_bicubic_with_aligned_corners_keeps_the_corners() -> None:
    values = np.random.default_rng(0).random((5, 8, 1))
    finer = bicubic(values, 3, align_corners=True)
    np.testing.assert_allclose(
        finer[[0, 0, -1, -1], [0, -1, 0, -1]], values[[0, 0, -1, -1], [0, -1, 0, -1]], rtol=1e-12
    )


def test_linear_filling_is_exact_for_planes_and_keeps_what_is_known() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    plane = ((x + 2 * y) / 40)[..., None]
    known = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.5
    known[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    np.testing.assert_allclose(inpaint_linear(plane, known), plane, atol=1e-12)
    alone = np.zeros_like(known)
    alone[1, 2] = True
    assert np.ptp(inpaint_linear(plane, alone)) == 0.0


def test_the_sparse_poisson_equation_gives_a_picture_back_from_its_differences() -> None:
    values = np.random.default_rng(0).random((HEIGHT, WIDTH, 3))
    found = integrate_gradients(*gradients(values))
    np.testing.assert_allclose(found, values - values.mean(axis=(0, 1)), atol=1e-12)


def test_all_frequencies_give_the_picture_and_few_are_counted() -> None:
    values = np.random.default_rng(0).random((HEIGHT, WIDTH, 3))
    np.testing.assert_allclose(low_pass(values, values.size)[0], values, atol=1e-12)
    assert abs(low_pass(values, 60)[1] - 60) <= 6


def test_blocks_are_averaged_and_what_fills_none_is_left_out() -> None:
    values = np.arange(7 * 5, dtype=float).reshape(7, 5, 1)
    assert downsample(values, 2).shape == (3, 2, 1)
    assert downsample(values, 2)[0, 0, 0] == np.mean([0, 1, 5, 6])


def test_scores_of_bands_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    truth = generator.random((61, 40, 3))
    found, where = truth + 0.1 * generator.standard_normal(truth.shape), generator.random((61, 40)) < 0.4
    whole = [score(found, truth, w) for score in (psnr, ssim) for w in (None, where)]
    for pixels in (40 * 9, 1):
        monkeypatch.setattr(quality, "_BAND", pixels)
        bands = [score(found, truth, w) for score in (psnr, ssim) for w in (None, where)]
        np.testing.assert_allclose(bands, whole, rtol=1e-12)
