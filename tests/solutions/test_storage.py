"""solution.h5: what is written comes back, and what is no such file is refused in one line."""

import json
from contextlib import contextmanager
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from pinnkit.domains import Box, Cube
from pinnkit.fields import FourierMLP, RandomFourier, Siren
from pinnkit.files.unreadable import UnreadableFile
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation
from pinnkit.solutions.sealed import HEADER, seal
from pinnkit.solutions.solution import grid_counts
from pinnkit.solutions.storage import load, replacing, save
from tests.samples import ALPHA, fitted_heat, heat_problem, solution_of, vector_problem

WRAPPED = {"u": lambda u, x: x * (1 - x) * u}


@pytest.mark.parametrize("spec", [Siren(width=8, depth=2), FourierMLP(width=8, depth=1), RandomFourier(20, 3.0)])
def test_a_solution_read_back_without_its_problem_gives_the_same_values(tmp_path, spec):
    solution = solution_of(heat_problem(), spec=spec)
    path = save(solution, tmp_path)
    assert path == tmp_path / "solution.h5"
    saved = load(tmp_path)
    at = dict(x=np.linspace(0, 1, 9), t=0.3)
    np.testing.assert_array_equal(saved(**at)["u"], solution(**at)["u"])
    np.testing.assert_array_equal(saved.d("x", "x")(**at)["u"], solution.d("x", "x")(**at)["u"])
    np.testing.assert_array_equal(saved.on_grid(x=5, t=4)["u"], solution.on_grid(x=5, t=4)["u"])


def test_everything_about_the_solve_comes_back(tmp_path):
    solution = solution_of(heat_problem())
    saved = load(save(solution, tmp_path / "a.h5"), problem=solution.problem)
    again = saved.solution
    for name in ("status", "seconds", "seed", "dtype", "solvers", "choice", "steps", "parameters", "residual_rms"):
        assert getattr(again, name) == getattr(solution, name), name
    assert again.fields == solution.fields
    assert again.versions == solution.versions
    assert again.history.solver == solution.history.solver
    np.testing.assert_array_equal(again.history.loss, solution.history.loss)
    assert list(again.history.terms) == list(solution.history.terms)
    for name, losses in solution.history.terms.items():
        np.testing.assert_array_equal(again.history.terms[name], losses)
    np.testing.assert_array_equal(saved.grid["u"], solution.on_grid(**grid_counts(solution.problem.axes))["u"])


def test_a_vector_unknown_and_a_group_of_its_own_come_back(tmp_path):
    solution = solution_of(vector_problem())
    saved = load(save(solution, tmp_path))
    assert saved.grid["v"].shape == (*saved.grid["p"].shape, 2)
    np.testing.assert_array_equal(saved(x=0.5, y=1.5)["v"], solution(x=0.5, y=1.5)["v"])


def test_an_ansatz_needs_the_problem_for_points_but_not_for_the_grid(tmp_path):
    problem = heat_problem(ansatz=WRAPPED)
    solution = solution_of(problem)
    save(solution, tmp_path)
    saved = load(tmp_path)
    assert np.isfinite(saved.grid["u"]).all()
    with pytest.raises(ValueError, match=r"through an ansatz.*problem=\.\.\.\), or the stored values in `\.grid`"):
        saved(x=0.5, t=0.5)
    with pytest.raises(ValueError, match=r"through an ansatz"):
        saved.d("x")
    with pytest.raises(ValueError, match=r"loaded without its problem"):
        _ = saved.solution
    whole = load(tmp_path, problem=problem)
    assert whole(x=0.5, t=0.5)["u"] == solution(x=0.5, t=0.5)["u"]


def test_a_loaded_solution_without_its_problem_is_not_passed_on_as_a_whole_one(tmp_path):
    save(solution_of(heat_problem()), tmp_path)
    saved = load(tmp_path)
    assert np.isfinite(saved(x=0.5, t=0.5)["u"])
    with pytest.raises(ValueError, match=r"loaded without its problem"):
        _ = saved.solution


def test_another_problem_than_the_one_solved_is_refused(tmp_path):
    save(solution_of(heat_problem()), tmp_path)
    with pytest.raises(ValueError, match=r"`problem` is not the one in .*: its name is other, and the file's is heat"):
        load(tmp_path, problem=heat_problem(name="other"))
    with pytest.raises(ValueError, match=r"its ansatz"):
        load(tmp_path, problem=heat_problem(ansatz=WRAPPED))


def test_a_plain_module_is_refused_and_leaves_no_file(tmp_path):
    solution = solution_of(heat_problem(), nn.Linear(2, 1, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"plain Linear.*Siren\(\.\.\.\)"):
        save(solution, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_points_stand_for_a_grid_where_none_can_fill_the_domain(tmp_path):
    problem = Problem("cube", Box(x=Cube(0, 1, dim=5)), "u", [Equation(lambda u: u.laplacian)])
    saved = load(save(solution_of(problem), tmp_path))
    assert saved.metadata["scattered"]
    assert saved.grid["x"].shape == (len(saved.grid["u"]), 5)
    np.testing.assert_allclose(saved(x=saved.grid["x"])["u"], saved.grid["u"], rtol=1e-12)


def test_the_problem_file_is_kept_with_its_hash(tmp_path):
    script = tmp_path / "heat.py"
    script.write_text("α = 1  # heat\n", encoding="utf-8")
    save(solution_of(heat_problem()), tmp_path, problem_file=script)
    saved = load(tmp_path)
    assert saved.problem_text == "α = 1  # heat\n"
    assert len(saved.problem_hash) == 64


def test_nothing_in_the_file_is_a_pickle(tmp_path):
    path = save(solution_of(heat_problem()), tmp_path)
    with h5py.File(path) as file:
        json.loads(file["metadata"][()].tobytes())
        kinds = []
        file.visititems(lambda _, item: kinds.append(item.dtype.kind) if isinstance(item, h5py.Dataset) else None)
    assert kinds
    assert set(kinds) <= set("fiu")


@contextmanager
def _edited(path):
    """The HDF5 content of a file, whose checksum is then made to match again: damage by a program, not by a disk."""
    with h5py.File(path, "r+") as file:
        yield file
    seal(path, "pinnkit solution")


def _write_text(path):
    path.write_text("no hdf5")


def _truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)


def _flip(path):
    with h5py.File(path) as file:
        offset = file["grid/u"].id.get_chunk_info(0).byte_offset
    with path.open("r+b") as file:
        file.seek(offset + 40)
        byte = file.read(1)
        file.seek(offset + 40)
        file.write(bytes([byte[0] ^ 0xFF]))


def _foreign(path):
    with h5py.File(path, "w") as file:
        file["a"] = 1.0


def _newer(path):
    with _edited(path) as file:
        file.attrs["format_version"] = 99


def _without_state(path):
    with _edited(path) as file:
        del file["state"]


def _wrong_state(path):
    with _edited(path) as file:
        key = next(iter(file["state/0"]))
        del file[f"state/0/{key}"]


def _unsealed(path):
    path.write_bytes(path.read_bytes()[HEADER:])  # the HDF5 content alone


def _unknown_type(path):
    with _edited(path) as file:
        metadata = json.loads(file["metadata"][()].tobytes())
        del file["metadata"]
        file["metadata"] = np.frombuffer(json.dumps({**metadata, "dtype": "compile"}).encode(), dtype=np.uint8)


DAMAGE = {
    "a type that is none": (_unknown_type, "is damaged: there are no fields of type 'compile'"),
    "text": (_write_text, "is damaged or no solution"),
    "a missing checksum": (_unsealed, "has no checksum"),
    "truncated": (_truncate, "is damaged or no solution"),
    "one byte": (_flip, "is damaged or no solution"),
    "foreign": (_foreign, "no solution that pinnkit wrote"),
    "newer": (_newer, "newer pinnkit"),
    "no state": (_without_state, "is damaged or no solution"),
    "some state missing": (_wrong_state, "the state does not fit"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_or_foreign_file_is_refused_in_one_line(tmp_path, damage, words):
    path = save(solution_of(heat_problem()), tmp_path)
    damage(path)
    with pytest.raises(UnreadableFile) as caught:
        load(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_today_without_its_checksum_is_not_taken_for_one_of_version_1(tmp_path):
    path = save(solution_of(heat_problem()), tmp_path)
    _unsealed(path)
    with pytest.raises(UnreadableFile, match=r"its checksum is missing"):
        load(path, unsealed=True)


def _as_version_1(path, *, is_box=True):
    """Rewrite a file as version 1 was: metadata in an attribute, no domain, no checksum of the whole file."""
    content = path.with_suffix(".copy")
    content.write_bytes(path.read_bytes())
    path.unlink()
    with h5py.File(content) as new, h5py.File(path, "w") as old:
        metadata = json.loads(new["metadata"][()].tobytes())
        for key in ("domain_data", "domain_refusal"):
            del metadata[key]
        for name in new:
            if name != "metadata":
                new.copy(name, old)
        old.attrs["format"], old.attrs["format_version"] = "pinnkit solution", 1
        old.attrs["metadata"] = json.dumps({**metadata, "is_box": is_box})


def test_files_of_version_1_are_read(tmp_path):
    solution = solution_of(heat_problem())
    path = save(solution, tmp_path)
    _as_version_1(path)
    with pytest.raises(UnreadableFile, match=r"has no checksum: .*use load\(\.\.\., unsealed=True\)"):
        load(path)
    assert load(path, unsealed=True)(x=0.5, t=0.5)["u"] == solution(x=0.5, t=0.5)["u"]
    assert load(path, problem=solution.problem, unsealed=True).solution.history.solver == solution.history.solver
    _truncate(path)
    with pytest.raises(ValueError, match=r"is damaged or no solution"):
        load(path, unsealed=True)


def test_files_of_version_1_on_other_domains_than_boxes_need_the_problem(tmp_path):
    path = save(solution_of(heat_problem()), tmp_path)
    _as_version_1(path, is_box=False)
    with pytest.raises(ValueError, match=r"is no box; use load\(.*, problem=\.\.\.\)"):
        load(path, unsealed=True)(x=0.5, t=0.5)


def test_metadata_may_be_larger_than_an_attribute_of_hdf5(tmp_path):
    solution = replace(solution_of(heat_problem()), choice="because " * 20_000)
    assert load(save(solution, tmp_path)).metadata["choice"] == solution.choice


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*solution\.h5"):
        load(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_halfway():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_problem_whose_terms_changed_is_refused(tmp_path):
    save(fitted_heat(), tmp_path)
    assert load(tmp_path, problem=heat_problem()).solution.problem.name == "heat"
    rod = heat_problem().domain
    changed = [Equation(lambda u: u.t - 1.1 * ALPHA * u.xx), *heat_problem().terms[1:]]
    with pytest.raises(ValueError, match=r"its terms \('equation',\) give other residuals than those that were solved"):
        load(tmp_path, problem=heat_problem(terms=changed))
    fewer = [Equation(lambda u: u.t - ALPHA * u.xx), Dirichlet(rod.boundary, u=0.0)]
    with pytest.raises(ValueError, match=r"its terms \('initial',\)"):
        load(tmp_path, problem=heat_problem(terms=fewer))


def test_what_the_solve_saw_comes_back(tmp_path):
    seen = replace(fitted_heat(), rows={"equation": 900}, training_rms={"equation": 1e-9})
    save(seen, tmp_path)
    found = load(tmp_path, problem=heat_problem()).solution
    assert found.rows == {"equation": 900}
    assert found.training_rms == {"equation": 1e-9}


def test_a_file_that_is_no_result_is_named_as_such(tmp_path):
    (tmp_path / "scan.xyz").write_text("0 0 0")
    with pytest.raises(ValueError, match=r"scan\.xyz' is no result of a solve; give the folder of one"):
        load(tmp_path / "scan.xyz")
