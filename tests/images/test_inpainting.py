"""Inpainting: presets beside linear interpolation, and the curvature term."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pinnkit.cli import run
from pinnkit.domains import Box
from pinnkit.fields import MultilevelGrid, Siren
from pinnkit.images import IMAGE_PRESETS, Picture, image_preset, image_problem
from pinnkit.images.curvature import CollinearTriples, curvature_term
from pinnkit.images.inpainting import default_curvature_weight, share_beyond_reach
from pinnkit.images.presets.networks import GaussPreset
from pinnkit.problem.problem import Problem
from pinnkit.solutions.residual_values import residuals
from pinnkit.solvers import solve

HEIGHT, WIDTH = 40, 56


def drawn() -> NDArray[np.float64]:
    """Smooth shading, a bright disc and a slanted dark bar: edges in every direction."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    shade = 0.4 + 0.2 * np.sin(x / 11) * np.cos(y / 9)
    disc = 0.3 / (1 + np.exp(np.hypot(x - 18, y - 22) - 9))
    bar = -0.35 / (1 + np.exp(2 * np.abs(x - 1.2 * y - 14) - 8))
    return np.clip(np.stack([shade + disc, shade + bar, shade + disc + bar], axis=2), 0, 1)


LEAST = {"grid": 2.4, "hash": 1.5, "siren": 1, "gauss": 1.5, "fourier": -1, "wire": -2, "positional": -2.5}
"""dB above linear interpolation after few steps.  The settings for whole pictures and no curvature, after as many: grid
1.9, hash -1.3, gauss -10, wire -14, positional -7."""


@pytest.mark.parametrize("word", IMAGE_PRESETS.words)
def test_every_field_fills_hidden_pixels_about_as_well_as_triangles(word: str) -> None:
    """A picture of 2,240 pixels of which one in four is known, drawn by a seed, and fewer steps than a fit takes."""
    known = np.random.default_rng(5).random((HEIGHT, WIDTH)) < 0.25
    plan = image_preset(word, WIDTH, HEIGHT, int(known.sum()))
    plan = plan.with_first(solvers=(replace(plan.first.solvers[0], steps=250, batch=128),))
    problem = image_problem(Picture(drawn()), mask=known, plan=plan)
    solution = solve(problem, seed=3, device="cpu")
    above = problem.metrics["psnr_hidden"](solution) - problem.metrics["psnr_hidden_linear"](solution)
    assert above > LEAST[word]


def test_words_for_holes_are_those_for_whole_pictures() -> None:
    assert list(IMAGE_PRESETS.words) == ["grid", "hash", "siren", "fourier", "positional", "gauss", "wire"]
    assert image_preset("gauss", 30, 20, 60) == GaussPreset().inpaint(30, 20, 60)
    assert image_preset("gauss", 30, 20, 600) == image_preset("gauss", 30, 20) != GaussPreset().inpaint(30, 20, 600)
    with pytest.raises(ValueError, match=r"one of grid, hash, siren.*got 'gird'"):
        image_preset("gird", 30, 20, 60)


def test_only_grids_are_told_to_bend_little_and_only_where_pixels_are_hidden() -> None:
    picture, known = Picture(drawn()), np.ones((HEIGHT, WIDTH), dtype=bool)
    known[::2] = False
    grid = image_preset("grid", WIDTH, HEIGHT, int(known.sum()))
    names = {
        "whole": [t.name for t in image_problem(picture).terms],
        "hidden, network": [t.name for t in image_problem(picture, mask=known).terms],
        "hidden, grid": [t.name for t in image_problem(picture, mask=known, plan=grid).terms],
        "not wanted": [t.name for t in image_problem(picture, mask=known, plan=grid, curvature_weight=0).terms],
        "wanted": [t.name for t in image_problem(picture, curvature_weight=0.2).terms],
    }
    bent = {key for key, found in names.items() if "curvature" in found}
    assert bent == {"hidden, grid", "wanted"}
    assert (
        default_curvature_weight(MultilevelGrid(), 0.1)
        > default_curvature_weight(MultilevelGrid(), 0.5)
        > 0
        == default_curvature_weight(Siren(), 0.1)
    )
    with pytest.raises(ValueError, match=r"`curvature_weight` must be a weight of at least 0.*got -1"):
        image_problem(picture, curvature_weight=-1)


def test_pixels_far_inside_a_hole_are_said_to_be_a_guess(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = np.ones((60, 80), dtype=bool)
    assert share_beyond_reach(known) == 0
    known[::3] = False
    assert share_beyond_reach(known) == 0
    known[10:50, 20:60] = False
    assert 0.1 < share_beyond_reach(known) < 0.5
    rough = np.random.default_rng(0).random((60, 80, 3))
    Image.fromarray(np.rint(rough * 255).astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(known).save(tmp_path / "m.png")
    assert run(["fit", "a.png", "--mask", "m.png", "--steps", "2", "--no-figures", "--out", "o"]) == 0
    assert "over 8 pixels from a known one: a guess" in " ".join(capsys.readouterr().out.split())


# the term -------------------------------------------------------------------------------------------------------------
BOX = Box(x=(0, 6), y=(0, 4))


def bends(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], step: float = 0.5) -> NDArray[np.float64]:
    """The rows of the curvature of a function of x and y."""
    problem = Problem("p", BOX, "grey", [curvature_term("grey", BOX, step=step, weight=1.0, points=64)])

    class Plain(torch.nn.Module):
        def forward(self, coords: torch.Tensor) -> torch.Tensor:
            return function(coords[:, 0], coords[:, 1])[:, None]

    (points,) = problem.terms[0].sample(64, torch.Generator().manual_seed(0))
    return residuals(problem, Plain(), {"curvature": points})["curvature"].detach().numpy()[:, 0]


def test_a_plane_does_not_bend_and_a_paraboloid_bends_alike_in_all_directions() -> None:
    np.testing.assert_allclose(bends(lambda x, y: 2 * x - 3 * y + 1), 0, atol=1e-12)
    np.testing.assert_allclose(bends(lambda x, y: x * x + y * y, step=0.3), 2 * 0.3**2, rtol=1e-9)


def test_a_fold_bends_where_a_chord_crosses_it_though_it_has_no_second_derivative() -> None:
    found = bends(lambda x, y: (x - 3).abs() + 0 * y)
    assert (found >= -1e-12).all()
    assert 0 < (found > 1e-9).mean() < 0.5
    assert found.max() <= 2 * 0.5 + 1e-12


@pytest.mark.parametrize(("box", "step"), [(BOX, 0.5), (BOX, 1.9), (Box(x=(2, 3), y=(0, 100)), 40.0)])
def test_chords_stay_in_the_box_in_all_directions(box: Box, step: float) -> None:
    points = CollinearTriples(box, step).sample(500, torch.Generator().manual_seed(1))
    assert points.row_count == 500
    for column, axis in enumerate(box.axes):
        assert axis.lower - 1e-9 <= points.coords[:, column].min() <= points.coords[:, column].max()
        assert points.coords[:, column].max() <= axis.upper + 1e-9
    before, here, after = points.coords.reshape(500, 3, 2).unbind(1)
    torch.testing.assert_close(here - before, after - here)
    long = min(step, min(a.extent for a in box.axes) / 2)
    torch.testing.assert_close((after - here).norm(dim=1), torch.full((500,), long, dtype=torch.float64))
    assert (after - here)[:, 0].min() < -0.9 * long < 0.9 * long < (after - here)[:, 1].max()


def test_bad_chords_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two coordinates.*'x', 'y', 't'"):
        CollinearTriples(Box(x=(0, 1), y=(0, 1), t=(0, 1)), 0.1)
    with pytest.raises(ValueError, match=r"`step` must be a positive number.*got 0"):
        CollinearTriples(BOX, 0)
