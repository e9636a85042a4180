"""Units and extents do not matter: values of 1e3 and 1e-3, and [0, 100], are solved as the unit problem is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pinnkit import (
    LBFGS,
    MLP,
    Adam,
    Box,
    Data,
    Dirichlet,
    Equation,
    Initial,
    LeastSquares,
    Neumann,
    Problem,
    RandomFourier,
    Siren,
    Unknown,
    load,
    solve,
)
from pinnkit.fields.initialization import glorot
from pinnkit.fields.scaled_readout import ScaledReadout, scaled
from pinnkit.jets.evaluation import jets
from pinnkit.solutions.evaluation import FieldSet
from pinnkit.solutions.storage import save
from pinnkit.solvers.collocation.collocation_points import CollocationPoints, counts_of
from pinnkit.solvers.collocation.parameters import Parameters
from pinnkit.solvers.least_squares.linear_readout import ReadoutObjective
from pinnkit.solvers.least_squares.output_scales import prescribed_values, scale_outputs
from pinnkit.solvers.least_squares.row_norm_weights import row_norm_weights

NET = MLP(width=10, depth=1)
STEPS = [Adam(steps=50, points=64, condition_points=16), LBFGS(steps=80, points=64, condition_points=16)]
CPU, F64 = torch.device("cpu"), torch.float64
LINE = Box(x=(0, 1))


def line(length: float = 1.0, value: float = 1.0, hard: bool = False) -> Problem:
    """y'' = 0 between 0 and `value`."""
    box = Box(x=(0, length))
    terms = [
        Equation(lambda y: y.xx),
        Dirichlet(box.face(x=0), y=0.0, hard=hard),
        Dirichlet(box.face(x=length), y=value, hard=hard),
    ]
    return Problem("line", box, "y", terms)


def bump(length: float = 1.0, size: float = 1.0) -> Problem:
    """-u'' = f with u = size sin(pi x / length): the walls say nothing of the size."""
    box, k = Box(x=(0, length)), math.pi / length
    terms = [Equation(lambda u, x: u.xx + size * k**2 * torch.sin(k * x)), Dirichlet(box.boundary, u=0.0)]
    return Problem("bump", box, "u", terms)


def error(problem: Problem, exact: Any, *how: Any) -> float:
    solution = solve(problem, *how)
    axis = problem.axes[0]
    x = torch.linspace(axis.lower, axis.upper, 201, dtype=F64)
    true = exact(x)
    return float((torch.as_tensor(solution(x=x)[problem.names[0]]) - true).norm() / true.norm())


@pytest.fixture(scope="module")
def unit() -> dict[str, float]:
    """Errors of the problems of size one on [0, 1]."""
    return {
        "line": error(line(), lambda x: x, NET, STEPS),
        "bump": error(bump(), lambda x: torch.sin(math.pi * x), NET, STEPS),
    }


@pytest.mark.parametrize(
    ("length", "value"), [(10.0, 10.0), (100.0, 100.0), (100.0, 1.0), (1.0, 1e3), (1.0, 1e-3), (100.0, 1e3)]
)
def test_a_straight_line_is_found_on_any_interval_and_in_any_unit(
    unit: dict[str, float], length: float, value: float
) -> None:
    found = error(line(length, value), lambda x: value * x / length, NET, STEPS)
    assert found < 3 * max(unit["line"], 1e-4)


@pytest.mark.parametrize(("length", "size"), [(100.0, 1.0), (1.0, 1e3), (1.0, 1e-3)])
def test_a_source_says_how_large_the_solution_is_where_the_walls_do_not(
    unit: dict[str, float], length: float, size: float
) -> None:
    found = error(bump(length, size), lambda x: size * torch.sin(math.pi * x / length), NET, STEPS)
    assert found < 3 * max(unit["bump"], 1e-3)


@pytest.mark.parametrize(("length", "value"), [(100.0, 100.0), (1.0, 1e3), (1.0, 1e-3)])
def test_least_squares_does_not_mind_units_either(length: float, value: float) -> None:
    sines = RandomFourier(40, bandwidth=3.0)
    assert error(line(length, value), lambda x: value * x / length, sines, LeastSquares()) < 1e-9
    assert error(line(length, value), lambda x: value * x / length, Siren(12, 1, omega=2.0), LeastSquares()) < 1e-3


def test_the_unit_problem_goes_step_by_step_as_the_stretched_one() -> None:
    one, other = (solve(p, NET, [Adam(steps=5, points=32)]) for p in (line(), line(64.0, 1024.0)))
    x = np.linspace(0, 1, 33)
    np.testing.assert_allclose(other(x=64 * x)["y"] / 1024, one(x=x)["y"], rtol=1e-6, atol=1e-9)


# what is found out ----------------------------------------------------------------------------------------------------
def scales(problem: Problem, spec: Any = NET, **changes: Any) -> tuple[list[float], list[float]]:
    outputs = sum(u.components or 1 for u in problem.unknowns)
    generator = torch.Generator().manual_seed(0)
    module = spec.build(problem.axes, outputs, generator=generator, dtype=F64, device="cpu")
    fields = FieldSet(problem, {problem.names: module})
    scale_outputs(fields, {problem.names: changes.get("given", spec)}, seed=0)
    readout: Any = module.readout
    if not isinstance(readout, ScaledReadout):
        return [], []
    return readout.scale.tolist(), readout.shift.tolist()


def walls(u: float, source: float = 0.0, **options: Any) -> Problem:
    return Problem("p", LINE, "u", [Equation(lambda u: u.xx + source), Dirichlet(LINE.boundary, u=u)], **options)


def test_sizes_are_powers_of_two_read_off_the_conditions() -> None:
    assert scales(line(1.0, 1000.0)) == ([1024.0], [0.0])
    assert scales(line(1.0, 1e-3)) == ([2.0**-10], [0.0])
    assert scales(line(1.0, 2.5)) == ([1.0], [0.0])  # near one: left alone


def test_values_far_from_zero_are_measured_from_their_middle() -> None:
    assert scales(walls(300.0, source=8.0)) == ([1.0], [300.0])
    assert scales(walls(300.0, source=800.0)) == ([128.0], [300.0])


def test_a_constant_solution_is_of_the_size_of_its_value() -> None:
    assert scales(walls(300.0)) == ([256.0], [0.0])


def test_a_source_that_dwarfs_the_walls_sets_the_size() -> None:
    assert scales(walls(1.0, source=8e4)) == ([8192.0], [0.0])


def test_a_nonlinear_problem_without_values_takes_one_newton_step() -> None:
    problem = Problem("p", LINE, "u", [Equation(lambda u: u.xx + 800.0 - u**3 / 1e6), Dirichlet(LINE.boundary, u=0.0)])
    assert scales(problem) == ([128.0], [0.0])


def test_measurements_and_start_values_count_and_each_component_for_itself() -> None:
    box = Box(x=(0, 1), t=(0, 1))
    terms = [
        Equation(lambda p, v: (p.t + 1e-6 * v[0].x, v[0].t + p.x, v[1].t)),
        Initial(v=lambda x: torch.stack([50 * torch.sin(x), 0 * x + 1.0], dim=-1), p=lambda x: 2e-4 * torch.cos(x)),
        Data(dict(x=[0.1, 0.2], t=[0.3, 0.4]), p=[1e-4, -2e-4], sigma=1e-4),
    ]
    problem = Problem("p", box, ["p", Unknown("v", components=2)], terms)
    values = prescribed_values(problem)
    assert float(values["p"][0].abs().max()) == pytest.approx(2e-4)
    assert len(values["v"]) == 2
    assert scales(problem)[0] == [2.0**-12, 32.0, 1.0]


def test_an_ansatz_a_module_and_random_sines_are_left_alone() -> None:
    given = walls(1e3, ansatz=dict(u=lambda u, x: 1e3 + x * u))
    assert scales(given) == ([1.0], [0.0])
    assert scales(walls(1e3), given=torch.nn.Linear(1, 1)) == ([], [])
    assert scales(walls(1e3), RandomFourier(10, bandwidth=3.0)) == ([], [])


def test_through_hard_walls_the_field_has_the_size_of_what_is_left() -> None:
    problem = Problem("p", LINE, "u", [Equation(lambda u: u.xx + 8000.0), Dirichlet(LINE.boundary, u=1.0, hard=True)])
    assert scales(problem) == ([1024.0], [0.0])


def test_the_exact_solution_is_never_asked() -> None:
    def never(x: Tensor) -> Tensor:
        if len(x) != 7:  # the probe of its shape, when the problem is made
            raise AssertionError("a solver asked the exact solution")
        return x

    solve(walls(1e3, exact=dict(u=never)), NET, [Adam(steps=2, points=16)])


def test_weights_make_every_row_count_alike() -> None:
    for problem in (line(), line(100.0, 1e3), bump(50.0)):
        module = NET.build(problem.axes, 1, generator=torch.Generator().manual_seed(0), dtype=F64, device="cpu")
        fields = FieldSet(problem, {problem.names: module})
        collocation = CollocationPoints(problem, counts_of(problem, 64, 16), 0)
        readout = ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=F64), collocation)
        for name, weight in row_norm_weights(readout).items():
            assert weight * readout.row_norm(problem.term(name)) ** 2 == pytest.approx(1.0)


def test_fluxes_alone_leave_a_field_as_it_is_where_nothing_can_be_solved() -> None:
    problem = Problem("p", LINE, "u", [Equation(lambda u: u.xx), Neumann(LINE.boundary, u=0.0)])
    assert scales(problem) == ([1.0], [0.0])


# the read-out ---------------------------------------------------------------------------------------------------------
def scaled_net(scale: list[float], shift: list[float], dtype: torch.dtype = F64) -> Any:
    axes = Box(x=(0, 1), y=(0, 2)).axes
    module = NET.build(axes, len(scale), generator=torch.Generator().manual_seed(1), dtype=dtype, device="cpu")
    module.readout = ScaledReadout(module.readout, torch.tensor(scale), torch.tensor(shift))
    return module


@pytest.mark.parametrize(("scale", "shift"), [([64.0, 64.0], [0.0, 0.0]), ([64.0, 0.5], [3.0, 0.0])])
def test_a_scaled_readout_is_the_linear_map_that_it_says(scale: list[float], shift: list[float]) -> None:
    module = scaled_net(scale, shift)
    coords = torch.rand(9, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    weight, bias = module.readout.linear_map()
    torch.testing.assert_close(module(coords), module.trunk(coords) @ weight.T + bias)
    orders = [(), (0,), (1,), (0, 0), (0, 1), (0, 0, 1)]
    fast, slow = (jets(module, coords, orders, derivatives=how) for how in ("taylor", "autograd"))
    for order in orders:
        torch.testing.assert_close(fast[order], slow[order], rtol=1e-10, atol=1e-10)
    before = module.readout.weight.clone()
    module.readout.assign(weight.detach(), bias.detach())
    assert torch.equal(module.readout.weight, before)


def test_a_loaded_state_brings_its_scale_along() -> None:
    module = scaled_net([64.0, 0.5], [3.0, 0.0])
    other = scaled(NET.build(Box(x=(0, 1), y=(0, 2)).axes, 2, generator=torch.Generator(), dtype=F64, device="cpu"))
    other.load_state_dict(module.state_dict())
    coords = torch.rand(5, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    assert torch.equal(other(coords), module(coords))
    assert module.float()(coords.float()).dtype == torch.float32


def test_least_squares_sees_through_the_scale() -> None:
    problem = line(1.0, 1e3)
    module = Siren(12, 1, omega=2.0).build(
        problem.axes, 1, generator=torch.Generator().manual_seed(0), dtype=F64, device="cpu"
    )
    found = []
    for scale in (1.0, 1024.0):
        inner = glorot(12, 1, generator=torch.Generator().manual_seed(0))
        module.readout = ScaledReadout(inner, torch.tensor([scale]), torch.tensor([0.0]))
        fields = FieldSet(problem, {problem.names: module})
        collocation = CollocationPoints(problem, counts_of(problem, 40, 10), 0)
        target = ReadoutObjective(fields, Parameters(problem, (), device=CPU, dtype=F64), collocation)
        state = LeastSquares().step(target, LeastSquares().start(target.get()))
        target.assign(state["theta"])
        torch.testing.assert_close(target.get(), state["theta"], rtol=1e-12, atol=1e-12)
        found.append(module(torch.linspace(0, 1, 11, dtype=F64)[:, None]).detach())
    torch.testing.assert_close(found[0], found[1], rtol=1e-7, atol=1e-4)


def test_a_scaled_field_is_saved_loaded_and_started_from(tmp_path: Any) -> None:
    problem = line(1.0, 1e3)
    solution = solve(problem, NET, [Adam(steps=3, points=16)])
    again = load(save(solution, tmp_path / "a.h5"))
    assert (again(x=[0.3])["y"] == solution(x=[0.3])["y"]).all()
    further = solve(problem, NET, [Adam(steps=1, lr=1e-12, points=16)], start=solution)
    assert float(further(x=[0.3])["y"][0]) == pytest.approx(float(solution(x=[0.3])["y"][0]), rel=1e-6)
