"""Pictures: the rasteriser against a loop, what faces the eye, and figures that can be written."""

import numpy as np
import pytest
import torch
import trimesh

from pinnkit.surfaces.drawing.figures import draw_mesh, draw_slices, shade
from pinnkit.surfaces.drawing.raster import rasterise


def test_the_rasteriser_finds_the_nearest_triangle_of_each_pixel():
    random = np.random.default_rng(0)
    corners = np.concatenate([random.uniform(-5, 45, (30, 3, 2)), random.uniform(0, 1, (30, 3, 1))], axis=2)
    found = rasterise(corners, 32, 40)
    for row in range(0, 32, 5):
        for column in range(0, 40, 3):
            hits = {}
            for i, (a, b, c) in enumerate(corners):
                u = np.linalg.solve([*np.array([a, b, c])[:, [0, 1]].T.tolist(), [1, 1, 1]], [column, row, 1])
                if (u >= 0).all():
                    hits[i] = u @ np.array([a[2], b[2], c[2]])
            nearest = min(hits, key=hits.__getitem__, default=-1)
            assert found.triangle[row, column] == nearest
            if hits:
                assert found.depth[row, column] == pytest.approx(hits[nearest])


def test_chunks_of_pairs_do_not_change_the_picture(monkeypatch):
    random = np.random.default_rng(0)
    corners = np.concatenate([random.uniform(0, 40, (50, 3, 2)), random.uniform(0, 1, (50, 3, 1))], axis=2)
    whole = rasterise(corners, 40, 40)
    monkeypatch.setattr("pinnkit.surfaces.drawing.raster._PAIRS", 100)
    np.testing.assert_array_equal(rasterise(corners, 40, 40).triangle, whole.triangle)


def test_the_inside_of_a_surface_is_orange_and_the_outside_is_not():
    ball = trimesh.creation.icosphere(subdivisions=3).apply_translation([1e6, 0, 0])
    red, _, blue = shade(ball, 30, 20, 40)[20, 20]
    assert blue > red
    ball.invert()
    red, _, blue = shade(ball, 30, 20, 40)[20, 20]
    assert red > blue


def test_z_is_up_and_the_background_is_white():
    cone = trimesh.creation.cone(radius=0.5, height=2.0)
    seen = (shade(cone, 45, 0, 60) < 0.99).any(axis=2)
    widths = seen.sum(axis=1)[seen.any(axis=1)]
    assert widths[-1] > 3 * widths[0]
    assert (np.diff(widths[1:-1]) >= -1).all()


def test_figures_are_drawn_without_a_display(tmp_path):
    draw_mesh(trimesh.creation.box(), title="box", pixels=40).savefig(tmp_path / "mesh.png", dpi=40)
    draw_slices(lambda p: torch.linalg.vector_norm(p, dim=1) - 0.5, points=21).savefig(tmp_path / "s.png", dpi=40)
    draw_slices(lambda p: 0 * p[:, 0] + 1, points=11).savefig(tmp_path / "c.png", dpi=40)
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("mesh.png", "s.png", "c.png"))
    assert (shade(trimesh.Trimesh(), 0, 0, 8) == 1).all()
