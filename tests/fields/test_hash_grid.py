from __future__ import annotations

import math
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pinnkit.fields import HashGrid
from pinnkit.fields.encodings.grid_encoding import GridEncoding
from pinnkit.fields.encodings.lattice import PRIMES, hash_lattice
from pinnkit.jets import jets

X = SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=1.0, dim=1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(spec: HashGrid, dimension: int = 2, outputs: int = 3) -> Any:
    return spec.build([X] * dimension, outputs, generator=seeded(), dtype=torch.float64, device="cpu")


# Rows of the corners of a cell, the last axis fastest: 2654435761 = 433 mod 2**10, so that (1, 2) has 1 xor 866.
HAND = [
    ((0, 0), [0, 433, 1, 432]),
    ((1, 2), [867, 274, 864, 273]),
    ((100, 7), [947, 492, 946, 493]),
]


def by_words(node: tuple[int, ...], rows: int) -> int:
    """The hash as the authors' code has it: products of unsigned words of 32 bits, exclusive or, remainder."""
    word = 0
    for k, prime in zip(node, (1, 2654435761, 805459861, 3674653429), strict=False):
        word ^= (k * prime) % 2**32
    return word % rows


def test_the_primes_are_those_of_the_paper() -> None:
    assert PRIMES[:3] == (1, 2654435761, 805459861)


@pytest.mark.parametrize(("cell", "expected"), HAND)
def test_hash_indices_equal_a_table_computed_by_hand(cell: tuple[int, int], expected: list[int]) -> None:
    grid = build(HashGrid(levels=1, rows=2**10, coarsest=128, finest=128)).hidden[0]
    assert grid.dense == 0
    places = grid.places(torch.tensor(cell)[:, None, None])
    assert places[:, 0, 0].tolist() == expected
    i, j = cell
    assert expected == [by_words(node, 2**10) for node in ((i, j), (i, j + 1), (i + 1, j), (i + 1, j + 1))]


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_every_corner_of_every_level_has_the_row_of_the_words(dimension: int) -> None:
    rows = 2**6
    grid = build(HashGrid(levels=4, rows=rows, coarsest=2, finest=2000), dimension).hidden[0]
    nodes = (grid.last[:, :, 0] + 2).T.tolist()
    cells = torch.stack([torch.randint(1999, (dimension, 1), generator=seeded(i)) for i in range(4)], 1)
    cells = torch.minimum(cells, grid.last.long())
    places = grid.places(cells)[:, :, 0]
    start = 0
    for level, count in enumerate(nodes):
        own = math.prod(count) <= rows
        for corner in range(2**dimension):
            node = tuple(int(cells[a, level, 0]) + (corner >> (dimension - 1 - a) & 1) for a in range(dimension))
            if own:
                row = 0
                for k, n in zip(node, count, strict=True):
                    row = row * n + k
            else:
                row = by_words(node, rows)
            assert places[corner, level] == start + row
        start += math.prod(count) if own else rows
    assert start == grid.table.shape[1]


def test_scales_and_resolutions_follow_the_formula() -> None:
    lattice = hash_lattice(levels=16, coarsest=16, finest=(512, 512), rows=2**14)
    growth = math.exp((math.log(512) - math.log(16)) / 15)
    for level in range(16):
        scale = 2 ** (level * math.log2(growth)) * 16 - 1
        assert math.isclose(lattice.scale[level, 0].item(), scale, rel_tol=1e-12)
        assert lattice.nodes[level, 1] == math.ceil(scale - 1e-9) + 2
    assert lattice.scale[-1, 0].item() == pytest.approx(511)
    assert lattice.nodes[-1, 0] == 513
    assert lattice.rows.tolist() == [min(int(n) ** 2, 2**14) for n in lattice.nodes[:, 0]]
    assert lattice.dense == sum(int(n) ** 2 <= 2**14 for n in lattice.nodes[:, 0])


def test_cells_are_square_where_the_last_level_has_as_many_as_the_picture_pixels() -> None:
    spec = HashGrid(levels=6, rows=2**9, coarsest=12, finest=(600, 100))
    wide = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=600.0, dim=1)
    high = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=100.0, dim=1)
    field = spec.build([wide, high], 3, generator=seeded(), dtype=torch.float64, device="cpu")
    grid = field.hidden[0]
    per_pixel = grid.scale[:, :, 0] * field.scaling.rate[:, None]  # cells along each axis, per pixel
    cells = grid.scale[:, :, 0] * 2 + 1
    torch.testing.assert_close(cells[0] / cells[1], torch.full((6,), 6.0, dtype=torch.float64))
    assert (cells[:, -1] - torch.tensor([600.0, 100.0])).abs().max() < 1e-9
    assert (per_pixel[:, -1] - 1).abs().max() < 0.02
    assert grid.dense == 2
    points = 2 * torch.rand(300, 2, generator=seeded(), dtype=torch.float64) - 1
    torch.testing.assert_close(grid.pass_through(points), grid.encode(points), rtol=1e-9, atol=1e-12)


def test_along_a_short_axis_there_is_at_least_the_one_cell_that_holds_it() -> None:
    lattice = hash_lattice(levels=3, coarsest=4, finest=(400, 2), rows=2**6)
    assert lattice.scale[:, 1].tolist() == pytest.approx([0.0, 0.0, 1.0])
    assert lattice.nodes[:, 1].tolist() == [2, 2, 3]


def test_positions_of_the_box_stay_between_the_nodes_and_no_row_is_out_of_reach() -> None:
    grid = build(HashGrid(levels=5, rows=2**9, coarsest=3, finest=50)).hidden[0]
    ends = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.7, -3.0]], dtype=torch.float64)
    position = grid.shift + grid.scale * ends[:3].T[:, None]
    assert position.min() == 0.5
    assert torch.all(position <= grid.last + 1)
    assert torch.all(torch.isfinite(grid(ends)))  # beyond the bounds too


def test_where_all_nodes_fit_rows_are_those_of_a_dense_grid() -> None:
    grid = build(HashGrid(levels=2, rows=2**10, coarsest=4, finest=8)).hidden[0]
    assert grid.dense == 2
    cells = torch.tensor([[[1], [2]], [[3], [0]]])
    assert grid.places(cells)[:, :, 0].tolist() == [[8, 25 + 18], [9, 25 + 19], [13, 25 + 27], [14, 25 + 28]]


def test_corner_weights_are_a_partition_of_unity_in_hashed_levels() -> None:
    grid = build(HashGrid(levels=4, rows=2**5, coarsest=3, finest=300), 3).hidden[0]
    with torch.no_grad():
        grid.table.fill_(1.0)
    points = 2 * torch.rand(50, 3, generator=seeded(), dtype=torch.float64) - 1
    torch.testing.assert_close(grid(points), torch.ones(50, 8, dtype=torch.float64), rtol=1e-13, atol=1e-13)


def test_a_shared_row_collects_the_gradients_of_all_nodes_that_hash_to_it() -> None:
    grid = build(HashGrid(levels=1, rows=2, coarsest=64, finest=64)).hidden[0]
    points = 2 * torch.rand(300, 2, generator=seeded(), dtype=torch.float64) - 1
    (gradient,) = torch.autograd.grad(grid(points).sum(), grid.table)
    assert gradient.shape == (1, 2, 2)
    torch.testing.assert_close(gradient[0].sum(0), torch.full((2,), 300.0, dtype=torch.float64))
    expected = torch.zeros(2, dtype=torch.float64)
    for point in points:
        position = (grid.shift[:, 0, 0] + grid.scale[:, 0, 0] * point).tolist()
        cell = [math.floor(p) for p in position]
        for i in (0, 1):
            for j in (0, 1):
                weight = abs(1 - i - (position[0] - cell[0])) * abs(1 - j - (position[1] - cell[1]))
                expected[by_words((cell[0] + i, cell[1] + j), 2)] += weight
    torch.testing.assert_close(gradient[0, :, 0], expected, rtol=1e-12, atol=1e-12)


def test_the_table_starts_small_and_is_never_larger_than_rows_allow() -> None:
    spec = HashGrid(levels=6, rows=2**8, coarsest=4, finest=1024)
    table = build(spec).hidden[0].table
    assert table.shape[1] <= 6 * 2**8
    assert 0.99e-4 < table.abs().max() <= 1e-4


BAD: list[tuple[Any, list[str]]] = [
    (lambda: HashGrid(rows=1000), ["HashGrid: `rows` must be a power of two", "got 1000", "2**10"]),
    (lambda: HashGrid(rows=1), ["`rows` must be a power of two", "got 1", "2**1"]),
    (lambda: HashGrid(features=1), ["`features` must be even", "got 1"]),
    (lambda: HashGrid(finest=8), ["`finest` must be at least `coarsest` = 16", "got 8"]),
    (lambda: HashGrid(finest=(512, 0)), ["HashGrid: `finest`", "got 0", "one for each axis"]),
    (lambda: build(HashGrid(finest=(64, 64, 64))), ["HashGrid: `finest` must be one number or a tuple of 2"]),
    (lambda: HashGrid(levels=True), ["HashGrid: `levels`", "got True", "8 is a good start"]),
    (lambda: HashGrid(interpolation=None), ["`interpolation` must be", "got None"]),  # type: ignore[arg-type]
    (lambda: HashGrid(activation=None), ["HashGrid: `activation`", "got None"]),  # type: ignore[arg-type]
    (lambda: build(HashGrid(), 5), ["at most 4 coordinate columns", "got 5"]),
]


@pytest.mark.parametrize(("call", "words"), BAD)
def test_bad_input_is_refused_with_the_argument_the_expectation_and_a_repair(call: Any, words: list[str]) -> None:
    with pytest.raises(ValueError, match=".*".join(map(re.escape, words))):
        call()


def test_values_without_derivatives_skip_the_taylor_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(GridEncoding, "pass_through")
    field = build(HashGrid(levels=2, rows=2**6, finest=32))
    coords = torch.rand(5, 2, generator=seeded(), dtype=torch.float64)
    assert torch.equal(jets(field, coords, [()])[()], field(coords))
