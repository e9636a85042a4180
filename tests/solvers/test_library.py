"""SOAP and Muon: the library's own steps on the network's own matrices, in states that can be stored."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from pinnkit import MLP, Status, solve
from pinnkit.solvers import SOAP, Constant, Muon
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from pinnkit.solvers.training.checkpoint import Checkpoint, read, write
from tests.conformance.test_solvers import VALLEY, Bare, bowl, copied, drive, losses, rosenbrock, same
from tests.solvers.cases import fields_of, parameters_of, points_of, poisson
from tests.solvers.killable import bits

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("pytorch_optimizer") is None, reason="pytorch-optimizer is not installed"
)
BOTH = pytest.mark.parametrize("kind", [SOAP, Muon])
FEW = dict(points=48, condition_points=12)
NET = MLP(width=10, depth=2, activation="tanh")


def quick(kind: Any, steps: int, lr: float) -> Any:
    """With one rate for all parameters."""
    return kind(steps=steps, lr=lr) if kind is SOAP else kind(steps=steps, adam_lr=lr)


def objective_of() -> ResidualLoss:
    fields = fields_of(poisson(), NET)
    return ResidualLoss(fields, parameters_of(fields), points_of(poisson()))


@needs_library
@BOTH
def test_a_step_is_the_library_s_own_on_the_network_s_own_tensors(kind: Any) -> None:
    """Reference: the library's optimiser on the module, kept from step to step."""
    import pytorch_optimizer

    solver = kind(steps=30, lr=2e-3, schedule=Constant())
    objective, other = objective_of(), objective_of()
    tensors = other.parameters.tensors
    if kind is SOAP:
        library = pytorch_optimizer.SOAP(tensors, lr=2e-3, betas=solver.betas, weight_decay=0.0, eps=1e-8)
    else:
        hidden = [t for t in tensors if t.shape == (10, 10)]
        rest = [t for t in tensors if t.shape != (10, 10)]
        assert len(hidden) == 1
        library = pytorch_optimizer.Muon(
            [
                dict(params=hidden, use_muon=True, lr=2e-3, momentum=0.95),
                dict(params=rest, use_muon=False, lr=2e-3, betas=solver.betas, eps=1e-8),
            ]
        )
    state = solver.start(objective.parameters.get())
    for _ in range(25):  # past two updates of SOAP's eigenbasis
        state = solver.step(objective, state)
        gradient = other.evaluate(other.parameters.get()).gradient
        for tensor, piece in zip(tensors, gradient.split([t.numel() for t in tensors]), strict=True):
            tensor.grad = piece.view(tensor.shape).clone()
        library.step()
    # SOAP factorises in float32, whatever the parameters are.
    torch.testing.assert_close(state["theta"], other.parameters.get(), rtol=1e-4, atol=3e-6)


@needs_library
@BOTH
def test_a_step_leaves_the_state_it_was_given_and_gives_the_same_again(kind: Any) -> None:
    solver, objective = kind(), objective_of()
    state = solver.start(objective.parameters.get())
    for _ in range(13):
        before = copied(state)
        first = solver.step(objective, state)
        assert same(state, before)
        assert same(first, solver.step(objective, state))
        state = first


@needs_library
@BOTH
def test_a_stored_state_goes_on_bit_for_bit(kind: Any, tmp_path: Path) -> None:
    solver, objective = kind(), objective_of()
    state = solver.start(objective.parameters.get())
    for _ in range(12):
        state = solver.step(objective, state)
    write(tmp_path / "c.h5", Checkpoint("", 0, 12, state, [], 0.0))
    stored = read(tmp_path / "c.h5").state
    assert same(stored, state)
    for _ in range(12):
        state, stored = solver.step(objective, state), solver.step(objective, stored)
    assert same(stored, state)


@needs_library
@BOTH
def test_an_interrupted_solve_goes_on_bit_for_bit(kind: Any, tmp_path: Path) -> None:
    def go(folder: Path, stop: int | None = None) -> Any:
        def interrupt(record: Any) -> None:
            if record.step == stop:
                raise KeyboardInterrupt

        plan = kind(steps=30, resample=8, **FEW)
        return solve(poisson(), NET, plan, out=folder, resume=True, callbacks=[interrupt])

    whole = bits(go(tmp_path / "whole"))
    assert go(tmp_path / "parts", 17).status is Status.INTERRUPTED
    assert same(bits(go(tmp_path / "parts")), whole)


@needs_library
@BOTH
def test_a_bare_objective_is_one_vector_and_is_lowered(kind: Any) -> None:
    assert Bare(bowl).parameter_shapes(VALLEY) == [VALLEY.shape]
    outcome = drive(quick(kind, 1000, 0.05), Bare(bowl), torch.zeros(7, dtype=torch.float64))
    assert losses(outcome)[-1] < 1e-3 * losses(outcome)[0]
    assert rosenbrock(drive(quick(kind, 200, 0.01), Bare(rosenbrock), VALLEY).theta) < rosenbrock(VALLEY)


@needs_library
@BOTH
def test_a_network_learns(kind: Any) -> None:
    rates = dict(lr=0.02) if kind is SOAP else dict(lr=0.02, adam_lr=0.02)
    found = solve(poisson(), NET, kind(steps=80, **rates, **FEW)).history.loss
    assert found[-1] < 0.5 * found[0]


@needs_library
@BOTH
def test_single_precision_stays_single(kind: Any) -> None:
    outcome = drive(kind(steps=5), Bare(bowl), torch.zeros(7, dtype=torch.float32))
    assert outcome.theta.dtype == torch.float32


@BOTH
def test_without_the_library_it_says_how_to_get_it(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "pinnkit\[optimizers\]"'):
        kind().start(VALLEY)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SOAP(steps=0), "SOAP: `steps` must be at least 1, got 0"),
        (lambda: Muon(lr=-1.0), "Muon: `lr` must be positive, got -1.0"),
        (lambda: SOAP(every=0), "SOAP: `every` must be at least 1, got 0"),
        (lambda: Muon(momentum=1.0), "`momentum` must lie in"),
    ],
)
def test_bad_arguments_are_refused_in_words(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_fresh_points_at_every_step_or_now_and_then() -> None:
    assert [SOAP(batch=8).draw(k) for k in range(3)] == [0, 1, 2]
    assert [Muon(resample=2).draw(k) for k in range(4)] == [0, 0, 1, 1]
