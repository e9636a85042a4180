"""Volume rendering: exact for a slab, the same in both layouts, with right derivatives."""

import math

import pytest
import torch
from torch import Tensor

from pinnkit.radiance import over, ray_weights, render
from pinnkit.radiance.data.backgrounds import BLACK, WHITE, ConstantBackground, RandomBackground
from pinnkit.radiance.rendering.volume_rendering import median_distance, segment_sum, transmittance


def ragged(generator: torch.Generator, *, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    """Counts with empty rays first, last and between; densities, colours, deltas and distances."""
    counts = torch.tensor([0, 3, 5, 0, 0, 1, 7, 2, 0])
    n = int(counts.sum())
    density = 3 * torch.rand(n, generator=generator, dtype=dtype)
    colour = torch.rand(n, 3, generator=generator, dtype=dtype)
    delta = 0.1 + torch.rand(n, generator=generator, dtype=dtype)
    distance = torch.cat([delta[s : s + c].cumsum(0) for s, c in zip(counts.cumsum(0) - counts, counts, strict=True)])
    return counts, density, colour, delta, distance


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_slab_accumulates_exactly_for_any_number_of_samples(n: int, dtype: torch.dtype) -> None:
    sigma, length = 2.3, 1.7
    delta = torch.full((2 * n,), length / n, dtype=dtype)
    density = torch.full((2 * n,), sigma, dtype=dtype)
    # Two rays, so that the second one does not begin where the running sum is zero.
    seen = render(density, density[:, None], delta, delta, counts=torch.tensor([n, n]))
    exact = 1 - math.exp(-sigma * length)
    tolerance = 1e-12 if dtype is torch.float64 else 2e-5
    assert seen.accumulation.tolist() == pytest.approx([exact, exact], abs=tolerance)
    dense = render(density.view(2, n), density.view(2, n, 1), delta.view(2, n), delta.view(2, n))
    assert dense.accumulation.tolist() == pytest.approx([exact, exact], abs=tolerance)


def test_ragged_and_dense_layouts_agree(generator: torch.Generator) -> None:
    counts, density, colour, delta, distance = ragged(generator)
    seen = render(density, colour, delta, distance, counts=counts)
    start = 0
    for row, count in enumerate(counts.tolist()):
        part = slice(start, start + count)
        start += count
        if count == 0:
            assert seen.colour[row].tolist() == [0, 0, 0]
            assert float(seen.accumulation[row]) == 0
            assert math.isnan(float(seen.depth[row]))
            assert math.isnan(float(seen.median[row]))
            continue
        alone = render(density[None, part], colour[None, part], delta[None, part], distance[None, part])
        for one, other in zip(alone[:4], seen[:4], strict=True):
            torch.testing.assert_close(one[0], other[row])
        torch.testing.assert_close(alone.weights[0], seen.weights[part])


def test_weights_are_the_products_of_the_paper(generator: torch.Generator) -> None:
    density, delta = (torch.rand(4, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    alpha = 1 - torch.exp(-density * delta)
    before = torch.cumprod(torch.cat([torch.ones(4, 1, dtype=torch.float64), 1 - alpha[:, :-1]], dim=1), dim=1)
    torch.testing.assert_close(ray_weights(density, delta), before * alpha)
    torch.testing.assert_close(transmittance(density, delta), before)


@pytest.mark.parametrize("layout", ["ragged", "dense"])
def test_derivatives_of_colour_accumulation_and_depth_are_right(layout: str, generator: torch.Generator) -> None:
    counts, density, colour, delta, distance = ragged(generator)

    def seen(density: Tensor, colour: Tensor, delta: Tensor) -> tuple[Tensor, ...]:
        if layout == "ragged":
            found = render(density, colour, delta, distance, counts=counts)
        else:
            found = render(density.view(2, 9), colour.view(2, 9, 3), delta.view(2, 9), distance.view(2, 9))
        return found.colour, found.accumulation, found.depth.nan_to_num(0.0)

    inputs = tuple(tensor.clone().requires_grad_() for tensor in (density, colour, delta))
    assert torch.autograd.gradcheck(seen, inputs)


def test_float32_loses_nothing_behind_many_opaque_rays() -> None:
    rows, count = 4000, 50
    density = torch.full((rows * count,), 50.0)
    density[-count:] = 1e-3
    delta = torch.full_like(density, 0.02)
    accumulation = render(density, density[:, None], delta, delta, counts=torch.full((rows,), count)).accumulation
    assert float(accumulation[-1]) == pytest.approx(1 - math.exp(-1e-3), rel=1e-4)


def test_expected_and_median_depth_at_an_edge_in_depth() -> None:
    # 40 % of the light stops at 1, the rest at 3: the mean lies where nothing is, the median on a surface.
    delta = torch.tensor([[1e-3, 1e-3]], dtype=torch.float64)
    density = torch.tensor([[-math.log(0.6) / 1e-3, 1e6]], dtype=torch.float64)
    distance = torch.tensor([[1.0, 3.0]], dtype=torch.float64)
    seen = render(density, density[..., None], delta, distance)
    assert float(seen.depth) == pytest.approx(0.4 * 1 + 0.6 * 3)
    assert float(seen.median) == 3.0


def test_the_median_of_a_ray_without_weight_is_nan() -> None:
    weights, distance = torch.zeros(3), torch.ones(3)
    assert bool(median_distance(weights, distance, torch.tensor([0, 2, 1])).isnan().all())
    assert bool(median_distance(weights[None], distance[None]).isnan().all())


def test_no_sample_at_all_shows_the_background_and_keeps_a_graph() -> None:
    density = torch.zeros(0, requires_grad=True)
    seen = render(density, torch.zeros(0, 3), torch.zeros(0), torch.zeros(0), counts=torch.zeros(4, dtype=torch.int64))
    shown = over(seen.colour, seen.accumulation, torch.tensor([0.2, 0.4, 0.6]))
    assert shown.shape == (4, 3)
    torch.testing.assert_close(shown[2], torch.tensor([0.2, 0.4, 0.6]))
    shown.sum().backward()


def test_segment_sums_equal_a_loop(generator: torch.Generator) -> None:
    counts = torch.tensor([2, 0, 3, 0])
    values = torch.rand(5, 2, generator=generator, dtype=torch.float64)
    wanted = torch.stack([part.sum(dim=0) for part in values.split(counts.tolist())])
    torch.testing.assert_close(segment_sum(values, counts), wanted)


def test_backgrounds_draw_what_they_say(generator: torch.Generator) -> None:
    assert WHITE.draw(2, generator).tolist() == [[1, 1, 1]] * 2
    assert BLACK.draw(2, generator).tolist() == [[0, 0, 0]] * 2
    assert ConstantBackground((0.25, 0.5, 0.75)).draw(1, generator).tolist() == [[0.25, 0.5, 0.75]]
    drawn = RandomBackground().draw(500, generator)
    assert drawn.shape == (500, 3)
    assert float(drawn.mean()) == pytest.approx(0.5, abs=0.05)
    with pytest.raises(ValueError, match="three numbers in"):
        ConstantBackground((0.0, 0.0, 255.0))
