from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from pinnkit.fields import MLP, PositionalMLP
from pinnkit.jets import jets

X = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=4.0, dim=1)
Y = SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=1.0, dim=1)


def build(spec: PositionalMLP, axes: Any = (X, Y), dtype: torch.dtype = torch.float64) -> Any:
    return spec.build(axes, 2, generator=torch.Generator().manual_seed(0), dtype=dtype, device="cpu")


@pytest.mark.parametrize("inputs", [True, False])
def test_the_encoding_is_sines_then_cosines_of_doubling_frequency(inputs: bool) -> None:
    field = build(PositionalMLP(frequencies=3, inputs=inputs))
    encoding = field.hidden.encoding
    coords = torch.tensor([[1.0, 0.3], [4.0, -0.8]], dtype=torch.float64)
    encoded = encoding(field.scaling(coords))
    assert encoded.shape == (2, encoding.width) == (2, 2 * (6 + inputs))
    for row, v in zip(encoded, ([-0.5, 0.3], [1.0, -0.8]), strict=True):
        angles = [2**octave * math.pi * one for octave in range(3) for one in v]
        expected = (v if inputs else []) + [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
        torch.testing.assert_close(row, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-13)


def test_without_the_inputs_both_ends_of_an_axis_have_one_value_and_with_them_not() -> None:
    ends = torch.tensor([[0.0, 0.4], [4.0, 0.4]], dtype=torch.float64)
    closed = build(PositionalMLP(frequencies=4, inputs=False))(ends)
    torch.testing.assert_close(closed[0], closed[1], rtol=0, atol=1e-13)
    opened = build(PositionalMLP(frequencies=4))(ends)
    assert torch.all((opened[0] - opened[1]).abs() > 1e-4)


def test_the_encoding_enters_again_after_the_fifth_of_eight_layers() -> None:
    field = build(PositionalMLP(frequencies=2, width=16, depth=8))
    encoded_width = field.hidden.encoding.width
    assert [layer.in_features for layer in field.hidden.layers] == [
        encoded_width,
        *[16] * 4,
        16 + encoded_width,
        *[16] * 2,
    ]
    coords = torch.tensor([[1.0, 0.3], [3.0, -0.8]], dtype=torch.float64)
    encoded = h = field.hidden.encoding(field.scaling(coords))
    for number, layer in enumerate(field.hidden.layers, start=1):
        h = torch.relu(F.linear(h, layer.weight, layer.bias))
        if number == 5:
            h = torch.cat([h, encoded], 1)
    torch.testing.assert_close(field(coords), field.readout(h), rtol=0, atol=0)


@pytest.mark.parametrize("spec", [PositionalMLP(depth=5), PositionalMLP(depth=8, skip=None), PositionalMLP(depth=2)])
def test_no_skip_where_no_layer_follows_or_none_is_wanted(spec: PositionalMLP) -> None:
    assert all(layer.in_features == 128 for layer in list(build(spec).hidden.layers)[1:])


def test_no_frequency_is_lost_in_single_precision() -> None:
    coords = torch.rand(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    single, double = (build(PositionalMLP(frequencies=10), dtype=d) for d in (torch.float32, torch.float64))
    difference = single.hidden.encoding(coords.float()) - double.hidden.encoding(coords.float().double())
    assert difference.abs().max() < 3e-4  # half a unit in the last place of an angle of 1600


def test_derivatives_pass_by_taylor_and_agree_with_nested_autograd() -> None:
    field = build(PositionalMLP(frequencies=3, width=16, depth=3, skip=2, activation="tanh"))
    coords = torch.rand(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    orders = [(), (0,), (1, 1), (0, 0, 1)]
    taylor, slow = jets(field, coords, orders), jets(field, coords, orders, derivatives="autograd")
    for order in orders:
        torch.testing.assert_close(taylor[order], slow[order], rtol=1e-9, atol=1e-9)


def test_the_activation_decides_how_smooth_it_is() -> None:
    assert PositionalMLP().smoothness == MLP(activation="relu").smoothness == 1
    assert PositionalMLP(activation="tanh").smoothness == math.inf


def test_all_parameters_have_the_learning_rate_of_the_spec() -> None:
    field = build(PositionalMLP())
    assert list(field.learning_rates().values()) == [PositionalMLP.learning_rate] * len(list(field.parameters()))
