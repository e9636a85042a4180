"""Registered shapes: copies, pickles, dictionaries for files; a shape that implements the abstract members alone."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from pinnkit.domains import (
    SHAPES,
    Axis,
    Ball,
    Box,
    Cube,
    Domain,
    Parameters,
    PointSet,
    Product,
    Sampling,
    Shape,
    Sobol,
    Time,
    Uniform,
    domain_from_dict,
    domain_to_dict,
)
from pinnkit.domains.directions import spread


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Annulus(Shape):
    """An annulus about the origin, written as a newcomer would: no `sample_interior` of its own."""

    inner: float
    outer: float

    @property
    def axes(self) -> tuple[Axis, ...]:  # type: ignore[override]
        return Axis("x", -self.outer, self.outer), Axis("y", -self.outer, self.outer)

    @property
    def measure(self) -> float:
        return math.pi * (self.outer**2 - self.inner**2)

    @property
    def boundary_measure(self) -> float:
        return 2 * math.pi * (self.outer + self.inner)

    def signed_distance(self, coords: Tensor) -> Tensor:
        radius = torch.linalg.vector_norm(coords, dim=1)
        return torch.maximum(radius - self.outer, self.inner - radius)

    def sample_boundary(
        self, n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        unit, weight = spread(sampling, n, 2, extra, self.boundary_measure, generator)
        outside = unit[:, extra] * (self.outer + self.inner) < self.outer
        angle = 2 * math.pi * unit[:, extra + 1]
        outward = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
        radius = torch.where(outside, self.outer, self.inner).double()
        return radius[:, None] * outward, torch.where(outside, 1.0, -1.0)[:, None] * outward, unit[:, :extra], weight


EXAMPLES = {f"{e.name}, {name}": (e, name) for e in SHAPES for name in e.examples()}


@pytest.mark.parametrize(("entry", "name"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_registered_shapes_are_copied_pickled_and_hashed_by_value(entry, name: str) -> None:
    shape, again = entry.examples()[name], entry.examples()[name]
    product = shape * Time(0, 1) * Parameters(nu=(0.1, 0.2))
    for one, other in ((shape, again), (product, again * Time(0, 1) * Parameters(nu=(0.1, 0.2)))):
        for same in (other, copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert same == one
            assert hash(same) == hash(one)
        assert torch.equal(one.sample(9, seeded()).coords, other.sample(9, seeded()).coords)
    assert product != shape * Time(0, 2) * Parameters(nu=(0.1, 0.2))


DOMAINS: dict[str, Domain] = {
    "box": Box(x=(0, 1), y=(-1, 2)),
    "box in time, a vector axis, parameters": Box(x=Cube(0, 1, dim=3), t=(0, 2)) * Parameters(nu=(0.1, 1)),
    "ball": Ball(x=0.5, y=-1, radius=2),
    "ball in five dimensions": Ball(x=(0.25,) * 4, y=1.0) * Time(0, 2) * Parameters(k=Cube(0, 1, dim=2)),
}


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS.keys())
def test_domains_come_back_from_json(domain: Domain) -> None:
    assert domain_from_dict(json.loads(json.dumps(domain_to_dict(domain)))) == domain


def test_a_shape_of_a_script_is_saved_once_it_is_registered() -> None:
    with pytest.raises(ValueError, match=r"@SHAPES\.register"):
        domain_to_dict(Annulus(1, 2))
    SHAPES.register(examples=lambda: {"ring": Annulus(1, 2)})(Annulus)
    try:
        domain = Annulus(0.5, 2.0) * Time(0, 1)
        assert domain_from_dict(json.loads(json.dumps(domain_to_dict(domain)))) == domain
    finally:
        SHAPES._entries.pop("Annulus")


def test_what_no_file_holds_is_refused() -> None:
    region = next(iter(SHAPES["Region"].examples().values()))
    for domain in (region, region * Time(0, 1)):
        with pytest.raises(ValueError, match="holds a function"):
            domain_to_dict(domain)
    with pytest.raises(ValueError, match="got PointSet"):
        domain_to_dict(PointSet(x=0.5))
    with pytest.raises(ValueError, match="no shape 'Square'; there are"):
        domain_from_dict({"type": "Square", "arguments": {}, "factors": []})
    with pytest.raises(ValueError, match="centre `y`"):
        domain_from_dict({"type": "Ball", "arguments": {"radius": 1, "x": 0, "y": [[1]]}, "factors": []})
    with pytest.raises(ValueError, match="what domain_to_dict returned"):
        domain_from_dict({"type": "Ball", "arguments": {"radius": 1, "x": 0, "y": 0}, "factors": 1})


@pytest.mark.parametrize("sampling", [Sobol(), Uniform()], ids=["sobol", "uniform"])
def test_a_shape_needs_the_abstract_members_only(sampling: Sampling) -> None:
    ring = Annulus(1.0, 2.0) * Time(0, 3)
    n = 2**13
    points = ring.sample(n, seeded(), sampling=sampling)
    radius = torch.linalg.vector_norm(points.coords[:, :2], dim=1)
    assert ring.contains(points.coords).all()
    assert points.coords.shape == (n, 3)
    assert float(points.weight.sum()) == pytest.approx(ring.measure)
    mean = float(points.weight @ radius.square()) / ring.measure
    assert mean == pytest.approx(2.5, rel=0.02)  # (2^4 - 1) / 2 / (2^2 - 1)
    assert float(points.weight @ points.coords[:, 2]) / ring.measure == pytest.approx(1.5, rel=0.02)

    wall = ring.boundary.sample(n, seeded(), sampling=sampling)
    assert ring.boundary.measure == pytest.approx(18 * math.pi)
    torch.testing.assert_close(
        ring.signed_distance(wall.coords).abs().amax(), torch.tensor(0.0).double(), atol=1e-12, rtol=0
    )
    outward = (wall.normal * wall.coords[:, :2]).sum(dim=1)
    flux = float(wall.weight @ outward)  # divergence theorem: 2 times the measure
    assert flux == pytest.approx(2 * ring.measure, rel=0.02)

    start = ring.face(t=0).sample(64, seeded(), sampling=sampling)
    assert (start.coords[:, 2] == 0).all()
    assert float(start.weight.sum()) == pytest.approx(3 * math.pi)
    assert repr(ring.boundary) == "(Annulus(inner=1.0, outer=2.0) * Time(0, 3)).boundary"


def test_a_measure_that_is_wrong_is_noticed() -> None:
    @dataclass(frozen=True)
    class TooLarge(Annulus):
        @property
        def measure(self) -> float:
            return 1e3 * super().measure

    with pytest.raises(ValueError, match="points of the bounding box lie inside"):
        TooLarge(1.999, 2.0).sample(4096, seeded())


def test_products_are_shapes_times_axes() -> None:
    ball = Ball(x=0, y=0)
    assert ball * Time(0, 1) == Product(ball, Time(0, 1).axes)
    assert (ball * Time(0, 1)).boundary == (Ball(x=0.0, y=0.0) * Time(0, 1)).boundary
    assert (ball * Time(0, 1)).boundary != ball.boundary
    assert isinstance(ball, Shape)


def test_any_shape_has_one_wall_at_least() -> None:
    ring = Annulus(1.0, 2.0)
    (wall,) = ring.walls
    assert wall.name == "annulus"
    assert wall.is_whole
    assert wall == ring.boundary_of(ring) == ring.boundary_of(ring.boundary) == ring.boundary_of(wall)
    assert wall.measure == pytest.approx(6 * math.pi)
    assert torch.equal(wall.sample(9, seeded()).coords, ring.boundary.sample(9, seeded()).coords)
    with pytest.raises(ValueError, match="no part of the boundary lies on Annulus"):
        ring.boundary_of(Annulus(1.0, 3.0))
    with pytest.raises(ValueError, match="has no exact curves"):
        ring.corners  # noqa: B018
