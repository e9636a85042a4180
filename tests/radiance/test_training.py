"""Radiance fields are fitted: losses fall, runs repeat and resume, held-out views are met, films are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pinnkit import Adam, Solution, solve, validate
from pinnkit.cli import run
from pinnkit.fields import RadiancePlanes, Siren, Voxels
from pinnkit.radiance import (
    ClassicalNerf,
    EarlyRayTermination,
    Evaluation,
    HierarchicalRays,
    OccupancyGrid,
    Planes,
    RayMarcher,
    Scene,
    StratifiedRays,
    check_video_path,
    fit_radiance,
    initial_rays,
    make_scene,
    orbit,
    pruned_sampler,
    psnr,
    radiance_problem,
    render_view,
    sampler_of,
    write_scene,
    write_video,
)
from pinnkit.solutions.evaluation import FieldSet

TINY = Planes(effort=0.06, components=4, width=16, batch=256)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(views=12, test=2, size=24, samples=1)


@pytest.fixture(scope="module")
def fitted(scene: Scene) -> Solution:
    return fit_radiance(scene, Planes(effort=0.25, components=6, width=24, batch=512), every=1000)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# the problem ----------------------------------------------------------------------------------------------------
def test_a_few_steps_lower_what_rays_see_minus_their_pixels(scene: Scene) -> None:
    solution = solve(radiance_problem(scene), Voxels(12), Adam(steps=15, batch=256))
    assert np.mean(solution.history.loss[-3:]) < 0.65 * solution.history.loss[0]


def test_any_field_of_six_columns_is_a_radiance_field(scene: Scene) -> None:
    solution = solve(radiance_problem(scene), Siren(width=16, depth=1), Adam(steps=2, batch=64))
    values = solution(x=0.0, y=0.0, z=0.1, view=np.array([0.0, 0.0, -1.0]))
    assert values["density"] > 0
    assert values["colour"].shape == (3,)
    assert ((values["colour"] > 0) & (values["colour"] < 1)).all()


def test_the_problem_brings_a_plan_of_its_own_and_facts(scene: Scene) -> None:
    problem = radiance_problem(scene, name="balls")
    assert isinstance(problem.plan.first.field, RadiancePlanes)
    facts = json.loads(json.dumps(dict(problem.facts)))
    assert facts["pose_convention"] == "OPENGL"
    assert facts["train_views"] == 12
    assert set(problem.metrics) == {"psnr", "ssim", "depth_error_mean", "depth_error_median"}


def test_an_empty_field_shows_the_background_and_nothing_of_the_depth(scene: Scene) -> None:
    problem = radiance_problem(scene)
    module = Voxels(4, start=0.0).build(problem.axes, 4, generator=generator(), dtype=torch.float32, device="cpu")
    with torch.no_grad():
        module.table[:, 0] = -60.0
    fields = FieldSet(problem, {("density", "colour"): module})
    sampler = RayMarcher(OccupancyGrid.full(*(torch.tensor(c) for c in ((-1.0,) * 3, (1.0,) * 3)), 8), 0.1)
    shown = render_view(fields, scene.test[0].camera, sampler, (1.0, 0.5, 0.0))
    torch.testing.assert_close(shown.rgb, torch.tensor([1.0, 0.5, 0.0]).expand(24, 24, 3))
    assert float(shown.alpha.abs().max()) < 1e-6


def test_the_score_of_a_picture_that_is_off_by_a_tenth_is_20_db() -> None:
    assert psnr(torch.full((4, 5, 3), 0.5), torch.full((4, 5, 3), 0.6)) == pytest.approx(20.0, abs=1e-4)


# stages ---------------------------------------------------------------------------------------------------------
def test_held_out_views_of_a_tiny_scene_are_met(fitted: Solution) -> None:
    report = validate(fitted, budget=0)
    assert report.metrics["psnr"] > 17
    assert report.metrics["depth_error_median"] < 0.03


@pytest.fixture(scope="module")
def whole(scene: Scene) -> Solution:
    return fit_radiance(scene, TINY, every=1000)


def test_the_same_seed_gives_the_same_field(scene: Scene, whole: Solution) -> None:
    once, again = whole, fit_radiance(scene, TINY, every=1000)
    assert once.history.loss.tolist() == again.history.loss.tolist()
    for one, other in zip(once.modules.values(), again.modules.values(), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


def test_a_run_that_was_stopped_goes_on_bit_for_bit(scene: Scene, whole: Solution, tmp_path: Path) -> None:
    stop_at = 14  # in the second of four stages
    stopped = fit_radiance(scene, TINY, every=1000, out=tmp_path, callbacks=[lambda r: r.step >= stop_at])
    assert stopped.steps < whole.steps
    resumed = fit_radiance(scene, TINY, every=1000, out=tmp_path, resume=True)
    assert resumed.history.loss.tolist()[-5:] == whole.history.loss.tolist()[-5:]
    for one, other in zip(whole.modules.values(), resumed.modules.values(), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


def test_opaque_pictures_are_fitted_from_a_full_box() -> None:
    made = make_scene(views=8, test=1, size=16, samples=1)
    views = [type(v)(v.name, v.camera, (v.over((1, 1, 1)) * 255).to(torch.uint8)) for v in (*made.train, *made.test)]
    opaque = Scene("opaque", tuple(views[:8]), tuple(views[8:]), made.box, background=(1.0, 1.0, 1.0))
    solution = fit_radiance(opaque, TINY, every=1000)
    assert solution.status.good
    assert "depth_error_mean" not in solution.problem.metrics


def test_hierarchical_samples_gather_where_the_coarse_field_is_dense(scene: Scene) -> None:
    rays = initial_rays(scene, 16, 0.1, generator=generator())
    module = Voxels(9, start=0.0).build(rays.axes, 4, generator=generator(), dtype=torch.float32, device="cpu")
    with torch.no_grad():  # a slab: dense in the lowest nodes along z
        module.table.view(9, 9, 9, 4)[..., 0] = -20.0
        module.table.view(9, 9, 9, 4)[:, :, :2, 0] = 8.0
    coarse = StratifiedRays(rays, 16)
    points = HierarchicalRays(coarse, module, 16).sample(200, generator())
    assert points.coords.shape == (200 * 32, 6)
    vertical = rays.box.axes[2]
    low = vertical.lower + 0.3 * (vertical.upper - vertical.lower)
    plain = coarse.sample(200, generator()).coords[:, 2]
    assert float((points.coords[:, 2] < low).float().mean()) > 1.3 * float((plain < low).float().mean())
    along = points.columns["distance"].view(200, 32)
    assert bool((along[:, 1:] >= along[:, :-1]).all())


def test_the_classical_field_learns_and_repeats(scene: Scene) -> None:
    recipe = ClassicalNerf(steps=12, batch=64, coarse=8, fine=8)
    once, again = (fit_radiance(scene, recipe, every=1000) for _ in range(2))
    assert once.history.loss[-1] < once.history.loss[0]
    assert once.history.loss.tolist() == again.history.loss.tolist()
    assert set(once.modules) == {("density", "colour"), ("coarse_density", "coarse_colour")}


# where samples are taken ------------------------------------------------------------------------------------------
def test_samples_behind_something_opaque_are_left_out_after_a_margin() -> None:
    grid = OccupancyGrid.full(torch.zeros(3), torch.ones(3), 10)
    density = torch.zeros(10, 10, 10)
    density[3:5] = 1000.0  # a wall across x, from 0.3 to 0.5
    termination = EarlyRayTermination(grid, density.reshape(-1), margin=0.2)
    origins, along = torch.tensor([[-1.0, 0.55, 0.55]]), torch.tensor([[1.0, 0.0, 0.0]])
    plain, cut = RayMarcher(grid, 0.02).march(origins, along), RayMarcher(grid, 0.02, termination).march(origins, along)
    assert plain.distance.shape[0] == 50
    assert float(cut.distance.max()) == pytest.approx(1.0 + 0.3 + 0.2, abs=0.03)
    assert torch.equal(cut.distance, plain.distance[: cut.distance.shape[0]])
    assert int(cut.counts[0]) == cut.distance.shape[0]


def test_pruning_keeps_every_cell_of_the_true_surface(scene: Scene, fitted: Solution) -> None:
    rays = initial_rays(scene, 48, 0.03, generator=generator())
    sampler = pruned_sampler(fitted.fieldset, rays, 48, 0.03, margin=0.1, generator=generator())
    assert sampler.grid.occupied < 0.7 * rays.sampler.grid.occupied
    kept = []
    for view in scene.train:
        bundle, depth = view.camera.rays(), view.depth.reshape(-1).double()
        solid = depth.isfinite()
        kept.append(sampler.grid.contains((bundle.origins + depth[:, None] * bundle.directions)[solid]))
    assert float(torch.cat(kept).float().mean()) > 0.98


def test_what_was_left_out_does_not_change_the_picture(scene: Scene, fitted: Solution) -> None:
    sampler = sampler_of(fitted)
    assert sampler.termination is not None
    camera = scene.train[0].camera
    with_front = render_view(fitted.fieldset, camera, sampler, (1, 1, 1)).rgb
    without = render_view(fitted.fieldset, camera, RayMarcher(sampler.grid, sampler.step), (1, 1, 1)).rgb
    assert float((with_front - without).abs().mean()) < 1e-3
    assert float((with_front - without).abs().max()) < 0.06


# films ----------------------------------------------------------------------------------------------------------
def test_an_orbit_goes_around_where_cameras_stand_all_around(scene: Scene) -> None:
    cameras = orbit(scene, 12, width=10)
    assert [(c.width, c.height) for c in cameras] == [(10, 10)] * 12
    away = torch.stack([c.position for c in cameras])
    angles = torch.atan2(away[:, 1], away[:, 0])
    assert len({round(float(a), 3) for a in angles}) == 12
    assert float(away[:, 2].std()) < 0.2
    one_side = Scene(scene.name, (scene.train[0],) * 2, (), scene.box)
    still = torch.stack([c.position for c in orbit(one_side, 4)])
    torch.testing.assert_close(still, still[:1].expand(4, 3), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["orbit.gif", "orbit.mp4"])
def test_a_film_is_written(scene: Scene, fitted: Solution, tmp_path: Path, name: str) -> None:
    progress: list[int] = []
    cameras = orbit(scene, 3, width=17)
    path = write_video(
        tmp_path / name, fitted.fieldset, cameras, sampler_of(fitted), (1, 1, 1), progress=progress.append
    )
    assert path.stat().st_size > 500
    assert progress == [1, 2, 3]
    if name.endswith("gif"):
        from PIL import Image

        with Image.open(path) as film:
            assert (film.size, film.n_frames) == ((17, 17), 3)


BAD: list[tuple[Any, str]] = [
    (lambda _: Planes(effort=0), "`effort` must be positive"),
    (lambda _: ClassicalNerf(steps=0), "`steps` must be positive"),
    (lambda s: orbit(s, 0), "`frames` must be at least 1"),
    (lambda _: check_video_path(Path("orbit.avi")), "named .gif or .mp4"),
    (
        lambda s: radiance_problem(s, StratifiedRays(initial_rays(s, 8, 0.2, generator=generator()), 4)),
        "give a `sampler`",
    ),
    (lambda s: Evaluation(s, initial_rays(s, 8, -0.2, generator=generator()).sampler), "`step`"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=[words for _, words in BAD])
def test_what_does_not_fit_is_refused_in_words(scene: Scene, call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(scene)


# the command ----------------------------------------------------------------------------------------------------
def test_the_command_trains_scores_and_films(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_scene(make_scene(views=8, test=2, size=16, samples=1), tmp_path / "balls")
    out, film = tmp_path / "out", tmp_path / "orbit.gif"
    options = ["--quick", "--path", str(film), "--frames", "2", "--out", str(out), "--json"]
    assert run(["radiance", str(tmp_path / "balls"), *options]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["problem"] == "balls"
    assert summary["metrics"]["psnr"] > 10
    assert {p.name for p in out.iterdir()} >= {"summary.json", "solution.h5", "fit.png"}
    assert film.stat().st_size > 100


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere"], "nowhere"),
        (["balls", "--field", "splats"], "--field"),
        (["balls", "--seconds", "0"], "--seconds must be positive"),
        (["balls", "--path", "film.avi"], "named .gif or .mp4"),
        (["balls", "--pose-convention", "up"], "--pose-convention"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_scene(make_scene(views=3, test=1, size=8, samples=1), tmp_path / "balls")
    assert run(["radiance", *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
