"""Marched fields: values and derivatives in closed form against automatic differentiation, files, refusals."""

import json
import math

import pytest
import torch

from pinnkit.domains import Axis, Role
from pinnkit.fields import EvolvedModes, EvolvedModesField, spec_from_dict, spec_to_dict
from pinnkit.fields.evolved_modes import Piece
from pinnkit.fields.modes import chebyshev_modes, fourier_modes, mapped
from pinnkit.jets import Operator, jets

AXES = (Axis("x", -1.0, 3.0), Axis("t", 0.0, 2.0, Role.TIME))
SPECS = {
    "fourier": EvolvedModes(time=1, pieces=(Piece(2, 4, 9, 1, -1), Piece(1, 4, 5, 1, -1))),
    "chebyshev": EvolvedModes(time=1, pieces=(Piece(2, 5, 12, 0, 0), Piece(2, 5, 8, 0, 1))),
}
MAPS = {0: [0.0, 1.0], 1: [0.0, 0.4, 0.6 / math.asinh(1 / 0.3), 0.0, 0.3]}


def filled(name: str, outputs: int = 2) -> EvolvedModesField:
    generator = torch.Generator().manual_seed(1)
    field = SPECS[name].build(AXES, outputs, generator=generator, dtype=torch.float64, device="cpu")
    begins = torch.linspace(0, 2, len(field.spec.pieces) + 1).tolist()
    for i, piece in enumerate(field.spec.pieces):
        for key in ("powers", "waves", "rates"):
            buffer = getattr(field, f"{key}_{i}")
            buffer.copy_(torch.randn(buffer.shape, generator=generator, dtype=torch.float64))
        getattr(field, f"times_{i}").copy_(torch.linspace(begins[i], begins[i + 1], piece.steps + 1))
        if not piece.fourier:
            getattr(field, f"map_{i}").copy_(torch.tensor(MAPS[piece.sites], dtype=torch.float64))
    return field


def points(n: int = 40) -> torch.Tensor:
    unit = torch.rand(n, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return unit * torch.tensor([4.0, 2.0], dtype=torch.float64) + torch.tensor([-1.0, 0.0], dtype=torch.float64)


@pytest.mark.parametrize("name", SPECS)
def test_taylor_channels_equal_nested_automatic_differentiation(name: str) -> None:
    orders = [(), (0,), (1,), (0, 0), (0, 1), (1, 1), (0, 0, 0), (0, 0, 1), Operator(((2.0, (0, 0)), (-1.0, (1,))))]
    closed = jets(filled(name), points(), orders)
    nested = jets(filled(name), points(), orders, derivatives="autograd")
    for order in orders:
        assert torch.allclose(closed[order], nested[order], rtol=1e-10, atol=1e-10), order


@pytest.mark.parametrize("name", SPECS)
def test_derivatives_are_limits_of_differences(name: str) -> None:
    field, coords = filled(name), points()
    inside = (coords[:, 1] - torch.tensor([[0.0, 0.5, 1.0, 1.5, 2.0]]).T).abs().amin(0) > 1e-3
    coords = coords[inside]
    for column, order in ((0, (0,)), (1, (1,)), (0, (0, 0)), (1, (0, 1))):
        step = torch.zeros(2, dtype=torch.float64)
        step[column] = 1e-5
        lower = order[:-1] if order[-1] == column else order[1:]
        ends = [field.derivative(coords + sign * step, lower) for sign in (1, -1)]
        exact = field.derivative(coords, order)
        assert torch.allclose((ends[0] - ends[1]) / 2e-5, exact, rtol=1e-4, atol=1e-4 * float(exact.abs().max()))


@pytest.mark.parametrize("name", SPECS)
def test_grids_and_scattered_points_agree(name: str) -> None:
    field = filled(name)
    x, t = torch.linspace(-1, 3, 11, dtype=torch.float64), torch.linspace(0, 2, 9, dtype=torch.float64)
    grid = torch.cartesian_prod(x, t)
    one_by_one = torch.cat([field(row[None]) for row in grid])
    assert torch.allclose(field(grid), one_by_one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SPECS)
def test_the_last_state_stands_still_where_the_march_was_ended_early(name: str) -> None:
    field = filled(name)
    knots = getattr(field, f"times_{len(field.spec.pieces) - 1}")
    knots.copy_(torch.linspace(float(knots[0]), 1.5, len(knots)))
    at, later = points().clone(), points().clone()
    at[:, 1], later[:, 1] = 1.5, torch.linspace(1.6, 2.0, 40, dtype=torch.float64)
    for order in ((), (0,), (0, 0)):
        assert torch.allclose(field.derivative(later, order), field.derivative(at, order), rtol=1e-12, atol=1e-12)
    for order in ((1,), (0, 1)):
        assert not field.derivative(later, order).any()
        assert field.derivative(at, order).abs().max() > 0.1


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_and_its_state_come_back_from_plain_data(name: str) -> None:
    field = filled(name)
    spec = spec_from_dict(json.loads(json.dumps(spec_to_dict(field.spec))))
    assert spec == field.spec
    again = spec.build(AXES, 2, generator=torch.Generator(), dtype=torch.float64, device="cpu")
    again.load_state_dict(field.state_dict())
    assert torch.equal(again(points()), field(points()))


def test_a_cast_to_single_precision_keeps_the_imaginary_parts() -> None:
    field = filled("fourier")
    exact = field(points())
    single = field.to(torch.float32)(points().float())
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), exact, atol=1e-4)


def test_modes_are_what_they_say() -> None:
    s = torch.linspace(-1, 1, 7, dtype=torch.float64)
    assert torch.allclose(fourier_modes(s, 4, 2)[:, 3], -9 * math.pi**2 * torch.exp(3j * math.pi * (s + 1)))
    plain = chebyshev_modes(mapped(s, torch.tensor([0.0, 1.0], dtype=torch.float64), 1), 6, 1)
    assert torch.allclose(plain[:, 3], 12 * s**2 - 3)
    stretched = mapped(torch.tensor([-1.0, 1.0], dtype=torch.float64), torch.tensor(MAPS[1], dtype=torch.float64), 0)[0]
    assert torch.allclose(stretched, torch.tensor([-1.0, 1.0], dtype=torch.float64))


def test_very_many_fourier_modes_are_products_of_few() -> None:
    s = torch.linspace(-1, 1, 9, dtype=torch.float64)[1:-1]
    few, many = fourier_modes(s, 1024, 1), fourier_modes(s, 1500, 1)
    assert many.shape == (7, 1500)
    scale = math.pi * 1500
    assert (many[:, :1024] - few).abs().max() < 1e-11 * scale
    last = torch.polar(torch.ones_like(s), torch.remainder(1499 * (s + 1), 2.0) * math.pi) * (1499j * math.pi)
    assert (many[:, -1] - last).abs().max() < 1e-11 * scale


def test_shapes_that_no_march_makes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one piece"):
        EvolvedModes(time=1, pieces=())
    with pytest.raises(ValueError, match="one space axis and time"):
        SPECS["fourier"].build(AXES[:1], 1, generator=torch.Generator(), dtype=torch.float64, device="cpu")
