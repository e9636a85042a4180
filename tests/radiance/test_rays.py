"""Rays as a part of the domain: pixels of views, with samples along their rays."""

import pytest
import torch

from pinnkit.domains import Role
from pinnkit.radiance import WHITE, OccupancyGrid, RayMarcher, Rays, Scene, carve, field_domain, make_scene
from pinnkit.radiance.data.scene import corners


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(views=8, test=2, size=24, seed=1, samples=1)


@pytest.fixture(scope="module")
def sampler(scene: Scene) -> RayMarcher:
    lower, upper = corners(scene.box)
    views = scene.train
    return RayMarcher(carve([v.camera for v in views], [v.alpha for v in views], lower, upper, 24), 0.05)


@pytest.fixture(scope="module")
def rays(scene: Scene, sampler: RayMarcher) -> Rays:
    return Rays.of(scene.train, scene.box, sampler, background=WHITE)


def nearest(points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Distance of each point to the nearest of others."""
    return torch.cdist(points, others, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1)


def test_the_axes_are_those_of_a_radiance_field(rays: Rays, scene: Scene) -> None:
    domain = field_domain(scene.box)
    assert rays.axes == domain.axes
    assert [axis.name for axis in domain.axes] == ["x", "y", "z", "view"]
    assert domain.axes[3].role is Role.PARAMETER


def test_a_draw_has_samples_per_ray_and_columns_per_row_or_sample(rays: Rays, generator: torch.Generator) -> None:
    points = rays.sample(200, generator)
    n, columns = points.coords.shape[0], points.columns
    assert points.coords.shape == (n, 6)
    assert n == int(columns["counts"].sum()) > 200
    assert torch.equal(torch.as_tensor(points.group), columns["counts"])
    shapes = {name: tuple(column.shape) for name, column in columns.items()}
    per_row = {"rgb": (200, 3), "background": (200, 3), "alpha": (200,), "counts": (200,)}
    assert shapes == {"delta": (n,), "distance": (n,), **per_row}
    torch.testing.assert_close(points.coords[:, 3:].norm(dim=1), torch.ones(n))
    assert bool(rays.sampler.grid.contains(points.coords[:, :3]).float().mean() > 0.999)


def test_samples_lie_on_the_line_from_the_camera_at_their_distance(rays: Rays, generator: torch.Generator) -> None:
    points = rays.sample(100, generator)
    origins = points.coords[:, :3] - points.columns["distance"][:, None] * points.coords[:, 3:]
    assert float(nearest(origins, rays.origins).max()) < 1e-5


def test_the_same_generator_draws_the_same_rays(rays: Rays) -> None:
    one, other = (rays.sample(64, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.coords, other.coords)
    assert all(torch.equal(one.columns[name], other.columns[name]) for name in one.columns)
    third = rays.sample(64, torch.Generator().manual_seed(4))
    assert one.coords.shape != third.coords.shape or not torch.equal(one.coords, third.coords)


def test_pixels_show_the_picture_over_the_background(scene: Scene, sampler: RayMarcher) -> None:
    rays = Rays.of(scene.train[:1], scene.box, sampler, background=WHITE)
    points = rays.sample(300, torch.Generator().manual_seed(0))
    shown = scene.train[0].over((1.0, 1.0, 1.0)).reshape(-1, 3)
    assert float(nearest(points.columns["rgb"], shown).max()) < 1e-6
    clear = points.columns["alpha"] == 0
    assert bool((points.columns["rgb"][clear] == 1).all())


def test_random_backgrounds_show_only_where_the_picture_is_transparent(scene: Scene, sampler: RayMarcher) -> None:
    points = Rays.of(scene.train, scene.box, sampler).sample(400, torch.Generator().manual_seed(0))
    rgb, background, alpha = (points.columns[name] for name in ("rgb", "background", "alpha"))
    torch.testing.assert_close(rgb[alpha == 0], background[alpha == 0])
    assert float((rgb[alpha == 1] - background[alpha == 1]).abs().mean()) > 0.1


def test_pixels_without_anything_on_their_ray_are_not_drawn_and_holes_are_counted(rays: Rays, scene: Scene) -> None:
    assert 0 < rays.measure < 8 * 24 * 24
    assert rays.missed_share == 0
    cells = rays.sampler.grid.cells.clone()
    cells[: cells.shape[0] // 2] = False
    grid = OccupancyGrid(rays.sampler.grid.lower, rays.sampler.grid.upper, cells)
    holed = rays.with_grid(grid, 0.02)
    assert holed.missed_share > 0.1
    assert holed.measure < rays.measure
    assert rays.with_pruned_grid(grid).measure == rays.measure
    with pytest.raises(ValueError, match="no ray of the training views meets"):
        rays.with_grid(OccupancyGrid(grid.lower, grid.upper, torch.zeros_like(cells)))
    assert len(scene.train) == 8


def test_jittered_rays_stay_in_their_pixel(scene: Scene, sampler: RayMarcher) -> None:
    view = scene.train[0]
    rays = Rays.of([view], scene.box, sampler, background=WHITE, jitter=True)
    points = rays.sample(400, torch.Generator().manual_seed(0))
    pixel, _ = view.camera.project(points.coords[:, :3].double())
    column, row = (pixel[:, 0] + 1e-4).long(), (pixel[:, 1] + 1e-4).long()
    shown = view.over((1.0, 1.0, 1.0))[row.clamp(0, 23), column.clamp(0, 23)]
    wanted = torch.repeat_interleave(points.columns["rgb"], points.columns["counts"], dim=0)
    assert float((shown - wanted).abs().amax(dim=1).lt(1e-6).float().mean()) > 0.99
    inside = pixel - pixel.floor()
    assert float(inside.std()) == pytest.approx(12**-0.5, abs=0.02)


def test_too_many_pixels_are_thinned_out_by_a_generator(scene: Scene, sampler: RayMarcher) -> None:
    with pytest.raises(ValueError, match="give a `generator`"):
        Rays.of(scene.train, scene.box, sampler, most=1000)
    thin = Rays.of(scene.train, scene.box, sampler, most=1000, generator=torch.Generator().manual_seed(0))
    assert thin.rgba.shape[0] == pytest.approx(1000, abs=8)
    with pytest.raises(ValueError, match="at least one view"):
        Rays.of([], scene.box, sampler)


def test_points_take_the_type_of_the_grid(scene: Scene) -> None:
    lower, upper = corners(scene.box)
    fine = Rays.of(scene.train, scene.box, RayMarcher(OccupancyGrid.full(lower, upper, 8), 0.1))
    points = fine.sample(16, torch.Generator().manual_seed(0))
    assert points.coords.dtype == torch.float64
    assert points.columns["rgb"].dtype == torch.float64


@pytest.mark.requires_cuda
def test_rays_on_the_device_are_those_on_the_cpu(scene: Scene, sampler: RayMarcher) -> None:
    grid = sampler.grid
    there = OccupancyGrid(grid.lower.cuda(), grid.upper.cuda(), grid.cells.cuda())
    points = [
        Rays.of(scene.train, scene.box, RayMarcher(g, 0.05)).sample(256, torch.Generator().manual_seed(0))
        for g in (grid, there)
    ]
    counts = [p.columns["counts"].cpu() for p in points]
    assert int((counts[0] - counts[1]).abs().sum()) <= 4
    torch.testing.assert_close(points[0].columns["rgb"], points[1].columns["rgb"].cpu())
