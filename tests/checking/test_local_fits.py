"""Local fits: derivatives of tables are as good as their own error says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pinnkit.checking.local_fits import TableField
from pinnkit.checking.node_spacing import NodeSpacing
from pinnkit.checking.polynomials import Monomials
from pinnkit.checking.sampled_field import SampledField
from pinnkit.jets.orders import Operator

ORDERS = [(), (1,), (0, 0)]
RNG = np.random.default_rng(0)


def wave(x, t):
    return torch.sin(3 * x) * torch.exp(-t)


TRUE = {(): wave, (1,): lambda x, t: -wave(x, t), (0, 0): lambda x, t: -9 * wave(x, t)}


def chebyshev(n):
    return (1 - np.cos(np.pi * np.arange(n) / (n - 1))) / 2


def product(a, b):
    return np.stack([m.ravel() for m in np.meshgrid(a, b, indexing="ij")], axis=1)


NODES = {
    "a grid": product(np.linspace(0, 1, 15), np.linspace(0, 1, 12)),
    "a grid that is finer at the walls": product(chebyshev(14), chebyshev(14)),
    "scattered points": RNG.random((300, 2)),
    "a mesh at some times": np.concatenate([np.c_[RNG.permutation(40) / 39, np.full(40, t)] for t in chebyshev(9)]),
}


def rms(values):
    return float(values.square().mean().sqrt())


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("nodes", NODES.values(), ids=NODES.keys())
def test_the_error_of_a_derivative_bounds_it_and_is_not_far_above(nodes: np.ndarray, noise: float) -> None:
    at = torch.from_numpy(nodes)
    values = wave(at[:, 0], at[:, 1]) + noise * torch.from_numpy(RNG.standard_normal(len(nodes)))
    field = TableField(at, values[:, None], ORDERS, (0.5, 0.5))
    points = torch.rand(500, 2, dtype=torch.float64)
    found, errors = field.jets(points, ORDERS), field.jet_errors(points, ORDERS)
    for order in ORDERS:
        true = TRUE[order](points[:, 0], points[:, 1])
        gap, said = rms(found[order][:, 0] - true), rms(errors[order])
        assert gap <= 1.5 * said
        assert said <= 200 * gap + 1e-9


def test_values_pass_through_the_table_and_polynomials_are_exact() -> None:
    nodes = torch.from_numpy(NODES["scattered points"])
    values = (nodes[:, 0] ** 2 - 3 * nodes[:, 0] * nodes[:, 1])[:, None]
    field = TableField(nodes, values, ORDERS, (0.5, 0.5))
    assert torch.allclose(field(nodes), values, atol=1e-9)
    second = field.jets(nodes, [(0, 0), Operator(((1.0, (0, 0)), (2.0, (0, 1))))])
    assert torch.allclose(second[0, 0], torch.full((300, 1), 2.0, dtype=torch.float64), atol=1e-6)
    operator = next(v for k, v in second.items() if isinstance(k, Operator))
    assert torch.allclose(operator, torch.full((300, 1), 2.0 - 6.0, dtype=torch.float64), atol=1e-6)


def test_neighbours_do_not_predict_a_table_that_is_too_coarse() -> None:
    x = torch.linspace(0, 1, 13, dtype=torch.float64)[:, None]
    coarse = TableField(x, torch.sin(40 * x), [(0, 0)], (0.5,))
    fine = TableField(x, torch.sin(2 * x), [(0, 0)], (0.5,))
    assert float(coarse.prediction_error) > 0.2
    assert float(fine.prediction_error) < 1e-5


def test_levels_of_a_grid_are_one_apart_and_scattered_points_about_one() -> None:
    spacing = NodeSpacing.of(NODES["a grid that is finer at the walls"])
    units = spacing.units(NODES["a grid that is finer at the walls"])
    assert np.allclose(np.unique(units[:, 0].round(9)), np.arange(14))
    assert spacing.counts == (14, 14)
    assert NodeSpacing.of(NODES["scattered points"]).levels == (None, None)


def test_monomials_are_differentiated_exactly() -> None:
    basis = Monomials(4, (4, 2))
    assert all(b <= 2 and a + b <= 4 for a, b in basis.exponents)
    z = torch.rand(5, 2, dtype=torch.float64)
    column = basis.exponents.index((2, 2))
    assert torch.allclose(basis.rows(z)[:, column], z[:, 0] ** 2 * z[:, 1] ** 2)
    assert torch.allclose(basis.rows(z, (0, 1, 1))[:, column], 4 * z[:, 0])
    assert [basis.exponents[i] for i in Monomials(2, (2, 2)).positions_in(basis)] == list(
        Monomials(2, (2, 2)).exponents
    )


@pytest.mark.parametrize("single", [False, True])
def test_stencils_differentiate_functions_and_know_their_rounding(single: bool) -> None:
    def function(points):
        value = wave(points[:, 0], points[:, 1])
        return (value.float().double() if single else value)[:, None]

    lower, upper = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    points = torch.rand(300, 2, dtype=torch.float64)
    points[:50, 0], points[50:100, 1] = 0.0, 1.0
    field = SampledField(function, lower, upper, ORDERS, points, 1.2e-7 if single else 2.2e-16)
    found, errors = field.jets(points, ORDERS), field.jet_errors(points, ORDERS)
    for order in ORDERS:
        gap = rms(found[order][:, 0] - TRUE[order](points[:, 0], points[:, 1]))
        assert gap <= 2 * rms(errors[order]) + 1e-12
        assert gap <= (2e-2 if single else 1e-6)
