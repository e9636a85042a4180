"""Additive: which functions there are, their derivatives against the Taylor pass, and what is refused."""

import itertools

import pytest
import torch

from pinnkit.domains import Axis
from pinnkit.fields import Additive
from pinnkit.jets import Operator, jets

AXES = (Axis("x", 0.0, 2.0), Axis("y", -3.0, 5.0, dim=2), Axis("z", 1.0, 2.0))
COLUMNS = 4


def build(spec: Additive, axes=AXES, outputs: int = 1):
    generator = torch.Generator().manual_seed(0)
    module = spec.build(axes, outputs, generator=generator, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def points(n: int) -> torch.Tensor:
    unit = torch.rand(n, COLUMNS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    lower, upper = torch.tensor([0.0, -3.0, -3.0, 1.0]).double(), torch.tensor([2.0, 5.0, 5.0, 2.0]).double()
    return lower + (upper - lower) * unit


SPECS = [
    Additive(degree=1),
    Additive(degree=6),
    Additive(degree=3, order=2),
    Additive(degree=1, order=2),
    Additive(degree=4, order=2, pair_degree=5, pairs=((0, 3), (1, 2))),
]
ORDERS = [
    *[order for k in range(5) for order in itertools.combinations_with_replacement(range(COLUMNS), k)],
    Operator(tuple((1.0, (a, a)) for a in range(COLUMNS))),
    Operator(((1.0, (3,)), (-0.7, (0, 0)), (2.0, (1, 2)), (0.5, (0, 0, 2, 2)))),
]


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_derivatives_are_those_of_the_taylor_pass(spec: Additive) -> None:
    module, x = build(spec, outputs=2), points(30)
    slow = jets(module, x, ORDERS)
    for found in (module.jets(x, ORDERS), None):
        phi = module.features(x, ORDERS)
        for order in ORDERS:
            by_features = phi[order] @ module.readout.weight.T + (module.readout.bias if order == () else 0)
            value = by_features if found is None else found[order]
            torch.testing.assert_close(
                value, slow[order], rtol=1e-11, atol=1e-10 * max(1.0, float(slow[order].detach().abs().max()))
            )


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_blocks_of_points_make_no_difference(spec: Additive, monkeypatch: pytest.MonkeyPatch) -> None:
    module, x = build(spec), points(23)
    whole = module.features(x, ORDERS), module.jets(x, ORDERS)
    monkeypatch.setattr("pinnkit.fields.polynomials.polynomials._BLOCK", 5 * len(module.exponents))
    for before, after in zip(whole, (module.features(x, ORDERS), module.jets(x, ORDERS)), strict=True):
        for order in ORDERS:
            torch.testing.assert_close(after[order], before[order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_the_number_of_functions_is_as_counted_and_they_are_independent(spec: Additive) -> None:
    module = build(spec)
    assert module.readout.in_features == len(module.exponents) == len(set(module.exponents)) == spec.count(COLUMNS)
    phi = module.features(points(400), [()])[()]
    assert (
        int(torch.linalg.matrix_rank(torch.cat([phi, torch.ones_like(phi[:, :1])], dim=1))) == spec.count(COLUMNS) + 1
    )


def test_order_one_has_no_mixed_derivative_and_order_two_only_those_of_its_pairs() -> None:
    x = points(20)
    mixed = list(itertools.combinations(range(COLUMNS), 2))
    single = build(Additive(degree=4)).jets(x, mixed)
    assert all(not value.any() for value in single.values())
    paired = build(Additive(degree=4, order=2, pairs=((0, 3), (1, 2)))).jets(x, mixed)
    assert {pair for pair in mixed if paired[pair].any()} == {(0, 3), (1, 2)}


def test_the_laplacian_in_a_hundred_dimensions_is_the_sum_of_second_derivatives() -> None:
    axes = (Axis("x", 0.0, 1.0, dim=100),)
    module = build(Additive(degree=3), axes)
    x = torch.rand(10, 100, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    laplacian = Operator(tuple((1.0, (a, a)) for a in range(100)))
    orders = [(a, a) for a in range(100)]
    found = module.jets(x, [laplacian, *orders])
    torch.testing.assert_close(found[laplacian], sum(found[o] for o in orders), rtol=1e-12, atol=1e-9)
    torch.testing.assert_close(found[laplacian], jets(module, x, [laplacian])[laplacian], rtol=1e-11, atol=1e-9)


BAD = [
    (dict(degree=0), "`degree`"),
    (dict(degree=2.5), "`degree`"),
    (dict(order=3), "TotalDegree"),
    (dict(order=True), "`order`"),
    (dict(pairs=((0, 1),)), "order=2"),
    (dict(pair_degree=3), "order=2"),
    (dict(order=2, pair_degree=1), "at least 2"),
    (dict(order=2, pairs=()), "`pairs`"),
    (dict(order=2, pairs=((1, 0),)), "a < b"),
    (dict(order=2, pairs=((1, 1),)), "a < b"),
    (dict(order=2, pairs=((0, 1), (0, 1))), "each once"),
    (dict(order=2, pairs="all"), "`pairs`"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[str(a) for a, _ in BAD])
def test_bad_arguments_are_refused_in_words(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Additive(**arguments)


def test_what_the_axes_do_not_have_is_refused_when_built() -> None:
    with pytest.raises(ValueError, match="columns 0 to 3"):
        build(Additive(order=2, pairs=((0, 4),)))
    with pytest.raises(ValueError, match="20000"):
        build(Additive(order=2), (Axis("x", 0.0, 1.0, dim=100),))
    with pytest.raises(ValueError, match="columns 0 to 3"):
        build(Additive()).features(points(3), [(4,)])
