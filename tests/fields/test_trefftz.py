"""Functions that satisfy an elliptic equation: closed forms, derivatives, the equation itself, points near corners."""

import math

import numpy as np
import pytest
import torch
from scipy import special

from pinnkit.domains import Box
from pinnkit.fields import Trefftz, TrefftzFunctions, spec_from_dict, spec_to_dict
from pinnkit.fields.trefftz.ladder import fractional, multipoles, regular
from pinnkit.fields.trefftz.operator import EllipticOperator
from pinnkit.fields.trefftz.trefftz import CornerFunction, Multipole
from pinnkit.jets.evaluation import jets
from pinnkit.jets.orders import Operator

PLANE = Box(x=(-1, 1), y=(0, 3))


def operators() -> list[EllipticOperator]:
    """Random positive definite operators from a seed, and the usual ones."""
    random = np.random.default_rng(5)
    found = [EllipticOperator(), EllipticOperator(c=25.0), EllipticOperator(c=-9.0)]
    for _ in range(4):
        root = random.normal(size=(2, 2)) + 2 * np.eye(2)
        a = root @ root.T
        b, c = random.normal(size=2), 10 * random.normal()
        found.append(EllipticOperator(a[0, 0], a[0, 1], a[1, 1], b[0], b[1], c))
    return found


def built(operator: EllipticOperator, particular: int = 3):
    """Module with functions of every family and a random read-out."""
    sources = (Multipole(2.0, -1.0, 0.5, 0, 4), Multipole(-1.5, 3.5, 0.3, 1, 1), Multipole(1.5, 4.0, 0.2, 1, 1))
    corners = (
        CornerFunction(0.0, -0.5, math.pi / 2, 2.0, 2 / 3),
        CornerFunction(-1.5, 1.0, 0.2, 2.0, 0.5),
        CornerFunction(-1.5, 1.0, 0.2, 2.0, 0.0),
    )
    spec = TrefftzFunctions(operator, (0.0, 1.0), 1.7, 6, corners, sources, particular)
    module = spec.build(PLANE.axes, 1, generator=torch.Generator(), dtype=torch.float64, device="cpu")
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        module.readout.weight.copy_(torch.randn(module.readout.weight.shape, generator=random, dtype=torch.float64))
        module.particular.copy_(torch.randn(module.particular.shape, generator=random, dtype=torch.float64))
    return module


def points(n: int = 40) -> torch.Tensor:
    return PLANE.sample(n, torch.Generator().manual_seed(1)).coords


@pytest.mark.parametrize("kappa", [1e-6, 25.0, -25.0, 900.0, -900.0])
@pytest.mark.parametrize("first", [0.0, 1 / 3, -2 / 3])
def test_regular_functions_are_bessel_functions(kappa: float, first: float) -> None:
    random = np.random.default_rng(3)
    z = random.normal(size=60) + 1j * random.normal(size=60)
    k, r, angle = math.sqrt(abs(kappa)), np.abs(z), np.angle(z)
    given = torch.from_numpy(z)
    found = (regular(given, 15, kappa) if first == 0 else fractional(given, first, 16, kappa)).numpy()
    for place in range(16):
        m = first + place
        factor = special.gamma(m + 1) * (2 / k) ** m * np.exp(1j * m * angle)
        value = special.jv(m, k * r) if kappa > 0 else special.iv(m, k * r)
        # beside a zero of J the scale is that of the oscillation
        scale = np.hypot(value, np.where(k * r > m, special.yv(m, k * r), 0.0)) if kappa > 0 else value
        assert np.max(np.abs(found[:, place] - factor * value) / np.abs(factor * scale)) < 1e-11


@pytest.mark.parametrize("kappa", [25.0, -25.0, 400.0])
def test_multipoles_are_bessel_functions_of_the_second_kind(kappa: float) -> None:
    random = np.random.default_rng(4)
    z = random.normal(size=60) + 1j * random.normal(size=60)
    k, r, angle = math.sqrt(abs(kappa)), np.abs(z), np.angle(z)
    found = multipoles(torch.from_numpy(z)[:, None], 12, torch.tensor([kappa], dtype=torch.float64))[:, 0].numpy()
    for m in range(13):
        if kappa > 0:
            factor = math.pi / 2 if m == 0 else -math.pi / math.factorial(m - 1) * (k / 2) ** m
            value, scale = special.yv(m, k * r), np.hypot(special.yv(m, k * r), special.jv(m, k * r))
        else:
            factor = -1.0 if m == 0 else 2 / math.factorial(m - 1) * (k / 2) ** m
            value = scale = special.kv(m, k * r)
        exact = factor * value * np.exp(-1j * m * angle)
        assert np.max(np.abs(found[:, m] - exact) / np.abs(factor * scale)) < 1e-11


@pytest.mark.parametrize("operator", operators())
def test_every_function_satisfies_the_equation(operator: EllipticOperator) -> None:
    module = built(operator, particular=-1)
    orders = operator.coefficients()
    found = module.features(points(), list(orders))
    residual = sum(value * found[order] for order, value in orders.items())
    size = sum(abs(value) * found[order].abs() for order, value in orders.items())
    assert bool((residual.abs() <= 1e-11 * size.amax(dim=0)).all())


@pytest.mark.parametrize("operator", operators())
def test_derivatives_are_those_of_central_differences(operator: EllipticOperator) -> None:
    module, x, h = built(operator), points(), 1e-5
    for order, column in (((), 0), ((0,), 1), ((1,), 1), ((0, 1), 0), ((1, 1), 1)):
        step = torch.zeros(2, dtype=torch.float64)
        step[column] = h
        there, back = (module.jets(x + s * step, [order])[order].detach() for s in (1, -1))
        longer = tuple(sorted((*order, column)))
        exact = module.jets(x, [longer])[longer].detach()
        assert float(((there - back) / (2 * h) - exact).abs().max()) < 1e-6 * float(exact.abs().max())


@pytest.mark.parametrize("operator", operators()[:4])
def test_taylor_pass_and_autograd_use_the_closed_forms(operator: EllipticOperator) -> None:
    module, x = built(operator), points()
    orders = [(), (0,), (0, 1), (1, 1), (0, 0, 1, 1), Operator(((1.0, (0, 0)), (2.0, (1, 1))))]
    closed = module.jets(x, orders)
    for way in ("taylor", "autograd"):
        found = jets(module, x, orders, derivatives=way)
        for order in orders:
            torch.testing.assert_close(found[order].detach(), closed[order].detach(), rtol=1e-9, atol=1e-9)


def test_near_a_corner_the_distance_keeps_its_digits() -> None:
    spec = TrefftzFunctions(degree=0, corners=(CornerFunction(0.3, 0.7, 0.0, 1.0, 0.5),))
    module = spec.build(PLANE.axes, 1, generator=torch.Generator(), dtype=torch.float64, device="cpu")
    offset = torch.tensor([[1e-25, 0.0]], dtype=torch.float64)
    found = module.features_about((0.3, 0.7), offset, [()])[()][0]
    assert found[1].item() == pytest.approx(math.sqrt(1e-25), rel=1e-12)


def test_the_spec_goes_through_files() -> None:
    spec = built(operators()[-1]).spec
    assert spec_from_dict(spec_to_dict(spec)) == spec
    assert "functions that satisfy the equation" in repr(spec)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"operator": EllipticOperator(1.0, 2.0, 1.0)}, "positive definite"),
        ({"length": 0.0}, "`length` must be a finite number above 0"),
        ({"degree": -1}, "`degree` must be at least 0"),
        ({"sources": (Multipole(0.0, 0.0, 1.0, 2, 1),)}, "lowest <= highest"),
        ({"sources": (Multipole(math.nan, 0.0, 1.0, 1, 1),)}, "centres must be finite"),
        ({"corners": (CornerFunction(0.0, 0.0, 0.0, 1.0, 2.0),)}, "not whole"),
        ({"degree": 5000}, "at most 6000 functions"),
    ],
)
def test_bad_arguments_are_refused(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrefftzFunctions(**arguments)


def test_what_solve_chooses_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="solve\\(\\) chooses the functions"):
        Trefftz().build(PLANE.axes, 1, generator=torch.Generator(), dtype=torch.float64, device="cpu")
    with pytest.raises(ValueError, match="`limit`"):
        Trefftz(limit=0)
    with pytest.raises(ValueError, match="two coordinates, got 3"):
        TrefftzFunctions().build(
            Box(x=(0, 1), y=(0, 1), z=(0, 1)).axes, 1, generator=torch.Generator(), dtype=torch.float64, device="cpu"
        )
