"""Conformance suite of domains; `test_domain_mutants` has seen it fail.  A new shape is one more `Case`."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from pinnkit.domains import (
    Ball,
    Box,
    Chebyshev,
    Cube,
    Disk,
    Domain,
    Interval,
    Parameters,
    Region,
    Sampling,
    Sobol,
    Time,
    Uniform,
    bounds,
    space_columns,
)

N = 4096


@dataclass(frozen=True)
class Case:
    """A domain and what is known about it by hand; `moment` is the integral of sum_a (a + 1) x_a^2 over all columns."""

    make: Callable[[], Domain]
    other: Callable[[], Domain]
    measure: float
    boundary_measure: float
    moment: float
    samplings: tuple[Sampling, ...] = (Sobol(), Chebyshev(), Uniform())
    round: bool = False  # then only points beside the centre are as far from the wall as from the bounding box
    margin: float = 0.0  # between the wall and the bounding box
    rounding: float = 1e-12  # of measures that are integrals, relative
    even: float = 2e-3  # relative error of an integral over N quasi-random points


def disk(x: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(x - torch.tensor([1.0, -0.5]), dim=1) - 2


def ball(x: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(x, dim=1) - 1


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


CASES = {
    # int_0^2 x^2 = 8/3
    "interval": Case(lambda: Interval(x=(0, 2)), lambda: Interval(x=(0, 3)), 2.0, 2.0, 8 / 3),
    # x in (-1, 1): 2/3 * 3;  2 * y^2 over (2, 5): 2 * 39 * 2
    "rectangle": Case(lambda: Box(x=(-1, 1), y=(2, 5)), lambda: Box(y=(-1, 1), x=(2, 5)), 6.0, 10.0, 2.0 + 156.0),
    # volume 6, walls 2 (1*2 + 1*3 + 2*3); moments 1/3 * 6, 2 * 8/3 * 3, 3 * 9 * 2
    "brick": Case(
        lambda: Box(x=(0, 1), y=(0, 2), z=(0, 3)), lambda: Box(x=(0, 1), y=(0, 2)), 6.0, 22.0, 2.0 + 16.0 + 54.0
    ),
    # walls: 2 points times 3 of time; moments 1/3 * 3 and 2 * 9
    "rod in time": Case(lambda: Box(x=(0, 1), t=(0, 3)), lambda: Box(x=(0, 1), t=(0, 2)), 3.0, 6.0, 1.0 + 18.0),
    # columns t, x: t^2 over (0, 3), then 2 x^2
    "time first": Case(lambda: Box(t=(0, 3), x=(0, 1)), lambda: Box(x=(0, 1), t=(0, 3)), 3.0, 6.0, 9.0 + 2.0),
    # columns x, y, t, nu; extents 1, 2, 3, 4: measure 24, walls 2 (1 + 2) * 12
    "plate with time and parameters": Case(
        lambda: Box(x=(0, 1), y=(0, 2)) * Time(0, 3) * Parameters(nu=(0, 4)),
        lambda: Box(x=(0, 1), y=(0, 2)) * Time(0, 3) * Parameters(mu=(0, 4)),
        24.0,
        72.0,
        24 * (1 / 3 + 2 * 4 / 3 + 3 * 9 / 3 + 4 * 16 / 3),
    ),
    # 100 columns of (0, 1): sum of (a + 1) / 3 = 5050 / 3.  Chebyshev weights are too uneven for 100 columns.
    "cube of dimension 100": Case(
        lambda: Box(x=Cube(0, 1, dim=100)),
        lambda: Box(x=Cube(0, 1, dim=99)),
        1.0,
        200.0,
        5050 / 3,
        (Sobol(), Uniform()),
    ),
    # A ball of radius R in R^d: the mean of (x - c)_a^2 is R^2 / (d + 2), the wall measures d / R times the volume.
    # pi R^2 = 4 pi with mean squares 1 + c_a^2: 4 pi (1 * (1 + 1) + 2 * (1 + 0.25))
    "disk": Case(
        lambda: Ball(x=1, y=-0.5, radius=2),
        lambda: Ball(x=1, y=-0.5, radius=1),
        4 * math.pi,
        4 * math.pi,
        18 * math.pi,
        round=True,
    ),
    # Columns x, y, z, t, nu: volume 4/3 pi * 2 * 3, mean squares 1/5 in space, 4/3 in time, 3 for nu.
    "ball with time and parameters": Case(
        lambda: Ball(x=0, y=0, z=0) * Time(0, 2) * Parameters(nu=(0, 3)),
        lambda: Ball(x=0, y=0, z=0) * Time(0, 2) * Parameters(mu=(0, 3)),
        8 * math.pi,
        24 * math.pi,
        8 * math.pi * (6 / 5 + 4 * 4 / 3 + 5 * 3),
        round=True,
    ),
    # 8/15 pi^2 and 15 * mean square 1/7
    "ball of dimension 5": Case(
        lambda: Ball(x=(0,) * 5),
        lambda: Ball(x=(0,) * 4),
        8 / 15 * math.pi**2,
        8 / 3 * math.pi**2,
        8 / 15 * math.pi**2 * 15 / 7,
        round=True,
    ),
    # The unit square less the disk of radius 1/4 about its centre: 1 - pi/16; 1 less pi/16 (1/4 + 1/64) each.
    "plate with a hole": Case(
        lambda: Box(x=(0, 1), y=(0, 1)) - Disk(x=0.5, y=0.5, radius=0.25),
        lambda: Box(x=(0, 1), y=(0, 1)) - Disk(x=0.5, y=0.5, radius=0.2),
        1 - math.pi / 16,
        4 + math.pi / 2,
        3 * (1 / 3 - math.pi / 16 * (1 / 4 + 1 / 64)),
    ),
    # The cube less the ball of radius 1/4 in its middle, in time: columns x, y, z, t over (0, 2).
    "cube with a cavity in time": Case(
        lambda: (Box(x=(0, 1), y=(0, 1), z=(0, 1)) - Ball(x=0.5, y=0.5, z=0.5, radius=0.25)) * Time(0, 2),
        lambda: (Box(x=(0, 1), y=(0, 1), z=(0, 1)) - Ball(x=0.5, y=0.5, z=0.5, radius=0.2)) * Time(0, 2),
        2 * (1 - math.pi / 48),
        2 * (6 + math.pi / 4),
        2 * 6 * (1 / 3 - math.pi / 48 * (1 / 4 + 1 / 80)) + 4 * (8 / 3) * (1 - math.pi / 48),
        even=4e-3,
    ),
    # The disk and the ball from above, as what a function is negative in.
    "region of a disk": Case(
        lambda: Region(disk, Box(x=(-1.5, 3.5), y=(-3, 2))),
        lambda: Region(lambda x: disk(x) + 1, Box(x=(-1.5, 3.5), y=(-3, 2))),
        4 * math.pi,
        4 * math.pi,
        18 * math.pi,
        round=True,
        margin=0.5,
        rounding=1e-8,
        even=5e-3,
    ),
    "region of a ball with time and parameters": Case(
        lambda: (
            Region(ball, Box(x=(-1.1, 1.1), y=(-1.1, 1.1), z=(-1.1, 1.1)), resolution=32)
            * Time(0, 2)
            * Parameters(nu=(0, 3))
        ),
        lambda: (
            Region(ball, Box(x=(-1.1, 1.1), y=(-1.1, 1.1), z=(-1.1, 1.1)), resolution=32)
            * Time(0, 2)
            * Parameters(mu=(0, 3))
        ),
        8 * math.pi,
        24 * math.pi,
        8 * math.pi * (6 / 5 + 4 * 4 / 3 + 5 * 3),
        round=True,
        margin=0.1,
        rounding=1e-5,
        even=5e-3,
    ),
}


def relative_error_allowed(case: Case, sampling: Sampling) -> float:
    """Independent points leave n^(-1/2) times a few; quasi-random ones far less."""
    return 0.06 if isinstance(sampling, Uniform) else case.even


def samples_have_the_right_shapes(case: Case) -> None:
    domain = case.make()
    d, space = len(bounds(domain.axes)[0]), len(space_columns(domain.axes))
    for n in (1, 3, 500):
        for sampling in case.samplings:
            inside = domain.sample(n, seeded(), sampling=sampling)
            wall = domain.boundary.sample(n, seeded(), sampling=sampling)
            assert inside.coords.shape == wall.coords.shape == (n, d)
            assert inside.coords.dtype == wall.coords.dtype == torch.float64
            assert inside.weight.shape == wall.weight.shape == (n,)
            assert inside.normal is None
            assert wall.normal.shape == (n, space)


def samples_lie_inside(case: Case) -> None:
    domain = case.make()
    for sampling in case.samplings:
        coords = domain.sample(N, seeded(), sampling=sampling).coords
        assert domain.contains(coords).all()
        assert (domain.signed_distance(coords) <= 0).all()
        assert (domain.signed_distance(coords) < 0).double().mean() > 0.99


def points_outside_are_told_apart(case: Case) -> None:
    domain = case.make()
    lower, upper = bounds(domain.axes)
    coords = domain.sample(64, seeded()).coords
    space = space_columns(domain.axes)
    for column in range(len(lower)):
        outside = coords.clone()
        if case.round:
            outside[:, list(space)] = ((lower + upper) / 2)[list(space)]
        outside[:, column] = upper[column] + 0.25
        assert not domain.contains(outside).any()
        distance = domain.signed_distance(outside)
        expected = torch.full_like(distance, 0.25 + case.margin)
        if column not in space:
            radius = (upper - lower)[0] / 2 - case.margin
            expected = -radius.expand(len(coords)) if case.round else domain.signed_distance(coords)
        torch.testing.assert_close(distance, expected)


def boundary_samples_lie_on_the_boundary(case: Case) -> None:
    domain = case.make()
    for sampling in case.samplings:
        coords = domain.boundary.sample(N, seeded(), sampling=sampling).coords
        torch.testing.assert_close(domain.signed_distance(coords), torch.zeros(N).double(), rtol=0, atol=1e-12)
        assert domain.contains(coords).all()


def normals_are_unit_and_point_outward(case: Case) -> None:
    domain = case.make()
    wall = domain.boundary.sample(N, seeded())
    torch.testing.assert_close(wall.normal.norm(dim=1), torch.ones(N).double(), rtol=0, atol=1e-12)
    step = 1e-3
    coords = wall.coords.clone()
    coords[:, list(space_columns(domain.axes))] += step * wall.normal
    torch.testing.assert_close(domain.signed_distance(coords), torch.full((N,), step).double(), rtol=0, atol=1e-9)


def measures_are_right(case: Case) -> None:
    domain = case.make()
    assert domain.measure == pytest.approx(case.measure, rel=case.rounding)
    assert domain.boundary.measure == pytest.approx(case.boundary_measure, rel=case.rounding)


def weights_sum_to_the_measure(case: Case) -> None:
    domain = case.make()
    for part in (domain, domain.boundary):
        for n in (1, 7, N):
            for sampling in case.samplings:
                weight = part.sample(n, seeded(), sampling=sampling).weight
                assert (weight >= 0).all()
                assert float(weight.sum()) == pytest.approx(part.measure, rel=1e-12)


def weights_integrate_a_polynomial(case: Case) -> None:
    domain = case.make()
    for sampling in case.samplings:
        coords, _, weight, *_ = domain.sample(N, seeded(), sampling=sampling)
        factor = torch.arange(1, coords.shape[1] + 1).double()
        moment = float(weight @ (coords**2 @ factor))
        assert moment == pytest.approx(case.moment, rel=relative_error_allowed(case, sampling))


def divergence_theorem_holds(case: Case) -> None:
    """int div F = int over the boundary of F . n, for F = S x with S = sum_a (a + 1) x_a^2, so div F = (d + 2) S."""
    domain = case.make()
    space = list(space_columns(domain.axes))
    factor = torch.arange(1, len(space) + 1).double()
    for sampling in case.samplings:
        inside = domain.sample(N, seeded(1), sampling=sampling)
        wall = domain.boundary.sample(N, seeded(2), sampling=sampling)
        divergence = (len(space) + 2) * (inside.coords[:, space] ** 2 @ factor)
        x = wall.coords[:, space]
        flux = (x**2 @ factor) * (x * wall.normal).sum(dim=1)
        volume, surface = float(inside.weight @ divergence), float(wall.weight @ flux)
        scale = float(wall.weight @ flux.abs())
        assert surface == pytest.approx(volume, abs=relative_error_allowed(case, sampling) * scale)


def same_seed_gives_same_points(case: Case) -> None:
    domain = case.make()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    for part in (domain, domain.boundary):
        for sampling in case.samplings:
            first, again = (part.sample(300, seeded(3), sampling=sampling) for _ in range(2))
            assert torch.equal(first.coords, again.coords)
            assert torch.equal(first.weight, again.weight)
            generator = seeded(3)
            assert torch.equal(first.coords, part.sample(300, generator, sampling=sampling).coords)
            if first.coords.shape[1] == 1 and part is not domain:
                continue  # the two ends of an interval, whatever the seed
            assert not torch.equal(first.coords, part.sample(300, generator, sampling=sampling).coords)
            assert not torch.equal(first.coords, part.sample(300, seeded(4), sampling=sampling).coords)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()  # noqa: NPY002


def shapes_compare_by_value(case: Case) -> None:
    one, same, other = case.make(), case.make(), case.other()
    assert one == same
    assert hash(one) == hash(same)
    assert one.boundary == same.boundary
    assert hash(one.boundary) == hash(same.boundary)
    assert one != other
    assert one.boundary != other.boundary
    assert repr(one) == repr(same) != repr(other)
    assert len(repr(one)) < 200


CHECKS = (
    samples_have_the_right_shapes,
    samples_lie_inside,
    points_outside_are_told_apart,
    boundary_samples_lie_on_the_boundary,
    normals_are_unit_and_point_outward,
    measures_are_right,
    weights_sum_to_the_measure,
    weights_integrate_a_polynomial,
    divergence_theorem_holds,
    same_seed_gives_same_points,
    shapes_compare_by_value,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_domain_conforms(case: Case, check: Callable[[Case], None]) -> None:
    check(case)
