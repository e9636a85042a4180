"""SSBFGS and SSBroyden: the secant equation, how fast they converge, other points, and networks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit import LBFGS, MLP, Adam, Dirichlet, Equation, Problem, Status, solve
from pinnkit.problem.penalties import Absolute
from pinnkit.solvers import SSBFGS, Evaluation, SSBroyden
from pinnkit.solvers.training.checkpoint import Checkpoint, read, write
from pinnkit.solvers.training.loop import run
from tests.solvers.cases import LINE, poisson
from tests.solvers.killable import bits

BOTH = pytest.mark.parametrize("kind", [SSBFGS, SSBroyden])
F64 = torch.float64


@dataclass
class Bowl:
    """0.5 sum_i c_i (theta_i - m_i)^2, at points of a version."""

    curvatures: Tensor
    centre: Tensor
    version: int = 0

    def evaluate(self, theta: Tensor) -> Evaluation:
        gap = theta - self.centre
        loss = 0.5 * (self.curvatures * gap**2).sum()
        return Evaluation(loss, self.curvatures * gap, {"all": loss})


@dataclass
class Valley:
    """Rosenbrock's, in `count` pairs."""

    version: int = 0

    def evaluate(self, theta: Tensor) -> Evaluation:
        leaf = theta.detach().requires_grad_()
        x, y = leaf[0::2], leaf[1::2]
        loss = (100 * (y - x * x) ** 2 + (1 - x) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        return Evaluation(loss.detach(), gradient, {"all": loss.detach()})


def bowl(n: int = 12, greatest: float = 1e4, version: int = 0) -> Bowl:
    return Bowl(
        torch.logspace(0, torch.tensor(greatest).log10(), n, dtype=F64), torch.linspace(-1, 2, n, dtype=F64), version
    )


def states(solver: Any, objective: Any, theta: Tensor, steps: int) -> list[dict[str, Any]]:
    out = [solver.start(theta)]
    for _ in range(steps):
        out.append(solver.step(objective, out[-1]))
        if out[-1]["done"]:
            break
    return out


@BOTH
@pytest.mark.parametrize("objective", [bowl(8), Valley()], ids=["bowl", "valley"])
def test_the_secant_equation_holds_and_the_inverse_stays_positive_definite(kind: Any, objective: Any) -> None:
    found = states(kind(), objective, torch.full((8,), -1.2, dtype=F64), 15)
    checked = 0
    for before, after in pairwise(found[1:]):
        s, y = after["theta"] - before["theta"], after["gradient"] - before["gradient"]
        if s.norm() > 1e-4 and s @ y > 1e-6 * s.norm() * y.norm():
            torch.testing.assert_close(after["inverse"] @ y, s, rtol=1e-6, atol=1e-8 * float(s.norm()))
            assert torch.equal(after["inverse"], after["inverse"].T)
            assert float(torch.linalg.eigvalsh(after["inverse"]).min()) > 0
            checked += 1
    assert checked >= 8


def test_with_factors_of_one_the_update_is_that_of_bfgs(generator: torch.Generator) -> None:
    """H+ = V' H V + s s' / y.s, V = 1 - y s' / y.s (Nocedal & Wright, eq. 6.17); SSBFGS with b <= 1 is just that."""
    n = 6
    root = torch.randn(n, n, generator=generator, dtype=F64)
    inverse = root @ root.T + torch.eye(n, dtype=F64)
    y = torch.randn(n, generator=generator, dtype=F64)
    s = inverse @ y + 0.1 * torch.randn(n, generator=generator, dtype=F64)
    bs = torch.linalg.solve(inverse, s)
    s, bs = 1e-3 * s, 1e-3 * bs  # short steps along which the gradient changes a lot: b is small
    v = torch.eye(n, dtype=F64) - torch.outer(y, s) / (y @ s)
    expected = v.T @ inverse @ v + torch.outer(s, s) / (y @ s)
    assert s @ bs < y @ s
    found, _ = SSBFGS()._updated(inverse, s, y, bs, False)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@BOTH
def test_a_bowl_of_condition_ten_thousand_is_converged_superlinearly(kind: Any) -> None:
    found = states(kind(), bowl(), torch.zeros(12, dtype=F64), 80)
    gaps = [float((s["theta"] - bowl().centre).norm()) for s in found]
    last = next(i for i, gap in enumerate(gaps) if gap < 1e-6)
    assert last < 35
    ratios = [b / a for a, b in pairwise(gaps[last - 4 : last + 1])]
    assert min(ratios) < 0.02, ratios  # steepest descent would have 0.9998
    assert float(found[-1]["loss"]) < 1e-18


@BOTH
def test_rosenbrock_is_solved_to_the_last_digit(kind: Any) -> None:
    found = states(kind(), Valley(), torch.tensor([-1.2, 1.0], dtype=F64), 60)
    assert float(found[-1]["loss"]) < 1e-20
    assert float((found[-1]["theta"] - 1).abs().max()) < 1e-9


@BOTH
def test_other_points_make_it_look_again_and_keep_its_curvature(kind: Any) -> None:
    solver, objective = kind(), bowl()
    found = states(solver, objective, torch.zeros(12, dtype=F64), 60)
    state = next(s for s in found if float(s["loss"]) < 1e-8)  # before rounding ends it
    moved = Bowl(objective.curvatures, objective.centre + 1.0, version=1)
    after = solver.step(moved, state)
    assert after["version"] == 1
    # The old loss is void: with it no step would seem to lower the new one. The old curvature serves.
    afresh = solver.step(moved, solver.start(state["theta"]))
    assert float(after["loss"]) < 0.5 * float(afresh["loss"]) < float(moved.evaluate(state["theta"]).loss)
    assert not after["fresh"]


@BOTH
def test_an_inverse_that_is_spoilt_is_set_back_at_other_points(kind: Any) -> None:
    solver = kind()
    state = states(solver, bowl(), torch.zeros(12, dtype=F64), 10)[-1]
    spoilt = {
        **state,
        "inverse": state["inverse"] - 2 * float(state["inverse"].diagonal().max()) * torch.eye(12, dtype=F64),
    }
    after = solver.step(bowl(version=1), spoilt)
    assert float(after["loss"]) < float(state["loss"])
    assert float(torch.linalg.eigvalsh(after["inverse"]).min()) > 0


def test_the_points_are_drawn_anew_as_often_as_asked() -> None:
    assert [SSBroyden(resample=3).draw(k) for k in range(7)] == [0, 0, 0, 1, 1, 1, 2]
    assert SSBroyden().draw(10**6) == 0


@BOTH
def test_a_stored_state_goes_on_bit_for_bit(kind: Any, tmp_path: Path) -> None:
    solver, objective = kind(), Valley()
    state = states(solver, objective, torch.full((6,), -1.2, dtype=F64), 7)[-1]
    write(tmp_path / "c.h5", Checkpoint("", 0, 7, state, [], 0.0))
    stored = read(tmp_path / "c.h5").state
    for _ in range(5):
        state, stored = solver.step(objective, state), solver.step(objective, stored)
    assert torch.equal(state["theta"], stored["theta"])
    assert torch.equal(state["inverse"], stored["inverse"])


def test_an_interrupted_solve_with_fresh_points_goes_on_bit_for_bit(tmp_path: Path) -> None:
    few = dict(points=48, condition_points=12)
    plan = [Adam(steps=10, **few), SSBroyden(steps=20, resample=6, **few)]

    def go(folder: Path, stop: int | None = None) -> Any:
        def interrupt(record: Any) -> None:
            if record.step == stop:
                raise KeyboardInterrupt

        net = MLP(width=6, depth=2, activation="tanh")
        return solve(poisson(), net, plan, out=folder, resume=True, callbacks=[interrupt])

    whole = bits(go(tmp_path / "whole"))
    assert go(tmp_path / "parts", 18).status is Status.INTERRUPTED
    parts = bits(go(tmp_path / "parts"))
    for key, value in whole.items():
        same = torch.equal(value, parts[key]) if isinstance(value, torch.Tensor) else value == parts[key]
        assert same, key


@pytest.mark.slow  # its siblings take bowls and valleys
def test_a_small_network_goes_far_below_what_l_bfgs_reaches() -> None:
    few = dict(points=128, condition_points=32)
    net, warm = MLP(width=8, depth=2, activation="tanh"), Adam(steps=50, **few)
    loss = {
        type(s).__name__: solve(poisson(), net, [warm, s]).history.loss[-1]
        for s in (LBFGS(steps=150, **few), SSBFGS(steps=150, **few), SSBroyden(steps=150, **few))
    }
    assert loss["SSBFGS"] < 0.2 * loss["LBFGS"], loss
    assert loss["SSBroyden"] < 0.2 * loss["LBFGS"], loss


def test_a_penalty_that_is_no_square_is_minimised_too() -> None:
    problem = Problem(
        name="outlier",
        domain=LINE,
        unknowns="u",
        terms=[Equation(lambda u, x: u.x - torch.cos(x), penalty=Absolute()), Dirichlet(LINE.face(x=0), u=0.0)],
    )
    found = solve(
        problem, MLP(width=6, depth=1, activation="tanh"), SSBroyden(steps=120, points=64, condition_points=1)
    )
    assert found.history.loss[-1] < 0.1 * found.history.loss[0]


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    outcome = run(lambda *_: bowl(12, 1e4), torch.full((12,), torch.inf, dtype=F64), [SSBroyden(steps=5)])
    assert outcome.status is Status.DIVERGED


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SSBroyden(steps=0), r"SSBroyden: `steps` must be at least 1, got 0"),
        (lambda: SSBFGS(resample=0), r"SSBFGS: `resample` must be at least 1, got 0"),
        (lambda: SSBFGS(c1=0.9, c2=0.1), r"SSBFGS: the line search needs 0 < c1 < c2 < 1, got c1=0.9, c2=0.1"),
        (lambda: SSBroyden(batch=7), r"SSBroyden: works on all points; use Adam\(batch=...\)"),  # type: ignore[arg-type]
        (lambda: SSBroyden().start(torch.zeros(20_001)), r"20001 parameters .* smaller network, or LBFGS\(\)"),
    ],
)
def test_bad_arguments_are_refused_in_words(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
