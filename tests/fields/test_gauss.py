from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pinnkit.fields import Gauss
from pinnkit.jets import jets

PLANE = [SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=1.0, dim=1)] * 2
ORDERS = [(), (0,), (1,), (0, 1), (1, 1), (0, 0, 1), (0, 0, 1, 1)]


def build(spec: Gauss, dtype: torch.dtype = torch.float64) -> Any:
    return spec.build(PLANE, 2, generator=torch.Generator().manual_seed(0), dtype=dtype, device="cpu")


def points(n: int) -> torch.Tensor:
    return 2 * torch.rand(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1


def test_every_layer_is_a_bump_of_a_linear_layer() -> None:
    field, x = build(Gauss(width=5, depth=2, scale=3.0)), points(4)
    hidden = x
    for layer in field.hidden:
        hidden = torch.exp(-((3.0 * (hidden @ layer.linear.weight.T + layer.linear.bias)) ** 2))
    torch.testing.assert_close(field(x), hidden @ field.readout.weight.T + field.readout.bias)


def test_a_scale_is_the_reciprocal_of_a_standard_deviation_times_the_root_of_two() -> None:
    sigma = 0.2
    layer = build(Gauss(width=6, depth=1, scale=1 / (math.sqrt(2) * sigma))).hidden[0]
    z = layer.linear(points(9))
    torch.testing.assert_close(layer(points(9)), torch.exp(-(z**2) / (2 * sigma**2)))


def test_weights_are_drawn_by_the_number_of_inputs_and_so_is_what_a_bump_sees() -> None:
    """Each of the n + 1 uniform numbers has the variance 1 / (3 n): z has scale^2 (|h|^2 + 1) / (3 n)."""
    field, hidden = build(Gauss(width=1000, depth=4, scale=2.0)), points(100)
    for layer in field.hidden:
        inputs = layer.linear.in_features
        for drawn in (layer.linear.weight, layer.linear.bias):
            assert drawn.abs().max() <= inputs**-0.5
            assert drawn.abs().max() > 0.95 * inputs**-0.5
        seen = layer.scale * layer.linear(hidden)
        expected = layer.scale**2 * (hidden.square().sum(1) + 1) / (3 * inputs)
        assert seen.square().mean().item() == pytest.approx(expected.mean().item(), rel=0.2)
        hidden = layer(hidden)
        assert 0.02 < hidden.std().item() < 0.5  # the bumps are neither all flat nor all narrow


def test_jets_are_those_of_nested_differentiation() -> None:
    field, x = build(Gauss(width=8, depth=2, scale=2.0)), points(6)
    taylor, nested = jets(field, x, ORDERS), jets(field, x, ORDERS, derivatives="autograd")
    for order in ORDERS:
        torch.testing.assert_close(taylor[order], nested[order], rtol=1e-9, atol=1e-9)


def test_single_precision_follows_double() -> None:
    spec, x = Gauss(width=64, depth=3, scale=10.0), points(50)
    torch.testing.assert_close(build(spec, torch.float32)(x.float()).double(), build(spec)(x), rtol=0, atol=1e-4)
