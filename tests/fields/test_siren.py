from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pinnkit.fields import Siren

PLANE = [SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=1.0, dim=1)] * 2


def build(spec: Siren, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return spec.build(PLANE, 1, generator=generator, dtype=torch.float64, device="cpu")


def assert_uniform(values: torch.Tensor, bound: float) -> None:
    """Inside the bound, nearly reaching it, with the mean and variance of U(-bound, bound)."""
    values = values.detach() / bound
    n = values.numel()
    assert values.abs().max() <= 1
    assert values.abs().max() > 1 - 20 / n
    assert abs(values.mean().item()) < 4 * (1 / 3 / n) ** 0.5
    assert abs(values.square().mean().item() - 1 / 3) < 4 * (4 / 45 / n) ** 0.5


@pytest.mark.parametrize("omega", [30.0, (10.0, 20.0, 40.0)])
def test_weights_follow_the_published_initialisation(omega: Any) -> None:
    siren = build(Siren(width=256, depth=3, omega=omega))
    first, second, third = siren.hidden
    omegas = omega if isinstance(omega, tuple) else (omega,) * 3
    assert_uniform(first.linear.weight, 1 / 2)
    assert_uniform(second.linear.weight, math.sqrt(6 / 256) / omegas[1])
    assert_uniform(third.linear.weight, math.sqrt(6 / 256) / omegas[2])
    assert_uniform(siren.readout.weight, math.sqrt(6 / 256) / omegas[2])
    assert_uniform(first.linear.bias, 1 / math.sqrt(2))
    assert_uniform(second.linear.bias, 1 / 16)


@pytest.mark.parametrize("omega", [4.0, 30.0])
def test_sines_see_unit_variance_and_return_the_arcsine_law_at_every_depth(omega: float) -> None:
    """Theorem 1.8 of the paper's supplement: omega W h ~ N(0, 1), so that sin of it is nearly arcsine distributed."""
    siren = build(Siren(width=512, depth=5, omega=omega))
    hidden = siren.scaling(2 * torch.rand(500, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1)
    for depth, layer in enumerate(siren.hidden):
        if depth:
            angles = layer.omega * torch.nn.functional.linear(hidden, layer.linear.weight)
            # The arcsine law needs a first layer that spans whole periods, which omega = 30 gives.
            assert abs(angles.var().item() - 1) < (0.15 if omega == 30 else 0.35)
        hidden = layer(hidden)
        if omega == 30:
            assert abs(hidden.square().mean().item() - 0.5) < 0.08


def test_omega_acts_inside_the_sine_on_weight_and_bias() -> None:
    siren = build(Siren(width=5, depth=1, omega=7.0))
    coords = torch.rand(4, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    linear = siren.hidden[0].linear
    expected = torch.sin(7.0 * (coords @ linear.weight.T + linear.bias))
    torch.testing.assert_close(siren.trunk(coords), expected)


def test_omega_per_layer_may_be_given_in_three_ways() -> None:
    assert Siren(depth=3, omega=5).omegas == (5.0, 5.0, 5.0)
    assert Siren(depth=3, omega=5, first_omega=30).omegas == (30.0, 5.0, 5.0)
    assert Siren(depth=3, omega=[1, 2, 3]).omegas == (1.0, 2.0, 3.0)  # type: ignore[arg-type]
    assert [layer.omega for layer in build(Siren(depth=3, omega=(1, 2, 3))).hidden] == [1, 2, 3]


def test_depth_counts_the_sine_layers_and_width_their_units() -> None:
    siren = build(Siren(width=9, depth=4))
    assert len(siren.hidden) == 4
    assert siren.trunk(torch.zeros(3, 2, dtype=torch.float64)).shape == (3, 9)
    assert sum(p.numel() for p in siren.parameters()) == (2 * 9 + 9) + 3 * (9 * 9 + 9) + (9 + 1)


def test_every_weight_is_trained() -> None:
    siren = build(Siren(width=6, depth=3))
    siren(torch.rand(10, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).square().sum().backward()
    assert all(torch.any(parameter.grad != 0) for parameter in siren.parameters())


def test_a_first_factor_for_each_axis_draws_waves_as_long_along_all_of_them() -> None:
    axes = [SimpleNamespace(name="x", periodic=False, lower=0.0, upper=upper, dim=1) for upper in (600.0, 100.0)]
    given = dict(generator=torch.Generator().manual_seed(0), dtype=torch.float64, device="cpu")
    field = Siren(width=400, depth=2, first_omega=(60.0, 10.0)).build(axes, 3, **given)
    first = field.hidden[0]
    assert Siren(depth=2, first_omega=[60, 10]).omegas == (60.0, 10.0)  # type: ignore[arg-type]
    assert first.omega == 60
    per_unit = first.omega * first.linear.weight * field.scaling.rate
    spread = per_unit.std(0)
    assert spread[0].item() == pytest.approx(spread[1].item(), rel=0.1)
    with pytest.raises(ValueError, match="`first_omega` must be one number or a tuple of 2"):
        Siren(first_omega=(1.0, 2.0, 3.0)).build(axes, 3, **given)
