"""Assembly, linear solvers and steps in time, each against a second method."""

import numpy as np
import pytest
import torch

from pinnkit.domains import Box
from pinnkit.jets.operators import laplacian
from pinnkit.problem.linearization import residual_rows
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Initial, Neumann
from pinnkit.references.finite_differences.assembly import STEADY, System
from pinnkit.references.finite_differences.evolution import Evolution
from pinnkit.references.finite_differences.fast_diagonalization import TensorSolver
from pinnkit.references.finite_differences.grid_problem import grid_problem_of
from pinnkit.references.finite_differences.linear_solvers import sparse_lu
from pinnkit.references.finite_differences.newton import newton
from pinnkit.references.grid import refined
from pinnkit.references.ode import Ordinary
from pinnkit.references.solving import discretise
from tests.references.cases import find, rms

square = Box(x=(0, 1), y=(0, 1))


def system_of(problem, cells):
    found = grid_problem_of(problem)
    return System(found, refined(found.lines, cells))


@pytest.mark.parametrize("name", ["steady_nonlinear", "condition", "system", "mixed_derivative", "clamped_beam"])
def test_matrix_is_the_derivative_of_the_residual(name):
    problem = find(name)
    system = system_of(problem, [9] * len(problem.axes))
    rng = np.random.default_rng(1)
    state, direction = rng.standard_normal((2, system.size))

    def evaluate(values):
        right, slopes = np.zeros(system.size), []
        for block in system.blocks:
            r, d = block.linearised(0.0, [values.reshape(len(system.grid_problem.components), -1)] * 3)
            block.fill(right, r)
            slopes.append(d)
        return right, slopes

    _, slopes = evaluate(state)
    matrix = system.matrix(slopes, [STEADY] * len(system.blocks))
    step = 1e-6
    numeric = (evaluate(state + step * direction)[0] - evaluate(state - step * direction)[0]) / (2 * step)
    np.testing.assert_allclose(matrix @ direction, numeric, rtol=1e-6, atol=1e-6 * np.abs(numeric).max())


@pytest.mark.parametrize("name", ["steady_nonlinear", "robin", "system", "clamped_beam", "acoustics", "periodic"])
def test_every_value_has_exactly_one_row(name):
    system = system_of(find(name), [9] * len(grid_problem_of(find(name)).lines))
    filled = np.concatenate([pick.targets for block in system.blocks for pick in block.picks])
    np.testing.assert_array_equal(np.sort(filled), np.arange(system.size))


def test_on_a_corner_prescribed_values_win_whatever_the_order_of_the_terms():
    held, free = Dirichlet(square.face(x=(0, 1)), u=1.0), Neumann(square.face(y=(0, 1)), u=5.0)
    for terms in ([held, free], [free, held]):
        problem = Problem("corner", square, "u", [Equation(lambda u: laplacian(u)), *terms])
        u = discretise(problem).solve((8, 8)).values["u"]
        np.testing.assert_allclose(u[[0, -1]], 1.0)


def test_on_a_corner_of_two_values_the_first_axis_decides():
    terms = [Dirichlet(square.face(y=(0, 1)), u=2.0), Dirichlet(square.face(x=(0, 1)), u=1.0)]
    u = discretise(Problem("c", square, "u", [Equation(lambda u: laplacian(u)), *terms])).solve((8, 8)).values["u"]
    assert u[0, 0] in (1.0, 2.0)
    assert len({u[0, 0], u[0, -1], u[-1, 0], u[-1, -1]}) == 1


def test_iterations_in_three_dimensions_agree_with_sparse_lu():
    problem = find("three_dimensions")
    system = system_of(problem, (9, 10, 11))
    weights = [STEADY] * len(system.blocks)
    state = np.zeros(system.size)
    slopes = [b.linearised(0.0, [state.reshape(1, -1)] * 3)[1] for b in system.blocks]
    matrix = system.matrix(slopes, weights)
    right = np.random.default_rng(2).standard_normal(system.size)
    direct = sparse_lu(matrix, "p")(right)
    iterated = TensorSolver(system, matrix, slopes, weights).solve(right)
    np.testing.assert_allclose(iterated, direct, rtol=1e-6, atol=1e-8 * np.abs(direct).max())


def test_a_linear_evolution_stepped_by_newton_agrees_with_one_factorisation():
    once = find("heat")
    nonlinear = Problem(
        "heat",
        once.domain,
        "u",
        [Equation(lambda u: u.t - u.xx / np.pi**2 + 0 * u**2), *once.terms[1:]],
    )
    a, b = (Evolution(grid_problem_of(p)).solve((32, 32)).values["u"] for p in (once, nonlinear))
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_all_steps_at_once_are_the_steps_one_by_one():
    problem = find("ode")
    together = Ordinary(grid_problem_of(problem)).solve((200,)).values["u"]
    one_by_one = Evolution(grid_problem_of(problem)).solve((200,)).values["u"]
    np.testing.assert_allclose(together, one_by_one, atol=1e-9)


def test_energy_of_a_string_is_kept_by_newmark_steps():
    string = Box(x=(0, 1), t=(0, 20))
    terms = [
        Equation(lambda u: u.tt - u.xx),
        Dirichlet(string.boundary, u=0.0),
        Initial(u=lambda x: torch.sin(np.pi * x), u_t=0.0),
    ]
    u = Evolution(grid_problem_of(Problem("string", string, "u", terms))).solve((32, 320)).values["u"]
    assert np.abs(u[16]).max() == pytest.approx(1.0, abs=1e-3)
    assert np.abs(u[16, -40:]).max() == pytest.approx(1.0, abs=1e-2)


def test_a_symmetric_problem_has_a_symmetric_solution():
    u = discretise(find("steady_linear")).solve((16, 16)).values["u"]
    for mirrored in (u.T, u[::-1], u[:, ::-1]):
        np.testing.assert_allclose(u, mirrored, atol=1e-12)


def test_newton_halves_steps_that_are_too_long():
    def residual(x):
        return np.arctan(x)

    found = newton(residual, lambda x: lambda right: right * (1 + x**2), np.array([3.0]))
    assert abs(found[0]) < 1e-9


def test_newton_gives_up_where_there_is_no_zero():
    assert newton(lambda x: x**2 + 1, lambda x: lambda r: r / (2 * x), np.array([2.0])) is None


def test_a_guess_at_which_the_matrix_is_singular_gives_way_to_another():
    line = Box(x=(0, 1))
    porous = [Equation(lambda u: u * u.xx + u.x**2), Dirichlet(line.boundary, u=lambda x: 1 + x)]
    found = discretise(Problem("porous", line, "u", porous)).solve((64,))
    np.testing.assert_allclose(found.values["u"], np.sqrt(1 + 3 * found.grid["x"]), atol=1e-3)


def test_residual_of_the_problem_vanishes_on_its_own_stencils():
    problem = find("steady_linear")
    system = system_of(problem, (16, 16))
    solved = discretise(problem).solve((16, 16)).values["u"].ravel()
    inside = system.blocks[0]
    values = inside.values([solved[None]] * 3)
    r = residual_rows(problem, inside.term, (inside.points([0.0]),), values.__getitem__, {}, raw=False)
    assert rms(r.numpy()[system.free[0]]) < 1e-10
