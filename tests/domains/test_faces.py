import copy
import pickle

import pytest
import torch

from pinnkit.domains import Box, Chebyshev, Cube, Faces, Interval, Parameters, Sampling, Sobol, Time, Uniform

ROD = Box(x=(0, 1), t=(0, 2))
PLATE = Box(x=(0, 1), y=(0, 3), t=(0, 2))
CUBE = Box(x=Cube(0, 1, dim=100))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_boundary_is_all_walls_of_space_and_none_of_time() -> None:
    assert PLATE.boundary.walls == (("x", 0.0), ("x", 1.0), ("y", 0.0), ("y", 3.0))
    assert PLATE.boundary.box == PLATE
    assert PLATE.boundary == PLATE.face(x=(0, 1), y=(0, 3))


def test_unions_of_the_same_walls_are_equal() -> None:
    assert PLATE.face(y=0, x=(1, 0)) == PLATE.face(x=(0, 1), y=0)
    assert hash(PLATE.face(y=0, x=(1, 0))) == hash(PLATE.face(x=(0, 1), y=0))
    assert PLATE.face(x=0) != PLATE.face(x=1)
    assert PLATE.face(x=0) != Box(x=(0, 1), y=(0, 3)).face(x=0)
    assert Faces(PLATE, (("x", 0),)) == PLATE.face(x=0.0)


def test_faces_survive_pickling() -> None:
    for again in (pickle.loads(pickle.dumps(PLATE.boundary)), copy.deepcopy(PLATE.boundary)):
        assert again == PLATE.boundary
        assert hash(again) == hash(PLATE.boundary)


def test_faces_are_frozen() -> None:
    with pytest.raises(AttributeError):
        PLATE.boundary.walls = ()


def test_a_bound_that_was_computed_again_is_the_wall() -> None:
    box = Box(x=(0, 0.3))
    assert 0.1 + 0.2 != 0.3
    assert box.face(x=0.1 + 0.2) == box.face(x=0.3)
    assert box.face(x=1e-17) == box.face(x=0)


def test_faces_of_a_vector_axis_are_those_of_its_columns() -> None:
    assert CUBE.face(**{"x[3]": 1}).walls == (("x[3]", 1.0),)
    assert len(CUBE.face(x=0).walls) == 100
    assert CUBE.face(x=(0, 1)) == CUBE.boundary


def test_repr_is_short() -> None:
    assert repr(ROD.face(x=(0, 1))) == "Faces(Box(x=(0, 1), t=(0, 2)), x = 0, x = 1)"
    assert len(repr(CUBE.boundary)) < 100


@pytest.mark.parametrize("sampling", [Sobol(), Chebyshev(), Uniform()], ids=repr)
def test_opposite_walls_have_the_same_tangential_coordinates_for_equal_seeds(sampling: Sampling) -> None:
    left, right = (PLATE.face(x=end).sample(200, seeded(7), sampling=sampling) for end in (0, 1))
    assert (left.coords[:, 0] == 0).all()
    assert (right.coords[:, 0] == 1).all()
    assert torch.equal(left.coords[:, 1:], right.coords[:, 1:])
    assert torch.equal(left.weight, right.weight)
    assert torch.equal(left.normal, -right.normal)


def test_opposite_walls_of_a_vector_axis_match_even_with_fewer_points_than_walls() -> None:
    for n in (10, 1000):
        lower, upper = (CUBE.face(x=end).sample(n, seeded(7)) for end in (0, 1))
        assert torch.equal(lower.normal, -upper.normal)
        tangential = lower.normal == 0
        assert torch.equal(lower.coords[tangential], upper.coords[tangential])


def test_box_boundary_points_lie_on_a_face(generator: torch.Generator) -> None:
    points = PLATE.boundary.sample(500, generator)
    x, y, _ = points.coords.unbind(dim=1)
    assert ((x == 0) | (x == 1) | (y == 0) | (y == 3)).all()


def test_normals_of_the_plate_are_those_of_its_walls(generator: torch.Generator) -> None:
    for wall, normal in {"x": (1.0, 0.0), "y": (0.0, 1.0)}.items():
        for end, sign in zip(((0, 1) if wall == "x" else (0, 3)), (-1, 1), strict=True):
            found = PLATE.face(**{wall: end}).sample(5, generator).normal
            torch.testing.assert_close(found, sign * torch.tensor([normal] * 5).double())


def test_normals_have_the_columns_of_space_wherever_time_stands(generator: torch.Generator) -> None:
    normal = Box(t=(0, 1), x=(0, 1), y=(0, 1)).face(y=1).sample(4, generator).normal
    torch.testing.assert_close(normal, torch.tensor([[0.0, 1.0]] * 4).double())


@pytest.mark.parametrize("at", [{"t": 0}, {"t": (0, 2)}, {"nu": 0.5}])
def test_ends_of_time_and_parameters_have_no_normal(at: dict, generator: torch.Generator) -> None:
    points = (PLATE * Parameters(nu=(0.5, 1))).face(**at).sample(10, generator)
    assert points.normal is None
    assert points.coords.shape == (10, 4)


def test_points_are_shared_in_proportion_to_measure(generator: torch.Generator) -> None:
    """Walls x measure 3 * 2, walls y 1 * 2: of 800 points 300 and 100 each."""
    coords = PLATE.boundary.sample(800, generator).coords
    counts = [int((coords[:, c] == v).sum()) for c, v in ((0, 0), (0, 1), (1, 0), (1, 3))]
    assert counts == [300, 300, 100, 100]


@pytest.mark.parametrize("n", [4, 5, 6, 7, 11, 101])
def test_every_wall_gets_a_point_however_small(n: int, generator: torch.Generator) -> None:
    """The long walls would take all of few points."""
    box = Box(x=(0, 1000), y=(0, 1))
    points = box.boundary.sample(n, generator)
    assert points.coords.shape == (n, 2)
    for column, end in ((0, 0), (0, 1000), (1, 0), (1, 1)):
        on_wall = points.coords[:, column] == end
        assert on_wall.any()
        assert float(points.weight[on_wall].sum()) == pytest.approx(1 if column == 0 else 1000)


def test_fewer_points_than_walls_stand_for_all(generator: torch.Generator) -> None:
    points = CUBE.boundary.sample(17, generator)
    assert points.coords.shape == (17, 100)
    assert float(points.weight.sum()) == pytest.approx(200)
    assert (points.normal != 0).sum(dim=1).tolist() == [1] * 17
    again = CUBE.boundary.sample(17, generator)
    assert not torch.equal(points.normal, again.normal)


def test_the_ends_of_an_interval_are_its_boundary(generator: torch.Generator) -> None:
    points = Interval(x=(-1, 2)).boundary.sample(4, generator)
    assert points.coords[:, 0].tolist() == [-1, -1, 2, 2]
    assert points.normal[:, 0].tolist() == [-1, -1, 1, 1]
    assert points.weight.tolist() == [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("part", "measure"),
    [
        (Interval(x=(0, 5)).face(x=0), 1.0),
        (ROD.face(x=0), 2.0),
        (ROD.face(t=0), 1.0),
        (PLATE.face(y=3), 2.0),
        (PLATE.face(t=0), 3.0),
        (Box(x=Cube(0, 2, dim=3)).face(**{"x[1]": 0}), 4.0),
        (Box(x=Cube(0, 2, dim=3)) * Time(0, 5), 40.0),
        ((Box(x=(0, 2)) * Parameters(nu=(0, 3))).boundary, 6.0),
    ],
)
def test_measure_of_a_wall_is_the_extent_of_all_other_columns(part: Faces, measure: float) -> None:
    assert part.measure == pytest.approx(measure)
