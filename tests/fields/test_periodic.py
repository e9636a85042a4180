"""Fields over periodic axes: equal at both ends with every derivative, and otherwise the fields that they were."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pinnkit import LBFGS, Adam, Box, Dirichlet, Equation, Initial, LeastSquares, Periodic, Problem, load, solve
from pinnkit.domains import Axis as DomainAxis
from pinnkit.fields import MLP, FourierMLP, RandomFourier, Siren, spec_from_dict, spec_to_dict
from pinnkit.fields.scaling import scaling_of
from pinnkit.jets.evaluation import jets
from pinnkit.jets.orders import Operator
from pinnkit.solutions.storage import save
from pinnkit.solvers.collocation.field_groups import axes_of, build_fields


@dataclass(frozen=True)
class Axis:
    lower: float
    upper: float
    dim: int = 1
    periodic: bool = False
    name: str = "x"


AXES = (Axis(0.0, 2.0), Axis(-3.0, 5.0, dim=2, periodic=True), Axis(1e3, 1e3 + 1))
TURNING = (1, 2)
ORDERS = [
    *[(), (0,), (1,), (2,), (3,), (1, 1), (0, 1), (1, 2), (1, 1, 1), (0, 1, 3), (1, 1, 2, 2), (1, 1, 1, 1)],
    Operator(((1.0, (0, 0)), (1.0, (1, 1)), (-2.0, (2, 2)))),
]
FIELDS = [
    Siren(width=12, depth=2, omega=3.0),
    MLP(width=12, depth=2, activation="sin"),
    FourierMLP(features=6, sigma=(0.2, 0.3, 0.4), width=12, depth=1, activation="gelu"),
    FourierMLP(features=5, sigma=0.3, learned=True, width=11, depth=1),
    RandomFourier(features=30, bandwidth=(2.0, 12.0, 3.0)),
]


def build(spec: Any, axes: Any = AXES, dtype: torch.dtype = torch.float64, outputs: int = 2) -> Any:
    module = spec.build(axes, outputs, generator=torch.Generator().manual_seed(7), dtype=dtype, device="cpu")
    with torch.no_grad():
        module.readout.weight.copy_(torch.linspace(-1, 1, module.readout.weight.numel()).view(outputs, -1))
    return module


def points(n: int) -> Tensor:
    unit = torch.rand(n, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    lower = torch.tensor([0.0, -3.0, -3.0, 1e3], dtype=torch.float64)
    return lower + torch.tensor([2.0, 8.0, 8.0, 1.0], dtype=torch.float64) * unit


@pytest.mark.parametrize("spec", FIELDS, ids=repr)
@pytest.mark.parametrize("column", TURNING)
def test_a_field_and_all_its_derivatives_agree_at_both_ends(spec: Any, column: int) -> None:
    module = build(spec)
    here, there = points(40), points(40)
    here[:, column], there[:, column] = -3.0, 5.0
    with torch.no_grad():
        a, b = jets(module, here, ORDERS), jets(module, there, ORDERS)
    for order in ORDERS:
        size = float(a[order].abs().max())
        assert size > 0
        assert float((a[order] - b[order]).abs().max()) < 1e-12 * size, order


@pytest.mark.parametrize("spec", FIELDS, ids=repr)
def test_without_a_circle_the_ends_differ(spec: Any) -> None:
    module = build(spec, tuple(Axis(a.lower, a.upper, a.dim) for a in AXES))
    here, there = points(40), points(40)
    here[:, 1], there[:, 1] = -3.0, 5.0
    assert float((module(here) - module(there)).detach().abs().max()) > 1e-3


@pytest.mark.parametrize("spec", FIELDS, ids=repr)
def test_the_taylor_pass_equals_nested_automatic_differentiation(spec: Any) -> None:
    module, coords = build(spec), points(7)
    with torch.no_grad():
        fast = jets(module, coords, ORDERS)
    slow = jets(module, coords, ORDERS, derivatives="autograd")
    for order in ORDERS:
        torch.testing.assert_close(fast[order], slow[order].detach(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("spec", FIELDS, ids=repr)
def test_a_field_over_periodic_axes_is_written_and_read_like_any_other(spec: Any) -> None:
    module = build(spec)
    again = spec_from_dict(json.loads(json.dumps(spec_to_dict(spec))))
    other = again.build(AXES, 2, generator=torch.Generator(), dtype=torch.float64, device="cpu")
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(points(9)), module(points(9)))
    single = build(spec, dtype=torch.float32)
    assert single(points(5).float()).dtype == torch.float32


def test_closed_form_features_equal_a_taylor_pass_through_the_trunk() -> None:
    module = build(RandomFourier(features=30, bandwidth=(2.0, 12.0, 3.0)))
    orders = [o for o in ORDERS if not isinstance(o, Operator)]
    trunk = nn.Module()
    trunk.forward = module.trunk
    with torch.no_grad():
        closed, passed = module.features(points(9), orders), jets(trunk, points(9), orders)
    for order in orders:
        torch.testing.assert_close(closed[order], passed[order], rtol=1e-10, atol=1e-10)


def test_random_sines_take_every_whole_frequency_within_the_bandwidth_and_no_other() -> None:
    module = build(RandomFourier(features=400, bandwidth=(2.0, 12.0, 3.0)))
    found = module.frequencies[:, list(TURNING)]
    assert set(found.reshape(-1).tolist()) == set(range(-3, 4))  # 12 / pi = 3.8
    assert set(build(RandomFourier(50, bandwidth=0.5)).frequencies[:, 1].tolist()) == {-1.0, 0.0, 1.0}
    straight = tuple(Axis(a.lower, a.upper, a.dim) for a in AXES)
    plain = build(RandomFourier(features=400, bandwidth=(2.0, 12.0, 3.0)), straight)
    assert torch.equal(module.frequencies[:, 0], plain.frequencies[:, 0])


def test_the_circle_goes_once_round_and_leaves_other_columns_alone() -> None:
    scaling = scaling_of(AXES)
    quarter = torch.tensor([[0.0, -3.0 + 2.0, -3.0 + 4.0, 1e3 + 1]], dtype=torch.float64)
    expected = torch.tensor([[-1.0, 1.0, 0.0, -1.0, 1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(scaling(quarter), expected, rtol=0, atol=1e-15)
    assert scaling.width == 6


def test_an_axis_says_whether_it_is_periodic() -> None:
    axis = DomainAxis("x", 0, 1, periodic=True)
    assert axis != DomainAxis("x", 0, 1)
    assert "periodic=True" in repr(axis)
    with pytest.raises(TypeError, match="`periodic` of `x` must be True or False, got 1"):
        DomainAxis("x", 0, 1, periodic=1)  # type: ignore[arg-type]


# problems -------------------------------------------------------------------------------------------------------------
RING = Box(x=(-1, 1), t=(0, 1))


def wave(x: Tensor) -> Tensor:
    return torch.sin(math.pi * x) + 0.3 * torch.cos(2 * math.pi * x)


def carried(hard: bool = True, **changes: Any) -> Problem:
    """u_t + 2 u_x = 0, carried once round in the time of the box."""
    terms = [
        Equation(lambda u: u.t + 2 * u.x),
        Periodic("x", hard=hard),
        Initial(u=wave, hard=hard),
    ]
    return Problem("ring", RING, "u", terms, **changes)


def error(solution: Any) -> float:
    x, t = torch.rand(2, 500, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    t = t.abs()
    true = wave(x - 2 * t)
    return float((torch.as_tensor(solution(x=x, t=t)["u"]) - true).norm() / true.norm())


def test_a_hard_periodic_term_makes_the_axes_of_the_fields_periodic() -> None:
    assert [a.periodic for a in axes_of(carried(), ("u",))] == [True, False]
    assert [a.periodic for a in axes_of(carried(hard=False), ("u",))] == [False, False]
    assert [t.name for t in carried().soft_terms] == ["equation"]


def test_least_squares_on_whole_frequencies_solves_a_periodic_problem() -> None:
    solution = solve(carried(), RandomFourier(200, bandwidth=(7.0, 10.0)), LeastSquares())
    assert error(solution) < 1e-8
    ends = [solution(x=x, t=0.37)["u"] for x in (-1.0, 1.0)]
    assert abs(ends[0] - ends[1]) < 1e-12


def test_adam_and_lbfgs_train_a_periodic_field() -> None:
    terms = [
        Equation(lambda u: u.t - 0.1 * u.xx),
        Periodic("x", hard=True),
        Initial(u=lambda x: torch.sin(math.pi * x), hard=True),
    ]
    steps = [Adam(steps=60, points=256), LBFGS(steps=60, points=256)]
    solution = solve(Problem("ring", RING, "u", terms), Siren(width=16, depth=2, omega=4.0), steps)
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)
    true = torch.sin(math.pi * x) * math.exp(-0.1 * math.pi**2 * 0.8)
    assert float((torch.as_tensor(solution(x=x, t=0.8 + 0 * x)["u"]) - true).abs().max()) < 1e-2
    ends = [solution(x=x, t=0.37)["u"] for x in (-1.0, 1.0)]
    assert abs(ends[0] - ends[1]) < 1e-13


def test_a_periodic_solution_is_read_back_without_its_problem(tmp_path: Any) -> None:
    problem = Problem(
        "ring",
        RING,
        "u",
        [Equation(lambda u: u.t + 2 * u.x), Periodic("x", hard=True), Initial(u=lambda x: x * 0 + 1.0)],
    )
    solution = solve(problem, RandomFourier(60, bandwidth=8.0), LeastSquares())
    save(solution, tmp_path / "ring.h5")
    at = dict(x=[-1.0, 0.3, 1.0], t=[0.1, 0.5, 0.1])
    again = load(tmp_path / "ring.h5")
    assert (again(**at)["u"] == solution(**at)["u"]).all()
    assert (load(tmp_path / "ring.h5", problem=problem)(**at)["u"] == solution(**at)["u"]).all()


def test_a_module_of_ones_own_that_is_not_periodic_is_refused() -> None:
    def built(field: Any) -> None:
        device = torch.device("cpu")
        build_fields(carried(), {("u",): field}, seed=0, device=device, dtype=torch.float64)

    with pytest.raises(ValueError, match=r"Linear is not periodic along `x`.*use Siren.*or drop hard=True"):
        built(nn.Linear(2, 1, dtype=torch.float64))

    class Round(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 1, dtype=torch.float64)

        def forward(self, coords: Tensor) -> Tensor:
            out: Tensor = self.inner(torch.stack([torch.cos(math.pi * coords[:, 0]), coords[:, 1]], dim=1))
            return out

    built(Round())


def test_a_wall_of_another_axis_and_a_hard_circle_go_together() -> None:
    pipe = Box(x=(0, 1), y=(0, 1))
    problem = Problem(
        "pipe",
        pipe,
        "u",
        [
            Equation(lambda u: u.laplacian),
            Periodic("x", hard=True),
            Dirichlet(pipe.face(y=(0, 1)), u=lambda x, y: y * torch.cos(2 * math.pi * x), hard=True),
        ],
    )
    solution = solve(problem, RandomFourier(200, bandwidth=(13.0, 8.0)), LeastSquares())
    x, y = torch.rand(2, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    true = torch.cos(2 * math.pi * x) * torch.sinh(2 * math.pi * y) / math.sinh(2 * math.pi)
    assert float((torch.as_tensor(solution(x=x, y=y)["u"]) - true).abs().max()) < 1e-7
