"""Conserved quantities: found where the equations keep them, absent elsewhere, and their drift is a finding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pinnkit import Box, Dirichlet, Equation, Initial, Neumann, Periodic, Problem, Solution, solve
from pinnkit.checking import check
from pinnkit.verification import Kind, verdict
from pinnkit.verification.conservation import invariants

PI = torch.pi
STRIP = Box(x=(0, 1), t=(0, 1))


def wave(speed: float = 2.0) -> Problem:
    terms = [
        Equation(lambda u: u.tt - speed**2 * u.xx),
        Initial(u=lambda x: torch.sin(PI * x)),
        Initial(u_t=0.0),
        Dirichlet(STRIP.boundary, u=0.0),
    ]
    return Problem("wave", STRIP, "u", terms)


def insulated() -> Problem:
    terms = [
        Equation(lambda u: u.t - 0.1 * u.xx),
        Initial(u=lambda x: 1 + torch.cos(PI * x)),
        Neumann(STRIP.boundary, u=0.0),
    ]
    return Problem("insulated", STRIP, "u", terms)


def cooled() -> Problem:
    terms = [
        Equation(lambda u: u.t - 0.1 * u.xx),
        Initial(u=lambda x: torch.sin(PI * x)),
        Dirichlet(STRIP.boundary, u=0.0),
    ]
    return Problem("cooled", STRIP, "u", terms)


def rotation() -> Problem:
    """i psi_t = -psi_xx / 2 on a circle, as two real equations."""
    ring = Box(x=(0, 2 * PI), t=(0, 1))
    terms = [
        Equation(lambda u, v: (u.t + v.xx / 2, v.t - u.xx / 2)),
        Initial(u=lambda x: torch.cos(x), v=lambda x: torch.sin(2 * x)),
        Periodic("x"),
    ]
    return Problem("rotation", ring, ["u", "v"], terms)


def names(found: Solution) -> list[str]:
    return [i.name for i in invariants(found)]


def test_quantities_are_found_where_the_equations_keep_them() -> None:
    assert names(solve(wave(), seed=1)) == ["the energy"]
    assert names(solve(insulated(), seed=1)) == ["the integral of `u`"]
    assert names(solve(cooled(), seed=1)) == []
    assert names(solve(rotation(), seed=1)) == ["the integral of the squares"]


def test_a_right_solution_keeps_them_and_the_report_says_so() -> None:
    found = solve(wave(), seed=2)
    (energy,) = invariants(found)
    assert energy.drift < 1e-8
    assert any(note.startswith("conserved, as the equations say: the energy to ") for note in verdict(found).notes)


class _Damped(nn.Module):
    """A wave that loses energy so slowly that the residual is small at every time."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(-self.rate * x[:, 1:]) * torch.sin(PI * x[:, :1]) * torch.cos(2 * PI * x[:, 1:])


@pytest.mark.parametrize(("rate", "wrong"), [(0.002, False), (0.2, True)])
def test_a_drift_is_a_finding_with_the_error_that_it_implies(rate: float, wrong: bool) -> None:
    found = check(wave(), _Damped(rate), budget=0)
    (energy,) = invariants(found.solution)
    assert energy.drift == pytest.approx(1 - torch.exp(torch.tensor(-2 * rate)).item(), rel=0.2)
    assert (Kind.DRIFT in found.verdict.kinds) == wrong
    assert energy.error == pytest.approx(energy.drift / 2)


def test_a_mean_that_drifts_is_a_finding_without_a_reference() -> None:
    drifting: Any = lambda x, t: 1 + 0.2 * t + torch.exp(-0.1 * PI**2 * t) * torch.cos(PI * x)  # noqa: E731
    found = check(insulated(), drifting, budget=0)
    assert Kind.DRIFT in found.verdict.kinds
    (mean,) = invariants(found.solution)
    assert mean.drift == pytest.approx(0.2 / 1.2, rel=0.05)


def test_problems_without_a_box_or_with_walls_that_are_open_have_none() -> None:
    terms = [Equation(lambda u: -u.xx - 1), Dirichlet(Box(x=(0, 1)).boundary, u=0.0)]
    assert invariants(solve(Problem("steady", Box(x=(0, 1)), "u", terms))) == ()
