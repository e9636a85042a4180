"""Nested automatic differentiation: right by itself, since it is what the Taylor pass is held against."""

import torch
from torch import nn

from pinnkit.jets.evaluation.autograd import autograd_jets
from pinnkit.jets.orders import Operator
from tests.jets.passes import ALL_ORDERS, difference, network, points


def test_every_channel_agrees_with_closed_forms():
    wave = torch.tensor([1.5, -0.7, 0.4], dtype=torch.float64)
    x = points()
    found = autograd_jets(lambda x: torch.exp(x @ wave)[:, None], x, ALL_ORDERS)
    for order in ALL_ORDERS:
        expected = torch.exp(x @ wave)[:, None] * wave[list(order)].prod()
        assert difference(found[order], expected) < 1e-14


def test_first_derivatives_agree_with_finite_differences():
    field, x, step = network(nn.Tanh(), nn.GELU()), points(), 1e-6
    found = autograd_jets(field, x, [(0,), (1,), (2,)])
    for column in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[column] = step
        expected = (field(x + shift) - field(x - shift)) / (2 * step)
        assert difference(found[(column,)], expected) < 1e-8


def test_an_operator_is_the_sum_of_its_members():
    field, x = network(nn.Tanh(), nn.Sigmoid()), points()
    operator = Operator(((2.0, (0, 0)), (-1.0, (2,)), (0.5, (0, 1, 1, 2))))
    found = autograd_jets(field, x, [operator, (0, 0), (2,), (0, 1, 1, 2)])
    expected = 2 * found[(0, 0)] - found[(2,)] + 0.5 * found[(0, 1, 1, 2)]
    assert difference(found[operator], expected) < 1e-14


def test_each_gradient_is_taken_once(monkeypatch):
    calls = []
    original = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *args, **options: calls.append(0) or original(*args, **options))
    autograd_jets(network(nn.Tanh(), outputs=1), points(), [(0,), (1,), (2,), (0, 0), (0, 1), (0, 2)])
    assert len(calls) == 2
