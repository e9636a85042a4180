import math

import numpy as np
import pytest

from pinnkit.problem.errors import Unsupported
from pinnkit.references.finite_differences.stencils import Stencils, derivative, weights
from pinnkit.references.grid import Grid, Line


@pytest.mark.parametrize(
    ("offsets", "order", "expected"),
    [
        ((-1, 0, 1), 1, (-0.5, 0, 0.5)),
        ((-1, 0, 1), 2, (1, -2, 1)),
        ((0, 1, 2), 1, (-1.5, 2, -0.5)),
        ((0, 1, 2, 3), 2, (2, -5, 4, -1)),
        ((-2, -1, 0, 1, 2), 4, (1, -4, 6, -4, 1)),
    ],
)
def test_weights_are_those_of_the_tables(offsets, order, expected):
    np.testing.assert_allclose(weights(offsets, order), expected, atol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
def test_derivatives_of_polynomials_are_exact_up_to_one_degree_more_than_the_order(order):
    line = Line("x", -1.0, 2.0, 12)
    matrix = derivative(line, order)
    for degree in range(order + 2):
        factor = math.perm(degree, order)
        true = factor * line.nodes ** max(degree - order, 0)
        np.testing.assert_allclose(matrix @ line.nodes**degree, true, atol=1e-8)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_node_walls_included_is_of_second_order(order, periodic):
    found = []
    for cells in (256, 512):
        line = Line("x", 0.0, 1.0, cells, periodic)
        u = np.sin(2 * np.pi * line.nodes + 0.3)
        true = (2 * np.pi) ** order * np.sin(2 * np.pi * line.nodes + 0.3 + order * np.pi / 2)
        found.append(np.abs(derivative(line, order) @ u - true).max())
    assert abs(math.log2(found[0] / found[1]) - 2) < 0.15


def test_mixed_derivative_acts_on_both_axes():
    grid = Grid((Line("x", 0.0, 1.0, 8), Line("y", 0.0, 2.0, 10)))
    x, y = grid.coords.T
    found = Stencils(grid).matrix(("x", "y", "y")) @ (x**2 * y**3)
    np.testing.assert_allclose(found, 2 * x * 6 * y, atol=1e-9)


def test_too_few_nodes_for_a_derivative_are_refused():
    with pytest.raises(Unsupported, match="5 nodes along `x` are too few for a derivative of order 4"):
        derivative(Line("x", 0.0, 1.0, 4), 4)


def test_walls_are_where_the_coordinate_has_its_bounds():
    grid = Grid((Line("x", 0.0, 1.0, 3), Line("y", 0.0, 2.0, 4)))
    assert set(grid.coords[grid.wall(0, upper=True), 0]) == {1.0}
    assert set(grid.coords[grid.wall(1, upper=False), 1]) == {0.0}
    assert grid.coords[grid.wall(1, upper=False) + grid.step(1), 1] == pytest.approx(0.5)
