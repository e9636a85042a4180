"""Compiled derivatives in training: the same numbers, and a static rule."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from pinnkit import LBFGS, Adam, GaussNewton, LeastSquares, solve
from pinnkit.jets.evaluation.compiled import missing_compiler
from pinnkit.solvers.plans import training as trained
from pinnkit.solvers.training import compilation as compiling
from pinnkit.solvers.training.compilation import CompiledDerivatives, compilation_pays
from tests.solvers.cases import CPU, SMALL, fields_of, heat

NEEDS_COMPILER = pytest.mark.skipif(missing_compiler(CPU) is not None, reason="no C++ compiler")


def test_long_training_of_large_fields_pays_and_short_training_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "missing_compiler", lambda _: None)
    long = [Adam(steps=20_000, points=2000), LBFGS()]
    assert compilation_pays(long, 8000, lambda s: s.points, CPU)
    assert not compilation_pays(long, 8000, lambda s: s.points, CPU, seconds=60.0)
    assert compilation_pays(long, 8000, lambda s: s.points, CPU, seconds=600.0)
    assert not compilation_pays([Adam(), LBFGS()], 8000, lambda s: s.points, CPU)
    assert not compilation_pays(long, 80, lambda s: s.points, CPU)
    assert not compilation_pays(long, 8000, lambda _: 32, CPU)
    assert not compilation_pays([GaussNewton(steps=10**7), LeastSquares()], 8000, lambda _: 2000, CPU)


@pytest.mark.parametrize(("own", "batch", "rows"), [(None, None, 600), (50, None, 50), (50, 8, 8), (None, 8, 8)])
def test_the_rule_counts_the_points_that_an_equation_says_itself(
    own: int | None, batch: int | None, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []

    def rule(solvers: list[Adam], _: int, rows_of: Callable[[Adam], int], __: torch.device, ___: float | None) -> bool:
        counted.extend(rows_of(solver) for solver in solvers)
        return False

    monkeypatch.setattr(trained, "compilation_pays", rule)
    problem = heat()
    equation = replace(problem.terms[0], points=own)
    problem = heat(terms=[equation, *problem.terms[1:]])
    solve(problem, SMALL, Adam(steps=1, points=600, condition_points=32, batch=batch))
    assert counted == [rows]


def test_nothing_pays_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "missing_compiler", lambda _: "no C++ compiler was found")
    assert not compilation_pays([Adam(steps=10**7, points=10**5)], 10**5, lambda s: s.points, CPU)


def test_values_and_few_points_are_not_compiled() -> None:
    found = CompiledDerivatives()
    module = fields_of(heat()).modules["u",]
    found(module, torch.rand(5000, 2, dtype=torch.float64), [()])
    found(module, torch.rand(50, 2, dtype=torch.float64), [(), (0, 0)])
    with torch.no_grad():
        found(module, torch.rand(5000, 2, dtype=torch.float64), [(), (0, 0)])
    assert not found.known


@NEEDS_COMPILER
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's own, from inductor
def test_compiled_training_takes_the_same_steps_and_says_how_long_it_compiled() -> None:
    runs = [
        solve(heat(), SMALL, Adam(steps=6, points=1100, condition_points=32), compiles=compiles)
        for compiles in (True, False)
    ]
    assert torch.allclose(*(torch.from_numpy(r.history.loss) for r in runs), rtol=1e-9)
    assert "Derivatives were compiled in" in runs[0].choice
    assert "compiled" not in runs[1].choice
