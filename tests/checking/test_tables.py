"""Tables: every form is read, everything that does not fit is one sentence, and files from strangers are harmless."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from pinnkit.checking import check
from pinnkit.checking.table_files import read_table
from pinnkit.domains import Box
from pinnkit.files.hdf5_arrays import read_arrays
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.problem.problem import Coefficient, Problem, Unknown
from pinnkit.problem.terms import Condition, Dirichlet, Equation, Initial
from pinnkit.verification import Kind
from tests.checking import foreign
from tests.planted import measured

T = np.linspace(0, 1, 21)


def decay() -> Problem:
    return Problem("decay", Box(t=(0, 1)), "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])


def saddle() -> Problem:
    """A vector and a scalar in the plane."""
    box = Box(x=(0, 1), y=(0, 1))
    terms = [
        Equation(lambda p, v: (p.x - v[0].value, v[0].x + v[1].y)),
        Dirichlet(box.boundary, p=lambda x: x**2 / 2),
        Condition(box.boundary, lambda v, x, y: (v[0] - x, v[1] + y)),
    ]
    return Problem("saddle", box, ["p", Unknown("v", components=2)], terms)


def checked(candidate, problem=None, **options):
    return check(problem or decay(), candidate, budget=0.0, **options)


# forms --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "t,u\n{rows}",
        "t;u\n{rows}",
        "t\tu\n{rows}",
        "% Model: decay\n% t u\n{rows}",
        "# t u\n{rows}",
        '"t","u"\n{rows}',
    ],
)
def test_text_is_read_with_any_separator_and_comments(text: str, tmp_path: Path) -> None:
    mark = next((m for m in ",;\t" if m in text.splitlines()[0]), " ")
    rows = "\n".join(f"{t!r}{mark}{math.exp(-t)!r}" for t in T.tolist())
    (tmp_path / "u.csv").write_text(text.format(rows=rows), encoding="utf-8")
    found = read_table(tmp_path / "u.csv")
    assert list(found) == ["t", "u"]
    assert np.array_equal(found["t"], T)


def test_a_grid_a_list_and_a_mesh_of_points_are_the_same_table() -> None:
    x = np.linspace(0, 1, 7)
    a, b = np.meshgrid(x, x, indexing="ij")
    grid = dict(x=x, y=x, p=a**2 / 2, v=np.stack([a, -b], axis=-1))
    listed = dict(x=a.ravel(), y=b.ravel(), p=grid["p"].ravel(), v_x=a.ravel(), v_y=-b.ravel())
    meshed = {"x": a, "y": b, "p": grid["p"], "v[0]": a, "v[1]": -b}
    reports = [checked(table, saddle()) for table in (grid, listed, meshed)]
    assert all(r.verdict.fresh_residual < 1e-6 > r.verdict.worst_condition_error for r in reports)
    assert len({r.verdict.fresh_residual for r in reports}) == 1


def test_a_unknown_of_fewer_axes_has_a_table_of_its_own() -> None:
    box = Box(x=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t + u.x),
        Equation(lambda w, x: w.x - 2 * x),
        Dirichlet(box.face(x=0), u=lambda t: -t, w=0.0),
        Initial(u=lambda x: x),
    ]
    problem = Problem("two", box, ["u", Unknown("w", axes=("x",))], terms)
    x = np.linspace(0, 1, 9)
    a, b = np.meshgrid(x, x, indexing="ij")
    report = checked(dict(x=a, t=b, u=a - b, w=a**2), problem)
    assert report.verdict.ok, str(report)


def test_hdf5_may_nest_and_keep_coefficients_in_attributes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "u.h5", "w") as file:
        file.attrs["k"] = 1.5
        file["run/results/t"] = 2 * T
        file["run/results/u"] = np.exp(-3 * T)
    report = checked(tmp_path / "u.h5", measured())
    assert report.solution.coefficients == {"k": 1.5}
    assert report.verdict.ok, str(report)


def test_columns_are_renamed_and_shared_coordinates_given() -> None:
    assert checked({"time": T, "amount": np.exp(-T)}, names={"time": "t", "amount": "u"}).verdict.ok
    a, b = (m.ravel() for m in np.meshgrid(T, T, indexing="ij"))
    problem = saddle()
    cut = dict(x=a, p=a**2 / 2, v_0=a, v_1=-b)
    with pytest.raises(ValueError, match="too small for derivatives"):
        checked(cut, problem, at={"y": 0.5})


def test_rows_outside_the_domain_are_left_out_and_counted() -> None:
    t = np.linspace(-0.2, 1, 25)
    report = checked(dict(t=t, u=np.exp(-t)))
    assert report.verdict.ok
    assert "4 of 25 rows of the table lie outside the domain" in " ".join(report.verdict.notes)


# mistakes -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("table", "words"),
    [
        (dict(t=T, v=np.exp(-T)), r"no column for the unknown `u`; its columns are \('t', 'v'\); rename one"),
        (dict(s=T, u=np.exp(-T)), "no column for the coordinate `t`"),
        (dict(t=T, u=np.exp(1j * T)), "'u' of the table is complex"),
        (dict(t=T, u=np.array(["a"] * 21)), "holds <U1, no numbers"),
        (dict(t=T, u=np.exp(-T)[:20]), r"values of shape \(20,\); with axes \('t',\) of \(21,\) coordinates"),
        (dict(t=1000 * T, u=np.exp(-T)), "t runs from 0 to 1000, in the domain from 0 to 1. Are the units"),
        (dict(t=T, u=np.full(21, np.nan)), "no finite values in the domain"),
        (dict(t=np.full(21, np.inf), u=np.exp(-T)), "no row with finite coordinates"),
        (dict(t=T[:2], u=np.exp(-T)[:2]), "too small for derivatives of order 1"),
    ],
)
def test_a_table_that_does_not_fit_is_one_sentence(table: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked(table)


def test_a_transposed_array_is_told_from_a_wrong_one() -> None:
    table = foreign.grid(7, 9)
    with pytest.raises(ValueError, match="transpose it"):
        checked({**table, "u": table["u"].T}, foreign.heat())


def test_names_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="no column 'w' to rename"):
        checked(dict(t=T, u=T), names={"w": "u"})
    with pytest.raises(ValueError, match="`q` is no coefficient"):
        checked(dict(t=T, u=T), coefficients={"q": 1.0})
    problem = Problem(
        "rate", Box(t=(0, 1)), "u", [Equation(lambda u, k: u.t + k * u), Initial(u=1.0)], [Coefficient("k", 1.0)]
    )
    with pytest.raises(ValueError, match="the coefficient `k` is not given; state it"):
        checked(dict(t=T, u=T), problem)
    with pytest.raises(TypeError, match="`candidate` must be a file, arrays by name"):
        checked(3)


def test_missing_values_are_a_finding_and_a_mask_counts_as_missing() -> None:
    u = np.ma.masked_array(np.exp(-T), mask=T == 0.5)
    report = checked(dict(t=T, u=u))
    assert report.verdict.kinds == {Kind.NOT_FINITE}
    assert "1 of 21 rows of the table in the domain" in report.warnings[0]


def test_a_residual_within_the_error_of_the_derivatives_is_no_defect() -> None:
    noise = 0.02 * np.random.default_rng(3).standard_normal(201)
    t = np.linspace(0, 1, 201)
    report = checked(dict(t=t, u=np.exp(-t) + noise))
    assert report.verdict.ok, str(report)
    said = " ".join(report.verdict.unchecked)
    assert "is within the error of the derivatives of the given values" in said
    assert report.summary()["terms"]["equation"]["own_error"] > 0


def test_a_wrong_equation_is_named_although_the_table_has_noise() -> None:
    t = np.linspace(0, 1, 201)
    noise = 0.005 * np.random.default_rng(3).standard_normal(201)
    assert Kind.UNSOLVED in checked(dict(t=t, u=np.exp(-2 * t) + noise)).verdict.kinds


# files from strangers -------------------------------------------------------------------------------------------------
def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["u"] = np.exp(-T)
    with h5py.File(tmp_path / "u.h5", "w") as file:
        file["t"] = T
        file["u"] = h5py.ExternalLink("other.h5", "u")
    with pytest.raises(ValueError, match="'u' is a link to another file, which is not followed"):
        checked(tmp_path / "u.h5")


def test_virtual_and_external_arrays_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(168))
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["t"] = T
        file.create_dataset("u", (21,), "f8", external=[(str(tmp_path / "secret"), 0, 168)])
    with pytest.raises(ValueError, match="'u' keeps its values in other files"):
        checked(tmp_path / "raw.h5")


def test_pickled_arrays_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "u.npz", t=T, u=np.array([{}] * 21, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="it holds Python objects"):
        checked(tmp_path / "u.npz")


def test_sizes_are_bounded(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("u.npy", bytes(30_000_000))
    with pytest.raises(UnreadableFile, match="to 30,000,000 bytes, at most"):
        read_table(tmp_path / "bomb.npz")
    with (tmp_path / "long.csv").open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(UnreadableFile, match="is too large: 1,024 MiB, at most 512 MiB"):
        read_table(tmp_path / "long.csv")
    with h5py.File(tmp_path / "declared.h5", "w") as file:
        file.create_dataset("u", (10**12,), "f8", chunks=(1000,))
    with pytest.raises(UnreadableFile, match="'u' has 8,000,000,000,000 bytes"):
        read_table(tmp_path / "declared.h5")


def test_arrays_are_bounded_together(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "u.h5", "w") as file:
        for i in range(5):
            file.create_dataset(f"u{i}", (1000,), "f8", compression="gzip")
    assert len(read_arrays(tmp_path / "u.h5", 40_000)) == 5
    with pytest.raises(UnreadableFile, match="'u4' has 8,000 bytes, and at most 7,999 are read"):
        read_arrays(tmp_path / "u.h5", 39_999)


def test_arrays_of_a_cycle_of_groups_are_read_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "u.h5", "w") as file:
        file["t"] = T
        for i in range(40):
            file[f"again{i}"] = file["/"]
    assert list(read_arrays(tmp_path / "u.h5")) == ["t"]


@pytest.mark.parametrize("name", ["u.csv", "u.npz", "u.h5", "u.vtu", "u.vtk", "u.xdmf"])
def test_damaged_files_are_one_sentence(name: str, tmp_path: Path) -> None:
    if name.endswith((".vtu", ".vtk", ".xdmf")):
        pytest.importorskip("meshio")
    (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n<VTKFile>\x00\xff garbage")
    with pytest.raises(ValueError, match=name):
        read_table(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,1\n1,2\n", "begins with numbers; its first line must name the columns"),
        ("t,u\n0,1\n1\n", "row 2 has 1 values"),
        ("t,u\n0,one\n", "holds 'one', which is no number"),
        ("t,u\n0,1+2j\n", "holds complex numbers"),
        ("t,t\n0,1\n", "names a column twice"),
        ("t,u\n", "no rows below"),
        ("", "holds no numbers"),
    ],
)
def test_text_that_is_no_table_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_table(tmp_path / "u.csv")


def test_other_files_are_refused_by_their_ending(tmp_path: Path) -> None:
    (tmp_path / "u.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match=r"is no table that pinnkit reads; they end in \.csv"):
        checked(tmp_path / "u.pkl")
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: 'u\.csv'"):
        checked("u.csv")


def test_the_default_dtype_of_a_problem_does_not_matter() -> None:
    problem = Problem("decay", Box(t=(0, 1)), "u", [Equation(lambda u: u.t + u), Initial(u=1.0)], dtype=torch.float32)
    assert checked(dict(t=T, u=np.exp(-T)), problem).verdict.ok
