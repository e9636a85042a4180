"""A ready module without the derivatives that an equation needs is refused before anything is trained."""

import pytest
import torch
from torch import nn

from pinnkit.domains import Box
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial
from pinnkit.solvers import Adam, solve
from tests.samples import heat_problem


def network(activation, inputs=2):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 8), activation, nn.Linear(8, 8), activation, nn.Linear(8, 1))


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU(), nn.Hardtanh()])
def test_piecewise_linear_networks_are_refused_for_second_derivatives(activation):
    with pytest.raises(ValueError, match="needs 2 derivatives of `u`, and those of the module Sequential are zero"):
        solve(heat_problem(), network(activation), Adam(steps=1))


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.SiLU(), nn.Softplus()])
def test_smooth_networks_are_accepted(activation):
    assert solve(heat_problem(), network(activation), Adam(steps=1, points=20)).steps == 1


def test_a_piecewise_linear_network_may_solve_an_equation_of_first_order():
    problem = Problem("decay", Box(t=(0, 1)), "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])
    assert solve(problem, network(nn.ReLU(), 1), Adam(steps=1, points=20)).steps == 1


def test_a_straight_line_may_solve_an_equation_of_second_order():
    box = Box(x=(0, 1))
    problem = Problem("line", box, "y", [Equation(lambda y: y.xx), Dirichlet(box.boundary, y=lambda x: x)])
    assert solve(problem, nn.Linear(1, 1), Adam(steps=1, points=20)).steps == 1
