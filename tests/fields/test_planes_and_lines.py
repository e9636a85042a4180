"""Planes and lines, and the fields of radiance: exact where something exact is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pinnkit import LBFGS, Adam, Box, Data, Problem, Siren, solve
from pinnkit.fields import (
    Multilinear,
    PlanesAndLines,
    RadiancePlanes,
    Smoothstep,
    ViewMLP,
    Voxels,
    spec_from_dict,
    spec_to_dict,
)
from pinnkit.fields.encodings.embedding_lookup import weighted_rows
from pinnkit.fields.radiance.view_direction import harmonics


@dataclass(frozen=True)
class Axis:
    lower: float
    upper: float
    dim: int = 1
    name: str = "x"
    periodic: bool = False


PLACE = (Axis(0.0, 2.0), Axis(-1.0, 1.0), Axis(3.0, 4.0))
SEEN = (*PLACE, Axis(-1.0, 1.0, dim=3))
LOWER, UPPER = torch.tensor([0.0, -1.0, 3.0]), torch.tensor([2.0, 1.0, 4.0])


def build(spec: Any, axes: tuple[Axis, ...] = PLACE, outputs: int = 1, seed: int = 0, **how: Any) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return spec.build(axes, outputs, **{"generator": generator, "dtype": torch.float64, "device": "cpu", **how})


def places(n: int, seed: int = 1) -> Tensor:
    unit = torch.rand(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return LOWER + (UPPER - LOWER) * unit


def seen(n: int, seed: int = 2) -> Tensor:
    direction = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.cat([places(n), direction / direction.norm(dim=1, keepdim=True)], 1)


# sums of rows ---------------------------------------------------------------------------------------------------
def rows_slowly(table: Tensor, base: Tensor, offsets: tuple[int, ...], weight: Tensor) -> Tensor:
    return sum(table[base.long() + o] * weight[:, k : k + 1] for k, o in enumerate(offsets))


def rows_case(n: int = 40) -> tuple[Tensor, Tensor, tuple[int, ...], Tensor]:
    g = torch.Generator().manual_seed(0)
    table = torch.randn(30, 3, generator=g, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(n, 3, generator=g, dtype=torch.float64, requires_grad=True)
    return table, torch.randint(0, 23, (n,), generator=g, dtype=torch.int32), (0, 1, 6), weight


def test_sums_of_rows_and_their_gradients_are_those_of_plain_indexing() -> None:
    table, base, offsets, weight = rows_case()
    fast, slow = weighted_rows(table, base, offsets, weight), rows_slowly(table, base, offsets, weight)
    torch.testing.assert_close(fast, slow, rtol=1e-13, atol=1e-13)
    factor = torch.randn(fast.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad((fast * factor).sum(), (table, weight)),
        torch.autograd.grad((slow * factor).sum(), (table, weight)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_sums_of_rows_may_be_differentiated_twice() -> None:
    table, base, offsets, weight = rows_case(6)
    assert torch.autograd.gradcheck(lambda t, w: weighted_rows(t, base, offsets, w), (table, weight))
    assert torch.autograd.gradgradcheck(lambda t, w: weighted_rows(t, base, offsets, w), (table, weight))


def test_no_points_give_no_rows() -> None:
    table, _, offsets, _ = rows_case()
    none = torch.zeros(0, dtype=torch.int32)
    assert weighted_rows(table, none, offsets, torch.zeros(0, 3, dtype=torch.float64)).shape == (0, 3)


# planes and lines -----------------------------------------------------------------------------------------------
def test_a_sum_of_products_is_recovered_from_its_values_at_the_nodes() -> None:
    nodes = 6
    ticks = [torch.linspace(float(a.lower), float(a.upper), nodes, dtype=torch.float64) for a in PLACE]
    x, y, z = (c.reshape(-1) for c in torch.meshgrid(*ticks, indexing="ij"))
    spec = PlanesAndLines(nodes, components=2, depth=0)
    truth = build(spec, seed=5)
    with torch.no_grad():
        for p in truth.parameters():
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()), dtype=torch.float64))
        u = truth(torch.stack([x, y, z], 1))[:, 0]
    box = Box(x=(0, 2), y=(-1, 1), z=(3, 4))
    problem = Problem("tensor", box, "u", [Data({"x": x, "y": y, "z": z}, u=u)])
    found = solve(problem, spec, [Adam(steps=150, lr=0.05), LBFGS(steps=150)], seed=0)
    error = torch.as_tensor(found(x=x, y=y, z=z)["u"]) - u
    assert float(error.norm() / u.norm()) < 1e-3


@pytest.mark.parametrize("blend", [Multilinear(), Smoothstep()])
def test_values_at_the_nodes_are_products_of_entries(blend: Any) -> None:
    module = build(PlanesAndLines((3, 4, 5), components=2, interpolation=blend, depth=0))
    node = LOWER + (UPPER - LOWER) * torch.tensor([1 / 2, 2 / 3, 3 / 4])
    planes, lines = module.encoding.planes, module.encoding.lines
    expected = torch.cat(
        [
            planes[0].view(3, 4, 2)[1, 2] * lines[0][3],
            planes[1].view(3, 5, 2)[1, 3] * lines[1][2],
            planes[2].view(4, 5, 2)[2, 3] * lines[2][1],
        ]
    )
    torch.testing.assert_close(module.trunk(node[None].double())[0], expected, rtol=1e-6, atol=1e-7)


def test_a_finer_field_that_starts_from_a_coarse_one_is_the_same_function() -> None:
    coarse, fine = (build(PlanesAndLines(r, components=3), seed=r) for r in (5, 9))  # every second node is shared
    points = places(50)
    assert not torch.allclose(coarse(points), fine(points))
    fine.start_from(coarse)
    torch.testing.assert_close(coarse(points), fine(points), rtol=1e-12, atol=1e-12)


def test_many_points_are_evaluated_in_pieces_with_the_same_values() -> None:
    module, points = build(PlanesAndLines(6)), places(9000)
    torch.testing.assert_close(module(points)[-5:], module(points[-5:]), rtol=1e-12, atol=1e-12)


def test_the_number_of_values_is_that_of_planes_and_lines() -> None:
    module = build(PlanesAndLines((4, 5, 6), components=3))
    assert sum(p.numel() for p in module.encoding.parameters()) == 3 * (20 + 24 + 30 + 15)
    rates = module.learning_rates()
    assert set(rates) == set(module.parameters())
    assert rates[module.encoding.planes[0]] > rates[module.readout.weight]


# fields of radiance ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("spec", [RadiancePlanes(8, components=4, width=16), ViewMLP(width=16, depth=3), Voxels(6)])
def test_the_first_output_is_the_same_from_everywhere(spec: Any) -> None:
    module, coords = build(spec, SEEN, 4), seen(30)
    assert module(coords).shape == (30, 4)
    other = torch.cat([coords[:, :3], -coords[:, 3:]], 1)
    torch.testing.assert_close(module(coords)[:, 0], module(other)[:, 0], rtol=0, atol=0)
    changed = (module(coords)[:, 1:] - module(other)[:, 1:]).abs().amax()
    assert (changed == 0) if isinstance(spec, Voxels) else (changed > 1e-4)


@pytest.mark.parametrize("spec", [RadiancePlanes(8, components=4), ViewMLP(width=16, skip=None), Voxels((4, 5, 6))])
def test_a_radiance_field_comes_back_from_a_dictionary(spec: Any) -> None:
    again = spec_from_dict(spec_to_dict(spec))
    assert again == spec
    one, other = build(spec, SEEN, 4).state_dict(), build(again, SEEN, 4).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("spec", [RadiancePlanes(8, components=4), ViewMLP(width=16)])
def test_radiance_fields_are_evaluated_in_pieces_with_the_same_values(spec: Any) -> None:
    module, coords = build(spec, SEEN, 4), seen(9000)
    torch.testing.assert_close(module(coords)[-3:], module(coords[-3:]), rtol=1e-10, atol=1e-12)


def test_harmonics_are_orthonormal_on_the_sphere() -> None:
    n = 20_000
    z = torch.linspace(-1 + 1 / n, 1 - 1 / n, n, dtype=torch.float64)
    angle = math.pi * (1 + math.sqrt(5)) * torch.arange(n, dtype=torch.float64)
    flat = torch.sqrt(1 - z * z)
    values = harmonics(torch.stack([flat * torch.cos(angle), flat * torch.sin(angle), z], 1))
    gram = 4 * math.pi / n * values.T @ values
    torch.testing.assert_close(gram, torch.eye(9, dtype=torch.float64), rtol=0, atol=1e-3)


def test_voxels_reproduce_what_is_linear_in_each_coordinate() -> None:
    module, fine = build(Voxels(3)), build(Voxels((5, 4, 6)))
    ticks = [torch.linspace(-1, 1, 3, dtype=torch.float64)] * 3
    v = torch.cartesian_prod(*ticks)
    with torch.no_grad():
        module.table.copy_((1 + v[:, 0] - 2 * v[:, 1] * v[:, 2])[:, None])
    points = places(20)
    s = module.scaling(points)
    expected = 1 + s[:, 0] - 2 * s[:, 1] * s[:, 2]
    torch.testing.assert_close(module(points)[:, 0], expected, rtol=1e-12, atol=1e-12)
    fine.start_from(module)
    torch.testing.assert_close(fine(points)[:, 0], expected, rtol=1e-12, atol=1e-12)


def test_radiance_planes_start_from_coarser_ones_and_ignore_voxels() -> None:
    coarse = build(RadiancePlanes(5, components=3, width=8), SEEN, 4)
    fine = build(RadiancePlanes(9, components=3, width=8), SEEN, 4, seed=1)
    before = fine(seen(9))
    fine.start_from(build(Voxels(4), SEEN, 4))
    assert torch.equal(fine(seen(9)), before)
    fine.start_from(coarse)
    torch.testing.assert_close(fine(seen(9)), coarse(seen(9)), rtol=1e-10, atol=1e-12)


BAD: list[tuple[Any, str]] = [
    (lambda: PlanesAndLines(1), "`resolution` must be at least 2 nodes"),
    (lambda: PlanesAndLines((4, 4)), "one number or three"),
    (lambda: PlanesAndLines(components=0), "`components`"),
    (lambda: PlanesAndLines(depth=-1), "`depth`"),
    (lambda: PlanesAndLines(activation="step"), "`activation`"),
    (lambda: PlanesAndLines(interpolation="linear"), "`interpolation`"),
    (lambda: build(PlanesAndLines(), PLACE[:2]), "three coordinate columns"),
    (lambda: build(RadiancePlanes(), PLACE, 4), "a place of three columns and then a direction"),
    (lambda: build(RadiancePlanes(), SEEN, 1), "at least 2"),
    (lambda: build(ViewMLP(), PLACE, 4), "a place of three columns and then a direction"),
    (lambda: build(Voxels(), PLACE[:2]), "three coordinate columns"),
    (lambda: Voxels(start=-1.0), "`start`"),
    (lambda: build(PlanesAndLines(4)).start_from(nn.Linear(3, 1)), "can start from PlanesAndLines only"),
    (lambda: build(PlanesAndLines(4)).start_from(build(PlanesAndLines(4, components=2))), "as many components"),
    (lambda: build(PlanesAndLines(4)).start_from(build(PlanesAndLines(4, width=8))), "same width"),
    (lambda: build(Voxels(4)).start_from(build(Siren())), "Voxels of as many outputs"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=[words for _, words in BAD])
def test_what_does_not_fit_is_refused_in_words(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        call()
