"""Extraction: closed, oriented, on the zero set, in its place, and what the whole lattice would give."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from pinnkit.domains import Box
from pinnkit.fields import Siren
from pinnkit.measure.bench.extraction import _measure, extraction_row
from pinnkit.surfaces import Normalisation, check_mesh, extract
from pinnkit.surfaces.mesh.lattice import Lattice
from pinnkit.surfaces.mesh.narrow_band import BLOCK

R, r = 0.6, 0.25


def torus(p):
    return torch.hypot(torch.hypot(p[:, 0], p[:, 1]) - R, p[:, 2]) - r


def ellipsoid(p):
    """Not symmetric, and no distance: steep on one side and flat on the other."""
    q = (p - torch.tensor([0.11, -0.07, 0.05], dtype=p.dtype)) / torch.tensor([0.5, 0.3, 0.7], dtype=p.dtype)
    return ((q * q).sum(dim=1) - 1) * torch.exp(2 * p[:, 0])


def two_balls(p):
    """A large ball and a small one far from it."""
    a = torch.linalg.vector_norm(p - torch.tensor([-0.4, 0, 0]), dim=1) - 0.4
    b = torch.linalg.vector_norm(p - torch.tensor([0.7, 0.5, -0.3]), dim=1) - 0.05
    return torch.minimum(a, b)


def shell(p):
    """A thin gyroid shell in a ball: many tunnels, and kinks where it is cut off."""
    s, c = torch.sin(6 * p), torch.cos(6 * p)
    g = s[:, 0] * c[:, 1] + s[:, 1] * c[:, 2] + s[:, 2] * c[:, 0]
    return torch.maximum(g.abs() / 9 - 0.04, torch.linalg.vector_norm(p, dim=1) - 0.8)


def plate(half, of=lambda d: d):
    """A square plate askew in the box, and what is made of its distance."""
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    sides = torch.tensor([0.6, 0.6, half], dtype=torch.float64)

    def field(p):
        q = (p @ turn).abs() - sides
        return of(torch.linalg.vector_norm(q.clamp_min(0), dim=1) + q.amax(dim=1).clamp_max(0))

    return field


@pytest.fixture(scope="module")
def siren():
    """A rough field with a surface of high genus."""
    box = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
    made = Siren(width=16, depth=2, omega=12.0).build(
        box.axes, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64, device=torch.device("cpu")
    )
    return lambda p: torch.linalg.vector_norm(p, dim=1) - 0.6 + 0.25 * torch.tanh(4 * made(p)[:, 0])


def test_a_torus_has_its_topology_volume_and_vertices_on_it():
    mesh = extract(torus, resolution=64)
    state = check_mesh(mesh)
    assert (state.closed, state.oriented, state.euler, state.components) == (True, True, 0, 1)
    assert state.volume == pytest.approx(2 * math.pi**2 * R * r**2, rel=5e-3)
    assert float(torus(torch.from_numpy(mesh.vertices)).abs().max()) < 1e-9
    assert mesh.metadata["extraction"]["largest_distance"] < 1e-9


@pytest.mark.parametrize("resolution", [21, 50])
@pytest.mark.parametrize("name", ["torus", "ellipsoid", "two_balls", "shell", "siren"])
def test_near_the_zero_set_gives_the_mesh_of_the_whole_lattice(name, resolution, siren):
    field = {"torus": torus, "ellipsoid": ellipsoid, "two_balls": two_balls, "shell": shell, "siren": siren}[name]
    fast, slow = extract(field, resolution=resolution), extract(field, resolution=resolution, everywhere=True)
    np.testing.assert_allclose(fast.vertices, slow.vertices, atol=1e-6)
    np.testing.assert_array_equal(fast.faces, slow.faces)


@pytest.mark.parametrize(
    "of",
    [lambda d: d, lambda d: torch.tanh(40 * d), lambda d: d.clamp(-0.1, 0.1)],
    ids=["distance", "sigmoid", "clamped"],
)
def test_a_plate_far_thinner_than_a_coarse_block_is_found_whole(of):
    mesh = extract(plate(0.012, of), resolution=130)  # blocks of 8 cells first, 0.12 wide
    assert (check_mesh(mesh).closed, check_mesh(mesh).euler, check_mesh(mesh).components) == (True, 2, 1)
    assert check_mesh(mesh).volume == pytest.approx(1.2 * 1.2 * 0.024, rel=0.02)
    assert mesh.metadata["extraction"]["thinner_than_a_cell"] == 0


def test_walls_thinner_than_a_cell_are_told():
    facts = extract(plate(0.008), resolution=60).metadata["extraction"]  # cells are 0.034 wide
    assert facts["thinner_than_a_cell"] > 0.9
    assert extract(torus, resolution=60).metadata["extraction"]["thinner_than_a_cell"] == 0
    with pytest.raises(ValueError, match=r"a wall thinner than that may lie between the points: raise `resolution`"):
        extract(lambda p: torch.maximum(p[:, 2].abs() - 1e-3, p[:, :2].norm(dim=1) - 0.5), resolution=40)


def test_work_grows_with_the_surface_and_not_with_the_volume():
    work = [extract(torus, resolution=n).metadata["extraction"]["evaluations"] for n in (64, 128)]
    assert work[1] < 5 * work[0]
    assert work[1] < 0.2 * 128**3


def test_slabs_meet_without_a_seam(monkeypatch, siren):
    whole = extract(siren, resolution=40)
    monkeypatch.setattr("pinnkit.surfaces.mesh.extraction._SLAB_BYTES", 1)  # one layer of blocks at a time
    cut = extract(siren, resolution=40)
    assert check_mesh(cut).closed
    assert (len(cut.vertices), len(cut.faces)) == (len(whole.vertices), len(whole.faces))
    assert cKDTree(whole.vertices).query(cut.vertices)[0].max() < 1e-6
    assert check_mesh(cut).euler == check_mesh(whole).euler


def test_a_component_that_the_bound_missed_is_followed_once_it_is_seen(monkeypatch):
    monkeypatch.setattr("pinnkit.surfaces.mesh.narrow_band._SAFETY", 0.05)  # far too small: most blocks are left out
    assert check_mesh(extract(torus, resolution=64)).euler == 0
    np.testing.assert_allclose(check_mesh(extract(torus, resolution=64)).volume, 0.7384, rtol=1e-3)


def test_a_lopsided_shape_stands_where_it_is_in_the_coordinates_of_the_input():
    normalisation = Normalisation((1e6, -2e6, 30.0), 50.0)
    mesh = extract(ellipsoid, resolution=60, normalisation=normalisation)
    corners = np.array([[-0.39, -0.37, -0.65], [0.61, 0.23, 0.75]]) * 50 + [1e6, -2e6, 30.0]
    np.testing.assert_allclose(mesh.bounds, corners, atol=0.15)  # the poles lie between vertices: 0.003 of the scale
    middle = mesh.vertices.mean(axis=0) - np.array([1e6 + 5.5, -2e6 - 3.5, 32.5])
    assert np.abs(middle).max() < 0.2  # half a voxel is 0.85


def test_boxes_that_are_no_cubes_have_nearly_cubic_cells():
    lattice = Lattice.over(((-1, -2, 0), (1, 2, 0.5)), 41)
    assert lattice.counts == (21, 41, 6)
    mesh = extract(lambda p: torch.linalg.vector_norm(p - 0.25, dim=1) - 0.2, ((-1, -2, 0), (1, 2, 0.5)), 81)
    assert (check_mesh(mesh).closed, check_mesh(mesh).euler) == (True, 2)
    np.testing.assert_allclose(mesh.bounds, [[0.05] * 3, [0.45] * 3], atol=2e-3)


@pytest.mark.parametrize("resolution", [4 * BLOCK - 1, 4 * BLOCK, 4 * BLOCK + 1, 4 * BLOCK + 2])
def test_any_resolution_is_closed(resolution):
    state = check_mesh(extract(lambda p: torch.linalg.vector_norm(p, dim=1) - 0.83, resolution=resolution))
    assert (state.closed, state.oriented, state.euler) == (True, True, 2)


def test_a_field_that_is_zero_on_points_of_the_lattice_gives_no_degenerate_mesh():
    state = check_mesh(
        extract(lambda p: p.abs().amax(dim=1) - 0.5, resolution=41)
    )  # faces through points of the lattice
    assert (state.closed, state.oriented, state.euler) == (True, True, 2)
    assert state.volume == pytest.approx(1.0, rel=2e-2)  # twelve edges bevelled by a cell


def test_another_level_moves_the_surface_by_as_much():
    mesh = extract(torus, resolution=48, level=0.1)
    assert float((torus(torch.from_numpy(mesh.vertices)) - 0.1).abs().max()) < 1e-9


def test_a_field_without_gradients_and_with_a_jump_in_slope_is_met_by_bisection():
    def stepped(p):  # no gradient through numpy, and a slope of 1e-3 against 1e3 on both sides
        d = torus(p.detach()).numpy()
        return torch.from_numpy(np.where(d < 0.001, 1e-3 * (d - 0.001), 1e3 * (d - 0.001)))

    mesh = extract(stepped, resolution=32)
    assert float((torus(torch.from_numpy(mesh.vertices)) - 0.001).abs().max()) < 1e-6
    assert check_mesh(mesh).euler == 0


def test_a_field_in_float32_is_met_to_its_digits():
    mesh = extract(lambda p: torus(p), resolution=32, dtype=torch.float32)
    assert float(torus(torch.from_numpy(mesh.vertices)).abs().max()) < 1e-6


def test_units_of_the_field_do_not_matter():
    usual, tiny = extract(torus, resolution=32), extract(lambda p: 1e-12 * torus(p), resolution=32)
    np.testing.assert_allclose(tiny.vertices, usual.vertices, atol=1e-9)


@pytest.mark.slow
def test_a_torus_at_512_takes_less_than_two_gibibytes():
    row = extraction_row(512)
    assert row.sound
    assert row.peak_bytes < 2 * 2**30
    assert row.farthest_vertex < 1e-6
    assert row.volume_error < 5e-3


def test_the_bench_of_extraction_measures_what_it_says():
    row = _measure(48, neural=False)  # `extraction_row` calls it in a process of its own
    assert row.sound
    assert row.farthest_vertex < 1e-9
    assert row.volume_error < 0.01
    assert 0 < row.before_bytes <= row.peak_bytes
