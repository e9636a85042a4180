"""Random combinations and polygons with holes: inside, measures, walls and distances against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnkit.domains import Polygon, bounds
from pinnkit.domains.combination import combine, leaves_of
from tests.domains.shapes.random_shapes import random_polygon_with_holes, random_tree

SETTINGS = settings(derandomize=True, deadline=None, max_examples=25, database=None)
seeds = st.integers(0, 2**31)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def check_tree(seed: int, dim: int, leaves: int, points: int) -> None:
    """Hold a random combination against the boolean combination of its primitives."""
    shape = random_tree(seed, dim, leaves)
    lower, upper = bounds(shape.axes)
    x = lower + (upper - lower) * torch.rand(points, dim, generator=seeded(seed % 1000), dtype=torch.float64)
    expected = combine(shape, [leaf.signed_distance(x) < 0 for leaf in leaves_of(shape)])
    assert torch.equal(shape.contains(x), expected)
    assert torch.equal(shape.signed_distance(x) < 0, expected)
    volume = float((upper - lower).prod())
    share = float(expected.double().mean())
    deviation = math.sqrt(max(share * (1 - share), 1 / points) / points)
    assert abs(shape.measure / volume - share) < 6 * deviation + 1e-3 * share
    wall = shape.boundary.sample(256, seeded())
    assert float(shape.signed_distance(wall.coords).abs().max()) < 1e-9
    torch.testing.assert_close(wall.normal.norm(dim=1), torch.ones(256).double(), rtol=0, atol=1e-12)
    step = 1e-6
    assert float(shape.contains(wall.coords - step * wall.normal).double().mean()) > 0.98
    assert float(shape.contains(wall.coords + step * wall.normal).double().mean()) < 0.02
    inside = shape.sample(256, seeded())
    assert bool(shape.contains(inside.coords).all())
    assert float(inside.weight.sum()) == pytest.approx(shape.measure)
    assert math.fsum(w.measure for w in shape.walls) == pytest.approx(shape.boundary.measure)
    if dim == 2:
        dense = shape.boundary.sample(2**13, seeded()).coords
        nearest = torch.cdist(x[:200], dense).amin(dim=1)
        exact = shape.signed_distance(x[:200]).abs()
        assert bool((exact <= nearest + 1e-9).all())
        assert float((nearest - exact).max()) < 0.02


@SETTINGS
@given(seed=seeds, leaves=st.integers(2, 5))
def test_random_combinations_of_the_line(seed: int, leaves: int) -> None:
    check_tree(seed, 1, leaves, 4000)


@settings(SETTINGS, max_examples=12)
@given(seed=seeds, leaves=st.integers(2, 5))
def test_random_combinations_of_the_plane(seed: int, leaves: int) -> None:
    check_tree(seed, 2, leaves, 2000)


@settings(SETTINGS, max_examples=5)
@given(seed=seeds, leaves=st.integers(2, 4))
def test_random_combinations_of_space(seed: int, leaves: int) -> None:
    check_tree(seed, 3, leaves, 10_000)


@pytest.mark.slow
@settings(SETTINGS, max_examples=400)
@given(seed=seeds, leaves=st.integers(2, 8))
def test_many_random_combinations_of_the_plane(seed: int, leaves: int) -> None:
    check_tree(seed, 2, leaves, 4000)


@pytest.mark.slow
@settings(SETTINGS, max_examples=60)
@given(seed=seeds, leaves=st.integers(2, 5))
def test_many_random_combinations_of_space(seed: int, leaves: int) -> None:
    check_tree(seed, 3, leaves, 40_000)


@pytest.mark.parametrize("seed", range(8))
def test_random_polygons_with_holes(seed: int) -> None:
    made = random_polygon_with_holes(seed, holes=3 + seed % 3, corners=5 + seed % 6)
    shape = made.shape
    expected = made.outer.measure - math.fsum(hole.measure for hole in made.holes)
    assert shape.measure == pytest.approx(expected, rel=1e-12)
    assert len(shape.holes) == len(made.holes) == 3 + seed % 3
    for hole in shape.holes:
        center = torch.tensor([hole.center], dtype=torch.float64)
        assert float(shape.signed_distance(center)) == pytest.approx(hole.radius, rel=1e-6)
    outer = [corner for corner in shape.corners if corner.walls[0].startswith("polygon side")]
    vertices = {(round(x, 9), round(y, 9)) for x, y in made.outer.vertices}
    assert vertices <= {(round(c.at[0], 9), round(c.at[1], 9)) for c in shape.corners}
    turning = math.fsum(math.pi - c.angle for c in made.outer.corners)
    assert turning == pytest.approx(2 * math.pi)
    assert outer or any(isinstance(hole, Polygon) for hole in made.holes)
    for hole in made.holes:
        assert shape.boundary_of(hole).measure == pytest.approx(hole.boundary.measure, rel=1e-9)
    sides = [shape.boundary_of(made.outer.side(k)) for k in range(len(made.outer.vertices))]
    assert math.fsum(side.measure for side in sides) == pytest.approx(made.outer.boundary.measure, rel=1e-12)
    pieces = [k for part in (*sides, *map(shape.boundary_of, made.holes)) for k in part.pieces]
    assert sorted(pieces) == list(range(len(shape.piece_names)))  # every piece once


def test_polygons_of_many_sides_stay_quick_and_right() -> None:
    angles = np.linspace(0, 2 * math.pi, 1500, endpoint=False)
    radii = 1 + 0.2 * np.cos(5 * angles)
    flower = Polygon(np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1))
    x = torch.rand(2000, 2, generator=seeded(), dtype=torch.float64) * 3 - 1.5
    angle = torch.atan2(x[:, 1], x[:, 0])
    clear = (x.norm(dim=1) - (1 + 0.2 * torch.cos(5 * angle))).abs() > 1e-4
    assert torch.equal((flower.signed_distance(x) < 0)[clear], (x.norm(dim=1) < 1 + 0.2 * torch.cos(5 * angle))[clear])
    assert flower.measure == pytest.approx(math.pi * (1 + 0.02), rel=1e-4)
