"""Finite elements in solids: order, error bars, curved walls with conditions of every kind, other primitives."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from pinnkit import (
    Ball,
    Box,
    Capsule,
    Cone,
    Cylinder,
    Dirichlet,
    Equation,
    Halfspace,
    Neumann,
    Problem,
    Region,
    Robin,
    Torus,
    reference,
)
from pinnkit.problem.errors import Unsupported
from pinnkit.references import FiniteElements
from pinnkit.references.finite_differences.linear_solvers import diagonal_bicgstab
from pinnkit.references.finite_elements.assembly import System
from pinnkit.references.finite_elements.elements import Elements
from pinnkit.references.finite_elements.form_matching import weak_form
from pinnkit.references.finite_elements.solid_mesher import solid_mesher
from pinnkit.references.finite_elements.steady import solve_steady
from tests.domains.shapes.random_shapes import random_tree
from tests.references.finite_elements.closed_forms import true_errors

pytest.importorskip("gmsh")

BALL = Ball(x=0.0, y=0.0, z=0.1, radius=0.8)
CUBE = Box(x=(0, 1), y=(0, 1), z=(0, 1))
CAVITY = Ball(x=0.5, y=0.45, z=0.5, radius=0.3)


def wave(x, y, z):
    return torch.exp(x) * torch.sin(2 * y) * torch.cos(z)


def flux(x, y, z, n):
    slope = torch.exp(x) * (2 * n[1] * torch.cos(2 * y) * torch.cos(z) - n[2] * torch.sin(2 * y) * torch.sin(z))
    return n[0] * wave(x, y, z) + slope


def problem_in(domain, kinds: str) -> Problem:
    """Letters D, N, R for the walls in their order, the last one for all that follow."""
    terms = [Equation(lambda u, x, y, z: -u.laplacian - 4 * wave(x, y, z))]
    for i, wall in enumerate(domain.walls):
        kind = kinds[min(i, len(kinds) - 1)]
        if kind == "D":
            terms.append(Dirichlet(wall, u=wave, name=f"wall {i}"))
        elif kind == "N":
            terms.append(Neumann(wall, u=flux, name=f"wall {i}"))
        else:
            terms.append(
                Robin(wall, u=(1.0, 1.0, lambda x, y, z, n: wave(x, y, z) + flux(x, y, z, n)), name=f"wall {i}")
            )
    return Problem("solid", domain, "u", terms, exact=dict(u=wave))


@pytest.mark.parametrize("kind", ["D", "R"])
def test_the_error_in_a_ball_falls_with_the_third_power_of_the_spacing(kind: str) -> None:
    problem = problem_in(BALL, kind)
    found = []
    with solid_mesher(BALL, "a test") as mesher:
        form = weak_form(problem, mesher.names, mesher.owners)
        mesh = mesher.mesh(0.25 * mesher.size)
        for _ in range(2):
            system = System(form, Elements(mesh))
            state = solve_steady(system, lambda: iter(()), lambda m: diagonal_bicgstab(m, "ball"))
            inside = system.elements.inside
            gap = inside.jets(system.parts(state)).value[0] - wave(*torch.from_numpy(inside.x.reshape(-1, 3)).T).numpy()
            found.append(math.sqrt(float((inside.weight.ravel() * gap**2).sum())))
            mesh = mesh.refined()
    assert abs(math.log2(found[0] / found[1]) - 3) < 0.2


SOLIDS = {
    "ball": (BALL, "R"),
    "cavity": (CUBE - CAVITY, "DDDDDDN"),
    "cylinder": (Cylinder(x=0, y=0, z=(0, 1), radius=0.5), "DND"),
    "box": (CUBE, "DNDDRD"),
}
MORE = {
    "cone": (Cone(x=0, y=0, z=(0, 1), radius=0.6, top=0.3), "DND"),
    "capsule": (Capsule(x=(0, 0.8), y=0, z=0, radius=0.4), "D"),
    "torus": (Torus(x=0, y=0, z=0, radius=0.7, tube=0.25), "R"),
    "half": (BALL & Halfspace(x=1, y=1, z=0.5, at_most=0.2), "DN"),
    "turned": (CUBE.rotated(0.4, (1, 2, 0.5)) - CAVITY, "DDDDDDN"),
}


@pytest.mark.parametrize("name", ["ball", "cavity"])
def test_error_bars_hold_in_solids(name: str) -> None:
    _check(*SOLIDS[name], 3.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SOLIDS, *MORE])
def test_error_bars_hold_in_more_solids(name: str) -> None:
    _check(*(SOLIDS | MORE)[name], 8.0)


def _check(domain, kinds: str, budget: float) -> None:
    problem = problem_in(domain, kinds)
    found = FiniteElements().refer(problem, budget)
    l2, greatest = true_errors(found, wave)
    assert l2 < 2 * found.error_bar["u"]
    assert greatest < 2 * found.max_error_bar["u"]
    assert found.error_bar["u"] < 0.05


@pytest.mark.parametrize("make", [lambda: CUBE - CAVITY, lambda: random_tree(3, 3, 2), lambda: MORE["half"][0]])
def test_meshes_of_solids_fill_them_and_know_their_walls(make) -> None:
    shape = make()
    with solid_mesher(shape, "a test") as mesher:
        assert set(mesher.owners) == set(range(len(shape.piece_names)))
        mesh = mesher.mesh(0.25 * mesher.size).refined()
        again = mesher.mesh(0.25 * mesher.size).refined()
    assert (mesh.points == again.points).all()
    weight = Elements(mesh).inside.weight
    assert weight.sum() == pytest.approx(shape.measure, rel=5e-3)
    _, which = mesh.edges
    assert np.bincount(which.ravel()).min() >= 1


def test_without_gmsh_finite_differences_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gmsh", None)
    with pytest.raises(ImportError, match=r"meshed by gmsh.*pip install 'pinnkit\[geometry\]'"):
        FiniteElements().refer(problem_in(BALL, "D"), 0.5)
    assert "differences" in reference(problem_in(BALL, "D"), budget=0.3).kind


def test_a_solid_that_is_not_made_of_primitives_is_left_to_finite_differences() -> None:
    region = Region(lambda p: p.square().sum(dim=1) - 0.5, Box(x=(-1, 1), y=(-1, 1), z=(-1, 1)), resolution=24)
    terms = [Equation(lambda u: u.laplacian + 1), Dirichlet(region.boundary, u=0.0)]
    problem = Problem("region", region, "u", terms)
    with pytest.raises(Unsupported, match="made of primitives, got Region"):
        FiniteElements().refer(problem, 0.5)
    assert "differences" in reference(problem, budget=0.3).kind
