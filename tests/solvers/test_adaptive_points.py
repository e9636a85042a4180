"""Points that follow the residual."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from pinnkit import Adam, LeastSquares, Siren, solve
from pinnkit.solvers import R3, RAD
from tests.solvers.cases import SMALL, cubic, heat

N = 400


def line(n: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n, 1, generator=generator, dtype=torch.float64)


def chosen(scheme: Any, size: Any, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The points before and after one choice."""
    generator = torch.Generator().manual_seed(seed)
    now = line(N, generator)
    return now, scheme.choose(now, lambda n: line(n, generator), size, generator)


def peak(x: Tensor) -> Tensor:
    return (x[:, 0] > 0.9).to(x) * 1e3


def test_rad_follows_its_density() -> None:
    # p = r / mean + 1 with r = 2 x: the mean of x is (2/3 + 1/2) / 2.
    _, new = chosen(RAD(pool=50), lambda x: 2 * x[:, 0])
    assert abs(float(new.mean()) - 7 / 12) < 4 * 0.28 / math.sqrt(N)
    assert abs(float(new.mean()) - 0.5) > 4 * 0.28 / math.sqrt(N)


def test_rad_without_a_uniform_share_goes_where_the_residual_is() -> None:
    _, new = chosen(RAD(c=0.0, pool=20), peak)
    assert float((new > 0.9).double().mean()) == 1.0


def test_rad_of_exponent_zero_and_of_a_vanishing_residual_is_uniform() -> None:
    for scheme, size in ((RAD(k=0.0), peak), (RAD(), lambda x: 0 * x[:, 0])):
        _, new = chosen(scheme, size)
        assert abs(float(new.mean()) - 0.5) < 4 * 0.29 / math.sqrt(N)


def test_rad_takes_no_point_twice() -> None:
    _, new = chosen(RAD(k=4.0, c=0.0), lambda x: x[:, 0])
    assert len(torch.unique(new)) == N


def test_r3_keeps_the_points_above_the_mean_and_replaces_the_others() -> None:
    now, new = chosen(R3(), peak)
    kept = now[now[:, 0] > 0.9]
    assert new.shape == now.shape
    assert torch.equal(new[: len(kept)], kept)
    assert not torch.isin(now[now[:, 0] <= 0.9], new).any()


def test_r3_leaves_points_of_equal_residual_to_be_replaced_all() -> None:
    now, new = chosen(R3(), lambda x: torch.ones(len(x), dtype=x.dtype))
    assert not torch.isin(now, new).any()


@pytest.mark.parametrize("scheme", [RAD(every=5), R3(every=5)])
def test_a_solve_with_adaptive_points_is_reproducible_and_differs_from_one_without(scheme: Any) -> None:
    solvers = [Adam(steps=12, points=64, condition_points=16)]
    runs = [solve(cubic(), SMALL, solvers, adaptive=a, seed=2).history.loss for a in (scheme, scheme, None)]
    assert (runs[0] == runs[1]).all()
    assert (runs[0][:5] == runs[2][:5]).all()  # the first choice comes after five steps
    assert (runs[0][5:] != runs[2][5:]).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RAD(every=0), "`every` must be a whole number of at least 1"),
        (lambda: RAD(k=-1.0), "`k` must be a number of at least 0"),
        (lambda: RAD(pool=1.5), "`pool` must be a whole number"),  # type: ignore[arg-type]
        (lambda: R3(every=True), "`every` must be a whole number"),
        (lambda: solve(heat(), Siren(), Adam(steps=1), adaptive=RAD), "such as RAD"),  # type: ignore[arg-type]
        (lambda: solve(heat(), Siren(), Adam(steps=1, batch=8), adaptive=RAD()), "leave `batch` out"),
        (lambda: solve(heat(), None, LeastSquares(), adaptive=R3()), "LeastSquares solves for the read-out at once"),
    ],
)
def test_bad_arguments_are_refused(make: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        make()
