"""Partitions of domains: measures, shared boundaries with their normals, and refusals with the place."""

import math
import pickle

import numpy as np
import pytest
import torch

from pinnkit.domains import Ball, Box, Disk, Operand, Parameters, Part, Polygon, Time
from pinnkit.domains.pieces.components import components
from pinnkit.domains.pieces.partition import Partition, nearest_piece, partition_of
from pinnkit.domains.pieces.refinement import Cut
from pinnkit.domains.pieces.restricted import Restricted
from pinnkit.domains.protocols import Domain

SQUARE = Box(x=(0, 1), y=(0, 1))
DISK = Disk(x=0.5, y=0.5, radius=0.25)


def cut(*shapes: Operand, covers: bool = False) -> Cut:
    return Cut(shapes, covers, "here")


def sample(part: Part, n: int = 500) -> torch.Tensor:
    return part.sample(n, torch.Generator().manual_seed(5)).coords


def check(partition: Partition, whole: float) -> None:
    """Measures add up, every point has one owner, shared walls lie on both pieces with normals from first to second."""
    assert math.fsum(p.domain.measure for p in partition) == pytest.approx(whole, rel=1e-3)
    for piece in partition:
        assert bool((partition.owner(sample(piece.domain)) == piece.number - 1).double().mean() > 0.999)
    for shared in partition.shared:
        points = shared.part.sample(200, torch.Generator().manual_seed(1))
        assert points.normal is not None
        assert points.weight is not None
        assert float(points.weight.sum()) == pytest.approx(shared.part.measure)
        first, second = (partition[k - 1].domain for k in (shared.first, shared.second))
        d = points.normal.shape[1]
        for domain in (first, second):
            assert float(domain.signed_distance(points.coords).abs().max()) < 1e-7
        moved = points.coords.clone()
        moved[:, :d] += 1e-5 * points.normal
        assert bool((first.signed_distance(moved) > 0).double().mean() > 0.97)
        assert bool((second.signed_distance(moved) < 0).double().mean() > 0.97)
    assert pickle.loads(pickle.dumps(partition)) == partition


def test_a_domain_without_cuts_is_one_piece() -> None:
    partition = partition_of(SQUARE, [])
    assert len(partition) == 1
    assert partition[0].domain == SQUARE
    assert partition.shared == ()


@pytest.mark.parametrize(
    ("domain", "cuts", "count", "walls"),
    [
        (SQUARE, [cut(DISK)], 2, [(1, 2, math.pi / 2)]),
        (Box(x=(0, 1), t=(0, 2)), [cut(Box(x=(0, 0.3)), Box(x=(0.3, 1)), covers=True)], 2, [(1, 2, 2.0)]),
        (Box(x=(0, 1)), [cut(Box(x=(0.3, 0.6)))], 3, [(1, 2, 1.0), (1, 3, 1.0)]),
        (SQUARE, [cut(Box(x=(0, 1), y=(0.4, 0.6)))], 3, [(1, 2, 1.0), (1, 3, 1.0)]),
        (SQUARE * Parameters(nu=(1, 3)), [cut(DISK)], 2, [(1, 2, math.pi)]),
        (Disk(x=0, y=0) * Time(0, 1), [cut(Disk(x=0, y=0, radius=0.5))], 2, [(1, 2, math.pi)]),
        (Box(x=(0, 1), y=(0, 1), z=(0, 1)), [cut(Ball(x=0.5, y=0.5, z=0.5, radius=0.3))], 2, [(1, 2, 0.36 * math.pi)]),
    ],
)
def test_pieces_and_their_shared_boundaries(
    domain: Domain, cuts: list[Cut], count: int, walls: list[tuple[int, int, float]]
) -> None:
    partition = partition_of(domain, cuts)
    assert len(partition) == count
    check(partition, domain.measure)
    found = [(s.first, s.second, s.part.measure) for s in partition.shared]
    assert [w[:2] for w in found] == [w[:2] for w in walls]
    assert [w[2] for w in found] == pytest.approx([w[2] for w in walls], rel=2e-3)


def test_a_wall_that_borders_two_pieces_is_shared_with_each_as_far_as_it_reaches() -> None:
    left, low = Box(x=(0, 0.5), y=(0, 1)), Box(x=(0.5, 1), y=(0, 0.25))
    partition = partition_of(SQUARE, [cut(left, low)])
    check(partition, 1.0)
    lengths = {(s.first, s.second): s.part.measure for s in partition.shared}
    assert lengths[1, 2] == pytest.approx(0.25, rel=2e-2)
    assert lengths[1, 3] == pytest.approx(0.75, rel=2e-2)
    assert lengths[2, 3] == pytest.approx(0.5, rel=2e-2)
    assert partition.neighbours(1) == (2, 3)
    assert isinstance(partition.shared[0].part, Restricted)


@pytest.mark.parametrize("seed", range(6))
def test_random_disks_and_triangles_divide_a_square(seed: int) -> None:
    rng = np.random.default_rng(seed)
    disk = Disk(x=float(rng.uniform(0.1, 0.4)), y=float(rng.uniform(0.2, 0.8)), radius=float(rng.uniform(0.1, 0.3)))
    corners = rng.uniform(-0.1, 0.1, (3, 2)) + np.array([[0.75, 0.2], [0.9, 0.5], [0.8, 0.8]])
    triangle = Polygon(corners.tolist())
    partition = partition_of(SQUARE, [cut(disk, triangle)])
    check(partition, 1.0)
    assert len(partition) == 3


def test_the_second_of_two_equal_cuts_changes_nothing() -> None:
    once, twice = (partition_of(SQUARE, [cut(DISK)] * n) for n in (1, 2))
    assert once == twice


@pytest.mark.parametrize(
    ("cuts", "words"),
    [
        ([cut(DISK, Disk(x=0.6, y=0.5, radius=0.25))], r"overlap at x = 0\.\d+, y = 0\.\d+; subtract one"),
        ([cut(DISK, covers=True)], r"there is a gap at x = .*, y = .*; add a shape or 'elsewhere'"),
        ([cut(Disk(x=3, y=0, radius=0.5))], "lies outside the domain .*; move it inside"),
        ([cut(Disk(x=0, z=0, radius=0.5))], r"has the axes \('x', 'z'\), the space of the domain has \('x', 'y'\)"),
    ],
)
def test_cuts_that_do_not_fit_are_refused_with_the_place(cuts: list[Cut], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        partition_of(SQUARE, cuts)


def test_time_before_space_is_refused_with_the_repair() -> None:
    with pytest.raises(ValueError, match="the axes of space must come first"):
        partition_of(Box(t=(0, 1), x=(0, 1)), [cut(Box(x=(0, 0.5)))])


def test_components_are_divided_where_their_boxes_are_apart() -> None:
    two = Disk(x=0, y=0, radius=0.5) | Disk(x=3, y=0, radius=1)
    found = components(two)
    assert sorted(c.measure for c in found) == pytest.approx([math.pi / 4, math.pi])  # type: ignore[attr-defined]
    ring = SQUARE - (Disk(x=0.5, y=0.5, radius=0.3) - Disk(x=0.5, y=0.5, radius=0.2))
    assert components(ring) == (ring,)


def test_a_point_on_a_shared_boundary_belongs_to_the_first_piece() -> None:
    pieces = [p.domain for p in partition_of(SQUARE, [cut(DISK)])]
    angle = torch.linspace(0, 6, 50, dtype=torch.float64)
    circle = torch.stack([0.5 + 0.25 * angle.cos(), 0.5 + 0.25 * angle.sin()], dim=1)
    assert bool((nearest_piece(pieces, circle) == 0).all())


def test_a_restricted_part_keeps_its_measure_and_refuses_nothing() -> None:
    half = Restricted(SQUARE.boundary, Box(x=(0, 1), y=(0, 0.5)))
    assert half.measure == pytest.approx(2.0, rel=2e-2)
    points = half.sample(101, torch.Generator().manual_seed(0))
    assert points.coords.shape[0] == 101
    assert float(points.coords[:, 1].max()) <= 0.5 + 1e-9
    with pytest.raises(ValueError, match=r"no part of .* lies in"):
        Restricted(SQUARE.face(y=1), Box(x=(0, 1), y=(0, 0.5)))
