"""solve: from a problem to a Solution, for every kind of condition and unknown, with what it chooses itself."""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from pinnkit import (
    LBFGS,
    Adam,
    Box,
    Data,
    Dirichlet,
    Equation,
    FourierMLP,
    Initial,
    LeastSquares,
    Neumann,
    Periodic,
    Problem,
    RandomFourier,
    Robin,
    Siren,
    Status,
    Unknown,
    solve,
)
from tests.solvers.cases import (
    F64,
    LINE,
    ROD,
    SQUARE,
    error,
    heat,
    heat_exact,
    poisson,
)

TWO_PI = 2 * math.pi


def test_heat_by_least_squares() -> None:
    solution = solve(heat())
    assert solution.status is Status.SOLVED
    assert error(solution, u=heat_exact) < 1e-9
    assert solution.residual_rms < 1e-8
    assert solution.choice.startswith("Random sines by least squares")
    assert "Held-out residual chose" in solution.choice
    assert solution.solvers == (repr(LeastSquares()),)
    assert solution.dtype == F64
    assert solution.steps == len(solution.history.step) > 3
    assert set(solution.history.terms) == {"equation", "dirichlet", "initial"}
    assert {"python", "torch", "pinnkit"} <= set(solution.versions)
    (spec,) = solution.fields.values()
    assert isinstance(spec, RandomFourier)
    assert spec.bandwidth is not None
    assert solution.parameters == spec.features


def test_neumann_and_robin() -> None:
    # u = cos(2 x) e^y: u_x = 0 at x = 0, u + u_x = g at x = 1
    def exact(x, y):
        return torch.cos(2 * x) * torch.exp(y)

    problem = Problem(
        "mixed",
        SQUARE,
        "u",
        [
            Equation(lambda u: u.laplacian + 3 * u),
            Neumann(SQUARE.face(x=0), u=0.0),
            Robin(SQUARE.face(x=1), u=(1.0, 1.0, lambda y: (math.cos(2) - 2 * math.sin(2)) * torch.exp(y))),
            Dirichlet(SQUARE.face(y=(0, 1)), u=exact),
        ],
    )
    assert error(solve(problem), u=exact) < 1e-8


def test_periodic_advection() -> None:
    problem = Problem(
        "advection",
        ROD,
        "u",
        [Equation(lambda u: u.t + u.x), Periodic("x"), Initial(u=lambda x: torch.sin(TWO_PI * x))],
    )
    assert error(solve(problem), u=lambda x, t: torch.sin(TWO_PI * (x - t))) < 1e-8


def test_periodic_heat_matches_slopes_too() -> None:
    problem = Problem(
        "ring",
        ROD,
        "u",
        [
            Equation(lambda u: u.t - 0.05 * u.xx),
            Periodic("x"),
            Initial(u=lambda x: 1 + torch.sin(TWO_PI * x)),
        ],
    )
    exact = lambda x, t: 1 + torch.sin(TWO_PI * x) * torch.exp(-0.05 * TWO_PI**2 * t)  # noqa: E731
    assert error(solve(problem), u=exact) < 1e-7


def test_a_system_of_ordinary_equations_with_two_unknowns() -> None:
    problem = Problem(
        "oscillator",
        Box(t=(0, 6)),
        ["q", "p"],
        [Equation(lambda q, p: (q.t - p, p.t + q)), Initial(q=1.0, p=0.0)],
    )
    solution = solve(problem)
    assert error(solution, q=torch.cos, p=lambda t: -torch.sin(t)) < 1e-8
    assert set(solution.modules) == {("q", "p")}


def test_a_nonlinear_system_of_ordinary_equations() -> None:
    # q = tanh t, p = 1 / cosh^2 t
    problem = Problem(
        "kink",
        Box(t=(0, 2)),
        ["q", "p"],
        [Equation(lambda q, p: q.t - p), Equation(lambda q, p: p.t + 2 * q * p), Initial(q=0.0, p=1.0)],
    )
    assert error(solve(problem), q=torch.tanh, p=lambda t: 1 / torch.cosh(t) ** 2) < 1e-8


def test_a_vector_unknown() -> None:
    # v = (cos(x + t), sin(x + t)): v_t = v_x, and the second is the first turned
    problem = Problem(
        "turning",
        ROD,
        Unknown("v", components=2),
        [
            Equation(lambda v: v.t - v.x),
            Initial(v=lambda x: torch.stack([torch.cos(x), torch.sin(x)], dim=-1)),
            Dirichlet(ROD.face(x=1), v=lambda t: torch.stack([torch.cos(1 + t), torch.sin(1 + t)], dim=-1)),
        ],
    )
    exact = lambda x, t: torch.stack([torch.cos(x + t), torch.sin(x + t)], dim=-1)  # noqa: E731
    solution = solve(problem)
    assert solution(x=np.zeros(3), t=np.zeros(3))["v"].shape == (3, 2)
    assert error(solution, v=exact) < 1e-8


def test_data_take_part() -> None:
    xs, ts = torch.rand(40, dtype=F64), torch.rand(40, dtype=F64)
    problem = heat(
        terms=[heat().terms[0], heat().terms[1], Data(dict(x=xs, t=ts), u=heat_exact(xs, ts))],
    )
    assert error(solve(problem), u=heat_exact) < 1e-5


def test_a_hard_condition() -> None:
    problem = heat(ansatz={"u": lambda u, x, t: torch.sin(math.pi * x) + t * x * (1 - x) * u}, terms=[heat().terms[0]])
    solution = solve(problem)
    assert error(solution, u=heat_exact) < 1e-8
    assert np.abs(solution(x=np.array([0.0, 1.0]), t=np.array([0.3, 0.8]))["u"]).max() < 1e-12


def test_the_exact_solution_is_not_consulted() -> None:
    calls = []

    def exact(x, t):
        calls.append(1)
        return 7.0 + 0 * x * t  # wrong, and nobody should notice

    problem = heat(exact={"u": exact})
    calls.clear()
    solution = solve(problem)
    assert not calls
    assert error(solution, u=heat_exact) < 1e-9


def test_defaults_by_field_and_by_solver() -> None:
    sines = solve(poisson(), RandomFourier(50, bandwidth=3.0))
    assert sines.solvers == (repr(LeastSquares()),)
    assert "given random sines" in sines.choice
    squares = solve(poisson(), None, replace(LeastSquares(), ratio=2.0), seconds=0.1)
    assert isinstance(squares.fields["u",], RandomFourier)
    trained = solve(
        Problem("line", LINE, "u", [Equation(lambda u: u.xx - 1)]), FourierMLP(4, width=4, depth=1), seconds=0.2
    )
    assert trained.solvers == (repr(Adam()), repr(LBFGS()))


class HalfFrozen(nn.Module):
    """A network whose first layer stays as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(2, 20, dtype=F64).requires_grad_(False)
        self.trained = nn.Linear(20, 1, dtype=F64)

    def forward(self, coords: Tensor) -> Tensor:
        return self.trained(torch.tanh(self.frozen(coords)))


def test_the_number_of_parameters_is_that_of_the_determined_ones() -> None:
    assert solve(heat(), HalfFrozen(), Adam(steps=1)).parameters == 21
    assert solve(heat(), Siren(width=10, depth=2), Adam(steps=1)).parameters == 151
    assert solve(heat(), Siren(width=10, depth=2), LeastSquares()).parameters == 11
    assert solve(heat(), RandomFourier(50, bandwidth=3.0), LeastSquares()).parameters == 50


def test_the_text_of_a_field_has_four_digits_of_each_number() -> None:
    found = solve(heat(), RandomFourier(20, bandwidth=(21.674999999999997, 8.5)), LeastSquares())
    assert found.field_text == "RandomFourier(features=20, bandwidth=(21.67, 8.5))"
