"""TotalDegree: which functions there are, derivatives against the Taylor pass, and how fast an error falls."""

import itertools
import math

import pytest
import torch

from pinnkit.domains import Axis
from pinnkit.fields import TotalDegree
from pinnkit.jets import Operator, jets

AXES = (Axis("x", 0.0, 1.0, dim=3), Axis("t", -1.0, 4.0))
ORDERS = [
    *[order for k in range(5) for order in itertools.combinations_with_replacement(range(4), k)],
    Operator(((1.0, (0, 0)), (1.0, (1, 1)), (1.0, (2, 2)), (-3.0, (3,)))),
]


def build(spec: TotalDegree, axes=AXES):
    generator = torch.Generator().manual_seed(0)
    module = spec.build(axes, 1, generator=generator, dtype=torch.float64, device="cpu")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def points(n: int, seed: int = 1) -> torch.Tensor:
    unit = torch.rand(n, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.tensor([0.0, 0.0, 0.0, -1.0]).double() + unit * torch.tensor([1.0, 1.0, 1.0, 5.0]).double()


@pytest.mark.parametrize("spec", [TotalDegree(1), TotalDegree(5), TotalDegree(6, cross=True)], ids=repr)
def test_derivatives_are_those_of_the_taylor_pass(spec: TotalDegree) -> None:
    module, x = build(spec), points(20)
    slow, fast = jets(module, x, ORDERS), module.jets(x, ORDERS)
    for order in ORDERS:
        torch.testing.assert_close(
            fast[order], slow[order], rtol=1e-11, atol=1e-10 * max(1.0, float(slow[order].detach().abs().max()))
        )


@pytest.mark.parametrize("columns", [1, 2, 4, 6])
@pytest.mark.parametrize("degree", [1, 2, 5])
def test_the_functions_are_all_those_of_the_definition(columns: int, degree: int) -> None:
    every = list(itertools.product(range(degree + 1), repeat=columns))
    for cross in (False, True):
        spec = TotalDegree(degree, cross=cross)
        wanted = {
            tuple((a, k) for a, k in enumerate(alpha) if k)
            for alpha in every
            if (math.prod(k + 1 for k in alpha) <= degree + 1 if cross else sum(alpha) <= degree)
        } - {()}
        found = spec.exponents(columns)
        assert len(found) == len(set(found)) == spec.count(columns)
        assert set(found) == wanted


def test_the_error_of_an_analytic_function_falls_geometrically() -> None:
    x, fresh = points(1500), points(500, seed=2)

    def f(x: torch.Tensor) -> torch.Tensor:
        return torch.exp(-(x[:, :3] ** 2).sum(dim=1)) * torch.cos(0.5 * x[:, 3])

    errors = []
    for degree in (2, 4, 6, 8):
        module = build(TotalDegree(degree))
        phi, there = (torch.cat([module.features(p, [()])[()], torch.ones(len(p), 1)], dim=1) for p in (x, fresh))
        c = torch.linalg.lstsq(phi, f(x)[:, None], driver="gelsd").solution
        errors.append(float((there @ c - f(fresh)[:, None]).norm() / f(fresh).norm()))
    assert errors[-1] < 1e-4
    assert all(after < 0.2 * before for before, after in itertools.pairwise(errors))


BAD = [
    (dict(degree=0), "`degree`"),
    (dict(degree="6"), "`degree`"),
    (dict(cross=1), "`cross`"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[str(a) for a, _ in BAD])
def test_bad_arguments_are_refused_in_words(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TotalDegree(**arguments)


def test_too_many_functions_are_refused_with_the_repair() -> None:
    with pytest.raises(ValueError, match="use Additive"):
        build(TotalDegree(5), (Axis("x", 0.0, 1.0, dim=100),))
