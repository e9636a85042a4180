import copy
import math
import pickle

import numpy as np
import pytest
import torch

from pinnkit.domains import Axis, Box, Cube, Faces, Interval, Parameters, Role, Time

ODE = Box(t=(0, 10))


def test_t_is_time_by_its_name_and_the_rest_is_space() -> None:
    box = Box(x=(0, 1), t=(0, 2), theta=(0, math.pi))
    assert [(axis.name, axis.role) for axis in box.axes] == [
        ("x", Role.SPACE),
        ("t", Role.TIME),
        ("theta", Role.SPACE),
    ]


def test_an_interval_is_a_box_of_one_axis() -> None:
    assert Interval(x=(0, 1)) == Box(x=(0, 1))


def test_a_factor_appends_its_axes() -> None:
    assert Box(x=(0, 1)) * Time(0, 2) == Box(x=(0, 1), t=(0, 2))
    box = Box(x=(0, 1)) * Parameters(nu=(0.01, 0.1), k=(1, 2)) * Time(0, 1)
    assert box.columns == ("x", "nu", "k", "t")
    assert [axis.role for axis in box.axes] == [Role.SPACE, Role.PARAMETER, Role.PARAMETER, Role.TIME]


def test_order_of_axes_is_part_of_the_value() -> None:
    assert Box(x=(0, 1), y=(0, 1)) != Box(y=(0, 1), x=(0, 1))


def test_numbers_of_any_kind_make_equal_boxes() -> None:
    boxes = {Box(x=(0, 1)), Box(x=[0.0, 1.0]), Box(x=np.array([0, 1])), Box(x=(np.float32(0), np.int64(1)))}
    assert len(boxes) == 1
    assert Box.of(Axis("x", 0, 1)) in boxes
    assert Box(x=Cube(0, 1, dim=1)) in boxes


@pytest.mark.parametrize(
    "box",
    [
        Box(x=(0, 1)),
        Box(x=(-0.5, 1e-3), t=(0, 10)),
        Box(t=(0, 1), x=(0, 1)),
        Box(x=Cube(0, 1, dim=100)),
        Box(x=(0, 1)) * Parameters(nu=(0.01, 0.1), k=Cube(0, 1, dim=3)) * Time(0, 2),
    ],
    ids=repr,
)
def test_repr_is_as_typed_and_boxes_survive_pickling(box: Box) -> None:
    assert eval(repr(box)) == box
    for again in (pickle.loads(pickle.dumps(box)), copy.deepcopy(box)):
        assert again == box
        assert hash(again) == hash(box)


def test_repr_reads_as_one_would_write_it() -> None:
    assert repr(Box(x=(0, 1)) * Time(0, 2)) == "Box(x=(0, 1), t=(0, 2))"
    assert repr(Box(x=(0, 1)) * Parameters(nu=(0.01, 0.1))) == "Box(x=(0, 1)) * Parameters(nu=(0.01, 0.1))"


def test_a_box_is_frozen() -> None:
    with pytest.raises(AttributeError):
        ODE.axes = ()


def test_measure_includes_time_and_parameters() -> None:
    assert (Box(x=(0, 2), y=Cube(0, 3, dim=2)) * Time(0, 5) * Parameters(nu=(0, 0.5))).measure == pytest.approx(45.0)


def test_signed_distance_is_exact_inside_on_and_outside() -> None:
    box = Box(x=(0, 2), y=(0, 1))
    coords = torch.tensor([[1.0, 0.5], [0.25, 0.5], [2.0, 0.3], [5.0, 5.0], [-3.0, 0.5], [1.0, 1.5]]).double()
    expected = torch.tensor([-0.5, -0.25, 0.0, 5.0, 3.0, 0.5]).double()
    torch.testing.assert_close(box.signed_distance(coords), expected)


def test_signed_distance_is_of_space_alone() -> None:
    box = Box(x=(0, 2), t=(0, 1)) * Parameters(nu=(0, 1))
    coords = torch.tensor([[1.0, 0.5, 0.5], [1.0, 7.0, 0.5], [3.0, 0.5, -4.0]]).double()
    torch.testing.assert_close(box.signed_distance(coords), torch.tensor([-1.0, -1.0, 1.0]).double())
    assert box.contains(coords).tolist() == [True, False, False]


def test_signed_distance_has_a_gradient_of_length_one() -> None:
    box = Box(x=(0, 2), y=(0, 1), z=(-1, 1))
    coords = (
        4 * torch.rand(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 1
    ).requires_grad_()
    (gradient,) = torch.autograd.grad(box.signed_distance(coords).sum(), coords)
    torch.testing.assert_close(gradient.norm(dim=1), torch.ones(200).double())


def test_coordinates_may_be_float32() -> None:
    box = Box(x=(0, 1), t=(0, 2))
    coords = box.sample(100, torch.Generator().manual_seed(0)).coords.float()
    assert box.contains(coords).all()
    assert box.signed_distance(coords).dtype == torch.float32


def test_an_ode_has_an_inside_and_no_boundary(generator: torch.Generator) -> None:
    inside, boundary = ODE.sample(100, generator), ODE.boundary
    assert ((inside.coords > 0) & (inside.coords < 10)).all()
    assert float(inside.weight.sum()) == pytest.approx(10.0)
    assert boundary == Faces(ODE, ())
    assert boundary.measure == 0
    none = boundary.sample(100, generator)
    assert none.coords.shape == (0, 1)
    assert none.normal.shape == (0, 0)
    assert none.weight.shape == (0,)
    assert (ODE.signed_distance(inside.coords) == -math.inf).all()


def test_an_ode_has_a_start(generator: torch.Generator) -> None:
    start = ODE.face(t=0)
    assert start.measure == 1
    points = start.sample(1, generator)
    assert points.coords.tolist() == [[0.0]]
    assert points.normal is None


def test_samples_do_not_leave_a_box_far_from_zero(generator: torch.Generator) -> None:
    """lower + u (upper - lower) can round past the upper bound."""
    box = Box(x=(0.1, 0.3), y=(1e6, 1e6 + 1e-9))
    assert box.contains(box.sample(2**14, generator).coords).all()
    assert box.contains(box.boundary.sample(2**14, generator).coords).all()


def test_a_hundred_dimensions_are_sampled(generator: torch.Generator) -> None:
    box = Box(x=Cube(-1, 1, dim=100)) * Time(0, 1)
    assert box.columns[:2] == ("x[0]", "x[1]")
    points = box.sample(2**12, generator)
    assert points.coords.shape == (2**12, 101)
    torch.testing.assert_close(points.coords[:, :100].mean(dim=0), torch.zeros(100).double(), rtol=0, atol=1e-2)
