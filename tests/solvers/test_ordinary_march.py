"""Ordinary differential equations by `solve`: random systems against closed forms, run options, files, refusals."""

import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy
import torch

from pinnkit import (
    Box,
    Coefficient,
    Condition,
    Data,
    Drift,
    Equation,
    Initial,
    LeastSquares,
    March,
    Parameters,
    Problem,
    Solution,
    Status,
    Unknown,
    Unsupported,
    export,
    hardened,
    load,
    plan,
    solve,
    verdict,
)
from pinnkit.problem.terms import Term
from pinnkit.solutions import save
from pinnkit.solvers import ExponentialRK, Radau

Truth = Callable[[np.ndarray], dict[str, np.ndarray]]


def error(solution: Solution, truth: Truth, count: int = 1001) -> float:
    """Relative L2 error of the worst unknown at evenly spaced times."""
    (axis,) = solution.problem.axes
    t = np.linspace(axis.lower, axis.upper, count)
    found, true = solution(t=t), truth(t)
    return max(float(np.linalg.norm(found[n] - v) / np.linalg.norm(v)) for n, v in true.items())


def linear(kind: str, size: int, seed: int) -> tuple[Problem, Truth]:
    """u' = A u with random eigenvectors; decaying at rates from 0.1 to 1e5, oscillating, or both."""
    draw = np.random.default_rng(seed)
    vectors = np.linalg.qr(draw.standard_normal((size, size)))[0] + 0.2 * draw.standard_normal((size, size)) / size
    blocks = np.zeros((size, size))
    for i in range(0, size - 1, 2):
        w = draw.uniform(0.5, 8)
        blocks[i : i + 2, i : i + 2] = {
            "stiff": np.diag(-(10 ** draw.uniform(-1, 5, 2))),
            "oscillating": np.array([[0, w], [-w, 0]]),
            "mixed": np.array([[-0.3, w], [-w, -0.3]]) if i else np.diag([-1e4, -1.0]),
        }[kind]
    if size % 2:
        blocks[-1, -1] = -1.0
    matrix = vectors @ blocks @ np.linalg.inv(vectors)
    start = draw.standard_normal(size)
    torches = torch.from_numpy(matrix)
    problem = Problem(
        "linear",
        Box(t=(0, 6)),
        [Unknown("u", size)],
        [Equation(lambda u: u.t - u @ torches.T), Initial(u=torch.from_numpy(start))],
    )

    def truth(t: np.ndarray) -> dict[str, np.ndarray]:
        inner = np.linalg.solve(vectors, start)
        return {"u": np.stack([vectors @ scipy.linalg.expm(blocks * s) @ inner for s in t])}

    return problem, truth


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [2, 5, 12])
@pytest.mark.parametrize("kind", ["stiff", "oscillating", "mixed"])
def test_random_linear_systems(kind: str, size: int, seed: int) -> None:
    problem, truth = linear(kind, size, seed)
    assert error(solve(problem), truth, 101) < 1e-9  # seen: at most 7e-11


@pytest.mark.parametrize("kind", ["stiff", "oscillating"])
@pytest.mark.parametrize("size", [50, 80])  # stages solved together, and decoupled
def test_large_linear_systems(kind: str, size: int) -> None:
    problem, truth = linear(kind, size, 7)
    found = solve(problem)
    assert error(found, truth, 101) < 1e-9
    assert f"{9 if size == 50 else 7} Radau points" in found.choice


def manufactured(seed: int) -> tuple[Problem, Truth]:
    """u' = e' - lambda (u - e) - tanh(W u) + tanh(W e), whose solution is e = sin(w t + p)."""
    draw = np.random.default_rng(seed)
    size = int(draw.integers(2, 7))
    weights, w = torch.from_numpy(3 * draw.standard_normal((size, size))), torch.from_numpy(draw.uniform(0.5, 4, size))
    phase, rates = torch.from_numpy(draw.uniform(0, 6, size)), torch.from_numpy(10 ** draw.uniform(0, 5, size))

    def rows(u, t):
        angle = w * torch.stack([t] * size, -1) + phase
        e, slope = torch.sin(angle), w * torch.cos(angle)
        return u.t - slope + rates * (u - e) + torch.tanh(u @ weights.T) - torch.tanh(e @ weights.T)

    problem = Problem(
        "manufactured", Box(t=(0, 5)), [Unknown("u", size)], [Equation(rows), Initial(u=torch.sin(phase))]
    )
    return problem, lambda t: {"u": np.sin(w.numpy() * t[:, None] + phase.numpy())}


@pytest.mark.parametrize("seed", range(6))
def test_random_nonlinear_systems_with_a_known_solution(seed: int) -> None:
    problem, truth = manufactured(seed)
    assert error(solve(problem), truth) < 1e-11


def mass(x, y, t):
    """Both rates in both equations, one of them times a function of the state; x = sin(t), y = cos(2 t)."""
    first = 2 * torch.cos(t) - 2 * torch.sin(2 * t)
    second = torch.cos(t) + 6 * torch.sin(2 * t)
    return (
        2 * x.t + y.t - first - 3 * (x - torch.sin(t)),
        (1 + x**2) * (x.t - 3 * y.t - second) + y - torch.cos(2 * t),
    )


WEEK = Box(t=(0, 6))


def one(rows: Callable[..., Any], end: float, *more: Term, first: float = 0.0, **start: float) -> Problem:
    """Problem of a single equation, or of several rows, from `first` to `end`."""
    names = [name for name in start if "_" not in name]
    return Problem("known", Box(t=(first, end)), names, [Equation(rows), Initial(**start), *more])


def oscillates(x, y):
    return x.tt + x + y - 1, y.t + y * (1 + x**2) - (1 + x**2)


def jump(u, t):
    return u.t - torch.sign(torch.sin(t))


def layer(rate: float) -> Callable[..., Any]:
    return lambda u, t: u.t + rate * (u - torch.cos(t)) + torch.sin(t)


KNOWN: dict[str, tuple[Problem, Truth]] = {
    "third order": (
        one(lambda u: u.ttt + u.tt + 4 * u.t + 4 * u, 10, u=1.0, u_t=-1.0, u_tt=1.0),
        lambda t: {"u": np.exp(-t)},
    ),
    "fourth order, one derivative by a condition": (
        one(lambda u: u.tttt - u, 6, Condition(WEEK.face(t=0), lambda u: u.tt + 1), u=1.0, u_t=0.0, u_ttt=0.0),
        lambda t: {"u": np.cos(t)},
    ),
    "two rates in an equation": (one(mass, 3, x=0.0, y=1.0), lambda t: {"x": np.sin(t), "y": np.cos(2 * t)}),
    "orders one and two together": (
        one(oscillates, 3, x=1.0, x_t=0.0, y=1.0),
        lambda t: {"x": np.cos(t), "y": 1 + 0 * t},
    ),
    "singular at the start (Lane-Emden, n = 5)": (
        one(lambda u, t: u.tt + 2 / t * u.t + u**5, 3, u=1.0, u_t=0.0),
        lambda t: {"u": 1 / np.sqrt(1 + t**2 / 3)},
    ),
    "a matrix of rates that vanishes at the start": (
        one(lambda u, t: t * u.tt + 2 * u.t + t * u, 3, u=1.0, u_t=0.0),
        lambda t: {"u": np.sinc(t / np.pi)},
    ),
    "small units": (
        one(lambda u: u.tt + 1e20 * u, 1e-9, u=1e-7, u_t=0.0),
        lambda t: {"u": 1e-7 * np.cos(1e10 * t)},
    ),
    "a right-hand side that jumps": (
        one(jump, 10, u=0.0),
        lambda t: {"u": np.abs((t + np.pi) % (2 * np.pi) - np.pi)},
    ),
    "Prothero and Robinson, lambda = 1e8": (one(layer(1e8), 10, u=1.0), lambda t: {"u": np.cos(t)}),
    "an initial layer": (one(layer(1e3), 3, u=2.0), lambda t: {"u": np.cos(t) + np.exp(-1000 * t)}),
    "a start that is not zero": (one(lambda u, t: u.t - u / t, 5, first=2.0, u=2.0), lambda t: {"u": t}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_equations_with_a_closed_form(name: str) -> None:
    problem, truth = KNOWN[name]
    found = solve(problem)
    assert found.status is Status.CONVERGED
    assert error(found, truth) < 1e-9


def spring(**changes: Any) -> Problem:
    given: dict[str, Any] = dict(
        name="spring",
        domain=Box(t=(0, 6)),
        unknowns="u",
        terms=[Equation(lambda u: u.tt + 4 * u), Initial(u=0.5, u_t=0.0)],
    )
    return Problem(**{**given, **changes})


def test_the_plan_of_ordinary_equations_with_an_initial_state_is_a_march() -> None:
    (choice,) = plan(spring()).candidates
    assert isinstance(choice.solvers[0], March)
    assert choice.solvers[0].tolerance == 1e-12
    found = solve(spring())
    assert "Ordinary differential equations with an initial state. Integrated in time" in found.choice
    assert "Conserved by the equations, and in the solution: u^2 + 0.25 u_t^2 to" in found.choice
    assert found.steps == found.history.step[-1]
    assert found.parameters == found.modules[("u",)].coefficients.numel()


def test_boundary_values_data_and_parameters_stay_with_other_methods() -> None:
    ends = [Condition(Box(t=(0, 6)).face(t=0), lambda u: u), Condition(Box(t=(0, 6)).face(t=6), lambda u: u - 1)]
    several = Box(t=(0, 2)) * Parameters(k=(1, 2))
    others = [
        spring(terms=[Equation(lambda u: u.tt + 4 * u), *ends]),
        spring(terms=[*spring().terms, Data(dict(t=[1.0]), u=[0.1])]),
        spring(
            terms=[Equation(lambda u, k: u.tt + k * u), Initial(u=0.5, u_t=0.0), Data(dict(t=[1.0]), u=[0.1])],
            coefficients=[Coefficient("k", 1.0)],
        ),
        spring(domain=several, terms=[Equation(lambda u, k: u.tt + k * u), Initial(u=0.5, u_t=0.0)]),
        spring(terms=[Equation(lambda u: u.t**2 + u**2 - 1), Initial(u=0.5)]),
        spring(terms=[Equation(lambda u, t: u.t - 1 / torch.sqrt(t)), Initial(u=0.0)]),  # no first step
    ]
    for problem in others:
        assert not any(isinstance(c.solvers[0], March) for c in plan(problem).candidates)
    assert isinstance(plan(others[0]).candidates[0].solvers[0], LeastSquares)


def test_hard_initial_states_are_met_as_they_are() -> None:
    found = solve(hardened(spring()))
    assert "Integrated in time" in found.choice
    assert error(found, lambda t: {"u": 0.5 * np.cos(2 * t)}) < 1e-11


def test_derivatives_are_those_of_the_solution() -> None:
    found = solve(spring())
    t = np.linspace(0, 6, 301)
    for order, true in ((1, -np.sin(2 * t)), (2, -2 * np.cos(2 * t)), (3, 4 * np.sin(2 * t))):
        assert np.abs(found.d(*"t" * order)(t=t)["u"] - true).max() < 10 ** (2 * order - 13)


def test_values_and_rates_join_at_the_ends_of_steps() -> None:
    field = solve(spring()).modules[("u",)]
    knots = field.times[1:-1, None]
    before = torch.nextafter(knots, torch.zeros_like(knots))
    for order, most in (((), 1e-14), ((0,), 1e-13)):
        assert bool((field.derivative(knots, order) - field.derivative(before, order)).abs().max() < most)


@pytest.mark.parametrize(
    ("method", "tolerance", "worst"), [(Radau(3), 1e-5, 1e-4), (Radau(), 1e-8, 1e-7), (None, 1e-4, 1e-3)]
)
def test_the_method_and_its_tolerance_may_be_given(method: Radau | None, tolerance: float, worst: float) -> None:
    found = solve(spring(), None, March(method, tolerance=tolerance))
    assert error(found, lambda t: {"u": 0.5 * np.cos(2 * t)}) < worst
    stages = 13 if method is None else method.stages
    assert f"{stages} Radau points" in found.choice


def test_what_means_something_in_space_alone_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"ExponentialRK.* periodic problems in space"):
        solve(spring(), None, March(ExponentialRK()))
    with pytest.raises(Unsupported, match=r"`modes` counts modes in space.*leave it out"):
        solve(spring(), None, March(modes=20))


def test_a_pole_ends_the_solution_which_is_not_good() -> None:
    found = solve(spring(terms=[Equation(lambda u: u.t - u**2), Initial(u=1.0)]))
    assert found.status is Status.DIVERGED
    assert "The steps shrank to nothing at t = 1" in found.choice
    assert verdict(found).findings


def test_no_first_step_is_an_error_that_says_so() -> None:
    with pytest.raises(Unsupported, match="not a single step could be taken"):
        solve(spring(terms=[Equation(lambda u, t: u.t - 1 / torch.sqrt(t)), Initial(u=0.0)]), None, March())


@pytest.mark.parametrize("end", [lambda: signal.raise_signal(signal.SIGINT), lambda: True])
def test_an_interrupt_or_a_callback_ends_it_after_a_step_with_the_state_so_far(end: Callable[[], object]) -> None:
    found = solve(spring(), callbacks=[lambda r: end() if r.step == 4 else None])
    assert found.status is Status.INTERRUPTED
    assert found.steps == 4
    reached = float(found.modules[("u",)].times[-1])
    t = np.linspace(0, reached, 50)
    assert np.abs(found(t=t)["u"] - 0.5 * np.cos(2 * t)).max() < 1e-10
    assert found(t=6.0)["u"] == pytest.approx(0.5 * math.cos(2 * reached))


def test_a_time_limit_ends_it_after_a_step() -> None:
    found = solve(spring(domain=Box(t=(0, 1e5))), seconds=0.05)
    assert found.status is Status.TIME
    assert 0 < float(found.modules[("u",)].times[-1]) < 1e5


def test_a_solution_goes_to_files_and_comes_back(tmp_path: Path) -> None:
    problem, _ = manufactured(1)
    found = solve(problem)
    save(found, tmp_path / "u.h5")
    again = load(tmp_path / "u.h5")
    t = np.linspace(0, 5, 33)
    assert np.array_equal(again(t=t)["u"], found(t=t)["u"])
    assert np.array_equal(again.d("t")(t=t)["u"], found.d("t")(t=t)["u"])


def test_a_solution_is_exported(tmp_path: Path) -> None:
    found = solve(spring())
    export(found, tmp_path / "u.npz")
    with np.load(tmp_path / "u.npz") as file:
        assert "u" in file
    export(found, tmp_path / "u.pt2")
    t = torch.linspace(0, 6, 40, dtype=torch.float64)
    (values,) = torch.export.load(tmp_path / "u.pt2").module()(t)
    assert np.allclose(values.detach().numpy(), found(t=t.numpy())["u"], atol=1e-13)


def test_a_solution_is_an_onnx_model(tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name)
    runtime = pytest.importorskip("onnxruntime")
    found = solve(spring())
    export(found, tmp_path / "u.onnx")
    t = np.linspace(0, 6, 40)
    session = runtime.InferenceSession(str(tmp_path / "u.onnx"))
    (values,) = session.run(None, {session.get_inputs()[0].name: t})
    assert np.allclose(values, found(t=t)["u"], atol=1e-9)


def test_the_same_problem_gives_the_same_solution_whatever_the_seed() -> None:
    one, two = (solve(spring(), seed=seed) for seed in (0, 1))
    assert torch.equal(one.modules[("u",)].coefficients, two.modules[("u",)].coefficients)


def test_slabs_of_time_are_integrated_one_after_another() -> None:
    found = solve(spring(), slabs=3)
    assert error(found, lambda t: {"u": 0.5 * np.cos(2 * t)}) < 1e-10


def test_single_precision_is_the_rounded_double() -> None:
    found = solve(spring(), dtype=torch.float32)
    assert error(found, lambda t: {"u": 0.5 * np.cos(2 * t)}) < 1e-5


def test_the_drift_of_a_conserved_quantity() -> None:
    def energy(u):
        return u.t**2 / 2 - torch.cos(u)

    problem = spring(terms=[Equation(lambda u: u.tt + torch.sin(u)), Initial(u=2.0, u_t=0.0)])
    found = solve(problem)
    assert Drift(energy)(found) < 1e-11
    assert Drift(lambda u: u.t)(found) == pytest.approx(1.0)
    assert Drift(lambda u: u - u + 3.0)(found) == 0.0
    with pytest.raises(ValueError, match="one number at each time"):
        Drift(lambda u: torch.stack([u, u.t], -1))(found)
    with pytest.raises(TypeError, match="must be a function"):
        Drift(3.0)
    with pytest.raises(ValueError, match="at least 2"):
        Drift(energy, points=1)
