"""Problems of data alone: what the data leave open between their points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pinnkit import Box, Data, Dirichlet, Equation, Problem, solve
from pinnkit.checking import check
from pinnkit.problem.penalties import Huber
from pinnkit.verification import Kind

PI = np.pi
LINE = Box(x=(0, 1))
SQUARE = Box(x=(0, 1), y=(0, 1))


def wave(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(9 * x)


def line(count: int, **options: object) -> Problem:
    at = torch.linspace(0, 1, count)
    return Problem("data", LINE, "u", [Data(dict(x=at), u=wave(at), **options)])


@pytest.mark.parametrize(("count", "open_"), [(3, True), (4, True), (40, False)])
def test_few_data_leave_the_function_open(count: int, open_: bool) -> None:
    for problem in (line(count), line(count, penalty=Huber(0.1))):
        found = check(problem, lambda x: wave(torch.as_tensor(x)), budget=0).verdict
        assert (Kind.UNDETERMINED in found.kinds) == open_, found


def test_the_finding_names_the_distance_and_the_repair() -> None:
    found = solve(line(4), seed=1)
    (finding,) = [f for f in check(line(4), lambda x: wave(torch.as_tensor(x)), budget=0).verdict.findings]
    assert "there are data alone" in finding.sentence
    assert "give more data, or an equation" in finding.sentence
    assert found.problem.name == "data"


def test_scattered_data_in_two_coordinates_determine_a_smooth_function() -> None:
    at = np.random.default_rng(3).uniform(size=(400, 2))

    def smooth(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.sin(3 * torch.as_tensor(x)) * torch.cos(2 * torch.as_tensor(y))

    values = smooth(at[:, 0], at[:, 1])
    problem = Problem("data", SQUARE, "u", [Data(dict(x=at[:, 0], y=at[:, 1]), u=values)])
    assert check(problem, smooth, budget=0).verdict.ok

    def rough(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return smooth(x, y) + torch.sin(200 * torch.as_tensor(x)) * torch.sin(150 * torch.as_tensor(y))

    values = rough(at[:, 0], at[:, 1])
    problem = Problem("data", SQUARE, "u", [Data(dict(x=at[:, 0], y=at[:, 1]), u=values)])
    assert Kind.UNDETERMINED in check(problem, rough, budget=0).verdict.kinds


def test_an_equation_fills_the_gaps() -> None:
    at = torch.tensor([0.5])
    terms = [Equation(lambda u: u.xx + 2), Dirichlet(LINE.boundary, u=0.0), Data(dict(x=at), u=at * (1 - at))]
    assert check(Problem("data", LINE, "u", terms), lambda x: x * (1 - x), budget=0).verdict.ok
