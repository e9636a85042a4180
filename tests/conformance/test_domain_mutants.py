"""Mutants of a box: each breaks one thing, and one named check of the suite of domains must notice."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from pinnkit.domains import (
    Box,
    Points,
    Sobol,
)
from tests.conformance.test_domains import (
    CHECKS,
    Case,
    boundary_samples_lie_on_the_boundary,
    divergence_theorem_holds,
    measures_are_right,
    normals_are_unit_and_point_outward,
    points_outside_are_told_apart,
    same_seed_gives_same_points,
    samples_have_the_right_shapes,
    samples_lie_inside,
    seeded,
    shapes_compare_by_value,
    weights_integrate_a_polynomial,
    weights_sum_to_the_measure,
)


def keep(given):
    return given


class MutantPart:
    """A part whose samples and measure are changed on the way out."""

    def __init__(self, part, points, measure) -> None:
        self.part, self.points, self.change = part, points, measure

    axes = property(lambda self: self.part.axes)
    measure = property(lambda self: self.change(self.part.measure))

    def __eq__(self, other) -> bool:
        return self.part == getattr(other, "part", other)

    def __hash__(self) -> int:
        return hash(self.part)

    def __repr__(self) -> str:
        return repr(self.part)

    def sample(self, n, generator, *, sampling=None) -> Points:
        return self.points(self.part.sample(n, generator, sampling=sampling or Sobol()))


class Mutant(MutantPart):
    """A domain of which one thing is wrong; with no argument, a faithful copy."""

    def __init__(
        self,
        domain,
        *,
        inside=keep,
        wall=keep,
        measure=keep,
        wall_measure=keep,
        distance=keep,
        contains=keep,
        walls=None,
    ) -> None:
        super().__init__(domain, inside, measure)
        self.boundary = MutantPart(walls or domain.boundary, wall, wall_measure)
        self.distance, self.inside = distance, contains

    def signed_distance(self, coords):
        return self.distance(self.part.signed_distance(coords))

    def contains(self, coords):
        return self.inside(self.part.contains(coords))


class ByIdentity(Mutant):
    __eq__ = object.__eq__
    __hash__ = object.__hash__


BOX = Box(x=(0, 1), y=(0, 2), t=(0, 3))


def swapped(points: Points) -> Points:
    return points._replace(coords=points.coords[:, [1, 0, 2]])


def flat(points: Points) -> Points:
    return points._replace(weight=torch.full_like(points.weight, float(points.weight.mean())))


def one_wall_flipped(points: Points) -> Points:
    return points._replace(normal=torch.where(points.coords[:, :1] == 1, -points.normal, points.normal))


def noisy(points: Points) -> Points:
    return points._replace(coords=points.coords * (1 - 1e-3 * torch.rand_like(points.coords)))


MUTANTS = {
    "flipped normals": (dict(wall=lambda p: p._replace(normal=-p.normal)), normals_are_unit_and_point_outward),
    "flipped normals (flux)": (dict(wall=lambda p: p._replace(normal=-p.normal)), divergence_theorem_holds),
    "normals of one wall flipped": (dict(wall=one_wall_flipped), normals_are_unit_and_point_outward),
    "normals of length 2": (dict(wall=lambda p: p._replace(normal=2 * p.normal)), normals_are_unit_and_point_outward),
    "normals of swapped axes": (
        dict(wall=lambda p: p._replace(normal=p.normal.flip(1))),
        normals_are_unit_and_point_outward,
    ),
    "no normals": (dict(wall=lambda p: p._replace(normal=p.normal[:, :1])), samples_have_the_right_shapes),
    "swapped axes inside": (dict(inside=swapped), samples_lie_inside),
    "swapped axes on the boundary": (dict(wall=swapped), boundary_samples_lie_on_the_boundary),
    "squeezed samples": (dict(inside=lambda p: p._replace(coords=0.9 * p.coords)), weights_integrate_a_polynomial),
    "boundary moved inward": (
        dict(wall=lambda p: p._replace(coords=p.coords * (1 - 1e-6))),
        boundary_samples_lie_on_the_boundary,
    ),
    "boundary is the start of time": (dict(walls=BOX.face(t=0)), boundary_samples_lie_on_the_boundary),
    "a wall is missing": (dict(walls=BOX.face(x=0, y=(0, 2))), measures_are_right),
    "a wall is missing (flux)": (dict(walls=BOX.face(x=0, y=(0, 2))), divergence_theorem_holds),
    "half measure": (
        dict(measure=lambda m: m / 2, inside=lambda p: p._replace(weight=p.weight / 2)),
        measures_are_right,
    ),
    "half measure of the boundary": (
        dict(wall_measure=lambda m: m / 2, wall=lambda p: p._replace(weight=p.weight / 2)),
        measures_are_right,
    ),
    "half weights": (dict(inside=lambda p: p._replace(weight=p.weight / 2)), weights_sum_to_the_measure),
    "half weights on the boundary": (dict(wall=lambda p: p._replace(weight=p.weight / 2)), weights_sum_to_the_measure),
    "weights that forget the density": (dict(inside=flat), weights_integrate_a_polynomial),
    "weights that forget the density of walls": (dict(wall=flat), divergence_theorem_holds),
    "distance of the wrong sign": (dict(distance=lambda s: -s), samples_lie_inside),
    "half distance": (dict(distance=lambda s: s / 2), points_outside_are_told_apart),
    "contains everything": (dict(contains=torch.ones_like), points_outside_are_told_apart),
    "global random numbers": (dict(inside=noisy), same_seed_gives_same_points),
    "float32": (dict(inside=lambda p: p.to(torch.float32)), samples_have_the_right_shapes),
}


CASE = Case(lambda: BOX, lambda: Box(x=(0, 1)), 6.0, 18.0, 6 * (1 / 3 + 2 * 4 / 3 + 3 * 9 / 3))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_faithful_copy_passes(check: Callable[[Case], None]) -> None:
    check(replace(CASE, make=lambda: Mutant(BOX)))


@pytest.mark.parametrize(("changes", "check"), MUTANTS.values(), ids=MUTANTS.keys())
def test_suite_catches_the_mutant(changes: dict, check: Callable[[Case], None]) -> None:
    with pytest.raises(AssertionError):
        check(replace(CASE, make=lambda: Mutant(BOX, **changes)))


def test_suite_catches_equality_by_identity() -> None:
    with pytest.raises(AssertionError):
        shapes_compare_by_value(replace(CASE, make=lambda: ByIdentity(BOX)))


def test_suite_catches_a_generator_that_is_ignored() -> None:
    class Ignores(Mutant):
        def sample(self, n, generator, *, sampling=None) -> Points:  # noqa: ARG002
            return super().sample(n, seeded(0), sampling=sampling)

    with pytest.raises(AssertionError):
        same_seed_gives_same_points(replace(CASE, make=lambda: Ignores(BOX)))
