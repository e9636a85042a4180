"""Sampling along rays: intervals of a box, stratified positions, and the inverse of a cumulated density."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from pinnkit.radiance import sample_cdf, stratified
from pinnkit.radiance.rendering.sampling import box_intersection, merge_samples, sample_intervals

LOWER, UPPER = torch.tensor([-1.0, -2.0, 0.0]), torch.tensor([1.0, 2.0, 3.0])


def test_rays_meet_a_box_where_its_walls_are() -> None:
    origins = torch.tensor([[-3.0, 0.0, 1.0], [0.0, 0.0, 1.0], [-3.0, 5.0, 1.0], [3.0, 0.0, 1.0]])
    directions = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    near, far = box_intersection(origins, directions, LOWER, UPPER)
    assert near[0] == 1  # in units of a direction of length 2
    assert far[0] == 2
    assert near[1] == 0  # inside
    assert far[1] == 2
    assert near[2] >= far[2]  # beside
    assert near[3] >= far[3]  # behind


def test_a_ray_along_a_wall_is_no_nan() -> None:
    near, far = box_intersection(torch.tensor([[1.0, -5.0, 1.0]]), torch.tensor([[0.0, 1.0, 0.0]]), LOWER, UPPER)
    assert (float(near), float(far)) == (3, 7)


def test_stratified_positions_have_one_in_each_interval(generator: torch.Generator) -> None:
    near, far = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.5])
    t = stratified(near, far, 8, generator)
    index = ((t - near[:, None]) / (far - near)[:, None] * 8).floor()
    torch.testing.assert_close(index, torch.arange(8.0).expand(2, 8))
    middles = stratified(near, far, 4, None)
    torch.testing.assert_close(middles[0], torch.tensor([1.25, 1.75, 2.25, 2.75]))


def test_the_lengths_of_intervals_sum_to_the_whole(generator: torch.Generator) -> None:
    near, far = torch.tensor([1.0], dtype=torch.float64), torch.tensor([3.0], dtype=torch.float64)
    edges, lengths = sample_intervals(stratified(near, far, 9, generator), near, far)
    assert edges.shape == (1, 10)
    assert float(lengths.sum()) == pytest.approx(2)
    assert bool((lengths > 0).all())


def test_sampled_positions_follow_a_piecewise_constant_density(generator: torch.Generator) -> None:
    edges = torch.tensor([[0.0, 0.5, 0.6, 1.5, 2.0]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 3.0, 0.0, 2.0]], dtype=torch.float64)
    # One sample a row: rows are independent, as the test wants.
    t = sample_cdf(edges.expand(4000, 5), weights.expand(4000, 4), 1, generator)[:, 0].numpy()
    cumulated = np.concatenate([[0.0], np.cumsum(weights[0].numpy())]) / 6.0
    assert kstest(t, lambda x: np.interp(x, edges[0].numpy(), cumulated)).pvalue > 0.01
    assert not ((t > 0.6) & (t < 1.5)).any()
    # The suite sees a wrong density: that of lengths instead of weights.
    assert kstest(t, lambda x: x / 2).pvalue < 1e-6


def test_many_samples_of_a_row_are_stratified_and_ascend(generator: torch.Generator) -> None:
    edges = torch.tensor([[0.0, 1.0, 3.0]])
    t = sample_cdf(edges, torch.tensor([[1.0, 1.0]]), 100, generator)
    assert bool((t[:, 1:] >= t[:, :-1]).all())
    assert int((t < 1).sum()) == 50


@pytest.mark.parametrize("weights", [[0.0, 0.0, 0.0], [math.nan, 0.0, 0.0]])
def test_weights_that_are_all_zero_or_nan_sample_evenly(weights: list[float]) -> None:
    t = sample_cdf(torch.tensor([[0.0, 1.0, 3.0, 4.0]]), torch.tensor([weights]), 8, None)
    torch.testing.assert_close(t, (torch.arange(8.0)[None] + 0.5) / 2)


def test_zero_weights_at_the_ends_get_no_sample(generator: torch.Generator) -> None:
    t = sample_cdf(torch.tensor([[0.0, 1.0, 2.0, 3.0]]), torch.tensor([[0.0, 1e-30, 0.0]]), 64, generator)
    assert float(t.min()) >= 1
    assert float(t.max()) <= 2


def test_merged_positions_ascend(generator: torch.Generator) -> None:
    a, b = (torch.rand(3, n, generator=generator).sort(dim=1).values for n in (4, 6))
    both = merge_samples(a, b)
    assert both.shape == (3, 10)
    assert bool((both[:, 1:] >= both[:, :-1]).all())
