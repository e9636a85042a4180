"""Distances to meshes and winding numbers: tree traversal against brute force and closed forms."""

import math

import numpy as np
import pytest
import torch
import trimesh

from pinnkit.meshes.mesh_checks import check_mesh
from pinnkit.meshes.mesh_distance import MeshDistance
from pinnkit.meshes.nearest import NearestPoint, closest_on_triangles
from pinnkit.meshes.winding import WindingNumber, solid_angles, winding_number_brute_force


def sliver_disc():
    """A closed cone of 300 slivers, as CAD programs write round lids."""
    return trimesh.creation.cone(radius=1.0, height=0.4, sections=300)


MESHES = {
    "box": lambda: trimesh.creation.box(),
    "sphere": lambda: trimesh.creation.icosphere(subdivisions=3),
    "slivers": sliver_disc,
    "one triangle": lambda: trimesh.Trimesh(np.eye(3), [[0, 1, 2]], process=False),
    "with triangles without area": lambda: trimesh.Trimesh(
        [*np.eye(3).tolist(), [1, 0, 0], [0.5, 0.5, 0]], [[0, 1, 2], [0, 3, 1], [0, 1, 4]], process=False
    ),
    "far away": lambda: trimesh.creation.torus(1.0, 0.3).apply_translation([1e6, 0, 0]),
}


def all_triangles(mesh, points):
    corners = np.asarray(mesh.vertices)[mesh.faces]
    return np.array(
        [
            np.linalg.norm(closest_on_triangles(np.repeat(p[None], len(corners), 0), corners) - p, axis=1).min()
            for p in points
        ]
    )


def around(mesh, n):
    low, high = mesh.bounds
    random = np.random.default_rng(0)
    uniform = low + (high - low) * random.uniform(-0.3, 1.3, (n, 3))
    near = np.asarray(mesh.vertices)[random.integers(len(mesh.vertices), size=n)] + 1e-3 * random.normal(size=(n, 3))
    return np.concatenate([uniform, near, (low + high)[None] / 2])


@pytest.mark.parametrize("make", MESHES.values(), ids=MESHES.keys())
def test_the_tree_finds_the_distance_that_all_triangles_give(make):
    mesh = make()
    points = around(mesh, 60)
    found = NearestPoint.of(mesh)(points)
    np.testing.assert_allclose(found.distance, all_triangles(mesh, points), atol=1e-12 * max(1, abs(mesh.bounds).max()))
    np.testing.assert_allclose(np.linalg.norm(found.point - points, axis=1), found.distance, atol=1e-15)
    own = np.asarray(mesh.vertices)[np.asarray(mesh.faces)[found.triangle]]
    np.testing.assert_allclose(closest_on_triangles(points, own), found.point, atol=1e-9)


def test_the_nearest_point_of_a_triangle_by_a_fine_grid_on_it():
    random = np.random.default_rng(1)
    corners, points = random.normal(size=(200, 3, 3)), random.normal(size=(200, 3))
    u, v = np.meshgrid(np.linspace(0, 1, 51), np.linspace(0, 1, 51))
    u, v = u[u + v <= 1], v[u + v <= 1]
    on = np.einsum("k,nj->nkj", 1 - u - v, corners[:, 0]) + np.einsum("k,nj->nkj", u, corners[:, 1])
    on += np.einsum("k,nj->nkj", v, corners[:, 2])
    grid = np.linalg.norm(on - points[:, None], axis=2).min(axis=1)
    found = np.linalg.norm(closest_on_triangles(points, corners) - points, axis=1)
    assert (found <= grid + 1e-12).all()
    np.testing.assert_allclose(found, grid, atol=0.06)


@pytest.mark.parametrize("name", ["box", "sphere", "slivers", "far away"])
def test_groups_as_dipoles_give_nearly_the_winding_number_of_all_triangles(name):
    mesh = MESHES[name]()
    points = around(mesh, 60)
    exact, fast = winding_number_brute_force(mesh, points), WindingNumber.of(mesh)(points)
    np.testing.assert_allclose(fast, exact, atol=0.15)
    np.testing.assert_array_equal(fast > 0.5, exact > 0.5)
    np.testing.assert_allclose(exact, np.round(exact), atol=1e-6)


def test_an_octant_is_seen_under_half_a_pi():
    far = 1e9
    corners = far * np.eye(3)[None]
    assert solid_angles(np.zeros((1, 3)), corners)[0] == pytest.approx(4 * math.pi / 8, rel=1e-9)
    assert solid_angles(np.zeros((1, 3)), corners[:, ::-1])[0] == pytest.approx(-4 * math.pi / 8, rel=1e-9)


def test_the_distance_of_a_box_has_the_closed_form():
    box = trimesh.creation.box(extents=(2.0, 1.0, 0.5))
    points = 3 * torch.rand(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1.5
    q = points.abs() - torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)
    exact = torch.linalg.vector_norm(q.clamp_min(0), dim=1) + q.amax(dim=1).clamp_max(0)
    torch.testing.assert_close(MeshDistance.of(box)(points), exact, atol=1e-14, rtol=0)


def test_a_shell_turned_inward_is_a_hollow_and_an_inverted_mesh_has_its_inside():
    outer, inner = trimesh.creation.icosphere(subdivisions=3), trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    at = torch.tensor([[0.0, 0, 0.01], [0.7, 0, 0.01], [1.2, 0, 0]], dtype=torch.float64)
    inner.invert()
    hollow = MeshDistance.of(trimesh.util.concatenate(outer, inner))
    assert hollow.contains(at).tolist() == [False, True, False]
    outer.invert()
    assert MeshDistance.of(outer).contains(at).tolist() == [True, True, False]


def test_solids_that_overlap_are_one():
    both = trimesh.util.concatenate(trimesh.creation.box(), trimesh.creation.box().apply_translation([0.5, 0, 0]))
    inside = MeshDistance.of(both).contains(torch.tensor([[0.25, 0.01, 0.02], [-0.4, 0.1, 0], [1.2, 0, 0]]).double())
    assert inside.tolist() == [True, True, False]


def test_soundness_counts_what_a_mesh_is():
    torus = check_mesh(trimesh.creation.torus(1.0, 0.3).apply_translation([1e6] * 3))
    assert (torus.closed, torus.oriented, torus.euler, torus.components) == (True, True, 0, 1)
    assert torus.volume == pytest.approx(check_mesh(trimesh.creation.torus(1.0, 0.3)).volume, rel=1e-8)
    two = check_mesh(
        trimesh.util.concatenate(trimesh.creation.box(), trimesh.creation.box().apply_translation([5, 0, 0]))
    )
    assert (two.euler, two.components) == (4, 2)
    assert two.volume == pytest.approx(2)
    open_ = trimesh.creation.box()
    open_.update_faces(np.arange(12) > 0)
    assert (check_mesh(open_).closed, check_mesh(open_).boundary_edges) == (False, 3)
    fan = trimesh.Trimesh([[0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, 0, 0]], [[0, 1, 2], [0, 1, 3], [0, 1, 4]])
    assert check_mesh(fan).nonmanifold_edges == 1
    assert "open" in check_mesh(open_).summary
