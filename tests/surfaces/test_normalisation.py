"""Normalisation: into the cube and back, whatever the offset."""

import json

import numpy as np
import pytest
import torch

from pinnkit.surfaces import Normalisation


def test_the_longest_side_fills_the_cube_with_room_for_115_percent():
    points = np.array([[10.0, -3.0, 0.0], [14.0, -2.0, 1.0], [12.0, -2.5, 0.3]])
    inside = Normalisation.of(points).apply(points)
    assert np.abs(1.15 * inside).max() == pytest.approx(0.9, rel=1e-14)
    np.testing.assert_allclose(inside.max(axis=0), -inside.min(axis=0), atol=1e-15)


def test_an_offset_of_a_million_costs_no_digits():
    points = np.random.default_rng(0).normal(size=(100, 3))
    far = Normalisation.of(points + 1e6)
    np.testing.assert_allclose(far.apply(points + 1e6), Normalisation.of(points).apply(points), atol=1e-9)
    np.testing.assert_allclose(far.invert(far.apply(points + 1e6)), points + 1e6, rtol=1e-15)


def test_tensors_of_float32_are_shifted_in_float64():
    normalisation = Normalisation((1e6, 0.0, 0.0), 2.0)
    back = normalisation.invert(torch.tensor([[0.25, 0.0, 0.0]], dtype=torch.float32))
    assert back.dtype == torch.float64
    assert back[0, 0] == 1e6 + 0.5


def test_facts_survive_json():
    normalisation = Normalisation((1.5, -2.0, 1e6), 0.1)
    assert Normalisation.from_facts(json.loads(json.dumps(normalisation.facts))) == normalisation


@pytest.mark.parametrize(
    ("centre", "scale", "words"), [((0, 0, np.nan), 1.0, "finite"), ((0, 0, 0), 0.0, "positive"), ((0,), -1.0, "got")]
)
def test_impossible_ones_are_refused(centre, scale, words):
    with pytest.raises(ValueError, match=words):
        Normalisation(centre, scale)
