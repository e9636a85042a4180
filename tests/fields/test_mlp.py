from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from pinnkit.fields import ACTIVATIONS, MLP, FourierMLP

X = SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=1.0, dim=1)


def build(spec: MLP) -> Any:
    return spec.build([X, X], 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, device="cpu")


def test_weights_follow_glorot_with_a_small_readout_and_biases_are_zero() -> None:
    field = build(MLP(width=200, depth=2))
    layers = [layer for layer in field.modules() if isinstance(layer, nn.Linear)]
    for layer, fans, gain in zip(layers, (2 + 200, 200 + 200, 200 + 3), (1, 1, 0.1), strict=True):
        bound = gain * math.sqrt(6 / fans)
        assert bound * 0.96 < layer.weight.abs().max() <= bound
        assert abs(layer.weight.square().mean().item() / (bound**2 / 3) - 1) < 0.15
        assert torch.all(layer.bias == 0)


FORMULAS = {
    "tanh": math.tanh,
    "sin": math.sin,
    "gelu": lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "softplus": lambda z: math.log1p(math.exp(z)),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "relu": lambda z: max(z, 0.0),
}


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) | set(FORMULAS)))
def test_an_activation_is_the_function_of_its_name(name: str) -> None:
    values = torch.linspace(-3, 3, 13, dtype=torch.float64)
    expected = torch.tensor([FORMULAS[name](z) for z in values.tolist()], dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS[name].function(values), expected)


def test_relu_declares_one_derivative_and_the_others_all() -> None:
    assert {name: MLP(activation=name).smoothness for name in ACTIVATIONS} == {
        name: 1 if name == "relu" else math.inf for name in ACTIVATIONS
    }
    assert FourierMLP(activation="relu").smoothness == 1


def test_the_activation_of_the_spec_is_the_one_applied() -> None:
    coords = torch.tensor([[0.3, -0.9]], dtype=torch.float64)
    for name in ACTIVATIONS:
        field = build(MLP(width=4, depth=1, activation=name))
        expected = [FORMULAS[name](z) for z in field.hidden[0](coords)[0].tolist()]
        torch.testing.assert_close(field.trunk(coords)[0], torch.tensor(expected, dtype=torch.float64))
