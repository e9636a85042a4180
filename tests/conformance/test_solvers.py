"""Conformance of every registered solver, given a bare objective; `test_solver_mutants` has seen the checks fail."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit.solutions.status import Status
from pinnkit.solvers import (
    LBFGS,
    SOAP,
    SOLVERS,
    SSBFGS,
    Adam,
    Constant,
    Evaluation,
    GaussNewton,
    LeastSquares,
    LossObjective,
    Muon,
    Needs,
    RowObjective,
    SamplingPlan,
    Scope,
    Solver,
    SSBroyden,
)
from pinnkit.solvers.protocols import missing_members
from pinnkit.solvers.training.checkpoint import Checkpoint, read, write
from pinnkit.solvers.training.loop import Outcome, run

# ---------------------------------------------------------------- bare objectives


@dataclass
class Bare(LossObjective):
    """An objective made of one function of theta; from evaluation number `breaks` on its loss is `bad`."""

    function: Callable[[Tensor], Tensor]
    breaks: int | None = None
    bad: float = math.nan
    calls: int = 0

    def evaluate(self, theta: Tensor) -> Evaluation:
        self.calls += 1
        leaf = theta.detach().clone().requires_grad_()
        loss = self.function(leaf)
        if self.breaks is not None and self.calls > self.breaks:
            loss = loss * self.bad
        (gradient,) = torch.autograd.grad(loss, leaf)
        return Evaluation(loss.detach(), gradient, {"all": loss.detach()})


@dataclass
class BareRows(RowObjective):
    """A sum of squares made of one function theta -> rows; broken from the Jacobian number `breaks` on."""

    function: Callable[[Tensor], Tensor]
    breaks: int | None = None
    bad: float = math.nan
    calls: int = 0

    def rows(self, theta: Tensor) -> Tensor:
        return self.function(theta)

    def rows_and_jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        factor = self.bad if self.breaks is not None and self.calls > self.breaks else 1.0
        jacobian = torch.autograd.functional.jacobian(self.function, theta)
        return factor * self.function(theta), factor * jacobian

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        return {"all": self.function(theta).square().mean()}


CURVATURES = torch.tensor([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0], dtype=torch.float64)
CENTRE = torch.tensor([1.0, -2.0, 3.0, -1.0, 0.5, 2.0, -0.5], dtype=torch.float64)


def bowl(theta: Tensor) -> Tensor:
    return 0.5 * (CURVATURES.to(theta) * (theta - CENTRE.to(theta)) ** 2).sum()


def rosenbrock(theta: Tensor) -> Tensor:
    x, y = theta
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2


def rosenbrock_rows(theta: Tensor) -> Tensor:
    x, y = theta
    return torch.stack([10 * (y - x * x), 1 - x])


def vector(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


VALLEY = vector(-1.2, 1.0)


def drive(solver: Solver, objective: Any, theta: Tensor, **options: Any) -> Outcome:
    return run(lambda *_: objective, theta, [solver], **options)


def losses(outcome: Outcome) -> list[float]:
    return [record.loss for record in outcome.records]


def same(a: Any, b: Any) -> bool:
    """Return whether two states are equal bit for bit, and of the same types."""
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def copied(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.clone()
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    return [copied(value) for value in state] if isinstance(state, list) else state


# ---------------------------------------------------------------- the solvers, each with what its checks need


@dataclass(frozen=True)
class Case:
    """A solver beside bare objectives in its own language, and what it should reach on them."""

    solver: Any
    objective: Callable[..., Any]  # of a function of theta
    bowl: Callable[[Tensor], Tensor]
    valley: Callable[[Tensor], Tensor]
    bowl_to: float
    valley_to: float


SEARCHING = LBFGS, SSBFGS, SSBroyden
MONOTONE = *SEARCHING, LeastSquares, GaussNewton
ONE_EVALUATION = Adam, SOAP, Muon, LeastSquares, GaussNewton  # at each step
BOUNDS = {
    "Adam": (1e-12, 1e-3),
    "LBFGS": (1e-18, 1e-10),
    "SSBFGS": (1e-18, 1e-10),
    "SSBroyden": (1e-18, 1e-10),
    "LeastSquares": (1e-25, 1e-20),
    "GaussNewton": (1e-25, 1e-20),
}
NEWCOMER = 1e-2, 5.0  # from 147 and 24; a solver may state sharper bounds above
NEEDS_LIBRARY = "SOAP", "Muon"


def case_of(name: str, solver: Any) -> Case:
    """The case of a registered example, in the language that the solver asks for."""
    to = BOUNDS.get(name, NEWCOMER)
    if solver.needs is Needs.LOSS:
        return Case(solver, Bare, bowl, rosenbrock, *to)
    return Case(solver, BareRows, lambda c: (CURVATURES / 2).sqrt() * (c - CENTRE), rosenbrock_rows, *to)


CASES = {
    name: case_of(name, solver)
    for entry in SOLVERS
    for name, solver in entry.examples().items()
    if solver.scope is not Scope.OWN_FIELD
    and (name not in NEEDS_LIBRARY or importlib.util.find_spec("pytorch_optimizer") is not None)
}
LIMITED = CASES["LBFGS"]


# ---------------------------------------------------------------- the checks, each raising AssertionError


def check_bowl(case: Case) -> None:
    outcome = drive(case.solver, case.objective(case.bowl), torch.zeros(7, dtype=torch.float64))
    assert outcome.status in (Status.BUDGET, Status.STALLED)
    assert bowl(outcome.theta) < case.bowl_to


def check_rosenbrock(case: Case) -> None:
    outcome = drive(case.solver, case.objective(case.valley), VALLEY)
    assert rosenbrock(outcome.theta) < case.valley_to
    assert (outcome.theta - 1.0).abs().max() < 2 * math.sqrt(case.valley_to) + 1e-9


def check_single_precision(case: Case) -> None:
    if case.objective is Bare:
        outcome = drive(case.solver, Bare(case.bowl), torch.zeros(7, dtype=torch.float32))
        assert outcome.theta.dtype == torch.float32
        assert bowl(outcome.theta) < max(1e-8, case.bowl_to)


def check_divergence(case: Case) -> None:
    for bad in (math.nan, math.inf):
        for breaks in (0, 1, 3):
            objective = case.objective(case.valley, breaks=breaks, bad=bad)
            outcome = drive(replace(case.solver, steps=50), objective, VALLEY)
            assert torch.isfinite(outcome.theta).all()
            found = losses(outcome)
            assert all(map(math.isfinite, found))
            if isinstance(case.solver, SEARCHING) and breaks > 0:
                # A line search steps back from where the loss is not finite, and ends where nothing lowers it.
                assert outcome.status is Status.STALLED
                assert all(after <= before for before, after in pairwise(found))
                assert rosenbrock(outcome.theta) <= rosenbrock(VALLEY)
                continue
            if breaks > 0 and not isinstance(case.solver, ONE_EVALUATION):
                assert outcome.status in (Status.STALLED, Status.DIVERGED)
                continue
            assert outcome.status is Status.DIVERGED, (bad, breaks, outcome.status)
            clean = drive(replace(case.solver, steps=50), case.objective(case.valley), VALLEY)
            assert found == losses(clean)[: len(found)]
            # What is kept had a finite loss when it was evaluated: the state before the last step that came through.
            before = VALLEY
            if breaks > 1:
                before = drive(replace(case.solver, steps=breaks - 1), case.objective(case.valley), VALLEY).theta
            assert len(found) == breaks
            assert torch.equal(outcome.theta, before), (bad, breaks)


def check_step_is_pure(case: Case) -> None:
    objective = case.objective(case.valley)
    state = case.solver.start(VALLEY.clone())
    for _ in range(6):
        before = copied(state)
        first = case.solver.step(objective, state)
        assert same(state, before), "`step` changed the state it was given"
        assert same(first, case.solver.step(objective, state)), "`step` gave another state the second time"
        state = first
    assert torch.equal(VALLEY, vector(-1.2, 1.0))


def check_state(case: Case) -> None:
    objective = case.objective(case.valley)
    theta = VALLEY.clone()
    state = case.solver.step(objective, case.solver.start(theta))
    assert torch.equal(theta, VALLEY), "`start` or `step` wrote into theta"
    assert {"theta", "loss", "terms", "done"} <= set(state)
    assert state["loss"].ndim == 0
    assert list(state["terms"]) == ["all"]
    assert state["theta"].shape == theta.shape


def check_stored_state_goes_on(case: Case, folder: Path) -> None:
    objective = case.objective(case.valley)
    state = case.solver.start(VALLEY)
    for _ in range(4):
        state = case.solver.step(objective, state)
    write(folder / "state.h5", Checkpoint("", 0, 4, state, [], 0.0))
    stored = read(folder / "state.h5").state
    assert same(stored, state)
    for _ in range(4):
        state, stored = case.solver.step(objective, state), case.solver.step(objective, stored)
    assert same(stored, state)


def check_frozen(case: Case) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.solver.steps = 3
    assert case.solver == replace(case.solver)
    assert hash(case.solver) == hash(replace(case.solver))
    with pytest.raises(ValueError, match="at least 1"):
        replace(case.solver, steps=0)


def check_never_uphill(case: Case) -> None:
    """Solvers that search along a line, or damp, never accept a higher loss."""
    if not isinstance(case.solver, MONOTONE):
        return
    for function, theta in ((case.valley, VALLEY), (case.bowl, torch.zeros(7, dtype=torch.float64))):
        found = losses(drive(case.solver, case.objective(function), theta))
        assert all(after <= before for before, after in pairwise(found))


def check_same_as_torch(case: Case) -> None:
    """Adam as torch has it."""
    if not isinstance(case.solver, Adam):
        return
    solver = replace(case.solver, steps=30, schedule=Constant(), lr=0.01, betas=(0.8, 0.99), eps=1e-3)
    theta = torch.nn.Parameter(VALLEY.clone())
    torchs = torch.optim.Adam([theta], lr=0.01, betas=(0.8, 0.99), eps=1e-3)
    for _ in range(30):
        torchs.zero_grad()
        rosenbrock(theta).backward()
        torchs.step()
    torch.testing.assert_close(drive(solver, Bare(rosenbrock), VALLEY).theta, theta.detach(), rtol=1e-12, atol=1e-13)


def check_newton_on_a_bowl(case: Case) -> None:
    """With as many pairs as dimensions the quasi-Newton direction becomes Newton's: a few steps, not hundreds."""
    if not isinstance(case.solver, SEARCHING):
        return
    outcome = drive(case.solver, Bare(bowl), torch.zeros(7, dtype=torch.float64), tolerance=1e-8)
    assert outcome.status is Status.CONVERGED
    assert len(outcome.records) <= 25
    valley = drive(case.solver, Bare(rosenbrock), VALLEY, tolerance=1e-8)
    assert valley.status is Status.CONVERGED
    assert len(valley.records) <= 50


def check_least_squares(case: Case) -> None:
    """Properties of least squares alone: one step for linear rows, whatever their rank and the columns' units."""
    if not isinstance(case.solver, LeastSquares):
        return
    generator = torch.Generator().manual_seed(5)
    a = torch.randn(40, 9, generator=generator, dtype=torch.float64)
    b = torch.randn(40, generator=generator, dtype=torch.float64)
    best = torch.linalg.lstsq(a, b[:, None]).solution[:, 0]
    start = torch.zeros(9, dtype=torch.float64)

    one = drive(case.solver, BareRows(lambda c: a @ c - b), start)
    assert len(one.records) == 1, "a linear system took more than one step"
    torch.testing.assert_close(one.theta, best, rtol=1e-11, atol=1e-12)

    units = 10.0 ** torch.arange(-12, 15, 3, dtype=torch.float64)
    scaled = drive(case.solver, BareRows(lambda c: (a * units) @ c - b), start)
    torch.testing.assert_close(scaled.theta * units, best, rtol=1e-9, atol=1e-10)

    twice = torch.cat([a, a, torch.zeros(40, 1, dtype=torch.float64)], dim=1)
    deficient = drive(case.solver, BareRows(lambda c: twice @ c - b), torch.zeros(19, dtype=torch.float64))
    assert deficient.theta.norm() < 10 * best.norm(), "a rank-deficient system was given a wild solution"
    torch.testing.assert_close(twice @ deficient.theta, a @ best, rtol=1e-9, atol=1e-10)

    x = torch.linspace(0, 1, 60, dtype=torch.float64)
    powers = x[:, None] ** torch.arange(18)  # condition 1e13: the normal equations would lose everything
    target = torch.exp(2 * x)
    fitted = drive(case.solver, BareRows(lambda c: powers @ c - target), torch.zeros(18, dtype=torch.float64))
    assert (powers @ fitted.theta - target).abs().max() < 1e-10


def check_far_start(case: Case) -> None:
    """Newton without damping runs away from these starts."""
    if not isinstance(case.solver, LeastSquares):
        return
    arc = drive(case.solver, BareRows(torch.atan), vector(5.0, -20.0))
    assert arc.theta.abs().max() < 1e-8
    x = torch.linspace(0, 2, 30, dtype=torch.float64)
    data = 2.5 * torch.exp(-1.5 * x)
    decay = drive(case.solver, BareRows(lambda c: c[0] * torch.exp(-c[1] * x) - data), vector(0.1, -3.0))
    torch.testing.assert_close(decay.theta, vector(2.5, 1.5), rtol=1e-8, atol=1e-8)


def check_contract(case: Case) -> None:
    """Every member of the contract is there, and answers the same every time."""
    solver = case.solver
    assert missing_members(solver) == ()
    assert isinstance(solver.steps, int)
    assert solver.steps >= 1
    assert solver.needs in Needs
    assert solver.scope in Scope
    plan = solver.sampling_plan(50)
    assert isinstance(plan, SamplingPlan)
    assert plan == solver.sampling_plan(50)
    assert plan.points >= 1
    assert plan.condition_points >= 1
    assert plan.batch is None or plan.batch >= 1
    assert [solver.draw(step) for step in range(4)] == [solver.draw(step) for step in range(4)]
    assert solver.draw(0) == 0


CHECKS: dict[str, Callable[[Case], None]] = {
    "contract": check_contract,
    "bowl": check_bowl,
    "rosenbrock": check_rosenbrock,
    "single precision": check_single_precision,
    "divergence": check_divergence,
    "pure step": check_step_is_pure,
    "state": check_state,
    "frozen": check_frozen,
    "never uphill": check_never_uphill,
    "same as torch": check_same_as_torch,
    "Newton on a bowl": check_newton_on_a_bowl,
    "least squares": check_least_squares,
    "far start": check_far_start,
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", CASES)
def test_every_solver_passes(name: str, check: str) -> None:
    CHECKS[check](CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_a_stored_state_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    check_stored_state_goes_on(CASES[name], tmp_path)
