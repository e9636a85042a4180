"""Cameras: rays go through their pixels, distortion comes off again, conventions name the same camera."""

import math

import pytest
import torch

from pinnkit.radiance import Camera, Convention, look_at
from pinnkit.radiance.data.cameras import nearest_point_to_axes

EYE, TARGET = (2.0, -1.5, 1.0), (0.1, 0.2, 0.3)


def camera(**more: object) -> Camera:
    convention = more.pop("convention", Convention.OPENGL)
    pose = look_at(EYE, TARGET, convention=convention)
    return Camera(**{"width": 40, "height": 30, "fx": 35.0, "fy": 33.0, "pose": pose, "convention": convention, **more})


def test_a_point_along_a_ray_projects_to_its_pixel() -> None:
    taken = camera(cx=18.5, cy=16.0)
    origins, directions = taken.rays()
    pixel, depth = taken.project(origins + 1.7 * directions)
    torch.testing.assert_close(pixel, taken.pixels(), rtol=0, atol=1e-12)
    torch.testing.assert_close(depth, torch.full_like(depth, 1.7))


def test_pixels_run_row_by_row_through_centres_and_pictures_need_not_be_square() -> None:
    pixels = camera().pixels()
    assert pixels.shape == (30 * 40, 2)
    assert pixels[0].tolist() == [0.5, 0.5]
    assert pixels[41].tolist() == [1.5, 1.5]
    mean = camera().pixels(3).reshape(30 * 40, 9, 2).mean(dim=1)
    torch.testing.assert_close(mean, pixels)


def test_directions_have_length_one_along_the_optical_axis_not_along_themselves() -> None:
    taken = camera()
    _, directions = taken.rays()
    torch.testing.assert_close(directions @ taken.forward, torch.ones(1200, dtype=torch.float64))
    corner = math.hypot(1, 19.5 / 35, 14.5 / 33)
    assert float(directions.norm(dim=1).max()) == pytest.approx(corner)


@pytest.mark.parametrize("convention", Convention)
def test_both_conventions_see_the_target_in_the_middle_and_up_above(convention: Convention) -> None:
    taken = camera(convention=convention)
    pixel, depth = taken.project(torch.tensor([TARGET, (*TARGET[:2], TARGET[2] + 0.1)], dtype=torch.float64))
    assert pixel[0].tolist() == pytest.approx([20, 15])
    assert pixel[1, 1] < 15  # higher in the world is higher in the picture: a smaller row
    assert float(depth[0]) == pytest.approx(math.dist(EYE, TARGET))


def test_the_same_pose_in_the_other_convention_looks_the_other_way() -> None:
    taken = camera()
    other = Camera(40, 30, 35.0, 33.0, taken.pose, convention=Convention.OPENCV)
    torch.testing.assert_close(other.forward, -taken.forward)


@pytest.mark.parametrize(
    "lens", [{"k1": 0.2}, {"k1": -0.25, "k2": 0.08}, {"p1": 0.01, "p2": -0.02}, {"k1": -0.1, "p1": 0.003, "p2": 0.004}]
)
def test_distortion_is_undone_by_rays(lens: dict[str, float]) -> None:
    taken = camera(**lens)
    origins, directions = taken.rays()
    pixel, _ = taken.project(origins + 3 * directions)
    torch.testing.assert_close(pixel, taken.pixels(), rtol=0, atol=1e-9)
    plain = camera().rays().directions
    assert (directions - plain).abs().max() > 1e-3


def test_distortion_has_the_signs_of_opencv() -> None:
    # By hand for (x, y) = (0.3, -0.2): r^2 = 0.13; the formula of the class, k1 = 0.1, p1 = 0.01, p2 = 0.02.
    taken = camera(k1=0.1, p1=0.01, p2=0.02)
    frame = taken.right_down_forward
    point = taken.position + frame @ torch.tensor([0.3, -0.2, 1.0], dtype=torch.float64)
    pixel, _ = taken.project(point[None])
    x = 0.3 * 1.013 + 2 * 0.01 * 0.3 * -0.2 + 0.02 * (0.13 + 2 * 0.09)
    y = -0.2 * 1.013 + 0.01 * (0.13 + 2 * 0.04) + 2 * 0.02 * 0.3 * -0.2
    assert pixel[0].tolist() == pytest.approx([20 + 35 * x, 15 + 33 * y])


def test_a_resized_camera_has_the_same_field_of_view() -> None:
    small = camera(cx=18.0, k1=0.1).resized(20, 15)
    large = camera(cx=18.0, k1=0.1)
    point = torch.tensor([[0.3, 0.1, 0.2]], dtype=torch.float64)
    torch.testing.assert_close(small.project(point)[0] * 2, large.project(point)[0])


def test_points_behind_a_camera_have_no_pixel() -> None:
    taken = camera()
    pixel, depth = taken.project((taken.position - taken.forward)[None])
    assert bool(pixel.isnan().all())
    assert float(depth[0]) == pytest.approx(-1)


def test_the_nearest_point_is_where_axes_meet() -> None:
    eyes = [(3.0, 0.0, 1.0), (0.0, 3.0, 0.5), (-2.0, -2.0, 2.0)]
    cameras = [Camera(8, 8, 8.0, 8.0, look_at(eye, TARGET, convention=Convention.OPENCV)) for eye in eyes]
    torch.testing.assert_close(nearest_point_to_axes(cameras), torch.tensor(TARGET, dtype=torch.float64))


GOOD = look_at(EYE, TARGET, convention=Convention.OPENGL)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"width": 0}, "`width` must be a whole number"),
        ({"fx": -3.0}, "`fx` must be a positive number"),
        ({"cx": math.nan}, "`cx` must be finite"),
        ({"pose": GOOD * math.nan}, "nan or inf"),
        ({"pose": torch.eye(3)}, "4 x 4 camera-to-world"),
        ({"pose": "north"}, "4 x 4 matrix of numbers"),
        ({"pose": torch.diag(torch.tensor([1.0, 2.0, 1.0, 1.0]))}, "a rotation with a position"),
        ({"pose": torch.diag(torch.tensor([1.0, 1.0, -1.0, 1.0]))}, "a rotation with a position"),
        ({"pose": GOOD.T}, "a rotation with a position"),
        ({"k1": -2.0}, "folds the picture"),
    ],
)
def test_a_camera_that_cannot_be_is_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        camera(**given)


def test_a_pose_with_a_scale_or_few_digits_becomes_a_rotation() -> None:
    rough = (GOOD * 1e4).round() / 1e4
    rough[:3, :3] *= 0.5
    turned = camera(pose=rough).pose[:3, :3]
    torch.testing.assert_close(turned @ turned.T, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(turned, GOOD[:3, :3], rtol=0, atol=2e-4)


def test_looking_straight_up_needs_another_up() -> None:
    with pytest.raises(ValueError, match="choose another `up`"):
        look_at((0, 0, 0), (0, 0, 2), convention=Convention.OPENGL)
