"""A user's own training loop on `residuals`."""

import pytest
import torch

from pinnkit import MLP, Box, Dirichlet, Equation, Periodic, Problem, residuals

ROD = Box(x=(0.0, 1.0))
PROBLEM = Problem(
    name="line",
    domain=ROD,
    unknowns="u",
    terms=[Equation(lambda u: u.xx + 1.0), Dirichlet(ROD.boundary, u=0.0)],
)


def build(problem, outputs=1):
    generator = torch.Generator().manual_seed(0)
    return MLP(8, 1).build(problem.axes, outputs, generator=generator, dtype=torch.float64, device="cpu")


def test_residuals_equal_nested_derivatives_and_reach_the_parameters(generator):
    network = build(PROBLEM)
    points = {str(t.name): t.sample(16, generator) for t in PROBLEM.terms}
    found = residuals(PROBLEM, network, points)
    x = points["equation"][0].coords.clone().requires_grad_()
    (first,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    torch.testing.assert_close(found["equation"], second + 1.0)
    torch.testing.assert_close(found["dirichlet"], network(points["dirichlet"][0].coords))
    loss = sum(r.square().mean() for r in found.values())
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    assert sum(float(g.norm()) > 0 for g in gradients) >= 3  # the bias of the hidden layer may be out of reach


def test_a_few_steps_of_a_loop_of_ones_own_lower_the_loss(generator):
    network = build(PROBLEM)
    points = {str(t.name): t.sample(32, generator)[0] for t in PROBLEM.terms}
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = sum(r.square().mean() for r in residuals(PROBLEM, network, points).values())
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_two_sites_take_both_sets_of_points(generator):
    problem = Problem(name="ring", domain=ROD, unknowns="u", terms=[Equation(lambda u: u.xx), Periodic("x")])
    network = build(problem)
    sites = problem.term("periodic").sample(1, generator)
    found = residuals(problem, network, {"periodic": sites})["periodic"]
    jump = network(sites[0].coords) - network(sites[1].coords)
    torch.testing.assert_close(found[:, :1], jump)


def test_a_name_that_is_no_term_is_refused(generator):
    with pytest.raises(ValueError, match="no term; they are"):
        residuals(PROBLEM, build(PROBLEM), {"wall": PROBLEM.term("dirichlet").sample(4, generator)})
