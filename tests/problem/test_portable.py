"""Problems in other processes and as values: pickling, copies, hashes, comparisons."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pinnkit import Box, Data, Dirichlet, Equation, Initial, Periodic, Problem, Tabulated, Unsupported
from pinnkit.domains import Points
from pinnkit.problem import Huber
from pinnkit.problem.linearization import linearise
from pinnkit.problem.portable import same
from pinnkit.problem.probing import random_values
from pinnkit.problem.script import load_problem
from pinnkit.references.errors import TooFewConditions

ROD = Box(x=(0, 1), t=(0, 1))
SCRIPTS = ("heat", "burgers", "heat_5d", "poisson_variable", "schroedinger", "pendulum", "image_from_gradients")


def residuals(problem: Problem) -> list[torch.Tensor]:
    """Residual and derivatives of every term at fixed points and a fixed state."""
    found = []
    for term in problem.terms:
        generator = torch.Generator().manual_seed(3)
        points = tuple(p.to(problem.dtype) for p in term.sample(16, generator))
        channels = problem.trace(term, raw=False).channels
        values = random_values(problem, channels, points[0].coords.shape[0], generator)
        at = linearise(problem, term, points, {c: v.to(problem.dtype) for c, v in values.items()})
        found += [at.r, *at.d.values()]
    return found


def decay(rate: float) -> Problem:
    """A problem made of closures, as a sweep makes it."""
    return Problem(
        "decay",
        ROD,
        "u",
        [
            Equation(lambda u, x: u.t - rate * u.xx + torch.sin(x), weight=lambda x: 1 + x),
            Dirichlet(ROD.boundary, u=0.0, hard=True),
            Initial(u=lambda x: rate * x * (1 - x), penalty=Huber(0.5)),
        ],
        exact=dict(u=lambda x, t: rate * x * t),
        metrics=dict(size=lambda _: rate),
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_problem_of_a_script_comes_out_of_a_pickle_with_the_same_residuals(name: str, root: Path) -> None:
    problem = load_problem(root / "problems" / f"{name}.py")
    again = pickle.loads(pickle.dumps(problem))
    assert type(again) is Problem
    assert again.names == problem.names
    assert again.domain == problem.domain
    assert [t.name for t in again.terms] == [t.name for t in problem.terms]
    assert again.traces == problem.traces
    assert all(torch.equal(a, b) for a, b in zip(residuals(again), residuals(problem), strict=True))
    assert [r.settles for r in again.structure.equations] == [r.settles for r in problem.structure.equations]


def test_closures_travel_with_the_numbers_that_they_hold() -> None:
    again = [pickle.loads(pickle.dumps(decay(rate))) for rate in (0.5, 2.0)]
    assert [p.metrics["size"](None) for p in again] == [0.5, 2.0]
    assert not torch.equal(residuals(again[0])[0], residuals(again[1])[0])
    assert all(torch.equal(a, b) for a, b in zip(residuals(again[1]), residuals(decay(2.0)), strict=True))
    assert dataclasses.replace(again[0], name="other").terms[1].hard  # a restored problem can be changed
    with pytest.raises(TypeError):
        again[0].exact["u"] = None  # read-only, as before


def test_a_problem_is_read_by_another_process(tmp_path: Path, root: Path) -> None:
    script = tmp_path / "cooling.py"
    script.write_text(
        "import torch\n"
        "from pinnkit import Box, Equation, Initial, Problem\n"
        "k = 0.25\n"
        "def loss(u, t):\n"
        "    return k * u * torch.cos(t)\n"
        "def problem_of(start):\n"
        "    cooling = Equation(lambda u, t: u.t + loss(u, t))\n"
        "    return Problem('cooling', Box(t=(0, 1)), 'u', [cooling, Initial(u=start)])\n"
        "problem = problem_of(2.0)\n"
    )
    problem = load_problem(script)
    (tmp_path / "problem.pickle").write_bytes(pickle.dumps(problem))
    script.unlink()  # the pickle stands by itself
    program = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from tests.problem.test_portable import residuals\n"
        "problem = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "print([repr(float(v)) for r in residuals(problem) for v in r.reshape(-1)])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "problem.pickle"), str(root)],
        capture_output=True, text=True, cwd=root, check=True,
    )  # fmt: skip
    assert run.stdout.strip() == str([repr(float(v)) for r in residuals(problem) for v in r.reshape(-1)])


def test_terms_and_unbound_terms_can_be_pickled_alone() -> None:
    for term in (Periodic("x"), Equation(lambda u: u.t), *decay(1.0).terms):
        again = pickle.loads(pickle.dumps(term))
        assert (again.name, again.kind, again.hard) == (term.name, term.kind, term.hard)
    bound = Problem("p", ROD, "u", [pickle.loads(pickle.dumps(Equation(lambda u: u.t - u.x))), Periodic("x")])
    assert bound.structure.periodic == {"x"}


def test_a_deep_copy_is_equal_and_a_copy_is_the_object_itself() -> None:
    problem = decay(1.5)
    deep = copy.deepcopy(problem)
    assert deep is not problem
    assert deep == problem
    assert deep.terms == problem.terms
    assert hash(deep) == hash(problem)
    assert copy.copy(problem) is problem
    assert deep.exact["u"] is problem.exact["u"]


def test_problems_and_terms_are_keys_of_mappings_and_equal_by_value() -> None:
    heat = Equation(lambda u: u.t - u.xx)
    one, two = (Problem("heat", ROD, "u", [heat, Dirichlet(ROD.boundary, u=0.0)]) for _ in range(2))
    assert one == two
    assert {one: 1}[two] == 1
    assert one != dataclasses.replace(two, name="other")
    assert one != Problem("heat", ROD, "u", [heat, Dirichlet(ROD.boundary, u=1.0)])
    assert len({*one.terms, *two.terms}) == 2


def test_terms_with_arrays_are_compared_number_by_number() -> None:
    xs = torch.linspace(0, 1, 4, dtype=torch.float64)
    one, two, three = (
        Problem("p", Box(x=(0, 1)), "u", [Data(dict(x=xs), u=values)]).terms[0]
        for values in (xs, xs.clone(), xs + torch.tensor([0.0, 0.0, 1e-9, 0.0]))
    )
    assert one == two
    assert hash(one) == hash(two)
    assert one != three
    coords = torch.rand(3, 2, dtype=torch.float64)
    equation = Equation(lambda u: u.t, points=Points(coords))
    assert equation == dataclasses.replace(equation, points=Points(coords.clone()))
    assert equation != dataclasses.replace(equation, points=Points(coords + 1))
    assert equation != "equation"


def test_values_are_compared_in_type_shape_and_every_number() -> None:
    a = np.arange(3.0)
    assert same({"a": (a, [1, torch.ones(2)])}, {"a": (a.copy(), [1, torch.ones(2)])})
    assert not same(a, a.astype(np.float32))
    assert not same(torch.ones(2), torch.ones(2, dtype=torch.float64))
    assert not same([1.0], [1.0, 2.0])
    assert not same({"a": 1}, {"b": 1})
    assert not same(1, 1.0)
    assert same(Huber(0.5), Huber(0.5))
    assert not same(Huber(0.5), Huber(0.25))


def test_a_table_can_be_pickled() -> None:
    table = Tabulated([0.0, 1.0, 4.0, 9.0], x=[0.0, 1.0, 2.0, 3.0])
    x = torch.tensor([0.5, 1.5], dtype=torch.float64)
    assert torch.equal(pickle.loads(pickle.dumps(table))(x), table(x))


@pytest.mark.parametrize("error", [Unsupported, TooFewConditions])
def test_errors_keep_method_and_reason_in_a_pickle(error: type[Unsupported]) -> None:
    again = pickle.loads(pickle.dumps(error("method of lines", "problem 'p': there is no time axis")))
    assert type(again) is error
    assert (again.method, again.reason, str(again)) == (
        "method of lines",
        again.reason,
        "problem 'p': there is no time axis",
    )
    assert isinstance(again, ValueError)
