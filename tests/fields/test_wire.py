from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.func import functional_call, grad, jacrev, vmap

from pinnkit.fields import Siren, Wire
from pinnkit.jets import jets
from pinnkit.jets.taylor.weight_record import LinearUse

PLANE = [SimpleNamespace(name="x", periodic=False, lower=-1.0, upper=1.0, dim=1)] * 2
ORDERS = [(), (0,), (1,), (0, 1), (1, 1), (0, 0, 1), (0, 0, 1, 1)]


def build(spec: Any, dtype: torch.dtype = torch.float64) -> Any:
    return spec.build(PLANE, 3, generator=torch.Generator().manual_seed(0), dtype=dtype, device="cpu")


def points(n: int) -> torch.Tensor:
    return 2 * torch.rand(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1


def in_complex_numbers(field: Any, x: torch.Tensor, omega: float, scale: float) -> torch.Tensor:
    """The network as its authors write it."""

    def psi(z: torch.Tensor) -> torch.Tensor:
        return torch.exp(1j * omega * z - (scale * z).abs().square())

    hidden = psi(field.hidden.first(x).to(torch.complex128))
    for layer in field.hidden.others:
        weight = torch.complex(layer.real.weight, layer.imaginary.weight)
        hidden = psi(hidden @ weight.T + torch.complex(layer.real.bias, layer.imaginary.bias))
    m = hidden.shape[1]
    weight = torch.complex(field.readout.weight[:, :m], -field.readout.weight[:, m:])
    return (hidden @ weight.T).real + field.readout.bias


@pytest.mark.parametrize("spec", [Wire(width=12, depth=1), Wire(width=20, depth=3, omega=7.0, scale=5.0)], ids=repr)
def test_pairs_of_real_numbers_are_the_complex_network(spec: Wire) -> None:
    field, x = build(spec), points(30)
    torch.testing.assert_close(field(x), in_complex_numbers(field, x, spec.omega, spec.scale), rtol=1e-12, atol=1e-13)


def test_jets_are_those_of_nested_differentiation() -> None:
    field, x = build(Wire(width=12, depth=3, omega=3.0, scale=2.0)), points(6)
    taylor, nested = jets(field, x, ORDERS), jets(field, x, ORDERS, derivatives="autograd")
    for order in ORDERS:
        torch.testing.assert_close(taylor[order], nested[order], rtol=1e-8, atol=1e-8)


def test_the_jacobian_of_every_point_counts_both_uses_of_a_complex_weight() -> None:
    field, x, record = build(Wire(width=6, depth=3, omega=3.0, scale=2.0)), points(5), []
    found = jets(field, x, [(), (0, 1)], record=record)
    total = (found[()] + 2 * found[(0, 1)]).sum()
    assert all(isinstance(use, LinearUse) for use in record)
    slopes = torch.autograd.grad(total, [use.outputs for use in record])
    names = {p: name for name, p in field.named_parameters()}
    jacobian = {name: torch.zeros(len(x), *p.shape, dtype=p.dtype) for p, name in names.items()}
    for use, g in zip(record, slopes, strict=True):
        jacobian[names[use.weight]] += use.factor * torch.einsum("cnh,cnk->nhk", g, use.inputs)
        if use.bias is not None:
            jacobian[names[use.bias]] += use.factor * g[0]

    def one(parameters: dict[str, torch.Tensor], point: torch.Tensor) -> torch.Tensor:
        def value(at: torch.Tensor) -> torch.Tensor:
            return functional_call(field, parameters, (at[None],))[0].sum()

        return value(point) + 2 * grad(lambda at: grad(value)(at)[0])(point)[1]

    expected = vmap(jacrev(one), in_dims=(None, 0))({name: p.detach() for p, name in names.items()}, x)
    for name in expected:
        torch.testing.assert_close(jacobian[name], expected[name], rtol=1e-9, atol=1e-10)


def test_single_precision_follows_double() -> None:
    spec, x = Wire(width=64, depth=3), points(50)
    torch.testing.assert_close(build(spec, torch.float32)(x.float()).double(), build(spec)(x), rtol=0, atol=2e-4)


def test_a_network_counts_as_many_numbers_as_a_real_one_of_its_width() -> None:
    wire, siren = (sum(p.numel() for p in build(kind(width=256, depth=4)).parameters()) for kind in (Wire, Siren))
    assert Wire(width=256).units == 181
    assert abs(wire / siren - 1) < 0.01


def test_weights_are_drawn_by_the_number_of_complex_inputs_and_so_is_what_a_wavelet_sees() -> None:
    """Of m complex weights and a bias, all parts of variance 1 / (3 m): |z|^2 is 2 (|h|^2 + 1) / (3 m) on average."""
    field, x = build(Wire(width=600, depth=3, omega=4.0, scale=3.0)), points(200)
    m = Wire(width=600).units
    for layer in field.hidden.others:
        for drawn in (layer.real.weight, layer.imaginary.weight):
            assert 0.99 * m**-0.5 < drawn.abs().max() <= m**-0.5
    hidden = torch.exp(-((3.0 * field.hidden.first(x)) ** 2))  # the size of the first wavelets
    angle = 4.0 * field.hidden.first(x)
    a, b = field.hidden.others[0](hidden * torch.cos(angle), hidden * torch.sin(angle))
    expected = 2 * (hidden.square().sum(1).mean() + 1) / (3 * m)
    assert (a.square() + b.square()).mean().item() == pytest.approx(expected.item(), rel=0.1)


@pytest.mark.parametrize("ratio", [0.5, 2.0, 4.0])
def test_a_wavelet_is_never_larger_than_it_says(ratio: float) -> None:
    hidden = build(Wire(width=4, omega=ratio, scale=1.0)).hidden
    a, b = torch.zeros(2001).double(), torch.linspace(-5, 5, 2001).double()
    largest = hidden._wavelet(a, b)[0].abs().max().item()
    assert largest == pytest.approx(math.exp(ratio**2 / 4), rel=1e-4)
