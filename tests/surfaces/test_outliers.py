"""Points on no surface are left out, those of a coarse or sparse surface are not."""

from __future__ import annotations

import numpy as np
import torch

from pinnkit.surfaces import PointCloud, Sphere, Torus, grid_distance, reconstruct
from pinnkit.surfaces.points.neighbours import Neighbours
from pinnkit.surfaces.points.outliers import inlier_mask, near_surface_mask

ON, STRAY = 2000, 100


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def littered() -> torch.Tensor:
    """A torus with 5 % of points anywhere in a box around it, those last."""
    on = Torus().sample(ON, seeded())
    box = 1.5 * on.abs().amax(0)
    return torch.cat([on, box * (2 * torch.rand(STRAY, 3, generator=seeded(1), dtype=torch.float64) - 1)])


def test_strays_are_found_and_no_point_of_the_surface_is_taken_for_one() -> None:
    points = littered()
    kept = inlier_mask(points)
    spacing = float(Neighbours.of(points[:ON], 8).spacing(3).median())
    away = Torus().distance(points[ON:]).abs() > 4 * spacing
    assert away.sum() > 20
    assert kept[:ON].all()
    assert kept[ON:][away].sum() <= 1  # of fifty, one in the middle of the hole has a ring of neighbours


def test_a_stray_too_close_to_stand_alone_is_found_by_its_height() -> None:
    on = Sphere().sample(ON, seeded())
    spacing = float(Neighbours.of(on, 8).spacing(3).median())
    close = on[:20] * (1 + 2.5 * spacing / 0.78)
    points = torch.cat([on[20:], close])
    normals = points / torch.linalg.vector_norm(points, dim=1, keepdim=True)
    kept = near_surface_mask(points, normals, Neighbours.of(points, 16), 0.0)
    assert kept[:-20].all()
    assert not kept[-20:].any()


def test_a_sheet_ten_times_coarser_than_the_next_is_kept() -> None:
    dense = torch.rand(4000, 3, generator=seeded(), dtype=torch.float64) * torch.tensor([1.0, 1.0, 0.0])
    coarse = torch.rand(400, 3, generator=seeded(1), dtype=torch.float64) * torch.tensor([3.0, 3.0, 0.0])
    far = coarse[(coarse[:, 0] > 1) | (coarse[:, 1] > 1)]
    assert inlier_mask(torch.cat([dense, far])).all()


def test_where_most_points_would_be_strays_none_is_left_out() -> None:
    blob = torch.cat(
        [
            0.01 * torch.randn(300, 3, generator=seeded(), dtype=torch.float64),
            torch.rand(300, 3, generator=seeded(1), dtype=torch.float64),
        ]
    )
    assert inlier_mask(blob).all()


def test_a_torus_among_strays_is_the_torus_and_says_how_many_were_left_out() -> None:
    field = grid_distance(littered(), generator=seeded(), resolution=48)
    probe = littered()[ON:]
    assert ((field(probe) - Torus().distance(probe)).abs()).max() < 0.04
    assert "seem to be on no surface and were left out" in field.notes[0]
    assert field.normals is not None
    assert len(field.normals) == ON + STRAY


def test_one_point_far_away_does_not_shrink_the_rest_to_a_dot() -> None:
    points = np.concatenate([Torus().sample(ON, seeded()).numpy(), [[900.0, -50.0, 3.0]]])
    made = reconstruct(PointCloud.of(points), neural=False, resolution=48, nodes=48)
    assert made.mesh_report.euler == 0
    assert abs(made.mesh_report.volume / Torus().volume - 1) < 0.03
    assert "1 of 2,001 points" in made.cloud.notes[0]
