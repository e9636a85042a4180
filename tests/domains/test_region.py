"""Regions: measures of known shapes, points on their walls, functions of all kinds, and every bad call."""

import dataclasses
import math
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from pinnkit.domains import Ball, Box, Chebyshev, Parameters, Region, Time, Uniform

CUBE = Box(x=(-1, 1), y=(-1, 1), z=(-1, 1))
SQUARE = Box(x=(-1, 1), y=(-1, 1))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def torus(x: Tensor) -> Tensor:
    """Radii 0.6 and 0.25, turning around z."""
    ring = torch.linalg.vector_norm(x[:, :2], dim=1) - 0.6
    return torch.sqrt(ring**2 + x[:, 2] ** 2) - 0.25


def ellipse(x: Tensor) -> Tensor:
    """Half axes 0.8 and 0.4: no distance, and no unit gradient."""
    return (x[:, 0] / 0.8) ** 2 + (x[:, 1] / 0.4) ** 2 - 1


def ring(x: Tensor) -> Tensor:
    """Between the circles of radius 0.3 and 0.8."""
    return (torch.linalg.vector_norm(x, dim=1) - 0.55).abs() - 0.25


def drilled(x: Tensor) -> Tensor:
    """The cube |x| < 0.6 without the cylinder of radius 0.3 along z: edges, convex and concave."""
    beyond = x.abs() - 0.6
    cube = torch.linalg.vector_norm(beyond.clamp(min=0), dim=1) + beyond.amax(1).clamp(max=0)
    return torch.maximum(cube, 0.3 - torch.linalg.vector_norm(x[:, :2], dim=1))


class Grid:
    """Values on a grid, trilinear between the nodes, as a reconstruction gives them."""

    def __init__(self, inside, nodes: int, dtype: torch.dtype = torch.float64) -> None:
        line = torch.linspace(-1, 1, nodes, dtype=torch.float64)
        self.values = inside(torch.cartesian_prod(line, line, line)).reshape(1, 1, nodes, nodes, nodes).to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        at = x.flip(1).to(self.values.dtype).reshape(1, -1, 1, 1, 3)
        return grid_sample(self.values, at, align_corners=True).reshape(-1)


def by_numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(np.linalg.norm(x.numpy(), axis=1) - 0.5)


def perimeter_of_the_ellipse() -> float:
    angle = (torch.arange(20000, dtype=torch.float64) + 0.5) / 20000 * 2 * math.pi
    return float(torch.hypot(0.8 * angle.sin(), 0.4 * angle.cos()).mean() * 2 * math.pi)


TORUS = Region(torus, CUBE)
KNOWN = {
    "torus": (lambda: TORUS, 2 * math.pi**2 * 0.6 * 0.25**2, 4 * math.pi**2 * 0.6 * 0.25, 1e-6),
    "ellipse": (lambda: Region(ellipse, SQUARE), math.pi * 0.32, perimeter_of_the_ellipse(), 1e-7),
    "ring": (lambda: Region(ring, SQUARE), math.pi * 0.55, 2 * math.pi * 1.1, 1e-7),
    "long box": (lambda: Region(torus, Box(x=(-1, 3), y=(-1, 1), z=(-0.5, 0.5))), 0.74022, 5.92176, 1e-4),
    "edges": (
        lambda: Region(drilled, CUBE),
        1.2**3 - math.pi * 0.3**2 * 1.2,
        6 * 1.2**2 - 2 * math.pi * 0.3**2 + 2 * math.pi * 0.3 * 1.2,
        1.5e-2,  # facets cut every edge off by part of a cell
    ),
    "grid": (lambda: Region(Grid(torus, 65), CUBE), 2 * math.pi**2 * 0.6 * 0.25**2, 4 * math.pi**2 * 0.15, 1e-2),
    "grid in single precision": (
        lambda: Region(Grid(torus, 65, torch.float32), CUBE),
        2 * math.pi**2 * 0.6 * 0.25**2,
        4 * math.pi**2 * 0.15,
        1e-2,
    ),
    "computed by numpy": (lambda: Region(by_numpy, CUBE, resolution=32), math.pi / 6, math.pi, 1e-5),
}


@pytest.mark.parametrize(("make", "volume", "area", "error"), KNOWN.values(), ids=KNOWN.keys())
def test_measures_and_points_of_known_shapes_are_right(make, volume: float, area: float, error: float) -> None:
    region = make()
    assert region.measure == pytest.approx(volume, rel=error)
    assert region.boundary.measure == pytest.approx(area, rel=error)
    inside, wall = region.sample(2000, seeded()), region.boundary.sample(2000, seeded())
    assert region.contains(inside.coords).all()
    assert region.contains(wall.coords).all()
    assert region.signed_distance(wall.coords).abs().max() < 1e-6
    torch.testing.assert_close(wall.normal.norm(dim=1), torch.ones(2000).double(), rtol=0, atol=1e-12)
    outside = wall.coords + 1e-3 * wall.normal
    assert (region.signed_distance(outside) > 0).double().mean() > 0.99
    assert (region.signed_distance(wall.coords - 1e-3 * wall.normal) < 0).double().mean() > 0.99


@pytest.mark.parametrize(("inside", "box"), [(torus, CUBE), (ellipse, SQUARE)], ids=["torus", "ellipse"])
def test_measures_are_of_fourth_order_in_the_cells(inside, box: Box) -> None:
    best = TORUS if inside is torus else Region(inside, box, resolution=512)
    errors = []
    for cells in (16, 32, 64):
        region = Region(inside, box, resolution=cells)
        errors.append(max(abs(region.measure - best.measure), abs(region.boundary.measure - best.boundary.measure)))
    slopes = [math.log2(a / b) for a, b in pairwise(errors)]
    assert min(slopes) > 3.5, errors


def test_points_are_even_in_area_on_a_torus() -> None:
    """Of the angle around the tube, the density is 1 + (r / R) cos: more of the area is on the outside."""
    x = TORUS.boundary.sample(20000, seeded(), sampling=Uniform()).coords
    tube = torch.atan2(x[:, 2], torch.linalg.vector_norm(x[:, :2], dim=1) - 0.6)
    for harmonic in (1, 2, 3):
        expected = 0.25 / 0.6 / 2 if harmonic == 1 else 0.0
        assert torch.cos(harmonic * tube).mean().item() == pytest.approx(expected, abs=0.02)
        assert torch.sin(harmonic * tube).mean().item() == pytest.approx(0, abs=0.02)
    around = torch.atan2(x[:, 1], x[:, 0])
    assert abs(torch.polar(torch.ones_like(around), around).mean().item()) < 0.03


def test_points_inside_a_torus_are_uniform() -> None:
    x = TORUS.sample(20000, seeded(), sampling=Uniform()).coords
    squared = (torch.linalg.vector_norm(x[:, :2], dim=1) - 0.6) ** 2 + x[:, 2] ** 2
    weighted = squared / 0.25**2
    assert weighted.mean().item() == pytest.approx(0.5, abs=0.01)
    assert x.mean(0).abs().max() < 0.02


def test_quasi_random_points_on_the_wall_integrate_better_than_random_ones() -> None:
    def error(sampling) -> float:
        errors = []
        for seed in range(8):
            points = TORUS.boundary.sample(2048, seeded(seed), sampling=sampling)
            # div x = 3: the flux of x is three times the volume
            flux = float(points.weight @ (points.coords * points.normal).sum(1))
            errors.append(flux / (3 * TORUS.measure) - 1)
        return math.sqrt(sum(e**2 for e in errors) / 8)

    assert error(Chebyshev()) < 0.005  # which is even here
    assert error(Uniform()) > 0.012


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_points_are_the_same_where_nothing_is_differentiated(mode) -> None:
    expected = TORUS.boundary.sample(50, seeded())
    with mode():
        found = TORUS.boundary.sample(50, seeded())
    assert torch.equal(found.coords, expected.coords)
    assert torch.equal(found.normal, expected.normal)


def test_normals_are_those_of_the_torus() -> None:
    wall = TORUS.boundary.sample(500, seeded())
    x = wall.coords
    around = torch.nn.functional.normalize(x[:, :2], dim=1)
    axis = torch.cat([0.6 * around, torch.zeros(500, 1)], dim=1)
    torch.testing.assert_close(wall.normal, (x - axis) / 0.25, rtol=0, atol=1e-10)


def test_a_shape_may_stand_for_its_distance() -> None:
    disk = Ball(x=0.1, y=-0.2, radius=0.5)
    region = Region(disk, SQUARE)
    assert region.measure == pytest.approx(disk.measure, rel=1e-8)
    assert region == Region(disk.signed_distance, SQUARE)
    assert region == Region(lambda x: Ball(x=0.1, y=-0.2, radius=0.5).signed_distance(x), SQUARE)


def test_equality_is_by_axes_and_values() -> None:
    coarse = Region(torus, CUBE, resolution=16)
    assert coarse == Region(lambda x: torus(x), CUBE, resolution=16)
    assert hash(coarse) == hash(Region(lambda x: torus(x), CUBE, resolution=16))
    assert coarse != Region(lambda x: torus(x) - 0.01, CUBE, resolution=16)
    assert coarse != Region(torus, CUBE, resolution=17)
    assert coarse != Region(torus, Box(x=(-1, 1), y=(-1, 1), w=(-1, 1)), resolution=16)
    assert coarse * Time(0, 1) != coarse
    assert coarse * Time(0, 1) == Region(torus, CUBE, resolution=16) * Time(0, 1)
    assert coarse != "a torus"


def test_time_and_parameters_multiply_a_region() -> None:
    region = Region(ellipse, SQUARE) * Time(0, 2) * Parameters(nu=(1, 4))
    assert region.columns == ("x", "y", "t", "nu")
    assert region.measure == pytest.approx(6 * math.pi * 0.32, rel=1e-6)
    start = region.face(t=0)
    points = start.sample(300, seeded())
    assert (points.coords[:, 2] == 0).all()
    assert region.contains(points.coords).all()
    assert start.measure == pytest.approx(3 * math.pi * 0.32, rel=1e-6)
    assert float(points.weight.sum()) == pytest.approx(start.measure)
    assert region.face(t=(0, 2)).measure == pytest.approx(2 * start.measure)
    later = region.boundary.sample(500, seeded())
    assert later.normal.shape == (500, 2)
    assert later.coords[:, 2].max() > 1.9
    assert not region.contains(torch.tensor([[0.0, 0.0, 2.5, 2.0]]).double()).any()


def test_a_region_may_be_moved_in_time() -> None:
    region = Region(ellipse, SQUARE) * Time(0, 2)
    later = region.with_time(3.0, 4.0)
    assert later == Region(ellipse, SQUARE) * Time(3, 4)
    assert region.boundary.with_time(3.0, 4.0) == later.boundary
    assert region.face(t=0).with_time(3.0, 4.0) == later.face(t=3)


def test_a_region_is_frozen_and_reads_as_it_was_made() -> None:
    region = Region(ellipse, SQUARE) * Time(0, 2)
    assert repr(region) == "Region(ellipse, Box(x=(-1, 1), y=(-1, 1)), resolution=256) * Time(0, 2)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        region.resolution = 3  # type: ignore[misc]


def test_distances_can_be_differentiated_and_keep_their_precision() -> None:
    x = TORUS.sample(10, seeded()).coords.requires_grad_()
    (gradient,) = torch.autograd.grad(TORUS.signed_distance(x).sum(), x)
    torch.testing.assert_close(gradient.norm(dim=1), torch.ones(10).double())
    single = TORUS.sample(10, seeded()).coords.float()
    assert TORUS.signed_distance(single).dtype == torch.float32


@pytest.mark.parametrize("spread_over", [1, 2, 5])
def test_several_pieces_are_one_region(spread_over: int) -> None:
    centres = torch.linspace(-0.8, 0.8, spread_over, dtype=torch.float64) if spread_over > 1 else torch.zeros(1)

    def beads(x: Tensor) -> Tensor:
        each = [torch.linalg.vector_norm(x - torch.tensor([c, 0.0]), dim=1) - 0.15 for c in centres.tolist()]
        return torch.stack(each).amin(0)

    region = Region(beads, SQUARE)
    assert region.measure == pytest.approx(spread_over * math.pi * 0.15**2, rel=1e-5)
    assert region.boundary.measure == pytest.approx(spread_over * 2 * math.pi * 0.15, rel=1e-5)


def grow(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, dim=1) + 0.1


BAD_CALLS = {
    "no function": (lambda: Region(3, CUBE), TypeError, ["`inside` must be a function", "got 3"]),
    "a function of coordinates": (
        lambda: Region(lambda x, y, z: x + y + z, CUBE),
        TypeError,
        ["('x', 'y', 'z') are 3 arguments", "lambda p: f(p[:, 0], p[:, 1], p[:, 2])"],
    ),
    "no box": (lambda: Region(torus, (-1, 1)), TypeError, ["`box` must be a Box of space", "(-1, 1)"]),
    "a box in time": (lambda: Region(torus, Box(x=(0, 1), t=(0, 1))), ValueError, ["space alone", "multiply", "Time"]),
    "one dimension": (lambda: Region(torus, Box(x=(0, 1))), ValueError, ["two or three columns", "got 1"]),
    "no cells": (lambda: Region(torus, CUBE, resolution=0), ValueError, ["`resolution` must be >= 1, got 0"]),
    "few cells": (lambda: Region(torus, CUBE, resolution=2), ValueError, ["`resolution`", "at least 4", "got 2"]),
    "half a cell": (lambda: Region(torus, CUBE, resolution=9.5), TypeError, ["`resolution`", "whole number", "9.5"]),
    "two columns": (
        lambda: Region(lambda x: torus(x)[:, None], CUBE),
        ValueError,
        ["one number per point", "got shape (131072, 1)", "[:, 0]"],
    ),
    "numpy returned": (
        lambda: Region(lambda x: x.numpy()[:, 0], CUBE),
        ValueError,
        ["must return a tensor", "ndarray"],
    ),
    "not finite": (
        lambda: Region(lambda x: torch.log(x[:, 0]), SQUARE),
        ValueError,
        ["must be finite", "nan or inf at", "of 66049 nodes"],
    ),
    "empty": (lambda: Region(grow, SQUARE), ValueError, ["nowhere negative", "ranges from 0.1 to 1.51", "-f(x)"]),
    "full": (lambda: Region(lambda x: -grow(x), SQUARE), ValueError, ["negative everywhere", "from -1.51 to -0.1"]),
    "sign turned": (
        lambda: Region(lambda x: -ellipse(x), SQUARE),
        ValueError,
        ["all walls", "positive within", "-f(x)"],
    ),
    "cut by a wall": (
        lambda: Region(ellipse, Box(x=(-1, 0.5), y=(-1, 1))),
        ValueError,
        ["reaches the wall x = 0.5", "larger"],
    ),
    "times a number": (lambda: TORUS * 2, TypeError, ["Time(lower, upper)", "got 2"]),
    "twice in time": (lambda: TORUS * Time(0, 1) * Time(0, 1), ValueError, ["two axes `t`"]),
    "a face in space": (lambda: TORUS.face(x=1), ValueError, ["Region.face: `x` is space", "`boundary`"]),
    "no such axis": (lambda: TORUS.face(t=0), ValueError, ["Region.face: `t` is not an axis", "('x', 'y', 'z')"]),
    "no end there": (lambda: (TORUS * Time(0, 1)).face(t=2), ValueError, ["Region.face", "no end at t = 2", "0 and 1"]),
    "no face": (lambda: TORUS.face(), ValueError, ["Region.face: say which ends", "`boundary`"]),
    "no points": (lambda: TORUS.sample(0, seeded()), ValueError, ["Region.sample: `n` must be >= 1"]),
    "a seed for a generator": (
        lambda: TORUS.boundary.sample(5, 0),
        TypeError,
        ["boundary.sample", "torch.Generator"],
    ),
    "flat coordinates": (lambda: TORUS.contains(torch.zeros(3)), ValueError, ["`coords` must be a tensor (n, 3)"]),
}


@pytest.mark.parametrize(("call", "kind", "words"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_calls_are_refused_with_what_to_do(call, kind, words: list[str]) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_without_scikit_image_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(ImportError, match=r"pip install 'pinnkit\[surfaces\]'"):
        Region(torus, CUBE, resolution=16)
