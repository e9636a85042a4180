"""Solutions as values: copies, pickles, other processes, hashes."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit.fields import HashGrid, RandomFourier, Siren, TotalDegree
from pinnkit.reports import Report, validate
from pinnkit.solutions import Saved, Solution, Status, load, save
from tests.samples import fitted_heat, heat_problem, solution_of, vector_problem

POINTS = dict(x=[0.1, 0.5, 0.9], t=0.25)
SPECS = (Siren(width=8, depth=2), RandomFourier(features=30, bandwidth=2.0), TotalDegree(degree=4), HashGrid())


def by_pickle(value: object) -> object:
    return pickle.loads(pickle.dumps(value))


COPIES = {"deep copy": copy.deepcopy, "pickle": by_pickle}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_a_copy_gives_the_same_values_and_derivatives(make, spec) -> None:
    solution = solution_of(heat_problem(), spec=spec)
    again = make(solution)
    assert type(again) is Solution
    assert np.array_equal(again(**POINTS)["u"], solution(**POINTS)["u"])
    if spec.smoothness >= 1:
        assert np.array_equal(again.d("x")(**POINTS)["u"], solution.d("x")(**POINTS)["u"])
    assert again.fields == solution.fields
    assert (again.status, again.seconds, again.choice) == (solution.status, solution.seconds, solution.choice)
    assert np.array_equal(again.history.loss, solution.history.loss)


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES.keys())
def test_a_copy_has_modules_of_its_own(make) -> None:
    solution = solution_of(heat_problem())
    before = solution(**POINTS)["u"]
    (module,) = make(solution).modules.values()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert np.array_equal(solution(**POINTS)["u"], before)


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES.keys())
def test_a_copy_can_be_validated_although_its_equations_are_lambdas(make) -> None:
    solution = fitted_heat()
    expected, found = validate(solution, budget=0), validate(make(solution), budget=0)
    assert type(found) is Report
    assert found.residual_rms == expected.residual_rms
    assert found.exact == expected.exact
    assert found.good is expected.good


def test_vector_unknowns_and_histories_survive() -> None:
    solution = solution_of(vector_problem(), status=Status.DIVERGED)
    again = by_pickle(solution)
    assert again.status is Status.DIVERGED
    assert again.on_grid(x=3, y=3)["v"].shape == (3, 3, 2)


def test_a_pickled_solution_is_evaluated_in_another_process(root: Path, tmp_path: Path) -> None:
    solution = fitted_heat()
    (tmp_path / "solution.pickle").write_bytes(pickle.dumps(solution))
    code = (
        "import pickle, sys\nfrom pathlib import Path\n"
        "solution = pickle.loads(Path('solution.pickle').read_bytes())\n"
        "print(*(float(u).hex() for u in solution(x=[0.1, 0.5, 0.9], t=0.25)['u']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(root)}
    )
    assert done.returncode == 0, done.stderr
    found = [float.fromhex(word) for word in done.stdout.split()]
    np.testing.assert_allclose(found, solution(**POINTS)["u"], rtol=0, atol=1e-13)  # other numbers of threads


def test_solutions_are_hashed_and_compared_by_identity() -> None:
    solution = solution_of(heat_problem())
    again = copy.deepcopy(solution)
    assert solution == solution
    assert solution != again
    assert len({solution, again, solution}) == 2
    assert {solution: 1}[solution] == 1
    assert len({solution.history, validate(solution, budget=0)}) == 2


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES.keys())
def test_reports_and_loaded_solutions_can_be_copied(make, tmp_path: Path) -> None:
    solution = fitted_heat()
    report = make(validate(solution, budget=0))
    assert report.summary()["good"] is True
    saved = make(load(save(solution, tmp_path)))
    assert type(saved) is Saved
    assert np.array_equal(saved(**POINTS)["u"], solution(**POINTS)["u"])
