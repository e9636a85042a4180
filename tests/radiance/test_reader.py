"""Reading scenes: flavours of transforms.json, what is skipped or scaled, and ten kinds of bad input."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pinnkit.cli import run
from pinnkit.radiance import (
    ConstantBackground,
    Convention,
    RandomBackground,
    Scene,
    make_scene,
    read_scene,
    write_scene,
)
from pinnkit.radiance.data.scene import box_from_corners, corners
from pinnkit.radiance.data.scene_bounds import initial_occupancy


@pytest.fixture(scope="module")
def made() -> Scene:
    return make_scene(views=12, test=3, size=24, seed=2, samples=2)


@pytest.fixture
def folder(made: Scene, tmp_path: Path) -> Path:
    return write_scene(made, tmp_path / "scene")


def edit(folder: Path, change: Callable[[dict[str, Any]], None], name: str = "transforms_train.json") -> None:
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


def as_single(folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """One transforms.json of the training frames, without what only our own files say."""
    content = json.loads((folder / "transforms_train.json").read_text())
    for name in ("box", "background", "samples_per_pixel"):
        content.pop(name)
    if change is not None:
        change(content)
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder / "transforms.json"


def test_what_was_written_is_read_again(folder: Path, made: Scene) -> None:
    read = read_scene(folder)
    assert (len(read.train), len(read.test)) == (12, 3)
    assert read.box == made.box
    assert (read.background, read.samples, read.notes) == (made.background, made.samples, ())
    assert read.has_alpha
    assert read.training_background == RandomBackground()
    cells = initial_occupancy(read, 48)
    assert cells.occupied < 0.97
    for view in read.train:  # nothing that is seen is carved away
        assert view.depth is not None
        origins, directions = view.camera.rays()
        depth = view.depth.reshape(-1, 1)
        points = (origins + depth * directions)[depth[:, 0].isfinite()]
        assert bool(cells.contains(points.float()).all())
    for one, other in zip((*read.train, *read.test), (*made.train, *made.test), strict=True):
        assert torch.equal(one.image, other.image)
        assert one.depth is not None
        assert one.normals is not None
        assert other.depth is not None
        assert torch.equal(one.depth, other.depth)
        torch.testing.assert_close(one.camera.pose, other.camera.pose)
        assert one.camera.fx == pytest.approx(other.camera.fx)


def test_blender_files_need_only_an_angle(folder: Path, made: Scene) -> None:
    def bare(content: dict[str, Any]) -> None:
        for name in ("w", "h", "fl_x", "fl_y", "box"):
            content.pop(name)

    edit(folder, bare)
    camera = read_scene(folder).train[0].camera
    assert (camera.width, camera.height) == (24, 24)
    assert (camera.fx, camera.fy) == pytest.approx((made.train[0].camera.fx,) * 2)


def test_intrinsics_of_a_frame_go_before_those_of_the_file(folder: Path) -> None:
    def frame(content: dict[str, Any]) -> None:
        content["k1"] = 0.01
        content["frames"][1] |= {"fl_x": 20.0, "fl_y": 21.0, "cx": 11.0, "cy": 13.0, "k1": 0.02, "p2": -0.001}

    edit(folder, frame)
    first, second = (view.camera for view in read_scene(folder).train[:2])
    assert (first.k1, second.k1, second.p2) == (0.01, 0.02, -0.001)
    assert (second.fx, second.fy, *second.centre) == (20, 21, 11, 13)


def test_of_a_single_file_every_eighth_view_is_held_out_and_said_so(folder: Path) -> None:
    read = read_scene(as_single(folder))
    assert (len(read.train), len(read.test)) == (10, 2)
    assert any("every 6th" in note or "every 8th" in note for note in read.notes), read.notes
    assert not {view.name for view in read.train} & {view.name for view in read.test}


def test_a_split_that_the_file_names_is_kept(folder: Path) -> None:
    def split(content: dict[str, Any]) -> None:
        names = [frame["file_path"] for frame in content["frames"]]
        content |= {"train_filenames": names[2:], "test_filenames": names[:2]}

    read = read_scene(as_single(folder, split))
    assert [view.name for view in read.test] == ["./train/r_000", "./train/r_001"]
    assert len(read.train) == 10


def test_the_chosen_box_holds_the_object_and_little_more(folder: Path, made: Scene) -> None:
    read = read_scene(as_single(folder))
    lower, upper = corners(read.box)
    inner, outer = corners(made.box)
    assert bool((lower < inner + 0.05).all())
    assert bool((upper > outer - 0.05).all())
    assert read.diagonal < 1.7 * made.diagonal
    assert any("silhouettes" in note for note in read.notes)


def flattened(path: Path, background: np.ndarray) -> np.ndarray:
    """The picture over a background, without alpha."""
    with Image.open(path) as image:
        rgba = np.asarray(image).astype(float) / 255
    return (255 * (rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:]) * background)).round().astype(np.uint8)


def test_opaque_pictures_before_an_even_background_are_cut_out(folder: Path, made: Scene) -> None:
    for path in folder.rglob("*.png"):
        Image.fromarray(flattened(path, np.array([0.1, 0.6, 0.2]))).save(
            path.with_suffix(".jpg"), quality=98, subsampling=0
        )
        path.unlink()
    read = read_scene(as_single(folder))
    assert read.has_alpha
    assert any("even background, (" in note for note in read.notes)
    assert read.background == pytest.approx((0.1, 0.6, 0.2), abs=0.02)
    assert read.diagonal < 1.8 * made.diagonal
    names = {f"./{view.name}": view for view in made.train}
    for view in read.train:
        truth, found = names[view.name].alpha, view.alpha
        assert float(found[truth == 1].mean()) > 0.99
        assert float(found[truth == 0].mean()) < 0.1  # JPEG smears edges by a pixel


def test_opaque_pictures_get_a_box_around_their_cameras(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        sky = np.linspace(0.2, 0.9, 24)[:, None, None] * np.array([0.5, 0.7, 1.0])
        Image.fromarray(flattened(path, sky)).save(path)
    read = read_scene(as_single(folder))
    assert not read.has_alpha
    lower, upper = corners(read.box)
    assert all(bool(((v.camera.position > lower) & (v.camera.position < upper)).all()) for v in read.train)
    assert any("opaque" in note for note in read.notes)
    mean = torch.stack([view.rgb.mean(dim=(0, 1)) for view in read.train]).mean(dim=0)
    assert read.training_background == ConstantBackground(tuple(mean.tolist()))
    # Nothing may be painted in front of one camera alone.
    cells = initial_occupancy(read, 24)
    positions = torch.stack([view.camera.position for view in read.train]).float()
    assert 0.02 < cells.occupied < 0.8
    assert not bool(cells.contains(positions).any())
    assert bool(cells.contains(torch.tensor([[0.0, 0.0, 0.2]])))


def test_what_is_not_used_is_said(folder: Path) -> None:
    read = read_scene(as_single(folder, lambda content: content.update(aabb_scale=4, scale=0.33, offset=[0.5] * 3)))
    assert any("aabb_scale, scale, offset in transforms.json not used" in note for note in read.notes)


def test_missing_frames_are_listed_and_skipped(folder: Path) -> None:
    for number in (3, 7):
        (folder / f"train/r_{number:03d}.png").unlink()
    read = read_scene(folder)
    assert len(read.train) == 10
    assert "2 of 12 frames have no picture and are left out: ./train/r_003, ./train/r_007." in read.notes


def test_pictures_of_another_size_and_the_same_shape_scale_the_camera(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        Image.open(path).resize((12, 12)).save(path)
    read, full = read_scene(folder), make_scene(views=12, test=3, size=24, seed=2, samples=1)
    assert read.train[0].image.shape == (12, 12, 4)
    assert read.train[0].camera.fx == pytest.approx(full.train[0].camera.fx / 2)
    assert "Pictures are 12 x 12, the file says 24 x 24: focal lengths were scaled." in read.notes
    assert read.train[0].depth is None


def test_large_pictures_are_scaled_down_and_test_views_thinned_out(folder: Path) -> None:
    read = read_scene(folder, longest=12, most_test=2)
    assert read.train[0].image.shape == (12, 12, 4)
    assert [view.name for view in read.test] == ["./test/r_000", "./test/r_002"]
    assert len(read.notes) == 2


def test_grey_and_jpeg_pictures_and_names_of_windows_are_read(folder: Path) -> None:
    for path in (folder / "train").glob("*.png"):
        Image.open(path).convert("L").save(path.with_suffix(".jpg"))
        path.unlink()

    def windows(content: dict[str, Any]) -> None:
        for frame in content["frames"]:
            frame["file_path"] = frame["file_path"].replace("./train/", ".\\train\\") + ".jpg"

    edit(folder, windows)
    assert read_scene(folder).train[0].image.shape == (24, 24, 3)


def test_poses_of_opencv_are_read_by_naming_them(folder: Path, made: Scene) -> None:
    def turn(content: dict[str, Any]) -> None:
        for frame in content["frames"]:
            frame["transform_matrix"] = (np.array(frame["transform_matrix"]) * [1, -1, -1, 1]).tolist()

    edit(folder, turn)
    edit(folder, turn, "transforms_test.json")
    read = read_scene(folder, convention=Convention.OPENCV)
    for one, other in zip(read.train, made.train, strict=True):
        torch.testing.assert_close(one.camera.rays().directions, other.camera.rays().directions)
    with pytest.raises(ValueError, match=r"Convention.OPENCV \(--pose-convention opencv\)"):
        read_scene(folder)


# bad input ----------------------------------------------------------------------------------------------------------
def first_frame(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit(folder, lambda content: content["frames"][0].update(changes))


def top(**changes: Any) -> Callable[[Path], None]:
    def change(content: dict[str, Any]) -> None:
        for name, value in changes.items():
            if value is None:
                content.pop(name)
            else:
                content[name] = value

    return lambda folder: edit(folder, change)


def remove_pictures(folder: Path) -> None:
    for path in (folder / "train").glob("*.png"):
        path.unlink()


def all_pictures(change: Callable[[Image.Image], Image.Image]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for path in folder.rglob("*.png"):
            with Image.open(path) as image:
                image.load()
                changed = change(image)
            changed.save(path)

    return apply


def poses(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def each(content: dict[str, Any]) -> None:
        for frame in content["frames"]:
            frame["transform_matrix"] = change(np.array(frame["transform_matrix"])).tolist()

    def apply(folder: Path) -> None:
        edit(folder, each)
        edit(folder, each, "transforms_test.json")

    return apply


def world_to_camera_on_a_sphere(folder: Path) -> None:
    poses(lambda pose: np.linalg.inv(np.block([[pose[:3, :3], 3.6 * pose[:3, 2:3]], [np.zeros(3), np.ones(1)]])))(
        folder
    )


BAD_INPUT: dict[str, tuple[Callable[[Path], None], str]] = {
    "no transforms": (lambda f: [p.unlink() for p in f.glob("*.json")], "neither transforms_train.json nor"),
    "broken JSON": (lambda f: (f / "transforms_train.json").write_text("{frames"), "is no JSON"),
    "a list": (lambda f: (f / "transforms_train.json").write_text("[]"), "must hold an object with `frames`"),
    "no frames": (top(frames=[]), "`frames` must be a list of at least one frame"),
    "no picture is there": (remove_pictures, "none of the 12 pictures is there"),
    "no lens": (top(fl_x=None, fl_y=None, camera_angle_x=None), "the lens is not known"),
    "an angle in degrees": (top(fl_x=None, camera_angle_x=45.0), "between 0 and pi in radians"),
    "a lens that is no number": (first_frame(fl_x="long"), "`fl_x` must be a finite number"),
    "a fisheye": (top(camera_model="OPENCV_FISHEYE"), "no pinhole; undistort"),
    "more distortion than is known": (top(k1=0.1, k2=0.1, k3=0.02), "k3 is not supported"),
    "distortion that folds": (top(k1=-5.0), "folds the picture over itself"),
    "no pose": (lambda f: edit(f, lambda c: c["frames"][0].pop("transform_matrix")), "needs `transform_matrix`"),
    "NaN in a pose": (poses(lambda pose: pose * math.nan), "nan or inf"),
    "a pose with a mirror": (poses(lambda pose: pose * [1, 1, -1, 1]), "a rotation with a position"),
    "a corrupt picture": (
        lambda f: (f / "train/r_000.png").write_bytes(b"no picture"),
        "is no picture that Pillow can",
    ),
    "a picture cut short": (
        lambda f: (f / "train/r_000.png").write_bytes((f / "train/r_000.png").read_bytes()[:300]),
        "is damaged or cut short",
    ),
    "one pixel": (all_pictures(lambda image: image.resize((1, 1))), "at least 2 x 2"),
    "a picture of another shape": (all_pictures(lambda image: image.resize((24, 12))), "which is another shape"),
    "nothing but transparency": (
        all_pictures(lambda image: Image.new("RGBA", image.size)),
        "every pixel of every picture is transparent",
    ),
    "cameras that look away": (
        poses(lambda pose: pose * [1, -1, -1, 1]),
        r"cameras look away from .* \(--pose-convention opencv\)",
    ),
    "cameras at one place": (world_to_camera_on_a_sphere, "world-to-camera"),
    "a box beside the scene": (top(box=[[50, 50, 50], [51, 51, 51]]), "look away from the box"),
    "a background of 255": (top(background=[255, 255, 255]), "`background` must be three numbers in"),
    "a box inside out": (top(box=[[1, 1, 1], [-1, -1, -1]]), "`box` must be"),
    "one view": (lambda f: edit(f, lambda c: c["frames"].__delitem__(slice(1, None))), "at least 2 views"),
}


@pytest.mark.parametrize(("spoil", "words"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_scenes_are_refused_with_the_repair(folder: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=words) as raised:
        read_scene(folder)
    assert "scene" in str(raised.value) or "frame" in str(raised.value)  # it says where


def test_nothing_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no such file or folder"):
        read_scene(tmp_path / "nowhere")


def test_parallel_cameras_need_a_box(folder: Path) -> None:
    def parallel(content: dict[str, Any]) -> None:
        for number, frame in enumerate(content["frames"]):
            frame["transform_matrix"] = [[1, 0, 0, number / 10], [0, 1, 0, 0], [0, 0, 1, 3], [0, 0, 0, 1]]

    file = as_single(folder, parallel)
    with pytest.raises(ValueError, match=r"do not say how far away .* --box"):
        read_scene(file)
    assert read_scene(file, box=box_from_corners((-1, -1, -1), (1, 1, 1))).diagonal == pytest.approx(12**0.5)


# the command line ---------------------------------------------------------------------------------------------------
def test_a_scene_whose_figures_cannot_be_drawn_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Scene) -> None:
        raise RuntimeError("no display")

    monkeypatch.setattr("pinnkit.radiance.draw_views", fails)
    out = tmp_path / "a"
    sizes = ["--views", "2", "--test", "1", "--size", "8", "--samples", "1"]
    assert run(["scene", "make", str(out), *sizes]) == 1
    assert capsys.readouterr().err.startswith("pinnkit: failed: figures: RuntimeError: no display (test_reader.py:")
    assert len(read_scene(out).train) == 2


def test_scene_make_and_show_run_and_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made"
    arguments = ["scene", "make", str(out), "--views", "4", "--test", "1", "--size", "16", "--samples", "1", "--json"]
    assert run(arguments) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["train"], facts["test"], facts["width"], facts["alpha"]) == (4, 1, 16, True)
    assert {"cameras.png", "views.png", "train", "test"} <= {path.name for path in out.iterdir()}
    assert run(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(["scene", "show", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["train"] == 4
    assert run(["scene", "show", str(out), "--pose-convention", "opencv"]) == 2
    assert "look away" in capsys.readouterr().err
    assert run(["scene", "show", str(out), "--pose-convention", "east"]) == 2
    assert run(["scene", "show", str(out), "--box", "-2,-2,-2,2,2,2", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["box"] == [[-2.0, -2.0, -2.0], [2.0, 2.0, 2.0]]
    assert run(["scene", "show", str(out), "--box", "-2,-2,2,2"]) == 2
    assert "six numbers" in capsys.readouterr().err
    assert run(["scene", "make", str(tmp_path / "b"), "--views", "0"]) == 2


def test_views_that_contradict_each_other_are_named(folder: Path) -> None:
    def contradict(content: dict[str, Any]) -> None:
        frames = content["frames"]
        frames[4]["transform_matrix"] = frames[2]["transform_matrix"]
        frames[7]["file_path"] = frames[6]["file_path"]

    edit(folder, contradict)
    said = [note for note in read_scene(folder).notes if "pose" in note]
    assert len(said) == 2
    assert said[0].startswith("'./train/r_002' and './train/r_004' have one pose and different pictures")
    assert said[1].startswith("'./train/r_006' and './train/r_006' are one picture with two poses")


def test_two_photographs_from_a_tripod_agree(folder: Path) -> None:
    picture = np.asarray(Image.open(folder / "train/r_002.png")).astype(int)
    noise = np.random.default_rng(0).normal(scale=4, size=picture.shape).round().astype(int)
    noise[..., 3] = 0
    Image.fromarray((picture + noise).clip(0, 255).astype(np.uint8)).save(folder / "train/r_004.png")

    def repeat(content: dict[str, Any]) -> None:
        content["frames"][4]["transform_matrix"] = content["frames"][2]["transform_matrix"]

    edit(folder, repeat)
    assert not any("pose" in note for note in read_scene(folder).notes)
