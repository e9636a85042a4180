"""One flat vector for the fields' parameters and the coefficients."""

import math

import pytest
import torch

from pinnkit import Coefficient, Equation
from pinnkit.solvers.collocation.parameters import Parameters
from tests.solvers.cases import CPU, F64, fields_of, heat, parameters_of


def inverse():
    coefficients = [Coefficient("a", -2.0), Coefficient("b", 0.5, positive=True)]
    return heat(
        terms=[Equation(lambda u, a, b: u.t - b * u.xx + a * u)],
        coefficients=coefficients,
    )


def test_get_and_assign_are_inverse() -> None:
    fields = fields_of(inverse())
    parameters = parameters_of(fields)
    theta = torch.randn(parameters.count, dtype=F64)
    before = parameters.get()
    parameters.assign(theta)
    assert torch.equal(parameters.get(), theta)
    parameters.assign(before)
    assert torch.equal(parameters.get(), before)
    assert parameters.count == sum(p.numel() for m in fields.modules.values() for p in m.parameters()) + 2


def test_get_gives_a_copy() -> None:
    parameters = parameters_of(fields_of(heat()))
    theta = parameters.get()
    before = theta.clone()
    theta.zero_()
    assert torch.equal(parameters.get(), before)


def test_coefficients_stand_last_and_a_positive_one_enters_by_its_logarithm() -> None:
    parameters = parameters_of(fields_of(inverse()))
    theta = parameters.get()
    assert theta[-2:].tolist() == [-2.0, pytest.approx(math.log(0.5))]
    theta[-2:] = torch.tensor([-7.0, -40.0], dtype=F64)
    parameters.assign(theta)
    assert parameters.found() == {"a": -7.0, "b": pytest.approx(math.exp(-40))}
    parameters.start_from({"a": 3.0, "b": 2.0})
    assert parameters.get()[-2:].tolist() == [3.0, pytest.approx(math.log(2.0))]


def test_gradients_flow_through_the_coefficients() -> None:
    parameters = Parameters(inverse(), (), device=CPU, dtype=F64)
    c = parameters.coefficients()
    assert parameters.gradient(3 * c["a"] + c["b"] ** 2).tolist() == [3.0, pytest.approx(2 * 0.5 * 0.5)]


def test_parameters_out_of_reach_have_no_gradient() -> None:
    parameters = parameters_of(fields_of(inverse()))
    gradient = parameters.gradient(parameters.coefficients()["a"] * 2)
    assert gradient[-2:].tolist() == [2.0, 0.0]
    assert torch.all(gradient[:-2] == 0)
    assert torch.all(parameters.gradient(torch.tensor(1.0, dtype=F64)) == 0)


def test_frozen_parameters_stay_out_and_a_shared_module_counts_once() -> None:
    fields = fields_of(heat())
    module = fields.modules[("u",)]
    twice = Parameters(fields.problem, [module, module], device=CPU, dtype=F64)
    assert twice.count == sum(p.numel() for p in module.parameters())
    module.readout.weight.requires_grad_(False)
    assert parameters_of(fields).count == twice.count - module.readout.weight.numel()


def test_the_places_of_the_readout_are_those_of_its_weight_and_bias() -> None:
    fields = fields_of(inverse())
    parameters = parameters_of(fields)
    before = parameters.get()
    theta = before.clone()
    theta[parameters.readout] += 1
    parameters.assign(theta)
    (module,) = fields.modules.values()
    last = {id(p) for p in module.readout.parameters()}
    shift = {
        id(p): (p.detach().reshape(-1) - before[at : at + p.numel()]).abs().max().item()
        for p, at in zip(module.parameters(), _starts(module), strict=True)
    }
    assert all(value == (1.0 if key in last else 0.0) for key, value in shift.items())
    assert len(parameters.readout) == sum(p.numel() for p in module.readout.parameters())


def _starts(module: torch.nn.Module) -> list[int]:
    sizes = [p.numel() for p in module.parameters()]
    return [sum(sizes[:i]) for i in range(len(sizes))]
