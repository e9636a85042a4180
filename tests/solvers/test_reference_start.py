"""Training that starts from the values of a reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pinnkit import MLP, Ball, Box, Dirichlet, Equation, Initial, Problem, reference, solve
from pinnkit.solvers import Adam

PI = np.pi


def steep() -> Problem:
    box = Box(x=(-1, 1), t=(0, 1))
    terms = [
        Equation(lambda u: u.t + u * u.x - 0.02 * u.xx),
        Initial(u=lambda x: -torch.sin(PI * x)),
        Dirichlet(box.boundary, u=0.0),
    ]
    return Problem("steep", box, "u", terms)


def distance(solution: object, known: object) -> float:
    x, t = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(0, 1, 21), indexing="ij")
    u, v = solution(x=x, t=t)["u"], known.at(x=x, t=t)["u"]  # type: ignore[operator, attr-defined]
    return float(np.linalg.norm(u - v) / np.linalg.norm(v))


def test_a_network_starts_at_the_values_of_a_reference() -> None:
    problem = steep()
    known = reference(problem)
    field, one = MLP(width=16, depth=3), [Adam(steps=1, lr=1e-6)]
    near = solve(problem, field, one, start=known, seed=3)
    assert distance(near, known) < 0.03
    assert distance(solve(problem, field, one, seed=3), known) > 0.5
    again = solve(problem, field, one, start=known, seed=3)
    assert torch.equal(next(iter(near.modules.values()))(torch.zeros(1, 2, dtype=torch.float64)),
                       next(iter(again.modules.values()))(torch.zeros(1, 2, dtype=torch.float64)))  # fmt: skip


def test_points_outside_a_curved_wall_are_left_out_and_the_ansatz_is_kept() -> None:
    disk = Ball(x=0, y=0)
    terms = [Equation(lambda u: -u.laplacian - 4), Dirichlet(disk.boundary, u=0.0)]
    problem = Problem("membrane", disk, "u", terms, ansatz={"u": lambda u, x, y: (1 - x**2 - y**2) * u})
    near = solve(problem, MLP(width=16, depth=2), [Adam(steps=1, lr=1e-6)], start=reference(problem))
    r = np.linspace(0, 1, 11)
    assert np.abs(near(x=0.6 * r, y=0.8 * r)["u"] - (1 - r**2)).max() < 0.05
    assert np.abs(near(x=np.cos(7 * r), y=np.sin(7 * r))["u"]).max() < 1e-12


def test_values_on_other_axes_are_refused() -> None:
    disk = Ball(x=0, y=0)
    other = Problem("membrane", disk, "u", [Equation(lambda u: -u.laplacian - 4), Dirichlet(disk.boundary, u=0.0)])
    with pytest.raises(ValueError, match=r"solve: `start` must have values on the axes \('x', 't'\).*lacks \['t'\]"):
        solve(steep(), MLP(), [Adam(steps=1)], start=reference(other))
    with pytest.raises(TypeError, match="`start` must be a Solution, what `solve` or `load` gives, or a Reference"):
        solve(steep(), MLP(), [Adam(steps=1)], start="reference")  # type: ignore[arg-type]
