"""Captures: contracted space, importance sampling, fitted surroundings, files of other programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pinnkit import validate
from pinnkit.cli import run
from pinnkit.fields import Voxels
from pinnkit.radiance import (
    SURROUNDINGS,
    ClassicalNerf,
    Contraction,
    HierarchicalRays,
    ImportanceSampler,
    OccupancyGrid,
    Planes,
    RayMarcher,
    Room,
    Scene,
    StratifiedRays,
    UnboundedPlanes,
    capture,
    fit_radiance,
    initial_rays,
    radiance_problem,
    read_scene,
    sampler_of,
    write_capture,
)
from pinnkit.radiance.data.scene import corners
from pinnkit.radiance.data.scene_bounds import initial_occupancy
from pinnkit.radiance.recipes.initialization import longest_side
from pinnkit.radiance.rendering.outputs import density_activation
from pinnkit.solutions.evaluation import FieldSet

SPACE = Contraction((0.1, -0.2, 0.3), 0.7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    views = capture(Room, views=24, width=18, height=32, samples=1, seed=3)
    return write_capture(views, tmp_path_factory.mktemp("capture") / "room")


@pytest.fixture(scope="module")
def scene(folder: Path) -> Scene:
    return read_scene(folder)


def rays(n: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """From about a sphere of 1.2, towards and past its middle."""
    generator = torch.Generator().manual_seed(0)
    origins = torch.randn(n, 3, generator=generator)
    origins = 1.2 * origins / origins.norm(dim=1, keepdim=True)
    directions = torch.randn(n, 3, generator=generator) - 1.5 * origins
    return origins, directions / directions.norm(dim=1, keepdim=True)


def grid_of(share: float = 1.0, resolution: int = 48) -> OccupancyGrid:
    lower, upper = (corner.float() for corner in corners(SPACE.box))
    cells = torch.rand((resolution,) * 3, generator=torch.Generator().manual_seed(1)) < share
    return OccupancyGrid(lower, upper, cells)


# contraction --------------------------------------------------------------------------------------------------------
def test_contraction_is_undone_and_keeps_the_middle_as_it_is(generator: torch.Generator) -> None:
    points = 3 * torch.randn(500, 3, generator=generator, dtype=torch.float64)
    places = SPACE.contract(points)
    torch.testing.assert_close(SPACE.uncontract(places), points, rtol=1e-9, atol=1e-9)
    near = SPACE.normalised(points).norm(dim=1) < 1
    torch.testing.assert_close(places[near], points[near])
    assert float(SPACE.normalised(places).norm(dim=1).max()) < 2
    two = torch.tensor([[0.1, -0.2, 0.3 + 2 * 0.7]], dtype=torch.float64)  # at two radii: 2 - 1/2
    assert SPACE.contract(two)[0, 2].item() == pytest.approx(0.3 + 1.5 * 0.7)


def test_lengths_of_samples_are_those_of_the_curve_through_contracted_space() -> None:
    origins, directions = rays()
    samples = RayMarcher(grid_of(), 0.01, contraction=SPACE).march(origins, directions)
    along = SPACE.contract(origins[samples.ray] + samples.distance[:, None] * directions[samples.ray])
    torch.testing.assert_close(along, samples.place, rtol=0, atol=2e-6)
    same = samples.ray[1:] == samples.ray[:-1]
    chord = (samples.place[1:] - samples.place[:-1]).norm(dim=1)
    mean = (samples.delta[1:] + samples.delta[:-1]) / 2
    assert float((chord - mean)[same].abs().max()) < 0.15 * 0.01
    assert float(chord[same].sum() / mean[same].sum()) == pytest.approx(1, abs=1e-3)
    assert float(samples.distance.max()) > 100 * SPACE.radius


def test_cells_of_contracted_space_are_visited_if_and_only_if_they_are_occupied() -> None:
    origins, directions = rays()
    few = grid_of(0.02)
    every = RayMarcher(grid_of(), 0.02, contraction=SPACE).march(origins, directions)
    visited = RayMarcher(few, 0.02, contraction=SPACE).march(origins, directions)
    wanted = few.cells.reshape(-1)[few.index(every.place)]
    assert torch.equal(visited.distance, every.distance[wanted])
    assert bool(RayMarcher(few, 0.02, contraction=SPACE).meets(origins, directions)[visited.counts > 0].all())


# importance sampling ------------------------------------------------------------------------------------------------
def test_importance_samples_cover_the_ray_and_gather_at_the_wall() -> None:
    origins, directions = torch.tensor([[-1.0, 0.5, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]])
    grid = OccupancyGrid.full(torch.zeros(3), torch.ones(3), 20)
    density = torch.zeros(20, 20, 20)
    density[12] = 200.0  # a wall across x, from 0.6 to 0.65
    samples = ImportanceSampler(RayMarcher(grid, 0.05), density.reshape(-1), 20).march(origins, directions)
    assert samples.counts.tolist() == [20]
    assert float(samples.delta.sum()) == pytest.approx(1.0, abs=1e-5)
    at = samples.distance - 1
    assert int(((at > 0.54) & (at < 0.71)).sum()) >= 15
    assert bool((samples.distance[1:] > samples.distance[:-1]).all())


def test_importance_samples_leave_out_what_is_not_occupied() -> None:
    origins, directions = rays()
    few = grid_of(0.3)
    density = torch.rand(few.cells.numel(), generator=torch.Generator().manual_seed(2))
    samples = ImportanceSampler(RayMarcher(few, 0.05, contraction=SPACE), density, 24).march(origins, directions)
    assert set(samples.counts.tolist()) <= {0, 24}
    assert not bool(samples.delta[~few.cells.reshape(-1)[few.index(samples.place)]].any())
    none = OccupancyGrid(few.lower, few.upper, torch.zeros_like(few.cells))
    assert (
        ImportanceSampler(RayMarcher(none, 0.05, contraction=SPACE), density, 24)
        .march(origins, directions)
        .counts.sum()
        == 0
    )


def test_bad_guides_and_contractions_are_refused() -> None:
    with pytest.raises(ValueError, match="`samples` must be at least 1"):
        ImportanceSampler(RayMarcher(grid_of(), 0.1), torch.zeros(1), 0)
    with pytest.raises(ValueError, match="`radius` must be a positive"):
        Contraction((0, 0, 0), 0.0)
    with pytest.raises(ValueError, match="`effort` must be positive"):
        UnboundedPlanes(effort=0)


def test_registered_surroundings_enclose_the_cameras() -> None:
    assert list(SURROUNDINGS.words) == ["room", "landscape"]
    origins, directions = rays(50)
    for entry in SURROUNDINGS:
        for around in entry.examples().values():
            t, _ = around.hit(origins.double(), directions.double())
            assert bool(t.isfinite().all())
            assert around.colour(origins.double() + t[:, None] * directions.double()).shape == (50, 3)


# reading ------------------------------------------------------------------------------------------------------------
def test_a_capture_is_read_with_its_surroundings(scene: Scene) -> None:
    assert (len(scene.train), len(scene.test)) == (21, 3)
    assert scene.contraction is not None
    assert scene.box == scene.contraction.box
    assert not scene.has_alpha
    assert math.dist(scene.contraction.centre, (0, 0, 0)) < 0.3
    assert 1.2 < scene.contraction.radius < 2.0
    assert any("surroundings are fitted too" in note for note in scene.notes)
    # Hardly anything that pictures show is left out, and the cameras are not in it.
    cells = initial_occupancy(scene, 48)
    kept = []
    for view in scene.train:
        assert view.depth is not None
        origins, directions = view.camera.rays()
        points = origins + view.depth.reshape(-1, 1) * directions
        kept.append(cells.contains(scene.contraction.contract(points).float()).float())
    assert float(torch.cat(kept).mean()) > 0.95
    positions = torch.stack([view.camera.position for view in scene.train])
    assert not bool(cells.contains(scene.contraction.contract(positions).float()).any())


def test_surroundings_are_fitted_or_not_as_one_says(folder: Path, scene: Scene) -> None:
    without = read_scene(folder, surroundings=False)
    assert without.contraction is None
    assert any("1.5 times the median distance" in note for note in without.notes)
    assert read_scene(folder, box=scene.box).contraction is None
    assert read_scene(folder, box=scene.box, surroundings=True).contraction == scene.contraction


def test_large_pictures_are_scaled_down_by_a_rule_that_is_said(folder: Path, tmp_path: Path) -> None:
    content = json.loads((folder / "transforms.json").read_text())
    content["frames"] = content["frames"][:3]
    for frame in content["frames"]:
        path = tmp_path / frame["file_path"]
        path.parent.mkdir(exist_ok=True)
        Image.open(folder / frame["file_path"]).resize((450, 800)).save(path)
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    read = read_scene(tmp_path)
    camera = read.train[0].camera
    assert (camera.width, camera.height) == (225, 400)
    assert camera.fx == pytest.approx(content["fl_x"] * 225 / 18)
    assert camera.centre[1] == pytest.approx(content["cy"] * 400 / 32)
    assert camera.k1 == content["k1"]
    assert any("scaled down to 225 x 400 (longest=" in note for note in read.notes)


@pytest.fixture
def quirky(folder: Path, tmp_path: Path) -> Path:
    """The capture as other programs would have written it, one quirk a frame."""
    content = json.loads((folder / "transforms.json").read_text())
    (tmp_path / "images").mkdir()
    for number, frame in enumerate(content["frames"]):
        source = folder / frame["file_path"]
        frame["sharpness"] = 20.0 + number
        frame["colmap_im_id"] = number
        target = tmp_path / "images" / source.name
        if number == 1:
            target = target.with_suffix(".JPEG")
            frame["file_path"] = "images/0002"
        elif number == 2:
            frame["file_path"] = ".\\images\\0003.jpg"
        elif number == 3:
            frame["file_path"] = "/home/someone/data/images/0004.jpg"
        elif number == 4:
            frame["file_path"] = "../room/images/0005.png"  # converted to JPEG since
        elif number == 5:
            frame |= {"fl_x": 25.0, "fl_y": 26.0, "cx": 9.5, "w": 18, "h": 32, "k1": 0.0}
        elif number == 6:
            frame["transform_matrix"] = frame["transform_matrix"][:3]
        elif number == 7:
            frame["camera_angle_x"] = 0.7
        elif number == 9:
            continue  # missing
        target.write_bytes(source.read_bytes())
    content |= {
        "camera_model": "OPENCV", "w": 18.0, "h": 32.0, "k3": 0.0, "k4": 0.0, "is_fisheye": False,
        "applied_transform": [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]], "ply_file_path": "sparse_pc.ply",
    }  # fmt: skip
    (tmp_path / "transforms.json").write_text("\ufeff" + json.dumps(content), encoding="utf-8")
    return tmp_path


def test_the_quirks_of_other_programs_are_read(quirky: Path, scene: Scene) -> None:
    read = read_scene(quirky)
    found = {Path(view.name.replace("\\", "/")).stem: view for view in (*read.train, *read.test)}
    assert sorted(found) == [f"{n:04d}" for n in range(1, 25) if n != 10]
    assert any("1 of 24 frames have no picture" in note for note in read.notes)
    assert any("applied_transform in transforms.json not used" in note for note in read.notes)
    own = found["0006"].camera
    assert (own.fx, own.fy, own.centre[0], own.k1) == (25.0, 26.0, 9.5, 0.0)
    assert own.k2 == scene.train[0].camera.k2
    assert found["0008"].camera.fx == pytest.approx(9 / math.tan(0.35))
    for view in scene.train:
        stem = Path(view.name).stem
        if stem in found:
            torch.testing.assert_close(found[stem].camera.pose, view.camera.pose)


@pytest.mark.parametrize(
    "words",
    [
        {"camera_model": "OPENCV_FISHEYE"},
        {"camera_model": "EQUIRECTANGULAR"},
        {"camera_model": "VR180_L"},
        {"is_fisheye": True},
        {"ftheta_p0": 0.1},
    ],
)
def test_lenses_that_are_no_pinhole_are_refused(quirky: Path, words: dict[str, Any]) -> None:
    content = json.loads((quirky / "transforms.json").read_text(encoding="utf-8-sig"))
    (quirky / "transforms.json").write_text(json.dumps({**content, **words}))
    with pytest.raises(ValueError, match="is no pinhole; undistort the pictures first"):
        read_scene(quirky)


def test_blenders_views_for_validation_are_held_out_where_there_are_none_for_tests(
    folder: Path, tmp_path: Path
) -> None:
    content = json.loads((folder / "transforms.json").read_text())
    for name, frames in (("train", content["frames"][:20]), ("val", content["frames"][20:])):
        for frame in frames:
            frame["file_path"] = str(folder / Path("images") / Path(frame["file_path"]).name)
        (tmp_path / f"transforms_{name}.json").write_text(json.dumps({**content, "frames": frames}))
    read = read_scene(tmp_path)
    assert (len(read.train), len(read.test)) == (20, 4)


# densities ----------------------------------------------------------------------------------------------------------
def test_space_around_cameras_begins_ten_times_thinner_than_a_box_that_holds_an_object() -> None:
    raw = torch.tensor([-30.0, 0.0, 1.5, 12.0])
    lower, upper = corners(SPACE.box)
    diagonal = float((upper - lower).norm())
    box = density_activation(SPACE.box)(raw)
    assert torch.equal(box, 3.0 / diagonal * torch.exp(raw.clamp(max=9.0)))
    torch.testing.assert_close(density_activation(SPACE.box, SPACE)(raw), box / 10)
    # Of a straight way through all of it a quarter is lost at most, where a field is still zero.
    origins, directions = rays()
    samples = RayMarcher(grid_of(), 0.02, contraction=SPACE).march(origins, directions)
    length = torch.zeros(len(origins)).index_add_(0, samples.ray, samples.delta)
    assert float(torch.exp(-length * density_activation(SPACE.box, SPACE)(torch.zeros(()))).min()) > 0.75


def test_problems_and_hierarchical_samples_mean_the_same_density(scene: Scene) -> None:
    rays = initial_rays(scene, 16, longest_side(scene) / 20, generator=torch.Generator().manual_seed(0))
    problem = radiance_problem(scene, rays)
    drawn = torch.Generator().manual_seed(1)
    module = Voxels(8).build(problem.axes, 4, generator=drawn, dtype=torch.float32, device="cpu")
    with torch.no_grad():
        module.table[:, 0] = 4.0
    found = FieldSet(problem, {("density", "colour"): module}).unknowns(torch.zeros(1, 6), {})["density"]
    assert found.item() == pytest.approx(0.3 * math.exp(4.0) / scene.diagonal, rel=1e-5)
    # About half of the samples lie in the first twelfth of the rays; with ten times the density nine tenths would.
    samples = HierarchicalRays(StratifiedRays(rays, 12), module, 200).sample(20, torch.Generator().manual_seed(2))
    assert scene.contraction is not None
    twelfth = scene.contraction.max_length(rays.origins).mean() / 12
    assert 0.1 < float((samples.columns["distance"] < twelfth).float().mean()) < 0.7


# fitting ------------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_tiny_capture_is_fitted_better_than_by_its_mean_colour(scene: Scene) -> None:
    solution = fit_radiance(scene, UnboundedPlanes(effort=0.15, components=6, width=16, batch=512), every=10**6)
    metrics = validate(solution, budget=0).metrics
    truth = torch.stack([view.rgb for view in scene.test])
    flat = -10 * math.log10(float((truth - torch.tensor(scene.background)).square().mean()))
    assert metrics["psnr"] > flat + 2
    assert metrics["depth_error_median"] < 0.25
    assert isinstance(sampler_of(solution), ImportanceSampler)


def test_without_a_recipe_the_surroundings_decide(scene: Scene) -> None:
    solution = fit_radiance(scene, every=10**6, callbacks=[lambda _: True])
    assert "UnboundedPlanes(" in solution.choice


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(Planes(effort=0.03, components=3, width=8, batch=64), marks=pytest.mark.slow),
        ClassicalNerf(steps=3, batch=16),
    ],
)
def test_the_other_recipes_run_on_contracted_space_too(scene: Scene, recipe: Any) -> None:
    solution = fit_radiance(scene, recipe, every=10**6)
    assert np.isfinite(solution.history.loss).all()


def test_a_capture_is_made_and_trained_on_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "table"
    options = ["--inside", "landscape", "--views", "10", "--test", "2", "--size", "16", "--samples", "1", "--json"]
    assert run(["scene", "make", str(made), *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["train"], facts["test"], facts["alpha"]) == (10, 2, False)
    assert run(["scene", "make", str(tmp_path / "b"), "--inside", "space"]) == 2
    assert "--inside" in capsys.readouterr().err
    out = tmp_path / "out"
    assert run(["radiance", str(made), "--quick", "--out", str(out), "--json", "--no-figures"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["facts"]["contracted"]["radius"] > 0 if "facts" in summary else summary["metrics"]["psnr"] > 5
