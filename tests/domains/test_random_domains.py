"""Properties of random boxes, balls and products: points inside, additive measures, determinism, files."""

from __future__ import annotations

import json
import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnkit.domains import (
    Ball,
    Box,
    Chebyshev,
    Cube,
    Domain,
    Parameters,
    Sobol,
    Time,
    Uniform,
    domain_from_dict,
    domain_to_dict,
    space_columns,
)

SETTINGS = settings(derandomize=True, deadline=None, max_examples=60, database=None)

numbers = st.floats(-50, 50, allow_nan=False).map(lambda x: round(x, 3))
lengths = st.floats(0.01, 40, allow_nan=False).map(lambda x: round(x, 3))
intervals = st.builds(lambda lower, length: (lower, lower + length), numbers, lengths)
samplings = st.sampled_from([Sobol(), Chebyshev(), Uniform()])
seeds = st.integers(0, 2**31)


@st.composite
def boxes(draw: st.DrawFn) -> Domain:
    names = draw(st.lists(st.sampled_from(["x", "y", "z", "theta"]), min_size=1, max_size=3, unique=True))
    sides = {}
    for name in names:
        lower, upper = draw(intervals)
        dim = draw(st.integers(1, 3))
        sides[name] = (lower, upper) if dim == 1 else Cube(lower, upper, dim)
    return draw(products(Box(**sides)))


@st.composite
def balls(draw: st.DrawFn) -> Domain:
    dim = draw(st.integers(2, 5))
    shape = Ball(x=(draw(numbers),) * dim, radius=draw(lengths))
    return draw(products(shape))


@st.composite
def products(draw: st.DrawFn, shape: Box | Ball) -> Domain:
    domain: Domain = shape
    if draw(st.booleans()):
        domain = domain * Time(*draw(intervals))  # type: ignore[operator]
    if draw(st.booleans()):
        domain = domain * Parameters(nu=draw(intervals))  # type: ignore[operator]
    return domain


domains = st.one_of(boxes(), balls())


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@SETTINGS
@given(domains, samplings, seeds, st.integers(1, 70))
def test_points_lie_inside_and_their_weights_sum_to_the_measure(domain: Domain, sampling, seed: int, n: int) -> None:
    points = domain.sample(n, seeded(seed), sampling=sampling)
    assert points.coords.shape == (n, len(domain.columns))
    assert points.coords.dtype == torch.float64
    assert domain.contains(points.coords).all()
    assert points.weight is not None
    assert math.isclose(float(points.weight.sum()), domain.measure, rel_tol=1e-9)
    again = domain.sample(n, seeded(seed), sampling=sampling)
    assert torch.equal(points.coords, again.coords)
    assert torch.equal(points.weight, again.weight)


@SETTINGS
@given(domains, samplings, seeds)
def test_boundary_points_lie_on_the_boundary_with_unit_outward_normals(domain: Domain, sampling, seed: int) -> None:
    points = domain.boundary.sample(64, seeded(seed), sampling=sampling)
    size = float(points.coords.abs().max()) + 1
    assert float(domain.signed_distance(points.coords).abs().max()) <= 1e-13 * size
    assert math.isclose(float(points.weight.sum()), domain.boundary.measure, rel_tol=1e-9)
    torch.testing.assert_close(points.normal.norm(dim=1), torch.ones(len(points.normal)).double(), rtol=0, atol=1e-12)
    step = 1e-6 * size
    moved = points.coords.clone()
    moved[:, list(space_columns(domain.axes))] += step * points.normal
    assert (domain.signed_distance(moved) > 0).all()


@SETTINGS
@given(boxes(), st.floats(0.1, 0.9))
def test_measures_of_a_divided_box_add_up(domain: Domain, share: float) -> None:
    assert isinstance(domain, Box)
    axis = next((a for a in domain.axes if a.dim == 1), None)
    if axis is None:
        return
    middle = axis.lower + share * axis.extent
    halves = [
        Box.of(*(type(a)(a.name, *ends, a.role, a.dim) if a is axis else a for a in domain.axes))
        for ends in ((axis.lower, middle), (middle, axis.upper))
    ]
    assert math.isclose(sum(half.measure for half in halves), domain.measure, rel_tol=1e-9)


@SETTINGS
@given(domains)
def test_faces_at_the_ends_of_time_measure_the_domain_at_one_time(domain: Domain) -> None:
    for axis in domain.axes:
        if axis.name in ("t", "nu"):
            for value in (axis.lower, axis.upper):
                face = domain.face(**{axis.name: value})
                assert math.isclose(face.measure * axis.extent, domain.measure, rel_tol=1e-9)
                column = domain.columns.index(axis.name)
                assert (face.sample(8, seeded(0)).coords[:, column] == value).all()


@SETTINGS
@given(domains)
def test_domains_come_back_from_files_and_move_in_time(domain: Domain) -> None:
    assert domain_from_dict(json.loads(json.dumps(domain_to_dict(domain)))) == domain
    later = domain.with_time(100.0, 101.0)
    assert [(a.lower, a.upper) for a in later.axes if a.name == "t"] in ([], [(100.0, 101.0)])
    assert [a for a in later.axes if a.name != "t"] == [a for a in domain.axes if a.name != "t"]
