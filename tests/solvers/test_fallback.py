"""Fallback: the candidates of a plan are tried in order, and the held-out residual decides."""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pinnkit import LBFGS, Adam, LeastSquares, RandomFourier, Solution, solve
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.status import Status
from pinnkit.solvers import RAD, Candidate, GradientNorm, Monitor, Plan, execute
from pinnkit.solvers.collocation.relative_residual import held_out_residual
from pinnkit.solvers.plans import fallback as module
from pinnkit.solvers.plans.run import Run
from tests.solvers.cases import SMALL, heat

FEW = dict(points=64, condition_points=16)
ROUGH = Candidate(SMALL, (Adam(steps=2, **FEW),), "Rough.", accept=1e-6)
FINE = Candidate(RandomFourier(120, bandwidth=8.0), (LeastSquares(),), "Fine.", accept=1e-2)


def taken(*candidates: Candidate, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Solution, list[Candidate]]:
    """The solution of a plan, and the candidates that were run."""
    asked = []
    real = module._run

    def noted(run: Run) -> Solution:
        asked.append(run.candidate)
        return real(run)

    monkeypatch.setattr(module, "_run", noted)
    return solve(heat(), plan=Plan(candidates), **options), asked


def test_the_first_candidate_that_is_good_enough_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = taken(FINE, ROUGH, monkeypatch=monkeypatch)
    assert asked == [FINE]
    assert "LeastSquares" in found.solvers[0]


def test_a_poor_candidate_is_followed_by_the_next_and_the_best_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for order in ([ROUGH, FINE], [ROUGH, replace(FINE, accept=1e-300), ROUGH]):
        found, asked = taken(*order, monkeypatch=monkeypatch)
        assert asked == order
        assert "LeastSquares" in found.solvers[0]
        assert "Rough. Held-out residual" in found.choice
        assert found.choice.endswith("Taken: LeastSquares.")
        monkeypatch.undo()


@pytest.mark.parametrize("candidates", [(FINE,), (ROUGH, FINE)], ids=["one", "two"])
def test_seconds_are_those_of_all_candidates(
    candidates: tuple[Candidate, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(np.arange(0.0, 1e5, 1.0))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(now)))
    found = execute(Plan(candidates), heat(), began=-5.0)
    assert found.seconds >= 5.0


SEARCH = Candidate(RandomFourier(), (LeastSquares(),), "Searched.", accept=1e-9)


def test_a_plan_that_runs_out_of_time_says_that_no_candidate_met_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = replace(SEARCH, accept=1e-12)
    found, asked = taken(strict, FINE, monkeypatch=monkeypatch, seconds=1e-3)
    assert asked == [strict]
    assert found.status is Status.TIME
    limit = "The time ran out, and no candidate that was run met its limit, a held-out residual of at most 1e-12."
    assert found.choice.endswith(limit)


def test_a_plan_that_ends_in_time_does_not_speak_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = taken(SEARCH, FINE, monkeypatch=monkeypatch, seconds=600.0)
    assert found.status is Status.SOLVED
    assert "time ran out" not in found.choice


def test_a_search_that_has_given_its_residual_is_not_followed_by_the_same_once_more() -> None:
    plan = Plan((SEARCH, FINE))
    assert solve(heat(), plan=plan).choice.count("residual") == 2  # that chose, and its value
    rounded = solve(heat(), plan=plan, dtype=torch.float32)  # its residual is not that of the search
    assert "Held-out residual" in rounded.choice.split("(relative residual")[1]


def test_no_further_candidate_is_run_once_the_time_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = taken(ROUGH, FINE, monkeypatch=monkeypatch, seconds=1e-9)
    assert asked == [ROUGH]
    assert found.choice.startswith("Rough.")


def test_checkpoints_of_several_trained_candidates_do_not_meet(tmp_path: Path) -> None:
    plan = Plan((ROUGH, replace(ROUGH, solvers=(Adam(steps=3, **FEW),)), FINE))
    first = solve(heat(), plan=plan, out=tmp_path)
    again = solve(heat(), plan=plan, out=tmp_path, resume=True)
    assert {p.parent.name for p in tmp_path.glob("*/*.h5")} >= {"candidate1", "candidate2"}
    assert again.choice == first.choice


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("adaptive", RAD()),
        ("weights", GradientNorm()),
        ("weights", [GradientNorm()]),
        ("monitor", Monitor({"one": lambda fields: 1.0})),  # noqa: ARG005
    ],
)
def test_what_only_a_trained_field_can_use_is_refused_where_no_candidate_trains(name: str, given: object) -> None:
    with pytest.raises(ValueError, match=f"`{name}` is for fields that are trained step by step, .* LeastSquares"):
        solve(heat(), **{name: given})


def test_the_held_out_residual_orders_fields_as_their_errors_do() -> None:
    scores, errors = [], []
    for features in (15, 40, 120, 250):
        found = solve(heat(), RandomFourier(features, bandwidth=6.0), LeastSquares())
        scores.append(held_out_residual(found.fieldset, found.coefficient_tensors, seed=0))
        grid = found.on_grid(x=20, t=20)
        exact = np.sin(np.pi * grid["x"])[:, None] * np.exp(-grid["t"])[None]
        errors.append(float(np.abs(grid["u"] - exact).max()))
    assert scores == sorted(scores, reverse=True)
    assert errors == sorted(errors, reverse=True)


class _Broken(torch.nn.Module):
    """sin(pi x) exp(-t), NaN (or infinite) where x > `edge`."""

    def __init__(self, edge: float, value: float) -> None:
        super().__init__()
        self.edge = edge
        self.register_buffer("value", torch.tensor(value, dtype=torch.float64))

    def forward(self, coords: torch.Tensor) -> torch.Tensor:
        x, t = coords[:, :1], coords[:, 1:]
        return torch.where(x > self.edge, self.value, torch.sin(math.pi * x) * torch.exp(-t))


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("edge", [-1.0, 0.1, 0.999])
def test_a_solution_that_is_not_finite_somewhere_scores_infinity(edge: float, value: float) -> None:
    for problem in (heat(), heat(terms=[heat().terms[0], *(replace(t, hard=True) for t in heat().terms[1:])])):
        assert held_out_residual(FieldSet(problem, {("u",): _Broken(edge, value)}), {}, seed=0) == math.inf
    whole = held_out_residual(FieldSet(heat(), {("u",): _Broken(2.0, value)}), {}, seed=0)
    assert whole < 1e-12, "the same field without the break meets the equation"


def test_a_field_in_single_precision_is_judged_too() -> None:
    found = solve(heat(), SMALL, [Adam(steps=5, **FEW), LBFGS(steps=5, **FEW)], dtype=torch.float32)
    assert 1e-3 < held_out_residual(found.fieldset, found.coefficient_tensors, seed=0) < 10
