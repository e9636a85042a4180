"""Problems that cannot be marched in time are refused with the reason, and bad arguments are named."""

import math

import pytest

from pinnkit import (
    Box,
    Coefficient,
    Condition,
    Data,
    Dirichlet,
    Equation,
    Initial,
    March,
    Periodic,
    Problem,
    Unsupported,
)
from pinnkit.solvers import ExponentialRK, Radau
from pinnkit.solvers.method_of_lines.march import can_march, march

ROD = Box(x=(0, 1), t=(0, 1))
LEFT = ROD.face(x=0)
RING = Box(x=(0, 2 * math.pi), t=(0, 1))
BOX2 = Box(x=(0, 1), y=(0, 1), t=(0, 1))
START = Initial(u=0.0)
ZERO = Dirichlet(ROD.boundary, u=0.0)
REFUSED = {
    "2 space dimensions": (BOX2, [Equation(lambda u: u.t - u.laplacian), Dirichlet(BOX2.boundary, u=0.0), START]),
    "no time axis": (Box(x=(0, 1)), [Equation(lambda u: u.xx), Dirichlet(Box(x=(0, 1)).boundary, u=0.0)]),
    "no equation has a time derivative": (ROD, [Equation(lambda u: u.xx), ZERO, START]),
    "not affine in the highest time derivatives": (ROD, [Equation(lambda u: u.t**2 - u.xx), ZERO, START]),
    "differentiated in space as well": (ROD, [Equation(lambda u: u.t - u.d("x", "x", "t") - u.xx), ZERO, START]),
    "no condition on the walls": (ROD, [Equation(lambda u: u.t - u.xx), START]),
    "is not affine in the unknowns": (
        ROD,
        [Equation(lambda u: u.t - u.xx), Condition(ROD.boundary, lambda u: u**2), START],
    ),
    "change in time": (ROD, [Equation(lambda u: u.t - u.xx), Condition(LEFT, lambda u, t: (1 + t) * u + u.x), START]),
    "holds a time derivative": (ROD, [Equation(lambda u: u.t - u.xx), Condition(LEFT, lambda u: u.t + u.x), START]),
    "no initial state of `u`": (ROD, [Equation(lambda u: u.t - u.xx), ZERO]),
    "no initial state of `u_t`": (ROD, [Equation(lambda u: u.tt - u.xx), ZERO, START]),
    "a Data term": (
        ROD,
        [Equation(lambda u: u.t - u.xx), ZERO, START, Data({"x": [0.5], "t": [0.5]}, u=[0.1])],
    ),
    "condition at the end of time": (
        ROD,
        [Equation(lambda u: u.t - u.xx), ZERO, START, Condition(ROD.face(t=1), lambda u: u)],
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_marched_is_refused_with_the_reason(words: str) -> None:
    domain, terms = REFUSED[words]
    problem = Problem("refused", domain, "u", terms)
    assert words in can_march(problem)
    with pytest.raises(Unsupported, match="problem 'refused'") as caught:
        march(problem, March())
    assert caught.value.method == "method of lines"
    assert caught.value.reason == str(caught.value) == can_march(problem)


def test_more_that_is_refused() -> None:
    unknown = Problem(
        "found",
        ROD,
        "u",
        [Equation(lambda u, nu: u.t - nu * u.xx), ZERO, START],
        coefficients=[Coefficient("nu", 0.1)],
    )
    assert "unknown coefficient" in can_march(unknown)
    constraint = Problem(
        "constraint",
        RING,
        ["u", "v"],
        [Equation(lambda u, v: (u.t + v.t, u.t + v.t + u.xx)), Periodic("x"), Initial(u=0.0, v=0.0)],
    )
    assert "constraint" in can_march(constraint)
    heat = Problem("heat", ROD, "u", [Equation(lambda u: u.t - u.xx), ZERO, START])
    assert can_march(heat) is None
    with pytest.raises(Unsupported, match="not periodic"):
        march(heat, March(ExponentialRK()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(method="radau"), "`method` must be"),
        (dict(tolerance=0.5), "`tolerance` must be"),
        (dict(modes=3), "`modes` must be"),
        (dict(most=True), "`most` must be"),
        (dict(modes=50, most=20), "must not exceed"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        March(**arguments)
    for method in (Radau, ExponentialRK):
        with pytest.raises(ValueError, match="stages"):
            method(stages=2)
