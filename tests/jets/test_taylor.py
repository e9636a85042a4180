"""The Taylor pass against nested automatic differentiation: every channel to order 4, every operation of the table."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F
from torch import nn

from pinnkit.fields import MLP, FourierMLP, RandomFourier, Siren
from pinnkit.jets.elementary import ELEMENTWISE
from pinnkit.jets.elementary.tower import HIGHEST_SLOPE
from pinnkit.jets.evaluation import evaluate, jets
from pinnkit.jets.evaluation.evaluate import taylor_pass
from pinnkit.jets.taylor import fused
from pinnkit.jets.taylor.channel_plan import make_plan
from pinnkit.jets.taylor.taylor_pass import Taylor, UnsupportedOperation, bundle
from tests.jets.passes import (
    ALL_ORDERS,
    BIHARMONIC,
    COLUMNS,
    DISPERSIVE,
    HEAT,
    LAPLACIAN,
    OPERATORS,
    Function,
    Sine,
    difference,
    network,
    parameter_gradient,
    points,
    worst_difference,
)

EVERYTHING = ALL_ORDERS + OPERATORS
TOLERANCE = 1e-10


@pytest.fixture(autouse=True)
def _no_fallback(monkeypatch, request):
    """A field that silently falls back to autograd would compare autograd with itself."""
    if "fallback" not in request.keywords:

        def refuse(field, reason):
            raise AssertionError(f"{field} left the Taylor pass: {reason}")

        monkeypatch.setattr(evaluate, "_log_fallback", refuse)


# networks -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "activation",
    [Sine(2.0), nn.Tanh(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Softplus(), nn.Sigmoid()],
    ids=repr,
)
def test_every_channel_of_a_network_equals_nested_autograd(activation):
    assert worst_difference(network(activation, activation), points(), EVERYTHING) < TOLERANCE


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ELU(), nn.LeakyReLU()], ids=repr)
def test_the_first_derivatives_of_a_rough_network_equal_nested_autograd(activation):
    assert worst_difference(network(activation, activation), points(), [(), (0,), (1,), (2,)]) < TOLERANCE


SPECS = [
    Siren(width=6, depth=2),
    Siren(width=6, depth=3, omega=(3.0, 1.0, 2.0)),
    *(MLP(width=6, depth=2, activation=name) for name in ("tanh", "sin", "gelu", "silu", "softplus", "sigmoid")),
    FourierMLP(features=4, width=6, depth=2),
    FourierMLP(features=4, width=6, depth=1, learned=True, activation="gelu"),
    RandomFourier(features=20, bandwidth=3.0),
]


class Column:
    def __init__(self, lower, upper):
        self.lower, self.upper, self.dim = lower, upper, 1
        self.name, self.periodic = "x", False


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_every_channel_of_every_field_equals_nested_autograd(spec, generator):
    axes = [Column(-0.5, 0.7), Column(-1.0, 1.0), Column(-0.4, 2.0)]
    field = spec.build(axes, 2, generator=generator, dtype=torch.float64, device="cpu")
    assert worst_difference(field, points(), EVERYTHING) < TOLERANCE


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_parameter_gradients_of_every_field_equal_nested_autograd(spec, generator):
    axes = [Column(-0.5, 0.7), Column(-1.0, 1.0), Column(-0.4, 2.0)]
    field = spec.build(axes, 2, generator=generator, dtype=torch.float64, device="cpu")
    for orders in ([()], [(0,), (1, 1)], [HEAT], [LAPLACIAN, ()], [DISPERSIVE], [BIHARMONIC], [(0, 0, 1, 2)]):
        found = parameter_gradient(field, points(), orders, "taylor")
        assert difference(found, parameter_gradient(field, points(), orders, "autograd")) < TOLERANCE


def test_a_pass_in_many_tiles_equals_a_pass_in_one(monkeypatch):
    field = network(Sine(2.0), nn.Tanh())
    whole = jets(field, points(50), EVERYTHING)
    slope = parameter_gradient(field, points(50), OPERATORS, "taylor")
    monkeypatch.setattr(fused, "_TILE_BYTES", 5 * 8 * 7)  # seven points, so that the last tile is a short one
    assert len(fused.tiles(torch.zeros(50, 5, dtype=torch.float64))) == 8
    tiled = jets(field, points(50), EVERYTHING)
    assert max(difference(tiled[order], whole[order]) for order in EVERYTHING) < 1e-13
    assert difference(parameter_gradient(field, points(50), OPERATORS, "taylor"), slope) < 1e-13


def test_no_points_give_empty_channels():
    found = jets(network(nn.Tanh()), points(0), [(), (0, 0)])
    assert all(tensor.shape == (0, 2) for tensor in found.values())


# operations ---------------------------------------------------------------------------------------------------------
def _last(x):
    return torch.cat([x[:, 1:2] * x[:, 2:3] + 0.3 * x[:, :1], torch.sin(x[:, :1] + 2 * x[:, 1:2] * x[:, 2:3])], 1)


UNARY = {
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": lambda z: torch.log(z + 2.5),
    "log2": lambda z: torch.log2(z + 2.5),
    "log10": lambda z: torch.log10(z + 2.5),
    "log1p": lambda z: torch.log1p(z + 1.5),
    "sqrt": lambda z: torch.sqrt(z + 2.5),
    "rsqrt": lambda z: torch.rsqrt(z + 2.5),
    "reciprocal": lambda z: torch.reciprocal(z + 2.5),
    "square": torch.square,
    "abs": torch.abs,
    "erf": torch.erf,
    "atan": torch.atan,
    "asin": lambda z: torch.asin(0.4 * z),
    "acos": lambda z: torch.acos(0.4 * z),
    "asinh": torch.asinh,
    "atanh": lambda z: torch.atanh(0.4 * z),
    "acosh": lambda z: torch.acosh(z + 3.0),
    "relu": torch.relu,
    "gelu": F.gelu,
    "gelu tanh": lambda z: F.gelu(z, approximate="tanh"),
    "silu": F.silu,
    "softplus": F.softplus,
    "softplus beta": lambda z: F.softplus(z, beta=2.0, threshold=1.7),
    "sigmoid": torch.sigmoid,
    "elu": lambda z: F.elu(z, 0.7),
    "leaky relu": lambda z: F.leaky_relu(z, 0.2),
    "clamp": lambda z: torch.clamp(z, -0.3, 0.4),
    "clamp below": lambda z: torch.clamp(z, min=0.05),
    "minimum": lambda z: torch.minimum(z, z.sin() * 0.5 + 0.1),
    "maximum": lambda z: torch.maximum(z, torch.tensor(0.1, dtype=torch.float64)),
    "where": lambda z: torch.where(z > 0.1, z * z, torch.sin(z)),
    "where number": lambda z: torch.where(z > 0.1, z * z, 2.0),
    "power 3": lambda z: z**3,
    "power 1": lambda z: z**1,
    "power 0": lambda z: z**0 * z,
    "power -2": lambda z: (z + 2.5) ** -2,
    "power 1.5": lambda z: (z + 2.5) ** 1.5,
    "power tensor": lambda z: (z + 2.5) ** torch.tensor([0.5, 1.7], dtype=torch.float64),
    "jet exponent": lambda z: (z + 2.5) ** (0.5 * z),
    "number to a jet": lambda z: 1.7**z,
    "atan2": lambda z: torch.atan2(z[:, :1], z[:, 1:] - 0.2),
    "atan2 left": lambda z: torch.atan2(z, torch.tensor(-0.5, dtype=torch.float64)),
    "quotient": lambda z: z[:, :1] / (2.5 + z[:, 1:]),
    "number over": lambda z: 2.0 / (2.5 + z),
    "over number": lambda z: z / 3.0,
    "over tensor": lambda z: z / torch.tensor([2.0, 3.0], dtype=torch.float64),
    "product": lambda z: z[:, :1] * z[:, 1:] * z,
    "difference": lambda z: 1.0 - z - torch.tensor([2.0, 3.0], dtype=torch.float64) + (2.0 - z[:, :1]),
    "sub alpha": lambda z: torch.sub(z, z[:, :1], alpha=3),
    "norm": lambda z: torch.linalg.norm(z + 2.0, dim=1, keepdim=True),
    "vector norm": lambda z: torch.linalg.vector_norm(z + 2.0, ord=3, dim=-1, keepdim=True),
    "torch.norm": lambda z: torch.norm(z + 2.0, dim=1, keepdim=True),
    "one norm": lambda z: torch.norm(z, p=1, dim=1, keepdim=True),
    "sum": lambda z: (z * z).sum(-1, keepdim=True),
    "mean": lambda z: torch.mean(torch.sin(z), dim=1).unsqueeze(1),
    "prod": lambda z: torch.prod(torch.sin(z) + 1, dim=1, keepdim=True),
    "cumsum": lambda z: torch.cumsum(z, dim=1),
    "stack": lambda z: torch.stack([z[:, 0], torch.sin(z[:, 1])], dim=1),
    "cat constant": lambda z: torch.cat([z, torch.ones(z.shape[0], 1, dtype=z.dtype)], dim=-1),
    "reshape": lambda z: torch.sin(z.reshape(-1, 2, 1) * z.unsqueeze(1)).flatten(1),
    "view": lambda z: z.view(z.shape[0], 1, 2).squeeze(1),
    "transpose": lambda z: (z.unsqueeze(-1) * torch.cos(z).unsqueeze(-2)).transpose(1, 2).reshape(z.shape[0], 4),
    "permute": lambda z: z.unsqueeze(-1).permute(0, 2, 1).squeeze(),
    "split": lambda z: torch.cat([part.sin() for part in torch.split(z, 1, dim=1)], 1),
    "chunk": lambda z: z.chunk(2, -1)[1] * z.chunk(2, -1)[0],
    "unbind": lambda z: torch.stack([torch.sin(part) for part in z.unbind(1)], -1),
    "index list": lambda z: z[:, [1, 0, 1]],
    "index tensor": lambda z: z[..., torch.tensor([1, 0])],
    "matmul": lambda z: z @ torch.tensor([[1.0, 2.0, 0.5], [-1.0, 0.3, 2.0]], dtype=torch.float64),
    "matvec": lambda z: (z @ torch.tensor([1.0, 2.0], dtype=torch.float64)).unsqueeze(-1),
    "neg": lambda z: -z,
    "broadcast up": lambda z: (z[:, 0] * torch.ones(2, 1, 1, dtype=z.dtype)[0, 0]).unsqueeze(1),
    "points tensor": lambda z: z * torch.linspace(1, 2, z.shape[0], dtype=z.dtype).unsqueeze(1),
    "detach": lambda z: z * z.detach(),
    "linear scaled": lambda z: torch.sin(3.0 * F.linear(z, torch.tensor([[1.0, 2.0]], dtype=z.dtype)) / 2.0),
    "residual": lambda z: z + torch.sin(z @ torch.eye(2, dtype=z.dtype)),
}


@pytest.mark.parametrize("name", UNARY)
def test_every_operation_agrees_with_nested_autograd_on_every_channel(name):
    function = UNARY[name]
    assert worst_difference(Function(lambda x: function(_last(x))), points(), EVERYTHING) < TOLERANCE


@pytest.mark.parametrize("name", UNARY)
def test_every_operation_agrees_on_an_argument_that_is_affine_in_the_coordinates(name):
    mix = torch.tensor([[0.5, -0.4, 0.3], [0.2, 0.6, -0.3]], dtype=torch.float64)
    field = Function(lambda x: UNARY[name](F.linear((x - 0.1) * 1.5, mix)))
    assert worst_difference(field, points(), EVERYTHING) < TOLERANCE


@pytest.mark.parametrize("name", UNARY)
def test_gradients_through_every_operation_agree_with_nested_autograd(name):
    weight = nn.Linear(COLUMNS, 2, dtype=torch.float64)

    class Field(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = weight

        def forward(self, x):
            return UNARY[name](_last(torch.cat([self.weight(x) * x[:, :2], x[:, 2:]], 1)))

    orders = [(), HEAT, (0, 0, 1), DISPERSIVE]
    found = parameter_gradient(Field(), points(), orders, "taylor")
    assert difference(found, parameter_gradient(Field(), points(), orders, "autograd")) < 1e-9


@pytest.mark.parametrize(("function", "order"), [(torch.special.bessel_j0, 0), (torch.special.bessel_j1, 1)])
def test_bessel_functions_have_the_derivatives_of_scipy(function, order):
    x = torch.linspace(-30, 30, 601, dtype=torch.float64)[:, None]
    found = jets(Function(function), x, [(0,) * k for k in range(5)])
    for k in range(5):
        np.testing.assert_allclose(found[(0,) * k], scipy.special.jvp(order, x.numpy(), k), rtol=0, atol=1e-14)


def test_bessel_functions_carry_parameter_gradients():
    scale = nn.Parameter(torch.tensor(1.3, dtype=torch.float64))
    x = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None]
    second = jets(lambda x: torch.special.bessel_j0(scale * x), x, [(0, 0)])[(0, 0)]
    (slope,) = torch.autograd.grad(second.sum(), scale)
    z = 1.3 * x.numpy()
    expected = 2 * 1.3 * scipy.special.jvp(0, z, 2) + 1.3**2 * x.numpy() * scipy.special.jvp(0, z, 3)
    np.testing.assert_allclose(slope.item(), expected.sum(), rtol=1e-12)


def test_sinc_has_the_derivatives_of_its_power_series_near_zero():
    x = torch.tensor([0.0, 1e-8, 1e-3, 0.3, 0.6366, 0.6367, 0.9, 3.1], dtype=torch.float64)[:, None]
    found = jets(Function(torch.sinc), x, [(0,) * k for k in range(5)])
    nodes, weights = np.polynomial.legendre.leggauss(40)
    t, y = (nodes + 1) / 2, np.pi * x.numpy()
    for k in range(5):  # sin(y) / y = integral of cos(y t) over [0, 1]
        expected = (np.pi * t) ** k * np.cos(y * t + k * np.pi / 2) @ weights / 2
        np.testing.assert_allclose(found[(0,) * k][:, 0], expected, rtol=0, atol=1e-12)


# structure ----------------------------------------------------------------------------------------------------------
def test_coordinates_are_affine_and_stay_so_through_scaling_and_the_first_layer():
    plan = make_plan((HEAT, (0, 0)))
    x = bundle(plan, points())
    scaled = torch.mul(torch.sub(x, torch.ones(3, dtype=torch.float64)), torch.ones(3, dtype=torch.float64))
    first = F.linear(torch.cat([scaled, x[:, :1]], -1), torch.ones(5, 4, dtype=torch.float64))
    assert scaled.affinity is not None
    affinity = first.affinity
    assert affinity is not None
    assert affinity[1].shape == (len(plan.sloped), 1, 5)
    assert plan.sloped == tuple(plan.index(channel) for channel in ((0,), (1,), HEAT))
    assert first.coefficients[plan.index((0, 0))].abs().max() == 0


def test_the_last_layer_computes_the_wanted_channels_only(monkeypatch):
    shapes = []
    original = fused.linear

    def spy(channels, weight, bias):
        shapes.append(channels.shape[0])
        return original(channels, weight, bias)

    monkeypatch.setattr(fused, "linear", spy)
    jets(network(nn.Tanh(), nn.Tanh()), points(), [LAPLACIAN])
    assert shapes == [4, 1]


def test_comparisons_return_plain_tensors():
    x = bundle(make_plan(((0,),)), points())
    for result in (x > 0, x <= 0.1, torch.eq(x, 0.0), x.ge(0.2), x == 0, x != 0):
        assert type(result) is torch.Tensor
        assert result.dtype == torch.bool


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: torch.fft.fft(x),
        lambda x: x[0],
        lambda x: x[x > 0],
        lambda x: x.sum(),
        lambda x: x.mean(0),
        lambda x: x.reshape(-1),
        lambda x: torch.cat([x, x], 0),
        lambda x: x.transpose(0, 1),
        lambda x: x.unsqueeze(0),
        lambda x: F.dropout(x, 0.5),
        lambda x: F.relu(x, inplace=True),
        lambda x: F.linear(torch.ones(2, 3, dtype=torch.float64), x),
        lambda x: x.sin_(),
        lambda x: x.data,
        lambda x: x.T,
        lambda x: x % 1.0,
        lambda x: x // 1.0,
        lambda x: float(x),
        lambda x: [1 for _ in x],
        lambda x: 1 if x else 0,
    ],
)
def test_operations_without_a_rule_are_refused(operation):
    x = bundle(make_plan(((0,),)), points())
    with pytest.raises(UnsupportedOperation, match="Taylor pass"):
        operation(x)


def test_numpy_does_not_spread_over_a_bundle():
    x = bundle(make_plan(((0,),)), points())
    with pytest.raises((TypeError, UnsupportedOperation)):
        np.ones(4) * x


# the tests above must be able to fail -------------------------------------------------------------------------------
def _broken_chains(plan):
    for channel, levels in enumerate(plan.chain):
        for level, terms in enumerate(levels[1:], start=1):  # f' times the channel itself has no coefficient
            for position, (coefficient, blocks) in enumerate(terms):
                changed = (*terms[:position], (coefficient + 1, blocks), *terms[position + 1 :])
                chain = (*levels[:level], changed, *levels[level + 1 :])
                yield replace(plan, chain=(*plan.chain[:channel], chain, *plan.chain[channel + 1 :]))


@pytest.mark.parametrize("orders", [((0, 0, 0, 0),), ((0, 0, 1), HEAT), (DISPERSIVE,)], ids=str)
def test_every_coefficient_of_the_chain_rule_matters(orders):
    field = network(Sine(2.0), nn.Tanh(), Sine(1.0))  # three, since the first and the last do not use every term
    plan = make_plan(orders)
    right = torch.stack(taylor_pass(field, points(), plan))
    for broken in _broken_chains(plan):
        wrong = torch.stack(taylor_pass(field, points(), broken))
        assert difference(wrong, right) > 1e-4


def test_every_coefficient_of_the_product_rule_matters():
    def field(x):
        return torch.exp(x[:, :1] + x[:, 1:2] * x[:, 2:]) * torch.sin(x[:, :1] - 2 * x[:, 1:2] + x[:, 2:])

    plan = make_plan((BIHARMONIC, (0, 0, 1)))
    right = torch.stack(taylor_pass(field, points(), plan))
    for channel in plan.wanted:
        for position, (coefficient, left, other) in enumerate(plan.products[channel]):
            terms = list(plan.products[channel])
            terms[position] = (coefficient + 1, left, other)
            products = (*plan.products[:channel], tuple(terms), *plan.products[channel + 1 :])
            wrong = torch.stack(taylor_pass(field, points(), replace(plan, products=products)))
            assert difference(wrong, right) > 1e-4


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_every_entry_of_every_tower_is_the_slope_of_the_one_before(name):
    function = ELEMENTWISE[name]
    shift = {"acosh": 3.0, "log": 2.0, "log2": 2.0, "log10": 2.0, "sqrt": 2.0, "rsqrt": 2.0, "reciprocal": 2.0}
    z = (0.1 + torch.linspace(-0.9, 0.85, 40, dtype=torch.float64) + shift.get(name, 0.0)).requires_grad_()
    entries = function.tower(function.state(z), HIGHEST_SLOPE)
    tower = [torch.zeros_like(z) if entry is None else entry[0] * entry[1] for entry in entries]
    assert len(tower) == HIGHEST_SLOPE + 1
    for lower, higher in itertools.pairwise(tower):
        slope = torch.zeros_like(z)
        if lower.requires_grad:
            (slope,) = torch.autograd.grad(lower.sum(), z, retain_graph=True, materialize_grads=True, allow_unused=True)
        np.testing.assert_allclose(higher.detach(), slope, rtol=1e-9, atol=1e-9)


def test_repr_names_the_channels():
    assert repr(bundle(make_plan(((0,),)), points(2))) == "Taylor(shape=(2, 3), channels=((), (0,)))"
    assert isinstance(bundle(make_plan(((0,),)), points(2)), Taylor)
