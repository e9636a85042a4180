"""Polynomials in time, step by step: values and derivatives against NumPy, the end of the steps, files, refusals."""

import json

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev

from pinnkit.domains import Axis, Role
from pinnkit.fields import PiecewisePolynomial, PiecewisePolynomialField, spec_from_dict, spec_to_dict
from pinnkit.jets import Operator, jets

AXES = (Axis("t", -1.0, 3.0, Role.TIME),)
KNOTS = np.array([-1.0, -0.5, 1.5, 3.0])


def filled(steps: int = 3, degree: int = 6, outputs: int = 2) -> PiecewisePolynomialField:
    generator = torch.Generator().manual_seed(1)
    spec = PiecewisePolynomial(steps=steps, degree=degree)
    field = spec.build(AXES, outputs, generator=generator, dtype=torch.float64, device="cpu")
    knots = KNOTS if steps == 3 else np.linspace(-1, 3, steps + 1)
    field.times.copy_(torch.from_numpy(knots))
    field.coefficients.copy_(torch.randn(field.coefficients.shape, generator=generator, dtype=torch.float64))
    return field


def times(n: int = 60) -> torch.Tensor:
    return -1 + 4 * torch.rand(n, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def by_numpy(field: PiecewisePolynomialField, at: np.ndarray, order: int) -> np.ndarray:
    knots, a = field.times.numpy(), field.coefficients.numpy()
    out = np.empty((len(at), a.shape[2]))
    for i, t in enumerate(at):
        k = min(int(np.searchsorted(knots, t, side="right")) - 1, len(a) - 1)
        size = knots[k + 1] - knots[k]
        part = chebyshev.chebder(a[k], order, scl=2 / size) if order else a[k]
        out[i] = chebyshev.chebval(2 * (t - knots[k]) / size - 1, part)
    return out


@pytest.mark.parametrize("order", [0, 1, 2, 5, 7])
@pytest.mark.parametrize("steps", [3, 1500])
def test_values_and_derivatives_are_those_of_the_polynomials(steps: int, order: int) -> None:
    field = filled(steps)
    found = field.derivative(times(), (0,) * order).numpy()
    true = by_numpy(field, times()[:, 0].numpy(), order)
    assert np.allclose(found, true, rtol=1e-9, atol=1e-9 * max(np.abs(true).max(), 1))


def test_taylor_channels_equal_nested_automatic_differentiation() -> None:
    orders = [(), (0,), (0, 0), (0, 0, 0), Operator(((2.0, (0, 0)), (-1.0, (0,))))]
    closed = jets(filled(), times(), orders)
    nested = jets(filled(), times(), orders, derivatives="autograd")
    for order in orders:
        assert torch.allclose(closed[order], nested[order], rtol=1e-10, atol=1e-10), order


def test_the_last_state_is_kept_beyond_the_last_step() -> None:
    field = filled()
    field.times.mul_(0.5)  # the steps end at t = 1.5, half of them before the end of the axis
    late = torch.tensor([[1.5], [1.6], [3.0]], dtype=torch.float64)
    assert torch.allclose(field(late), field.coefficients[-1].sum(dim=0).expand(3, 2), atol=1e-12)
    rates = field.derivative(late, (0,))
    assert bool((rates[1:] == 0).all())
    assert bool((rates[0] != 0).all())
    asked = late.requires_grad_()
    (slope,) = torch.autograd.grad(field(asked).sum(), asked)
    assert bool((slope[1:] == 0).all())


def test_the_spec_goes_through_a_file() -> None:
    spec = PiecewisePolynomial(steps=4, degree=13)
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(spec)))) == spec
    assert "4 steps" in repr(spec)


@pytest.mark.parametrize(("arguments", "match"), [((0, 3), "`steps`"), ((2, -1), "`degree`"), ((True, 3), "`steps`")])
def test_wrong_numbers_are_refused(arguments: tuple[int, int], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        PiecewisePolynomial(*arguments)


def test_more_than_one_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="time as its only axis"):
        PiecewisePolynomial(2, 3).build(
            (*AXES, Axis("x", 0.0, 1.0)), 1, generator=torch.Generator(), dtype=torch.float64, device="cpu"
        )
