"""Gauss-Newton on small sums of squares, whose answers are known, and its factorisations against each other."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit import MLP, solve
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.residual_loss import ResidualLoss
from pinnkit.solvers.optimizers.gauss_newton import GaussNewton
from pinnkit.solvers.optimizers.levenberg_marquardt import NormalEquations, SingularValues, gram
from pinnkit.solvers.optimizers.trust_region import longest_step
from pinnkit.solvers.optimizers.variable_projection import variable_projection
from pinnkit.solvers.optimizers.woodbury_gauss_newton import WoodburyEquations
from pinnkit.solvers.protocols import TangentKernel, kernel_of_jacobian
from pinnkit.solvers.training.loop import run
from tests.solvers.cases import fields_of, heat, heat_exact, parameters_of, points_of, relative

F64 = torch.float64


@dataclass
class Rows:
    """A sum of squares made of one function; `calls` counts Jacobians."""

    function: Callable[[Tensor], Tensor]
    readout: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    version: int = 0
    calls: int = 0

    def rows(self, theta: Tensor) -> Tensor:
        return self.function(theta)

    def rows_and_jacobian(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        return self.function(theta), torch.func.jacrev(self.function)(theta)

    def tangent_kernel(self, theta: Tensor) -> TangentKernel:
        return kernel_of_jacobian(*self.rows_and_jacobian(theta))

    def terms(self, theta: Tensor) -> dict[str, Tensor]:
        return {"all": self.function(theta).square().mean()}


def vector(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=F64)


def matrix(n: int, p: int, seed: int = 0) -> Tensor:
    return torch.randn(n, p, generator=torch.Generator().manual_seed(seed), dtype=F64)


def drive(objective: Rows, theta: Tensor, **options: Any) -> Any:
    solver = GaussNewton(**options)

    def seen(_: Any, step: int, *__: Any) -> Rows:
        objective.version = solver.draw(step)
        return objective

    return run(seen, theta, [solver])


def losses(outcome: Any) -> list[float]:
    return [record.loss for record in outcome.records]


def valley(theta: Tensor) -> Tensor:
    return torch.stack([10 * (theta[1] - theta[0] ** 2), 1 - theta[0]])


def decays(data: Tensor, times: Tensor) -> Callable[[Tensor], Tensor]:
    def rows(theta: Tensor) -> Tensor:
        return (theta[:2, None] * torch.exp(-theta[2:, None] * times)).sum(0) - data

    return rows


# what it reaches ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("geodesic", [True, False])
def test_the_rosenbrock_valley_ends_at_its_minimum(geodesic: bool) -> None:
    found = drive(Rows(valley), vector(-1.2, 1.0), steps=100, geodesic=geodesic)
    assert (found.theta - 1).abs().max() < 1e-12
    assert losses(found) == sorted(losses(found), reverse=True)


def test_two_decays_are_told_apart() -> None:
    times = torch.linspace(0, 4, 60, dtype=F64)
    truth = vector(1.0, 2.0, 0.7, 2.5)
    data = decays(torch.zeros_like(times), times)(truth)
    found = drive(Rows(decays(data, times)), vector(0.5, 0.5, 0.1, 4.0), steps=60)
    torch.testing.assert_close(found.theta, truth, rtol=1e-9, atol=0)


def fitted(readout: Tensor, slopes: Tensor, shifts: Tensor, x: Tensor, target: Tensor) -> Tensor:
    return readout @ torch.tanh(slopes[:, None] * x + shifts[:, None]) - target


@pytest.mark.parametrize("more", [{"geodesic": True}, {"corrections": 6}], ids=["accelerated", "corrected"])
def test_steps_that_follow_the_curvature_get_further_in_as_many_jacobians(more: dict[str, Any]) -> None:
    x = torch.linspace(-1, 1, 80, dtype=F64)
    straight = {"geodesic": False, "corrections": 0}
    ends = {True: 1.0, False: 1.0}
    for seed in (2, 3):
        start = matrix(24, 1, seed=seed)[:, 0]
        for curved in ends:
            options = straight | (more if curved else {})
            objective = Rows(lambda c: fitted(c[:8], c[8:16], c[16:], x, torch.sin(6 * x)))
            ends[curved] *= losses(drive(objective, start, steps=30, **options))[-1]
            assert objective.calls == 30
    assert ends[True] < 0.1 * ends[False]


def test_a_jacobian_without_full_rank_gives_the_least_residual_and_no_wild_step() -> None:
    a, b = matrix(40, 6), matrix(40, 1, seed=1)[:, 0]
    twice = torch.cat([a, a, torch.zeros(40, 1, dtype=F64)], dim=1)
    best = torch.linalg.lstsq(a, b[:, None]).solution[:, 0]
    found = drive(Rows(lambda c: twice @ c - b), torch.zeros(13, dtype=F64), steps=30)
    torch.testing.assert_close(twice @ found.theta, a @ best, rtol=1e-9, atol=1e-10)
    assert found.theta.norm() < 10 * best.norm()


def test_ill_conditioned_columns_are_fitted_beyond_what_normal_equations_can() -> None:
    x = torch.linspace(0, 1, 400, dtype=F64)
    powers = torch.cat([x[:, None] ** torch.arange(14), 1e-3 * matrix(400, 250)], dim=1)  # 264 columns: Cholesky first
    target = torch.exp(2 * x)
    found = drive(Rows(lambda c: powers @ c - target), torch.zeros(264, dtype=F64), steps=40)
    assert found.state["exact"] is True
    assert (powers @ found.theta - target).abs().max() < 1e-9


def test_fewer_rows_than_parameters_are_met_exactly_by_the_kernel() -> None:
    a, b = matrix(12, 50), matrix(12, 1, seed=1)[:, 0]
    found = drive(Rows(lambda c: torch.tanh(a @ c / 7) - 0.5 * torch.tanh(b)), torch.zeros(50, dtype=F64), steps=60)
    assert losses(found)[-1] < 1e-20
    assert losses(found) == sorted(losses(found), reverse=True)


def test_single_precision_stays_single_precision() -> None:
    found = drive(Rows(valley), vector(-1.2, 1.0).float(), steps=100)
    assert found.theta.dtype == torch.float32
    assert (found.theta - 1).abs().max() < 1e-5


def trained(steps: int, points: int) -> float:
    """The error of a small network on the rod, soft conditions and all."""
    solver = GaussNewton(steps=steps, points=points, condition_points=points // 5)
    solution = solve(heat(), MLP(width=10, depth=2), solver, seed=0)
    x, t = torch.rand(2, 400, generator=torch.Generator().manual_seed(1), dtype=F64)
    return relative(solution(x=x.numpy(), t=t.numpy())["u"], heat_exact(x, t))


def test_a_small_network_solves_the_rod() -> None:
    assert trained(30, points=250) < 1e-4  # Adam and L-BFGS leave 5e-4 after minutes


def test_a_wide_network_on_few_points_uses_the_kernel_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = fields_of(heat(), MLP(width=20, depth=2))
    parameters = parameters_of(fields)
    target = ResidualLoss(fields, parameters, points_of(heat(), 20))
    assert parameters.count > 60
    asked = []
    kernel = target.tangent_kernel
    monkeypatch.setattr(target, "tangent_kernel", lambda theta: asked.append(theta) or kernel(theta))
    found = run(lambda *_: target, parameters.get(), [GaussNewton(steps=12)])
    assert losses(found)[-1] < 1e-4 * losses(found)[0]
    assert len(asked) == 12


@pytest.mark.slow
def test_a_small_network_solves_the_rod_to_many_digits() -> None:
    assert trained(150, points=500) < 1e-7


# how a step is solved -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("damping", [1e-6, 1e-2, 10.0])
def test_all_factorisations_give_the_same_damped_step(damping: float, moving: bool) -> None:
    a, r, w = matrix(9, 30), matrix(9, 1, seed=1)[:, 0], matrix(9, 1, seed=2)[:, 0]
    v = matrix(30, 1, seed=3)[:, 0] if moving else torch.zeros(30, dtype=F64)
    kernel = Rows(lambda c: a @ c + r).tangent_kernel(torch.zeros(30, dtype=F64))
    equations = [NormalEquations(r, a), SingularValues(r, a), WoodburyEquations(kernel, 30)]
    shift = damping * equations[0].scale
    stacked = torch.cat([a, math.sqrt(shift) * torch.eye(30, dtype=F64)])
    best = torch.linalg.lstsq(stacked, torch.cat([-r, math.sqrt(shift) * v])[:, None]).solution[:, 0]
    back = -torch.linalg.solve(stacked.T @ stacked, a.T @ w)
    for each in equations:
        step = each.step(damping, v)
        assert step is not None
        assert each.scale == pytest.approx(equations[0].scale, rel=1e-12)
        torch.testing.assert_close(step.vector, best, rtol=1e-7, atol=1e-8)
        torch.testing.assert_close(step.image, a @ best, rtol=1e-7, atol=1e-8)
        torch.testing.assert_close(step.back(w), back, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("p", [1, 63, 64, 65, 257])
def test_the_mirrored_gram_matrix_is_the_product(p: int) -> None:
    a = matrix(40, p)
    torch.testing.assert_close(gram(a), a.T @ a, rtol=1e-12, atol=1e-12)


def test_the_longest_acceptable_step_is_taken() -> None:
    """The next smaller damping of the sequence fails: beyond the slope of a sine the model predicts too much."""
    objective = Rows(lambda c: torch.stack([torch.sin(3 * c[0]) + 0.1 * c[0]]))
    theta = vector(0.45)
    linear = SingularValues(*objective.rows_and_jacobian(theta))

    def trial(step: Any) -> tuple[Tensor, Tensor]:
        return step.vector, objective.rows(theta + step.vector)

    found = longest_step(linear, trial, 10.0, vector(0.0), accept=0.3, ratio=2.0)
    assert found is not None
    assert found.gain >= 0.3
    longer = linear.step(found.damping / 2.0, vector(0.0))
    before = float(linear.rows.square().sum())
    fall = before - float(objective.rows(theta + longer.vector).square().sum())
    predicted = before - float((linear.rows + longer.image).square().sum())
    assert fall < 0.3 * predicted


# the read-out ---------------------------------------------------------------------------------------------------------
def test_variable_projection_solves_for_the_readout_and_leaves_the_rest() -> None:
    x = torch.linspace(-1, 1, 50, dtype=F64)

    def rows(theta: Tensor) -> Tensor:
        return theta[:3] @ torch.tanh(theta[3:, None] * x + vector(0.0, 0.5, -0.5)[:, None]) - torch.sin(2 * x)

    theta = vector(0.1, 0.2, 0.3, 1.0, 2.0, 3.0)
    objective = Rows(rows, readout=torch.arange(3))
    found, loss = variable_projection(objective, theta, float(rows(theta).square().sum()))
    assert torch.equal(found[3:], theta[3:])
    basis = torch.tanh(theta[3:, None] * x + vector(0.0, 0.5, -0.5)[:, None]).T
    best = torch.linalg.lstsq(basis, torch.sin(2 * x)[:, None]).solution[:, 0]
    torch.testing.assert_close(found[:3], best, rtol=1e-9, atol=1e-10)
    assert loss == pytest.approx(float(rows(found).square().sum()), rel=1e-12)


def test_variable_projection_never_raises_the_loss_and_does_nothing_without_a_readout() -> None:
    objective = Rows(lambda c: torch.atan(c), readout=torch.arange(2))
    theta = vector(5.0, -20.0)
    before = float(torch.atan(theta).square().sum())
    found, loss = variable_projection(objective, theta, before)
    assert loss <= before
    assert loss == pytest.approx(float(torch.atan(found).square().sum()))
    objective.readout = torch.zeros(0, dtype=torch.int64)
    same, loss = variable_projection(objective, theta, before)
    assert same is theta
    assert loss == before


def test_a_run_with_variable_projection_ends_lower_after_few_steps() -> None:
    x = torch.linspace(-1, 1, 80, dtype=F64)

    start = torch.cat(
        [torch.zeros(8, dtype=F64), torch.linspace(-3, 3, 8, dtype=F64), torch.linspace(-1, 1, 8, dtype=F64)]
    )
    ends = []
    for every in (None, 1):
        objective = Rows(lambda c: fitted(c[:8], c[8:16], c[16:], x, torch.sin(4 * x)), readout=torch.arange(8))
        ends.append(losses(drive(objective, start, steps=2, project_every=every))[-1])
    assert ends[1] < ends[0]


# states and stops -----------------------------------------------------------------------------------------------------
def test_fresh_points_are_tried_before_giving_up() -> None:
    """With each draw another minimum: stuck at one, it goes on at the next, and ends after two in vain."""
    centres = {0: 1.0, 1: 2.0}
    objective = Rows(lambda c: c)

    def rows(c: Tensor) -> Tensor:
        return torch.stack([c[0] - centres.get(objective.version, 2.0), torch.ones((), dtype=F64)])

    objective.function = rows
    found = drive(objective, vector(0.0), steps=200, resample=10)
    assert found.status is Status.STALLED
    assert float(found.theta) == pytest.approx(2.0)
    assert 10 < len(found.records) < 60


def test_resampling_draws_at_fixed_intervals_of_steps() -> None:
    assert [GaussNewton(resample=3).draw(step) for step in range(7)] == [0, 0, 0, 1, 1, 1, 2]
    assert {GaussNewton().draw(step) for step in range(7)} == {0}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", 0, "whole number of at least 1, got 0"),
        ("points", 2.5, "whole number of at least 1, got 2.5"),
        ("condition_points", True, "whole number of at least 1, got True"),
        ("resample", 0, "whole number of at least 1, got 0"),
        ("project_every", -1, "whole number of at least 1, got -1"),
        ("corrections", -1, "whole number of at least 0, got -1"),
        ("damping", 0.0, "must lie between 0 and inf, got 0.0"),
        ("accept", 1.5, "must lie between 0 and 1, got 1.5"),
        ("ratio", 1.0, "must lie between 1 and inf, got 1.0"),
        ("momentum", 1.0, "at least 0 and below 1, got 1.0"),
        ("batch", 32, "works on all points"),
    ],
)
def test_bad_arguments_are_refused(name: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=rf"GaussNewton: .*{words}"):
        GaussNewton(**{name: value})
