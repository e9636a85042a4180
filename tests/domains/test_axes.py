import pickle

import pytest
import torch

from pinnkit.domains import RESERVED, Axis, Box, Cube, Parameters, Role, Time, bounds, columns, space_columns

AXES = (Box(x=(0, 1), z=Cube(-1, 1, dim=2), t=(0, 3)) * Parameters(nu=(0.01, 0.1))).axes


def test_a_scalar_axis_has_one_column_of_its_name() -> None:
    assert Axis("theta", 0, 1).columns == ("theta",)


def test_a_vector_axis_numbers_its_columns() -> None:
    assert Axis("x", 0, 1, dim=3).columns == ("x[0]", "x[1]", "x[2]")


def test_columns_follow_the_order_of_the_axes() -> None:
    assert columns(AXES) == ("x", "z[0]", "z[1]", "t", "nu")


def test_space_columns_leave_out_time_and_parameters() -> None:
    assert space_columns(AXES) == (0, 1, 2)
    assert space_columns(Box(t=(0, 1), x=(0, 1)).axes) == (1,)


def test_bounds_repeat_for_every_column_of_a_vector() -> None:
    lower, upper = bounds(AXES)
    torch.testing.assert_close(lower, torch.tensor([0, -1, -1, 0, 0.01]).double())
    torch.testing.assert_close(upper, torch.tensor([1, 1, 1, 3, 0.1]).double())
    assert lower.dtype == upper.dtype == torch.float64


def test_bounds_become_floats_so_that_equal_axes_are_equal() -> None:
    axis = Axis("x", 0, 1)
    assert isinstance(axis.lower, float)
    assert axis == Axis("x", 0.0, 1.0)
    assert hash(axis) == hash(Axis("x", 0.0, 1.0))
    assert axis != Axis("x", 0, 1, Role.PARAMETER)


def test_axes_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Axis("x", 0, 1).lower = 2


def test_roles_come_from_how_an_axis_was_made() -> None:
    assert [axis.role for axis in AXES] == [Role.SPACE, Role.SPACE, Role.TIME, Role.PARAMETER]


@pytest.mark.parametrize("name", ["x", "theta", "r_1", "N", "weight", "self"])
def test_ordinary_names_are_accepted(name: str) -> None:
    assert name not in RESERVED
    assert Box(**{name: (0, 1)}).columns == (name,)


@pytest.mark.parametrize("value", [Time(0, 2), Parameters(nu=(0.01, 0.1), k=(1, 2)), Cube(0, 1, dim=5), AXES])
def test_values_survive_pickling(value: object) -> None:
    again = pickle.loads(pickle.dumps(value))
    assert again == value
    assert hash(again) == hash(value)


@pytest.mark.parametrize("value", [Time(0, 2.5), Parameters(nu=(0.01, 0.1), k=Cube(1, 2, dim=3)), Cube(0, 1, dim=5)])
def test_repr_is_as_typed(value: object) -> None:
    assert eval(repr(value)) == value
