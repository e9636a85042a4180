"""Least squares on the read-out of real problems; its bare language is held by the conformance suite."""

import math

import pytest
import torch

from pinnkit import LeastSquares, RandomFourier, Siren
from pinnkit.solvers.loop import run
from pinnkit.solvers.parameters import Parameters
from pinnkit.solvers.readout import Readout
from pinnkit.status import Status
from tests.solvers.cases import CPU, F64, cloud_of, cubic, fields_of, heat, heat_exact, relative

SINES = RandomFourier(150, bandwidth=4.0)


def target_of(problem, spec) -> Readout:
    fields = fields_of(problem, spec)
    for module in fields.modules.values():
        torch.nn.init.zeros_(module.readout.weight)
    cloud = cloud_of(problem, 400, sampling=LeastSquares().sampling)
    return Readout(fields, Parameters(problem, (), device=CPU, dtype=F64), cloud)


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
