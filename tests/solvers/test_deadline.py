"""Time limits: a step that does not end in time is broken off, and a further candidate is no reason to overrun."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn

from pinnkit import MLP, Box, Dirichlet, Equation, Problem, Siren, solve
from pinnkit.solutions.status import Status
from pinnkit.solvers import Adam, GaussNewton
from pinnkit.solvers.plans.candidates import Candidate, Plan
from pinnkit.solvers.training import deadline
from pinnkit.solvers.training.deadline import Deadline, OutOfTime

SQUARE = Box(x=(0, 1), y=(0, 1))
MEMBRANE = Problem(
    "membrane", SQUARE, "u", [Equation(lambda u: u.laplacian + 1 + u**3), Dirichlet(SQUARE.boundary, u=0.0)]
)


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def values(module: nn.Module, coords: Tensor, orders: Sequence[object]) -> Mapping[object, Tensor]:
    del module, orders
    return {(): coords}


def test_a_deadline_counts_once_it_is_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(deadline, "time", clock)
    found = Deadline(1.0, values)  # type: ignore[arg-type]
    at = torch.zeros(2, 2)
    clock.now = 5.0
    assert found(nn.Identity(), at, [()])[()] is at
    found.arm()
    with pytest.raises(OutOfTime):
        found(nn.Identity(), at, [()])
    clock.now = 0.5
    assert found(nn.Identity(), at, [()])[()] is at


def test_a_step_is_broken_off_and_the_state_before_it_kept() -> None:
    seen: list[Tensor] = []
    steps = 0

    class Slow(GaussNewton):
        def step(self, objective: object, state: dict) -> dict:  # type: ignore[override, type-arg]
            nonlocal steps
            steps += 1
            if steps == 3:
                time.sleep(0.6)  # the evaluations that follow come too late
            found = super().step(objective, state)  # type: ignore[arg-type]
            seen.append(found["theta"])
            return found  # type: ignore[return-value]

    solution = solve(MEMBRANE, MLP(width=8, depth=2), [Slow(steps=50, points=64)], seconds=0.5)
    assert solution.status is Status.TIME
    assert solution.steps == len(seen) <= 2
    from pinnkit.solvers.collocation.parameters import Parameters

    kept = Parameters(MEMBRANE, list(solution.modules.values()), device=torch.device("cpu"), dtype=torch.float64).get()
    assert torch.equal(kept, seen[-1])


def test_a_further_candidate_whose_first_step_is_late_is_given_up() -> None:
    class Long(GaussNewton):
        def step(self, objective: object, state: dict) -> dict:  # type: ignore[override, type-arg]
            time.sleep(1.2)
            return super().step(objective, state)  # type: ignore[arg-type, return-value]

    first = Candidate(Siren(width=8, depth=1), (Adam(steps=3),), "Short.", accept=1e-30)
    second = Candidate(MLP(width=8, depth=2), (Long(steps=50, points=64),), "Long.")
    solution = solve(MEMBRANE, plan=Plan((first, second)), seconds=1.0)
    assert solution.solvers[0].startswith("Adam")
    assert "The time ran out" in solution.choice
