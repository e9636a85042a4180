"""The plan of a march within solve."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pinnkit import (
    Box,
    Dirichlet,
    Equation,
    Initial,
    March,
    Problem,
    RandomFourier,
    Siren,
    Status,
    hardened,
    load,
    solve,
    validate,
)  # fmt: skip
from tests.solvers.cases import ALPHA, ROD, cubic, heat, heat_exact, poisson


def error(solution: Any) -> float:
    grid = solution.on_grid(x=30, t=31)
    x, t = torch.meshgrid(torch.as_tensor(grid["x"]), torch.as_tensor(grid["t"]), indexing="ij")
    exact = heat_exact(x, t).numpy()
    return float(np.linalg.norm(grid["u"] - exact) / np.linalg.norm(exact))


def test_a_march_gives_a_solution_like_any_other(tmp_path: Path) -> None:
    seen: list[Any] = []
    found = solve(heat(), None, March(), callbacks=[seen.append])
    assert error(found) < 1e-8
    assert found.status is Status.CONVERGED
    assert found.steps == len(seen) == found.history.step[-1]
    assert found.parameters > 0
    assert "Marched in time with" in found.choice
    validate(found, budget=0.5).save(tmp_path / "heat", figures=False)
    again = load(tmp_path / "heat" / "solution.h5")
    assert np.array_equal(again(x=0.3, t=0.7)["u"], found(x=0.3, t=0.7)["u"])


def test_hard_conditions_are_terms_of_a_march_which_meets_its_walls_anyway() -> None:
    problem = hardened(heat())
    assert [t.hard for t in problem.terms] == [False, True, True]
    found = solve(problem, None, March())
    assert error(found) < 1e-8
    assert not any(t.hard for t in found.problem.terms)
    assert np.abs(found(x=[0.0, 1.0], t=0.5)["u"]).max() < 1e-12


def test_automatic_marches_a_nonlinear_evolution() -> None:
    found = solve(cubic())
    assert "March" in found.solvers[0]
    assert "Held-out residual" in found.choice


def test_a_march_stops_when_it_is_told_to_and_when_its_time_is_up() -> None:
    stopped = solve(heat(), None, March(), callbacks=[lambda r: r.step == 2])
    assert stopped.status is Status.INTERRUPTED
    assert stopped.steps == 2
    late = solve(heat(), None, March(), seconds=1e-9)
    assert late.status is Status.TIME


@pytest.mark.parametrize(
    ("problem", "field", "solvers", "words"),
    [
        (poisson(), None, March(), "time"),
        (heat(), Siren(), March(), "brings its own field"),
        (heat(), RandomFourier(), [March()], "brings its own field"),
        (heat(), None, [March(), March()], "stands alone"),
    ],
)
def test_what_cannot_march_is_refused_with_the_reason(problem: Problem, field: Any, solvers: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):  # `Unsupported` is one
        solve(problem, field, solvers)


def test_hardened_leaves_soft_what_contradicts() -> None:
    ring = Box(x=(-1, 1), t=(0, 1))
    from pinnkit import Periodic

    problem = Problem(
        "ring",
        ring,
        "u",
        [
            Equation(lambda u: u.t - ALPHA * u.xx),
            Periodic("x"),
            Initial(u=lambda x: x**2 * torch.cos(math.pi * x)),
        ],
    )
    assert [t.hard for t in hardened(problem).terms] == [False, True, False]
    assert hardened(hardened(problem)).terms == hardened(problem).terms
    tilted = heat(
        terms=[heat().terms[0], Dirichlet(ROD.boundary, u=1.0), heat().terms[2]]
    )  # the start is 0 at the wall
    assert [t.hard for t in hardened(tilted).terms] == [False, True, False]
