"""Points drawn in chunks: fixed by seed and draw, complete, and not stored where they are many."""

import pytest
import torch

from pinnkit import Box, Data, Dirichlet, Equation, Periodic, PointSet, Problem
from pinnkit.domains import Chebyshev
from pinnkit.solvers.collocation.collocation_points import CHUNK, CollocationPoints, counts_of, generator_of
from tests.solvers.cases import DAY, LINE, ROD, SQUARE, heat, points_of


def coords_of(collocation, name="equation", site=0):
    return torch.cat([points[site].coords for points in collocation.chunks(collocation.problem.term(name))])


def data_problem(n: int = 30, **options) -> Problem:
    xs = torch.linspace(0, 1, n, dtype=torch.float64)
    return Problem("fit", LINE, "u", [Data(dict(x=xs), u=10 * xs, **options)])


def test_the_same_seed_and_draw_give_the_same_points() -> None:
    a, b = (points_of(heat(), 100, seed=5, draw=2) for _ in range(2))
    for term in a.problem.terms:
        assert torch.equal(coords_of(a, term.name), coords_of(b, term.name))


@pytest.mark.parametrize("other", [dict(seed=6, draw=2), dict(seed=5, draw=3), dict(seed=2, draw=5)])
def test_another_seed_or_draw_gives_other_points(other) -> None:
    a, b = points_of(heat(), 100, seed=5, draw=2), points_of(heat(), 100, **other)
    for name in ("equation", "dirichlet", "initial"):
        assert not torch.equal(coords_of(a, name), coords_of(b, name))


def test_asking_in_another_order_changes_nothing() -> None:
    a, b = points_of(heat(), 100, chunk=30), points_of(heat(), 100, chunk=30)
    first = {name: coords_of(a, name) for name in ("equation", "dirichlet", "initial")}
    again = {name: coords_of(b, name) for name in ("initial", "equation", "dirichlet", "equation")}
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_generators_of_keys_of_different_length_are_independent() -> None:
    keys = [(1, 2), (1, 2, 0), (1, 2, 0, 0), (2, 1), (1,), (0, 1, 2)]
    states = [torch.rand(4, generator=generator_of(*key)).tolist() for key in keys]
    assert all(a != b for i, a in enumerate(states) for b in states[:i])
    assert torch.equal(torch.rand(4, generator=generator_of(1, 2)), torch.rand(4, generator=generator_of(1, 2)))


@pytest.mark.parametrize("count", [1, 29, 30, 31, 100])
@pytest.mark.parametrize("name", ["equation", "dirichlet", "initial"])
def test_chunks_tile_the_count(count: int, name: str) -> None:
    collocation = points_of(heat(), count, chunk=30)
    sizes = [points[0].coords.shape[0] for points in collocation.chunks(collocation.problem.term(name))]
    assert sum(sizes) == count == collocation.size(collocation.problem.term(name))
    assert max(sizes) <= 30
    assert len(sizes) == -(-count // 30)


def test_chunks_are_no_copies_of_each_other() -> None:
    coords = coords_of(points_of(heat(), 90, chunk=30))
    assert len(torch.unique(coords, dim=0)) == 90


def test_points_lie_where_their_term_lives() -> None:
    collocation = points_of(heat(), 64)
    assert torch.all((coords_of(collocation) >= 0) & (coords_of(collocation) <= 1))
    assert set(coords_of(collocation, "dirichlet")[:, 0].tolist()) == {0.0, 1.0}
    assert set(coords_of(collocation, "initial")[:, 1].tolist()) == {0.0}


def test_partner_points_of_a_periodic_term_correspond_in_every_chunk() -> None:
    problem = Problem("wave", ROD, "u", [Equation(lambda u: u.t + u.x), Periodic("x")])
    collocation = points_of(problem, 50, chunk=20)
    left, right = (coords_of(collocation, "periodic", site) for site in (0, 1))
    assert torch.equal(left[:, 1], right[:, 1])
    assert torch.all(left[:, 0] == 0)
    assert torch.all(right[:, 0] == 1)


def test_the_whole_is_one_chunk_and_is_kept() -> None:
    collocation = points_of(heat(), 100, chunk=30)
    term = collocation.problem.term("equation")
    whole = collocation.whole(term)
    assert whole[0].coords.shape == (100, 2)
    assert collocation.whole(term) is whole


def test_points_come_in_the_dtype_that_was_asked_for() -> None:
    collocation = points_of(heat(), 20, dtype=torch.float32)
    assert coords_of(collocation).dtype == torch.float32
    assert next(collocation.chunks(collocation.problem.term("dirichlet")))[0].normal.dtype == torch.float32


def test_sampling_is_an_object() -> None:
    plain, warped = (coords_of(points_of(heat(), 500, **o)) for o in ({}, {"sampling": Chebyshev()}))
    assert (plain < 0.01).double().mean() < 0.03
    assert (warped < 0.01).double().mean() > 0.05


def test_data_come_whole_and_in_order_without_a_batch() -> None:
    problem = data_problem(30)
    collocation = CollocationPoints(problem, counts_of(problem, 8, 8), 0, chunk=12)
    assert collocation.size(problem.term("data")) == 30
    assert torch.equal(coords_of(collocation, "data")[:, 0], torch.linspace(0, 1, 30, dtype=torch.float64))


def test_data_in_batches_keep_their_columns_and_differ_between_draws() -> None:
    problem = data_problem(30)
    seen = []
    for draw in range(6):
        collocation = CollocationPoints(problem, counts_of(problem, 8, 8), 0, draw=draw, chunk=5, batch=12)
        chunks = [points[0] for points in collocation.chunks(problem.term("data"))]
        assert [p.coords.shape[0] for p in chunks] == [5, 5, 2]
        for p in chunks:
            assert torch.equal(p.columns["u_data"], 10 * p.coords[:, 0])
        drawn = torch.cat([p.coords[:, 0] for p in chunks])
        assert len(set(drawn.tolist())) == 12
        seen.append(frozenset(drawn.tolist()))
    assert len(set(seen)) == 6
    assert len(frozenset.union(*seen)) > 24


def test_a_batch_larger_than_the_data_takes_all() -> None:
    problem = data_problem(7)
    collocation = CollocationPoints(problem, counts_of(problem, 8, 8), 0, batch=100)
    assert torch.equal(coords_of(collocation, "data")[:, 0], torch.linspace(0, 1, 7, dtype=torch.float64))


def test_a_point_set_larger_than_a_chunk_comes_whole() -> None:
    xs = torch.linspace(0, 1, 50, dtype=torch.float64)
    problem = Problem("probe", LINE, "u", [Equation(lambda u: u.xx), Dirichlet(PointSet(x=xs), u=1.0, points=50)])
    collocation = CollocationPoints(problem, counts_of(problem, 10, 10), 0, chunk=20)
    assert torch.equal(coords_of(collocation, "dirichlet")[:, 0], xs)


def test_counts_follow_the_term_then_the_kind_then_what_there_is() -> None:
    problem = Problem(
        "counts",
        SQUARE,
        "u",
        [
            Equation(lambda u: u.laplacian),
            Equation(lambda u: u.x, name="few", points=7),
            Dirichlet(SQUARE.boundary, u=0.0),
            Dirichlet(PointSet(x=0.5, y=0.5), u=1.0, name="pin"),
            Dirichlet(PointSet(x=[0.1, 0.2], y=0.5), u=1.0, name="two", points=90),
        ],
    )
    assert counts_of(problem, 100, 20) == {"equation": 100, "few": 7, "dirichlet": 20, "pin": 1, "two": 2}


def test_a_condition_of_an_ordinary_equation_has_one_point() -> None:
    line = Problem("line", LINE, "u", [Equation(lambda u: u.xx), Dirichlet(LINE.boundary, u=0.0)])
    assert counts_of(line, 100, 20)["dirichlet"] == 2
    from pinnkit import Initial

    day = Problem("day", DAY, "u", [Equation(lambda u: u.t + u), Initial(u=1.0)])
    assert counts_of(day, 100, 20)["initial"] == 1


def test_ten_million_points_are_not_stored() -> None:
    box = Box(x=(0, 1), y=(0, 1), z=(0, 1), t=(0, 1))
    problem = Problem("large", box, "u", [Equation(lambda u: u.t - u.laplacian)])
    collocation = CollocationPoints(problem, {"equation": 10_000_000}, 0)
    chunks = collocation.chunks(problem.term("equation"))
    first = [next(chunks)[0].coords for _ in range(3)]
    assert collocation.size(problem.term("equation")) == 10_000_000
    assert all(c.shape == (CHUNK, 4) for c in first)
    assert not collocation._kept
    again = collocation.chunks(problem.term("equation"))
    assert all(torch.equal(c, next(again)[0].coords) for c in first)


def test_few_points_are_kept() -> None:
    collocation = points_of(heat(), 100, chunk=30)
    term = collocation.problem.term("equation")
    assert all(a is b for a, b in zip(collocation.chunks(term), collocation.chunks(term), strict=True))
