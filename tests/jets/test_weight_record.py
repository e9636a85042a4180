"""Recorded passes: the same values, and the parameter Jacobian of every point from one backward."""

import weakref

import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap

from pinnkit.jets.evaluation import jets
from pinnkit.jets.evaluation.pointwise import nested_jets, point_jets
from pinnkit.jets.taylor.weight_record import LinearUse, SpreadUse
from tests.jets.passes import BIHARMONIC, DISPERSIVE, HEAT, LAPLACIAN, Function, Sine, network, points

ORDERS = [(), (0,), (0, 2), HEAT]


def recorded(field, coords, orders, **options):
    record = []
    return jets(field, coords, orders, record=record, **options), record


def total(found, orders):
    """A sum over the points in which every channel and output counts differently."""
    return sum((1 + i) * (found[o] * torch.arange(1, 1 + found[o].shape[-1])).sum() for i, o in enumerate(orders))


def expected(field, coords, orders):
    """The Jacobian (n, *shape) of each parameter, by torch.func."""

    def one(parameters, point):
        found = nested_jets(lambda x: functional_call(field, parameters, (x[None],))[0], point, orders)
        return total(found, orders)

    given = {name: p.detach() for name, p in field.named_parameters()}
    return vmap(jacrev(one), in_dims=(None, 0))(given, coords)


@pytest.mark.parametrize("orders", [[()], [(1,)], ORDERS, [LAPLACIAN], [DISPERSIVE, (1, 1)], [BIHARMONIC]], ids=str)
@pytest.mark.parametrize("layers", [(), (nn.Tanh(),), (Sine(2.0), nn.Tanh())], ids=len)
def test_outer_products_are_the_jacobian_of_every_point(layers, orders):
    field, coords = network(*layers), points()
    found, record = recorded(field, coords, orders)
    uses = [use for use in record if isinstance(use, LinearUse)]
    ends = [value for value in found.values() if value.requires_grad]
    slopes = torch.autograd.grad(total(found, orders), [use.outputs for use in uses], allow_unused=True) if ends else []
    jacobian = {name: torch.zeros(len(coords), *p.shape, dtype=p.dtype) for name, p in field.named_parameters()}
    names = {p: name for name, p in field.named_parameters()}
    for use, g in zip(uses, slopes, strict=True):
        if g is not None:
            jacobian[names[use.weight]] += use.factor * torch.einsum("cnh,cnk->nhk", g, use.inputs)
            if use.bias is not None:
                jacobian[names[use.bias]] += use.factor * g[0]
    for name, value in expected(field, coords, orders).items():
        torch.testing.assert_close(jacobian[name], value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("orders", [[()], ORDERS, [BIHARMONIC]], ids=str)
def test_a_record_changes_no_value(orders):
    field, coords = network(Sine(3.0), nn.Tanh()), points()
    found, record = recorded(field, coords, orders)
    assert len(record) == 3
    for order, value in jets(field, coords, orders).items():
        torch.testing.assert_close(found[order], value, rtol=1e-13, atol=1e-13)


def test_a_record_that_is_dropped_is_freed():
    field = network(nn.Tanh(), nn.Tanh())
    _, record = recorded(field, points(), ORDERS)
    outputs = [weakref.ref(use.outputs) for use in record]
    del _, record
    assert [output() for output in outputs] == [None] * 3


def test_recorded_weights_are_not_in_the_graph_of_the_results():
    field, coords = network(nn.Tanh()), points()
    found, record = recorded(field, coords, ORDERS)
    parameters = list(field.parameters())
    assert torch.autograd.grad(total(found, ORDERS), parameters, allow_unused=True) == (None,) * len(parameters)
    assert [use.weight for use in record] == [field[0].weight, field[2].weight]


def test_a_factor_that_a_layer_is_scaled_by_is_told_apart_from_its_weight():
    linear = network()[0]
    found, (use,) = recorded(Function(lambda x: torch.sin(2.0 * (3.0 * linear(x)))), points(), [(0,)])
    assert (use.factor, use.weight, use.bias) == (6.0, linear.weight, linear.bias)
    torch.testing.assert_close(use.outputs[0], 6 * linear(points()))
    assert found[(0,)].shape == (7, 2)


def test_frozen_layers_leave_no_record():
    field = network(nn.Tanh(), nn.Tanh())
    field[0].requires_grad_(False)
    field[2].weight.requires_grad_(False)
    _, record = recorded(field, points(), ORDERS)
    assert [use.weight for use in record] == [field[2].weight, field[4].weight]  # the bias of field[2] is trained


def test_what_scales_and_shifts_features_is_copied_for_every_point():
    scale, shift = nn.Parameter(torch.tensor(2.0).double()), nn.Parameter(torch.ones(1, 3).double())
    found, record = recorded(Function(lambda x: torch.tanh(scale * x) + shift), points(), [(), (0,)])
    assert [type(use) for use in record] == [SpreadUse, SpreadUse]
    assert [use.copies.shape for use in record] == [(7, 1), (7, 3)]
    first, second = torch.autograd.grad(found[()].sum() + found[(0,)].sum(), [use.copies for use in record])
    z = torch.tanh(2 * points())
    slope = 1 - z.square()
    exact = (points() * slope).sum(1) + slope[:, 0] * (1 - 2 * 2 * points()[:, 0] * z[:, 0])
    torch.testing.assert_close(first[:, 0], exact)
    torch.testing.assert_close(second, torch.ones(7, 3).double())


def test_a_field_without_rules_leaves_nothing_behind():
    linear = network(nn.Tanh())[0]
    field = Function(lambda x: torch.softmax(linear(x), dim=-1))
    record = ["before"]
    found = jets(field, points(), [(), (0,)], record=record)
    assert record == ["before"]
    assert torch.autograd.grad(found[()][:, 0].sum(), linear.weight)[0].abs().sum() > 0
    assert recorded(network(nn.Tanh()), points(), [()], derivatives="autograd")[1] == []


@pytest.mark.parametrize("taylor", [True, False])
def test_jets_at_a_point_can_be_mapped_and_are_those_of_all_points(taylor):
    field, coords = network(nn.Tanh(), Sine(2.0)), points()
    found = vmap(lambda x: point_jets(field, x, [*ORDERS, LAPLACIAN], taylor=taylor))(coords)
    for order, value in jets(field, coords, [*ORDERS, LAPLACIAN]).items():
        torch.testing.assert_close(found[order], value, rtol=1e-10, atol=1e-11)


def test_a_point_of_a_field_without_rules_goes_by_nested_transforms():
    linear = network()[0]
    field = Function(lambda x: torch.softmax(linear(x), dim=-1))
    found = vmap(lambda x: point_jets(field, x, [(), (0, 1)]))(points())
    for order, value in jets(field, points(), [(), (0, 1)], derivatives="autograd").items():
        torch.testing.assert_close(found[order], value)
