"""Particular solutions by polynomials: exact ones, smooth sources, sources that are undefined outside the domain."""

import math

import pytest
import torch
from torch import Tensor

from pinnkit.fields.trefftz.operator import EllipticOperator
from pinnkit.solvers.trefftz.particular import particular_solution

LOWER, UPPER = (torch.tensor(v, dtype=torch.float64) for v in ([-1.0, 0.0], [1.0, 1.0]))
OPERATORS = [EllipticOperator(), EllipticOperator(c=25.0), EllipticOperator(2.0, 0.5, 1.0, 3.0, -1.0, -7.0)]


def points(n: int, seed: int) -> Tensor:
    unit = torch.rand(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return LOWER + (UPPER - LOWER) * unit


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(
    "source",
    [
        lambda x: torch.ones(len(x), dtype=torch.float64),
        lambda x: x[:, 0] ** 3 * x[:, 1] + 1,
        lambda x: torch.sin(math.pi * x[:, 0]) * torch.sin(math.pi * x[:, 1]),
    ],
    ids=["constant", "polynomial", "sines"],
)
def test_smooth_sources_are_resolved_to_rounding(operator: EllipticOperator, source) -> None:
    found = particular_solution(operator, source, points(2000, 0), points(500, 1), LOWER, UPPER)
    assert found.resolved < 1e-12


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_source_that_is_undefined_outside_the_domain_is_fitted_inside(operator: EllipticOperator) -> None:
    inside, fresh = (p[p[:, 0] > -0.5] for p in (points(6000, 0), points(900, 1)))
    found = particular_solution(operator, lambda x: torch.sqrt(x[:, 0] + 0.9), inside, fresh, LOWER, UPPER)
    assert found.resolved < 1e-9


def test_a_source_with_a_kink_is_not_resolved_and_zero_needs_nothing() -> None:
    rough = particular_solution(OPERATORS[0], lambda x: x[:, 0].abs(), points(3000, 0), points(500, 1), LOWER, UPPER)
    assert rough.resolved > 1e-4
    none = particular_solution(OPERATORS[0], lambda x: 0 * x[:, 0], points(10, 0), points(10, 1), LOWER, UPPER)
    assert (none.degree, none.resolved) == (-1, 0.0)
