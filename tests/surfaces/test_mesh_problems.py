"""Fitting a closed mesh: signed distances, inside and outside, and the mesh of what was fitted."""

import json

import numpy as np
import pytest
import torch
import trimesh

from pinnkit import cli
from pinnkit.fields import Siren
from pinnkit.solutions.storage import save
from pinnkit.solvers import Adam, Cosine, solve
from pinnkit.surfaces import check_mesh, extract, read_mesh
from pinnkit.surfaces.distance.field_distance import distance_function
from pinnkit.surfaces.problems.mesh_problems import occupancy_problem, sdf_problem
from tests.samples import fitted_heat

OFFSET = np.array([1e6, -50.0, 3.0])


@pytest.fixture(scope="module")
def ball():
    """A ball of radius 20 far from the origin."""
    return trimesh.creation.icosphere(subdivisions=3, radius=20.0).apply_translation(OFFSET)


@pytest.fixture(autouse=True)
def _fewer_points_of_metrics(monkeypatch):
    monkeypatch.setattr("pinnkit.surfaces.problems.mesh_problems._FRESH", 3000)


def fitted(problem, steps):
    return solve(
        problem,
        Siren(width=24, depth=2, omega=3.0),
        [Adam(steps=steps, lr=5e-3, schedule=Cosine(final=0.02, warmup=10), batch=1024)],
        seed=0,
        device="cpu",
    )


@pytest.fixture(scope="module")
def occupied(ball):
    return fitted(occupancy_problem(ball, generator=torch.Generator().manual_seed(0), samples=8000), 200)


def test_the_data_are_the_mesh_s_own(ball):
    problem = sdf_problem(ball, generator=torch.Generator().manual_seed(0), samples=400)
    part = problem.term("distance").sites[0]
    radius = 0.9 / 1.15
    torch.testing.assert_close(
        part.columns["d"], torch.linalg.vector_norm(part.points, dim=1) - radius, atol=0.01, rtol=0
    )
    assert ((part.columns["d"].abs() < 0.15).double().mean()) > 0.9
    assert problem.facts["normalisation"]["centre"] == pytest.approx(OFFSET.tolist())
    inside = occupancy_problem(ball, generator=torch.Generator().manual_seed(0), samples=400).term("inside").sites[0]
    assert set(inside.columns["side"].tolist()) == {-1.0, 1.0}
    away = torch.linalg.vector_norm(inside.points, dim=1) - radius
    clear = away.abs() > 0.01  # the corners of the mesh are on the ball, its triangles a little inside
    assert torch.equal(inside.columns["side"][clear], torch.sign(away[clear]))


def test_the_same_generator_gives_the_same_problem(ball):
    first, second = (
        sdf_problem(ball, generator=torch.Generator().manual_seed(3), samples=50).term("distance").sites[0]
        for _ in range(2)
    )
    assert torch.equal(first.points, second.points)
    assert torch.equal(first.columns["d"], second.columns["d"])


def test_inside_and_outside_of_a_ball_are_learnt(occupied):
    assert occupied.dtype == torch.float32
    scores = {name: metric(occupied) for name, metric in occupied.problem.metrics.items()}
    assert scores["iou"] > 0.95
    assert scores["chamfer_percent_of_diagonal"] < 0.6


def test_distances_of_a_ball_are_learnt(ball):
    solution = fitted(sdf_problem(ball, generator=torch.Generator().manual_seed(0), samples=8000), 200)
    assert solution.problem.metrics["iou"](solution) > 0.95
    f = distance_function(solution)
    rim = 0.9 / 1.15 * torch.eye(3, dtype=torch.float64)
    assert float(f(rim).abs().max()) < 0.03
    assert float(f(torch.zeros(1, 3, dtype=torch.float64))) < -0.05


def gear(teeth):
    """A toothed wheel of radius 1 to 1.15, its lids fans around the axis."""
    angle = 2 * np.pi * (np.arange(teeth)[:, None] + [0, 0.25, 0.4, 0.75, 0.9]).reshape(-1) / teeth
    radius = np.tile([1, 1, 1.15, 1.15, 1], teeth)
    low, high = (np.column_stack([radius * np.cos(angle), radius * np.sin(angle), 0 * angle + z]) for z in (0.0, 0.3))
    n, i = len(angle), np.arange(len(angle))
    j, below, above = np.roll(i, -1), np.full(len(i), 2 * n), np.full(len(i), 2 * n + 1)
    faces = [(j, i, below), (i + n, j + n, above), (i, j, j + n), (i, j + n, i + n)]
    vertices = np.concatenate([low, high, [[0, 0, 0], [0, 0, 0.3]]])
    return trimesh.Trimesh(vertices, np.concatenate([np.stack(f, axis=1) for f in faces]), process=False)


@pytest.mark.slow  # its fast sibling is the ball above
def test_a_gear_keeps_its_teeth_by_the_default_plan():
    wheel = gear(20)
    solution = solve(sdf_problem(wheel, generator=torch.Generator().manual_seed(0)), seed=0, device="cpu")
    assert solution.problem.metrics["iou"](solution) > 0.97  # 0.88 with a Siren of omega 10
    state = check_mesh(extract(distance_function(solution), resolution=96))
    assert (state.closed, state.euler) == (check_mesh(wheel).closed, check_mesh(wheel).euler)


def test_figures_are_drawn_from_a_solution(occupied):
    for draw in occupied.problem.figures.values():
        assert draw(occupied).axes


def test_a_saved_solution_becomes_a_mesh_in_the_coordinates_of_the_input(occupied, tmp_path, capsys):
    save(occupied, tmp_path / "result")
    arguments = ["mesh", str(tmp_path / "result"), "--out", "ball.ply", "--resolution", "40", "--json"]
    assert cli.run(arguments) == 0
    summary = json.loads(capsys.readouterr().out)
    mesh = read_mesh("ball.ply")
    assert (summary["closed"], summary["euler"], summary["components"]) == (True, 2, 1)
    assert check_mesh(mesh).volume == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.05)
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), OFFSET, atol=0.5)
    direct = extract(distance_function(occupied), resolution=40)
    assert len(direct.faces) == len(mesh.faces)
    assert summary["largest_distance"] < 1e-6
    assert summary["peak_memory_bytes"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing", "--out", "a.ply"], "there is no file"),
        (["heat", "--out", "a.ply"], "a mesh needs a field over three axes of space; 'heat' is one over x, t"),
        (["ball", "--out", "a.png"], "must end in .ply, .obj, .stl or .off"),
        (["ball", "--out", "a.ply", "--level", "1000"], "its values range from"),
        (["ball", "--out", "a.ply", "--resolution", "2"], "--resolution must be at least 4"),
    ],
    ids=lambda x: " ".join(x)[:30] if isinstance(x, list) else "",
)
def test_what_cannot_become_a_mesh_is_one_line(occupied, tmp_path, capsys, arguments, words):
    save(occupied, tmp_path / "ball")
    save(fitted_heat(), tmp_path / "heat")
    assert cli.run(["mesh", *arguments]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert words in error
    assert not (tmp_path / "a.ply").exists()
