"""Conditions on named walls: structure, well-posedness, references and solutions."""

from __future__ import annotations

import math

import pytest
import torch

from pinnkit import (
    Dirichlet,
    Equation,
    Initial,
    LeastSquares,
    Neumann,
    Problem,
    RandomFourier,
    Robin,
    reference,
    solve,
    validate,
)
from pinnkit.domains import Ball, Box, Cylinder, Disk, Polygon, Shape, Time, Triangle
from pinnkit.problem.errors import Unsupported
from pinnkit.problem.structure import Prescribes
from pinnkit.references import FiniteDifferences
from pinnkit.well_posedness.concern import Severity
from pinnkit.well_posedness.wall_conditions import check_walls

square = Box(x=(0, 1), y=(0, 1))
hole = Disk(x=0.5, y=0.5, radius=0.2)
plate = square - hole
laplace = Equation(lambda u: u.laplacian)
ring = Disk(x=0, y=0, radius=2) - Disk(x=0, y=0, radius=1)
inner, outer = ring.boundary_of(Disk(x=0, y=0, radius=1)), ring.boundary_of(Disk(x=0, y=0, radius=2))


def log_radius(x, y):
    return torch.log(x**2 + y**2) / 2


def concerns(*terms, domain=plate) -> list:
    problem = Problem("walls", domain, "u", [laplace, *terms])
    return list(check_walls(problem, None, None, {}))


def test_the_structure_names_the_part_of_every_condition() -> None:
    domain = plate * Time(0, 1)
    problem = Problem(
        "heat",
        domain,
        "u",
        [
            Equation(lambda u: u.t - u.laplacian),
            Dirichlet(domain.boundary_of(hole), u=1.0, name="hole"),
            Neumann(domain.boundary_of(square.face(x=0)), u=0.0, name="left"),
            Robin(domain.boundary_of(square.face(x=1, y=(0, 1))), u=(2.0, 1.0, 0.5), name="rest"),
            Initial(u=0.0),
        ],
    )
    found = {c.term.name: c for c in problem.structure.conditions}
    assert [found[name].prescribes for name in ("hole", "left", "rest")] == [
        Prescribes.VALUE,
        Prescribes.FLUX,
        Prescribes.MIXED,
    ]
    assert found["hole"].part == domain.boundary_of(hole)
    assert found["left"].part == domain.boundary_of(square.face(x=0))
    assert all(c.wall is None for c in found.values())
    assert not problem.structure.elsewhere
    assert {k for c in found.values() for k in c.part.pieces} == set(domain.boundary.pieces)


def test_walls_of_a_box_are_parts_too() -> None:
    problem = Problem("box", square, "u", [laplace, Dirichlet(square.boundary, u=0.0)])
    assert [c.part for c in problem.structure.conditions] == [
        square.face(**{column: value}) for column, value in square.boundary.walls
    ]


def test_a_wall_of_another_domain_is_no_wall() -> None:
    problem = Problem("other", plate, "u", [laplace, Dirichlet(Disk(x=0.5, y=0.5, radius=0.1).boundary, u=0.0)])
    assert not problem.structure.conditions
    assert len(problem.structure.elsewhere) == 1


def test_all_walls_together_are_the_boundary() -> None:
    on_hole, on_square = Dirichlet(plate.boundary_of(hole), u=1.0), Dirichlet(plate.boundary_of(square), u=0.0)
    assert concerns(on_hole, on_square) == []
    assert concerns(Dirichlet(plate.boundary, u=0.0)) == []
    assert concerns(*(Dirichlet(wall, u=0.0) for wall in plate.walls)) == []


def test_a_wall_without_a_condition_is_found() -> None:
    (found,) = concerns(Dirichlet(plate.boundary_of(square), u=0.0))
    assert found.severity is Severity.UNDETERMINED
    assert "0 conditions on the part 'disk' of the boundary, where the equations take 1" in found.sentence
    (found,) = concerns(Dirichlet(plate.boundary_of(hole), u=0.0))
    assert all(f"'box {a} = {b}'" in found.sentence for a in "xy" for b in (0, 1))
    (found,) = concerns()
    assert "0 conditions on the boundary" in found.sentence


def test_a_wall_with_two_conditions_is_found() -> None:
    whole, twice = Dirichlet(plate.boundary, u=0.0), Neumann(plate.boundary_of(hole), u=0.0, name="twice")
    (found,) = concerns(whole, twice)
    assert found.severity is Severity.ILL_POSED
    assert "2 conditions on the part 'disk' of the boundary" in found.sentence
    assert "'twice' is one too many" in found.sentence


def test_the_reference_takes_values_wall_by_wall() -> None:
    terms = [laplace, Dirichlet(inner, u=0.0), Dirichlet(outer, u=math.log(2))]
    problem = Problem("ring", ring, "u", terms)
    found = reference(problem, seconds=3)
    x = ring.sample(200, torch.Generator().manual_seed(0)).coords
    values = torch.from_numpy(found(x=x[:, 0].numpy(), y=x[:, 1].numpy())["u"])
    assert float((values - log_radius(*x.T)).abs().max()) < 2e-3


def test_the_reference_takes_values_on_the_sides_of_polygons_and_in_space() -> None:
    triangle = Triangle((0, 0), (1, 0), (0, 1))
    sides = [Dirichlet(triangle.side(k), u=lambda x, y: x - 2 * y, name=f"side {k}") for k in range(3)]
    found = reference(Problem("triangle", triangle, "u", [laplace, *sides]), seconds=2)
    assert found(x=[0.25], y=[0.25])["u"] == pytest.approx(-0.25, abs=1e-6)
    cube = Box(x=(0, 1), y=(0, 1), z=(0, 1))
    bore = Cylinder(x=0.5, y=0.5, z=(-1, 2), radius=0.25)
    block = cube - bore
    terms = [
        Dirichlet(block.boundary_of(bore), u=lambda x, z: x + z),
        Dirichlet(block.boundary_of(cube), u=lambda x, z: x + z),
    ]
    found = reference(Problem("block", block, "u", [laplace, *terms]), seconds=5)
    assert found(x=[0.1], y=[0.2], z=[0.3])["u"] == pytest.approx(0.4, abs=1e-6)


def test_finite_differences_say_what_they_do_not_cover() -> None:
    missing = Problem("missing", ring, "u", [laplace, Dirichlet(outer, u=0.0)])
    with pytest.raises(Unsupported, match="no condition prescribes `u` on the wall 'disk 2'"):
        reference(missing, method=FiniteDifferences())
    flux = Problem("flux", ring, "u", [laplace, Dirichlet(outer, u=0.0), Neumann(inner, u=1.0, name="flux")])
    with pytest.raises(Unsupported, match="'flux' has a derivative in it"):
        reference(flux, method=FiniteDifferences())
    twice = [Dirichlet(ring.boundary, u=0.0), Dirichlet(inner, u=1.0, name="twice")]
    with pytest.raises(Unsupported, match="'twice' prescribes a value for the second time"):
        reference(Problem("twice", ring, "u", [laplace, *twice]), method=FiniteDifferences())


MIXED = {
    "values": (Dirichlet(inner, u=0.0), Dirichlet(outer, u=math.log(2))),
    "value and flux": (Dirichlet(inner, u=0.0), Neumann(outer, u=0.5)),
    "mixed and value": (Robin(inner, u=(1.0, 2.0, -2.0)), Dirichlet(outer, u=math.log(2))),
}


@pytest.mark.parametrize("conditions", MIXED.values(), ids=MIXED.keys())
def test_conditions_on_named_walls_determine_the_solution(conditions) -> None:
    problem = Problem("ring", ring, "u", [laplace, *conditions], exact=dict(u=log_radius))
    solution = solve(problem, RandomFourier(features=250, bandwidth=3.0), LeastSquares())
    x = ring.sample(400, torch.Generator().manual_seed(1)).coords
    values = torch.as_tensor(solution(x=x[:, 0].numpy(), y=x[:, 1].numpy())["u"]).double()
    assert float((values - log_radius(*x.T)).abs().max()) < 2e-2


def test_named_walls_in_time() -> None:
    domain = ring * Time(0, 0.5)
    walls = domain.boundary_of(Disk(x=0, y=0, radius=1)), domain.boundary_of(Disk(x=0, y=0, radius=2))
    problem = Problem(
        "ring in time",
        domain,
        "u",
        [
            Equation(lambda u, t: u.t - u.laplacian - torch.cos(t)),
            Dirichlet(walls[0], u=lambda t: torch.sin(t)),
            Neumann(walls[1], u=0.5),
            Initial(u=lambda x, y: log_radius(x, y)),
        ],
    )
    solution = solve(problem, RandomFourier(features=300, bandwidth=(3.0, 3.0, 2.0)), LeastSquares())
    p = domain.sample(300, torch.Generator().manual_seed(2)).coords
    exact = log_radius(p[:, 0], p[:, 1]) + torch.sin(p[:, 2])
    values = torch.as_tensor(solution(x=p[:, 0].numpy(), y=p[:, 1].numpy(), t=p[:, 2].numpy())["u"]).double()
    assert float((values - exact).abs().max()) < 1e-1


@pytest.mark.slow
def test_a_plate_with_a_hole_from_end_to_end() -> None:
    terms = [laplace, Dirichlet(plate.boundary_of(hole), u=1.0), Dirichlet(plate.boundary_of(square), u=0.0)]
    report = validate(solve(Problem("plate", plate, "u", terms)))
    assert report.headline.rel_l2 < 1e-3
    assert not report.no_reference


def test_shapes_of_the_plane_are_shapes() -> None:
    assert isinstance(plate, Shape)
    assert isinstance(Polygon([(0, 0), (1, 0), (0, 1)]), Shape)
    assert isinstance(Ball(x=0, y=0, z=0) - Box(x=(0, 1), y=(0, 1), z=(0, 1)), Shape)


WALLS_OF_OPERANDS = {
    "a face": lambda: square.face(x=0),
    "a whole operand": lambda: hole.boundary,
    "a wall of an operand": lambda: hole.walls[0],
}


@pytest.mark.parametrize("part", WALLS_OF_OPERANDS.values(), ids=WALLS_OF_OPERANDS.keys())
def test_walls_of_operands_in_place_of_the_domains_are_refused(part) -> None:
    with pytest.raises(ValueError, match=r"give the domain's own: domain.boundary_of\(...\)"):
        Problem("plate", plate, "u", [laplace, Dirichlet(part(), u=0.0)])
