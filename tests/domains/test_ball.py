"""The ball, its sphere and its ends: bad input, exact moments, even directions, and where points are dense."""

import math

import pytest
import torch

from pinnkit.domains import Ball, Chebyshev, Cube, Parameters, Sobol, Time, Uniform
from pinnkit.domains.directions import directions, volume


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


BAD = [
    (lambda: Ball(), "two columns"),
    (lambda: Ball(x=0), "Interval"),
    (lambda: Ball(x=0, y=0, radius=0), "`radius`"),
    (lambda: Ball(x=0, y=0, radius=-1), "`radius`"),
    (lambda: Ball(x=0, y=0, radius=math.inf), "`radius`"),
    (lambda: Ball(x=0, y=0, radius="1"), "`radius`"),
    (lambda: Ball(x=0, y=math.nan), "centre `y`"),
    (lambda: Ball(x=0, y="0"), "centre `y`"),
    (lambda: Ball(x=()), "centre `x`"),
    (lambda: Ball(x=(0, 1)), "scalar axes"),
    (lambda: Ball(x=0, t=0), "Time"),
    (lambda: Ball(x=0, n=0), "reserved"),
    (lambda: Ball(x=1e20, y=0), "lost beside the centre"),
    (lambda: Ball(x=(0,) * 100, radius=1e4), "range of floating point"),
    (lambda: Ball(x=0, y=0) * Parameters(y=(0, 1)), "two axes `y`"),
    (lambda: Ball(x=0, y=0).face(), "face(t=0)"),
    (lambda: Ball(x=0, y=0).face(x=1), "`boundary`"),
    (lambda: Ball(x=0, y=0).face(z=1), "not an axis"),
    (lambda: (Ball(x=0, y=0) * Time(0, 1)).face(t=0.5), "no end at t = 0.5"),
    (lambda: (Ball(x=0, y=0) * Time(0, 1)).face(t=(0, 0)), "twice"),
    (lambda: Ball(x=0, y=0).contains(torch.zeros(3)), "(n, 2)"),
    (lambda: Ball(x=0, y=0).sample(0, seeded()), "`n`"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=[words for _, words in BAD])
def test_bad_input_is_refused_in_words(call, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
        call()


def test_only_time_and_parameters_multiply_a_ball() -> None:
    with pytest.raises(TypeError, match="Time"):
        Ball(x=0, y=0) * 2


def test_axes_are_those_of_the_bounding_box() -> None:
    ball = Ball(x=1, y=-1, radius=2) * Time(0, 3)
    assert [(a.name, a.lower, a.upper) for a in ball.axes] == [("x", -1, 3), ("y", -3, 1), ("t", 0, 3)]
    assert ball.columns == ("x", "y", "t")
    assert Ball(x=(0,) * 5).columns == tuple(f"x[{i}]" for i in range(5))


@pytest.mark.parametrize("dim", [2, 3, 5, 100])
def test_measures_are_those_of_the_closed_form(dim: int) -> None:
    ball = Ball(x=(0.5,) * dim, radius=2)
    by_recursion = {0: 1.0, 1: 2.0}  # V_d = 2 pi / d V_(d-2)
    for k in range(2, dim + 1):
        by_recursion[k] = 2 * math.pi / k * by_recursion[k - 2]
    assert ball.measure == pytest.approx(by_recursion[dim] * 2**dim, rel=1e-12)
    assert ball.boundary.measure == pytest.approx(by_recursion[dim] * dim * 2 ** (dim - 1), rel=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 5, 20])
def test_directions_are_uniform(dim: int) -> None:
    vectors = directions(Sobol().unit(2**13, dim - 1, seeded()))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2**13).double(), rtol=0, atol=1e-13)
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(dim).double(), rtol=0, atol=2e-3)
    covariance = vectors.T @ vectors / len(vectors)
    torch.testing.assert_close(covariance, torch.eye(dim).double() / dim, rtol=0, atol=2e-3)
    fourth = (vectors**4).mean(dim=0)  # 3 / (d (d + 2))
    torch.testing.assert_close(fourth, torch.full((dim,), 3 / (dim * (dim + 2))).double(), rtol=0.02, atol=0)


def test_chebyshev_is_denser_at_the_wall_and_at_the_ends_of_time_but_not_in_any_direction() -> None:
    ball = Ball(x=0, y=0) * Time(0, 1)
    coords = ball.sample(4096, seeded(), sampling=Chebyshev()).coords
    radius = coords[:, :2].norm(dim=1)
    assert ((radius > 0.95).double().mean()) > 2 * (1 - 0.95**2)
    assert ((coords[:, 2] < 0.01).double().mean()) > 5 * 0.01
    angle = torch.atan2(coords[:, 1], coords[:, 0])
    shares = torch.histc(angle, 8, -math.pi, math.pi) / len(angle)
    torch.testing.assert_close(shares, torch.full((8,), 0.125).double(), rtol=0.05, atol=0)


def test_sobol_points_integrate_a_smooth_function_far_better_than_independent_ones() -> None:
    ball = Ball(x=(0,) * 5)
    exact = ball.measure * 5 / 7  # |x|^2 on average

    def error(sampling, seed: int) -> float:
        coords, _, weight, *_ = ball.sample(4096, seeded(seed), sampling=sampling)
        return abs(float(weight @ (coords**2).sum(dim=1)) / exact - 1)

    assert max(error(Sobol(), s) for s in range(5)) < 0.2 * max(error(Uniform(), s) for s in range(5))


def test_an_end_is_the_whole_ball_at_that_time() -> None:
    ball = Ball(x=0, y=0, z=0, radius=2) * Time(1, 3) * Parameters(nu=(0, 5))
    for sampling in (Sobol(), Chebyshev(), Uniform()):
        end = ball.face(t=1)
        coords, normal, weight, *_ = end.sample(2048, seeded(), sampling=sampling)
        assert normal is None
        assert (coords[:, 3] == 1).all()
        assert ball.contains(coords).all()
        assert end.measure == pytest.approx(volume(3, 2) * 5)
        assert float(weight.sum()) == pytest.approx(end.measure)
        assert float(weight @ coords[:, 4]) == pytest.approx(2.5 * end.measure, rel=0.05)
        assert float(weight @ (coords[:, :3] ** 2).sum(dim=1)) == pytest.approx(4 * 3 / 5 * end.measure, rel=0.05)


def test_several_ends_share_the_points() -> None:
    ball = Ball(x=0, y=0) * Time(0, 1) * Parameters(k=Cube(0, 2, dim=2))
    ends = ball.face(k=(0, 2))
    coords, _, weight, *_ = ends.sample(400, seeded())
    assert len(ends.walls) == 4
    held = (coords[:, 3:] == 0) | (coords[:, 3:] == 2)
    assert (held.sum(dim=1) == 1).all()
    assert float(weight.sum()) == pytest.approx(ends.measure)
    few = ends.sample(2, seeded())
    assert few.coords.shape == (2, 5)
    assert float(few.weight.sum()) == pytest.approx(ends.measure)
    assert ends == ball.face(**{"k[0]": (0, 2)}, **{"k[1]": (2, 0)})


def test_a_far_away_ball_keeps_its_points_inside() -> None:
    ball = Ball(x=1e6, y=-1e6, radius=1e-3)
    for part in (ball, ball.boundary):
        assert ball.contains(part.sample(500, seeded()).coords).all()
    assert not ball.contains(torch.tensor([[1e6 + 1.001e-3, -1e6]], dtype=torch.float64)).any()


def test_repr_is_as_typed() -> None:
    ball = Ball(x=(0,) * 5, y=0, radius=0.5) * Time(0, 1) * Parameters(nu=(0.1, 2))
    assert repr(ball) == "Ball(x=(0,) * 5, y=0, radius=0.5) * Time(0, 1) * Parameters(nu=(0.1, 2))"
    assert eval(repr(ball)) == ball


def test_space_comes_first() -> None:
    with pytest.raises(ValueError, match="two axes `t`"):
        Ball(x=0, y=0) * Time(0, 1) * Time(0, 2)
