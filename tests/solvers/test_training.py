"""Training: what decides it, in which precision, with which fields and solvers, from where."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from pinnkit import (
    LBFGS,
    MLP,
    Adam,
    Box,
    Equation,
    Initial,
    LeastSquares,
    Problem,
    RandomFourier,
    Status,
    solve,
)
from pinnkit.solvers.protocols import Evaluation, SolverDefaults
from tests.solvers.cases import (
    DAY,
    FEW,
    NET,
    cubic,
    error,
    heat,
    heat_exact,
    inverse,
    pair,
    poisson,
)

F32 = torch.float32


def test_training_lowers_the_loss_and_says_what_ran() -> None:
    given = [Adam(steps=60, lr=5e-3, **FEW), LBFGS(steps=60, **FEW)]
    solution = solve(heat(), NET, given)
    assert solution.status in (Status.BUDGET, Status.STALLED)
    assert solution.history.loss[-1] < 0.02 * solution.history.loss[0]
    assert error(solution, u=heat_exact) < 0.1
    assert solution.history.solver == ("Adam",) * 60 + ("LBFGS",) * (len(solution.history.step) - 60)
    assert list(solution.history.step) == list(range(1, solution.steps + 1))
    assert solution.solvers == tuple(map(repr, given))
    assert solution.fields == {("u",): NET}
    assert solution.choice == "Field and solver as given."


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    given = [Adam(steps=8, batch=20), LBFGS(steps=4, **FEW)]
    a, b, c = (solve(cubic(), NET, given, seed=seed) for seed in (3, 3, 4))
    assert a.history.loss.tolist() == b.history.loss.tolist()
    assert all(a.history.terms[k].tolist() == b.history.terms[k].tolist() for k in a.history.terms)
    assert all(
        torch.equal(p, q) for p, q in zip(a.modules["u",].parameters(), b.modules["u",].parameters(), strict=True)
    )
    assert a.history.loss.tolist() != c.history.loss.tolist()


def test_the_same_seed_gives_the_same_search() -> None:
    a, b, c = (solve(poisson(), RandomFourier(60), seed=seed) for seed in (0, 0, 1))
    assert a.history.loss.tolist() == b.history.loss.tolist()
    assert torch.equal(a.modules["u",].readout.weight, b.modules["u",].readout.weight)
    assert a.history.loss.tolist() != c.history.loss.tolist()


def test_global_generators_decide_nothing() -> None:
    a = solve(heat(), NET, Adam(steps=3, **FEW))
    torch.manual_seed(99)
    torch.rand(3)
    b = solve(heat(), NET, Adam(steps=3, **FEW))
    assert a.history.loss.tolist() == b.history.loss.tolist()


def test_minibatches_and_resampling_see_fresh_points() -> None:
    fixed, batches, resampled = (
        solve(heat(), NET, Adam(steps=4, lr=1e-9, **o)).history.loss.tolist()
        for o in (FEW, {"batch": 64}, {**FEW, "resample": 2})
    )
    assert max(fixed) - min(fixed) < 1e-6
    assert len({round(loss, 5) for loss in batches}) == 4
    assert abs(resampled[0] - resampled[1]) < 1e-6 < abs(resampled[1] - resampled[2])
    assert abs(resampled[2] - resampled[3]) < 1e-6


def test_single_precision() -> None:
    trained = solve(heat(), NET, [Adam(steps=20, **FEW), LBFGS(steps=20, **FEW)], dtype=F32)
    assert trained.dtype == F32
    assert all(p.dtype == F32 for p in trained.modules["u",].parameters())
    assert trained.history.loss[-1] < trained.history.loss[0]
    own = solve(heat(dtype=F32), NET, Adam(steps=3, **FEW))
    assert own.dtype == F32


def test_single_precision_least_squares_is_as_good_as_single_precision_allows() -> None:
    solution = solve(heat(), dtype=F32)
    assert all(p.dtype == F32 for p in solution.modules["u",].parameters())
    assert error(solution, u=heat_exact) < 1e-3
    given = solve(heat(), RandomFourier(100, bandwidth=3.0), LeastSquares(), dtype=F32)
    assert error(given, u=heat_exact) < 1e-3


def test_a_ready_module_of_torch() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(1, 10), nn.Tanh(), nn.Linear(10, 10), nn.Tanh(), nn.Linear(10, 1))
    problem = Problem("decay", DAY, "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])
    solution = solve(problem, module, LBFGS(steps=60, **FEW))
    assert error(solution, u=lambda t: torch.exp(-t)) < 1e-3
    assert solution.fields == {("u",): None}
    assert solution.modules["u",] is module


def test_a_field_for_each_unknown() -> None:
    problem = Problem(
        "oscillator", Box(t=(0, 1)), ["q", "p"], [Equation(lambda q, p: (q.t - p, p.t + q)), Initial(q=1.0, p=0.0)]
    )
    fields = {"p": NET, "q": MLP(width=8, depth=1, activation="tanh")}
    solution = solve(problem, fields, LBFGS(steps=60, **FEW))
    assert solution.fields == {("p",): NET, ("q",): MLP(width=8, depth=1, activation="tanh")}
    assert error(solution, q=torch.cos) < 0.02
    shared = solve(problem, {("q", "p"): NET}, LBFGS(steps=5, **FEW))
    assert set(shared.modules) == {("q", "p")}


def test_unknowns_on_different_axes_get_fields_of_their_own() -> None:
    solution = solve(pair(), NET, Adam(steps=2, **FEW))
    assert set(solution.modules) == {("u",), ("kappa",)}
    assert solution.fields["kappa",] == NET


def test_adam_then_least_squares_freezes_all_but_the_readout() -> None:
    adam = Adam(steps=40, lr=5e-3, **FEW)
    before = solve(heat(), NET, adam)
    after = solve(heat(), NET, [adam, LeastSquares(ratio=20.0, condition_ratio=5.0)])
    assert after.status is Status.SOLVED
    assert after.history.solver[:40] == ("Adam",) * 40
    assert set(after.history.solver[40:]) == {"LeastSquares"}
    assert list(after.history.step) == list(range(1, after.steps + 1))
    frozen = [n for n, _ in before.modules["u",].named_parameters() if not n.startswith("readout")]
    states = before.modules["u",].state_dict(), after.modules["u",].state_dict()
    assert frozen
    assert all(torch.equal(states[0][n], states[1][n]) for n in frozen)
    assert not torch.equal(states[0]["readout.weight"], states[1]["readout.weight"])


def test_a_start_is_where_the_solve_begins_coefficients_included() -> None:
    first = solve(inverse(), NET, LBFGS(steps=30, **FEW))
    second = solve(inverse(), NET, LBFGS(steps=1, **FEW), start=first)
    assert second.history.loss[0] < 1.5 * first.history.loss[-1]
    assert second.coefficients["nu"] == pytest.approx(first.coefficients["nu"], abs=0.05)


def test_a_solver_of_ones_own_needs_no_more_than_the_protocol() -> None:
    @dataclass(frozen=True)
    class Descent(SolverDefaults):
        steps: int = 5
        rate: float = 1e-4

        def start(self, theta):
            return {"theta": theta, "loss": torch.tensor(math.inf), "terms": {}, "done": False}

        def step(self, objective, state):
            found: Evaluation = objective.evaluate(state["theta"])
            theta = state["theta"] - self.rate * found.gradient
            return {"theta": theta, "loss": found.loss, "terms": dict(found.terms), "done": False}

    solution = solve(heat(), NET, Descent())
    assert solution.history.loss[-1] < solution.history.loss[0]


def test_divergence_is_a_status_and_not_an_exception() -> None:
    def poison(steps: int):
        count = [0]

        def residual(u, x):
            count[0] += 1
            return u.t - u.xx * torch.where(x < 2, float("nan") if count[0] > steps else 1.0, 1.0)

        return residual

    problem = heat(terms=[Equation(poison(40)), *heat().terms[1:]])
    solution = solve(problem, NET, Adam(steps=200, **FEW))
    assert solution.status is Status.DIVERGED
    assert all(torch.isfinite(p).all() for p in solution.modules["u",].parameters())
    assert np.isfinite(solution.history.loss).all()
