"""References of ordinary differential equations by scipy: error bars against closed forms, the choice, failures."""

import math

import numpy as np
import pytest
import torch

from pinnkit import Box, Equation, Initial, Problem, Unknown
from pinnkit.references import BudgetSpent, InitialValue, TooFewConditions, TooManyConditions, Unresolved, reference
from pinnkit.references.result import Reference

DAY = Box(t=(0, 3))


def one(rows, *, end: float = 3.0, **start: float) -> Problem:
    names = [name for name in start if "_" not in name]
    return Problem("p", Box(t=(0, end)), names, [Equation(rows), Initial(**start)])


def oscillating(seed: int) -> tuple[Problem, object]:
    draw = np.random.default_rng(seed)
    w, rate = torch.from_numpy(draw.uniform(0.5, 4, 3)), torch.from_numpy(10 ** draw.uniform(0, 4, 3))

    def rows(u, t):
        angle = w * torch.stack([t] * 3, -1)
        return u.t - w * torch.cos(angle) + rate * (u - torch.sin(angle)) ** 3 + u - torch.sin(angle)

    problem = Problem("p", DAY, [Unknown("u", 3)], [Equation(rows), Initial(u=[0.0, 0.0, 0.0])])
    return problem, lambda t: np.sin(w.numpy() * t[:, None])


CLOSED = {
    "decay": (lambda: one(lambda u: u.t + 2 * u, u=3.0), lambda t: 3 * np.exp(-2 * t)),
    "third order": (lambda: one(lambda u: u.ttt + u.t, u=0.0, u_t=1.0, u_tt=0.0), np.sin),
    "a logistic curve": (lambda: one(lambda u: u.t - u * (1 - u), u=0.1), lambda t: 1 / (1 + 9 * np.exp(-t))),
    "a stiff layer": (
        lambda: one(lambda u, t: u.t + 1e4 * (u - torch.cos(t)) + torch.sin(t), u=2.0),
        lambda t: np.cos(t) + np.exp(-1e4 * t),
    ),
    "a stiff system": (
        lambda: one(lambda u, v: (u.t + 1e5 * (u - v), v.t + v), u=1.0, v=1.0),
        lambda t: 1e5 / (1e5 - 1) * np.exp(-t) - np.exp(-1e5 * t) / (1e5 - 1),
    ),
    "steep growth": (lambda: one(lambda u: u.t - u**2, end=0.99, u=1.0), lambda t: 1 / (1 - t)),
}


def true_error(found: Reference, truth) -> float:
    (t,) = found.grid.values()
    exact = truth(t)
    return float(np.linalg.norm(found.values["u"] - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("budget", [0.3, 3.0])
def test_the_error_is_within_twice_the_bar(name: str, budget: float) -> None:
    make, truth = CLOSED[name]
    found = reference(make(), budget=budget)
    error, bar = true_error(found, truth), found.bars("u")[0]
    assert error <= 2 * bar + 1e-14
    assert bar < 1e-4
    assert found.remark == ""
    between = 0.123456
    assert found.at(t=between)["u"] == pytest.approx(float(truth(np.array([between]))[0]), rel=20 * bar + 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_random_systems_are_within_twice_their_bars(seed: int) -> None:
    problem, truth = oscillating(seed)
    found = reference(problem, budget=1.0)
    assert true_error(found, truth) <= 2 * found.bars("u")[0] + 1e-14


def test_stiff_problems_go_by_radau_and_others_by_an_explicit_method() -> None:
    kinds = {name: reference(make(), budget=0.3).kind for name, (make, _) in CLOSED.items()}
    assert {n for n, kind in kinds.items() if kind == "Radau of scipy"} == {"a stiff layer", "a stiff system"}
    assert set(kinds.values()) == {"Radau of scipy", "DOP853 of scipy"}


def test_a_larger_budget_gives_a_smaller_bar_and_the_same_one_the_same_values() -> None:
    problem = one(lambda u, t: u.t + 1e4 * (u - torch.cos(t)) + torch.sin(t), u=2.0)
    bars = [reference(problem, budget=b).bars("u")[0] for b in (0.05, 0.3, 3.0)]
    assert bars[0] > 10 * bars[1] > 100 * bars[2]
    first, second = (reference(problem, budget=0.3) for _ in range(2))
    assert np.array_equal(first.values["u"], second.values["u"])
    assert first.error_bar == second.error_bar


def test_observed_orders_are_near_the_stated_one() -> None:
    found = reference(one(lambda u: u.tt + torch.sin(u), end=20.0, u=1.0, u_t=0.0), budget=3.0)
    assert found.order == 8
    assert found.observed_order == pytest.approx(8, abs=2)


def test_the_bar_of_a_chaotic_system_grows_and_the_time_is_said() -> None:
    def rows(x, y, z):
        return x.t - 10 * (y - x), y.t - x * (28 - z) + y, z.t - x * y + 8 / 3 * z

    short, long = (reference(one(rows, end=end, x=1.0, y=1.0, z=1.0), budget=5.0) for end in (5.0, 60.0))
    assert short.bars("x")[0] < 1e-8
    assert short.remark == ""
    assert long.bars("x")[0] > 0.05
    assert "differ by more than 1 %" in long.remark
    said = float(long.remark.split("t = ")[1].split(" ")[0])
    assert 15 < said < 50


def test_a_pole_is_unresolved_with_the_time_at_which_it_is() -> None:
    with pytest.raises(Unresolved, match=r"shrink to nothing at t = (1|0\.9999)") as caught:
        reference(one(lambda u: u.t - u**2, u=1.0), budget=1.0)
    assert not isinstance(caught.value, BudgetSpent)


def test_a_budget_that_is_too_small_says_so() -> None:
    with pytest.raises(BudgetSpent, match=r"takes more than the budget of 0\.01 nominal seconds"):
        reference(one(lambda u: u.tt + 1e4 * u, u=1.0, u_t=0.0), budget=0.01)


def test_states_that_are_open_or_prescribed_twice_are_evidence() -> None:
    with pytest.raises(TooFewConditions, match="no initial state of `u_t`"):
        reference(one(lambda u: u.tt + u, u=1.0))
    equation = Equation(lambda u: u.t + u)
    with pytest.raises(TooManyConditions, match="contradict"):
        reference(Problem("p", DAY, "u", [equation, Initial(u=1.0), Initial(u=2.0, name="again")]))


def test_equations_that_are_not_affine_in_their_rates_keep_the_midpoint_rule() -> None:
    found = reference(one(lambda u: u.t + 0.1 * u.t**3 + u, u=1.0), budget=0.5)
    assert found.kind == "implicit midpoint rule"


def test_the_method_may_be_given() -> None:
    found = InitialValue().refer(one(lambda u: u.t + u, u=1.0), 0.3)
    assert true_error(found, lambda t: np.exp(-t)) < 1e-8
    assert math.isfinite(found.seconds)
    assert found.on_grid(t=5)["u"] == pytest.approx(np.exp(-np.linspace(0, 3, 5)), rel=1e-7)
