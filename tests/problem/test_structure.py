"""Structure of problems: probing finds what the mathematics says, and mutants of the reader are caught."""

import dataclasses
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch

from pinnkit import (
    Ball,
    Box,
    Coefficient,
    Condition,
    Cube,
    Data,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Parameters,
    Periodic,
    PointSet,
    Problem,
    Robin,
    Tabulated,
    Time,
    Unknown,
    div,
    grad,
    laplacian,
    normal_derivative,
)
from pinnkit.domains import Points
from pinnkit.problem import Energy
from pinnkit.problem import structure as module
from pinnkit.problem.channels import Channel
from pinnkit.problem.structure import Prescribes, Structure

VALUE, FLUX, MIXED, OTHER = Prescribes.VALUE, Prescribes.FLUX, Prescribes.MIXED, Prescribes.OTHER
ROD = Box(x=(0, 1), t=(0, 2))
SQUARE = Box(x=(0, 1), y=(-1, 1))
LINE = Box(x=(0, 1))
DISK = Ball(x=0, y=0, radius=1)
U = ("u", 0)


def rows_of(s: Structure) -> list[tuple[Any, ...]]:
    """Each equation: component settled, orders of each component in time and space, linear, constant coefficients."""
    return [
        (
            None if r.settles is None else (r.settles.unknown, r.settles.index),
            {
                (d.component.unknown, d.component.index): (d.time_order, dict(d.space_orders), d.space_order)
                for d in r.depends_on
            },
            r.linear,
            r.constant_coefficients,
        )
        for r in s.equations
    ]


def walls_of(s: Structure) -> list[tuple[Any, ...]]:
    """Each condition: wall, outward normal along its column, prescribed quantity, component, homogeneous."""
    return [
        (
            None if c.wall is None else f"{c.wall.column}={c.wall.value:g}",
            None if c.wall is None else c.wall.outward,
            c.prescribes,
            None if c.component is None else (c.component.unknown, c.component.index),
            c.homogeneous,
        )
        for c in s.conditions
    ]


def starts_of(s: Structure) -> list[tuple[Any, ...]]:
    """Each initial condition: component and level."""
    return [(None if i.component is None else (i.component.unknown, i.component.index), i.level) for i in s.initial]


def orders_of(s: Structure) -> dict[tuple[str, int], int]:
    """Time order of each component."""
    return {(c.unknown, c.index): c.time_order for c in s.components}


def named(terms: tuple[Any, ...]) -> list[str | None]:
    return [t.name for t in terms]


@dataclasses.dataclass(frozen=True)
class Case:
    """A problem and what the mathematics says of it."""

    make: Callable[[], Problem]
    equations: list[tuple[Any, ...]]
    conditions: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)
    initial: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)
    linear: bool = True
    periodic: frozenset[str] = frozenset()

    def holds(self) -> bool:
        s = self.make().structure
        return (
            rows_of(s) == self.equations
            and walls_of(s) == self.conditions
            and starts_of(s) == self.initial
            and s.linear == self.linear
            and s.periodic == self.periodic
        )


def of(domain, *terms, unknowns="u", **options) -> Callable[[], Problem]:
    return lambda: Problem("case", domain, unknowns, list(terms), **options)


def everywhere(domain: Box, columns: tuple[str, ...], *entry: Any) -> list[tuple[Any, ...]]:
    """The same condition on both walls along each column."""
    ends = {c: (a.lower, a.upper) for a in domain.axes for c in a.columns}
    return [(f"{c}={v:g}", s, *entry) for c in columns for v, s in zip(ends[c], (-1.0, 1.0), strict=True)]


TABLE = Tabulated([0.0, 1.0, 4.0, 9.0, 16.0], x=[0.0, 0.25, 0.5, 0.75, 1.0])

CASES = {
    "heat": Case(
        of(ROD, Equation(lambda u: u.t - 0.1 * u.xx), Dirichlet(ROD.boundary, u=0.0), Initial(u=lambda x: x)),
        [(U, {U: (1, {"x": 2}, 2)}, True, True)],
        everywhere(ROD, ("x",), VALUE, U, True),
        [(U, 0)],
    ),
    "heat with a source": Case(
        of(ROD, Equation(lambda u, x, t: u.t - u.xx - torch.sin(x * t))),
        [(U, {U: (1, {"x": 2}, 2)}, True, True)],
    ),
    "heat with a conductivity": Case(
        of(ROD, Equation(lambda u, x: u.t - div((1 + x) * grad(u)))),
        [(U, {U: (1, {"x": 2}, 2)}, True, False)],
    ),
    "heat with a table of conductivities": Case(
        of(ROD, Equation(lambda u, x: u.t - (TABLE(x) + 1) * u.xx)),
        [(U, {U: (1, {"x": 2}, 2)}, True, False)],
    ),
    "nonlinear diffusion": Case(
        of(ROD, Equation(lambda u: u.t - div((1 + u**2) * grad(u)))),
        [(U, {U: (1, {"x": 2}, 2)}, False, False)],
        linear=False,
    ),
    "wave": Case(
        of(
            ROD,
            Equation(lambda u: u.tt - 4 * u.xx),
            Dirichlet(ROD.face(x=0), u=lambda t: torch.sin(t)),
            Neumann(ROD.face(x=1), u=0.0),
            Initial(u=0.0, u_t=lambda x: x),
        ),
        [(U, {U: (2, {"x": 2}, 2)}, True, True)],
        [("x=0", -1.0, VALUE, U, False), ("x=1", 1.0, FLUX, U, True)],
        [(U, 0), (U, 1)],
    ),
    "damped wave": Case(
        of(ROD, Equation(lambda u: u.tt + u.t - u.xx)),
        [(U, {U: (2, {"x": 2}, 2)}, True, True)],
    ),
    "Korteweg and de Vries": Case(
        of(ROD, Equation(lambda u: u.t + 6 * u * u.x + u.xxx), Periodic("x"), Initial(u=0.0)),
        [(U, {U: (1, {"x": 3}, 3)}, False, False)],
        initial=[(U, 0)],
        linear=False,
        periodic=frozenset({"x"}),
    ),
    "Korteweg and de Vries, linearised": Case(
        of(ROD, Equation(lambda u: u.t + u.x + u.xxx), Periodic("x", hard=True)),
        [(U, {U: (1, {"x": 3}, 3)}, True, True)],
        periodic=frozenset({"x"}),
    ),
    "beam": Case(
        of(
            ROD,
            Equation(lambda u: u.tt + u.xxxx),
            Dirichlet(ROD.boundary, u=0.0),
            Condition(ROD.boundary, lambda u: u.xx),
        ),
        [(U, {U: (2, {"x": 4}, 4)}, True, True)],
        [*everywhere(ROD, ("x",), VALUE, U, True), *everywhere(ROD, ("x",), OTHER, None, True)],
    ),
    "mixed derivative in space and time": Case(
        of(ROD, Equation(lambda u: u.t - u.d("x", "x", "t") - u.xx)),
        [(U, {U: (1, {"x": 2}, 2)}, True, True)],
    ),
    "Poisson": Case(
        of(SQUARE, Equation(lambda u, x: -laplacian(u) - x), Dirichlet(SQUARE.boundary, u=1.0)),
        [(U, {U: (0, {"x": 2, "y": 2}, 2)}, True, True)],
        everywhere(SQUARE, ("x", "y"), VALUE, U, False),
    ),
    "Poisson with a flux and a mixed condition": Case(
        of(
            SQUARE,
            Equation(lambda u: laplacian(u)),
            Neumann(SQUARE.face(x=(0, 1)), u=lambda y: y),
            Robin(SQUARE.face(y=1), u=(2.0, 1.0, 0.0)),
            Dirichlet(SQUARE.face(y=-1), u=0.0),
        ),
        [(U, {U: (0, {"x": 2, "y": 2}, 2)}, True, True)],
        [
            ("x=0", -1.0, FLUX, U, False),
            ("x=1", 1.0, FLUX, U, False),
            ("y=1", 1.0, MIXED, U, True),
            ("y=-1", -1.0, VALUE, U, True),
        ],
    ),
    "conditions as functions": Case(
        of(
            SQUARE,
            Equation(lambda u: laplacian(u)),
            Condition(SQUARE.face(x=0), lambda u, y: 3 * u - y),
            Condition(SQUARE.face(x=1), lambda u: u.x),
            Condition(SQUARE.face(y=-1), lambda u, n: normal_derivative(u, n) + u),
            Condition(SQUARE.face(y=1), lambda u: u.x + u.y),
        ),
        [(U, {U: (0, {"x": 2, "y": 2}, 2)}, True, True)],
        [
            ("x=0", -1.0, VALUE, U, False),
            ("x=1", 1.0, FLUX, U, True),
            ("y=-1", -1.0, MIXED, U, True),
            ("y=1", 1.0, OTHER, None, True),
        ],
    ),
    "conditions that prescribe neither value nor flux": Case(
        of(
            ROD,
            Equation(lambda u: u.t - u.xx),
            Condition(ROD.face(x=0), lambda u: u**2 - 1),
            Condition(ROD.face(x=1), lambda u: u.t + u.x),
        ),
        [(U, {U: (1, {"x": 2}, 2)}, True, True)],
        [("x=0", -1.0, OTHER, None, False), ("x=1", 1.0, OTHER, None, True)],
        linear=False,
    ),
    "a mixed derivative": Case(
        of(SQUARE, Equation(lambda u: u.xx + u.xy + u.yy)),
        [(U, {U: (0, {"x": 2, "y": 2}, 2)}, True, True)],
    ),
    "first-order system": Case(
        of(
            SQUARE,
            Equation(lambda u, p, q: (p - u.x, q - u, p.x + q.y)),
            unknowns=["u", "p", "q"],
        ),
        [
            (("u", 0), {("p", 0): (0, {}, 0), ("u", 0): (0, {"x": 1}, 1)}, True, True),
            (("q", 0), {("q", 0): (0, {}, 0), ("u", 0): (0, {}, 0)}, True, True),
            (("p", 0), {("p", 0): (0, {"x": 1}, 1), ("q", 0): (0, {"y": 1}, 1)}, True, True),
        ],
    ),
    "reaction and diffusion, one row linear": Case(
        of(
            ROD,
            Equation(lambda u, v: (v.t - v.xx + u, u.t - u.xx + u * v)),
            Initial(v=1.0, u=0.0),
            unknowns=["u", "v"],
        ),
        [
            (("v", 0), {("v", 0): (1, {"x": 2}, 2), ("u", 0): (0, {}, 0)}, True, True),
            (("u", 0), {("u", 0): (1, {"x": 2}, 2), ("v", 0): (0, {}, 0)}, False, False),
        ],
        initial=[(("v", 0), 0), (("u", 0), 0)],
        linear=False,
    ),
    "a constraint": Case(
        of(ROD, Equation(lambda u, v: (u.t - v, v - u.xx)), unknowns=["u", "v"]),
        [
            (("u", 0), {("u", 0): (1, {}, 0), ("v", 0): (0, {}, 0)}, True, True),
            (("v", 0), {("v", 0): (0, {}, 0), ("u", 0): (0, {"x": 2}, 2)}, True, True),
        ],
    ),
    "vector unknown": Case(
        of(
            SQUARE,
            Equation(lambda w: (w[0].xx + w[1].y, w[1].yy - w[0])),
            Dirichlet(SQUARE.face(x=0), w=[1.0, 0.0]),
            Condition(SQUARE.face(x=1), lambda w: w[0] + w[1]),
            Condition(SQUARE.face(y=1), lambda w, n: w[0] * n[0] + w[1] * n[1]),
            unknowns=Unknown("w", components=2),
        ),
        [
            (("w", 0), {("w", 0): (0, {"x": 2}, 2), ("w", 1): (0, {"y": 1}, 1)}, True, True),
            (("w", 1), {("w", 0): (0, {}, 0), ("w", 1): (0, {"y": 2}, 2)}, True, True),
        ],
        [
            ("x=0", -1.0, VALUE, ("w", 0), False),
            ("x=0", -1.0, VALUE, ("w", 1), True),
            ("x=1", 1.0, OTHER, None, True),
            ("y=1", 1.0, VALUE, ("w", 1), True),
        ],
    ),
    "unequal orders in time of the components of a vector": Case(
        of(ROD, Equation(lambda w: (w[0].tt - w[1], w[1].t - w[0].xx)), unknowns=Unknown("w", components=2)),
        [
            (("w", 0), {("w", 0): (2, {}, 0), ("w", 1): (0, {}, 0)}, True, True),
            (("w", 1), {("w", 0): (0, {"x": 2}, 2), ("w", 1): (1, {}, 0)}, True, True),
        ],
    ),
    "two equations for one unknown": Case(
        of(LINE, Equation(lambda u: (u.xx, u.x - u))),
        [(None, {U: (0, {"x": 2}, 2)}, True, True), (None, {U: (0, {"x": 1}, 1)}, True, True)],
    ),
    "no equation of its own": Case(
        of(LINE, Equation(lambda u: (u.xx, u.x)), Dirichlet(LINE.face(x=0), v=0.0), unknowns=["u", "v"]),
        [(None, {U: (0, {"x": 2}, 2)}, True, True), (None, {U: (0, {"x": 1}, 1)}, True, True)],
        [("x=0", -1.0, VALUE, ("v", 0), True)],
    ),
    "ordinary differential equation": Case(
        of(Box(t=(0, 3)), Equation(lambda u: u.tt + torch.sin(u)), Initial(u=1.0, u_t=0.0)),
        [(U, {U: (2, {}, 0)}, False, False)],
        initial=[(U, 0), (U, 1)],
        linear=False,
    ),
    "odd initial conditions": Case(
        of(
            ROD,
            Equation(lambda u: u.t - u.xx),
            Condition(ROD.face(t=0), lambda u: u.x),
            Condition(ROD.face(t=0), lambda u, x: 2 * u - x, name="value"),
            Condition(ROD.face(t=0), lambda u: u.t - 1, name="rate"),
            Condition(ROD.face(t=0), lambda u: u.t + u, name="both"),
            Condition(ROD.face(t=0), lambda u: u**3, name="cube"),
        ),
        [(U, {U: (1, {"x": 2}, 2)}, True, True)],
        initial=[(None, None), (U, 0), (U, 1), (None, None), (None, None)],
        linear=False,
    ),
    "hard conditions": Case(
        of(
            ROD,
            Equation(lambda u: u.t - u.xx),
            Dirichlet(ROD.boundary, u=0.0, hard=True),
            Initial(u=lambda x: torch.sin(math.pi * x), hard=True),
        ),
        [(U, {U: (1, {"x": 2}, 2)}, True, True)],
        everywhere(ROD, ("x",), VALUE, U, True),
        [(U, 0)],
    ),
    "an ansatz of the user": Case(
        of(LINE, Equation(lambda u: u.xx - 1), ansatz=dict(u=lambda u, x: torch.exp(u) * x)),
        [(U, {U: (0, {"x": 2}, 2)}, True, True)],
    ),
    "a disk": Case(
        of(DISK, Equation(lambda u: laplacian(u)), Dirichlet(DISK.boundary, u=lambda x: x)),
        [(U, {U: (0, {"x": 2, "y": 2}, 2)}, True, True)],
        [(None, None, VALUE, U, False)],
    ),
    "a disk with fluxes": Case(
        of(
            DISK,
            Equation(lambda u: laplacian(u)),
            Neumann(DISK.boundary, u=0.0),
            Robin(DISK.boundary, u=(1.0, 2.0, 0.0)),
            Condition(DISK.boundary, lambda u, x: (2 + x) * (u.x * x + u.y * torch.sqrt(1 - x**2))),
            Condition(DISK.boundary, lambda u, n: u.x * n[1] - u.y * n[0]),
        ),
        [(U, {U: (0, {"x": 2, "y": 2}, 2)}, True, True)],
        [
            (None, None, FLUX, U, True),
            (None, None, MIXED, U, True),
            (None, None, OTHER, None, True),
            (None, None, OTHER, None, True),
        ],
    ),
    "a disk in time": Case(
        of(
            DISK * Time(0, 1),
            Equation(lambda u: u.t - laplacian(u)),
            Dirichlet((DISK * Time(0, 1)).boundary, u=0.0),
            Initial(u=1.0),
        ),
        [(U, {U: (1, {"x": 2, "y": 2}, 2)}, True, True)],
        [(None, None, VALUE, U, True)],
        [(U, 0)],
    ),
    "periodic along a vector axis": Case(
        of(Box(x=Cube(0, 1, dim=2)), Equation(lambda u: laplacian(u) - u), Periodic("x")),
        [(U, {U: (0, {"x[0]": 2, "x[1]": 2}, 2)}, True, True)],
        periodic=frozenset({"x[0]", "x[1]"}),
    ),
    "a term that is not used": Case(
        of(ROD, Equation(lambda u: u.t - u.xx + 0 * u.x)),
        [(U, {U: (1, {"x": 2}, 2)}, True, True)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_structure_is_what_the_mathematics_says(name: str) -> None:
    case = CASES[name]
    s = case.make().structure
    assert rows_of(s) == case.equations
    assert walls_of(s) == case.conditions
    assert starts_of(s) == case.initial
    assert s.linear == case.linear
    assert s.periodic == case.periodic


def test_axes_are_sorted_by_role_and_components_know_their_orders_and_columns() -> None:
    domain = Box(x=(0, 1), y=(0, 1), t=(0, 1)) * Parameters(nu=(0.1, 1))
    problem = Problem(
        "p",
        domain,
        ["u", Unknown("w", components=2), Unknown("k", axes=("x", "y"))],
        [Equation(lambda u, w, k, nu: (u.tt - nu * laplacian(u), w.t - k * w, k.x))],
    )
    s = problem.structure
    assert [a.name for a in s.space] == ["x", "y"]
    assert s.space_columns == ("x", "y")
    assert s.time is not None
    assert s.time.name == "t"
    assert [a.name for a in s.parameters] == ["nu"]
    assert orders_of(s) == {("u", 0): 2, ("w", 0): 1, ("w", 1): 1, ("k", 0): 0}
    assert [c.columns for c in s.components] == [("x", "y", "t", "nu")] * 3 + [("x", "y")]
    assert [r.constant_coefficients for r in s.equations] == [False] * 3 + [True]  # nu and k vary
    assert s.order_along("x") == 2
    assert s.order_along("x", s.component("k")) == 1
    assert s.order_along("y", s.component("k")) == 0
    assert s.equation_terms == (problem.term("equation"),)


def test_factors_are_the_constant_coefficients_of_the_channels() -> None:
    problem = Problem("p", ROD, "u", [Equation(lambda u, x: 2 * u.t - 0.5 * u.xx + x * u.x + u**2 - 3)])
    (row,) = problem.structure.equations
    found = {f.channel.order: f.value for f in row.factors}
    assert found == {("t",): 2.0, ("x", "x"): -0.5, ("x",): None, (): None}
    plate = Problem("p", SQUARE, "u", [Equation(lambda u: -3 * u.laplacian + u)])
    (row,) = plate.structure.equations
    assert sorted(f.value for f in row.factors if f.value is not None) == [-3.0, 1.0]


def test_the_state_zero_satisfies_homogeneous_rows() -> None:
    rows = [lambda u: u.t - u.xx, lambda u, x: u.t - u.xx - x, lambda u: u.t + u * u.x, lambda u: u.t - torch.exp(u)]
    found = [Problem("p", ROD, "u", [Equation(r)]).structure.equations[0].homogeneous for r in rows]
    assert found == [True, False, True, False]


def test_conditions_say_whether_their_coefficients_are_constant_and_hold_rates() -> None:
    walls = [
        Condition(ROD.face(x=0), lambda u, t: u - t),
        Condition(ROD.face(x=0), lambda u, t: (1 + t) * u, name="growing"),
        Condition(ROD.face(x=1), lambda u: u.t + u.x, name="dynamic"),
        Condition(ROD.face(x=1), lambda u: u**2, name="square"),
    ]
    found = Problem("p", ROD, "u", [Equation(lambda u: u.t - u.xx), *walls]).structure.conditions
    assert [c.constant_coefficients for c in found] == [True, False, True, False]
    assert [c.time_order for c in found] == [0, 0, 1, 0]
    assert [c.linear for c in found] == [True, True, True, False]


def test_other_terms_are_listed_by_what_they_are() -> None:
    inner = Box(x=(0.2, 0.4), t=(0, 2))
    partner = dataclasses.replace(
        Condition(ROD.face(x=0), lambda u, u_partner=0.0: u - 2 * u_partner, name="jump"),
        sites=(ROD.face(x=0), ROD.face(x=1)),
    )
    coords = torch.tensor([[0.1, 0.0], [0.2, 1.0]], dtype=torch.float64)
    problem = Problem(
        "p",
        ROD,
        "u",
        [
            Equation(lambda u: u.t - u.xx),
            Equation(lambda u: u - 1, on=inner, name="inner"),
            Data(dict(x=[0.5], t=[0.5]), u=[1.0]),
            Dirichlet(PointSet(x=0.5, t=1.0), u=0.0, name="pinned"),
            Condition(ROD, lambda u, f: u - f, points=Points(coords, columns={"f": torch.ones(2)}), name="measured"),
            Condition(ROD.face(t=2), lambda u: u, name="end"),
            Condition(ROD, lambda u: u.x**2, penalty=Energy(), name="energy"),
            partner,
        ],
        coefficients=[Coefficient("nu", 1.0)],
    )
    s = problem.structure
    assert named(s.equation_terms) == ["equation"]
    assert named(s.data) == ["data"]
    assert named(s.at_points) == ["pinned", "measured"]
    assert named(s.final) == ["end"]
    assert named(s.minimised) == ["energy"]
    assert named(s.comparisons) == ["jump"]
    assert named(s.elsewhere) == ["inner"]
    assert s.coefficients == (Coefficient("nu", 1.0),)
    assert not s.linear


def test_a_problem_of_data_alone_has_no_equations() -> None:
    grid = torch.linspace(0, 1, 5)
    s = Problem("image", Box(x=(0, 1)), "u", [Data({"x": grid}, u=grid)]).structure
    assert s.equations == s.conditions == s.initial == ()
    assert s.time is None
    assert s.linear


class _Opaque(torch.autograd.Function):
    """u + 1 without a derivative."""

    @staticmethod
    def forward(ctx: Any, u: torch.Tensor) -> torch.Tensor:  # noqa: ARG004
        return u + 1

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("no derivative")


def test_a_residual_that_cannot_be_differentiated_is_described_by_its_trace() -> None:
    problem = Problem(
        "p",
        LINE,
        "u",
        [
            Equation(lambda u: u.x + _Opaque.apply(u.value)),
            Condition(LINE.face(x=0), lambda u: _Opaque.apply(u.value)),
        ],
    )
    s = problem.structure
    assert rows_of(s) == [(U, {U: (0, {"x": 1}, 1)}, True, False)]
    assert s.equations[0].factors == ()
    assert s.equations[0].homogeneous is None
    assert walls_of(s) == [("x=0", -1.0, OTHER, None, None)]


def test_the_structure_is_computed_once_is_frozen_and_comes_out_of_a_pickle_equal() -> None:
    problem = CASES["wave"].make()
    assert "structure" not in vars(problem)  # nothing is probed before it is asked for
    s = problem.structure
    assert problem.structure is s
    with pytest.raises(dataclasses.FrozenInstanceError):
        s.linear = False  # type: ignore[misc]
    for part in (s.equations[0], s.conditions[0], s.initial[0], s.components[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            part.index = 5  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(s))
    assert (rows_of(again), walls_of(again), starts_of(again)) == (rows_of(s), walls_of(s), starts_of(s))
    assert again.components == s.components
    assert {s: 1}[s] == 1


def test_probing_draws_nothing_from_the_global_generator() -> None:
    problem = CASES["Poisson"].make()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = problem.structure
    assert torch.equal(before, torch.random.get_rng_state())
    assert rows_of(CASES["Poisson"].make().structure) == rows_of(first)


# mutants --------------------------------------------------------------------------------------------------------------
def _flipped(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = module.Wall
    monkeypatch.setattr(module, "Wall", lambda column, value, outward: wall(column, value, -outward))


def _swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    true = module._prescribes
    other = {VALUE: FLUX, FLUX: VALUE}
    monkeypatch.setattr(module, "_prescribes", lambda *a: other.get(true(*a), true(*a)))


def _no_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    true = module._prescribes
    monkeypatch.setattr(module, "_prescribes", lambda *a: FLUX if true(*a) is MIXED else true(*a))


def _any_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PARALLEL", 2.0)


def _time_as_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Channel, "split", lambda self, time: [(f, 0, c) for f, c in self.derivatives])  # noqa: ARG005


def _first_derivative_only(monkeypatch: pytest.MonkeyPatch) -> None:
    true = Channel.split
    monkeypatch.setattr(
        Channel, "split", lambda self, t: [(f, m, tuple(dict.fromkeys(c))) for f, m, c in true(self, t)]
    )


def _in_the_order_of_the_unknowns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_settled", lambda depends, components: list(components)[: len(depends)])


def _time_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    true = module._settled

    def flat(depends: Any, components: Any) -> Any:
        return true([tuple(dataclasses.replace(d, time_order=0) for d in row) for row in depends], components)

    monkeypatch.setattr(module, "_settled", flat)


def _everything_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "constant", lambda slope: float(slope[0]))


def _values_for_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    true = module._initial
    monkeypatch.setattr(
        module, "_initial", lambda *a: dataclasses.replace(true(*a), level=0 if true(*a).component else None)
    )


def _one_linearity_for_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    true = module._Row.of

    def of_row(problem, term, index, probe):
        return dataclasses.replace(true(problem, term, index, probe), linear=problem.trace(term, raw=False).linear)

    monkeypatch.setattr(module._Row, "of", of_row)


def _no_dependence_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "probe", lambda problem, term, parts: None)  # noqa: ARG005


MUTANTS = {
    "normals point inwards": _flipped,
    "values and fluxes are swapped": _swapped,
    "mixed conditions are fluxes": _no_mixed,
    "a tangential derivative is a flux": _any_direction,
    "time counts as space": _time_as_space,
    "second derivatives count as first ones": _first_derivative_only,
    "rows settle the unknowns in order": _in_the_order_of_the_unknowns,
    "time does not matter for the assignment": _time_counts_nothing,
    "all coefficients are constant": _everything_constant,
    "initial rates are values": _values_for_rates,
    "all rows of a term are linear or none": _one_linearity_for_all_rows,
    "nothing is probed": _no_dependence_found,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_the_reader_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    assert not all(case.holds() for case in CASES.values())
