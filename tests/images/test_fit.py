"""Image problems: fitted pixels, metrics, rendering, and the command."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms
from rich.console import Console

from pinnkit.cli import run
from pinnkit.cli.result_folder import result_folder
from pinnkit.fields import MultilevelGrid, Siren
from pinnkit.fields.encodings.grid_encoding import GridEncoding
from pinnkit.images import (
    IMAGE_PRESETS,
    Picture,
    Pixels,
    gradient_magnitude,
    gradient_problem,
    image_laplacian,
    image_preset,
    image_problem,
    psnr,
    psnr_monitor,
    read_picture,
    render,
    rendering,
    write_picture,
)
from pinnkit.images.quick import quick_plan
from pinnkit.solvers import Adam, Plan, solve
from tests.samples import solution_of

HEIGHT, WIDTH = 18, 30


def scene(channels: int = 3, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float64]:
    """A smooth picture without symmetry: an exchanged axis or a shift of half a pixel shows."""
    pixels = Pixels(height, width)
    x, y = pixels.centres()
    u, v = x / width, y / height
    waves = [0.5 + 0.3 * np.sin(5 * u + k) * np.cos(2 * v * (k + 1)) + 0.1 * u - 0.15 * v for k in range(channels)]
    return np.stack(waves, axis=2)


SMALL = Plan.single(Siren(32, 2, omega=6.0), (Adam(steps=300, lr=5e-3),), "A small Siren.", balance=False)


def fitted(picture: Picture, **options: object):
    problem = image_problem(picture, plan=SMALL, **options)  # type: ignore[arg-type]
    return problem, solve(problem, device="cpu")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_that_is_wider_than_high_comes_back_at_its_own_pixels(channels: int) -> None:
    picture = Picture(scene(channels), "s")
    problem, solution = fitted(picture)
    found = render(solution, Pixels(HEIGHT, WIDTH))
    assert found.shape == (HEIGHT, WIDTH, channels)
    assert psnr(found, picture.values) == pytest.approx(problem.metrics["psnr"](solution), abs=0.01)
    assert problem.metrics["psnr"](solution) > 33
    assert psnr(found[::-1], picture.values) < 25
    assert problem.names == ({1: "grey", 3: "rgb", 4: "rgba"}[channels],)


@pytest.mark.parametrize("align_corners", [False, True])
def test_a_finer_picture_lies_where_the_truth_does(align_corners: bool) -> None:
    """A shift of half a pixel would cost 10 dB here."""
    if align_corners:
        whole = scene(1, 2 * HEIGHT - 1, 2 * WIDTH - 1)
        picture = Picture(whole[::2, ::2], "s")
        solution = solve(image_problem(picture, plan=SMALL, align_corners=True), device="cpu")
        finer = solution.on_grid(x=np.arange(2 * WIDTH - 1) / 2, y=np.arange(2 * HEIGHT - 1) / 2)["grey"].T
        assert psnr(finer[..., None], whole) > 33
        return
    truth = Picture(scene(3, 2 * HEIGHT, 2 * WIDTH), "t")
    coarse = Picture(truth.values.reshape(HEIGHT, 2, WIDTH, 2, 3).mean(axis=(1, 3)), "s")
    problem, solution = fitted(coarse, truth=truth)
    assert problem.metrics["psnr_finer"](solution) > 33
    assert problem.metrics["psnr_finer_bicubic"](solution) > 40
    assert psnr(np.roll(truth.values, 1, axis=1), truth.values) < 33


def test_hidden_pixels_are_not_fitted_and_scored_apart() -> None:
    values = scene()
    known = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.5
    problem, solution = fitted(Picture(values, "s"), mask=known)
    other = values.copy()
    other[~known] = np.random.default_rng(1).random((int((~known).sum()), 3))
    _, same = fitted(Picture(other, "s"), mask=known)
    for a, b in zip(solution.modules.values(), same.modules.values(), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert problem.metrics["psnr_hidden"](solution) > 28
    assert problem.metrics["psnr_hidden_linear"](solution) > 28
    assert int(known.sum()) == problem.terms[0].points.coords.shape[0]  # type: ignore[union-attr]


def test_a_picture_of_two_rows_has_no_structural_similarity() -> None:
    assert set(image_problem(Picture(scene(3, 2, 9))).metrics) == {"psnr"}
    assert set(image_problem(Picture(scene(3, 3, 9))).metrics) == {"psnr", "ssim"}


def test_holes_of_one_colour_show_no_truth_and_are_not_scored() -> None:
    values = scene()
    known = np.ones((HEIGHT, WIDTH), dtype=bool)
    known[4:8, 5:9] = False
    values[~known] = 1.0
    assert set(image_problem(Picture(values), mask=known).metrics) == {"psnr", "ssim"}
    scored = image_problem(Picture(values), mask=known, truth=Picture(scene())).metrics
    assert {"psnr_hidden", "ssim_hidden", "psnr_hidden_linear"} < set(scored)


def test_derivatives_are_per_pixel_and_agree_with_differences() -> None:
    picture = Picture(scene(1), "s")
    _, solution = fitted(picture)
    pixels = Pixels(HEIGHT, WIDTH)
    fine = render(solution, pixels, 8)[..., 0]
    dx, dy = np.gradient(fine, 1 / 8, axis=1), np.gradient(fine, 1 / 8, axis=0)
    inner = slice(2, -2)
    np.testing.assert_allclose(
        gradient_magnitude(solution, pixels, 8)[inner, inner, 0], np.hypot(dx, dy)[inner, inner], atol=3e-4
    )
    second = np.gradient(dx, 1 / 8, axis=1) + np.gradient(dy, 1 / 8, axis=0)
    np.testing.assert_allclose(image_laplacian(solution, pixels, 8)[4:-4, 4:-4, 0], second[4:-4, 4:-4], atol=3e-3)


def test_a_grid_has_no_laplacian_and_says_so() -> None:
    picture = Picture(scene(1), "s")
    plan = Plan.single(MultilevelGrid(2, 2, 4, (WIDTH, HEIGHT)), (Adam(steps=2),), "A grid.", balance=False)
    solution = solve(image_problem(picture, plan=plan), device="cpu")
    with pytest.raises(ValueError, match="2 derivatives were asked for"):
        image_laplacian(solution, Pixels(HEIGHT, WIDTH))


@pytest.mark.parametrize("word", IMAGE_PRESETS.words)
@pytest.mark.parametrize(("width", "height", "known"), [(2, 2, None), (30, 18, None), (30, 18, 54), (4000, 300, None)])
def test_every_way_makes_a_field_for_every_size(word: str, width: int, height: int, known: int | None) -> None:
    choice = image_preset(word, width, height, known).first
    module = choice.field.build(  # type: ignore[union-attr]
        Pixels(height, width).box.axes, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float32, device="cpu"
    )
    assert module(torch.zeros(5, 2)).shape == (5, 3)
    assert choice.solvers[0].steps >= 1  # type: ignore[union-attr]


@pytest.mark.parametrize("word", ["grid", "hash"])
def test_cells_of_grids_are_square_and_large_photographs_have_fewer_of_them_than_pixels(word: str) -> None:
    for width, height, longest in ((640, 427, 640), (200, 1200, 1200), (4000, 3000, 2365)):
        finest = image_preset(word, width, height).first.field.finest  # type: ignore[union-attr]
        assert max(finest) == longest
        assert finest[0] / finest[1] == pytest.approx(width / height, rel=2e-3)


@pytest.mark.parametrize("word", [*IMAGE_PRESETS.words, "inpainting"])
def test_a_look_takes_a_small_field_and_few_steps_of_a_whole_schedule(word: str) -> None:
    plan = quick_plan(image_preset("siren", 256, 171, 4000) if word == "inpainting" else image_preset(word, 256, 171))
    (solver,) = plan.first.solvers
    assert isinstance(solver, Adam)
    assert solver.steps <= 200
    assert solver.batch is not None
    assert solver.batch <= 4096
    assert solver.schedule.factor(solver.steps - 1, solver.steps) < 0.05
    assert plan.first.field.width <= 64  # type: ignore[union-attr]


def test_a_look_shows_the_picture() -> None:
    picture = Picture(scene())
    plan = quick_plan(image_preset("siren", WIDTH, HEIGHT))
    problem = image_problem(picture, plan=plan)
    assert problem.metrics["psnr"](solve(problem, device="cpu")) > 25


def test_the_picture_outlives_a_check_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        assert (tmp_path / "o/picture.png").is_file()
        raise RuntimeError("no luck")

    monkeypatch.setattr("pinnkit.reports.validation.validate", fails)
    Image.fromarray((scene(3, 12, 12) * 255).astype(np.uint8)).save("a.png")
    assert run(["fit", "a.png", "--steps", "2", "--no-figures", "--out", "o"]) == 1
    assert {p.name for p in Path("o").iterdir()} >= {"solution.h5", "picture.png", "summary.json", "checkpoint.h5"}


@pytest.mark.parametrize("shape", [(1100, 2), (2, 1100)])
def test_a_thin_picture_has_figures(shape: tuple[int, int]) -> None:
    problem = image_problem(Picture(np.zeros((*shape, 3), dtype=np.float32)))
    for draw in problem.figures.values():
        draw(solution_of(problem, spec=Siren(8, 1)))


def test_a_solution_is_rendered_once_for_all_who_look_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Plan.single(Siren(8, 1, omega=6.0), (Adam(steps=2),), "Two steps.", balance=False)
    problem = image_problem(Picture(scene()), plan=few)
    solution, other = solve(problem, device="cpu"), solve(problem, device="cpu", seed=1)
    rendered: list[object] = []
    original = rendering.render
    monkeypatch.setattr(rendering, "render", lambda s, pixels: rendered.append(s) or original(s, pixels))
    for score in ("psnr", "ssim"):
        assert np.isfinite(problem.metrics[score](solution))
    problem.figures["fit"](solution)
    assert rendered == [solution]
    assert problem.metrics["psnr"](other) != problem.metrics["psnr"](solution)
    assert len(rendered) == 3


def test_the_table_of_a_large_picture_is_read_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient of it is as large as the table: eight of them for eight pieces would take most of the time."""
    values = np.random.default_rng(0).random((700, 900, 1))
    spec = MultilevelGrid(levels=2, coarsest=16, finest=(900, 700), width=8, depth=1)
    plan = Plan.single(spec, (Adam(steps=2, batch=16384),), "A large table.", balance=False)
    read: list[int] = []
    original = GridEncoding.encode
    monkeypatch.setattr(GridEncoding, "encode", lambda self, x: read.append(len(x)) or original(self, x))
    solve(image_problem(Picture(values), plan=plan), device="cpu")
    assert read[:2] == [16384, 16384]


def test_pieces_of_a_network_behind_a_grid_are_the_whole() -> None:
    spec = MultilevelGrid(levels=2, coarsest=4, finest=(20, 12), width=8, depth=1)
    box = Pixels(12, 20).box
    field = spec.build(box.axes, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, device="cpu")
    points = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 12
    found = field(points)
    parts = torch.cat([field(piece) for piece in points.split(5000)])
    torch.testing.assert_close(found, parts, rtol=1e-13, atol=1e-15)
    one, other = (torch.autograd.grad(v.square().sum(), list(field.parameters())) for v in (found, parts))
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_the_siren_of_the_table_has_its_number_of_parameters() -> None:
    choice = image_preset("siren", 256, 256).first
    generator = torch.Generator().manual_seed(0)
    module = choice.field.build(  # type: ignore[union-attr]
        Pixels(256, 256).box.axes, 3, generator=generator, dtype=torch.float32, device="cpu"
    )
    assert sum(p.numel() for p in module.parameters()) == 264_707


def test_the_default_fits_a_small_picture_well_and_the_bar_shows_how_well() -> None:
    picture = Picture(scene(), "s")
    problem = image_problem(picture)
    solution = solve(problem, device="cpu", monitor=psnr_monitor(problem, every=100))
    assert problem.metrics["psnr"](solution) > 35
    seen = solution.history.measures["psnr"]
    assert seen[np.isfinite(seen)][-1] == pytest.approx(problem.metrics["psnr"](solution), abs=0.05)


def test_a_picture_is_recovered_from_its_gradients_beside_the_sparse_poisson() -> None:
    picture = Picture(scene(1), "s")
    problem = gradient_problem(picture, plan=SMALL)
    solution = solve(problem, device="cpu")
    assert problem.metrics["psnr_up_to_constant"](solution) > 30
    assert problem.metrics["psnr_poisson_up_to_constant"](solution) > 100
    found = problem.reference_solver(problem, 1.0)  # type: ignore[misc]
    values = picture.values[..., 0].T.astype(np.float64)
    np.testing.assert_allclose(found.values["grey"], values - values[0, 0], atol=1e-6)
    assert found.values["grey"].shape == (WIDTH, HEIGHT)


# the command --------------------------------------------------------------------------------------------------------
def test_the_command_writes_a_picture_a_summary_and_figures(tmp_path: Path) -> None:
    Image.fromarray(np.rint(scene() * 255).astype(np.uint8)).save(tmp_path / "a.png")
    assert run(["fit", "a.png", "--scale", "2", "--steps", "60"]) == 0
    folder = tmp_path / "results" / "a"
    assert {"picture.png", "summary.json", "solution.h5", "fit.png", "derivatives.png"} <= {
        p.name for p in folder.iterdir()
    }
    finer = read_picture(folder / "picture.png")
    assert (finer.height, finer.width) == (2 * HEIGHT, 2 * WIDTH)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["metrics"]["psnr"] > 20
    assert summary["facts"]["image"] == {"name": "a", "height": HEIGHT, "width": WIDTH, "align_corners": False}


def test_depth_and_profile_of_the_file_are_those_of_the_picture_that_is_written(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_picture(tmp_path / "a.png", scene(), bits=16, profile=profile)
    out = tmp_path / "out"
    how = ["--steps", "20", "--no-figures", "--out", out, "--seconds", "600"]
    assert run(["fit", str(tmp_path / "a.png"), *map(str, how)]) == 0
    found = read_picture(out / "picture.png")
    assert (found.bits, found.profile) == (16, profile)
    assert (found.height, found.width) == (HEIGHT, WIDTH)


def test_going_on_without_a_checkpoint_is_said(tmp_path: Path) -> None:
    say = Console(file=io.StringIO(), width=200)
    with result_folder(tmp_path / "r", say, keep=True) as folder:
        assert folder == tmp_path / "r"
    assert "no checkpoint" in say.file.getvalue()  # type: ignore[attr-defined]
    (tmp_path / "r" / "stage1").mkdir(parents=True)
    (tmp_path / "r" / "stage1" / "checkpoint.h5").touch()
    silent = Console(file=io.StringIO(), width=200)
    with result_folder(tmp_path / "r", silent, keep=True) as folder:
        assert folder == tmp_path / "r"
    assert not silent.file.getvalue()  # type: ignore[attr-defined]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="no result of pinnkit"), result_folder(tmp_path / "mine", say, keep=True):
        pass


def test_filling_keeps_the_known_pixels_as_they_are(tmp_path: Path) -> None:
    values = np.rint(scene() * 255).astype(np.uint8)
    known = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.5
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(known).save(tmp_path / "m.png")
    assert run(["fit", "a.png", "--mask", "m.png", "--steps", "20", "--out", "o", "--no-figures"]) == 0
    found = np.asarray(Image.open(tmp_path / "o" / "picture.png"))
    np.testing.assert_array_equal(found[known], values[known])
    assert not np.array_equal(found[~known], values[~known])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.png"], "there is no file"),
        (["text.png"], "no picture that Pillow can read"),
        (["a.png", "--field", "gird"], "one of grid, hash, siren"),
        (["a.png", "--scale", "0"], "`scale` must be a positive number"),
        (["a.png", "--scale", "100000"], "at most"),
        (["a.png", "--mask", "wide.png"], "18 rows and 30 columns"),
        (["a.png", "--mask", "white.png"], "hides no pixel"),
        (["a.png", "--truth", "wide.png"], "same multiple of both"),
        (["a.png", "--seconds", "-1"], "--seconds must be positive"),
        (["a.png", "--steps", "0"], "--steps must be at least 1"),
        (["a.png", "--frame", "3"], "has no frame 3; frames count from 0"),
        (["a.png", "--device", "abacus"], "--device must be"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.rint(scene() * 255).astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((HEIGHT, WIDTH), 255, np.uint8)).save(tmp_path / "white.png")
    Image.fromarray(np.zeros((HEIGHT, 40, 3), np.uint8)).save(tmp_path / "wide.png")
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    assert run(["fit", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in " ".join(said.split())
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_fits_the_astronaut(seed: int) -> None:
    from pinnkit.measure.bench.images import astronaut

    assert astronaut(seed)[0] >= 38.4


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_filling_is_at_least_as_good_as_linear_interpolation(seed: int) -> None:
    from pinnkit.measure.bench.images import inpainting

    found, linear, _ = inpainting(None, seed)
    assert found >= linear
