"""Well-posedness before solving: counts of conditions, ends at which they stand, growth of high frequencies."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from pinnkit import Box, Coefficient, Data, Dirichlet, Equation, Initial, Neumann, Periodic, Problem, Unknown
from pinnkit.domains import Ball
from pinnkit.problem.terms import Condition
from pinnkit.well_posedness import Severity, concerns_of

PI = math.pi
ROD = Box(x=(0, 1), t=(0, 1))
LINE = Box(x=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))
DISC = Ball(x=0.0, y=0.0, radius=1.0)


def ends(t: Box = ROD) -> object:
    return Dirichlet(t.boundary, u=0.0)


def final(box: Box = ROD, **values: object) -> object:
    return Dirichlet(box.face(t=1), **values)


def start(**values: object) -> object:
    return Initial(**(values or {"u": lambda x: torch.sin(PI * x)}))


HEAT = Equation(lambda u: u.t - u.xx)
WAVE = Equation(lambda u: u.tt - u.xx)
LAPLACE = Equation(lambda u: u.xx + u.yy)
KDV = Equation(lambda u: u.t + u.x + u.xxx)
BIHARMONIC = Equation(lambda u: u.xxxx + 2 * u.xxyy + u.yyyy - 1)
LEFT, RIGHT = ROD.face(x=0), ROD.face(x=1)

WELL_POSED: dict[str, Callable[[], Problem]] = {
    "heat": lambda: Problem("p", ROD, "u", [HEAT, ends(), start()]),
    "heat, insulated": lambda: Problem("p", ROD, "u", [HEAT, Neumann(ROD.boundary, u=0.0), start()]),
    "heat on a ring": lambda: Problem("p", ROD, "u", [HEAT, Periodic("x"), start()]),
    "backward heat, final data": lambda: Problem(
        "p", ROD, "u", [Equation(lambda u: u.t + u.xx), ends(), final(u=lambda x: torch.sin(PI * x))]
    ),
    "wave": lambda: Problem("p", ROD, "u", [WAVE, ends(), start(), Initial(u_t=0.0)]),
    "advection": lambda: Problem("p", ROD, "u", [Equation(lambda u: u.t + 2 * u.x), Dirichlet(LEFT, u=0.0), start()]),
    "advection leftwards": lambda: Problem(
        "p", ROD, "u", [Equation(lambda u: u.t - 2 * u.x), Dirichlet(RIGHT, u=0.0), start()]
    ),
    "advection from its end": lambda: Problem(
        "p", ROD, "u", [Equation(lambda u: u.t + u.x), Periodic("x"), final(u=lambda x: torch.sin(2 * PI * x))]
    ),
    "Schroedinger": lambda: Problem(
        "p",
        ROD,
        [Unknown("a"), Unknown("b")],
        [
            Equation(lambda a, b: a.t + b.xx),
            Equation(lambda a, b: b.t - a.xx),
            Dirichlet(ROD.boundary, a=0.0, b=0.0),
            Initial(a=lambda x: torch.sin(PI * x), b=0.0),
        ],
    ),
    "Korteweg-de Vries": lambda: Problem(
        "p", ROD, "u", [KDV, start(), Dirichlet(ROD.boundary, u=0.0), Neumann(RIGHT, u=0.0)]
    ),
    "Kuramoto-Sivashinsky": lambda: Problem(
        "p", ROD, "u", [Equation(lambda u: u.t + u.xx + 1e-4 * u.xxxx), Periodic("x"), start()]
    ),
    "Laplace": lambda: Problem("p", SQUARE, "u", [LAPLACE, Dirichlet(SQUARE.boundary, u=lambda x, y: x * y)]),
    "plate": lambda: Problem(
        "p", SQUARE, "u", [BIHARMONIC, Dirichlet(SQUARE.boundary, u=0.0), Neumann(SQUARE.boundary, u=0.0)]
    ),
    "disc": lambda: Problem("p", DISC, "u", [Equation(lambda u: u.xx + u.yy + 1), Dirichlet(DISC.boundary, u=0.0)]),
    "ordinary": lambda: Problem("p", Box(t=(0, 1)), "u", [Equation(lambda u: u.tt + u), Initial(u=1.0, u_t=0.0)]),
    "boundary value": lambda: Problem("p", LINE, "u", [Equation(lambda u: u.xx + u), Dirichlet(LINE.boundary, u=0.0)]),
    "initial value along x": lambda: Problem(
        "p",
        LINE,
        "u",
        [Equation(lambda u: u.xx + u), Dirichlet(LINE.face(x=0), u=1.0), Neumann(LINE.face(x=0), u=0.0)],
    ),
    "wave along y": lambda: Problem(
        "p",
        SQUARE,
        "u",
        [
            Equation(lambda u: u.yy - u.xx),
            Dirichlet(SQUARE.face(x=0), u=0.0),
            Dirichlet(SQUARE.face(x=1), u=0.0),
            Dirichlet(SQUARE.face(y=0), u=lambda x: torch.sin(PI * x)),
            Neumann(SQUARE.face(y=0), u=0.0),
        ],
    ),
    "degenerate at the axis": lambda: Problem(
        "p", LINE, "u", [Equation(lambda u, x: x * u.xx + u.x + x), Dirichlet(LINE.face(x=1), u=0.0)]
    ),
    "source found from data": lambda: Problem(
        "p",
        LINE,
        "u",
        [
            Equation(lambda u, k: u.xx + k),
            Dirichlet(LINE.boundary, u=0.0),
            Data(dict(x=[0.5]), u=[0.125]),
        ],
        coefficients=[Coefficient("k", 0.5)],
    ),
    "heat from early data": lambda: Problem(
        "p", ROD, "u", [HEAT, ends(), Data(dict(x=[0.2, 0.5, 0.7], t=[0.0, 0.5, 1.0]), u=[0.1, 0.2, 0.0])]
    ),
    "wave from late data": lambda: Problem(
        "p", ROD, "u", [WAVE, ends(), Data(dict(x=[0.2, 0.5, 0.7], t=[0.8, 0.9, 1.0]), u=[0.1, 0.2, 0.0])]
    ),
    "hyperbolic in space, three walls": lambda: Problem(
        "p",
        SQUARE,
        "u",
        [
            Equation(lambda u: u.xx - u.yy),
            Dirichlet(SQUARE.face(x=(0, 1)), u=0.0),
            Dirichlet(SQUARE.face(y=0), u=lambda x: torch.sin(PI * x)),
            Neumann(SQUARE.face(y=0), u=0.0),
        ],
    ),
    "nonlinear": lambda: Problem("p", ROD, "u", [Equation(lambda u: u.t + u * u.x - 0.1 * u.xx), ends(), start()]),
}


@pytest.mark.parametrize("name", WELL_POSED)
def test_well_posed_problems_raise_no_concern(name: str) -> None:
    assert concerns_of(WELL_POSED[name]()) == ()


OPEN, ILL = Severity.UNDETERMINED, Severity.ILL_POSED
WRONG: dict[str, tuple[Callable[[], Problem], Severity, str]] = {
    "no initial state": (lambda: Problem("p", ROD, "u", [HEAT, ends()]), OPEN, "no initial state of `u`"),
    "no rate": (lambda: Problem("p", ROD, "u", [WAVE, ends(), start()]), OPEN, "the rate of `u`"),
    "a rate too many": (lambda: Problem("p", ROD, "u", [HEAT, ends(), start(), Initial(u_t=0.0)]), ILL, "the rate"),
    "two initial states": (lambda: Problem("p", ROD, "u", [HEAT, ends(), start(), Initial(u=0.0)]), ILL, "both"),
    "heat backwards": (
        lambda: Problem("p", ROD, "u", [Equation(lambda u: u.t + u.xx), ends(), start()]),
        ILL,
        "grow at the rate |k|^2",
    ),
    "heat from its end": (
        lambda: Problem("p", ROD, "u", [HEAT, ends(), final(u=lambda x: torch.sin(PI * x))]),
        ILL,
        "end of time",
    ),
    "heat at both ends of time": (lambda: Problem("p", ROD, "u", [HEAT, ends(), start(), final(u=0.0)]), ILL, "beside"),
    "wave at both ends of time": (
        lambda: Problem("p", ROD, "u", [WAVE, ends(), start(), final(u=0.0)]),
        ILL,
        "hyperbolic",
    ),
    "Laplace as an evolution": (
        lambda: Problem("p", ROD, "u", [Equation(lambda u: u.tt + u.xx), ends(), start(), Initial(u_t=0.0)]),
        ILL,
        "grow at the rate |k|^1",
    ),
    "heat from late data": (
        lambda: Problem(
            "p", ROD, "u", [HEAT, ends(), Data(dict(x=[0.2, 0.5, 0.7], t=[0.8, 0.9, 1.0]), u=[0.1, 0.2, 0.0])]
        ),
        ILL,
        "the first data are at t = 0.8",
    ),
    "hyperbolic in space, all walls": (
        lambda: Problem("p", SQUARE, "u", [Equation(lambda u: u.xx - u.yy), Dirichlet(SQUARE.boundary, u=0.0)]),
        ILL,
        "is hyperbolic, and every wall carries a condition",
    ),
    "a change of type, all walls": (
        lambda: Problem(
            "p",
            Box(x=(-1, 1), y=(0, 1)),
            "u",
            [Equation(lambda u, x: u.xx + x * u.yy), Dirichlet(Box(x=(-1, 1), y=(0, 1)).boundary, u=0.0)],
        ),
        Severity.DOUBTFUL,
        "changes type",
    ),
    "Cauchy data": (
        lambda: Problem(
            "p",
            SQUARE,
            "u",
            [
                LAPLACE,
                Dirichlet(SQUARE.face(x=0), u=0.0),
                Dirichlet(SQUARE.face(x=1), u=0.0),
                Dirichlet(SQUARE.face(y=0), u=0.0),
                Neumann(SQUARE.face(y=0), u=lambda x: torch.sin(PI * x)),
            ],
        ),
        ILL,
        "Cauchy data",
    ),
    "sideways heat": (
        lambda: Problem("p", ROD, "u", [HEAT, start(), Dirichlet(LEFT, u=0.0), Neumann(LEFT, u=1.0)]),
        ILL,
        "Cauchy data",
    ),
    "a wall missing": (
        lambda: Problem("p", ROD, "u", [HEAT, start(), Dirichlet(LEFT, u=0.0)]),
        OPEN,
        "the wall x = 1 is missing",
    ),
    "value and flux everywhere": (
        lambda: Problem("p", ROD, "u", [HEAT, start(), ends(), Neumann(ROD.boundary, u=0.0)]),
        ILL,
        "more than it takes",
    ),
    "inflow at the outflow": (
        lambda: Problem("p", ROD, "u", [Equation(lambda u: u.t + 2 * u.x), Dirichlet(RIGHT, u=0.0), start()]),
        ILL,
        "leaves the domain",
    ),
    "no inflow": (
        lambda: Problem("p", ROD, "u", [Equation(lambda u: u.t + 2 * u.x), start()]),
        OPEN,
        "enters the domain",
    ),
    "one equation for two": (
        lambda: Problem("p", LINE, ["u", "v"], [Equation(lambda u, v: u.xx + v), Dirichlet(LINE.boundary, u=0.0)]),
        OPEN,
        "1 equation for 2 components",
    ),
    "both on a disc": (
        lambda: Problem(
            "p",
            DISC,
            "u",
            [Equation(lambda u: u.xx + u.yy + 1), Dirichlet(DISC.boundary, u=0.0), Neumann(DISC.boundary, u=0.0)],
        ),
        ILL,
        "is one too many",
    ),
    "nothing on a disc": (
        lambda: Problem("p", DISC, "u", [Equation(lambda u: u.xx + u.yy + 1)]),
        OPEN,
        "one is missing",
    ),
    "unused coefficient": (
        lambda: Problem(
            "p",
            LINE,
            "u",
            [Equation(lambda u: u.xx + 1), Dirichlet(LINE.boundary, u=0.0)],
            coefficients=[Coefficient("k", 1.0)],
        ),
        OPEN,
        "used by no term",
    ),
    "elasticity with a wall missing": (
        lambda: Problem(
            "p",
            SQUARE,
            ["u", "v"],
            [
                Equation(lambda u, v: u.xx + u.yy + (u.xx + v.xy)),
                Equation(lambda u, v: v.xx + v.yy + (u.xy + v.yy)),
                *(Dirichlet(SQUARE.face(**{c: k}), u=0.0, v=0.0) for c, k in (("x", 0), ("x", 1), ("y", 0))),
            ],
        ),
        OPEN,
        "the wall y = 1, where the equations take 2",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_problems_that_are_not_well_posed_are_named(name: str) -> None:
    make, severity, words = WRONG[name]
    found = [c for c in concerns_of(make()) if c.severity is severity]
    assert any(words in c.sentence for c in found), [c.sentence for c in concerns_of(make())]


def test_a_wall_missing_in_five_dimensions_is_named() -> None:
    box = Box(**dict.fromkeys("abcfg", (0, 1)))
    walls = [Dirichlet(box.face(**{c: k}), u=0.0) for c in "abcfg" for k in (0, 1) if (c, k) != ("f", 1)]
    problem = Problem("p", box, "u", [Equation(lambda u: u.aa + u.bb + u.cc + u.ff + u.gg + 1), *walls])
    (found,) = concerns_of(problem)
    assert "the wall f = 1 is missing" in found.sentence


def test_jumps_between_walls_and_start_are_notes() -> None:
    (found,) = concerns_of(Problem("p", ROD, "u", [HEAT, ends(), Initial(u=1.0)]))[:1]
    assert found.severity is Severity.NOTE
    assert "differ by 1" in found.sentence


def test_measurements_that_contradict_each_other_are_doubtful() -> None:
    def problem(**options: object) -> Problem:
        data = Data(dict(x=[0.2, 0.5, 0.5, 0.9]), u=[0.0, 0.1, 0.9, 1.0], **options)
        return Problem("p", LINE, "u", [Equation(lambda u: u.xx), Dirichlet(LINE.boundary, u=0.0), data])

    (found,) = [c for c in concerns_of(problem()) if "several values" in c.sentence]
    assert found.severity is Severity.ILL_POSED
    assert "differ by up to 0.8" in found.sentence
    assert not [c for c in concerns_of(problem(sigma=0.5)) if "several values" in c.sentence]


def test_signs_that_depend_on_the_solution_are_looked_at_with_one() -> None:
    problem = Problem("p", ROD, "u", [Equation(lambda u: u.t + torch.exp(u) * u.xx), ends(), start()])

    def values(points: object, channels: object) -> dict:
        return {c: torch.ones(points[0].coords.shape[0], dtype=torch.float64) for c in channels}

    assert concerns_of(problem) == ()
    (found,) = concerns_of(problem, values)
    assert found.severity is Severity.ILL_POSED


def test_an_ansatz_may_hold_what_no_term_states() -> None:
    problem = Problem("p", ROD, "u", [HEAT], ansatz={"u": lambda u, x, t: torch.sin(PI * x) + t * x * (1 - x) * u})
    assert concerns_of(problem) == ()


def test_conditions_of_another_kind_do_not_count_as_missing() -> None:
    level = Condition(LINE.face(x=0), lambda u: u - u.x)
    problem = Problem("p", LINE, "u", [Equation(lambda u: u.xx + 1), level, Dirichlet(LINE.face(x=1), u=0.0)])
    assert concerns_of(problem) == ()
