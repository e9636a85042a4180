"""Occupied cells: carving, dilation, refinement, and marching against looking every position up."""

import math

import pytest
import torch
from torch import Tensor

from pinnkit.radiance import Camera, Convention, OccupancyGrid, RayMarcher, carve, look_at, render
from pinnkit.radiance.rendering.sampling import box_intersection

LOWER, UPPER = torch.tensor([-1.0, -1.0, -0.5]), torch.tensor([1.0, 1.0, 0.5])


def shell(resolution: int = 24, dtype: torch.dtype = torch.float32) -> OccupancyGrid:
    full = OccupancyGrid.full(LOWER.to(dtype), UPPER.to(dtype), resolution)
    return full.filtered(lambda p: 0.08 - (p.norm(dim=1) - 0.4).abs(), 0.0)


def rays(n: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    origins = torch.randn(n, 3, generator=generator, dtype=dtype)
    origins = 3 * origins / origins.norm(dim=1, keepdim=True)
    directions = torch.rand(n, 3, generator=generator, dtype=dtype) * 1.6 - 0.8 - origins
    return origins, directions / directions.norm(dim=1, keepdim=True)


def ring(count: int = 12, size: int = 40) -> list[Camera]:
    eyes = [(2.5 * math.cos(a), 2.5 * math.sin(a), 1.2 * math.cos(3 * a)) for a in torch.arange(count).tolist()]
    return [
        Camera(size, size, 1.3 * size, 1.3 * size, look_at(e, (0, 0, 0), convention=Convention.OPENGL)) for e in eyes
    ]


def ball_mask(camera: Camera, radius: float) -> Tensor:
    origins, directions = camera.rays()
    along = (origins * directions).sum(dim=1) / directions.norm(dim=1)
    return ((origins * origins).sum(dim=1) - along**2 < radius**2).float().reshape(camera.height, camera.width)


def test_cells_are_as_cubic_as_whole_numbers_allow() -> None:
    grid = OccupancyGrid.full(LOWER, UPPER, 24)
    assert grid.cells.shape == (24, 24, 12)
    torch.testing.assert_close(grid.cell, torch.full((3,), 1 / 12))
    centres = grid.centres()
    torch.testing.assert_close(centres[0], LOWER + 1 / 24)
    torch.testing.assert_close(grid.index(centres), torch.arange(24 * 24 * 12))


def test_points_outside_are_in_no_cell() -> None:
    grid = OccupancyGrid.full(LOWER, UPPER, 8)
    assert grid.contains(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.6]])).tolist() == [True, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("step", [0.011, 0.05, 0.3])
def test_marching_finds_exactly_the_samples_in_occupied_cells(
    step: float, dtype: torch.dtype, generator: torch.Generator
) -> None:
    grid = shell(dtype=dtype)
    origins, directions = rays(300, generator, dtype)
    offset = torch.rand(300, generator=generator, dtype=dtype)
    found = RayMarcher(grid, step).march(origins, directions, offset)
    distance = (torch.arange(int(5 / step)) + offset[:, None]) * step
    points = origins[:, None] + distance[..., None] * directions[:, None]
    hit = grid.contains(points.reshape(-1, 3)).view(300, -1)
    # Rounding may put a sample that lies on a wall between two cells into either.
    assert int((hit.sum(dim=1) - found.counts).abs().sum()) <= 2
    assert abs(int(hit.sum()) - found.distance.numel()) <= 2
    torch.testing.assert_close(torch.bincount(found.ray, minlength=300), found.counts)
    place = origins[found.ray] + found.distance[:, None] * directions[found.ray]
    near = torch.cdist(place, grid.centres(grid.cells.reshape(-1).nonzero()[:, 0])).amin(dim=1)
    assert float(near.max()) <= float(grid.cell.norm()) / 2 + 1e-5
    same = found.ray[1:] == found.ray[:-1]
    assert bool((found.distance[1:] > found.distance[:-1])[same].all())
    assert bool((found.ray[1:] >= found.ray[:-1]).all())


def test_rays_beside_the_box_or_through_empty_cells_have_no_sample() -> None:
    sampler = RayMarcher(shell(), 0.02)
    origins = torch.tensor([[-3.0, 0.0, 5.0], [-3.0, 0.95, 0.45], [-3.0, 0.0, 0.0]])
    directions = torch.tensor([[1.0, 0.0, 0.0]]).expand(3, 3)
    found = sampler.march(origins, directions)
    assert found.counts[:2].tolist() == [0, 0]
    assert int(found.counts[2]) > 0
    assert sampler.march(origins[:1], directions[:1]).distance.numel() == 0
    assert sampler.march(origins[:0], directions[:0]).counts.numel() == 0
    assert sampler.meets(origins, directions).tolist()[0::2] == [False, True]


def test_meets_never_says_no_to_a_ray_with_samples(generator: torch.Generator) -> None:
    sampler = RayMarcher(shell(), 0.02)
    origins, directions = rays(500, generator)
    met = sampler.meets(origins, directions, chunk=128)
    counts = sampler.march(origins, directions).counts
    assert bool((met | (counts == 0)).all())
    assert 0 < int(met.sum()) < 500


def test_a_full_grid_accumulates_a_constant_density_to_one_step(generator: torch.Generator) -> None:
    grid = OccupancyGrid.full(LOWER.double(), UPPER.double(), 4)
    origins, directions = rays(200, generator, torch.float64)
    found = RayMarcher(grid, 0.01).march(origins, directions, torch.rand(200, generator=generator, dtype=torch.float64))
    near, far = box_intersection(origins, directions, grid.lower, grid.upper)
    length = (far - near).clamp(min=0)
    seen = render(
        torch.full_like(found.distance, 1.5),
        found.distance[:, None],
        torch.full_like(found.distance, 0.01),
        found.distance,
        counts=found.counts,
    )
    assert float((seen.accumulation - (1 - torch.exp(-1.5 * length))).abs().max()) < 1.5 * 0.01


def test_dilation_adds_the_neighbours_and_nothing_else() -> None:
    cells = torch.zeros(7, 7, 7, dtype=torch.bool)
    cells[3, 3, 0] = True
    grown = OccupancyGrid(LOWER, UPPER, cells).dilated(1).cells
    wanted = torch.zeros_like(cells)
    wanted[2:5, 2:5, 0:2] = True
    assert torch.equal(grown, wanted)


@pytest.mark.parametrize("reach", [1, 2, 3, 6])
def test_dilation_equals_a_maximum_over_windows(reach: int, generator: torch.Generator) -> None:
    cells = torch.rand(17, 9, 12, generator=generator) < 0.004
    window = 2 * reach + 1
    pooled = torch.nn.functional.max_pool3d(cells.float()[None, None], window, stride=1, padding=reach)[0, 0]
    assert torch.equal(OccupancyGrid(LOWER, UPPER, cells).dilated(reach).cells, pooled > 0)


@pytest.mark.parametrize("resolution", [12, 36, 48, 17, 31])
def test_refined_cells_cover_what_was_occupied(resolution: int, generator: torch.Generator) -> None:
    grid = shell()
    other = grid.refined(resolution)
    points = torch.rand(4000, 3, generator=generator) * (UPPER - LOWER) + LOWER
    inside = grid.contains(points)
    assert bool(other.contains(points)[inside].all())
    assert inside.sum() > 100
    if resolution == 48:
        assert other.occupied == grid.occupied


def test_carving_keeps_the_object_and_little_more() -> None:
    cameras = ring()
    masks = [ball_mask(camera, 0.35) for camera in cameras]
    grid = carve(cameras, masks, LOWER, UPPER, 32)
    distance = grid.centres().norm(dim=1).reshape(grid.cells.shape)
    assert bool(grid.cells[distance < 0.35].all())
    assert grid.occupied < 0.3
    assert not bool(grid.cells[distance > 0.8].any())


def test_a_view_that_shows_everything_empties_what_it_does_not_see() -> None:
    cameras = ring()
    masks = [ball_mask(camera, 0.35) for camera in cameras]
    far = 4 * UPPER.max()
    wide = carve(cameras, masks, -far.expand(3), far.expand(3), 32)
    whole = carve(cameras, masks, -far.expand(3), far.expand(3), 32, whole=True)
    assert wide.occupied > 0.1
    assert 0 < whole.occupied < 0.01


def test_cells_near_cameras_and_cells_without_weight_are_dropped() -> None:
    grid = OccupancyGrid.full(LOWER, UPPER, 16)
    clear = grid.without_cells_near(torch.tensor([[1.0, 1.0, 0.5]]), 0.5)
    assert not bool(clear.contains(torch.tensor([[0.9, 0.9, 0.4]])))
    assert bool(clear.contains(torch.tensor([[0.0, 0.0, 0.0]])))
    points = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.5, 0.2]])
    visited = grid.containing(points, torch.tensor([0.9, 0.001]), 0.01)
    assert visited.contains(points).tolist() == [True, False]
    assert int(visited.cells.sum()) == 1


def test_grids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="`cells` must be bool"):
        OccupancyGrid(LOWER, UPPER, torch.ones(2, 2, 2))
    with pytest.raises(ValueError, match="`lower` < `upper`"):
        OccupancyGrid(UPPER, LOWER, torch.ones(2, 2, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="bring one to the other by `refined`"):
        shell(8).intersection(shell(16))
    with pytest.raises(ValueError, match="`step` must be a positive length"):
        RayMarcher(shell(8), 0.0)
