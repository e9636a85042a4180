"""From a cloud to a mesh, in the coordinates of the input, whatever they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit.fields import Siren
from pinnkit.reports.validation import validate
from pinnkit.solutions.storage import load
from pinnkit.solvers import Adam
from pinnkit.surfaces import (
    Normalisation,
    PointCloud,
    Reconstruction,
    Sphere,
    Supervised,
    Torus,
    reconstruct,
    surface_problem,
)

OFFSET, SCALE = np.array([1e6, -2e6, 3e6]), 1e-3
LOSSES = Supervised(points=256, samples=512, pool=20_000)
FIELD, SOLVER = Siren(width=32, depth=2, omega=10.0), Adam(steps=200, lr=4e-3, batch=512)


def points() -> np.ndarray:
    return Torus().sample(2_000, torch.Generator().manual_seed(0)).numpy()


def small(cloud: PointCloud, seed: int = 0) -> Reconstruction:
    return reconstruct(
        cloud, losses=LOSSES, spec=FIELD, solvers=SOLVER, resolution=48, nodes=48, seed=seed, device="cpu"
    )


@pytest.fixture(scope="module")
def torus() -> Reconstruction:
    return small(PointCloud.of(points()))


def test_the_mesh_of_a_torus_is_closed_oriented_and_has_its_topology(torus: Reconstruction) -> None:
    assert torus.mesh_report.closed
    assert torus.mesh_report.oriented
    assert torus.mesh_report.euler == 0
    assert torus.mesh_report.components == 1
    assert torus.mesh_report.volume == pytest.approx(Torus().volume, rel=0.05)
    assert set(torus.seconds) == {"grid", "neural", "mesh"}


def test_the_distance_is_negative_inside_in_the_unit_of_the_input(torus: Reconstruction) -> None:
    at = torch.tensor([[0.55, 0.0, 0.13], [0.9, 0.0, 0.0], [0.0, 0.7, 0.0], [0.2, 0.0, 0.0]], dtype=torch.float64)
    np.testing.assert_allclose(torus.distance(at).numpy(), Torus().distance(at).numpy(), atol=0.04)


def test_a_cloud_that_is_moved_and_scaled_gives_the_same_mesh_moved_and_scaled(torus: Reconstruction) -> None:
    # Eight binary digits of the offset are left for each coordinate: what a file at 1e6 holds of a millimetre.
    moved = small(PointCloud.of(SCALE * points() + OFFSET))
    back = (np.asarray(moved.mesh.vertices) - OFFSET) / SCALE
    assert moved.mesh_report.euler == 0
    assert moved.mesh_report.closed
    nearest = torus.distance(torch.from_numpy(back)).abs()
    assert float(nearest.mean()) < 5e-3
    assert moved.mesh_report.volume == pytest.approx(SCALE**3 * torus.mesh_report.volume, rel=0.02)


def test_powers_of_two_change_nothing_at_all(torus: Reconstruction) -> None:
    moved = small(PointCloud.of(points() / 1024))
    np.testing.assert_array_equal(np.asarray(moved.mesh.vertices) * 1024, np.asarray(torus.mesh.vertices))


def test_the_grid_alone_trains_nothing() -> None:
    made = reconstruct(PointCloud.of(points()), neural=False, resolution=48, nodes=48)
    assert made.solution is None
    assert made.mesh_report.euler == 0


def test_the_grid_alone_is_reported_and_saved_as_a_trained_field_is(tmp_path: Path) -> None:
    made = reconstruct(PointCloud.of(points()), neural=False, resolution=48, nodes=48)
    report = validate(made.with_metrics({"euler_number": 0.0}), budget=0)
    written = {p.name for p in report.save(tmp_path)}
    assert {"surface.png", "slices.png", "solution.h5", "summary.json"} <= written
    assert report.good
    back = load(tmp_path)
    x, y, z = (made.normalisation.apply(points()[:200]) * 0.9).T
    expected = made.field(torch.from_numpy(np.stack([x, y, z], 1))).numpy()
    np.testing.assert_allclose(back(x=x, y=y, z=z)["f"], expected, atol=3e-3)  # trilinear beside cubic
    assert Normalisation.from_facts(back.metadata["facts"]["normalisation"]) == made.normalisation


def test_scores_of_the_mesh_stand_in_the_report(torus: Reconstruction, tmp_path: Path) -> None:
    solution = torus.with_metrics({"chamfer_percent_of_diagonal": 0.5})
    validate(solution, budget=0).save(tmp_path, figures=False)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["metrics"]["chamfer_percent_of_diagonal"] == 0.5
    assert summary["metrics"]["points_to_surface"] < 0.02
    assert summary["facts"]["normalisation"]["scale"] == pytest.approx(torus.normalisation.scale)
    assert (tmp_path / "solution.h5").exists()


def test_arguments_that_do_not_fit_together_are_refused() -> None:
    cloud = PointCloud.of(points())
    with pytest.raises(TypeError, match="must be a PointCloud"):
        reconstruct(points())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="trains nothing"):
        reconstruct(cloud, neural=False, losses=LOSSES)
    with pytest.raises(ValueError, match="both `spec` and `solvers`"):
        reconstruct(cloud, spec=FIELD)


def test_a_closed_cloud_leaves_nothing_bare_and_an_open_one_says_how_much() -> None:
    whole = points()
    closed = reconstruct(PointCloud.of(whole), neural=False, resolution=48, nodes=48)
    assert closed.share_without_points == 0
    ball = Sphere().sample(3000, torch.Generator().manual_seed(0)).numpy()
    half = reconstruct(PointCloud.of(ball[ball[:, 2] > 0]), neural=False, resolution=48, nodes=48)
    assert half.share_without_points > 0.05


def test_arrays_of_numpy_are_taken_as_well() -> None:
    made = reconstruct(PointCloud.of(points()), neural=False, resolution=48, nodes=48)
    inside = made.distance(points()[:50])
    assert torch.equal(inside, made.distance(torch.from_numpy(points()[:50])))
    with pytest.raises(TypeError, match="PointCloud take cloud"):
        surface_problem(PointCloud.of(points()))  # type: ignore[arg-type]
