"""Properties of random captures: what is written comes back; damaged files are refused or give a whole scene."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pinnkit.radiance import Convention, Scene, make_scene, read_scene, write_scene
from pinnkit.radiance.data.transforms import read_transforms
from tests.damage import FEW, SETTINGS, Damage, damages, insertions, read_or_refused, truncations

VIEWS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_scene(views=VIEWS, test=2, size=16, seed=2, samples=1)
    return write_scene(made, tmp_path_factory.mktemp("captures") / "scene")


def check_whole(scene: Scene) -> None:
    """All views are there, with cameras and boxes of finite numbers."""
    assert len(scene.train) == VIEWS
    for view in (*scene.train, *scene.test):
        assert bool(view.camera.pose.isfinite().all())
        assert view.image.shape[:2] == (view.camera.height, view.camera.width)


def read(path: Path) -> Scene:
    return read_scene(path)


# transforms.json -----------------------------------------------------------------------------------------------------
numbers = st.floats(-3, 3, allow_nan=False)
lens = st.fixed_dictionaries(
    {"fl_x": st.floats(8, 80), "fl_y": st.floats(8, 80)},
    optional={"cx": st.floats(4, 12), "cy": st.floats(4, 12), "k1": st.floats(-1e-3, 1e-3), "p2": st.floats(0, 1e-3)},
)


@FEW
@given(st.lists(st.tuples(lens, st.integers(0, 2**31), st.tuples(numbers, numbers, numbers)), min_size=1, max_size=4))
def test_random_cameras_come_back_to_the_last_bit(given_frames: list[Any]) -> None:
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save("a.png")
    frames = []
    for numbers_of_lens, seed, position in given_frames:
        turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = turn * np.sign(np.linalg.det(turn)), position
        frames.append({"file_path": "a", "transform_matrix": pose.tolist(), **numbers_of_lens})
    Path("transforms.json").write_text(json.dumps({"frames": frames}))
    found = read_transforms(Path("transforms.json"), convention=Convention.OPENGL)
    assert len(found.frames) == len(frames)
    for frame, stated in zip(found.frames, frames, strict=True):
        camera = frame.camera
        torch.testing.assert_close(camera.pose, torch.tensor(stated["transform_matrix"]).double(), rtol=0, atol=1e-6)
        assert (camera.fx, camera.fy) == (stated["fl_x"], stated["fl_y"])
        assert camera.centre == (stated.get("cx", 8.0), stated.get("cy", 8.0))
        assert (camera.k1, camera.k2, camera.p1, camera.p2) == (stated.get("k1", 0), 0, 0, stated.get("p2", 0))


@SETTINGS
@given(st.one_of(truncations, insertions))
def test_truncated_transforms_are_refused(folder: Path, damage: Damage) -> None:
    shutil.copytree(folder, "scene", dirs_exist_ok=True)
    path = Path("scene/transforms_train.json")
    path.write_bytes(damage(path.read_bytes()))
    scene = read_or_refused(read, Path("scene"))
    if scene is not None:
        check_whole(scene)


@SETTINGS
@given(damages)
def test_damaged_transforms_are_refused_or_complete(folder: Path, damage: Damage) -> None:
    shutil.copytree(folder, "scene", dirs_exist_ok=True)
    path = Path("scene/transforms_train.json")
    path.write_bytes(damage(path.read_bytes()))
    scene = read_or_refused(read, Path("scene"))
    if scene is not None and len(scene.train) == VIEWS:
        check_whole(scene)
    elif scene is not None:
        assert any("have no picture and are left out" in note for note in scene.notes)


odd_values = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.sampled_from([10**400, "", "x", "\0", "x" * 5000]),
    st.lists(st.one_of(st.floats(), st.text(max_size=3), st.just(10**400)), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
KEYS = (
    "frames", "camera_angle_x", "fl_x", "w", "h", "cx", "k1", "k3", "box", "background", "samples_per_pixel",
    "train_filenames", "test_filenames", "camera_model", "is_fisheye", "aabb_scale",
)  # fmt: skip
FRAME_KEYS = ("file_path", "transform_matrix", "fl_x", "w", "cy", "mask_path")


@settings(SETTINGS, max_examples=25)
@given(st.sampled_from(KEYS), st.sampled_from(FRAME_KEYS), odd_values, st.booleans())
def test_odd_values_in_transforms_are_refused_or_unused(
    folder: Path, key: str, frame_key: str, value: Any, in_frame: bool
) -> None:
    shutil.copytree(folder, "scene", dirs_exist_ok=True)
    path = Path("scene/transforms_train.json")
    content = json.loads(path.read_text())
    if in_frame:
        content["frames"][1][frame_key] = value
    else:
        content[key] = value
    path.write_text(json.dumps(content))
    scene = read_or_refused(read, Path("scene"))
    if scene is not None:
        for view in scene.train:
            assert bool(view.camera.pose.isfinite().all())
        assert all(np.isfinite([a.lower, a.upper]).all() for a in scene.box.axes)


# files beside it -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["r_000.png", "r_000_geometry.npz"])
@settings(SETTINGS, max_examples=25)
@given(damages)
def test_damaged_pictures_and_geometry_are_refused_or_whole(folder: Path, name: str, damage: Damage) -> None:
    shutil.copytree(folder, "scene", dirs_exist_ok=True)
    path = next(Path("scene").rglob(name))
    whole = read_scene("scene")
    path.write_bytes(damage(path.read_bytes()))
    scene = read_or_refused(read, Path("scene"))
    if scene is not None:  # changes that undo each other, or bytes that do not bear on the values
        for found, wanted in zip(scene.train, whole.train, strict=True):
            assert torch.equal(found.image, wanted.image)
            assert found.depth is not None
            assert wanted.depth is not None
            assert torch.equal(found.depth, wanted.depth)


def test_very_deep_lists_are_no_json() -> None:
    Path("transforms.json").write_text('{"frames": ' + "[" * 100_000)
    assert read_or_refused(read, Path("transforms.json")) is None
