from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit.fields import RandomFourier

X = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=3.0, dim=1)
Y = SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=0.0, dim=1)
T = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=8.0, dim=1)
AXES = (X, Y, T)
ORDERS = [order for k in range(5) for order in itertools.combinations_with_replacement(range(3), k)]


def build(features: int = 6, bandwidth: Any = (3.0, 1.0, 5.0), axes: Any = AXES, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    spec = RandomFourier(features, bandwidth)
    return spec.build(axes, 2, generator=generator, dtype=torch.float64, device="cpu")


def points(n: int = 5) -> Tensor:
    unit = torch.rand(n, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.tensor([0.0, -1.0, 0.0]) + torch.tensor([3.0, 1.0, 8.0]) * unit


def by_autograd(module: Any, coords: Tensor, order: tuple[int, ...]) -> Tensor:
    coords = coords.clone().requires_grad_()
    columns = []
    for j in range(module.readout.in_features):
        derivative = module.trunk(coords)[:, j]
        for column in order:
            derivative = torch.autograd.grad(derivative.sum(), coords, create_graph=True)[0][:, column]
        columns.append(derivative.detach())
    return torch.stack(columns, 1)


def test_features_in_closed_form_are_the_derivatives_of_the_trunk_to_order_four() -> None:
    module, coords = build(), points()
    derivatives = module.features(coords, ORDERS)
    assert list(derivatives) == ORDERS
    assert len(ORDERS) == 35
    for order in ORDERS:
        expected = by_autograd(module, coords, order)
        assert derivatives[order].shape == (5, 6)
        assert expected.abs().max() > 0
        torch.testing.assert_close(derivatives[order], expected, rtol=1e-11, atol=1e-12 * expected.abs().max().item())


def test_a_single_feature_is_the_sine_of_its_formula() -> None:
    module = build(features=1, bandwidth=2.0, axes=(X,))
    w, b = module.frequencies.item(), module.phases.item()
    coords = torch.tensor([[0.6]], dtype=torch.float64)
    scaled = (0.6 - 1.5) / 1.5
    assert math.isclose(module.trunk(coords).item(), math.sin(w * scaled + b), abs_tol=1e-14)
    second = module.features(coords, [(0, 0)])[0, 0].item()
    assert math.isclose(second, -((w / 1.5) ** 2) * math.sin(w * scaled + b), abs_tol=1e-13)


def test_an_order_means_the_same_in_any_sequence_of_its_columns() -> None:
    module, coords = build(), points()
    mixed = module.features(coords, [(0, 2), (2, 0)])
    assert torch.equal(mixed[0, 2], mixed[2, 0])


def test_frequencies_fill_the_band_of_each_axis_and_phases_the_circle() -> None:
    module = build(features=5000)
    band = module.frequencies / torch.tensor([3.0, 1.0, 5.0])
    assert torch.all(band.abs() <= 1)
    assert torch.all(band.abs().amax(0) > 0.99)
    assert torch.all((band.square().mean(0) - 1 / 3).abs() < 0.02)
    assert 0 <= module.phases.min() < 0.01
    assert 2 * math.pi - 0.01 < module.phases.max() <= 2 * math.pi


def test_the_same_seed_draws_frequencies_in_proportion_to_the_bandwidth() -> None:
    narrow, wide = build(bandwidth=2.0), build(bandwidth=6.0)
    torch.testing.assert_close(wide.frequencies, 3 * narrow.frequencies)
    assert torch.equal(wide.phases, narrow.phases)


def test_bandwidth_may_be_given_per_axis_or_per_column() -> None:
    vector = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=1.0, dim=2)
    per_axis = build(bandwidth=(1.0, 4.0), axes=(X, vector))
    per_column = build(bandwidth=(1.0, 4.0, 4.0), axes=(X, vector))
    assert torch.equal(per_axis.frequencies, per_column.frequencies)


def test_the_field_is_zero_until_solved_for_and_only_the_read_out_is_a_parameter() -> None:
    module, coords = build(), points()
    assert torch.all(module(coords) == 0)
    assert [name for name, _ in module.named_parameters()] == ["readout.weight"]


def test_column_j_of_the_features_goes_with_coefficient_j() -> None:
    module, coords = build(), points()
    with torch.no_grad():
        module.readout.weight.copy_(torch.arange(12.0).view(2, 6))
    torch.testing.assert_close(module(coords), module.features(coords, [()])[()] @ module.readout.weight.T)


def test_least_squares_on_the_features_solves_a_boundary_value_problem() -> None:
    """-u'' = sin x on (0, 3) with u = sin x at the ends: the read-out that satisfies it is u = sin x to ten digits."""
    module = build(features=60, bandwidth=4.0, axes=(X,))
    inside = (1.5 - 1.5 * torch.cos(torch.linspace(0, math.pi, 200, dtype=torch.float64)))[:, None]
    ends = torch.tensor([[0.0], [3.0]], dtype=torch.float64)
    rows = torch.cat([-module.features(inside, [(0, 0)])[0, 0], 10 * module.features(ends, [()])[()]])
    right = torch.cat([torch.sin(inside), 10 * torch.sin(ends)])
    solution = torch.linalg.lstsq(rows, right, rcond=1e-14, driver="gelsd").solution
    found = module.features(inside, [()])[()] @ solution
    assert (found - torch.sin(inside)).abs().max() < 1e-10


@pytest.mark.parametrize("order", [(3,), (-1,), (0, 7)])
def test_a_column_that_does_not_exist_is_refused(order: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`orders` must name columns 0 to 2, got .*; columns count"):
        build().features(points(), [(), order])
