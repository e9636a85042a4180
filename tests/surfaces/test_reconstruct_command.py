"""`pinnkit reconstruct`: from a file to a mesh in the coordinates of the file, and one line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit.cli import run
from pinnkit.surfaces import Sphere, read_mesh, write_mesh

OFFSET, SCALE = np.array([1000.0, -20.0, 3.0]), 40.0


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    path = tmp_path / "ball.npy"
    np.save(path, SCALE * Sphere().sample(1_500, torch.Generator().manual_seed(0)).numpy() + OFFSET)
    return path


def test_a_cloud_becomes_a_closed_mesh_where_it_was(
    cloud: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = Sphere().mesh()
    truth.vertices = SCALE * truth.vertices + OFFSET
    true, out, folder = write_mesh(tmp_path / "true.ply", truth), tmp_path / "mesh.ply", tmp_path / "report"
    options = ["--field", "grid", "--nodes", "40", "--resolution", "40", "--results", str(folder)]
    assert run(["reconstruct", str(cloud), "--out", str(out), "--truth", str(true), *options]) == 0
    assert "closed, oriented outward, Euler number 2" in " ".join(capsys.readouterr().out.split())
    mesh = read_mesh(out)
    np.testing.assert_allclose((mesh.vertices.max(0) + mesh.vertices.min(0)) / 2, OFFSET, atol=0.3)
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), 2 * SCALE * Sphere().radius, rtol=0.01)
    metrics = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["metrics"]
    assert 0 < metrics["chamfer_percent_of_diagonal"] < 0.3
    assert metrics["euler_number"] == 2


def test_the_mesh_and_the_solution_outlive_measures_and_checks_that_fail(
    cloud: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr("pinnkit.meshes.nearest.NearestPoint.of", fails)
    monkeypatch.setattr("pinnkit.reports.validation.validate", fails)
    out, folder = tmp_path / "mesh.ply", tmp_path / "report"
    options = ["--field", "grid", "--nodes", "24", "--resolution", "24", "--no-figures", "--results", str(folder)]
    assert run(["reconstruct", str(cloud), "--out", str(out), *options]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[2].strip() for line in lines] == ["measures of the mesh", "the check of the solution"]
    assert len(read_mesh(out).faces) > 100
    assert {p.name for p in folder.iterdir()} == {"solution.h5", "summary.json", "history.csv"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "mesh.ply", "--field", "magic"], "--field"),
        (["--out", "mesh.ply", "--normals", "maybe"], "--normals"),
        (["--out", "mesh.ply", "--resolution", "4"], "--resolution"),
        (["--out", "mesh.ply", "--nodes", "4"], "--nodes"),
        (["--out", "mesh.ply", "--seconds", "0"], "--seconds must be positive"),
        (["--out", "mesh.ply", "--truth", "none.ply"], "none.ply"),
        (["--out", "mesh.docx"], "--out must end in .ply"),
        (["--out", "/dev/null/mesh.ply"], "choose another place"),
        ([], "--out"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(
    cloud: Path, tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    placed = [str(tmp_path / word) if word.endswith(".ply") else word for word in options]
    assert run(["reconstruct", str(cloud), *placed]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said
    assert "Traceback" not in said
