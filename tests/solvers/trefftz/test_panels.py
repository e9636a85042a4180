"""Panels and chords of curves: nothing left out, short near singularities, digits kept at the ends."""

import math

import pytest
import torch

from pinnkit.domains import Arc, EllipticalArc, Segment
from pinnkit.solvers.trefftz.chords import chord
from pinnkit.solvers.trefftz.panels import Arm, gaps, panels_of

CURVES = [
    Segment((0.3, -0.2), (1.7, 2.1)),
    Arc((0.4, 0.1), 1.3, 0.5, 2.2),
    Arc((0.4, 0.1), 1.3, 0.5, -2 * math.pi),
    EllipticalArc((0.4, 0.1), (1.5, 0.6), 0.3, 0.7, 1.9),
]


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("backward", [False, True])
def test_chords_are_differences_of_points_and_the_integral_of_the_tangent(curve, backward: bool) -> None:
    t = torch.tensor([1e-3, 0.1, 0.5], dtype=torch.float64)
    ends = torch.tensor([1.0 if backward else 0.0], dtype=torch.float64)
    exact = curve.point(1 - t if backward else t) - curve.point(ends)
    torch.testing.assert_close(chord(curve, backward, t), exact, rtol=1e-12, atol=1e-14)
    general = chord.dispatch(object)
    torch.testing.assert_close(general(curve, backward, t), exact, rtol=1e-9, atol=1e-14)
    tiny = torch.tensor([1e-40], dtype=torch.float64)
    length = torch.linalg.vector_norm(chord(curve, backward, tiny), dim=1)
    assert float(length) == pytest.approx(1e-40 * float(curve.speed(ends)), rel=1e-9)


@pytest.mark.parametrize("curve", CURVES)
def test_panels_cover_the_arm_and_are_short_near_singularities(curve) -> None:
    end = torch.tensor([curve.start], dtype=torch.float64)
    beside = curve.point(torch.tensor([0.4], dtype=torch.float64)) + 0.01
    singular = torch.cat([end, beside])
    arm = Arm(curve, backward=False)
    panels = panels_of(arm, singular, 0.3)
    assert float(panels.lower[0]) == 0.0
    assert float(panels.upper[-1]) == 0.5
    assert torch.equal(panels.lower[1:], panels.upper[:-1])
    size = curve.length * (panels.upper - panels.lower)
    middle = arm.offset((panels.lower + panels.upper) / 2)
    near = gaps(middle, singular - end)
    assert bool((size[1:] <= 4.5 * near[1:]).all())  # 3 at the nearest of three points
    assert float(size.max()) <= 0.3 * 2.5  # a curve is longer than its chord, and speeds differ along an ellipse
    assert float(panels.upper[0]) < 1e-15


def test_gauss_weights_sum_to_the_length() -> None:
    for curve in CURVES:
        total = sum(
            float(panels_of(Arm(curve, backward), torch.zeros(0, 2, dtype=torch.float64), 0.2).gauss(12)[1].sum())
            for backward in (False, True)
        )
        assert total == pytest.approx(curve.length, rel=1e-12)
