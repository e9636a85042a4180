"""Triangular meshes inside exact walls: quality, refinement, walls, and shapes that admit none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pinnkit import Box, Disk, Polygon
from pinnkit.references.finite_elements.method import PlaneMesher
from pinnkit.references.finite_elements.plane_mesher import MeshingFailed
from pinnkit.references.finite_elements.plane_walls import angles_at, plane_walls
from pinnkit.references.finite_elements.sizes import SingularPoint
from tests.domains.shapes.random_shapes import random_polygon_with_holes, random_tree

PLATE = Box(x=(0, 2), y=(0, 1)) - Disk(x=0.6, y=0.5, radius=0.3)


def mesh_of(shape, largest: float = 0.2):
    walls = plane_walls(shape, "finite elements", "a test")
    angles = angles_at(walls)
    points = tuple(
        SingularPoint(tuple(walls.samples[k][0]), math.pi / a, walls.size / 4)
        for k, a in enumerate(angles)
        if abs(a - math.pi) > 1e-5
    )
    return PlaneMesher(walls, points).mesh(largest * walls.size)


def smallest_angles(mesh) -> np.ndarray:
    x = mesh.points[mesh.cells]
    found = []
    for i in range(3):
        u, v = x[:, (i + 1) % 3] - x[:, i], x[:, (i + 2) % 3] - x[:, i]
        found.append(np.arctan2(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0], (u * v).sum(axis=1)))
    return np.degrees(np.min(found, axis=0))


SHAPES = [
    *(pytest.param(lambda s=s: random_polygon_with_holes(s).shape, id=f"polygon {s}") for s in range(4)),
    *(pytest.param(lambda s=s: random_tree(s, 2), id=f"combination {s}") for s in (0, 8, 13, 20, 39)),
]


@pytest.mark.parametrize("make", SHAPES)
def test_meshes_of_random_shapes_have_good_triangles_that_stay_so_when_refined(make) -> None:
    shape = make()
    mesh = mesh_of(shape)
    sharpest = min(math.degrees(a) for a in angles_at(plane_walls(shape, "", "")))
    assert smallest_angles(mesh).min() > min(12.0, 0.4 * sharpest)
    assert np.quantile(smallest_angles(mesh), 0.25) > 25  # others lie in sharp corners
    errors = []
    for _ in range(3):
        assert mesh.volumes.min() > 0
        errors.append(abs(mesh.volumes.sum() - shape.measure) / shape.measure)
        mesh = mesh.refined()
    # Chords of curves leave out an area that falls with the square of their length.
    assert errors[2] < errors[0] / 12 + 1e-12
    # Every edge belongs to two triangles, or to one triangle and a wall.
    edges, of_cell = mesh.edges
    count = np.bincount(of_cell.ravel(), minlength=len(edges))
    assert (count <= 2).all()
    assert (count == 1).sum() == len(mesh.facets)


def test_middles_of_edges_on_walls_lie_on_the_exact_curves() -> None:
    mesh = mesh_of(PLATE).refined()
    names = PLATE.piece_names
    for piece in range(len(names)):
        facets = np.sort(mesh.facets[mesh.pieces == piece], axis=1)
        middle = mesh.edge_middles[mesh.numbers_of(facets)]
        for x in (mesh.points[facets.ravel()], middle):
            if names[piece].startswith("disk"):
                assert np.hypot(x[:, 0] - 0.6, x[:, 1] - 0.5) == pytest.approx(0.3, abs=1e-14)
            else:
                assert np.min([abs(x[:, 0]), abs(x[:, 0] - 2), abs(x[:, 1]), abs(x[:, 1] - 1)], axis=0).max() < 1e-14


def test_one_shape_gives_one_mesh() -> None:
    first, second = mesh_of(PLATE), mesh_of(PLATE)
    assert (first.points == second.points).all()
    assert (first.cells == second.cells).all()


def test_points_are_located_in_the_cells_that_contain_them() -> None:
    mesh = mesh_of(PLATE).refined().refined()
    rng = np.random.default_rng(0)
    rows = rng.integers(len(mesh.cells), size=500)
    share = rng.dirichlet(np.ones(3), size=500)
    x = np.einsum("nk,nkd->nd", share, mesh.points[mesh.cells[rows]])
    assert (mesh.locate(x) == rows).all()


def test_walls_that_touch_are_refused_with_the_place() -> None:
    touching = Box(x=(0, 2), y=(0, 1)) - Disk(x=0.6, y=0.5 + 1e-9, radius=0.5 - 2e-9)
    with pytest.raises(MeshingFailed, match=r"touch or nearly touch near \(0.59"):
        mesh_of(touching)


def test_a_narrow_gap_is_resolved() -> None:
    plate = Box(x=(0, 2), y=(0, 1)) - Disk(x=0.6, y=0.495, radius=0.49)
    mesh = mesh_of(plate)
    assert smallest_angles(mesh).min() > 12
    assert len(mesh.cells) < 5000


def test_sharp_corners_are_meshed() -> None:
    for angle in (2.0, 10.0, 30.0):
        turn = math.radians(angle)
        needle = Polygon([(0, 0), (1, 0), (math.cos(turn), math.sin(turn))])
        mesh = mesh_of(needle)
        assert mesh.volumes.sum() == pytest.approx(needle.measure, rel=1e-12)
        assert mesh.volumes.min() > 0
