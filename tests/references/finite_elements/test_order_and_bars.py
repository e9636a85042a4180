"""Order of convergence of finite elements, and error bars against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
import torch

from pinnkit import Ball, Box, Dirichlet, Disk, Ellipse, Equation, Polygon, Problem, Region, reference
from pinnkit.references import FiniteDifferences, FiniteElements
from pinnkit.references.finite_elements.assembly import System
from pinnkit.references.finite_elements.elements import Elements
from pinnkit.references.finite_elements.form_matching import weak_form
from pinnkit.references.finite_elements.method import PlaneMesher
from pinnkit.references.finite_elements.plane_walls import plane_walls
from pinnkit.references.finite_elements.singular_points import singular_points
from pinnkit.references.finite_elements.steady import solve_steady
from tests.domains.shapes.random_shapes import random_polygon_with_holes, random_tree
from tests.references.finite_elements.closed_forms import Manufactured, X, Y, random_problem, true_errors

SQUARE = Box(x=(0, 1), y=(0, 1))
DISK = Ball(x=0.1, y=-0.2)
ANNULUS = Disk(x=0, y=0) - Disk(x=0.1, y=0.2, radius=0.4)
HOLE = SQUARE - Ellipse(x=0.45, y=0.5, radii=(0.25, 0.15), angle=0.4)
L_SHAPE = Polygon([(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)])
WAVE = sympy.exp(X) * sympy.sin(2 * Y)
SMOOTH = Manufactured(WAVE)
VARIABLE = Manufactured(WAVE, 1 + X**2 + sympy.sin(3 * Y) / 2, (Y, -1), X)


def flower(points: torch.Tensor) -> torch.Tensor:
    x, y = points.unbind(1)
    return torch.sqrt(x * x + y * y) - 0.7 - 0.1 * torch.cos(5 * torch.atan2(y, x))


def corner(x, y):
    """r^(2/3) sin(2 theta / 3) at the re-entrant corner of the L."""
    return (x * x + y * y) ** (1 / 3) * torch.sin(2 * (torch.atan2(x - y, -x - y) + 0.75 * math.pi) / 3)


def l_shape() -> Problem:
    terms = [Equation(lambda u: u.laplacian), Dirichlet(L_SHAPE.boundary, u=corner)]
    return Problem("corner", L_SHAPE, "u", terms, exact=dict(u=corner))


CASES = {
    "disk": SMOOTH.problem(DISK, "D"),
    "disk_flux": SMOOTH.problem(DISK, "R"),
    "annulus": VARIABLE.problem(ANNULUS, "RN"),
    "holes": VARIABLE.problem(HOLE, "DDDDN"),
    "petals": SMOOTH.problem(Region(flower, Box(x=(-1, 1), y=(-1, 1))), "R"),
    "l_shape": l_shape(),
}


def errors(problem: Problem, largest: float, *, levels: int = 3, graded: bool = True) -> list[float]:
    """Relative errors at random points on a mesh and its refinements."""
    walls = plane_walls(problem.domain, "finite elements", problem.name)
    form = weak_form(problem, walls.names)
    mesh = PlaneMesher(walls, singular_points(form, walls) if graded else ()).mesh(largest * walls.size)
    x = problem.domain.sample(3000, torch.Generator().manual_seed(1)).coords
    exact = problem.exact["u"](*x.T).numpy()
    found = []
    for _ in range(levels):
        system = System(form, Elements(mesh))
        state = solve_steady(system, lambda: iter(()))
        gap = system.elements.interpolate(x.numpy(), system.parts(state))[0] - exact
        found.append(float(np.sqrt(np.mean(gap**2) / np.mean(exact**2))))
        mesh = mesh.refined()
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_error_falls_with_the_third_power_of_the_spacing(name: str) -> None:
    _, coarse, fine = errors(CASES[name], 0.2)
    assert abs(math.log2(coarse / fine) - 3) < 0.2


def test_a_corner_without_graded_elements_reduces_the_order_to_twice_its_exponent() -> None:
    _, coarse, fine = errors(l_shape(), 0.2, graded=False)
    assert abs(math.log2(coarse / fine) - 4 / 3) < 0.2


@pytest.mark.parametrize("name", CASES)
def test_error_bars_hold_on_the_grid_and_between_its_nodes(name: str) -> None:
    problem = CASES[name]
    found = FiniteElements().refer(problem, 0.4)
    assert found.order == 3
    l2, greatest = true_errors(found, problem.exact["u"])
    assert l2 < found.error_bar["u"] < 20 * l2
    assert greatest < found.max_error_bar["u"]
    points = problem.domain.sample(500, torch.Generator().manual_seed(3)).coords
    between = (
        found.at(**dict(zip(found.grid, points.T.numpy(), strict=True)))["u"] - problem.exact["u"](*points.T).numpy()
    )
    assert np.abs(between).max() < found.max_error_bar["u"]


@pytest.mark.parametrize("seed", [0, 2])
def test_error_bars_hold_in_random_polygons_with_holes(seed: int) -> None:
    _check_random(random_polygon_with_holes(seed, holes=1).shape, seed, 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_error_bars_hold_in_more_random_polygons_with_holes(seed: int) -> None:
    _check_random(random_polygon_with_holes(seed).shape, seed, 3.0)


@pytest.mark.parametrize("seed", [1, 4])
def test_error_bars_hold_in_random_combinations(seed: int) -> None:
    _check_random(random_tree(seed, 2), seed, 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 28))
def test_error_bars_hold_in_more_random_combinations(seed: int) -> None:
    _check_random(random_tree(seed, 2), seed, 3.0)


def _check_random(domain, seed: int, budget: float) -> None:
    problem = random_problem(domain, seed)
    found = FiniteElements().refer(problem, budget)
    l2, greatest = true_errors(found, problem.exact["u"])
    assert l2 < 2 * found.error_bar["u"]
    assert greatest < 2 * found.max_error_bar["u"]
    assert found.error_bar["u"] < 1e-3


def test_bars_at_a_corner_hold_where_elements_are_not_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    method = "pinnkit.references.finite_elements.method"
    monkeypatch.setattr(f"{method}.singular_points", lambda *_: ())
    found = FiniteElements().refer(l_shape(), 0.3)
    l2, greatest = true_errors(found, corner)
    assert found.observed_order < 2
    assert l2 < found.error_bar["u"] < 5 * l2
    assert greatest < 2 * found.max_error_bar["u"]


def test_torsion_of_the_l_shape() -> None:
    terms = [Equation(lambda u: -u.laplacian - 1), Dirichlet(L_SHAPE.boundary, u=0.0)]
    found = reference(Problem("torsion", L_SHAPE, "u", terms), budget=1.0)
    # Largest value by rational functions with poles at the corners, Gopal & Trefethen, SIAM J. Numer. Anal. 57 (2019).
    assert abs(float(found.at(x=-0.5, y=-0.5)["u"]) - 0.1310529620) < found.max_error_bar["u"] < 1e-3


def test_both_methods_agree_on_a_box_within_the_sum_of_their_bars() -> None:
    for kinds in ("DDDD", "DNDR", "RDDN"):
        problem = VARIABLE.problem(SQUARE, kinds)
        elements, differences = (m.refer(problem, 0.3) for m in (FiniteElements(), FiniteDifferences()))
        on = {c: t for c, t in differences.grid.items()}
        gap = elements.on_grid(**on)["u"] - differences.values["u"]
        size = float(np.sqrt(np.mean(differences.values["u"] ** 2)))
        bars = elements.error_bar["u"] + differences.error_bar["u"]
        assert float(np.sqrt(np.mean(gap**2))) / size <= bars
        assert max(elements.error_bar["u"], differences.error_bar["u"]) < 1e-4


@pytest.mark.parametrize("budget", [0.3, pytest.param(5.0, marks=pytest.mark.slow)])
def test_a_plate_with_four_holes(budget: float) -> None:
    """PINNacle's Poisson2d-C, against harmonic polynomials and multipoles fitted to the boundary data."""
    square = Box(x=(-0.5, 0.5), y=(-0.5, 0.5))
    centers = [(a, b) for a in (0.3, -0.3) for b in (0.3, -0.3)]
    holes = [Disk(x=a, y=b, radius=0.1) for a, b in centers]
    plate = square
    for hole in holes:
        plate = plate - hole
    terms = [Equation(lambda u: u.laplacian), Dirichlet(plate.boundary_of(square), u=1.0, name="outside")]
    terms += [Dirichlet(plate.boundary_of(hole), u=0.0, name=f"hole {i}") for i, hole in enumerate(holes)]
    found = reference(Problem("plate", plate, "u", terms), budget=budget)
    x, y = np.meshgrid(*found.grid.values(), indexing="ij")
    known = np.isfinite(found.values["u"])
    true = _multipoles(centers, (x + 1j * y)[known])
    gap = found.values["u"][known] - true
    assert np.sqrt(np.mean(gap**2) / np.mean(true**2)) < found.error_bar["u"]
    assert np.abs(gap).max() < found.max_error_bar["u"]
    assert found.error_bar["u"] < (1e-3 if budget < 1 else 1e-5)


def _multipoles(centers: list[tuple[float, float]], at: np.ndarray) -> np.ndarray:
    """The solution at complex points: 1 on the square, 0 on holes of radius 0.1."""
    side = np.cos(np.pi * (np.arange(300) + 0.5) / 300) / 2
    ring = 0.1 * np.exp(2j * np.pi * np.arange(300) / 300)
    walls = [side - 0.5j, side + 0.5j, 1j * side - 0.5, 1j * side + 0.5, *(complex(*c) + ring for c in centers)]
    z = np.concatenate(walls)
    given = np.repeat([1.0, 0.0], 1200)

    def columns(z: np.ndarray) -> np.ndarray:
        found = [np.ones(len(z))]
        for k in range(1, 101):
            found += [((z / 0.7) ** k).real, ((z / 0.7) ** k).imag]
        for c in centers:
            w = (z - complex(*c)) / 0.1
            found.append(np.log(np.abs(w)))
            for k in range(1, 41):
                found += [(w**-k).real, (w**-k).imag]
        return np.stack(found, axis=1)

    return columns(at) @ np.linalg.lstsq(columns(z), given, rcond=1e-14)[0]
