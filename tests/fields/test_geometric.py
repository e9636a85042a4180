from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pinnkit.fields import GeometricMLP
from pinnkit.jets import jets


def box(*bounds: tuple[float, float]) -> list[Any]:
    return [SimpleNamespace(name="x", periodic=False, lower=float(a), upper=float(b), dim=1) for a, b in bounds]


CUBE = box((-1, 1), (-1, 1), (-1, 1))
PLATE = box((0, 10), (-3, 3))


def build(spec: GeometricMLP, axes: list[Any] = CUBE, seed: int = 0) -> Any:
    return spec.build(axes, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, device="cpu")


def points(axes: list[Any], n: int = 1000) -> torch.Tensor:
    unit = torch.rand(n, len(axes), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    lower, upper = (torch.tensor([getattr(a, end) for a in axes]) for end in ("lower", "upper"))
    return lower + (upper - lower) * unit


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "spec",
    [
        GeometricMLP(),
        GeometricMLP(width=256, depth=8, radius=0.4),
        GeometricMLP(width=128, depth=3, skip=0),
        GeometricMLP(beta=20),
    ],
    ids=repr,
)
@pytest.mark.parametrize("axes", [CUBE, PLATE], ids=["cube", "plate"])
def test_it_begins_as_the_distance_of_a_sphere(axes: Any, spec: GeometricMLP, seed: int) -> None:
    """|x - c| - R nearly: a gradient of length 1 that points outward, a zero set near the sphere."""
    centre = torch.tensor([(a.lower + a.upper) / 2 for a in axes])
    size = min(a.upper - a.lower for a in axes) / 2
    radius = spec.radius * size
    field, x = build(spec, axes, seed), points(axes).requires_grad_()
    value = field(x)[:, 0]
    (gradient,) = torch.autograd.grad(value.sum(), x)
    from_centre = x.detach() - centre
    distance = from_centre.norm(dim=1)
    assert (value - (distance - radius)).abs().mean() < 0.3 * size
    assert gradient.norm(dim=1).mean().item() == pytest.approx(1, abs=0.05)
    assert ((gradient * from_centre).sum(1) / distance).mean() > 0.85
    wall = centre + radius * torch.nn.functional.normalize(from_centre, dim=1)
    assert abs(field(wall).mean().item()) < 0.02 * size
    assert field(wall).abs().max() < 0.35 * size
    assert (field(centre + 0.1 * (wall - centre)) < 0).all()
    assert (field(centre + 2.4 * (wall - centre)) > 0).all()


def test_it_approaches_the_distance_as_it_grows_wide() -> None:
    def error(width: int) -> float:
        x, errors = points(CUBE), []
        for seed in range(4):
            value = build(GeometricMLP(width=width, depth=2, beta=1000.0), seed=seed)(x)[:, 0]
            errors.append((value - (x.norm(dim=1) - 0.5)).square().mean().sqrt().item())
        return sum(errors) / 4

    assert error(1024) < 0.4 * error(64)


def test_weights_follow_the_published_formulas() -> None:
    field = build(GeometricMLP(width=200, depth=4, radius=0.7))
    first, second, third, fourth = field.hidden.layers
    assert [layer.out_features for layer in field.hidden.layers] == [200, 197, 200, 200]  # the skip follows layer 2
    assert [layer.in_features for layer in field.hidden.layers] == [3, 200, 200, 200]
    for layer in (first, second, third, fourth):
        assert layer.weight.square().mean().item() == pytest.approx(2 / layer.out_features, rel=0.15)
        assert torch.all(layer.bias == 0)
    assert field.readout.weight.mean().item() == pytest.approx(math.sqrt(math.pi / 200), rel=0.3)  # measured upon it
    assert 0 < field.readout.weight.std().item() < 2e-5
    assert field.readout.bias.item() == pytest.approx(-0.7, abs=0.2)


def test_layers_keep_lengths_on_average() -> None:
    """A quarter of the variance would be lost at every layer if half of the units were not counted."""
    x = torch.nn.functional.normalize(points(CUBE, 50) + 0.01, dim=1)
    grown = []
    for seed in range(20):
        hidden = build(GeometricMLP(width=128, depth=3, beta=1000.0, skip=1), seed=seed).hidden(x)
        grown.append(hidden.square().sum(1).mean().item())
    assert sum(grown) / 20 == pytest.approx(1, abs=0.12)


def test_the_input_enters_again_where_it_should() -> None:
    field, x = build(GeometricMLP(width=9, depth=3, skip=2, beta=4.0)), points(CUBE, 5)

    def softplus(z: torch.Tensor) -> torch.Tensor:
        return torch.log1p(torch.exp(4.0 * z)) / 4.0

    one, two, three = field.hidden.layers
    hidden = softplus(two(softplus(one(x))))
    hidden = softplus(three(torch.cat([hidden, x], 1) / math.sqrt(2)))
    torch.testing.assert_close(field(x), field.readout(hidden), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("skip", [0, 2])
def test_jets_are_those_of_nested_differentiation(skip: int) -> None:
    field, x = build(GeometricMLP(width=12, depth=3, beta=5.0, skip=skip)), points(CUBE, 6)
    orders = [(), (0,), (2,), (0, 1), (1, 1), (0, 0, 1)]
    taylor, nested = jets(field, x, orders), jets(field, x, orders, derivatives="autograd")
    for order in orders:
        torch.testing.assert_close(taylor[order], nested[order], rtol=1e-9, atol=1e-9)


def test_several_outputs_begin_as_the_same_distance() -> None:
    spec = GeometricMLP(width=64, depth=2)
    field = spec.build(CUBE, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, device="cpu")
    values = field(points(CUBE, 20))
    torch.testing.assert_close(values, values[:, :1].expand(-1, 3), rtol=0, atol=1e-3)
