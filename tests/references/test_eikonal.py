import math

import numpy as np
import pytest
import skfmm
import torch

from pinnkit.domains import Box, PointSet
from pinnkit.jets.operators import grad
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation, Neumann
from pinnkit.references.eikonal.eikonal_detection import medium
from pinnkit.references.eikonal.factored_eikonal import Eikonal
from pinnkit.references.solving import discretise

square = Box(x=(0, 1), y=(0, 1))
point = PointSet(x=0.3, y=0.4)


def speed(x, y):
    return 1 + 0.5 * torch.sin(6 * x) * torch.cos(9 * y)


def problem(residual, source=point, **values):
    return Problem("rays", square, "T", [Equation(residual), Dirichlet(source, **(values or dict(T=0.0)))])


FORMS = {
    "squared": lambda T, x, y: speed(x, y) ** 2 * (T.x**2 + T.y**2) - 1,
    "square root": lambda T, x, y: torch.sqrt(T.x**2 + T.y**2) - 1 / speed(x, y),
    "norm": lambda T, x, y: speed(x, y) * grad(T).norm(dim=-1) - 1,
    "reciprocal": lambda T, x, y: 1 / (T.x**2 + T.y**2) - speed(x, y) ** 2,
}


@pytest.mark.parametrize("form", FORMS)
def test_slowness_is_found_in_every_way_of_writing_the_equation(form):
    found = medium(problem(FORMS[form]))
    coords = np.random.default_rng(0).random((50, 2))
    true = 1 / speed(*torch.from_numpy(coords.T)).numpy()
    np.testing.assert_allclose(found.slowness(coords), true, rtol=1e-10)


OTHERS = {
    "anisotropic": lambda T: T.x**2 + 2 * T.y**2 - 1,
    "with the value": lambda T: T.x**2 + T.y**2 - 1 - T,
    "viscous": lambda T: T.x**2 + T.y**2 - 1 - 0.01 * T.laplacian,
    "one derivative": lambda T: T.x**2 - 1,
    "linear": lambda T: T.x + T.y - 1,
}


@pytest.mark.parametrize("form", OTHERS)
def test_other_first_order_equations_are_not_taken_for_eikonal(form):
    terms = [Equation(OTHERS[form]), Neumann(square.face(x=0), T=0.0)]
    assert medium(Problem("other", square, "T", terms)) is None


def test_arrivals_agree_with_fast_marching_where_rays_bend():
    n = 200
    found = Eikonal(medium(problem(FORMS["squared"]))).solve((n, n))
    x, y = np.meshgrid(*found.grid.values(), indexing="ij")
    distance = np.hypot(x - 0.3, y - 0.4)
    v = speed(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    with np.errstate(all="ignore"):
        marched = skfmm.travel_time(distance - 0.03, v, dx=1 / n, order=2)
    near = float(speed(torch.tensor(0.3), torch.tensor(0.4)))
    gap = np.abs(found.values["T"] - (np.asarray(marched) + 0.03 / near))[distance > 0.05]
    assert gap.max() < 5e-3
    assert found.values["T"].max() > 0.9


def test_of_two_sources_the_earliest_counts_and_each_keeps_its_start():
    both = PointSet(x=[0.2, 0.8], y=[0.1, 0.9])
    shifted = problem(lambda T: T.x**2 + T.y**2 - 4, both, T=lambda x: 0.3 * (x - 0.2) / 0.6)
    found = discretise(shifted).solve((40, 40))
    x, y = np.meshgrid(*found.grid.values(), indexing="ij")
    true = np.minimum(2 * np.hypot(x - 0.2, y - 0.1), 0.3 + 2 * np.hypot(x - 0.8, y - 0.9))
    np.testing.assert_allclose(found.values["T"], true, atol=1e-10)


@pytest.mark.parametrize("where", [(0.0, 0.0), (0.5, 1.0), (0.337, 0.751)])
def test_source_may_lie_on_a_wall_in_a_corner_or_between_nodes(where):
    found = discretise(problem(lambda T: T.x**2 + T.y**2 - 1, PointSet(x=where[0], y=where[1]))).solve((24, 24))
    x, y = np.meshgrid(*found.grid.values(), indexing="ij")
    np.testing.assert_allclose(found.values["T"], np.hypot(x - where[0], y - where[1]), atol=1e-10)


def test_three_dimensions_converge_with_second_order():
    box = Box(x=(0, 1), y=(0, 1), z=(0, 1))
    source = PointSet(x=0.5, y=0.1, z=0.5)
    rays = Problem(
        "rays",
        box,
        "T",
        [Equation(lambda T, y: (T.x**2 + T.y**2 + T.z**2) * (1 + 2 * y) ** 2 - 1), Dirichlet(source, T=0.0)],
    )
    found = []
    for n in (10, 20, 40):
        solved = discretise(rays).solve((n, n, n))
        x, y, z = np.meshgrid(*solved.grid.values(), indexing="ij")
        distance = np.sqrt((x - 0.5) ** 2 + (y - 0.1) ** 2 + (z - 0.5) ** 2)
        true = np.arcsinh(distance / np.sqrt((1 + 2 * y) * 1.2))
        found.append(np.sqrt(np.mean((solved.values["T"] - true) ** 2)))
    assert 1.7 < math.log2(found[1] / found[2]) < 2.5
