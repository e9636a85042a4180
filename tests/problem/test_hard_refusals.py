"""Conditions that cannot be hard are refused with the reason; others are not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from pinnkit import (
    Box,
    Cube,
    Data,
    Dirichlet,
    Equation,
    Initial,
    Neumann,
    Periodic,
    Problem,
    Robin,
    Time,
    Unknown,
)
from tests.problem.test_hard_conditions import (
    HEAT,
    PLATE,
    POISSON,
    ROD,
    WAVE,
)

SQUARE = Box(x=(-1, 1), t=(0, 1))


def rod(*terms: Any, domain: Any = ROD, equation: Any = HEAT, **options: Any) -> Callable[[], Problem]:
    return lambda: Problem("p", domain, options.pop("unknowns", "u"), [equation, *(t() for t in terms)], **options)


REFUSALS: dict[str, tuple[Callable[[], Problem], list[str]]] = {
    "a state that contradicts a wall": (
        rod(
            lambda: Dirichlet(ROD.boundary, u=0.1, hard=True),
            lambda: Initial(u=lambda x: torch.sin(math.pi * x), hard=True),
        ),
        [
            "'dirichlet' and 'initial' contradict each other in the value",
            "at x = 0, t = 0",
            "0.1 and 0",
            "apart by 0.1",
        ],
    ),
    "walls that contradict each other in a corner": (
        rod(
            lambda: Dirichlet(PLATE.face(x=0), u=0.0, hard=True),
            lambda: Dirichlet(PLATE.face(y=1), u=lambda x: x + 0.5, hard=True),
            domain=PLATE,
            equation=POISSON,
        ),
        ["contradict each other", "x = 0, y = 1", "apart by 0.5"],
    ),
    "a rate that contradicts a wall that moves": (
        rod(
            lambda: Dirichlet(ROD.boundary, u=lambda t: 2 * t, hard=True),
            lambda: Initial(u=0.0, u_t=0.0, hard=True),
            equation=WAVE,
        ),
        ["contradict each other in the rate", "u_t = 0 and 2"],
    ),
    "a periodic extension with a kink": (
        rod(
            lambda: Initial(u=lambda x: x**2 * torch.cos(math.pi * x), hard=True),
            lambda: Periodic("x", hard=True),
            domain=SQUARE,
        ),
        ["term 'periodic'", "derivative of `u` of order 1", "jumps by 4 ", "x = -1"],
    ),
    "a periodic extension with a jump": (
        rod(lambda: Initial(u=lambda x: x, hard=True), lambda: Periodic("x", hard=True), domain=SQUARE),
        ["`u` itself", "jumps by 2 "],
    ),
    "an ansatz that is not periodic": (
        rod(lambda: Periodic("x", hard=True), ansatz=dict(u=lambda u, x: x * (1 - x) * u)),
        ["order 1", "jumps by"],
    ),
    "a wall across a periodic axis": (
        rod(lambda: Dirichlet(ROD.face(x=0), u=0.0, hard=True), lambda: Periodic("x", hard=True)),
        ["'dirichlet'", "x = 0", "Periodic('x', hard=True)", "leaves no wall"],
    ),
    "an ansatz beside hard terms": (
        rod(lambda: Dirichlet(ROD.boundary, u=0.0, hard=True), ansatz=dict(u=lambda u, x: x * u)),
        ["one of its own", "drop `ansatz`"],
    ),
    "the same wall twice": (
        rod(
            lambda: Dirichlet(ROD.boundary, u=0.0, hard=True),
            lambda: Dirichlet(ROD.face(x=1), u=0.0, hard=True, name="again"),
        ),
        ["'dirichlet' and 'again' both prescribe it at x = 1"],
    ),
    "a rate without its value": (
        rod(lambda: Initial(u_t=0.0, hard=True), equation=WAVE),
        ["`u_t` needs the hard value beside it", "Initial(u=..., u_t=..., hard=True)"],
    ),
    "a flux": (rod(lambda: Neumann(ROD.boundary, u=0.0, hard=True)), ["'neumann' cannot be hard", "Drop hard=True"]),
    "a mixed condition": (rod(lambda: Robin(ROD.boundary, u=(1.0, 1.0, 0.0), hard=True)), ["'robin' cannot be hard"]),
    "measurements": (rod(lambda: Data(dict(x=[0.5], t=[0.5]), u=[1.0], hard=True)), ["'data' cannot be hard"]),
    "an equation": (rod(lambda: Equation(lambda u: u.x, hard=True)), ["'equation' cannot be hard"]),
    "a part that is no wall": (
        rod(lambda: Dirichlet(Box(x=(0.2, 0.4), t=(0, 1)), u=0.0, hard=True)),
        ["only walls of a box can be hard", "drop hard=True"],
    ),
    "a value without derivatives": (
        rod(lambda: Initial(u=lambda x: torch.sin(x).detach(), hard=True)),
        ["'initial'", "lost its derivatives", "torch functions"],
    ),
    "a value that is not finite": (
        rod(lambda: Initial(u=lambda x: 1 / x, hard=True)),
        ["'initial'", "not finite everywhere at t = 0"],
    ),
    "a wall of an axis that the unknown does not have": (
        lambda: Problem(
            "p",
            PLATE,
            ["u", Unknown("k", axes=("x",))],
            [Equation(lambda u, k: k * u.xx + u.yy), Dirichlet(PLATE.face(y=1), k=1.0, hard=True)],
        ),
        ["`k` does not depend on `y`"],
    ),
    "walls in five dimensions": (
        lambda: Problem(
            "p",
            Box(x=Cube(0, 1, dim=5)),
            "u",
            [POISSON, Dirichlet(Box(x=Cube(0, 1, dim=5)).boundary, u=0.0, hard=True)],
        ),
        ["walls of 5 columns", "4 are the most"],
    ),
    "a value at both ends of time beside a rate": (
        rod(
            lambda: Initial(u=0.0, u_t=0.0, hard=True),
            lambda: Dirichlet(ROD.face(t=2), u=0.0, hard=True),
            equation=WAVE,
        ),
        ["both ends of `t`"],
    ),
    "nothing left to solve": (
        lambda: Problem("p", ROD, "u", [Initial(u=0.0, hard=True)]),
        ["every term is hard"],
    ),
    "a word for a truth": (rod(lambda: Initial(u=0.0, hard="yes")), ["`hard` must be True or False, got 'yes'"]),
}


@pytest.mark.parametrize(("make", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_hard_is_refused_with_the_reason(make: Callable[[], Problem], words: list[str]) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_hard_values_that_agree_to_rounding_are_not_refused() -> None:
    hot = Box(x=(0, 1)) * Time(0, 1)
    Problem(
        "p",
        hot,
        "u",
        [
            HEAT,
            Dirichlet(hot.boundary, u=300.0, hard=True),
            Initial(u=lambda x: 300 + 1e-3 * torch.sin(math.pi * x), hard=True),
        ],
    )
    wide = Box(x=(-8, 8), t=(0, 1))
    Problem(
        "q",
        wide,
        "u",
        [HEAT, Dirichlet(wide.boundary, u=0.0, hard=True), Initial(u=lambda x: 2 * torch.exp(-(x**2)), hard=True)],
    )
