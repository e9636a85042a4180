"""Explicit first-order form: rates and Jacobians against hand-made ones, the initial state, refusals."""

import numpy as np
import pytest
import torch

from pinnkit import Box, Condition, Data, Equation, Initial, Integral, Problem, Unknown, Unsupported
from pinnkit.ordinary import ContradictoryState, OpenState, OrdinarySystem

DAY = Box(t=(0, 2))


def pendulum(**start: float) -> Problem:
    given = start or dict(u=1.0, u_t=0.5)
    return Problem("p", DAY, "u", [Equation(lambda u, t: u.tt + 0.1 * u.t + torch.sin(u) - t), Initial(**given)])


def coupled() -> Problem:
    """Two accelerations in each equation, with a matrix that depends on the state."""

    def rows(p, q):
        c = torch.cos(p - q)
        return 2 * p.tt + q.tt * c + q.t**2 + torch.sin(p), q.tt + p.tt * c - p.t * q + p

    return Problem("c", DAY, ["p", "q"], [Equation(rows), Initial(p=0.3, q=-0.4, p_t=1.0, q_t=0.2)])


def by_hand(y: np.ndarray) -> np.ndarray:
    p, p1, q, q1 = y
    c = np.cos(p - q)
    k = np.linalg.solve([[2, c], [c, 1]], [-(q1**2) - np.sin(p), p1 * q - p])
    return np.array([p1, k[0], q1, k[1]])


def test_rates_of_one_state_and_of_many_are_those_by_hand() -> None:
    system = OrdinarySystem(coupled())
    assert system.names == ("p", "p_t", "q", "q_t")
    assert np.array_equal(system.start, [0.3, 1.0, -0.4, 0.2])
    states = np.random.default_rng(0).standard_normal((7, 4))
    true = np.stack([by_hand(y) for y in states])
    assert np.allclose(system.rates(np.zeros(7), states), true, rtol=1e-12)
    for y, f in zip(states, true, strict=True):
        assert np.allclose(system.rate_at(0.0, y), f, rtol=1e-11)


@pytest.mark.parametrize("make", [pendulum, coupled])
def test_the_jacobian_is_the_limit_of_differences(make) -> None:
    system = OrdinarySystem(make())
    y, t = system.start + 0.1, np.array([0.7])
    jacobian = system.evaluate(t, y[None]).jacobian[0]
    for i in range(system.size):
        step = np.zeros(system.size)
        step[i] = 1e-6
        slope = (system.rates(t, (y + step)[None]) - system.rates(t, (y - step)[None]))[0] / 2e-6
        assert np.allclose(jacobian[:, i], slope, atol=1e-7)


def test_a_vector_unknown_has_a_row_for_each_component() -> None:
    matrix = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 2.0], [0.5, 0.0, -3.0]], dtype=torch.float64)
    start = [1.0, 2.0, 3.0]
    problem = Problem("v", DAY, [Unknown("u", 3)], [Equation(lambda u: u.t - u @ matrix.T), Initial(u=start)])
    system = OrdinarySystem(problem)
    assert system.names == ("u[0]", "u[1]", "u[2]")
    found = system.evaluate(np.zeros(2), np.array([start, start]))
    assert np.allclose(found.rates, matrix.numpy() @ np.array(start))
    assert np.allclose(found.jacobian, matrix.numpy())


def test_conditions_that_mix_rows_of_the_state_are_solved() -> None:
    mixed = Condition(DAY.face(t=0), lambda u: (u + u.t - 3, u - u.t - 1))
    problem = Problem("m", DAY, "u", [Equation(lambda u: u.tt + u), mixed])
    assert np.allclose(OrdinarySystem(problem).start, [2.0, 1.0])


def test_a_higher_derivative_starts_from_its_own_value() -> None:
    problem = Problem("h", DAY, "u", [Equation(lambda u: u.ttt + u), Initial(u=1.0, u_t=2.0, u_tt=3.0)])
    assert np.array_equal(OrdinarySystem(problem).start, [1.0, 2.0, 3.0])


def test_states_far_from_one_and_functions_that_ask_for_positive_numbers_are_probed_near_the_start() -> None:
    problem = Problem("g", DAY, "u", [Equation(lambda u: u.t + u * torch.log(u)), Initial(u=5e4)])
    assert OrdinarySystem(problem).rate_at(0.0, np.array([5e4]))[0] == pytest.approx(-5e4 * np.log(5e4))


def test_functions_that_are_finite_for_few_numbers_are_probed_where_they_are() -> None:
    problem = Problem("f", DAY, "u", [Equation(lambda u: u.t - torch.log(u - 100)), Initial(u=150.0)])
    assert OrdinarySystem(problem).rate_at(0.0, np.array([150.0]))[0] == pytest.approx(np.log(50))


def test_what_is_no_initial_value_problem_is_refused_by_name() -> None:
    day, start = DAY, Initial(u=1.0)
    equation = Equation(lambda u: u.t + u)
    plate = Box(x=(0, 1), t=(0, 1))
    cases = {
        "`x` is an axis beside time": Problem("p", plate, "u", [Equation(lambda u: u.t - u.xx)]),
        "no time axis": Problem("p", Box(x=(0, 1)), "u", [Equation(lambda u: u.xx)]),
        "`data` is|'data' is a Data term": Problem("p", day, "u", [equation, start, Data(dict(t=[0.5]), u=[1.0])]),
        "condition at the end of time": Problem("p", day, "u", [equation, Condition(day.face(t=2), lambda u: u)]),
        "not affine in the highest": Problem("p", day, "u", [Equation(lambda u: u.t**2 - u), start]),
        "1 equations for 2 components": Problem("p", day, ["u", "v"], [Equation(lambda u, v: u.t + v.t), start]),
        "no equation has a time derivative of `v`": Problem(
            "p", day, ["u", "v"], [Equation(lambda u, v: (u.t - v, u - v)), start]
        ),
        "follows from the others": Problem(
            "p", day, ["u", "v"], [Equation(lambda u, v: (u.t - v.t, 2 * u.t - 2 * v.t + u)), Initial(u=1.0, v=1.0)]
        ),
        "has an integral": Problem(
            "p",
            day,
            "u",
            [Equation(lambda u, m: u.t - m, m=Integral(lambda u, s: s * u, t=("s", 0, lambda t: t))), start],
        ),
        "is not affine in the unknowns": Problem("p", day, "u", [equation, Condition(day.face(t=0), lambda u: u**2)]),
        "not finite near the initial state": Problem("p", day, "u", [Equation(lambda u: u.t - (u - 5) ** 0.5), start]),
    }
    for words, problem in cases.items():
        with pytest.raises(Unsupported, match=words) as caught:
            OrdinarySystem(problem)
        assert str(caught.value).startswith("problem 'p': ")


def test_an_initial_state_that_is_open_or_contradicts_itself_is_named() -> None:
    with pytest.raises(OpenState, match="no initial state of `u_t`; add Initial"):
        OrdinarySystem(pendulum(u=1.0))
    equation = Equation(lambda u: u.t + u)
    twice = Problem("p", DAY, "u", [equation, Initial(u=1.0), Initial(u=2.0, name="again")])
    with pytest.raises(ContradictoryState, match="contradict each other"):
        OrdinarySystem(twice)
    high = Problem("p", DAY, "u", [equation, Initial(u=1.0, u_t=-1.0)])
    with pytest.raises(Unsupported, match="order 1 of `u`, which the equations determine"):
        OrdinarySystem(high)
