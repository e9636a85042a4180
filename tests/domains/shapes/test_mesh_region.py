"""MeshRegion: measures, walls, signs and files of closed meshes; what is refused with the place, or mended."""

from __future__ import annotations

import copy
import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit.domains import Ball, Box, MeshRegion, Time, domain_from_dict, domain_to_dict

trimesh = pytest.importorskip("trimesh")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def part() -> MeshRegion:
    return MeshRegion(trimesh.creation.cylinder(0.5, 2.0, sections=48))


def test_a_part_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "part.stl"
    trimesh.creation.box((1, 2, 3)).export(path)
    box = MeshRegion(path)
    assert box.measure == pytest.approx(6)
    assert sorted(box.piece_measures) == pytest.approx([2, 2, 3, 3, 6, 6])  # six smooth patches
    assert [(a.name, a.lower, a.upper) for a in box.axes] == [("x", -0.5, 0.5), ("y", -1, 1), ("z", -1.5, 1.5)]
    x = torch.rand(500, 3, generator=seeded(), dtype=torch.float64) * 4 - 2
    same = Box(x=(-0.5, 0.5), y=(-1, 1), z=(-1.5, 1.5))
    torch.testing.assert_close(box.signed_distance(x), same.signed_distance(x), rtol=0, atol=1e-12)


def test_walls_are_smooth_patches(part: MeshRegion) -> None:
    assert [wall.name for wall in part.walls] == ["mesh patch 0", "mesh patch 1", "mesh patch 2"]
    side = part.walls[0].sample(2000, seeded())
    assert side.normal is not None
    assert float(part.signed_distance(side.coords).abs().max()) < 1e-9
    assert float(side.normal[:, 2].abs().max()) < 1e-9
    assert bool(((side.normal * side.coords).sum(dim=1) > 0).all())
    flat = MeshRegion(trimesh.creation.cylinder(0.5, 2.0, sections=48), sharp=180)
    assert [wall.name for wall in flat.walls] == ["mesh"]
    assert flat != part
    everything = part.boundary.sample(20_000, seeded())
    counts = torch.bincount(part.piece_at(everything.coords), minlength=3).double() / 20_000
    torch.testing.assert_close(
        counts, torch.tensor(part.piece_measures).double() / part.boundary_measure, rtol=0, atol=2e-3
    )
    flux = float(everything.weight @ (everything.normal * everything.coords).sum(dim=1)) / 3
    assert flux == pytest.approx(part.measure, rel=1e-3)


def test_signs_come_from_winding_numbers(part: MeshRegion) -> None:
    inside = part.sample(2000, seeded())
    radius = inside.coords[:, :2].norm(dim=1)
    assert bool(part.contains(inside.coords).all())
    assert float(radius.max()) < 0.5
    assert float(inside.weight.sum()) == pytest.approx(part.measure)
    hollow = trimesh.util.concatenate([trimesh.creation.icosphere(2, 1.0), _inward(trimesh.creation.icosphere(2, 0.5))])
    shell = MeshRegion(hollow)
    x = torch.tensor([[0.0, 0, 0], [0.7, 0, 0], [1.2, 0, 0]], dtype=torch.float64)
    assert shell.contains(x).tolist() == [False, True, False]
    assert shell.measure == pytest.approx(hollow.volume)


def test_equality_copies_and_files(part: MeshRegion) -> None:
    again = MeshRegion(vertices=part.points, triangles=part.faces)
    made = domain_from_dict(json.loads(json.dumps(domain_to_dict(part * Time(0, 1)))))
    assert made == part * Time(0, 1)
    for same in (again, copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
        assert same == part
        assert hash(same) == hash(part)
    assert torch.equal(part.sample(9, seeded()).coords, again.sample(9, seeded()).coords)


def test_meshes_take_part_in_combinations(part: MeshRegion) -> None:
    drilled = part - Ball(x=0, y=0, z=1, radius=0.3)
    assert drilled.measure == pytest.approx(part.measure - 2 / 3 * math.pi * 0.027, rel=1e-3)
    assert drilled.boundary_of(part).measure == pytest.approx(part.boundary_measure - math.pi * 0.09, rel=1e-3)
    turned = part.rotated(0.4, "x").scaled(2)
    assert turned.measure == pytest.approx(8 * part.measure)
    assert float(turned.signed_distance(turned.boundary.sample(100, seeded()).coords).abs().max()) < 1e-9


def test_a_mesh_that_is_turned_inside_out_is_turned_round() -> None:
    assert MeshRegion(_inward(trimesh.creation.box((1, 1, 1)))).measure == pytest.approx(1)


def test_open_meshes_are_refused_with_the_place_or_mended() -> None:
    mesh = trimesh.creation.box((2, 2, 2))
    lid = np.asarray(mesh.triangles_center)[:, 2] > 0.99
    mesh.update_faces(~lid)
    with pytest.raises(
        ValueError, match=r"not closed: 4 edges have one triangle only, one of them near \(.*, 1\)"
    ) as e:
        MeshRegion(mesh)
    assert "mended=True" in str(e.value)
    assert "\n" not in str(e.value)
    assert MeshRegion(mesh, mended=True).measure == pytest.approx(8)


def test_dirty_meshes_are_refused_or_mended() -> None:
    mesh = trimesh.creation.box((2, 2, 2))
    faces = np.array(mesh.faces)
    faces[3] = faces[3][::-1]
    with pytest.raises(ValueError, match="not oriented alike; give MeshRegion"):
        MeshRegion(vertices=mesh.vertices, triangles=faces)
    assert MeshRegion(vertices=mesh.vertices, triangles=faces, mended=True).measure == pytest.approx(8)
    fin = np.concatenate([mesh.faces, [[0, 1, 7]]])
    with pytest.raises(ValueError, match="is not closed"):
        MeshRegion(vertices=mesh.vertices, triangles=fin)
    flat = [[0, 1, 2], [0, 2, 1]]
    with pytest.raises(ValueError, match="encloses no volume"):
        MeshRegion(vertices=[[0, 0, 0], [1, 0, 0], [0, 1, 0]], triangles=flat)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(), "either a file or mesh, or `vertices` with `triangles`"),
        (dict(vertices=[[0, 0, 0]]), "either a file or mesh"),
        (dict(source=3), "`source` must be a file or a mesh of trimesh, got 3"),
        (dict(vertices=[[0, 0]], triangles=[[0, 0, 0]]), r"`vertices` must be finite, \(v, 3\)"),
        (dict(vertices=[[0, 0, 0]], triangles=[[0, 1, 2]]), "`triangles` must be whole numbers below 1"),
        (dict(vertices=[[0, 0, 0]], triangles=[[0, 0, 0]], names=("x", "y")), "three names of axes"),
        (dict(vertices=[[0, 0, 0]], triangles=[[0, 0, 0]], sharp=0), "`sharp` must be an angle"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MeshRegion(**arguments)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MeshRegion(tmp_path / "none.stl")


def _inward(mesh):
    mesh.invert()
    return mesh
