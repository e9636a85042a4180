"""Exact solids: samples, distances, meshes and Euler numbers agree with each other."""

import math

import pytest
import torch
import trimesh

from pinnkit.meshes.mesh_checks import check_mesh
from pinnkit.surfaces.solids.gyroid import GyroidShell
from pinnkit.surfaces.solids.mesh_solid import MeshSolid
from pinnkit.surfaces.solids.solids import BoxMinusCylinder, Sphere, Torus, diagonal

SHAPES = [Sphere(), Torus(), BoxMinusCylinder()]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_samples_lie_on_the_surface_and_the_mesh_has_its_euler_number_and_volume(shape) -> None:
    assert shape.distance(shape.sample(500, seeded())).abs().max() < 1e-12
    mesh = shape.mesh()
    sound = check_mesh(mesh)
    assert sound.closed
    assert sound.oriented
    assert sound.euler == shape.euler
    assert mesh.volume == pytest.approx(shape.volume, rel=1e-3)
    assert shape.distance(torch.tensor(mesh.vertices)).abs().max() < 1e-12
    assert torch.allclose(torch.stack(shape.bounds), torch.tensor(mesh.bounds), atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: type(s).__name__)
def test_distances_are_those_to_dense_samples_with_the_right_sign(shape) -> None:
    points = 1.8 * torch.rand(20_000, 3, generator=seeded(1), dtype=torch.float64) - 0.9
    found = shape.distance(points)
    dense = shape.sample(10_000, seeded(2))
    nearest = torch.cdist(points[:100], dense).amin(1)
    assert (nearest - found[:100].abs()).min() > -1e-12
    assert (nearest - found[:100].abs()).max() < 0.06
    assert 1.8**3 * float((found < 0).double().mean()) == pytest.approx(shape.volume, rel=0.04)


def test_torus_samples_are_denser_outside_in_proportion_to_the_area() -> None:
    torus = Torus()
    x = torus.sample(20_000, seeded())
    outer = (torch.hypot(x[:, 0], x[:, 1]) > torus.major).double().mean()
    assert float(outer) == pytest.approx(0.5 + torus.minor / (math.pi * torus.major), abs=0.01)


def test_the_gyroid_shell_is_one_closed_piece_of_genus_four_and_its_samples_lie_on_it(monkeypatch) -> None:
    monkeypatch.setattr("pinnkit.surfaces.solids.gyroid._FINE", 80)
    monkeypatch.setattr("pinnkit.surfaces.solids.gyroid._SHEET", 64)
    monkeypatch.setattr("pinnkit.surfaces.solids.gyroid._SAMPLES", 20_000)
    shell = GyroidShell()
    mesh = shell.mesh()
    sound = check_mesh(mesh)
    assert (sound.closed, sound.oriented, sound.components, sound.euler) == (True, True, 1, shell.euler)
    assert mesh.volume > 0
    on = shell.sample(2000, seeded())
    assert shell.implicit(on).abs().max() < 1e-9
    assert shell.implicit(torch.tensor(mesh.vertices)).abs().mean() < 1e-3
    assert shell.distance(on).abs().mean() < 1e-3
    assert shell.thickness == pytest.approx(0.036 * diagonal(shell), rel=0.01)
    assert mesh.volume == pytest.approx(shell.thickness * mesh.area / 2, rel=0.25)


def test_a_scan_is_moved_into_the_cube_and_keeps_its_topology() -> None:
    ring = trimesh.creation.torus(3.0, 1.0)
    ring.apply_translation([100, 0, 7])
    scan = MeshSolid.of(ring)
    assert scan.euler == 0
    assert torch.stack(scan.bounds).abs().max() <= 0.9 / 1.15 + 1e-12
    assert scan.distance(scan.sample(200, seeded())).abs().max() < 1e-9
    assert scan.distance(torch.zeros(1, 3, dtype=torch.float64)) > 0
    with pytest.raises(ValueError, match="open"):
        MeshSolid.of(trimesh.Trimesh(ring.vertices, ring.faces[:-5]))
