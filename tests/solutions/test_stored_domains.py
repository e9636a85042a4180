"""Solutions on every registered shape: what is saved comes back without the problem, equal to the last bit."""

import numpy as np
import pytest
import torch

from pinnkit.domains import SHAPES, Ball, Box, Cube, Parameters, PointSet, Time, domain_to_dict
from pinnkit.domains.axes import Axis
from pinnkit.fields import Siren
from pinnkit.problem.problem import Problem
from pinnkit.problem.terms import Dirichlet, Equation
from pinnkit.solutions.solution import grid_counts
from pinnkit.solutions.storage import load, save
from tests.samples import solution_of

FACTORS = {
    "alone": lambda shape: shape,
    "in time": lambda shape: shape * Time(0.1, 0.7),
    "in time, with parameters": lambda shape: shape * Time(0, 1) * Parameters(nu=(0.01, 1 / 3), k=Cube(0, 1, dim=2)),
}
BOXES = {
    "interval": lambda: Box(x=(1 / 3, 2 / 3)),
    "no space": lambda: Box(t=(0, 1)),
    "vector axis": lambda: Box(x=Cube(-0.1, 0.3, dim=3), t=(0, 1)) * Parameters(nu=(0.1, 0.2)),
    "periodic axis": lambda: Box.of(Axis("x", 0.0, 0.7, periodic=True), Axis("y", 0.0, 1.0)),
}
DOMAINS = BOXES | {
    f"{entry.name}, {name}, {factor}": lambda entry=entry, name=name, multiply=multiply: multiply(
        entry.examples()[name]
    )
    for entry in SHAPES
    for name in entry.examples()
    for factor, multiply in FACTORS.items()
}


def problem_on(domain, name="stored"):
    terms = [Equation(lambda u: u)]
    if any(axis.role.value == "space" for axis in domain.axes):
        terms.append(Dirichlet(domain.boundary, u=0.0))
    return Problem(name, domain, "u", terms)


def at_points(solution, domain):
    """Values and second derivatives at points of the domain."""
    coords = domain.sample(40, torch.Generator().manual_seed(5)).coords.split([a.dim for a in domain.axes], dim=1)
    at = {a.name: c if a.dim > 1 else c[:, 0] for a, c in zip(domain.axes, coords, strict=True)}
    column = domain.columns[0]
    return solution(**at)["u"], solution.d(column)(**at)["u"], solution.d(column, domain.columns[-1])(**at)["u"]


def can_be_written(domain):
    try:
        domain_to_dict(domain)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("make", DOMAINS.values(), ids=DOMAINS.keys())
def test_a_solution_comes_back_without_its_problem_or_says_that_it_needs_it(make, tmp_path):
    domain = make()
    solution = solution_of(problem_on(domain), spec=Siren(width=6, depth=1))
    wanted = at_points(solution, domain)
    saved = load(save(solution, tmp_path))
    if can_be_written(domain):
        assert saved.needs_problem == ""
        assert saved.evaluator.problem.domain == domain
        for found, value in zip(at_points(saved, domain), wanted, strict=True):
            np.testing.assert_array_equal(found, value)
    else:
        with pytest.raises(ValueError, match=r"its domain is not in the file: .*holds a function.*problem=\.\.\.\)"):
            at_points(saved, domain)
    if counts := grid_counts(domain.axes):
        np.testing.assert_array_equal(saved.grid["u"], solution.on_grid(**counts)["u"])
    whole = load(tmp_path, problem=solution.problem)
    for found, value in zip(at_points(whole, domain), wanted, strict=True):
        np.testing.assert_array_equal(found, value)


def test_there_are_shapes_of_both_kinds():
    assert {can_be_written(make()) for make in DOMAINS.values()} == {True, False}


def test_points_outside_a_ball_are_refused_after_loading_as_before(tmp_path):
    saved = load(save(solution_of(problem_on(Ball(x=0, y=0))), tmp_path))
    with pytest.raises(ValueError, match=r"1 of the points lie outside the domain Ball"):
        saved(x=0.9, y=0.9)


def test_a_problem_on_another_domain_with_the_same_axes_is_refused(tmp_path):
    save(solution_of(problem_on(Ball(x=0, y=0))), tmp_path)
    with pytest.raises(ValueError, match=r"its domain is Box\(.*and the file's is Ball"):
        load(tmp_path, problem=problem_on(Box(x=(-1, 1), y=(-1, 1))))


def test_a_shape_that_is_no_longer_registered_asks_for_its_script(tmp_path):
    @SHAPES.register(examples=dict)
    class Disk(Ball):
        """The unit disk: the shape of a script."""

        def __init__(self):
            super().__init__(x=0.0, y=0.0)

        arguments = {}  # noqa: RUF012

    try:
        domain = Disk()
        solution = solution_of(problem_on(domain))
        assert load(save(solution, tmp_path)).needs_problem == ""
    finally:
        SHAPES._entries.pop("Disk")
    with pytest.raises(ValueError, match=r"its domain is a Disk, which is not registered here; import the script"):
        load(tmp_path)(x=0.1, y=0.1)


def test_points_are_no_domain_that_a_file_holds():
    with pytest.raises(ValueError, match="must be a Box"):
        domain_to_dict(PointSet(x=0.5))
