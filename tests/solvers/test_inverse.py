"""Numbers in an equation are recovered from measurements."""

import pytest

from pinnkit import (
    LBFGS,
    Adam,
    LeastSquares,
    RandomFourier,
    solve,
)
from tests.solvers.cases import FEW, NET, inverse


@pytest.mark.parametrize("positive", [False, True])
def test_a_coefficient_is_recovered_by_training(positive: bool) -> None:
    solution = solve(
        inverse(positive=positive), NET, [Adam(steps=100, lr=1e-2, **FEW), LBFGS(steps=150, **FEW)], seed=1
    )
    assert solution.coefficients["nu"] == pytest.approx(0.15, rel=0.02)


def test_a_coefficient_is_recovered_by_least_squares_on_the_joint_system() -> None:
    given = solve(inverse(positive=True), RandomFourier(120, bandwidth=4.0), LeastSquares())
    assert given.coefficients["nu"] == pytest.approx(0.15, rel=1e-5)
    chosen = solve(inverse(), RandomFourier(120))
    assert chosen.coefficients["nu"] == pytest.approx(0.15, rel=1e-5)
