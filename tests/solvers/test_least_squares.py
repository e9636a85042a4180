"""Least squares on the read-out of real problems; its bare language is held by the conformance suite."""

import math

import pytest
import torch

from pinnkit import (
    MLP,
    Box,
    Data,
    Dirichlet,
    Equation,
    LeastSquares,
    Problem,
    RandomFourier,
    Siren,
    solve,
)
from pinnkit.fields import TotalDegree
from pinnkit.solutions.status import Status
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.least_squares.linear_readout import ReadoutObjective
from pinnkit.solvers.training.loop import run
from tests.solvers.cases import CPU, F64, cubic, fields_of, heat, heat_exact, points_of, relative

SINES = RandomFourier(150, bandwidth=4.0)


def target_of(problem, spec) -> ReadoutObjective:
    fields = fields_of(problem, spec)
    for module in fields.modules.values():
        torch.nn.init.zeros_(module.readout.weight)
    collocation = points_of(problem, 400, sampling=LeastSquares().sampling)
    return ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=F64), collocation)


def solved(problem, spec, **options):
    target = target_of(problem, spec)
    outcome = run(lambda *_: target, target.get(), (LeastSquares(**options),))
    target.assign(outcome.theta)
    return target, outcome


def test_a_linear_equation_takes_one_step() -> None:
    target, outcome = solved(heat(), SINES)
    assert outcome.status is Status.STALLED
    assert len(outcome.records) == 1
    coords = torch.rand(300, 2, dtype=F64)
    assert relative(target.fields.unknowns(coords, {})["u"], heat_exact(*coords.T)) < 1e-8
    assert set(outcome.records[0].terms) == {"equation", "dirichlet", "initial"}


def test_a_nonlinear_equation_takes_a_few_steps_each_lower_than_the_one_before() -> None:
    target, outcome = solved(cubic(), SINES)
    found = [r.loss for r in outcome.records]
    assert found == sorted(found, reverse=True)
    assert 2 <= len(found) <= 12
    assert found[-1] < 1e-7
    # u < v, the solution of the linear equation without the cube: the cube drains u
    coords = torch.rand(300, 2, dtype=F64)
    u = target.fields.unknowns(coords, {})["u"]
    v = torch.sin(math.pi * coords[:, 0]) * torch.exp(-(math.pi**2) * coords[:, 1])
    assert torch.all(u <= v + 1e-3)


def test_the_bias_of_a_siren_is_solved_for_too() -> None:
    shifted = heat(terms=[heat().terms[0]], ansatz={"u": lambda u, x: u + x})
    target, _ = solved(shifted, Siren(width=20, depth=1))
    module = target.fields.modules[("u",)]
    before = module.readout.bias.detach().clone()
    target.assign(target.get() + 1)
    assert torch.equal(module.readout.bias.detach(), before + 1)


def test_a_tolerance_reaches_least_squares() -> None:
    target = target_of(cubic(), SINES)
    outcome = run(lambda *_: target, target.get(), (LeastSquares(),), tolerance=0.05)
    assert outcome.status is Status.CONVERGED
    assert max(outcome.records[-1].terms.values()) <= 0.05**2


@pytest.mark.parametrize("name", ["steps", "ratio", "condition_ratio", "rcond"])
def test_bad_arguments_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"LeastSquares: `{name}` must be .* got 0"):
        LeastSquares(**{name: 0})


def _twice(**sigma) -> Problem:
    """The same two points measured as 0 and as 1."""
    points = {"x": [0.0, 1.0]}
    terms = [Data(points, name="low", u=[0.0, 0.0]), Data(points, name="high", u=[1.0, 1.0], **sigma)]
    return Problem("twice", Box(x=(0, 1)), "u", terms)


def test_data_count_as_much_as_their_sigma_says() -> None:
    for sigma in (1.0, 0.5):
        found = solve(_twice(sigma=sigma), MLP(width=4, depth=1), LeastSquares())
        mean = sigma**-2 / (1 + sigma**-2)  # of 0 and 1, weighted by 1 / sigma^2
        assert found(x=[0.0, 1.0])["u"] == pytest.approx([mean, mean], abs=1e-9)
        # The loss is the sum of the mean costs: mean^2 and (1 - mean)^2 / sigma^2.
        assert found.history.loss[-1] == pytest.approx(mean**2 + ((1 - mean) / sigma) ** 2)


def test_terms_count_as_they_are_where_balancing_is_declined() -> None:
    # No function has u' = 1 and ends at 0: weights say how far each term gives way.
    line = Box(x=(0, 1))
    terms = [Equation(lambda u: u.x - 1.0, weight=4.0), Dirichlet(line.boundary, u=0.0)]
    problem = Problem("tug", line, "u", terms)
    slope = {}
    for balance in (True, False):
        found = solve(problem, TotalDegree(1), LeastSquares(), balance=balance)
        ends = found(x=[0.0, 1.0])["u"]
        slope[balance] = float(ends[1] - ends[0])
    # u = s (x - 1/2): 4 (s - 1)^2 + s^2 / 4 is least at s = 16/17.
    assert slope[False] == pytest.approx(16 / 17, abs=1e-9)
    assert slope[True] != pytest.approx(16 / 17, abs=1e-2)
