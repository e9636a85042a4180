"""Export: every format gives the values of the solution, programs in other processes too."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit.checking import check
from pinnkit.checking.table_files import read_table
from pinnkit.domains import Ball, Box, Parameters, Time
from pinnkit.exporting import export, programs
from pinnkit.exporting.programs import TRACED
from pinnkit.exporting.traceable import Traceable
from pinnkit.fields import FIELDS, EvolvedModes, MultilevelGrid, Siren
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Dirichlet, Equation, Initial
from pinnkit.solutions.storage import load, save
from tests.planted import planted
from tests.samples import fitted_heat, heat_problem, solution_of, vector_problem

PI = math.pi

RUN = """
import json, sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
points = np.load(sys.argv[2])
kind = {"tensor(double)": np.float64, "tensor(float)": np.float32}[session.get_inputs()[0].type]
feed = {node.name: points[node.name].astype(kind) for node in session.get_inputs()}
values = session.run(None, feed)
names = [node.name for node in session.get_outputs()]
print(json.dumps({n: np.asarray(v, dtype=float).tolist() for n, v in zip(names, values)}))
"""


def in_another_process(model: Path, points: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values of an ONNX model, by ONNX Runtime alone."""
    np.savez(model.with_suffix(".npz"), **points)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(model), str(model.with_suffix(".npz"))],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: np.asarray(v) for name, v in json.loads(done.stdout).items()}


def hard_heat() -> Problem:
    rod = Box(x=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t - u.xx / PI**2),
        Dirichlet(rod.boundary, u=0.0, hard=True),
        Initial(u=lambda x: torch.sin(PI * x), hard=True),
    ]
    return Problem("heat", rod, "u", terms)


POINTS = dict(x=np.linspace(0, 1, 101), t=np.linspace(1, 0, 101))


# programs -----------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_an_onnx_model_in_another_process_gives_the_same_values(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    for solution in (fitted_heat(60), solution_of(hard_heat())):
        written = export(solution, tmp_path / "u.onnx")
        found = in_another_process(written, POINTS)
        assert np.abs(found["u"] - solution(**POINTS)["u"]).max() < 1e-6
    report = check(heat_problem(), export(fitted_heat(60), tmp_path / "v.onnx"), budget=0.0)
    assert report.verdict.ok, str(report)


@pytest.mark.slow
def test_vectors_and_several_unknowns_are_outputs_by_name(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    solution = solution_of(vector_problem())
    points = dict(x=np.linspace(0, 1, 9), y=np.linspace(0, 2, 9))
    found = in_another_process(export(solution, tmp_path / "u.onnx"), points)
    for name, value in solution(**points).items():
        assert found[name].shape == value.shape
        assert np.abs(found[name] - value).max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TRACED if name not in ("Expansion", "PiecewisePolynomial")])
def test_fields_that_are_named_as_traceable_are(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    solution = solution_of(heat_problem(), spec=next(iter(FIELDS[name].examples().values())))
    found = in_another_process(export(solution, tmp_path / "u.onnx"), POINTS)
    true = solution(**POINTS)["u"]
    assert np.abs(found["u"] - true).max() < 1e-6 * max(np.abs(true).max(), 1.0)


def test_what_is_traced_is_the_solution() -> None:
    solution = solution_of(hard_heat())
    x, t = (torch.from_numpy(v) for v in POINTS.values())
    (found,) = Traceable(solution)(x, t)
    assert np.allclose(found.detach().numpy(), solution(**POINTS)["u"], atol=1e-14)


@pytest.mark.slow
def test_an_archive_of_torch_export_gives_the_same_values(tmp_path: Path) -> None:
    solution = solution_of(hard_heat())
    program = torch.export.load(export(solution, tmp_path / "u.pt2")).module()
    (found,) = program(*(torch.from_numpy(v) for v in POINTS.values()))
    assert np.allclose(found.numpy(), solution(**POINTS)["u"], atol=1e-12)


def test_a_field_that_cannot_be_traced_names_those_that_can(tmp_path: Path) -> None:
    solution = solution_of(heat_problem(), spec=MultilevelGrid())
    with pytest.raises(ValueError, match="cannot be traced; fields that can are Siren, MLP,") as caught:
        export(solution, tmp_path / "u.pt2")
    assert EvolvedModes.__name__ not in str(caught.value)
    assert "write its values instead" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'pinnkit\[exchange\]'"):
        export(fitted_heat(20), tmp_path / "u.onnx")


# values -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["u.csv", "u.npz"])
def test_tables_hold_the_values_and_are_read_back(name: str, tmp_path: Path) -> None:
    solution = fitted_heat(60)
    table = read_table(export(solution, tmp_path / name, points=11))
    grid = solution.on_grid(x=11, t=11)
    assert np.array_equal(np.asarray(table["u"]).reshape(11, 11), grid["u"])
    report = check(heat_problem(), tmp_path / name, budget=0.0)
    assert report.verdict.ok, str(report)


@pytest.mark.parametrize("name", ["u.vtu", "u.vtk"])
def test_meshes_hold_the_end_of_time_or_the_time_that_is_given(name: str, tmp_path: Path) -> None:
    meshio = pytest.importorskip("meshio")
    solution = fitted_heat(60)
    end = meshio.read(export(solution, tmp_path / name, points=11))
    assert np.allclose(end.point_data["u"], solution(x=end.points[:, 0], t=1.0)["u"])
    assert end.cells[0].type == "line"
    start = meshio.read(export(solution, tmp_path / name, points=11, at={"t": 0.0}))
    assert np.allclose(start.point_data["u"], solution(x=start.points[:, 0], t=0.0)["u"])


def test_a_mesh_of_a_disk_has_the_cells_inside_it_alone(tmp_path: Path) -> None:
    meshio = pytest.importorskip("meshio")
    disk = Ball(x=0, y=0, radius=1)
    problem = Problem(
        "disk", disk, ["p", Unknown("v", components=2)], [Equation(lambda p, v: (p.laplacian + 4, v[0].x - v[1].y))]
    )
    solution = planted(problem, lambda x, y: 1 - x**2 - y**2, lambda x, _: x, lambda _, y: y)
    mesh = meshio.read(export(solution, tmp_path / "u.vtu", points=21))
    assert mesh.cells[0].type == "quad"
    assert np.linalg.norm(mesh.points, axis=1).max() < 1 + 1e-6
    assert np.allclose(mesh.point_data["v"], mesh.points)
    assert np.allclose(mesh.point_data["p"], 1 - (mesh.points**2).sum(axis=1))
    rows = read_table(export(solution, tmp_path / "u.csv", points=21))
    assert list(rows) == ["x", "y", "p", "v[0]", "v[1]"]
    assert np.isfinite(rows["p"]).all()


def test_a_domain_of_many_coordinates_is_scattered(tmp_path: Path) -> None:
    ball = Ball(x=(0,) * 5) * Time(0, 1)
    problem = Problem("ball", ball, "u", [Equation(lambda u: u.t)])
    solution = planted(problem, lambda *columns: columns[0] + columns[5])
    rows = read_table(export(solution, tmp_path / "u.npz"))
    assert np.allclose(rows["u"], rows["x"][:, 0] + rows["t"])
    with pytest.raises(ValueError, match="a mesh takes one to three coordinates of space"):
        export(solution, tmp_path / "u.vtu")


def test_arguments_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    solution = fitted_heat(20)
    with pytest.raises(ValueError, match=r"must end in .onnx, .pt2, .csv, .npz, .vtu, .vtk, got 'u.txt'"):
        export(solution, tmp_path / "u.txt")
    with pytest.raises(ValueError, match="`points` must be a whole number of at least 2"):
        export(solution, tmp_path / "u.csv", points=1)
    with pytest.raises(ValueError, match="is a program of all coordinates"):
        export(solution, tmp_path / "u.onnx", points=5)
    with pytest.raises(ValueError, match="`z` is not an axis"):
        export(solution, tmp_path / "u.csv", at={"z": 1.0})
    with pytest.raises(TypeError, match="must be a Solution"):
        export(3, tmp_path / "u.csv")  # type: ignore[arg-type]
    family = Box(x=(0, 1)) * Parameters(k=(1, 2))
    problem = Problem("family", family, "u", [Equation(lambda u, k: u.xx + k)])
    pytest.importorskip("meshio")
    with pytest.raises(ValueError, match="give the value of the parameter `k`"):
        export(planted(problem, lambda x, k: k * x), tmp_path / "u.vtu")


def test_a_saved_solution_is_exported_and_one_that_needs_its_problem_says_so(tmp_path: Path) -> None:
    solution = fitted_heat(30)
    saved = load(save(solution, tmp_path / "solution.h5"))
    table = read_table(export(saved, tmp_path / "u.npz", points=5))
    assert np.array_equal(table["u"], solution.on_grid(x=5, t=5)["u"])
    hard = solution_of(hard_heat(), spec=Siren(width=4, depth=1))
    alone = load(save(hard, tmp_path / "hard.h5"))
    with pytest.raises(ValueError, match="needs its problem"):
        export(alone, tmp_path / "v.npz")
