import copy
import pickle

import numpy as np
import pytest
import torch

from pinnkit.domains import PointSet, Role

CORNERS = PointSet(x=[0, 1, 1, 0], y=[0.0, 0, 1, 1])


def test_one_point_is_given_by_numbers(generator: torch.Generator) -> None:
    points = PointSet(x=0.5, y=0.1).sample(1000, generator)
    assert points.coords.tolist() == [[0.5, 0.1]]
    assert points.weight.tolist() == [1.0]
    assert points.normal is None


def test_all_points_come_in_their_order_when_there_are_enough(generator: torch.Generator) -> None:
    for n in (4, 100):
        assert CORNERS.sample(n, generator).coords.tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]


def test_fewer_points_are_drawn_without_repetition_and_keep_the_measure(generator: torch.Generator) -> None:
    drawn = PointSet(x=np.arange(100), weight=2.0).sample(30, generator)
    assert drawn.coords.unique().numel() == 30
    assert float(drawn.weight.sum()) == pytest.approx(200)
    assert not torch.equal(drawn.coords, PointSet(x=np.arange(100), weight=2.0).sample(30, generator).coords)


def test_numbers_are_repeated_to_the_length_of_arrays(generator: torch.Generator) -> None:
    points = PointSet(x=[0.0, 0.5], t=2.0).sample(10, generator)
    assert points.coords.tolist() == [[0.0, 2.0], [0.5, 2.0]]


def test_axes_have_the_names_used_and_t_is_time() -> None:
    axes = PointSet(x=[0, 2], t=1).axes
    assert [(a.name, a.lower, a.upper, a.role) for a in axes] == [("x", 0, 2, Role.SPACE), ("t", 1, 1, Role.TIME)]


def test_an_array_of_two_indices_is_a_vector_axis(generator: torch.Generator) -> None:
    points = PointSet(x=torch.arange(6).reshape(2, 3), t=0)
    assert [axis.dim for axis in points.axes] == [3, 1]
    assert points.sample(5, generator).coords.tolist() == [[0, 1, 2, 0], [3, 4, 5, 0]]


def test_measure_is_the_number_of_points_or_the_sum_of_weights() -> None:
    assert CORNERS.measure == 4
    assert PointSet(x=[0, 1, 2], weight=[0.5, 1, 0.5]).measure == 2


def test_point_sets_compare_by_value() -> None:
    same = PointSet(x=torch.tensor([0.0, 1, 1, 0]), y=np.array([-0.0, 0, 1, 1]))
    assert same == CORNERS
    assert hash(same) == hash(CORNERS)
    assert PointSet(x=[0, 1, 1, 0], y=[0, 0, 1, 2]) != CORNERS
    assert PointSet(x=[0, 1, 1, 0], y=[0, 1, 0, 1]) != CORNERS
    assert PointSet(x=[0, 1, 1, 0], z=[0, 0, 1, 1]) != CORNERS
    assert PointSet(x=[0, 1, 1, 0], y=[0, 0, 1, 1], weight=2) != CORNERS
    assert CORNERS != "corners"


def test_point_sets_survive_pickling() -> None:
    for again in (pickle.loads(pickle.dumps(CORNERS)), copy.deepcopy(CORNERS)):
        assert again == CORNERS
        assert hash(again) == hash(CORNERS)


def test_what_is_handed_out_and_in_is_a_copy(generator: torch.Generator) -> None:
    given = np.array([0.0, 1.0])
    points = PointSet(x=given)
    given[:] = 7
    points.sample(2, generator).coords[:] = 8
    assert points == PointSet(x=[0.0, 1.0])


def test_repr_is_short() -> None:
    assert repr(PointSet(x=0.5, y=0.1)) == "PointSet(x=0.5, y=0.1)"
    assert repr(CORNERS) == "PointSet(4 points in x, y)"
    assert repr(PointSet(x=np.zeros((1, 100)), t=0)) == "PointSet(x=(100 columns), t=0)"
