"""Super-resolution: the term of pixel means, and PSNR above bicubic interpolation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pinnkit.cli import run
from pinnkit.images import Picture, downsample, image_problem, psnr_monitor, super_resolution_preset
from pinnkit.images.pixel_integrals import PixelSquares
from pinnkit.solutions.residual_values import residuals
from pinnkit.solvers import solve

HEIGHT, WIDTH = 40, 56


def drawn() -> NDArray[np.float64]:
    """Smooth shading, a bright disc and a slanted dark bar, with edges of a pixel or less."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    shade = 0.4 + 0.2 * np.sin(x / 11) * np.cos(y / 9)
    disc = 0.3 / (1 + np.exp(4 * (np.hypot(x - 18, y - 22) - 9)))
    bar = -0.35 / (1 + np.exp(np.clip(4 * (np.abs(x - 1.2 * y - 14) - 6), -50, 50)))
    return np.clip(np.stack([shade + disc, shade + bar, shade + disc + bar], axis=2), 0, 1)


def test_a_linear_field_with_the_means_of_the_pixels_leaves_nothing_and_its_shift_does() -> None:
    known = np.random.default_rng(0).random((5, 7)) < 0.6
    x, y = np.meshgrid(np.arange(7) + 0.5, np.arange(5) + 0.5)
    picture = Picture((0.1 + 0.02 * x + 0.05 * y)[..., None])
    problem = image_problem(picture, mask=known, means=True, curvature_weight=0)
    points = problem.terms[0].sample(50, torch.Generator().manual_seed(0))
    assert points[0].coords.shape == (200, 2)
    cells = points[0].coords.floor().long()
    assert bool(torch.from_numpy(known)[cells[:, 1], cells[:, 0]].all())

    class Plane(torch.nn.Module):
        def __init__(self, shift: float) -> None:
            super().__init__()
            self.shift = shift

        def forward(self, coords: torch.Tensor) -> torch.Tensor:
            return (0.1 + 0.02 * (coords[:, 0] + self.shift) + 0.05 * coords[:, 1])[:, None]

    exact, shifted = (residuals(problem, Plane(s), {"data": points})["data"] for s in (0.0, 0.5))
    assert float(exact.abs().max()) < 1e-6
    assert float(shifted.min()) > 0.009


def test_a_pixel_is_seen_at_the_middles_of_its_quarters() -> None:
    squares = PixelSquares(Picture(drawn()), np.ones((HEIGHT, WIDTH), dtype=bool))
    points = squares.points_of(torch.tensor([2 * WIDTH + 3]))
    expected = [[3.25, 2.25], [3.25, 2.75], [3.75, 2.25], [3.75, 2.75]]
    torch.testing.assert_close(points.coords, torch.tensor(expected, dtype=torch.float64))
    np.testing.assert_allclose(points.columns["rgb_data"][0], drawn()[2, 3], atol=1e-7)


def test_what_is_fitted_by_means_is_finer_than_bicubic_and_what_by_centres_is_not() -> None:
    truth = Picture(drawn(), "drawn")
    coarse = Picture(downsample(truth.values, 2), "drawn")
    above = {}
    for means in (True, False):
        problem = image_problem(
            coarse, truth=truth, means=means, plan=super_resolution_preset(coarse.width, coarse.height)
        )
        solution = solve(problem, seed=1, device="cpu", monitor=psnr_monitor(problem, every=100))
        above[means] = problem.metrics["psnr_finer"](solution) - problem.metrics["psnr_finer_bicubic"](solution)
        shown = solution.history.measures["psnr"]
        assert shown[np.isfinite(shown)][-1] == pytest.approx(problem.metrics["psnr"](solution), abs=0.5)
    assert above[True] > LEAST > above[False]


LEAST = 0.5


def test_points_have_no_means() -> None:
    with pytest.raises(ValueError, match=r"`align_corners` pixels are points.*leave one out"):
        image_problem(Picture(drawn()), means=True, align_corners=True)


@pytest.mark.parametrize(
    ("arguments", "pixel"),
    [(["--scale", "2"], "mean"), (["--scale", "2", "--centres"], "centre"), ([], "centre"), (["--means"], "mean")],
)
def test_the_command_takes_means_where_a_finer_picture_is_asked_for(
    arguments: list[str], pixel: str, tmp_path: Path
) -> None:
    Image.fromarray(np.rint(drawn() * 255).astype(np.uint8)).save(tmp_path / "a.png")
    assert run(["fit", "a.png", "--steps", "3", "--no-figures", "--out", "o", *arguments]) == 0
    summary = (tmp_path / "o" / "summary.json").read_text(encoding="utf-8")
    assert f'"pixel": "{pixel}"' in summary
    side = HEIGHT * (2 if "--scale" in arguments else 1)
    assert np.asarray(Image.open(tmp_path / "o" / "picture.png")).shape[0] == side
