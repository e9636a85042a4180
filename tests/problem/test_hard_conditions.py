"""Hard conditions: met to rounding by whatever field, with right derivatives, and used by every solver."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit import (
    LBFGS,
    MLP,
    Adam,
    Box,
    Coefficient,
    Cube,
    Data,
    Dirichlet,
    Equation,
    Initial,
    LeastSquares,
    Parameters,
    Problem,
    RandomFourier,
    Siren,
    Unknown,
    load,
    reference,
    solve,
    validate,
)
from pinnkit.jets.jet import plain
from pinnkit.problem.ansatz import Lift
from pinnkit.problem.linearization import Channel, residual_rows, scope_of
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.storage import save

ROD = Box(x=(0, 1), t=(0, 2))
LONG = Box(x=(-1, 3), t=(0.5, 2))
PLATE = Box(x=(0, 2), y=(-1, 1))
CUBE = Box(x=(0, 1), y=(0, 2), z=(-1, 1))
DAY = Box(t=(1, 3))
VECTOR = Box(x=Cube(0, 1, dim=2), t=(0, 1))
SWEEP = Box(x=(0, 1)) * Parameters(nu=(0.1, 1.0))
HEAT = Equation(lambda u: u.t - u.xx)
WAVE = Equation(lambda u: u.tt - u.xx)
POISSON = Equation(lambda u: u.laplacian + 1.0)


def ramp(x: Tensor, y: Tensor) -> Tensor:
    """Values for the walls of a plate that agree in its corners, whatever they do between."""
    return x * torch.exp(y) + torch.sin(3 * x * y)


def plate() -> Problem:
    walls = [
        Dirichlet(PLATE.face(x=0), u=lambda y: ramp(0 * y, y), hard=True),
        Dirichlet(PLATE.face(x=2), u=lambda y: ramp(2.0 + 0 * y, y), hard=True),
        Dirichlet(PLATE.face(y=(-1, 1)), u=ramp, hard=True),
    ]
    return Problem("plate", PLATE, "u", [POISSON, *walls])


def vector() -> Problem:
    terms = [
        Equation(lambda p, v: (p.x - v[0].x, v[1].y - p.y)),
        Dirichlet(PLATE.face(x=0), v=(1.0, 2.0), hard=True),
        Dirichlet(PLATE.face(y=-1), p=lambda x: torch.cos(x), hard=True),
        Dirichlet(PLATE.face(x=2), v=lambda y: torch.stack([y, y**2], dim=-1), hard=True),
    ]
    return Problem("vector", PLATE, ["p", Unknown("v", components=2)], terms)


EXACT_CASES: dict[str, Callable[[], Problem]] = {
    "zero walls and a state": lambda: Problem(
        "heat",
        ROD,
        "u",
        [HEAT, Dirichlet(ROD.boundary, u=0.0, hard=True), Initial(u=lambda x: torch.sin(math.pi * x), hard=True)],
    ),
    "walls that move and a state": lambda: Problem(
        "moving",
        LONG,
        "u",
        [
            HEAT,
            Dirichlet(LONG.face(x=-1), u=lambda t: torch.sin(t), hard=True),
            Dirichlet(LONG.face(x=3), u=lambda t: t**2, hard=True),
            Initial(u=lambda x: math.sin(0.5) + (x + 1) / 4 * (0.25 - math.sin(0.5)) + (x + 1) * (x - 3), hard=True),
        ],
    ),
    "a state and its rate between walls that move": lambda: Problem(
        "wave",
        ROD,
        "u",
        [
            WAVE,
            Dirichlet(ROD.face(x=0), u=lambda t: torch.sin(2 * t), hard=True),
            Dirichlet(ROD.face(x=1), u=3.0, hard=True),
            Initial(u=lambda x: 3 * x**2, u_t=lambda x: 2 * torch.cos(math.pi * x / 2), hard=True),
        ],
    ),
    "one wall and a soft one": lambda: Problem(
        "half", ROD, "u", [HEAT, Dirichlet(ROD.face(x=1), u=lambda t: t, hard=True), Dirichlet(ROD.face(x=0), u=0.0)]
    ),
    "a state alone": lambda: Problem("free", ROD, "u", [HEAT, Initial(u=lambda x: torch.exp(x), hard=True)]),
    "four different walls": plate,
    "six walls": lambda: Problem(
        "cube",
        CUBE,
        "u",
        [POISSON, Dirichlet(CUBE.boundary, u=lambda x, y, z: x * y * z + torch.cos(x + z), hard=True)],
    ),
    "an ordinary equation": lambda: Problem(
        "fall", DAY, "u", [Equation(lambda u: u.tt + u), Initial(u=1.0, u_t=-2.0, hard=True)]
    ),
    "two unknowns with walls of their own": lambda: Problem(
        "pair",
        ROD,
        ["u", "v"],
        [
            Equation(lambda u, v: (u.t - v.xx, v.t + u.xx)),
            Dirichlet(ROD.face(x=0), u=1.0, hard=True),
            Dirichlet(ROD.face(x=1), v=lambda t: t, hard=True),
        ],
    ),
    "a vector between values and functions": vector,
    "a vector axis": lambda: Problem(
        "square",
        VECTOR,
        "u",
        [
            Equation(lambda u: u.t - u.laplacian),
            Dirichlet(VECTOR.boundary, u=lambda x: x.sum(-1), hard=True),
            Initial(u=lambda x: x.sum(-1) + x[0] * x[1], weight=2.0),
        ],
    ),
    "a parameter": lambda: Problem(
        "sweep",
        SWEEP,
        "u",
        [Equation(lambda u, nu: nu * u.xx + 1.0), Dirichlet(SWEEP.boundary, u=lambda nu, x: nu * x, hard=True)],
    ),
    "a coefficient and a normal in a value": lambda: Problem(
        "found",
        ROD,
        "u",
        [
            Equation(lambda u, k: u.t - k * u.xx),
            Dirichlet(ROD.boundary, u=lambda k, n, t: k * n[..., 0] * t, hard=True),
            Data(dict(x=[0.5], t=[0.5]), u=[1.0]),
        ],
        coefficients=[Coefficient("k", 0.5)],
    ),
}


def fields_of(problem: Problem, seed: int = 0) -> FieldSet:
    outputs = sum(u.components or 1 for u in problem.unknowns)
    generator = torch.Generator().manual_seed(seed)
    spec = Siren(width=9, depth=2, omega=4.0)
    module = spec.build(problem.axes, outputs, generator=generator, dtype=torch.float64, device="cpu")
    return FieldSet(problem, {problem.names: module})


def scope(problem: Problem, fields: FieldSet, points: Any) -> dict[str, Any]:
    found: dict[Channel, Tensor] = {}

    def lookup(channel: Channel) -> Tensor:
        if channel not in found:
            found.update(fields.channels((points,), [channel]))
        return found[channel]

    return scope_of(problem, (points,), lookup, problem.initial_coefficients(), raw=True)


@pytest.mark.parametrize("make", EXACT_CASES.values(), ids=EXACT_CASES.keys())
@pytest.mark.parametrize("seed", [0, 1])
def test_hard_conditions_are_met_to_rounding_by_a_random_network(make: Callable[[], Problem], seed: int) -> None:
    problem, size = make(), 0.0
    fields = fields_of(problem, seed)
    hard = [t for t in problem.terms if t.hard]
    assert hard
    for term in hard:
        points = term.sample(200, torch.Generator().manual_seed(seed))
        cache: dict[Channel, Tensor] = {}

        def lookup(channel: Channel, points: Any = points, cache: dict[Channel, Tensor] = cache) -> Tensor:
            if channel not in cache:
                cache.update(fields.channels(points, [channel]))
            return cache[channel]

        rows = residual_rows(problem, term, points, lookup, problem.initial_coefficients(), raw=True)
        size = max(float(v.detach().abs().max()) for v in cache.values())
        assert size > 0.05, "the network says something there"
        assert float(rows.detach().abs().max()) < 1e-14 * max(1.0, size)


@pytest.mark.parametrize("make", EXACT_CASES.values(), ids=EXACT_CASES.keys())
def test_derivatives_through_the_ansatz_equal_those_of_automatic_differentiation(make: Callable[[], Problem]) -> None:
    problem = make()
    fields = fields_of(problem)
    points = problem.domain.sample(20, torch.Generator().manual_seed(3))
    points = points._replace(coords=points.coords.requires_grad_())
    at = scope(problem, fields, points)
    columns = problem.frame.columns
    for name in problem.names:
        value = at[name].value.reshape(20, -1)[:, -1]
        (first,) = torch.autograd.grad(value.sum(), points.coords, create_graph=True)
        for i, column in enumerate(columns):
            mine = at[name].d(column).value.reshape(20, -1)[:, -1]
            torch.testing.assert_close(mine, first[:, i], rtol=1e-10, atol=1e-10)
            (second,) = torch.autograd.grad(first[:, i].sum(), points.coords, retain_graph=True)
            for j, other in enumerate(columns):
                mine = at[name].d(column, other).value.reshape(20, -1)[:, -1]
                torch.testing.assert_close(mine, second[:, j], rtol=1e-9, atol=1e-9)
        if problem.frame.space:
            summed = sum(at[name].d(c, c).value for c in problem.frame.space)
            torch.testing.assert_close(at[name].laplacian.value, summed, rtol=1e-11, atol=1e-11)


def test_a_laplacian_through_the_ansatz_asks_for_the_collapsed_channel() -> None:
    problem = plate()
    orders = [c.order for c in problem.trace(problem.terms[0], raw=True).channels]
    assert ("x", "x") not in orders
    assert ("y", "y") not in orders
    assert len(orders) == 4


def test_the_inside_of_a_plate_is_the_transfinite_interpolant() -> None:
    problem = plate()
    lift = problem.ansatz["u"]
    assert isinstance(lift, Lift)
    points = problem.domain.sample(30, torch.Generator().manual_seed(1))
    known = plain(lift.extension(scope(problem, fields_of(problem), points)))
    x, y = points.coords.T
    s, r = x / 2, (y + 1) / 2
    one = torch.ones_like(x)
    sides = (1 - s) * ramp(0 * one, y) + s * ramp(2 * one, y) + (1 - r) * ramp(x, -one) + r * ramp(x, one)
    corners = sum(
        wx * wy * ramp(cx * one, cy * one)
        for wx, cx in ((1 - s, 0.0), (s, 2.0))
        for wy, cy in ((1 - r, -1.0), (r, 1.0))
    )
    torch.testing.assert_close(known, sides - corners, rtol=1e-12, atol=1e-12)


# solvers --------------------------------------------------------------------------------------------------------------
def decay(hard: bool, **changes: Any) -> Problem:
    alpha = 1 / math.pi**2
    terms = [
        Equation(lambda u: u.t - alpha * u.xx),
        Dirichlet(ROD.boundary, u=0.0, hard=hard),
        Initial(u=lambda x: torch.sin(math.pi * x), hard=hard),
    ]
    exact = dict(u=lambda x, t: torch.sin(math.pi * x) * torch.exp(-t))
    return Problem("decay", ROD, "u", terms, exact=exact, **changes)


def test_a_solver_meets_the_soft_terms_only_and_the_report_shows_all() -> None:
    problem = decay(hard=True)
    assert [t.name for t in problem.soft_terms] == ["equation"]
    assert problem.linear
    solution = solve(problem, RandomFourier(150, bandwidth=3.0), LeastSquares())
    assert tuple(solution.history.terms) == ("equation",)
    report = validate(solution, budget=0)
    rms = {t.name: t.rms for t in report.terms}
    assert rms["dirichlet"] < 1e-15
    assert rms["initial"] < 1e-15
    assert report.exact[0].rel_l2 < 1e-10


def test_adam_and_lbfgs_train_through_the_ansatz() -> None:
    solution = solve(
        decay(hard=True), MLP(width=16, depth=2), [Adam(steps=60, points=256), LBFGS(steps=60, points=256)]
    )
    report = validate(solution, budget=0)
    assert tuple(solution.history.terms) == ("equation",)
    assert report.exact[0].rel_l2 < 5e-3
    assert max(t.rms for t in report.terms if t.name != "equation") < 1e-15


def test_the_reference_sees_hard_conditions_as_any_others() -> None:
    hard, soft = (reference(decay(hard=h), budget=0.3) for h in (True, False))
    assert (hard.values["u"] == soft.values["u"]).all()


def test_a_solution_with_hard_conditions_is_read_back_with_its_problem(tmp_path: Any) -> None:
    problem = decay(hard=True)
    solution = solve(problem, RandomFourier(30, bandwidth=3.0), LeastSquares())
    save(solution, tmp_path / "a.h5")
    again = load(tmp_path / "a.h5", problem=problem)
    at = dict(x=[0.0, 0.3], t=[0.2, 0.7])
    assert (again(**at)["u"] == solution(**at)["u"]).all()
    with pytest.raises(ValueError, match="ansatz"):
        load(tmp_path / "a.h5")(**at)


def test_a_changed_copy_of_a_problem_makes_its_ansatz_anew() -> None:
    copy = dataclasses.replace(decay(hard=True), name="copy")
    assert isinstance(copy.ansatz["u"], Lift)
    softened = dataclasses.replace(copy, terms=[dataclasses.replace(t, hard=False) for t in copy.terms])
    assert not softened.ansatz
    assert len(softened.soft_terms) == 3


def test_a_long_domain_and_another_clock_use_their_own_start() -> None:
    later = Problem("later", LONG, "u", [HEAT, Initial(u=lambda x: x, hard=True)])
    fields = fields_of(later)
    coords = torch.tensor([[0.3, 0.5]], dtype=torch.float64)
    assert float(fields.unknowns(coords, {})["u"]) == pytest.approx(0.3, abs=1e-15)
