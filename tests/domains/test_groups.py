"""Groups of points: sums over rows, products, selection, and groups that do not divide."""

import pytest
import torch

from pinnkit.domains import Points, check_group, gauss_rule

EQUAL = Points(torch.arange(6.0)[:, None], weight=torch.ones(6), columns={"row": torch.arange(3.0)}, group=2)
RAGGED = EQUAL._replace(group=torch.tensor([1, 0, 5]))


def test_sums_over_the_samples_of_each_row() -> None:
    assert EQUAL.row_sums(EQUAL.coords)[:, 0].tolist() == [1, 5, 9]
    assert RAGGED.row_sums(RAGGED.coords)[:, 0].tolist() == [0, 0, 15]
    single = EQUAL._replace(group=None)
    assert single.row_sums(single.coords) is single.coords
    assert EQUAL.row_coords[:, 0].tolist() == [0.5, 2.5, 4.5]


@pytest.mark.parametrize("points", [EQUAL, RAGGED, EQUAL._replace(group=None)], ids=["equal", "ragged", "single"])
def test_products_of_slopes_and_features_are_summed_over_rows(points: Points) -> None:
    generator = torch.Generator().manual_seed(0)
    slopes, features = torch.randn(6, 2, generator=generator), torch.randn(6, 3, generator=generator)
    dense = points.row_sums(slopes[:, :, None] * features[:, None, :])
    assert torch.allclose(points.row_products(slopes, features), dense)


def test_values_of_rows_are_repeated_for_their_samples() -> None:
    assert EQUAL.per_sample(torch.tensor([1, 2, 3])).tolist() == [1, 1, 2, 2, 3, 3]
    assert RAGGED.per_sample(torch.tensor([1, 2, 3])).tolist() == [1, 3, 3, 3, 3, 3]


@pytest.mark.parametrize("points", [EQUAL, RAGGED], ids=["equal", "ragged"])
def test_selected_rows_keep_their_samples(points: Points) -> None:
    taken, there = points.take(torch.tensor([2, 0])), points.take(torch.tensor([0, 1]))
    assert torch.equal(taken.row_sums(taken.coords), points.row_sums(points.coords)[[2, 0]])
    assert taken.columns["row"].tolist() == [2, 0]
    same = points.rows(0, 2)
    assert torch.equal(there.coords, same.coords)
    assert there.row_count == same.row_count == 2


@pytest.mark.parametrize(
    ("group", "error", "said"),
    [
        (4, ValueError, "6 points are no whole number of groups of 4"),
        (0, ValueError, "must divide"),
        (2.0, TypeError, "whole number"),
        (torch.tensor([2, 3]), ValueError, "sum to the number of points, 6; they sum to 5"),
        (torch.tensor([7, -1]), ValueError, "the smallest is -1"),
        (torch.tensor([3.0, 3.0]), TypeError, "whole numbers"),
    ],
)
def test_groups_that_do_not_divide_the_points_are_refused(group: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        check_group(EQUAL._replace(group=group), "term 'a'")  # type: ignore[arg-type]


@pytest.mark.parametrize(("p", "q"), [(0.0, 0.0), (-0.5, 0.0), (0.75, -0.5)])
def test_gauss_rules_are_exact_up_to_degree_2n_minus_1(p: float, q: float) -> None:
    z, w = gauss_rule(4, at_lower=p, at_upper=q)
    for degree in range(8):
        beta = torch.exp(torch.lgamma(torch.tensor([p + degree + 1, q + 1, p + q + degree + 2], dtype=torch.float64)))
        assert float((w * z**degree).sum()) == pytest.approx(float(beta[0] * beta[1] / beta[2]), rel=1e-13)
    beta = torch.exp(torch.lgamma(torch.tensor([p + 9, q + 1, p + q + 10], dtype=torch.float64)))
    assert float((w * z**8).sum()) != pytest.approx(float(beta[0] * beta[1] / beta[2]), rel=1e-9)
