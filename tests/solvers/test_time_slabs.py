"""Time in slabs."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pinnkit import (
    LBFGS,
    Adam,
    Box,
    Data,
    Dirichlet,
    Equation,
    Initial,
    LeastSquares,
    Problem,
    RandomFourier,
    Siren,
    Status,
    load,
    solve,
    validate,
)
from pinnkit.jets.jet import constant, coordinate
from pinnkit.solvers import Monitor
from pinnkit.solvers.plans.time_slabs import _FinalState, slab_edges, slab_problem
from tests.solvers.cases import ALPHA, ROD, SMALL, heat, heat_exact, poisson, relative

SINES, ONCE = RandomFourier(200, bandwidth=(8.0, 10.0)), LeastSquares()
FEW = dict(points=128, condition_points=32)


def error(solution: Any) -> float:
    grid = solution.on_grid(x=30, t=31)
    x, t = torch.meshgrid(torch.as_tensor(grid["x"]), torch.as_tensor(grid["t"]), indexing="ij")
    return relative(grid["u"], heat_exact(x, t))


def test_slabs_reach_the_accuracy_of_their_features() -> None:
    found = solve(heat(), SINES, ONCE, slabs=3)
    assert found.status is Status.SOLVED
    assert found.steps == 3
    assert error(found) < 1e-6
    assert "3 slabs of time" in found.choice


def test_a_solution_continues_where_the_slab_before_ended() -> None:
    found = solve(heat(), SINES, ONCE, slabs=[0.4])
    early, late = (found(x=np.linspace(0, 1, 9), t=t)["u"] for t in (0.4 - 1e-9, 0.4 + 1e-9))
    assert np.abs(early - late).max() < 1e-6
    assert found.fields["u",].edges == (0.0, 0.4, 1.0)  # type: ignore[union-attr]


def test_second_order_in_time_hands_on_the_rate_as_well() -> None:
    string = Problem(
        name="string",
        domain=ROD,
        unknowns="u",
        terms=[
            Equation(lambda u: u.tt - u.xx),
            Dirichlet(ROD.boundary, u=0.0),
            Initial(u=lambda x: torch.sin(math.pi * x), u_t=0.0),
        ],
    )
    found = solve(string, RandomFourier(150, bandwidth=7.0), ONCE, slabs=2)
    x = np.linspace(0, 1, 20)
    assert relative(found(x=x, t=0.9)["u"], np.sin(np.pi * x) * np.cos(0.9 * np.pi)) < 1e-5


def test_the_end_of_a_solution_has_its_derivatives_but_none_in_time() -> None:
    found = solve(heat(), SINES, ONCE)
    problem = heat()
    coords = ROD.sample(6, torch.Generator().manual_seed(0)).coords
    end = _FinalState(found, "u", (), 0.5)(x=coordinate(problem.frame, coords, "x"))
    x = coords[:, 0].numpy()
    assert np.allclose(end.value, found(x=x, t=0.5)["u"])
    assert np.allclose(end.d("x", "x").value, found.d("x", "x")(x=x, t=0.5)["u"])
    assert end.partial("t") is None
    rate = _FinalState(found, "u", ("t",), 0.5)(x=constant(problem.frame, coords[:, 0]))
    assert np.allclose(rate.value, found.d("t")(x=x, t=0.5)["u"])


@pytest.mark.slow
def test_a_trained_field_starts_each_slab_from_the_one_before() -> None:
    found = solve(heat(), SMALL, [Adam(steps=60, **FEW), LBFGS(steps=80, **FEW)], slabs=2, seed=1)
    assert error(found) < 0.05
    assert found.steps == 280
    # The second slab begins near where the first one ended, not from scratch.
    assert found.history.loss[140] < 0.2 * found.history.loss[0]


def test_the_same_seed_gives_the_same_slabs() -> None:
    solvers = [Adam(steps=8, **FEW), LBFGS(steps=8, **FEW)]
    one, two = (solve(heat(), SMALL, solvers, slabs=2, seed=1) for _ in range(2))
    assert (one.history.loss == two.history.loss).all()


def test_steps_and_seconds_go_on_from_slab_to_slab() -> None:
    seen: list[Any] = []
    found = solve(heat(), SMALL, Adam(steps=5, **FEW), slabs=3, callbacks=[seen.append])
    assert [r.step for r in seen] == list(range(1, 16))
    assert {r.steps for r in seen} == {15}
    assert (np.diff(found.history.seconds) > 0).all()


def test_a_hard_initial_condition_becomes_a_term_and_a_hard_wall_stays() -> None:
    problem = heat(
        terms=[
            Equation(lambda u: u.t - ALPHA * u.xx),
            Dirichlet(ROD.boundary, u=0.0, hard=True),
            Initial(u=lambda x: torch.sin(math.pi * x), hard=True),
        ]
    )
    found = solve(problem, SINES, ONCE, slabs=2)
    assert [t.hard for t in found.problem.terms] == [False, True, False]
    assert np.abs(found(x=[0.0, 1.0], t=0.7)["u"]).max() < 1e-14
    assert error(found) < 1e-6


def test_data_go_to_the_slab_of_their_time() -> None:
    x, t = torch.rand(2, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.cat([0.4 * t[:15], 0.6 + 0.3 * t[15:]])
    problem = heat(terms=[*heat().terms, Data(dict(x=x, t=t), u=heat_exact(x, t))])
    early, late = slab_problem(problem, 0.0, 0.5, None), slab_problem(problem, 0.5, 1.0, None)
    assert [p.term("data").points.coords.shape[0] for p in (early, late)] == [15, 5]  # type: ignore[union-attr]
    assert [t.kind for t in slab_problem(problem, 0.4, 0.6, None).terms] == ["equation", "dirichlet", "initial"]
    assert error(solve(problem, SINES, ONCE, slabs=[0.5])) < 1e-6


def test_a_saved_solution_of_slabs_is_read_back(tmp_path: Path) -> None:
    found = solve(heat(), SINES, ONCE, slabs=2)
    validate(found, budget=0).save(tmp_path / "heat", figures=False)
    again = load(tmp_path / "heat" / "solution.h5", problem=heat())
    assert np.array_equal(again(x=0.3, t=[0.2, 0.7])["u"], found(x=0.3, t=[0.2, 0.7])["u"])


def test_a_run_in_slabs_that_was_stopped_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    def run(folder: Path, stop: int) -> Any:
        def interrupt(record: Any) -> None:
            if record.step == stop:
                raise KeyboardInterrupt

        solvers = [Adam(steps=8, **FEW), LBFGS(steps=6, **FEW)]
        how: dict[str, Any] = dict(slabs=2, out=folder, resume=True, callbacks=[interrupt])
        return solve(heat(), SMALL, solvers, **how)

    whole = run(tmp_path / "whole", -1)
    assert run(tmp_path / "stopped", 19).status is Status.INTERRUPTED
    again = run(tmp_path / "stopped", -1)
    assert (again.history.loss == whole.history.loss).all()
    assert np.array_equal(again(x=0.3, t=[0.2, 0.9])["u"], whole(x=0.3, t=[0.2, 0.9])["u"])


def test_edges_are_the_ends_of_time_and_what_is_between() -> None:
    assert slab_edges(heat(), 4) == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert slab_edges(heat(), (0.0, 0.3)) == (0.0, 0.3, 1.0)


@pytest.mark.parametrize(
    ("problem", "options", "words"),
    [
        (poisson(), dict(slabs=2), "has no time axis"),
        (heat(terms=list(heat().terms[:2])), dict(slabs=2), r"needs an Initial\(...\) term"),
        (heat(), dict(slabs=0), "`slabs` must be at least 1"),
        (heat(), dict(slabs=[0.5, 0.2]), "increasing times between 0 and 1"),
        (heat(), dict(slabs=[2.0]), "increasing times between 0 and 1"),
        (heat(), dict(slabs="two"), "their number, or the times between them"),
        (heat(), dict(slabs=2, field=torch.nn.Linear(2, 1).double()), "need a field spec"),
        (heat(), dict(slabs=2, monitor=Monitor({"one": lambda fields: 1.0})), "each of `slabs` has one of its own"),  # noqa: ARG005
    ],
)
def test_bad_slabs_are_refused(problem: Problem, options: dict[str, Any], words: str) -> None:
    field = options.pop("field", Siren(width=8, depth=1))
    with pytest.raises((TypeError, ValueError), match=words):
        solve(problem, field, Adam(steps=1, **FEW), **options)


def test_a_condition_at_an_end_of_time_belongs_to_its_slab() -> None:
    rod = Box(x=(0, 1), t=(0, 1))
    late = Dirichlet(rod.face(t=1), name="late", u=0.0)
    problem = heat(terms=[*heat().terms, late])
    names = [[t.name for t in slab_problem(problem, a, b, None).terms] for a, b in ((0.0, 0.5), (0.5, 1.0))]
    assert "late" not in names[0]
    assert "late" in names[1]
