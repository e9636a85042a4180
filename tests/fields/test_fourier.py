from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch

from pinnkit.fields import FourierMLP

X = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=4.0, dim=1)
Y = SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=1.0, dim=2)


def build(spec: FourierMLP, axes: Any = (X, Y), seed: int = 0) -> Any:
    return spec.build(axes, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, device="cpu")


def test_features_are_cosines_then_sines_of_two_pi_b_v() -> None:
    field = build(FourierMLP(features=5))
    frequencies = field.hidden[0].frequencies
    coords = torch.tensor([[1.0, 0.3, -0.8], [4.0, 1.0, 1.0]], dtype=torch.float64)
    v = torch.tensor([[-0.5, 0.3, -0.8], [1.0, 1.0, 1.0]], dtype=torch.float64)
    encoded = field.hidden[0](field.scaling(coords))
    assert encoded.shape == (2, 10)
    for point in range(2):
        for j in range(5):
            angle = 2 * math.pi * sum(frequencies[j, a].item() * v[point, a].item() for a in range(3))
            assert math.isclose(encoded[point, j].item(), math.cos(angle), abs_tol=1e-12)
            assert math.isclose(encoded[point, 5 + j].item(), math.sin(angle), abs_tol=1e-12)


def test_frequencies_are_normal_with_the_given_deviation_on_each_axis() -> None:
    frequencies = build(FourierMLP(features=4000, sigma=(2.0, 0.5))).hidden[0].frequencies
    deviations = frequencies.std(0) / torch.tensor([2.0, 0.5, 0.5])
    assert torch.all((deviations - 1).abs() < 0.05)
    assert torch.all(frequencies.mean(0).abs() < 0.12)
    kurtosis = (frequencies / frequencies.std(0)).pow(4).mean(0)
    assert torch.all((kurtosis - 3).abs() < 0.5)


def test_sigma_may_be_given_once_per_axis_or_per_column() -> None:
    once, per_axis, per_column = (
        build(FourierMLP(features=3, sigma=sigma)).hidden[0].frequencies for sigma in (1.0, (1.0, 2.0), (1.0, 2.0, 3.0))
    )
    torch.testing.assert_close(per_axis, once * torch.tensor([1.0, 2.0, 2.0]), check_dtype=False)
    torch.testing.assert_close(per_column, once * torch.tensor([1.0, 2.0, 3.0]), check_dtype=False)


def test_learned_frequencies_are_trained_and_fixed_ones_are_not() -> None:
    coords = torch.rand(10, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    fixed, learned = build(FourierMLP(features=4)), build(FourierMLP(features=4, learned=True))
    torch.testing.assert_close(learned(coords), fixed(coords), rtol=0, atol=0)
    assert "hidden.0.frequencies" in dict(fixed.named_buffers())
    assert "hidden.0.frequencies" in dict(learned.named_parameters())
    learned(coords).square().sum().backward()
    assert torch.all(learned.hidden[0].frequencies.grad != 0)


def test_a_fixed_encoding_survives_saving_and_loading_of_the_state() -> None:
    one, other = build(FourierMLP(features=4), seed=0), build(FourierMLP(features=4), seed=1)
    coords = torch.rand(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert not torch.equal(one(coords), other(coords))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(coords), other(coords))
