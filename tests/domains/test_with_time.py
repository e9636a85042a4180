"""The same part of space during another time interval."""

from typing import Any

import pytest

from pinnkit import Ball, Box, Parameters, PointSet, Time

ROD = Box(x=(0, 1), t=(0, 2))
BALL = Ball(x=0.0, y=0.0, radius=1.0)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (ROD, Box(x=(0, 1), t=(3, 5))),
        (ROD.boundary, Box(x=(0, 1), t=(3, 5)).boundary),
        (ROD.face(t=0), Box(x=(0, 1), t=(3, 5)).face(t=3)),
        (ROD.face(t=2), Box(x=(0, 1), t=(3, 5)).face(t=5)),
        (ROD.face(x=0), Box(x=(0, 1), t=(3, 5)).face(x=0)),
        (ROD * Parameters(nu=(0, 2)), Box(x=(0, 1), t=(3, 5)) * Parameters(nu=(0, 2))),
        (Box(x=(0, 2)), Box(x=(0, 2))),
        (BALL * Time(0, 2), BALL * Time(3, 5)),
        ((BALL * Time(0, 2)).boundary, (BALL * Time(3, 5)).boundary),
        ((BALL * Time(0, 2)).face(t=0), (BALL * Time(3, 5)).face(t=3)),
    ],
)
def test_only_time_and_its_ends_move(part: Any, expected: Any) -> None:
    assert part.with_time(3.0, 5.0) == expected


def test_given_points_keep_their_times() -> None:
    with pytest.raises(TypeError, match="given points have their own times"):
        PointSet(x=0.5, t=1.0).with_time(0.0, 1.0)
