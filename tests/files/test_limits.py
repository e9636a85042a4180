"""The limits that matter most, one by one: links out of a file, declared sizes, bombs, names that lead elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit import UnreadableFile, load
from pinnkit.files.content import check_size, read_json
from pinnkit.files.paths import path_inside
from pinnkit.images import read_picture
from pinnkit.meshes.mesh_reading import read_mesh
from pinnkit.meshes.polygons import Polygons
from pinnkit.radiance import make_scene, write_scene
from pinnkit.radiance.data.picture_files import read_picture as read_view
from pinnkit.solutions.bounded_build import bounded
from pinnkit.solvers.training import checkpoint
from pinnkit.surfaces.io.point_files import read_points

from .crafted_arrays import zeros_archive
from .crafted_hdf5 import STORAGE, edited, replaced
from .crafted_pictures import png, small
from .crafted_shapes import obj, star
from .crafted_solutions import CHECKPOINT, SOLUTION, whole_checkpoint, whole_solution

OUTSIDE = [name for name in STORAGE if name.startswith(("link", "soft link", "virtual", "storage"))]


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_outside_the_file_is_read_into_a_solution_or_a_checkpoint(name: str, tmp_path: Path) -> None:
    whole = whole_solution(tmp_path)
    case = edited("", whole, SOLUTION, replaced("grid/u", STORAGE[name]))
    with pytest.raises(UnreadableFile, match=r"crafted\.h5' is damaged or no solution .*(link|outside the file)"):
        load(case.make(tmp_path))
    whole = whole_checkpoint(tmp_path)
    case = edited("", whole, CHECKPOINT, replaced("tensors/0", STORAGE[name]))
    with pytest.raises(UnreadableFile, match=r"crafted\.h5' is no readable checkpoint .*(link|outside the file)"):
        checkpoint.read(case.make(tmp_path))


@pytest.mark.parametrize("read", [read_picture, read_view])
def test_gigapixels_are_refused_by_name_before_they_are_decoded(read: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png(40_000, 30_000))
    with pytest.raises(UnreadableFile, match=r"large\.png'.* is too large: 40000 x 30000|is too large: Image size"):
        read(path)


@pytest.mark.parametrize("read", [read_picture, read_view])
def test_every_bit_of_a_png_is_checked(read: Callable[[Path], object], tmp_path: Path) -> None:
    data, path = small("PNG"), tmp_path / "a.png"
    at = data.index(b"IDAT") + 4
    for place in range(at, data.index(b"IEND") - 4, 2):
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(bytes(changed))
        with pytest.raises(UnreadableFile, match=r"a\.png' is damaged|a\.png': is damaged"):
            read(path)


def test_an_archive_that_unpacks_to_many_times_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(zeros_archive("points.npy", "|u1", (6_000_000, 3))())
    with pytest.raises(UnreadableFile, match=r"would unpack from [\d,]+ to 18,000,\d+ bytes"):
        read_points(path)


def test_polygons_that_take_minutes_are_refused_and_others_are_not(tmp_path: Path) -> None:
    at = star(300, crossed=True)
    assert len(Polygons(at, np.array([300]), np.arange(300)).triangles()) == 298
    at = star(20_000, crossed=False)
    with pytest.raises(ValueError, match=r"not convex have too many corners, one has 20,000"):
        Polygons(at, np.array([20_000]), np.arange(20_000)).triangles()
    (tmp_path / "a.obj").write_bytes(obj("f" + " 1 2 3" * 30_000 + "\n"))
    with pytest.raises(UnreadableFile, match=r"a face has 90,000 corners, at most 65,536"):
        read_mesh(tmp_path / "a.obj")


def test_a_field_is_no_larger_than_its_state() -> None:
    with bounded(4, 100):
        assert torch.zeros(1000, 1000).shape == (1000, 1000)
        torch.nn.Linear(100, 100)
    for make in (
        lambda: torch.zeros(10**5, 10**5),
        lambda: torch.empty((10**5, 10**5)),
        lambda: torch.nn.Linear(10**6, 10**6),
        lambda: torch.linspace(0, 1, 10**9),
        lambda: torch.arange(10**9),
        lambda: torch.eye(10**5),
        lambda: torch.zeros(2000, 1).expand(2000, 2000).clone(),
        lambda: [torch.zeros(1) for _ in range(10**5)],
    ):
        with pytest.raises(ValueError, match=r"far more"), bounded(4, 100):
            make()


def test_files_are_measured_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(20 * 2**20)
    assert check_size(path) == 20 * 2**20
    with pytest.raises(UnreadableFile, match=r"is too large: 20 MiB, at most 16 MiB are read"):
        read_json(path)
    with pytest.raises(UnreadableFile, match=r"is no regular file"):
        check_size(Path("/dev/zero"))


def test_names_of_views_do_not_lead_out_of_the_folder_that_is_written(tmp_path: Path) -> None:
    assert path_inside(tmp_path, "./a/b", owner="x") == tmp_path / "a/b"
    with pytest.raises(ValueError, match=r"leads out of"):
        path_inside(tmp_path, "../b", owner="x")
    scene = make_scene(views=3, test=1, size=8, seed=0, samples=1)
    hostile = replace(scene, train=(replace(scene.train[0], name="../../evil"), *scene.train[1:]))
    with pytest.raises(ValueError, match=r"write_scene: the name '\.\./\.\./evil' leads out of"):
        write_scene(hostile, tmp_path / "scene")
