"""Combinations of shapes: walls with names, coincident and touching walls, corners, holes, and what is refused."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Callable

import pytest
import torch

from pinnkit.domains import (
    Ball,
    Box,
    Cylinder,
    Difference,
    Disk,
    Ellipse,
    Halfspace,
    Intersection,
    Parameters,
    Polygon,
    Time,
    Triangle,
    Union,
    domain_from_dict,
    domain_to_dict,
    wall_curves,
)

pi = math.pi
square = Box(x=(0, 1), y=(0, 1))
hole = Disk(x=0.5, y=0.5, radius=0.2)
plate = square - hole
cube = Box(x=(0, 1), y=(0, 1), z=(0, 1))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def walls_are_sound(shape, names: set[str], boundary_measure: float, tolerance: float = 1e-9) -> None:
    """Named walls make up the boundary, with samples on the zero set and normals from inside to outside."""
    assert {wall.name for wall in shape.walls} == names
    assert math.fsum(wall.measure for wall in shape.walls) == pytest.approx(boundary_measure, rel=tolerance)
    for wall in (*shape.walls, shape.boundary):
        points = wall.sample(300, seeded())
        assert points.normal is not None
        assert float(shape.signed_distance(points.coords).abs().max()) < 1e-9
        torch.testing.assert_close(points.normal.norm(dim=1), torch.ones(300).double(), rtol=0, atol=1e-12)
        inner = shape.contains(points.coords - 1e-5 * points.normal).double().mean()
        outer = shape.contains(points.coords + 1e-5 * points.normal).double().mean()
        assert inner > 0.99 > 0.01 > outer


def test_a_plate_with_a_hole() -> None:
    walls_are_sound(plate, {"box x = 0", "box x = 1", "box y = 0", "box y = 1", "disk"}, 4 + 0.4 * pi)
    assert plate.measure == pytest.approx(1 - 0.04 * pi, rel=1e-12)
    (found,) = plate.holes
    assert (found.center, found.radius) == ((0.5, 0.5), 0.2)
    assert [corner.angle for corner in plate.corners] == pytest.approx([pi / 2] * 4)
    assert [len(loop) for loop in plate.loops] == [4, 1]
    assert plate.axes == square.axes


def test_walls_of_operands_by_value() -> None:
    again = Box(x=(0, 1), y=(0, 1)) - Disk(x=0.5, y=0.5, radius=0.2)
    wall = plate.boundary_of(Disk(x=0.5, y=0.5, radius=0.2))
    assert wall == again.boundary_of(hole)
    assert hash(wall) == hash(again.boundary_of(hole))
    assert wall.measure == pytest.approx(0.4 * pi)
    points = wall.sample(50, seeded())
    torch.testing.assert_close((points.coords - 0.5).norm(dim=1), torch.full((50,), 0.2).double())
    torch.testing.assert_close(points.normal, -(points.coords - 0.5) / 0.2)  # out of the plate is into the hole
    assert plate.boundary_of(square.face(x=0)).name == "box x = 0"
    assert plate.boundary_of(square).measure == pytest.approx(4)
    assert plate.boundary_of(square.boundary) == plate.boundary_of(square)
    assert plate.boundary_of(plate).is_whole
    assert plate.boundary_of(plate.boundary).is_whole
    assert plate.boundary_of(plate.walls[2]) == plate.walls[2]


def test_walls_in_nested_trees() -> None:
    slot = Box(x=(0.4, 0.6), y=(-1, 0.2)) | Disk(x=0.5, y=0.2, radius=0.1)
    part = (Triangle((0, 0), (1, 0), (0.5, 1.5)) - slot) | Disk(x=0.5, y=1.2, radius=0.05)
    base = Triangle((0, 0), (1, 0), (0.5, 1.5))
    assert part.boundary_of(base.side(0)).measure == pytest.approx(0.8)
    assert part.boundary_of(slot).measure == pytest.approx(0.2 * 2 + 0.1 * pi)
    assert part.boundary_of(slot.boundary_of(Disk(x=0.5, y=0.2, radius=0.1))).measure == pytest.approx(0.1 * pi)
    assert part.boundary_of(base.side(0)) == part.boundary_of((base * Time(0, 1)).boundary_of(base.side(0)))
    everything = {k for operand in (base, slot) for k in part.boundary_of(operand).pieces}
    assert everything == set(part.boundary_of(part).pieces)


def test_products_with_time_and_parameters_have_the_same_walls() -> None:
    domain = plate * Time(0, 2) * Parameters(k=(1, 4))
    wall = domain.boundary_of(hole)
    assert wall.measure == pytest.approx(0.4 * pi * 6)
    points = wall.sample(100, seeded())
    assert points.coords.shape == (100, 4)
    assert points.normal.shape == (100, 2)
    assert wall.axes == domain.axes
    later = wall.with_time(1, 3)
    assert later == (plate * Time(1, 3) * Parameters(k=(1, 4))).boundary_of(hole)
    assert [w.name for w in domain.walls] == [w.name for w in plate.walls]
    assert domain.boundary_of(hole * Time(0, 2)) == wall


COINCIDENT = {
    "boxes side by side": (square | Box(x=(1, 2), y=(0, 1)), 2.0, 6.0),
    "boxes side by side, one shorter": (square | Box(x=(1, 2), y=(0, 0.5)), 1.5, 6.0),
    "an L by difference": (square - Box(x=(0.5, 1), y=(0.5, 1)), 0.75, 4.0),
    "a box cut through": (square - Box(x=(0.4, 0.6), y=(0, 1)), 0.8, 5.6),
    "a quarter with the same corner": (square & Box(x=(0, 0.5), y=(0, 0.5)), 0.25, 2.0),
    "the same twice": (square | Box(x=(0, 1), y=(0, 1)), 1.0, 4.0),
    "half disks put together": (
        (Disk(x=0, y=0) & Halfspace(x=1, y=0)) | (Disk(x=0, y=0) & Halfspace(x=-1, y=0)),
        pi,
        2 * pi,
    ),
    "a disk on its own box": (Box(x=(-1, 1), y=(-1, 1)) - Disk(x=0, y=0), 4 - pi, 8 + 2 * pi),
    "disks that touch from outside": (Disk(x=-1, y=0) | Disk(x=1, y=0), 2 * pi, 4 * pi),
    "a disk that touches from inside": (Disk(x=0, y=0) - Disk(x=0.5, y=0, radius=0.5), 0.75 * pi, 3 * pi),
    "a stadium": (Box(x=(0, 2), y=(-1, 1)) | Disk(x=0, y=0) | Disk(x=2, y=0), 4 + pi, 4 + 2 * pi),
    "a polygon on a box": (square | Polygon([(0, 1), (1, 1), (0.5, 2)]), 1.5, 3 + 2 * math.hypot(0.5, 1)),
    "a turned box on a box": (
        square | Box(x=(0, 1), y=(0, 1)).rotated(pi / 2, about=(0.5, 0.5)).translated(x=1),
        2.0,
        6.0,
    ),
    "an ellipse and itself": (
        Ellipse(x=0, y=0, radii=(2, 1)) - (Ellipse(x=0, y=0, radii=(2, 1)) & Halfspace(x=-1, y=0)),
        pi,
        4.84422411027384 + 2,  # half of 4 a E(1 - b^2 / a^2), and the diameter across
    ),
}


@pytest.mark.parametrize(("shape", "area", "length"), COINCIDENT.values(), ids=COINCIDENT.keys())
def test_coincident_and_touching_walls(shape, area: float, length: float) -> None:
    assert shape.measure == pytest.approx(area, rel=1e-9)
    assert shape.boundary.measure == pytest.approx(length, rel=1e-9)
    points = shape.boundary.sample(500, seeded())
    assert float(shape.signed_distance(points.coords).abs().max()) < 1e-9
    flux = float(points.weight @ (points.normal * points.coords).sum(dim=1))
    assert flux / 2 == pytest.approx(area, abs=0.02 * length)
    x = torch.rand(4000, 2, generator=seeded(1), dtype=torch.float64) * 5 - 2
    assert torch.equal(shape.signed_distance(x) < 0, shape.inside(x))


def test_a_wall_inside_a_union_is_no_wall() -> None:
    pair = square | Box(x=(1, 2), y=(0, 1))
    middle = torch.tensor([[1.0, 0.5], [1.0, 0.25]], dtype=torch.float64)
    torch.testing.assert_close(pair.signed_distance(middle), torch.tensor([-0.5, -0.25]).double())
    assert not any(wall.name.endswith("x = 1") and "1 x" in wall.name for wall in pair.walls)
    assert all(corner.angle == pytest.approx(pi / 2) for corner in pair.corners)
    assert len(pair.corners) == 4
    assert len(pair.outline.junctions) == 6  # two where one box ends and the other begins


def test_a_shared_side_belongs_to_both_operands() -> None:
    low, other = square, Box(x=(0, 1), y=(0, 2))
    both = low | other
    assert both.boundary_of(low).measure == pytest.approx(3.0)
    assert both.boundary_of(other).measure == pytest.approx(6.0)
    assert math.fsum(wall.measure for wall in both.walls) == pytest.approx(6.0)


def test_corners_have_their_angles() -> None:
    bite = square - Disk(x=1, y=1, radius=0.5)
    angles = sorted(corner.angle for corner in bite.corners)
    assert angles == pytest.approx([pi / 2] * 5)
    lens = Disk(x=0, y=0) & Disk(x=1, y=0)
    assert [corner.angle for corner in lens.corners] == pytest.approx([2 * pi / 3] * 2)
    two = Disk(x=0, y=0) | Disk(x=1, y=0)
    assert [corner.angle for corner in two.corners] == pytest.approx([4 * pi / 3] * 2)
    for shape in (bite, lens, two, plate):
        for corner in shape.corners:
            at, inward = torch.tensor([corner.at, corner.bisector], dtype=torch.float64).split(1)
            assert float(inward.norm()) == pytest.approx(1)
            assert bool(shape.contains(at + 1e-3 * inward).all())
            assert float(shape.signed_distance(at).abs()) < 1e-12
    cusp = Disk(x=0, y=0) - Disk(x=0.5, y=0, radius=0.5)
    assert sorted(corner.angle for corner in cusp.corners) == [0.0, 0.0]
    assert len(cusp.holes) == 0  # the removed disk is connected with the outside


def test_holes_of_any_form() -> None:
    ring = Box(x=(0, 4), y=(0, 4)) - (Box(x=(1, 3), y=(1, 2)) - Disk(x=2, y=1.5, radius=0.2))
    (found,) = ring.holes
    assert not bool(ring.contains(torch.tensor([found.center], dtype=torch.float64)))
    assert found.radius == pytest.approx(0.4038518, rel=0.01)  # beside the island, away from a short side
    assert len(ring.loops) == 3
    turned = Box(x=(0, 4), y=(0, 4)) - Ellipse(x=2, y=2, radii=(1, 0.5), angle=1.0)
    assert turned.holes[0].center == (2.0, 2.0)
    assert turned.holes[0].radius == 0.5


def test_walls_in_space() -> None:
    bore = Cylinder(x=0.5, y=0.5, z=(-1, 2), radius=0.2)
    block = cube - bore
    names = {f"box {a} = {b}" for a in "xyz" for b in (0, 1)} | {"cylinder side"}
    walls_are_sound(block, names, 6 - 0.08 * pi + 0.4 * pi, tolerance=1e-3)
    assert block.measure == pytest.approx(1 - 0.04 * pi, rel=1e-3)
    assert block.boundary_of(bore).measure == pytest.approx(0.4 * pi, rel=1e-3)
    assert block.boundary_of(cube.face(z=1)).measure == pytest.approx(1 - 0.04 * pi, rel=1e-3)
    assert block.boundary_of(bore.walls[1]) == block.boundary_of(bore)
    cavity = cube - Ball(x=0.5, y=0.5, z=0.5, radius=0.3)
    assert cavity.measure == pytest.approx(1 - 4 / 3 * pi * 0.027, rel=1e-12)  # whole sides are exact
    steps = cube | Box(x=(1, 2), y=(0, 1), z=(0, 0.5))
    assert steps.measure == pytest.approx(1.5, rel=1e-3)
    assert steps.boundary.measure == pytest.approx(6 + 4 - 1, rel=1e-3)
    cut = Ball(x=0, y=0, z=0) & Halfspace(x=0, y=0, z=1)
    assert cut.measure == pytest.approx(2 / 3 * pi, rel=1e-3)
    assert cut.boundary_of(Halfspace(x=0, y=0, z=1)).measure == pytest.approx(pi, rel=1e-3)


def test_intervals_of_a_line() -> None:
    rod = Box(x=(0, 1)) - Box(x=(0.4, 0.6))
    assert rod.measure == pytest.approx(0.8)
    points = rod.boundary.sample(4, seeded())
    assert points.coords[:, 0].tolist() == [0.0, 0.4, 0.6, 1.0]
    assert points.normal[:, 0].tolist() == [-1.0, 1.0, -1.0, 1.0]
    assert rod.boundary.measure == 4
    x = torch.tensor([[0.1], [0.5], [0.7], [1.5]], dtype=torch.float64)
    torch.testing.assert_close(rod.signed_distance(x), torch.tensor([-0.1, 0.1, -0.1, 0.5]).double())
    assert rod.boundary_of(Box(x=(0.4, 0.6))).measure == 2


def test_halfspaces_cut() -> None:
    half = Disk(x=0, y=0) & Halfspace(x=1, y=1, at_most=0.0)
    assert half.measure == pytest.approx(pi / 2)
    assert half.boundary_of(Halfspace(x=1, y=1, at_most=0.0)).measure == pytest.approx(2)
    assert (Disk(x=0, y=0) - Halfspace(x=1, y=0, at_most=0.5)).measure == pytest.approx(pi / 3 - math.sqrt(3) / 4)
    turned = Disk(x=1, y=0) & Halfspace(x=1, y=0, at_most=1).rotated(pi / 2, about=(1, 0))
    assert turned.boundary.sample(64, seeded()).coords[:, 1].max() < 1e-12


def test_moved_combinations_have_moved_operands() -> None:
    moved = plate.rotated(0.3, about=(0.5, 0.5)).scaled(2).translated(y=1)
    assert moved.measure == pytest.approx(4 * plate.measure)
    again = hole.rotated(0.3, about=(0.5, 0.5)).scaled(2).translated(y=1)
    assert moved.boundary_of(again).measure == pytest.approx(0.8 * pi)


def test_combinations_are_equal_by_value_and_survive_files() -> None:
    shapes = (
        plate,
        (square | Triangle((1, 0), (2, 0), (1, 1))) & Halfspace(x=1, y=1, at_most=1.5),
        cube - Cylinder(x=0.5, y=0.5, z=(-1, 2), radius=0.2).rotated(0.3, "x", about=(0.5, 0.5, 0.5)),
    )
    for shape in shapes:
        for domain in (shape, shape * Time(0, 1)):
            made = domain_from_dict(json.loads(json.dumps(domain_to_dict(domain))))
            for same in (made, copy.deepcopy(domain), pickle.loads(pickle.dumps(domain))):
                assert same == domain
                assert hash(same) == hash(domain)
                assert same.boundary == domain.boundary
    assert Union(square, hole) != Intersection(square, hole)
    assert Difference(square, hole) == plate


BAD = {
    "nothing in common": (lambda: square & Disk(x=5, y=5), "Intersection: the result has no interior"),
    "nothing left": (lambda: hole - square, "Difference: the result has no interior"),
    "touching only": (lambda: square & Box(x=(1, 2), y=(0, 1)), "Intersection: the result has no interior"),
    "nothing in common in space": (lambda: cube & Ball(x=5, y=5, z=5), "Intersection: the result has no interior"),
    "nothing left in space": (lambda: Ball(x=0.5, y=0.5, z=0.5, radius=0.1) - cube, "has no interior"),
    "other axes": (lambda: square - Disk(x=0.5, z=0.5), r"same order, got \('x', 'y'\) and \('x', 'z'\)"),
    "axes turned round": (lambda: square - Disk(y=0.5, x=0.5), r"got \('x', 'y'\) and \('y', 'x'\)"),
    "time in an operand": (lambda: Box(x=(0, 1), t=(0, 1)) | Box(x=(0, 1), t=(0, 1)), "multiply by Time or Parameters"),
    "an endless union": (lambda: square | Halfspace(x=1, y=0), "the result is not bounded"),
    "two halfspaces": (lambda: Halfspace(x=1, y=0) & Halfspace(x=0, y=1), "the result is not bounded"),
    "four dimensions": (lambda: Ball(x=0, y=0, z=0, w=0) - Ball(x=1, y=0, z=0, w=0), "have one to three axes, got 4"),
    "a vector axis": (lambda: Ball(x=(0, 0)) | Ball(x=(1, 1)), "`x` has 2 columns"),
    "a wall of another disk": (
        lambda: plate.boundary_of(Disk(x=0.5, y=0.5, radius=0.3)),
        r"no part of the boundary lies on Ball\(x=0.5, y=0.5, radius=0.3\); give one of Box.*Ball\(x=0.5",
    ),
    "a wall that was cut off": (
        lambda: (square - Box(x=(-1, 0.5), y=(-1, 2))).boundary_of(square.face(x=0)),
        "no part of the boundary lies on Faces",
    ),
    "a side too many": (lambda: Triangle((0, 0), (1, 0), (0, 1)).side(3), "whole number from 0 to 2, got 3"),
    "an outline in space": (lambda: (cube - Ball(x=0, y=0, z=0)).corners, "has no outline"),
    "an outline of a region": (lambda: Box(x=(0, 1)).outline, "has no outline"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused_in_one_line(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_what_is_no_shape_is_refused() -> None:
    with pytest.raises(TypeError, match=r"before it is multiplied by Time"):
        square | (hole * Time(0, 1))  # type: ignore[operator]
    with pytest.raises(TypeError, match="shapes of one to three dimensions and boxes combine, got 3"):
        square - 3  # type: ignore[operator]


def test_boxes_and_products_of_the_plane_have_outlines() -> None:
    for domain in (square, square * Time(0, 1), Box(t=(0, 1), x=(0, 1), y=(0, 1))):
        assert [corner.angle for corner in domain.corners] == pytest.approx([pi / 2] * 4)
        assert domain.holes == ()
        assert [wall.measure for wall in domain.walls] == pytest.approx([1.0] * 4)
        for wall in domain.walls:
            (curve,) = wall_curves(wall)
            points = wall.sample(16, seeded())
            space = [k for k, name in enumerate(domain.columns) if name != "t"]
            assert float(curve.height(points.coords[:, space], torch.zeros(16)).abs().max()) < 1e-12
            torch.testing.assert_close(points.normal, curve.normal(torch.zeros(16).double()))
    timed = plate * Time(0, 1)
    assert timed.corners == plate.corners
    assert timed.holes == plate.holes
    assert wall_curves(timed.boundary_of(hole)) == plate.holes[0].curves
    assert len(wall_curves(plate.boundary)) == 5
    with pytest.raises(ValueError, match="must be a wall of a domain in the plane"):
        wall_curves((square * Time(0, 1)).face(t=0))


@pytest.mark.parametrize("offset", [1e-6, 1e-8, 1e-12, 1e-14, 0.0, -1e-14, -1e-12, -1e-8, -1e-6])
def test_walls_that_nearly_touch_or_coincide(offset: float) -> None:
    bite = Disk(x=0, y=0) - Disk(x=0.5 + offset, y=0, radius=0.5)
    assert bite.measure == pytest.approx(0.75 * pi, abs=1e-6)
    assert len(bite.holes) == (1 if offset < -1e-9 else 0)
    pair = Disk(x=0, y=0) | Disk(x=2 + offset, y=0)
    assert pair.measure == pytest.approx(2 * pi, abs=1e-6)
    near = square - Disk(x=0.5, y=0.2 + offset, radius=0.2)
    assert near.measure == pytest.approx(1 - 0.04 * pi, abs=1e-6)
    assert len(near.holes) == (1 if offset > 1e-9 else 0)
    boxes = square | Box(x=(1 + offset, 2), y=(0, 0.5))
    assert boxes.measure == pytest.approx(1.5, abs=2e-6)
    assert len(boxes.loops) == (2 if offset > 1e-9 else 1)
    for shape in (bite, pair, near, boxes):
        points = shape.boundary.sample(200, seeded())
        assert float(shape.signed_distance(points.coords).abs().max()) < 1e-9
