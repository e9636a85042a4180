"""Sobol points: those of scipy to the bit, in blocks of any size."""

import numpy as np
import pytest
import torch
from scipy.stats import qmc

from pinnkit.domains import sobol
from pinnkit.domains.sobol import BITS, MAX_COLUMNS, sobol_points


def of_scipy(n: int, columns: int, seed: int) -> torch.Tensor:
    sequence = qmc.Sobol(columns, bits=BITS, seed=np.random.default_rng(seed))
    whole = 2 ** (n - 1).bit_length()  # scipy warns about other numbers
    return torch.from_numpy(sequence.random(whole))[:n]


@pytest.mark.parametrize("seed", [0, 7, 2**62 + 1])
@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 3), (3, 2), (1000, 5), (2**14, 2), (777, 200)])
def test_points_equal_those_of_scipy(n: int, columns: int, seed: int) -> None:
    assert torch.equal(sobol_points(n, columns, seed), of_scipy(n, columns, seed))


@pytest.mark.parametrize("block", [3, 8, 100, 5000])
def test_points_do_not_depend_on_the_size_of_a_block(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = of_scipy(1000, 3, 4)
    monkeypatch.setattr(sobol, "_BLOCK", block)
    assert torch.equal(sobol_points(1000, 3, 4), expected)


def test_the_largest_number_of_columns_is_that_of_scipy() -> None:
    assert MAX_COLUMNS == qmc.Sobol.MAXDIM


def test_another_seed_gives_other_points() -> None:
    assert not torch.equal(sobol_points(64, 2, 0), sobol_points(64, 2, 1))
