"""Metrics of surfaces: values that can be worked out by hand."""

import math

import numpy as np
import pytest
import torch
import trimesh

from pinnkit.surfaces import PointCloud
from pinnkit.surfaces.mesh.metrics import compare_surfaces, distance_error, iou
from pinnkit.surfaces.mesh.sampling import sample_mesh


def sphere(radius):
    return trimesh.creation.icosphere(subdivisions=4, radius=radius)


def scores(a, b, **options):
    return compare_surfaces(a, b, generator=np.random.default_rng(0), samples=4000, **options)


def test_spheres_one_inside_the_other_are_as_far_apart_as_their_radii():
    found = scores(sphere(1.1), sphere(1.0))
    assert found.chamfer == pytest.approx(0.1, rel=0.02)
    assert found.hausdorff == pytest.approx(0.1, rel=0.05)
    assert found.f_score == 0
    assert found.normal_consistency > 0.995
    assert found.diagonal == pytest.approx(2 * math.sqrt(3), rel=1e-6)
    assert found.percent["chamfer_percent_of_diagonal"] == pytest.approx(100 * found.chamfer / found.diagonal)
    assert scores(sphere(1.1), sphere(1.0), threshold=0.11).f_score == 1


def test_a_surface_is_itself():
    found = scores(sphere(1.0), sphere(1.0))
    assert found.hausdorff < 1e-14
    assert found.f_score == 1
    assert found.normal_consistency == pytest.approx(1.0)


def test_points_are_compared_with_triangles_and_not_with_vertices():
    box = trimesh.creation.box()  # its 8 vertices are far from most of its surface
    cloud = PointCloud.of(sample_mesh(box, 500, np.random.default_rng(1))[0])
    assert scores(cloud, box).accuracy < 1e-15
    assert scores(cloud, box).completeness > 0.01  # from triangles to the points of the cloud
    assert math.isnan(scores(cloud, box).normal_consistency)


def test_a_missing_half_shows_in_completeness_and_recall():
    whole = sphere(1.0)
    half = whole.submesh([np.flatnonzero(whole.triangles_center[:, 2] > 0)], append=True)
    found = scores(half, whole)
    assert found.accuracy < 1e-12
    assert found.completeness > 0.2
    assert found.f_score == pytest.approx(2 / 3, abs=0.03)


def test_a_mesh_inside_out_has_normal_consistency_minus_one():
    turned = sphere(1.0)
    turned.invert()
    assert scores(turned, sphere(1.0)).normal_consistency == pytest.approx(-1)


def test_samples_of_a_mesh_are_uniform_by_area():
    box = trimesh.creation.box(extents=(1, 1, 3))
    points, triangle = sample_mesh(box, 20_000, np.random.default_rng(0))
    ends = np.isclose(np.abs(points[:, 2]), 1.5)
    assert ends.mean() == pytest.approx(2 / 14, abs=0.01)
    assert np.abs(points[~ends, 2]).mean() == pytest.approx(0.75, abs=0.01)
    np.testing.assert_allclose(np.abs(points[ends][:, :2]).mean(axis=0), 0.25, atol=0.01)
    assert set(np.unique(triangle)) == set(range(12))


def test_iou_of_balls_is_the_ratio_of_their_volumes():
    def ball(radius):
        return lambda p: torch.linalg.vector_norm(p, dim=1) < radius

    generator = torch.Generator().manual_seed(0)
    found = iou(ball(0.9), ball(1.0), (-1.0, 1.0), generator=generator, points=200_000)
    assert found == pytest.approx(0.9**3, abs=4e-3)
    with pytest.raises(ValueError, match="none of 100 points is inside"):
        iou(ball(0.0), ball(0.0), (-1.0, 1.0), generator=generator, points=100)


def test_distance_error_is_the_mean_and_a_high_percentile():
    found = distance_error(
        lambda p: p[:, 0], lambda p: 0 * p[:, 0], (0.0, 1.0), generator=torch.Generator().manual_seed(0)
    )
    assert found.mean == pytest.approx(0.5, abs=0.02)
    assert found.p99 == pytest.approx(0.99, abs=0.01)
