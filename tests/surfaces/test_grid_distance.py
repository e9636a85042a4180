"""Signed distance on a grid from points: each step, and all together."""

import math
import sys

import pytest
import torch

from pinnkit.measure.bench.surface_grids import exact_shapes, grid_row
from pinnkit.surfaces import grid_distance
from pinnkit.surfaces.distance.fast_marching import fast_marching_distance
from pinnkit.surfaces.points.downsample import downsample
from pinnkit.surfaces.points.neighbours import Neighbours
from pinnkit.surfaces.points.noise import noise_level
from pinnkit.surfaces.points.normals import average_normals, fit_normals
from pinnkit.surfaces.points.orientation import _Gauss, orient
from pinnkit.surfaces.points.periodic_grid import grid_around
from pinnkit.surfaces.solids.solids import Sphere, Torus

ON = 1500
NODES = 48


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moved(points: torch.Tensor, sigma: float) -> torch.Tensor:
    return points + sigma * torch.randn(points.shape, generator=seeded(9), dtype=points.dtype)


def test_spreading_is_the_transpose_of_sampling_and_gauss_of_its_transpose() -> None:
    points = Torus().sample(200, seeded())
    grid = grid_around(points, 16, room=1.3)
    transfer = grid.transfer(points)
    values, nodal = torch.randn(200, generator=seeded(1)), torch.randn(grid.shape, generator=seeded(2))
    assert float((transfer.spread(values) * nodal).sum()) == pytest.approx(
        float(values @ transfer.sample(nodal)), rel=1e-4
    )
    gauss = _Gauss(grid, points)
    surfels = torch.randn(200, 3, generator=seeded(3))
    assert float(gauss.apply(surfels) @ values) == pytest.approx(
        float((surfels * gauss.transposed(values)).sum()), rel=1e-3
    )


def test_true_surfels_give_the_indicator_by_gauss_formula() -> None:
    sphere = Sphere()
    points = sphere.sample(6000, seeded())
    grid = grid_around(points, 64, room=1.3)
    area = 4 * math.pi * sphere.radius**2 / 6000 / grid.spacing**3
    chi = _Gauss(grid, points).apply((area * points / sphere.radius).to(torch.float32))
    assert float(chi.mean()) == pytest.approx(-0.5, abs=0.03)


@pytest.mark.parametrize("sigma", [0.0, 0.01])
def test_points_of_a_torus_are_oriented_outwards(sigma: float) -> None:
    torus = Torus()
    on = torus.sample(ON, seeded())
    middle = on * torch.tensor([1.0, 1.0, 0.0]) * (torus.major / torch.hypot(on[:, 0], on[:, 1]))[:, None]
    found = orient(moved(on, sigma), generator=seeded())
    assert (((on - middle) * found.normals).sum(1) > 0).all()
    assert found.residual < 3e-3


def test_normals_become_exact_on_a_sphere_and_stay_apart_on_two_sides_of_a_wall() -> None:
    on = Sphere().sample(ON, seeded())
    truth = on / 0.78
    near = Neighbours.of(on, 24)
    width = near.distance[:, 7]
    rough = moved(truth, 0.3)
    rough = rough / torch.linalg.vector_norm(rough, dim=1, keepdim=True)
    smooth = average_normals(rough, near, width)
    exact = fit_normals(on, smooth, near, width)

    def angle(n: torch.Tensor) -> float:
        return float((n * truth).sum(1).clamp(-1, 1).acos().mean())

    assert angle(smooth) < 0.6 * angle(rough)
    assert angle(exact) < 0.03
    flat = 2 * torch.rand(800, 3, generator=seeded(1), dtype=torch.float64) - 1
    side = torch.where(torch.arange(800) % 2 == 0, 1.0, -1.0).double()
    flat[:, 2] = 0.01 * side
    up = torch.tensor([[0.0, 0.0, 1.0]]).double() * side[:, None]
    near = Neighbours.of(flat, 24)
    assert torch.allclose(fit_normals(flat, up, near, near.distance[:, 7]), up, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.004, 0.01, 0.02])
def test_the_noise_is_estimated_from_the_points(sigma: float) -> None:
    torus = Torus()
    on = torus.sample(4000, seeded())
    assert noise_level(moved(on, sigma), generator=seeded()) == pytest.approx(sigma, rel=0.25)
    assert noise_level(on, generator=seeded()) < 0.001


@pytest.mark.parametrize("points", [500, 1000])
def test_curvature_of_a_sparse_cloud_is_not_taken_for_noise(points: int) -> None:
    torus = Torus()
    on = torus.sample(points, seeded())
    middle = on * torch.tensor([1.0, 1.0, 0.0]) * (torus.major / torch.hypot(on[:, 0], on[:, 1]))[:, None]
    normals = torch.nn.functional.normalize(on - middle, dim=1)
    assert noise_level(on, generator=seeded(), normals=normals) < 0.001
    for sigma in (0.01, 0.02):
        found = noise_level(moved(on, sigma), generator=seeded(), normals=normals)
        assert found == pytest.approx(sigma, rel=0.2)


def test_marching_gives_the_distance_to_second_order_away_from_the_middle() -> None:
    errors = []
    for r in (24, 48):
        axis = torch.linspace(-1, 1, r, dtype=torch.float64)
        x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
        radius = (x**2 + y**2 + z**2).sqrt()
        found = fast_marching_distance(torch.tanh(8 * (radius - 0.6)), 2 / (r - 1))
        errors.append(float((found - (radius - 0.6)).abs()[radius > 0.3].mean()))
    assert errors[1] < 0.4 * errors[0]
    assert errors[1] < 3e-3
    with pytest.raises(ValueError, match="both signs"):
        fast_marching_distance(torch.ones(8, 8, 8), 0.1)


def test_thinning_takes_means_of_cells_and_leaves_few_points_alone() -> None:
    points = torch.rand(3000, 3, generator=seeded(), dtype=torch.float64)
    few = downsample(points, cell=0.01, most=400)
    assert len(few.points) <= 400
    assert torch.allclose(few.points[few.owner[7]], points[few.owner == few.owner[7]].mean(0))
    assert downsample(points, cell=0.01, most=3000).points is points
    twice = downsample(torch.cat([points, points]), cell=0.01, most=6000)
    assert len(twice.points) == 3000
    assert torch.equal(twice.points[twice.owner], torch.cat([points, points]))


def test_the_distance_of_a_sphere_is_found_whatever_its_unit_and_place() -> None:
    on = Sphere().sample(ON, seeded())
    offset = torch.tensor([4e5, -3e5, 10.0], dtype=torch.float64)
    probe = 2 * torch.rand(500, 3, generator=seeded(3), dtype=torch.float64) - 1
    truth = Sphere().distance(probe)
    for scale in (1.0, 1e3):
        field = grid_distance(scale * on + offset, generator=seeded(), resolution=NODES)
        assert ((field(scale * probe + offset) / scale - truth).abs()).mean() < 0.01
        assert field.noise < 0.003 * scale
        assert (field.normals * on).sum(1).min() > 0.7
    # Seen on the unit at the origin.
    assert field.lower[2] < -780


def test_the_same_seed_gives_the_same_field() -> None:
    points = moved(Torus().sample(400, seeded()), 0.01)
    first, second = (grid_distance(points, generator=seeded(4), resolution=24).values for _ in range(2))
    assert torch.equal(first, second)


def test_a_closed_curve_in_the_plane_is_reconstructed_by_the_same_steps() -> None:
    angle = 2 * math.pi * torch.rand(400, generator=seeded(), dtype=torch.float64)
    on = torch.stack([0.7 * torch.cos(angle), 0.4 * torch.sin(angle)], 1)
    field = grid_distance(on, generator=seeded(), resolution=96)
    assert field(on).abs().mean() < 0.01
    assert field(torch.zeros(1, 2, dtype=torch.float64)) == pytest.approx(-0.4, abs=0.02)
    assert field(torch.tensor([[0.0, 0.8]], dtype=torch.float64)) == pytest.approx(0.4, abs=0.02)


def test_given_normals_are_taken_turned_round_or_mended() -> None:
    on = Sphere().sample(ON, seeded())
    out = 3.0 * on
    centre = torch.zeros(1, 3, dtype=torch.float64)
    taken = grid_distance(on, out, generator=seeded(), resolution=NODES)
    assert taken.notes == ()
    assert torch.allclose(taken.normals, on / 0.78)
    inward = grid_distance(on, -out, generator=seeded(), resolution=NODES)
    assert "inwards" in inward.notes[0]
    mixed = torch.where(torch.rand(ON, 1, generator=seeded(2)) < 0.4, -out, out)
    repaired = grid_distance(on, mixed, generator=seeded(), resolution=NODES)
    assert "contradicted" in repaired.notes[0]
    for field in (taken, inward, repaired):
        assert float(field(centre)) == pytest.approx(-0.78, abs=0.05)
        assert ((field.normals * on).sum(1) > 0).all()


def test_a_few_stray_points_leave_one_piece() -> None:
    on = Sphere().sample(ON, seeded())
    stray = torch.tensor([[0.9, 0.9, 0.9], [-0.9, 0.9, -0.85], [0.1, 0.05, 0.0]], dtype=torch.float64)
    field = grid_distance(torch.cat([on, stray]), generator=seeded(), resolution=NODES)
    assert (field(stray) * torch.tensor([1.0, 1.0, -1.0]) > 0.2).all()


def test_a_scan_twenty_times_denser_at_one_end_is_oriented_everywhere() -> None:
    torus = Torus()
    on = torus.sample(20_000, seeded())
    along = (on[:, 0] - on[:, 0].min()) / (on[:, 0].max() - on[:, 0].min())
    on = on[torch.rand(len(on), generator=seeded(1), dtype=torch.float64) < 10 ** (-1.3 * along)]
    middle = on * torch.tensor([1.0, 1.0, 0.0]) * (torus.major / torch.hypot(on[:, 0], on[:, 1]))[:, None]
    field = grid_distance(on, generator=seeded(), resolution=NODES)
    assert field.normals is not None
    assert (((on - middle) * field.normals).sum(1) > 0).all()
    assert field(on).abs().max() < 0.03


def test_points_denser_than_the_grid_are_averaged_and_told_that_a_finer_one_shows_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules[grid_distance.__module__], "_MAX_POINTS", 1200)  # fewer points, for speed
    on = Sphere().sample(4000, seeded())
    field = grid_distance(on, generator=seeded(), resolution=24)
    assert "4,000 points show more than a grid of 24 nodes" in field.notes[0]
    assert field.normals is not None
    assert ((field.normals * on).sum(1) > 0.7).all()
    noisy = grid_distance(moved(on, 0.05), generator=seeded(), resolution=24)
    assert not any("show more" in note for note in noisy.notes)


BAD = [
    (lambda p: (p[:, :1], None), ["(n, 3)", "(1500, 1)"]),
    (lambda p: (p[:5], None), ["at least 20", "got 5"]),
    (lambda p: (torch.where(torch.arange(ON)[:, None] == 3, math.nan, p), None), ["finite", "1 of 1500"]),
    (lambda p: (0 * p, None), ["the same"]),
    (lambda p: (p[:4].repeat(50, 1), None), ["4 distinct"]),
    (lambda p: (p, p[:-1]), ["shape", "(1499, 3)"]),
    (lambda p: (p, torch.where(torch.arange(ON)[:, None] < 7, 0.0, p)), ["7 of 1500", "length zero"]),
    (lambda p: (p, p / 0), ["finite"]),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_points_and_normals_that_cannot_be_used_are_refused(arguments, words) -> None:
    points, normals = arguments(Sphere().sample(ON, seeded()))
    with pytest.raises(ValueError, match="grid_distance") as said:
        grid_distance(points, normals, generator=seeded())
    assert all(w in str(said.value) for w in words)


def test_a_resolution_that_shows_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16, got 8"):
        grid_distance(Sphere().sample(ON, seeded()), generator=seeded(), resolution=8)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.005])
@pytest.mark.parametrize("name", list(exact_shapes()))
def test_the_acceptance_table_holds(name: str, noise: float) -> None:
    row = grid_row(exact_shapes()[name], noise, 0)
    smooth = name in ("sphere", "torus")
    assert row["closed"]
    assert row["euler_ok"]
    assert row["chamfer"] <= ((0.11 if smooth else 0.22) if noise else (0.02 if smooth else 0.07))
    assert row["distance_mean"] <= (0.4 if noise else 0.2)
    assert noise or row["distance_p99"] <= 1.05
