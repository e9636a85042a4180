"""Shapes with names of their own: measures, walls, uniform samples, motions, copies and files."""

from __future__ import annotations

import copy
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from scipy.special import ellipe
from scipy.stats import chi2

from pinnkit.domains import (
    Ball,
    Box,
    Capsule,
    Cone,
    Cylinder,
    Disk,
    Ellipse,
    Halfspace,
    Parameters,
    Polygon,
    Shape,
    Time,
    Torus,
    Triangle,
    Uniform,
    bounds,
    domain_from_dict,
    domain_to_dict,
)

pi = math.pi


@dataclass(frozen=True)
class Case:
    """A shape, and its measures by hand."""

    make: Callable[[], Shape]
    measure: float
    boundary_measure: float


CASES = {
    "disk": Case(lambda: Disk(x=1, y=-0.5, radius=2), 4 * pi, 4 * pi),
    "ellipse": Case(
        lambda: Ellipse(x=0.5, y=-1, radii=(2, 0.5), angle=0.4), pi, 4 * 2 * float(ellipe(1 - (0.5 / 2) ** 2))
    ),
    "triangle": Case(lambda: Triangle((0, 0), (3, 0), (0, 4)), 6.0, 12.0),
    "L": Case(lambda: Polygon([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]), 3.0, 8.0),
    "clockwise square": Case(lambda: Polygon([(0, 0), (0, 1), (1, 1), (1, 0)], ("r", "s")), 1.0, 4.0),
    "turned box": Case(lambda: Box(x=(0, 1), y=(0, 2)).rotated(0.3, about=(0.5, 0.5)), 2.0, 6.0),
    "cylinder": Case(lambda: Cylinder(x=0, y=(0, 2), z=0.5, radius=0.5), pi / 2, 2.5 * pi),
    "cone": Case(lambda: Cone(x=1, y=0, z=(0, 2), radius=0.5), pi / 6, pi / 4 + pi / 2 * math.hypot(0.5, 2)),
    "blunt cone": Case(
        lambda: Cone(x=(2, 0), y=0, z=1, radius=0.5, top=0.25),
        pi * 2 / 3 * (0.25 + 0.125 + 0.0625),
        pi * 0.3125 + pi * 0.75 * math.hypot(0.25, 2),
    ),
    "capsule": Case(lambda: Capsule(x=(0, 1), y=0, z=0, radius=0.25), pi / 16 + pi / 48, pi / 2 + pi / 4),
    "torus": Case(lambda: Torus(x=0, y=0, z=0, radius=1, tube=0.3, axis="x"), 2 * pi**2 * 0.09, 4 * pi**2 * 0.3),
    "turned cylinder": Case(
        lambda: Cylinder(x=0, y=0, z=(0, 2), radius=0.5).rotated(0.7, (1, 2, 0)).scaled(2).translated(z=1),
        4 * pi,
        10 * pi,
    ),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def uniform(counts: torch.Tensor, shares: torch.Tensor) -> bool:
    """True if counts are those of independent draws with the given probabilities, to one in a million."""
    expected = counts.sum() * shares / shares.sum()
    assert float(expected.min()) > 20
    return float(((counts - expected) ** 2 / expected).sum()) < chi2.ppf(1 - 1e-6, len(counts) - 1)


def of_one_distribution(a: torch.Tensor, b: torch.Tensor) -> bool:
    """True if two sets of counts are draws from one distribution, to one in a million."""
    kept = a + b > 20
    a, b = a[kept], b[kept]
    ratio = float(a.sum() / b.sum())
    statistic = float(((a / math.sqrt(ratio) - b * math.sqrt(ratio)) ** 2 / (a + b)).sum())
    return statistic < chi2.ppf(1 - 1e-6, len(a) - 1)


def test_measures_are_those_by_hand(case: Case) -> None:
    shape = case.make()
    assert shape.measure == pytest.approx(case.measure, rel=1e-12)
    assert shape.boundary.measure == pytest.approx(case.boundary_measure, rel=1e-12)
    assert math.fsum(wall.measure for wall in shape.walls) == pytest.approx(case.boundary_measure, rel=1e-12)


def test_the_bounding_box_is_tight(case: Case) -> None:
    shape = case.make()
    lower, upper = bounds(shape.axes)
    coords = shape.boundary.sample(2**15, seeded()).coords
    assert bool((coords >= lower - 1e-12).all())
    assert bool((coords <= upper + 1e-12).all())
    assert float((coords.amin(0) - lower).max() / (upper - lower).max()) < 0.03
    assert float((upper - coords.amax(0)).max() / (upper - lower).max()) < 0.03


def test_wall_samples_lie_on_the_zero_set_with_outward_normals(case: Case) -> None:
    shape = case.make()
    wall = shape.boundary.sample(4000, seeded())
    assert wall.normal is not None
    assert float(shape.signed_distance(wall.coords).abs().max()) < 1e-12
    torch.testing.assert_close(wall.normal.norm(dim=1), torch.ones(4000).double(), rtol=0, atol=1e-12)
    step = 1e-6
    ahead = shape.signed_distance(wall.coords + step * wall.normal)
    behind = shape.signed_distance(wall.coords - step * wall.normal)
    near = (ahead - step).abs() < 1e-9  # at corners outside points are nearer to the corner's other side
    assert float(near.double().mean()) > 0.99
    assert float(((behind + step).abs() < 1e-9).double().mean()) > 0.99


def test_the_gradient_of_the_distance_on_the_walls_is_the_normal(case: Case) -> None:
    shape = case.make()
    wall = shape.boundary.sample(500, seeded(1))
    x = wall.coords.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(shape.signed_distance(x).sum(), x)
    right = (gradient - wall.normal).norm(dim=1) < 1e-6
    assert float(right.double().mean()) > 0.99


def test_distances_are_exact(case: Case) -> None:
    shape = case.make()
    lower, upper = bounds(shape.axes)
    size = upper - lower
    x = lower - 0.25 * size + 1.5 * size * torch.rand(300, len(lower), generator=seeded(2), dtype=torch.float64)
    wall = shape.boundary.sample(2**16, seeded(3)).coords
    nearest = torch.cdist(x, wall).amin(dim=1)
    distance = shape.signed_distance(x)
    assert bool((distance.abs() <= nearest + 1e-12).all())
    assert float((nearest - distance.abs()).max()) < 0.05 * float(size.max())
    assert torch.equal(shape.contains(x), distance <= shape.rounding(x))


def test_the_share_inside_is_the_measure(case: Case) -> None:
    shape = case.make()
    lower, upper = bounds(shape.axes)
    x = lower + (upper - lower) * torch.rand(40_000, len(lower), generator=seeded(4), dtype=torch.float64)
    share = float((shape.signed_distance(x) < 0).double().mean())
    exact = case.measure / float((upper - lower).prod())
    assert abs(share - exact) < 5 * math.sqrt(exact * (1 - exact) / 40_000) + 1e-12


def test_the_divergence_theorem_holds_wall_by_wall(case: Case) -> None:
    shape = case.make()
    flux = 0.0
    for wall in shape.walls:
        points = wall.sample(2**12, seeded(5))
        assert float(points.weight.sum()) == pytest.approx(wall.measure, rel=1e-12)
        flux += float(points.weight @ (points.normal * points.coords).sum(dim=1))
    size = case.boundary_measure * max(max(abs(a.lower), abs(a.upper)) for a in shape.axes)
    assert flux / len(shape.columns) == pytest.approx(case.measure, abs=2e-3 * size)


def test_interiors_are_uniform(case: Case) -> None:
    shape = case.make()
    lower, upper = bounds(shape.axes)
    points = shape.sample(30_000, seeded(6), sampling=Uniform())
    assert bool(shape.contains(points.coords).all())
    box = lower + (upper - lower) * torch.rand(200_000, len(lower), generator=seeded(16), dtype=torch.float64)
    rejected = box[shape.inside(box)]
    cells = {2: 6, 3: 4}[len(lower)]
    counts = []
    for x in (points.coords, rejected):
        index = ((x - lower) / (upper - lower) * cells).long().clamp(0, cells - 1)
        numbers = (index * cells ** torch.arange(len(lower))).sum(dim=1)
        counts.append(torch.bincount(numbers, minlength=cells ** len(lower)).double())
    assert of_one_distribution(*counts)


def test_walls_are_uniform_in_measure_among_each_other(case: Case) -> None:
    shape = case.make()
    points = shape.boundary.sample(20_000, seeded(7), sampling=Uniform())
    counts = torch.bincount(shape.piece_at(points.coords), minlength=len(shape.piece_names)).double()
    shares = torch.tensor(shape.piece_measures, dtype=torch.float64)
    if len(counts) > 1:
        assert uniform(counts, shares)


# Distribution functions of one coordinate on a wall: wall, coordinate of points, cumulative share.
MARGINALS = {
    "ellipse": (
        lambda: Ellipse(x=0, y=0, radii=(2, 0.5)).walls[0],
        lambda x: torch.atan2(x[:, 1] / 0.5, x[:, 0] / 2) % (2 * pi),
        lambda p: _ellipse_length(p) / _ellipse_length(torch.tensor([2 * pi]).double()),
    ),
    "side of a cone": (
        lambda: Cone(x=0, y=0, z=(0, 1), radius=1).boundary_of(Cone(x=0, y=0, z=(0, 1), radius=1).walls[1]),
        lambda x: torch.hypot(x[:, 0], x[:, 1]),
        lambda r: r**2,
    ),
    "end of a capsule": (
        lambda: Capsule(x=0, y=0, z=(0, 1), radius=0.5).walls[2],
        lambda x: x[:, 2] - 1,
        lambda z: z / 0.5,
    ),
    "torus": (
        lambda: Torus(x=0, y=0, z=0, radius=1, tube=0.5).walls[0],
        lambda x: torch.atan2(x[:, 2], torch.hypot(x[:, 0], x[:, 1]) - 1) % (2 * pi),
        lambda a: (a + 0.5 * torch.sin(a)) / (2 * pi),
    ),
    "ball": (lambda: Ball(x=0, y=0, z=0).walls[0], lambda x: x[:, 2], lambda z: (1 + z) / 2),
}


def _ellipse_length(p: torch.Tensor) -> torch.Tensor:
    """Length of the ellipse with half-axes 2 and 0.5 up to an eccentric anomaly, by the trapezoidal rule."""
    grid = torch.linspace(0, 2 * pi, 20001, dtype=torch.float64)
    speed = torch.hypot(2 * torch.sin(grid), 0.5 * torch.cos(grid))
    total = torch.cat([torch.zeros(1).double(), torch.cumulative_trapezoid(speed, grid)])
    at = (p / (2 * pi) * 20000).clamp(max=19999.999)
    low = at.long()
    return total[low] + (at - low) * (total[low + 1] - total[low])


@pytest.mark.parametrize(("make", "coordinate", "cumulative"), MARGINALS.values(), ids=MARGINALS.keys())
def test_samples_on_a_wall_are_uniform_in_area(make, coordinate, cumulative) -> None:
    points = make().sample(20_000, seeded(8), sampling=Uniform()).coords
    share = cumulative(coordinate(points))
    counts = torch.histc(share, 40, 0, 1)
    assert uniform(counts, torch.ones(40).double())
    spread = cumulative(coordinate(make().sample(4096, seeded(8)).coords))  # quasi-random points are more even
    assert float((torch.histc(spread, 16, 0, 1) / 256 - 1).abs().max()) < 0.05


def test_shapes_are_equal_by_value_and_survive_copies_and_files(case: Case) -> None:
    shape, again = case.make(), case.make()
    for one, other in (
        (shape, again),
        (shape * Time(0, 1) * Parameters(k=(1, 2)), again * Time(0, 1) * Parameters(k=(1, 2))),
    ):
        made = domain_from_dict(json.loads(json.dumps(domain_to_dict(one))))
        for same in (other, copy.deepcopy(one), pickle.loads(pickle.dumps(one)), made):
            assert same == one
            assert hash(same) == hash(one)
    assert shape.walls == again.walls
    assert pickle.loads(pickle.dumps(shape.walls)) == shape.walls
    assert shape.translated(**{shape.axes[0].name: 0.5}) != shape


def test_motions_move_distances_and_walls(case: Case) -> None:
    shape = case.make()
    names = [axis.name for axis in shape.axes]
    x = shape.boundary.sample(64, seeded(9)).coords
    shifted = shape.translated(**{names[0]: 0.5, names[-1]: -1.0})
    move = torch.zeros(len(names), dtype=torch.float64)
    move[0], move[-1] = 0.5, -1.0
    assert float(shifted.signed_distance(x + move).abs().max()) < 1e-12
    larger = shape.scaled(3, about=[1.0] * len(names))
    assert larger.measure == pytest.approx(3 ** len(names) * shape.measure, rel=1e-12)
    assert float(larger.signed_distance(1 + 3 * (x - 1)).abs().max()) < 1e-11
    axis = () if len(names) == 2 else ((0.3, -1.0, 0.5),)
    turned = shape.rotated(0.8, *axis, about=[0.5] * len(names))
    back = turned.rotated(-0.8, *axis, about=[0.5] * len(names))
    assert turned.measure == pytest.approx(shape.measure, rel=1e-12)
    assert float(back.signed_distance(x).abs().max()) < 1e-12
    assert [wall.name for wall in turned.walls] == [wall.name for wall in shape.walls]


def test_a_quarter_turn_is_exact() -> None:
    turned = Polygon([(0, 0), (2, 0), (2, 1), (0, 1)]).rotated(pi / 2)
    assert turned.vertices == ((0.0, 0.0), (0.0, 2.0), (-1.0, 2.0), (-1.0, 0.0))
    assert Disk(x=1, y=0).rotated(pi) == Disk(x=-1, y=0)
    assert Box(x=(0, 1), y=(0, 1)).translated(x=1) == Box(x=(1, 2), y=(0, 1))


BAD = {
    "no axes": (lambda: Ellipse(radii=(1, 2)), "Ellipse: give 2 axes of space, such as .*, got none"),
    "time as space": (lambda: Ellipse(x=0, t=0, radii=(1, 2)), "`t` is time, not space; multiply by Time"),
    "one radius": (lambda: Ellipse(x=0, y=0, radii=3), r"`radii` must be the two half-axes \(a, b\), got 3"),
    "a radius of 0": (lambda: Ellipse(x=0, y=0, radii=(1, 0)), "`radii` must be a finite number above 0, got 0"),
    "an endless angle": (lambda: Ellipse(x=0, y=0, radii=(1, 1), angle=math.inf), "`angle` must be a finite number"),
    "a disk in space": (lambda: Disk(x=0, y=0, z=0), "Disk: give the centre along two axes"),
    "a cylinder without length": (lambda: Cylinder(x=0, y=0, z=0), "two coordinates along exactly one axis"),
    "a cylinder along two axes": (lambda: Cylinder(x=(0, 1), y=(0, 1), z=0), "turn it by `rotated`"),
    "an empty cylinder": (lambda: Cylinder(x=0, y=0, z=(1, 1)), "lower < upper"),
    "a cone that is a cylinder": (lambda: Cone(x=0, y=0, z=(0, 1), radius=1, top=1), "use Cylinder"),
    "a negative top": (lambda: Cone(x=0, y=0, z=(0, 1), top=-1), "`top` must be a finite number above 0, got -1"),
    "a torus without a hole": (lambda: Torus(x=0, y=0, z=0, radius=1, tube=1), "`tube` must be smaller than `radius`"),
    "a torus about nothing": (lambda: Torus(x=0, y=0, z=0, axis="w"), r"`axis` must be one of \('x', 'y', 'z'\)"),
    "a halfspace without direction": (lambda: Halfspace(x=0, y=0), "has length 0"),
    "a rotation in space without axis": (lambda: Ball(x=0, y=0, z=0).rotated(1.0), "`axis` must be one of"),
    "a rotation of a line": (lambda: Box(x=(0, 1)).rotated(1.0), "rotations in the plane and in space"),
    "a factor below 0": (lambda: Disk(x=0, y=0).scaled(-1), "`factor` must be a finite number above 0, got -1"),
    "an unknown axis": (lambda: Disk(x=0, y=0).translated(z=1), r"`z` is not an axis; the axes are \('x', 'y'\)"),
    "a centre of three": (lambda: Disk(x=0, y=0).scaled(2, about=(0, 0, 0)), "`about` must be 2 finite numbers"),
    "time moved": (lambda: Box(x=(0, 1), t=(0, 1)).translated(x=1), "multiply by Time or Parameters"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_in_one_line(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
