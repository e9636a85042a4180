"""Curves of the plane: lengths, nearest points, pieces, motions and meeting points against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from pinnkit.domains import Arc, Curve, EllipticalArc, Segment
from pinnkit.domains.shapes.curves import signed_distances
from pinnkit.domains.shapes.intersections import meetings
from pinnkit.domains.shapes.motion import PlaneMotion

CURVES: dict[str, Curve] = {
    "segment": Segment((0.3, -1.0), (2.0, 0.5)),
    "arc": Arc((0.5, 0.2), 1.3, 0.7, 2.1),
    "clockwise arc": Arc((0.5, 0.2), 0.6, 0.7, -4.5),
    "circle": Arc((-0.4, 0.0), 0.8, 0.3, 2 * math.pi),
    "elliptical arc": EllipticalArc((0.1, 0.2), (1.5, 0.4), 0.6, 0.3, 2.5),
    "clockwise elliptical arc": EllipticalArc((0.1, 0.2), (0.4, 1.1), -0.4, 1.0, -3.0),
    "ellipse": EllipticalArc((0.0, 0.0), (2.0, 0.1), 0.2, 0.0, 2 * math.pi),
}


def line(n: int) -> torch.Tensor:
    return torch.linspace(0, 1, n, dtype=torch.float64)


@pytest.fixture(params=CURVES.values(), ids=CURVES.keys())
def curve(request: pytest.FixtureRequest) -> Curve:
    return request.param


def test_speed_normal_and_length_are_those_of_the_points(curve: Curve) -> None:
    s, h = line(41)[1:-1], 1e-6
    tangent = (curve.point(s + h) - curve.point(s - h)) / (2 * h)
    torch.testing.assert_close(torch.linalg.vector_norm(tangent, dim=1), curve.speed(s), rtol=1e-7, atol=1e-7)
    turned = torch.stack([tangent[:, 1], -tangent[:, 0]], dim=1)
    torch.testing.assert_close(turned / curve.speed(s)[:, None], curve.normal(s), rtol=1e-7, atol=1e-6)
    length = quad(lambda x: float(curve.speed(torch.tensor([x], dtype=torch.float64))), 0, 1, epsabs=1e-12, limit=200)[
        0
    ]
    assert curve.length == pytest.approx(length, rel=1e-6)
    torch.testing.assert_close(curve.point(line(2)), torch.tensor([curve.start, curve.end], dtype=torch.float64))


def test_curvature_is_the_rate_of_turning(curve: Curve) -> None:
    s, h = line(41)[1:-1], 1e-6
    turned = (curve.normal(s + h) - curve.normal(s - h)) / (2 * h) / curve.speed(s)[:, None]
    tangent = torch.stack([-curve.normal(s)[:, 1], curve.normal(s)[:, 0]], dim=1)
    torch.testing.assert_close((turned * tangent).sum(dim=1), curve.curvature(s), rtol=1e-5, atol=1e-5)


def test_shares_of_the_length_are_reached_where_they_should(curve: Curve) -> None:
    share = torch.tensor([0.0, 0.1, 0.37, 0.5, 0.93, 1.0], dtype=torch.float64)
    s = curve.at_length(share)
    for end, expected in zip(s.tolist(), share.tolist(), strict=True):
        assert (curve.cut(0.0, end).length if end else 0.0) == pytest.approx(expected * curve.length, abs=1e-11)


def test_the_nearest_point_is_that_of_many(curve: Curve) -> None:
    points = 4 * torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 2
    distance, foot = signed_distances(curve, points)
    dense = torch.cdist(points, curve.point(line(20001))).amin(dim=1)
    assert bool((torch.linalg.vector_norm(curve.point(foot) - points, dim=1) <= dense + 1e-12).all())
    assert float((distance.abs() - dense).abs().max()) < 2e-4
    torch.testing.assert_close(
        distance.abs(), torch.linalg.vector_norm(curve.point(foot) - points, dim=1), rtol=0, atol=1e-12
    )


def test_pieces_and_reversed_curves_have_the_same_points(curve: Curve) -> None:
    s = line(9)
    torch.testing.assert_close(curve.cut(0.2, 0.7).point(s), curve.point(0.2 + 0.5 * s), rtol=0, atol=1e-14)
    torch.testing.assert_close(curve.reversed().point(s), curve.point(1 - s), rtol=0, atol=1e-14)
    torch.testing.assert_close(curve.reversed().normal(s), -curve.normal(1 - s), rtol=0, atol=1e-13)


def test_motions_move_the_points(curve: Curve) -> None:
    motion = PlaneMotion(0.7, 1.5, (0.3, -0.2))
    expected = torch.tensor([motion.applied((x, y)) for x, y in curve.point(line(9)).tolist()], dtype=torch.float64)
    torch.testing.assert_close(curve.moved(motion).point(line(9)), expected, rtol=0, atol=1e-13)
    assert curve.moved(motion).length == pytest.approx(1.5 * curve.length, rel=1e-12)


def whole(seed: int) -> Curve:
    """A random segment, circle or ellipse near the origin."""
    rng = np.random.default_rng(seed)
    x, y, a, b, tilt = rng.uniform(-0.5, 0.5, 2).tolist() + rng.uniform(0.3, 1.0, 2).tolist() + [rng.uniform(0, 3)]
    kind = seed % 3
    if kind == 0:
        return Segment(
            (x - 2 * math.cos(tilt), y - 2 * math.sin(tilt)), (x + 2 * math.cos(tilt), y + 2 * math.sin(tilt))
        )
    return Arc((x, y), a, tilt, 2 * math.pi) if kind == 1 else EllipticalArc((x, y), (a, b), tilt, 0.0, 2 * math.pi)


@pytest.mark.parametrize("seed", range(60))
def test_all_crossings_are_found(seed: int) -> None:
    a, b = whole(seed), whole(7 * seed + 3 + seed // 3)
    on_a, on_b = meetings(a, b, 1e-11)
    at_a = a.point(torch.tensor(on_a, dtype=torch.float64).reshape(-1))
    at_b = b.point(torch.tensor(on_b, dtype=torch.float64).reshape(-1))
    torch.testing.assert_close(at_a, at_b, rtol=0, atol=1e-10)
    # Between neighbouring points of a dense polygon on one curve, the side of the other changes at crossings.
    dense = a.point(line(200001))
    if isinstance(b, Segment):
        side = b.height(dense, torch.full((len(dense),), 0.5, dtype=torch.float64)) > 0
    else:
        foot = b.foot(dense[::20])
        side = b.height(dense[::20], foot) > 0
    changes = int((side[1:] != side[:-1]).sum())
    found = {(round(x, 8), round(y, 8)) for x, y in at_a.tolist()}
    assert len(found) >= changes


def test_curves_that_touch_meet_once() -> None:
    circle = Arc((0.0, 0.0), 1.0, 0.1, 2 * math.pi)
    for other in (
        Segment((-1.0, 1.0), (2.0, 1.0)),
        Arc((3.0, 0.0), 2.0, 0.2, 2 * math.pi),
        Arc((0.5, 0), 0.5, 1.0, 6.0),
    ):
        on, _ = meetings(circle, other, 1e-11)
        places = {(round(x, 6), round(y, 6)) for x, y in circle.point(torch.tensor(on, dtype=torch.float64)).tolist()}
        assert len(places) == 1


def test_curves_that_share_a_piece_meet_at_its_ends() -> None:
    on_a, on_b = meetings(Segment((0, 0), (2, 0)), Segment((3, 0), (1, 0)), 1e-11)
    assert sorted(set(on_a)) == [0.5, 1.0]
    assert sorted(set(on_b)) == [0.5, 1.0]
    on_a, _ = meetings(Arc((0, 0), 1.0, 0.0, 2.0), Arc((0, 0), 1.0, 1.0, 2.0), 1e-11)
    assert sorted({round(s, 12) for s in on_a}) == [0.5, 1.0]


@pytest.mark.parametrize("offset", [0.0, 1e-12, 1e-10, 1e-9, 3e-8, 1e-6, -1e-10, -3e-8])
def test_crossings_beside_the_place_where_an_ellipse_begins(offset: float) -> None:
    ellipse = EllipticalArc((0.0, 0.0), (2.0, 1.0), 0.3, 0.0, 2 * math.pi)
    x, y = ellipse.point(torch.tensor([offset / (2 * math.pi)], dtype=torch.float64))[0].tolist()
    along, _ = meetings(ellipse, Segment((x - 1, y - 0.5), (x + 1, y + 0.5)), 1e-11)
    found = ellipse.point(torch.tensor(along, dtype=torch.float64))
    assert float((found - torch.tensor([x, y], dtype=torch.float64)).norm(dim=1).min()) < 1e-11
