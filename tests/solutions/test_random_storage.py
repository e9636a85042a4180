"""Properties of stored solutions: random fields on random domains come back bit for bit; damage is always refused."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pinnkit.domains import Ball, Box, Cube, Domain, Parameters, Role, Time
from pinnkit.fields import FIELDS
from pinnkit.problem.problem import Problem, Unknown
from pinnkit.problem.terms import Dirichlet, Equation
from pinnkit.solutions.history import History
from pinnkit.solutions.solution import Solution
from pinnkit.solutions.status import Status
from pinnkit.solutions.storage import Saved, load, save
from tests.damage import FEW, SETTINGS, Damage, byte_changes, damages, read_or_refused, truncations
from tests.samples import heat_problem, solution_of

SPECS = {f"{entry.name}, {name}": spec for entry in FIELDS for name, spec in entry.examples().items()}

numbers = st.floats(-50, 50, allow_nan=False)
intervals = st.builds(lambda lower, length: (lower, lower + length), numbers, st.floats(0.01, 40))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def domains(draw: st.DrawFn) -> Domain:
    shape: Any
    if draw(st.booleans()):
        shape = Ball(**{name: draw(numbers) for name in "xy"}, radius=draw(st.floats(0.01, 40)))
    else:
        names = draw(st.sampled_from(["x", "xy", "xyz"]))
        shape = Box(**{name: draw(intervals) for name in names})
        if draw(st.booleans()):
            shape = Box(v=Cube(*draw(intervals), dim=2))
    shape = shape * Time(*draw(intervals)) if draw(st.booleans()) else shape
    return shape * Parameters(nu=draw(intervals)) if draw(st.booleans()) else shape


@st.composite
def histories(draw: st.DrawFn, terms: tuple[str, ...]) -> History:
    n = draw(st.integers(0, 6))

    def column() -> np.ndarray:
        return np.array(draw(st.lists(st.floats(), min_size=n, max_size=n)), dtype=np.float64)

    return History(
        np.cumsum(draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)), dtype=np.int64),
        column(),
        tuple(draw(st.lists(st.sampled_from(["Adam", "LBFGS"]), min_size=n, max_size=n))),
        column(),
        {name: column() for name in terms},
        {name: column() for name in draw(st.lists(words.filter(bool), max_size=2, unique=True))},
    )


def same_history(one: History, other: History) -> None:
    assert one.solver == other.solver
    for what in ("step", "seconds", "loss"):
        np.testing.assert_array_equal(getattr(one, what), getattr(other, what))
    for a, b in ((one.terms, other.terms), (one.measures, other.measures)):
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def at_points(found: Solution | Saved, problem: Problem, seed: int) -> dict[str, np.ndarray]:
    """Values, and one first derivative where the field has one."""
    coords = problem.domain.sample(20, torch.Generator().manual_seed(seed)).coords
    split = coords.split([a.dim for a in problem.axes], dim=1)
    at = {a.name: c if a.dim > 1 else c[:, 0] for a, c in zip(problem.axes, split, strict=True)}
    values = dict(found(**at))
    solution = found if isinstance(found, Solution) else found.evaluator
    assert solution is not None
    if solution.smoothness >= 1:
        values |= {f"{k}'": v for k, v in found.d(problem.frame.columns[0])(**at).items()}
    return values


def problem_on(domain: Domain, components: int | None, dtype: torch.dtype, name: str) -> Problem:
    unknown = Unknown("u", components=components)
    terms = [Equation(lambda u: u if components is None else u[0])]
    if components is None and any(a.role is Role.SPACE for a in domain.axes):
        terms.append(Dirichlet(domain.boundary, u=0.0))
    return Problem(name, domain, [unknown], terms, dtype=dtype)


@FEW
@given(st.sampled_from(sorted(SPECS)), st.data())
def test_random_fields_on_random_domains_come_back_to_the_last_bit(spec: str, data: st.DataObject) -> None:
    domain = data.draw(domains())
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    components = data.draw(st.sampled_from([None, 2]))
    problem = problem_on(domain, components, dtype, "random")
    try:
        solution = solution_of(problem, spec=SPECS[spec])
    except ValueError:  # a field that does not cover these axes or components
        return
    solution = solution_of(
        problem,
        spec=SPECS[spec],
        history=data.draw(histories(tuple(t.name for t in problem.terms))),
        status=data.draw(st.sampled_from(Status)),
        seconds=data.draw(st.floats(0, 1e9)),
        seed=data.draw(st.integers(0, 2**60)),
        choice=data.draw(words),
        residual_rms=data.draw(st.floats(allow_nan=True)),
        rows={"equation": data.draw(st.integers(0, 10**9))},
        training_rms={"equation": data.draw(st.floats(0, 1))},
    )
    path = save(solution, "a.h5")
    for saved in (load(path), load(path, problem=problem)):
        assert saved.evaluator is not None
        again = saved.evaluator
        assert again.problem.domain == domain
        assert again.dtype == dtype
        same_history(saved.history, solution.history)
        for name in ("status", "seconds", "seed", "choice", "rows", "training_rms", "fields", "solvers", "versions"):
            assert getattr(again, name) == getattr(solution, name), name
        np.testing.assert_array_equal(again.residual_rms, solution.residual_rms)
        wanted = at_points(solution, problem, 3)
        for name, values in at_points(saved, problem, 3).items():
            assert values.dtype == wanted[name].dtype
            np.testing.assert_array_equal(values, wanted[name], err_msg=name)


SOME_DOMAINS = (
    Ball(x=0, y=0.5),
    Box(x=(0, 1), t=(0, 1)),
    Box(x=(0, 1), y=(0, 1), z=(0, 1)),
    Box(x=(0, 2), y=Cube(-3, 5, dim=2), view=Cube(-1, 1, dim=3)),
)


@pytest.mark.parametrize("spec", SPECS)
def test_every_registered_field_comes_back_on_the_first_domain_that_it_covers(spec: str) -> None:
    reasons = []
    for domain in SOME_DOMAINS:
        try:
            solution = solution_of(problem_on(domain, 2, torch.float64, "some"), spec=SPECS[spec])
        except ValueError as error:
            reasons.append(str(error))
            continue
        saved = load(save(solution, "a.h5"))
        wanted = at_points(solution, solution.problem, 0)
        for key, values in at_points(saved, solution.problem, 0).items():
            np.testing.assert_array_equal(values, wanted[key])
        return
    words = ("solve() chooses", "time as its only axis")  # no field before the solve, or on none of these domains
    assert all(any(w in reason for w in words) for reason in reasons), reasons


@functools.cache
def whole() -> bytes:
    return save(solution_of(heat_problem()), "whole.h5").read_bytes()


@SETTINGS
@given(st.one_of(damages, truncations, byte_changes))
def test_every_change_of_a_file_is_refused(damage: Damage) -> None:
    changed = damage(whole())
    Path("a.h5").write_bytes(changed)
    assert read_or_refused(load, Path("a.h5")) is None or changed == whole()


@functools.cache
def version_1() -> bytes:
    """The file as version 1 was: no checksum of the whole file, metadata in an attribute.

    Random bytes are not changed in it: HDF5 itself reads it, and some of its versions crash on changed structures.
    """
    Path("whole.h5").write_bytes(whole())
    with h5py.File("whole.h5") as new, h5py.File("old.h5", "w") as old:
        metadata = json.loads(new["metadata"][()].tobytes())
        for key in ("domain_data", "domain_refusal"):
            del metadata[key]
        for name in new:
            if name != "metadata":
                new.copy(name, old)
        old.attrs["format"], old.attrs["format_version"] = "pinnkit solution", 1
        old.attrs["metadata"] = json.dumps({**metadata, "is_box": True})
    return Path("old.h5").read_bytes()


@SETTINGS
@given(truncations)
def test_truncated_files_of_version_1_are_refused(damage: Damage) -> None:
    Path("a.h5").write_bytes(damage(version_1()))
    assert read_or_refused(functools.partial(load, unsealed=True), Path("a.h5")) is None
