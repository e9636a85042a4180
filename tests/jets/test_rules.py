"""Every derivative rule against nested automatic differentiation, in float64, to order 4."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pinnkit.jets import Frame, Jet
from pinnkit.jets.dispatch import RULES, add_rules
from pinnkit.jets.elementary.bessel import bessel_j
from pinnkit.jets.jet import constant, coordinate
from pinnkit.jets.rules.kinds import Bilinear, Elementwise, Linear, Own, ValuesOnly
from pinnkit.jets.taylor.taylor_pass import implements
from pinnkit.problem.names import call


def of_kind(kind: type) -> dict[str, Any]:
    return {name: rule for name, rule in RULES.items() if isinstance(rule, kind)}


ELEMENTARY, LINEAR, BILINEAR, OWN, PLAIN = map(of_kind, (Elementwise, Linear, Bilinear, Own, ValuesOnly))
PRODUCT = {"mul"}  # bilinear, with samples aligned
FRAME = Frame(columns=("x", "y"), space=("x", "y"))
ORDERS = [tuple(letters) for letters in ("", "x", "xy", "yy", "xxy", "xxxx", "xxyy", "xyyy", "yyyy")]
Function = Callable[[Any, Any], Any]


def points(n: int = 9) -> Tensor:
    return torch.rand(n, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_jets(function: Function, coords: Tensor, order: tuple[str, ...]) -> Tensor:
    jet = function(coordinate(FRAME, coords, "x"), coordinate(FRAME, coords, "y"))
    assert isinstance(jet, Jet)
    return jet.d(*order).value


def by_autograd(function: Function, coords: Tensor, order: tuple[str, ...]) -> Tensor:
    """Nested autograd of a pointwise function; components of its result separately."""
    leaves = {name: coords[:, i].clone().requires_grad_() for i, name in enumerate(("x", "y"))}
    value = function(leaves["x"], leaves["y"])

    def derivative(component: Tensor) -> Tensor:
        for name in order:
            if not component.requires_grad:
                return torch.zeros_like(leaves["x"])
            (found,) = torch.autograd.grad(component.sum(), leaves[name], create_graph=True, allow_unused=True)
            component = torch.zeros_like(leaves["x"]) if found is None else found
        return component.detach()

    flat = value.reshape(value.shape[0], -1)
    return torch.stack([derivative(flat[:, k]) for k in range(flat.shape[1])], dim=1).reshape(value.shape)


def assert_equal_to_order_4(function: Function, coords: Tensor | None = None) -> None:
    at = points() if coords is None else coords
    for order in ORDERS:
        found, expected = by_jets(function, at, order), by_autograd(function, at, order)
        assert found.shape == expected.shape, order
        assert torch.isfinite(expected).all(), order
        assert (found - expected).norm() <= 1e-10 * expected.norm() + 1e-13, (order, found, expected)


# smooth inner functions whose range suits the outer one -----------------------------------------------------
def along_x(function: Any, x: Any, y: Any) -> Any:
    return function(x) + 0.0 * y


def anywhere(x: Any, y: Any) -> Any:
    return 1.2 * torch.sin(x + 2 * y) + x * y - 0.4


def inside_one(x: Any, y: Any) -> Any:
    return 0.8 * torch.sin(x - 3 * y)


def positive(x: Any, y: Any) -> Any:
    return 1.1 + torch.sin(x + 2 * y) + 0.5 * x * y


def above_one(x: Any, y: Any) -> Any:
    return 1.3 + x**2 + y


def of_bessel(n: int, z: Any) -> Any:
    """torch.special's function of a jet; of a tensor the package's, since torch's has no gradient."""
    return (torch.special.bessel_j1 if n else torch.special.bessel_j0)(z) if isinstance(z, Jet) else bessel_j(z, n)


def away_from_zero(x: Any, y: Any) -> Any:
    return x * x - 1.5 - 0.3 * y


def pair(x: Any, y: Any) -> Any:
    return torch.stack([torch.sin(x) * y, torch.exp(x - y)], dim=-1)


def triple(x: Any, y: Any) -> Any:
    return torch.stack([torch.sin(x) * y, torch.exp(x - y), x * x * y], dim=-1)


def table(x: Any, y: Any) -> Any:
    return torch.stack([triple(x, y), triple(y, x * y)], dim=-2)


RANGES: dict[str, Function] = {
    **dict.fromkeys(("asin", "acos", "atanh"), inside_one),
    **dict.fromkeys(("log", "log1p", "log2", "log10", "sqrt", "rsqrt"), positive),
    **dict.fromkeys(("reciprocal", "abs", "relu"), away_from_zero),
    "acosh": above_one,
}
ELSEWHERE: dict[str, Callable[..., Any]] = {
    "logsigmoid": F.logsigmoid,
    "log_sigmoid": F.logsigmoid,
    "softplus": F.softplus,
    "silu": F.silu,
    "gelu": F.gelu,
}

WEIGHT = torch.tensor([[1.0, -2.0], [0.5, 3.0], [2.0, 0.25]], dtype=torch.float64)
LINEAR_CASES: dict[str, Function] = {
    "neg": lambda x, y: -anywhere(x, y),
    "sum": lambda x, y: triple(x, y).sum(dim=-1),
    "mean": lambda x, y: torch.mean(table(x, y), dim=(1, 2)),
    "cumsum": lambda x, y: torch.cumsum(triple(x, y), dim=1),
    "getitem": lambda x, y: table(x, y)[..., 1] * triple(x, y)[:, :2],
    "cat": lambda x, y: torch.cat([triple(x, y), pair(x, y)], dim=1),
    "stack": lambda x, y: torch.stack([x * y, torch.ones_like(x), torch.sin(y)], dim=-1),
    "hstack": lambda x, y: torch.hstack([triple(x, y), pair(x, y)]),
    "vstack": lambda x, y: torch.stack([x, x * y], dim=-1),  # joins samples: refused, see below
    "reshape": lambda x, y: table(x, y).reshape(9, 6),
    "view": lambda x, y: triple(x, y).view(9, 3, 1),
    "flatten": lambda x, y: torch.flatten(table(x, y), 1),
    "unsqueeze": lambda x, y: pair(x, y).unsqueeze(1) * triple(x, y).unsqueeze(-1),
    "squeeze": lambda x, y: (x * y * y)[:, None].squeeze(-1),
    "transpose": lambda x, y: table(x, y).transpose(1, 2),
    "permute": lambda x, y: table(x, y).permute(0, 2, 1),
    "swapaxes": lambda x, y: torch.swapaxes(table(x, y), 1, 2),
    "movedim": lambda x, y: torch.movedim(table(x, y), 1, 2),
    "moveaxis": lambda x, y: torch.moveaxis(table(x, y), 1, 2),
    "expand": lambda x, y: (x * y)[:, None].expand(9, 4),
    "expand_as": lambda x, y: (x * y)[:, None].expand_as(torch.ones(9, 3)),
    "broadcast_to": lambda x, y: torch.broadcast_to((x * y)[:, None], (9, 3)),
    "select": lambda x, y: torch.select(triple(x, y), 1, 2),
    "narrow": lambda x, y: torch.narrow(triple(x, y), 1, 1, 2),
    "index_select": lambda x, y: torch.index_select(triple(x, y), 1, torch.tensor([2, 0])),
    "flip": lambda x, y: torch.flip(triple(x, y), (1,)),
    "roll": lambda x, y: torch.roll(triple(x, y), 1, 1),
    "tile": lambda x, y: torch.tile(triple(x, y), (1, 2)),
    "repeat_interleave": lambda x, y: torch.repeat_interleave(triple(x, y), 2, dim=1),
    "diagonal": lambda x, y: torch.diagonal(table(x, y), dim1=1, dim2=2),
    "to": lambda x, y: anywhere(x, y).to(torch.float64),
    "double": lambda x, y: anywhere(x, y).double(),
    "contiguous": lambda x, y: anywhere(x, y).contiguous(),
    "clone": lambda x, y: torch.clone(anywhere(x, y)),
}
BILINEAR_CASES: dict[str, Function] = {
    "matmul": lambda x, y: table(x, y) @ WEIGHT,
    "bmm": lambda x, y: torch.bmm(table(x, y), table(y, x).transpose(1, 2)),
    "cross": lambda x, y: torch.linalg.cross(triple(x, y), triple(y, x)),
    "vecdot": lambda x, y: torch.linalg.vecdot(triple(x, y), triple(y, x)),
}
RULE_CASES: dict[str, Function] = {
    "add": lambda x, y: torch.add(anywhere(x, y), x * y, alpha=2) + 1.0,
    "sub": lambda x, y: 3.0 - torch.sub(anywhere(x, y), x * y, alpha=2),
    "rsub": lambda x, y: torch.rsub(x * y, anywhere(x, y)),
    "mul": lambda x, y: 2 * anywhere(x, y) * torch.exp(x) * (x[:, None] * pair(x, y))[:, 0],
    "div": lambda x, y: anywhere(x, y) / positive(x, y) / 3 + 2 / positive(y, x),
    "pow": lambda x, y: anywhere(x, y) ** 3 + positive(x, y) ** -1.5 + 2.0**x + positive(x, y) ** y,
    "where": lambda x, y: torch.where(x > y, anywhere(x, y), torch.sin(y)),
    "minimum": lambda x, y: torch.minimum(x * y, torch.sin(3 * y)),
    "maximum": lambda x, y: torch.maximum(x * y, torch.sin(3 * y)),
    "clamp": lambda x, y: torch.clamp(torch.sin(3 * x) * y, 0.1, 0.6),
    "clamp_min": lambda x, y: torch.clamp_min(torch.sin(3 * x) * y, 0.2),
    "clamp_max": lambda x, y: torch.clamp_max(torch.sin(3 * x) * y, 0.2),
    "atan2": lambda x, y: torch.atan2(positive(x, y), x - y) + torch.atan2(x - y, -positive(x, y)),
    "norm": lambda x, y: torch.linalg.vector_norm(triple(x, y), dim=-1) + torch.norm(pair(x, y), dim=-1),
    "addcmul": lambda x, y: torch.addcmul(x, torch.sin(x), y * y, value=0.5),
    "lerp": lambda x, y: torch.lerp(torch.sin(x), torch.exp(y), x * y),
    "bessel_j0": lambda x, y: of_bessel(0, 4 * anywhere(x, y)),
    "bessel_j1": lambda x, y: of_bessel(1, 4 * anywhere(x, y)),
    "linear": lambda x, y: F.linear(pair(x, y), WEIGHT, torch.ones(3, dtype=torch.float64)),
}


@pytest.mark.parametrize("name", ELEMENTARY)
def test_an_elementwise_function_equals_autograd_to_order_4(name: str) -> None:
    outer = ELSEWHERE.get(name) or getattr(torch, name)
    inner = RANGES.get(name, anywhere)
    assert_equal_to_order_4(lambda x, y: outer(inner(x, y)))


@pytest.mark.parametrize("name", LINEAR_CASES)
def test_a_linear_function_equals_autograd_to_order_4(name: str) -> None:
    assert_equal_to_order_4(LINEAR_CASES[name])


@pytest.mark.parametrize("name", BILINEAR_CASES)
def test_a_product_equals_autograd_to_order_4(name: str) -> None:
    assert_equal_to_order_4(BILINEAR_CASES[name])


@pytest.mark.parametrize("name", RULE_CASES)
def test_a_rule_equals_autograd_to_order_4(name: str) -> None:
    assert_equal_to_order_4(RULE_CASES[name])


def test_every_rule_has_a_case() -> None:
    assert set(LINEAR) - {"float"} == set(LINEAR_CASES)
    assert set(BILINEAR) - PRODUCT == set(BILINEAR_CASES)
    assert set(OWN) | PRODUCT == set(RULE_CASES)
    kinds = [ELEMENTARY, LINEAR, BILINEAR, OWN, PLAIN]
    assert sum(map(len, kinds)) == len(RULES), "a rule of another kind has no test"


def test_a_wrong_slope_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "sin", Elementwise(torch.sin, lambda z: -torch.cos(z)))
    with pytest.raises(AssertionError):
        assert_equal_to_order_4(lambda x, y: torch.sin(x * y))


# branches, options and the neighbourhood of removable singularities -----------------------------------------
@pytest.mark.parametrize("name", ["sinc", "bessel_j0", "bessel_j1"])
@pytest.mark.parametrize("centre", [0.0, 1 / 3, 1.0, 2.0, 6.3, 25.0])
def test_sinc_and_bessel_have_every_digit_on_both_sides_of_their_seams(name: str, centre: float) -> None:
    """Against closed sums: sinc z = mean of cos(pi z s) over s in [0, 1], J_m of cos(m s - z sin s) over [0, pi]."""
    z = centre + torch.tensor([-1e-3, -1e-8, 0.0, 1e-8, 1e-3, 0.07], dtype=torch.float64)
    coords = torch.stack([z, torch.zeros_like(z)], dim=1)
    jet = getattr(torch, name, None) or getattr(torch.special, name)
    if name == "sinc":
        nodes, weights = map(torch.as_tensor, np.polynomial.legendre.leggauss(40))
        s, w, rate = 0.5 + 0.5 * nodes, 0.5 * weights, math.pi * (0.5 + 0.5 * nodes)
        phase = z[:, None] * math.pi * s
    else:
        s = (torch.arange(64, dtype=torch.float64) + 0.5) / 64 * math.pi  # the midpoint rule converges exponentially
        w, rate = torch.full_like(s, 1 / 64), -torch.sin(s)
        phase = (1 if name == "bessel_j1" else 0) * s - z[:, None] * torch.sin(s)
    for order in range(5):
        expected = (w * rate**order * torch.cos(phase + order * math.pi / 2)).sum(dim=1)
        found = by_jets(functools.partial(along_x, jet), coords, ("x",) * order)
        assert torch.allclose(found, expected, rtol=1e-10, atol=1e-11), (order, found - expected)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: F.gelu(anywhere(x, y), approximate="tanh"),
        lambda x, y: F.softplus(60 * anywhere(x, y), beta=2.0, threshold=10.0),
        lambda x, y: torch.where((x > y)[:, None], pair(x, y), 0.0),
        lambda x, y: (x * y)[:, None] + pair(x, y),
        lambda x, y: pair(x, y) / (1 + x * y)[:, None],
        lambda x, y: torch.abs(anywhere(x, y)) * torch.sign(anywhere(x, y)),
        lambda x, y: (x - 2) ** 4 + (x - x) ** 3 + y**1 + y**0,
        lambda x, y: torch.sin(x) ** torch.tensor(2.5, dtype=torch.float64) * y,
        lambda x, y: x.sin().mul(y.exp()).pow(2).sqrt().square(),
    ],
)
def test_options_and_broadcasts_equal_autograd_to_order_4(function: Function) -> None:
    assert_equal_to_order_4(function)


def test_a_scalar_times_a_vector_goes_row_by_row() -> None:
    """``(n,)`` times ``(n, d)`` is meant sample by sample, also where n equals d."""
    coords = points(2)
    x, y = (coordinate(FRAME, coords, name) for name in ("x", "y"))
    expected = x.value[:, None] * pair(x.value, y.value)
    assert torch.equal((x * pair(x, y)).value, expected)
    assert torch.equal((pair(x, y) * x).value, expected)
    assert torch.allclose((x * pair(x, y)).x.value, pair(x, y).value + x.value[:, None] * pair(x, y).x.value)


def test_a_derivative_that_vanishes_identically_has_the_shape_of_the_value() -> None:
    coords = points()
    x, y = (coordinate(FRAME, coords, name) for name in ("x", "y"))
    c = constant(FRAME, torch.ones(9, 2, dtype=torch.float64))
    for jet in (c * 2, c.sum(dim=-1), torch.where(x > 0.5, c[0], 1.0), torch.sin(c), torch.maximum(c, 2 * c)):
        assert jet.y.shape == jet.shape
        assert not jet.y.value.any()
    assert (x + c[0]).y.shape == (9,)
    assert (y[:, None] + c).y.shape == (9, 2)
    assert torch.where(y > 0.5, c, y[:, None]).y.shape == (9, 2)


@pytest.mark.parametrize("name", sorted(set(PLAIN) - {"size", "dim", "numel", "allclose", "isclose"}))
def test_functions_without_a_derivative_return_plain_tensors(name: str) -> None:
    x = coordinate(FRAME, points(), "x")
    function = getattr(torch, name, None) or getattr(Tensor, name)
    two = name in {"lt", "le", "gt", "ge", "eq", "ne", "heaviside", "logical_and", "logical_or"}
    two = two or "less" in name or "greater" in name or "equal" in name
    result = function(x, 0.5) if name == "full_like" else function(x, torch.zeros_like(x)) if two else function(x)
    assert not isinstance(result, Jet)


# refusals ---------------------------------------------------------------------------------------------------
V = torch.ones(9, 3, dtype=torch.float64)
REFUSALS: dict[str, tuple[Callable[..., Any], str]] = {
    "sum of all": (lambda v: v.sum(), "torch.sum .* dim=-1"),
    "mean over the samples": (lambda v: v.mean(dim=0), "torch.mean .* samples"),
    "sum of a scalar": (lambda x: x.sum(dim=-1), "torch.sum .* samples"),
    "cumsum of a scalar": (lambda x: x.cumsum(dim=-1), "torch.cumsum .* samples"),
    "flip of the samples": (lambda x: torch.flip(x, (-1,)), "torch.flip .* samples"),
    "roll of everything": (lambda v: torch.roll(v, 1), "torch.roll .* dim=-1"),
    "cat by default": (lambda v: torch.cat([v, v]), "torch.cat .* dim=-1"),
    "cat of scalars": (lambda x: torch.cat([x, x], dim=-1), "torch.cat .* samples"),
    "stack by default": (lambda x: torch.stack([x, x]), "torch.stack .* dim=-1"),
    "stack in front": (lambda x: torch.stack([x, x], dim=-2), "torch.stack .* samples"),
    "hstack of scalars": (lambda x: torch.hstack([x, x]), "torch.hstack .* samples"),
    "vstack": (lambda v: torch.vstack([v, v]), "torch.vstack .* samples"),
    "transpose with the samples": (lambda v: v.transpose(0, 1), "torch.transpose .* samples"),
    "select of a sample": (lambda v: torch.select(v, 0, 2), "torch.select .* samples"),
    "inner product of samples": (lambda x: torch.matmul(x, x), "torch.matmul .* samples"),
    "norm of everything": (lambda v: torch.norm(v), "dim=-1"),
    "1-norm": (lambda v: torch.norm(v, p=1, dim=-1), "Euclidean"),
    "dot": (lambda x: torch.dot(x, x), "torch.dot has no derivative rule"),
    "sort": (lambda v: torch.sort(v), "torch.sort has no derivative rule"),
    "gamma function": (lambda x: torch.lgamma(x), "torch.lgamma has no derivative rule"),
    "in place": (lambda x: x.add_(1.0), "torch.add_ .* in place.* torch.add"),
    "out": (lambda x: torch.sin(x, out=torch.empty(9)), "out="),
    "clamp by a jet": (lambda x: torch.clamp(x, min=x), "torch.minimum"),
    "components of a scalar": (lambda x: x[0], r"u\[0\]"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_mixes_samples_or_has_no_derivative_is_refused_by_name(case: str) -> None:
    function, words = REFUSALS[case]
    scope = {"x": coordinate(FRAME, points(), "x"), "v": constant(FRAME, V)}
    with pytest.raises(TypeError, match=words):
        _ = call(function, scope).value


def test_every_function_along_a_dimension_is_known_to_keep_the_samples() -> None:
    mixing = {name for name, rule in LINEAR.items() if rule.along is not None}
    assert mixing == {"sum", "mean", "cumsum", "cat", "stack", "flip", "roll", "repeat_interleave"}


def test_a_second_rule_of_a_function_is_refused() -> None:
    with pytest.raises(ValueError, match="sin have a derivative rule already"):
        add_rules({"sin": RULES["cos"]})
    with pytest.raises(ValueError, match="sin have a rule already"):
        implements("sin")(lambda x: x)
