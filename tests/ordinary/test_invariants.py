"""Linear and quadratic invariants: found where there are such, none where there are none."""

import numpy as np
import torch

from pinnkit import Box, Equation, Initial, Problem, Unknown
from pinnkit.ordinary import OrdinarySystem, invariants_of

DAY = Box(t=(0, 2))


def texts(problem: Problem) -> list[str]:
    return [str(one) for one in invariants_of(OrdinarySystem(problem))]


def test_the_sum_of_reacting_substances_is_found() -> None:
    def rows(a, b, c):
        return a.t + 0.04 * a - 1e4 * b * c, b.t - 0.04 * a + 1e4 * b * c + 3e7 * b**2, c.t - 3e7 * b**2

    problem = Problem("r", DAY, ["a", "b", "c"], [Equation(rows), Initial(a=1.0, b=0.0, c=0.0)])
    assert texts(problem) == ["a + b + c"]


def test_the_energy_and_the_momentum_of_a_rigid_body_are_found() -> None:
    def rows(x, y, z):  # Euler's equations with moments of inertia 1, 2, 3
        return x.t + y * z, 2 * y.t - 2 * z * x, 3 * z.t + x * y

    problem = Problem("euler", DAY, ["x", "y", "z"], [Equation(rows), Initial(x=1.0, y=0.5, z=0.3)])
    found = invariants_of(OrdinarySystem(problem))
    assert len(found) == 2
    span = np.array([[dict(zip(i.powers, i.coefficients, strict=True)).get(p, 0.0) for p in POWERS] for i in found])
    for known in ([1.0, 2.0, 3.0], [1.0, 4.0, 9.0]):
        rest = np.array(known) - np.linalg.lstsq(span.T, np.array(known), rcond=None)[0] @ span
        assert np.abs(rest).max() < 1e-8


POWERS = [(2, 0, 0), (0, 2, 0), (0, 0, 2)]


def test_products_of_linear_invariants_are_not_repeated() -> None:
    matrix = torch.tensor([[-1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    problem = Problem("x", DAY, [Unknown("u", 2)], [Equation(lambda u: u.t - u @ matrix), Initial(u=[1.0, 0.0])])
    assert texts(problem) == ["u[0] + u[1]"]


def test_dissipation_and_time_leave_no_invariant() -> None:
    damped = Problem("d", DAY, "u", [Equation(lambda u: u.tt + 0.1 * u.t + u), Initial(u=1.0, u_t=0.0)])
    driven = Problem("d", DAY, "u", [Equation(lambda u, t: u.tt + (1 + t) * u), Initial(u=1.0, u_t=0.0)])
    pendulum = Problem("d", DAY, "u", [Equation(lambda u: u.tt + torch.sin(u)), Initial(u=1.0, u_t=0.0)])
    for problem in (damped, driven, pendulum):  # the energy of a pendulum is no polynomial
        assert texts(problem) == []


def test_the_drift_is_relative_to_the_size_of_the_terms() -> None:
    problem = Problem("o", DAY, "u", [Equation(lambda u: u.tt + 4 * u), Initial(u=1.0, u_t=0.0)])
    (energy,) = invariants_of(OrdinarySystem(problem))
    assert str(energy) == "u^2 + 0.25 u_t^2"
    t = np.linspace(0, 3, 50)
    states = np.stack([np.cos(2 * t), -2 * np.sin(2 * t)], axis=1)
    assert energy.drift(states) < 1e-14
    assert abs(energy.drift(np.concatenate([states, 1.1 * states])) - 0.21 / 1.21) < 1e-12
