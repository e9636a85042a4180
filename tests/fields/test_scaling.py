from __future__ import annotations

from types import SimpleNamespace

import torch

from pinnkit.fields import Scaling


def axis(lower: float, upper: float, dim: int = 1) -> SimpleNamespace:
    return SimpleNamespace(name="x", periodic=False, lower=lower, upper=upper, dim=dim)


def test_bounds_go_to_minus_one_and_one_and_the_middle_to_zero() -> None:
    scaling = Scaling([axis(0, 100), axis(-3, -1)])
    coords = torch.tensor([[0.0, -3.0], [100.0, -1.0], [50.0, -2.0]], dtype=torch.float64)
    assert scaling(coords).tolist() == [[-1, -1], [1, 1], [0, 0]]


def test_a_vector_axis_scales_each_of_its_columns_alike() -> None:
    scaling = Scaling([axis(0, 4, dim=3), axis(0, 1)])
    coords = torch.tensor([[1.0, 2.0, 3.0, 0.25]], dtype=torch.float64)
    assert scaling(coords).tolist() == [[-0.5, 0, 0.5, -0.5]]


def test_a_short_axis_far_from_zero_keeps_its_digits() -> None:
    scaling = Scaling([axis(1e6, 1e6 + 1)])
    coords = torch.tensor([[1e6 + 0.625]], dtype=torch.float64)
    assert scaling(coords).item() == 0.25


def test_the_rate_is_the_derivative() -> None:
    scaling = Scaling([axis(0, 8), axis(-1, 1, dim=2)])
    jacobian = torch.autograd.functional.jacobian(scaling, torch.zeros(1, 3, dtype=torch.float64))
    torch.testing.assert_close(torch.diagonal(jacobian[0, :, 0]), scaling.rate)
    assert scaling.rate.tolist() == [0.25, 1, 1]


def test_the_bounds_are_buffers_and_not_trained() -> None:
    scaling = Scaling([axis(0, 8)])
    assert not list(scaling.parameters())
    assert sorted(scaling.state_dict()) == ["center", "rate"]
