"""Generated scenes: exact intersections, pictures that agree with their depth, the same bytes for the same seed."""

import hashlib
import json
import math
from pathlib import Path

import pytest
import torch

from pinnkit.radiance import Camera, Convention, Scene, View, draw_cameras, draw_views, look_at, make_scene, write_scene
from pinnkit.radiance.data.scene import box_from_corners, corners
from pinnkit.radiance.synthetic.generated_scenes import random_solids, spiral_cameras
from pinnkit.radiance.synthetic.ray_tracer import Light, trace, trace_view
from pinnkit.radiance.synthetic.solids import Ball, Block

BALL = Ball((0.2, -0.1, 0.5), 0.4, (0.8, 0.2, 0.1))
BLOCK = Block((0.1, 0.3, 0.2), (0.5, 0.3, 0.2), (0.1, 0.5, 0.9), degrees=30.0)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(views=6, test=2, size=30, seed=3, samples=2)


def distance_to(solid: Ball | Block, points: torch.Tensor) -> torch.Tensor:
    """Signed distance, written anew."""
    centre = torch.tensor(solid.centre, dtype=torch.float64)
    if isinstance(solid, Ball):
        return (points - centre).norm(dim=1) - solid.radius
    c, s = math.cos(math.radians(solid.degrees)), math.sin(math.radians(solid.degrees))
    x, y, z = (points - centre).unbind(dim=1)
    own = torch.stack([c * x + s * y, -s * x + c * y, z], dim=1).abs() - torch.tensor(solid.half, dtype=torch.float64)
    return own.clamp(min=0).norm(dim=1) + own.amax(dim=1).clamp(max=0)


@pytest.mark.parametrize("solid", [BALL, BLOCK], ids=["ball", "block"])
@pytest.mark.parametrize("inside", [False, True])
def test_rays_meet_the_surface_first_where_it_is(solid: Ball | Block, inside: bool, generator: torch.Generator) -> None:
    centre = torch.tensor(solid.centre, dtype=torch.float64)
    origins = torch.randn(400, 3, generator=generator, dtype=torch.float64)
    origins = centre + (0.0 * origins if inside else 2.0 * origins / origins.norm(dim=1, keepdim=True))
    directions = torch.randn(400, 3, generator=generator, dtype=torch.float64) * (1.0 if inside else 0.3)
    directions = directions + (0.0 if inside else 1.5) * (centre - origins)
    t, normal = solid.hit(origins, directions)
    met = t.isfinite()
    points = origins[met] + t[met, None] * directions[met]
    assert float(distance_to(solid, points).abs().max()) < 1e-12
    # No earlier crossing, and no crossing at all where none was found: marched on a fine lattice of t.
    march = torch.linspace(0, 4, 801, dtype=torch.float64)
    along = origins[:, None] + march[None, :, None] * directions[:, None]
    within = (distance_to(solid, along.reshape(-1, 3)) < -1e-9).view(400, -1)
    before = march[None] < torch.where(met, t, torch.inf)[:, None]
    assert not bool((within & before).any()) or inside
    assert bool(met.all()) if inside else 50 < int(met.sum()) < 400
    # Normals are the gradient of the distance.
    step = 1e-6
    out = distance_to(solid, points + step * normal[met]) - distance_to(solid, points - step * normal[met])
    assert float((out / (2 * step) - 1).abs().max()) < 1e-4
    lower, upper = (torch.tensor(corner, dtype=torch.float64) for corner in solid.bounds)
    assert bool(((points >= lower - 1e-9) & (points <= upper + 1e-9)).all())


def test_t_is_in_units_of_the_direction() -> None:
    origins, directions = torch.tensor([[0.2, -0.1, 3.0]]).double(), torch.tensor([[0.0, 0.0, -2.0]]).double()
    assert float(BALL.hit(origins, directions)[0]) == pytest.approx((3 - 0.9) / 2)


@pytest.mark.parametrize("solid", [BALL, BLOCK], ids=["ball", "block"])
def test_a_narrow_light_is_hidden_exactly_where_a_ray_to_it_is_stopped(
    solid: Ball | Block, generator: torch.Generator
) -> None:
    light = torch.tensor([0.48, -0.36, 0.8], dtype=torch.float64)
    points = torch.rand(2000, 3, generator=generator, dtype=torch.float64) * 3 - 1.5
    points = points[distance_to(solid, points) > 0.02]
    stopped = solid.hit(points, light.expand_as(points))[0].isfinite()
    open_ = solid.light_visibility(points, light, 1e-7)
    assert float((open_ - (~stopped).double()).abs().max()) < 1e-3
    soft = solid.light_visibility(points, light, 0.2)
    assert int(((soft > 0.01) & (soft < 0.99)).sum()) > 0


def test_the_floor_is_a_checkerboard_on_top_only() -> None:
    floor = random_solids(torch.Generator().manual_seed(0))[0]
    points = torch.tensor([[0.1, 0.1, 0.0], [0.3, 0.1, 0.0], [0.3, 0.3, 0.0], [0.3, 0.1, -0.08]], dtype=torch.float64)
    one, other, again, below = floor.colour(points)
    assert torch.equal(one, again)
    assert torch.equal(one, below)
    assert not torch.equal(one, other)


def test_the_nearest_solid_hides_the_others_and_nothing_is_nothing() -> None:
    front = Ball((0.0, 0.0, 2.0), 0.3, (1.0, 0.0, 0.0))
    back = Ball((0.0, 0.0, 0.0), 0.3, (0.0, 1.0, 0.0))
    origins = torch.tensor([[0.0, 0.0, 5.0], [2.0, 0.0, 5.0]], dtype=torch.float64)
    met = trace([back, front], Light(), origins, torch.tensor([0.0, 0.0, -1.0]).double().expand(2, 3))
    assert float(met.t[0]) == pytest.approx(2.7)
    assert float(met.colour[0, 0]) > 0.3
    assert float(met.colour[0, 1]) == 0
    assert math.isinf(float(met.t[1]))
    assert met.colour[1].tolist() == [0, 0, 0]


def test_depth_normals_and_alpha_agree_with_each_other(scene: Scene) -> None:
    for view in scene.train:
        assert view.depth is not None
        assert view.normals is not None
        there = view.depth.isfinite()
        assert bool((view.alpha[there] > 0).all())
        assert float(view.alpha[~there].max()) <= 0.75
        length = view.normals.norm(dim=2)
        torch.testing.assert_close(length, there.float())
        # Points of the depth lie in the box, and normals face the camera.
        origins, directions = view.camera.rays()
        points = origins + view.depth.reshape(-1, 1).double() * directions
        lower, upper = corners(scene.box)
        inside = ((points > lower) & (points < upper)).all(dim=1)
        assert bool(inside[there.reshape(-1)].all())
        facing = (view.normals.reshape(-1, 3).double() * directions).sum(dim=1)
        assert bool((facing[there.reshape(-1)] <= 1e-6).all())


def test_a_pixel_is_the_mean_of_its_rays() -> None:
    solids, light = [BALL], Light()
    camera = Camera(9, 7, 12.0, 12.0, look_at((2.0, 1.0, 1.0), BALL.centre, convention=Convention.OPENCV))
    one = trace_view("a", camera, solids, light, samples=4)
    fine = Camera(36, 28, 48.0, 48.0, camera.pose, convention=Convention.OPENCV)
    many = trace_view("b", fine, solids, light, samples=1)
    over = many.over((0.0, 0.0, 0.0)).reshape(7, 4, 9, 4, 3).mean(dim=(1, 3))
    camera_cv = Camera(9, 7, 12.0, 12.0, camera.pose, convention=Convention.OPENCV)
    one = trace_view("a", camera_cv, solids, light, samples=4)
    torch.testing.assert_close(one.over((0.0, 0.0, 0.0)), over, rtol=0, atol=1.1 / 255)


def test_cameras_see_the_whole_scene_and_held_out_ones_stand_elsewhere(scene: Scene) -> None:
    for view in (*scene.train, *scene.test):
        alpha = view.alpha
        assert float(torch.cat([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]]).max()) == 0
        assert float(alpha.max()) == 1
    train, test = (torch.stack([v.camera.position for v in part]) for part in (scene.train, scene.test))
    assert float(torch.cdist(train, test).min()) > 0.1


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    def written(name: str, seed: int) -> dict[str, str]:
        folder = write_scene(make_scene(views=3, test=1, size=12, seed=seed, samples=1), tmp_path / name)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    one, again, other = written("one", 0), written("again", 0), written("other", 1)
    assert one == again
    assert one != other
    assert set(one) == set(other)
    assert {"transforms_train.json", "train/r_002.png", "test/r_000_geometry.npz"} <= set(one)


def test_the_files_have_blenders_flavour(tmp_path: Path, scene: Scene) -> None:
    write_scene(scene, tmp_path)
    content = json.loads((tmp_path / "transforms_train.json").read_text())
    first = content["frames"][0]
    assert first["file_path"] == "./train/r_000"
    assert torch.tensor(first["transform_matrix"], dtype=torch.float64).equal(scene.train[0].camera.pose)
    assert content["w"] / 2 / math.tan(content["camera_angle_x"] / 2) == pytest.approx(scene.train[0].camera.fx)


def test_a_scene_of_unlike_lenses_cannot_be_written_as_blender(tmp_path: Path) -> None:
    pose = look_at((3, 0, 1), (0, 0, 0), convention=Convention.OPENGL)
    image = torch.zeros(8, 8, 3, dtype=torch.uint8)
    views = [View(str(f), Camera(8, 8, f, f, pose), image) for f in (8.0, 9.0)]
    scene = Scene("two", tuple(views), (), box_from_corners((-1, -1, -1), (1, 1, 1)))
    with pytest.raises(ValueError, match="must have the lens of the others"):
        write_scene(scene, tmp_path)


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="`views` must be at least 1"):
        make_scene(views=0)
    with pytest.raises(ValueError, match="uint8"):
        View("a", spiral_cameras((0, 0, 0), 1)[0], torch.zeros(100, 100, 3))


def test_cameras_and_views_are_drawn(scene: Scene, tmp_path: Path) -> None:
    draw_cameras(scene).savefig(tmp_path / "cameras.png", dpi=50)
    draw_views(scene, most=3).savefig(tmp_path / "views.png", dpi=50)
    assert (tmp_path / "cameras.png").stat().st_size > 5000
