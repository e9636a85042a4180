"""Mutants of solvers: each breaks one thing, and one named check of the suite of solvers must notice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit.solvers import LBFGS, Adam, LeastSquares
from pinnkit.solvers.optimizers import lbfgs, line_search
from tests.conformance.test_solvers import (
    CASES,
    CHECKS,
    LIMITED,
    check_newton_on_a_bowl,
)


class NoBiasCorrection(Adam):
    def step(self, objective: Any, state: Any) -> Any:
        return super().step(objective, {**state, "step": 10**6}) | {"step": state["step"] + 1}


class EpsilonInsideTheRoot(Adam):
    def step(self, objective: Any, state: Any) -> Any:
        found = super().step(objective, state)
        k = found["step"]
        m, v = found["m"] / (1 - self.betas[0] ** k), found["v"] / (1 - self.betas[1] ** k)
        return {**found, "theta": state["theta"] - self.lr * m / (v + self.eps).sqrt()}


class SwappedMoments(Adam):
    def step(self, objective: Any, state: Any) -> Any:
        return replace(self, betas=self.betas[::-1]).step(objective, state)


class InPlace(Adam):
    def step(self, objective: Any, state: Any) -> Any:
        found = super().step(objective, state)
        state["theta"].copy_(found["theta"])
        return {**found, "theta": state["theta"]}


class Uphill(LBFGS):
    """Takes the first length without looking at the loss there."""

    def _search(self, phi: Any, here: Any, direction: Tensor, slope: Tensor, first: float) -> Any:  # noqa: ARG002
        return line_search.trial(first, phi, direction)


class NoMemory(LBFGS):
    def step(self, objective: Any, state: Any) -> Any:
        return super().step(objective, {**state, "s": [], "y": []})


class SharedMemory(LBFGS):
    """Appends to the lists of the state that it was given."""

    def step(self, objective: Any, state: Any) -> Any:
        found = super().step(objective, state)
        state["s"].extend(found["s"][len(state["s"]) :])
        return found


class IgnoresNaN(LBFGS):
    def step(self, objective: Any, state: Any) -> Any:
        found = super().step(objective, state)
        return {**found, "loss": torch.nan_to_num(found["loss"])}


class Undamped(LeastSquares):
    def step(self, objective: Any, state: Any) -> Any:
        r, jacobian = objective.rows_and_jacobian(state["theta"])
        step = torch.linalg.lstsq(jacobian, -r[:, None], rcond=self.rcond, driver="gelsd").solution[:, 0]
        theta = state["theta"] + step
        loss = objective.rows(theta).square().sum()
        return {
            "theta": theta,
            "loss": loss,
            "terms": objective.terms(theta),
            "damping": 0.0,
            "done": bool(loss < 1e-20),
        }


class NormalEquations(LeastSquares):
    def step(self, objective: Any, state: Any) -> Any:
        r, jacobian = objective.rows_and_jacobian(state["theta"])
        theta = state["theta"] - torch.linalg.pinv(jacobian.T @ jacobian, rtol=1e-14, hermitian=True) @ (jacobian.T @ r)
        return {
            "theta": theta,
            "loss": objective.rows(theta).square().sum(),
            "terms": objective.terms(theta),
            "damping": 0.0,
            "done": True,
        }


class NeverDone(LeastSquares):
    def step(self, objective: Any, state: Any) -> Any:
        return super().step(objective, state) | {"done": False}


class WithoutTerms(LeastSquares):
    def step(self, objective: Any, state: Any) -> Any:
        found = super().step(objective, state)
        return {key: value for key, value in found.items() if key != "terms"}


MUTANTS = {
    NoBiasCorrection: "same as torch",
    EpsilonInsideTheRoot: "same as torch",
    SwappedMoments: "same as torch",
    InPlace: "pure step",
    Uphill: "never uphill",
    NoMemory: "Newton on a bowl",
    SharedMemory: "pure step",
    IgnoresNaN: "divergence",
    Undamped: "far start",
    NormalEquations: "least squares",
    NeverDone: "least squares",
    WithoutTerms: "state",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.__name__)
def test_a_mutant_is_caught(mutant: type) -> None:
    case = next(c for c in CASES.values() if issubclass(mutant, type(c.solver)))
    options = {f.name: getattr(case.solver, f.name) for f in dataclasses.fields(case.solver)}
    with pytest.raises((AssertionError, OverflowError, RuntimeError)):
        CHECKS[MUTANTS[mutant]](replace(case, solver=mutant(**options)))


def two_loops_with(sign: int, order: int) -> Callable[[Tensor, list[Tensor], list[Tensor]], Tensor]:
    """Algorithm 7.4 with a sign of the second loop, and the order of the first."""

    def two_loops(g: Tensor, s: list[Tensor], y: list[Tensor]) -> Tensor:
        if not s:
            return g
        q, alphas = g, {}
        for i in list(range(len(s)))[::order]:
            alphas[i] = (s[i] @ q) / (y[i] @ s[i])
            q = q - alphas[i] * y[i]
        q = q * (s[-1] @ y[-1]) / (y[-1] @ y[-1])
        for i in range(len(s)):
            q = q + (alphas[i] - sign * (y[i] @ q) / (y[i] @ s[i])) * s[i]
        return q

    return two_loops


def test_the_two_loops_agree_with_the_inverse_hessian_written_out(generator: torch.Generator) -> None:
    """H_{k+1} = V^T H_k V + rho s s^T, V = 1 - rho y s^T (Nocedal & Wright, eq. 7.16), as dense matrices."""
    n = 6
    s = list(torch.randn(4, n, generator=generator, dtype=torch.float64))
    hessian = torch.diag(torch.arange(1.0, n + 1, dtype=torch.float64))
    y = [hessian @ a for a in s]
    g = torch.randn(n, generator=generator, dtype=torch.float64)
    eye = torch.eye(n, dtype=torch.float64)
    inverse = eye * (s[-1] @ y[-1]) / (y[-1] @ y[-1])
    for a, b in zip(s, y, strict=True):
        v = eye - torch.outer(b, a) / (a @ b)
        inverse = v.T @ inverse @ v + torch.outer(a, a) / (a @ b)
    torch.testing.assert_close(lbfgs._two_loops(g, s, y), inverse @ g, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(two_loops_with(1, -1)(g, s, y), inverse @ g, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("sign", "order"), [(-1, -1), (1, 1)], ids=["wrong sign", "wrong order"])
def test_wrong_two_loops_are_caught(sign: int, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lbfgs, "_two_loops", two_loops_with(sign, order))
    with pytest.raises(AssertionError):
        check_newton_on_a_bowl(LIMITED)
