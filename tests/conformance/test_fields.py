"""What every field has to hold, checked for each spec of the package; `test_field_mutants` has seen the checks fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields import (
    ACTIVATIONS,
    MLP,
    Additive,
    FourierMLP,
    Gauss,
    GeometricMLP,
    HashGrid,
    MultilevelGrid,
    PlanesAndLines,
    PositionalMLP,
    RandomFourier,
    Siren,
    Smoothstep,
    TotalDegree,
    Wire,
    spec_from_dict,
    spec_to_dict,
)


@dataclass(frozen=True)
class Axis:
    """As much of an axis as a field may rely on."""

    lower: float
    upper: float
    dim: int = 1


AXES = (Axis(0.0, 2.0), Axis(-3.0, 5.0, dim=2))
COLUMNS = 3

# No argument at its default, so that one that is lost on the way to a file shows.
FIELDS = [
    Siren(width=12, depth=2, omega=(3.0, 5.0)),
    Siren(width=10, depth=4, omega=3.0, first_omega=2.0),
    FourierMLP(features=6, sigma=(0.2, 0.3), width=12, depth=2, activation="gelu"),
    FourierMLP(features=5, sigma=0.3, learned=True, width=11, depth=1, activation="sin"),
    RandomFourier(features=30, bandwidth=(2.0, 3.0)),
    RandomFourier(features=31, bandwidth=(2.0, 3.0, 1.0)),
    *[MLP(width=12, depth=2, activation=name) for name in ACTIVATIONS],
    Additive(degree=5),
    Additive(degree=5, order=2, pair_degree=4, pairs=((0, 2), (1, 2))),
    TotalDegree(degree=4),
    TotalDegree(degree=5, cross=True),
    Gauss(width=12, depth=2, scale=1.5),
    Wire(width=14, depth=2, omega=3.0, scale=2.0),
    GeometricMLP(width=12, depth=3, radius=0.4, beta=6.0, skip=2),
    PositionalMLP(frequencies=2, inputs=False, width=12, depth=3, skip=2, activation="silu"),
    PositionalMLP(frequencies=1, width=13, depth=2, skip=None),
    HashGrid(levels=3, features=4, rows=16, coarsest=2, finest=5, width=12, depth=1, activation="tanh"),
    HashGrid(levels=2, rows=8, coarsest=1, finest=2, interpolation=Smoothstep(), width=13, depth=1, activation="sin"),
    MultilevelGrid(levels=2, coarsest=2, finest=(4, 3), width=12, depth=1),
    MultilevelGrid(
        levels=3, features=4, coarsest=1, finest=4, interpolation=Smoothstep(), centred=False, activation="gelu"
    ),
    PlanesAndLines(resolution=(3, 4, 5), components=3, width=12, depth=2, activation="tanh"),
    PlanesAndLines(resolution=(4, 3, 2), components=5, interpolation=Smoothstep(), depth=0),
]
LENGTHS = (GeometricMLP,)
"""Fields that are a length at the start: in a box k times as large their values are k times as large."""
DRAWN_FROM_NOTHING = (Additive, TotalDegree)
"""Polynomials are the same for every seed."""


def build(spec: Any, *, axes: tuple[Axis, ...] = AXES, outputs: int = 2, dtype: torch.dtype = torch.float64) -> Any:
    module = spec.build(axes, outputs, generator=torch.Generator().manual_seed(7), dtype=dtype, device="cpu")
    if not torch.any(module.readout.weight):  # a read-out that begins at zero would let every comparison pass
        with torch.no_grad():
            module.readout.weight.copy_(torch.linspace(-1, 1, module.readout.weight.numel()).view(outputs, -1))
    return module


def points(n: int, axes: tuple[Axis, ...] = AXES, *, dtype: torch.dtype = torch.float64) -> Tensor:
    unit = torch.rand(n, COLUMNS, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return on_axes(unit, axes).to(dtype)


def on_axes(unit: Tensor, axes: tuple[Axis, ...]) -> Tensor:
    lower, upper = bounds(axes)
    return lower + (upper - lower) * unit


def bounds(axes: tuple[Axis, ...]) -> tuple[Tensor, Tensor]:
    lower = torch.tensor([axis.lower for axis in axes for _ in range(axis.dim)], dtype=torch.float64)
    return lower, torch.tensor([axis.upper for axis in axes for _ in range(axis.dim)], dtype=torch.float64)


# ---------------------------------------------------------------- the checks, each raising AssertionError


def check_shape_and_dtype(spec: Any) -> None:
    for outputs in (1, 3):
        for dtype in (torch.float32, torch.float64):
            values = build(spec, outputs=outputs, dtype=dtype)(points(5, dtype=dtype))
            assert values.shape == (5, outputs)
            assert values.dtype == dtype
            assert torch.all(torch.isfinite(values))


def check_device(spec: Any) -> None:
    module = spec.build(AXES, 2, generator=torch.Generator(), dtype=torch.float32, device="meta")
    assert all(tensor.device.type == "meta" for tensor in module.state_dict().values())


def check_purity(spec: Any) -> None:
    module, first = build(spec), points(8)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    values = module(first)
    module(points(5) + 0.1)
    assert torch.equal(module(first), values)
    backwards = torch.flip(module(torch.flip(first, [0])), [0])
    torch.testing.assert_close(backwards, values, rtol=1e-12, atol=1e-12)
    one_by_one = torch.cat([module(row[None]) for row in first])
    torch.testing.assert_close(one_by_one, values, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def check_seed(spec: Any) -> None:
    def state(seed: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return spec.build(AXES, 2, generator=generator, dtype=torch.float64, device="cpu").state_dict()

    once, again, other = state(0), state(0), state(1)
    assert once.keys() == again.keys()
    assert all(torch.equal(once[name], again[name]) for name in once)
    if isinstance(spec, DRAWN_FROM_NOTHING):
        assert all(torch.equal(once[name], other[name]) for name in once)
    else:
        assert any(not torch.equal(once[name], other[name]) for name in once)


def check_global_generator_untouched(spec: Any) -> None:
    before = torch.get_rng_state()
    build(spec)
    assert torch.equal(torch.get_rng_state(), before)


def check_single_precision_is_the_rounded_double(spec: Any) -> None:
    single, double = build(spec, dtype=torch.float32).state_dict(), build(spec).state_dict()
    assert all(torch.equal(single[name], double[name].to(torch.float32)) for name in double)


def check_scaling(spec: Any) -> None:
    stretched, factor = (Axis(0.0, 100.0), Axis(1e3, 1e3 + 1, dim=2)), 1.0
    if isinstance(spec, LENGTHS):
        stretched, factor = (Axis(7.0, 107.0), Axis(1e3, 1.4e3, dim=2)), 50.0
    unit = torch.rand(9, COLUMNS, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    here, there = build(spec), build(spec, axes=stretched)
    expected = factor * here(on_axes(unit, AXES))
    torch.testing.assert_close(there(on_axes(unit, stretched)), expected, rtol=1e-9, atol=1e-9)
    corners = torch.stack(bounds(stretched))
    expected = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).expand(2, COLUMNS)
    torch.testing.assert_close(there.scaling(corners), expected, rtol=1e-12, atol=0)


def check_readout(spec: Any) -> None:
    module, coords = build(spec), points(6)
    assert isinstance(module.readout, nn.Linear)
    assert module.trunk(coords).shape == (6, module.readout.in_features)
    torch.testing.assert_close(module.readout(module.trunk(coords)), module(coords), rtol=0, atol=0)


def check_smoothness(spec: Any) -> None:
    """Up to the declared order, the integral of each derivative along a line is the change of the one before it."""
    assert build(spec).smoothness == spec.smoothness
    declared = spec.smoothness
    errors = fundamental_theorem_errors(build(spec), orders=4 if declared >= 4 else int(declared) + 1)
    assert max(errors[: int(min(declared, 4))]) < 2e-3
    if declared < 4:
        assert errors[int(declared)] > 0.1, "the field is smoother than it declares"


def fundamental_theorem_errors(module: Any, *, orders: int, n: int = 4000) -> list[float]:
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    along = torch.cat([torch.tensor([0.0, 1.0], dtype=torch.float64), middle])[:, None].requires_grad_()
    line = along * torch.tensor([1.0, 0.7, -0.4], dtype=torch.float64) + torch.tensor([0.0, 0.1, 0.9])
    derivative = module(on_axes(line, AXES))[:, :1]
    errors = []
    for _ in range(orders):
        change = derivative[1] - derivative[0]
        (derivative,) = torch.autograd.grad(derivative.sum(), along, create_graph=True, materialize_grads=True)
        scale = torch.maximum(derivative.abs().max(), change.abs()).clamp(min=1e-12)
        errors.append(((derivative[2:].mean() - change).abs() / scale).item())
    return errors


def check_jets_pass_through(spec: Any) -> None:
    """A bundle of value and directional derivative goes through forward and trunk as a tensor of coordinates does."""
    module, coords = build(spec), points(7)
    direction = torch.ones_like(coords)
    for function in (module.forward, module.trunk):
        value, tangent = torch.autograd.functional.jvp(function, (coords,), (direction,))
        bundle = function(Bundle(coords, direction))
        torch.testing.assert_close(bundle.value, value, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(bundle.tangent, tangent, rtol=1e-12, atol=1e-12)


class Bundle:
    """First-order Taylor bundle; knows nothing of a tensor but its shape and the functions that fields may use."""

    allowed = frozenset(
        {F.linear, torch.sub, torch.mul, torch.add, torch.cat, torch.sin, torch.cos, torch.tanh, torch.sigmoid}
        | {torch.relu, F.gelu, F.silu, F.softplus, torch.index_select, torch.exp, torch.neg, torch.square, torch.clamp}
    )

    def __init__(self, value: Tensor, tangent: Tensor) -> None:
        self.value, self.tangent, self.shape = value, tangent, value.shape

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.floor:  # a plain tensor, as its derivative is zero
            return func(args[0].value)
        assert func in cls.allowed, f"a field must not use {func}"
        bundles = [b for arg in args for b in (arg if isinstance(arg, list) else [arg]) if isinstance(b, cls)]

        def of_values(*values: Tensor) -> Tensor:
            left = iter(values)

            def put(arg: Any) -> Any:
                return [put(a) for a in arg] if isinstance(arg, list) else next(left) if isinstance(arg, cls) else arg

            return func(*map(put, args), **(kwargs or {}))

        return cls(
            *torch.autograd.functional.jvp(
                of_values, tuple(b.value for b in bundles), tuple(b.tangent for b in bundles)
            )
        )


def check_spec_is_a_value(spec: Any) -> None:
    twin = type(spec)(**{item.name: getattr(spec, item.name) for item in fields(spec)})
    assert twin == spec
    assert hash(twin) == hash(spec)
    with pytest.raises(AttributeError):
        spec.width = 3


def check_round_trip(spec: Any, to_dict: Callable[[Any], dict[str, Any]] = spec_to_dict) -> None:
    again = spec_from_dict(json.loads(json.dumps(to_dict(spec))))
    assert again == spec
    assert hash(again) == hash(spec)
    first, second = build(spec).state_dict(), build(again).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def check_learning_rates(spec: Any) -> None:
    """Where a field says how fast to train, it says it of parameters of its own."""
    module = build(spec)
    rates = module.learning_rates() if hasattr(module, "learning_rates") else {}
    own = {id(parameter) for parameter in module.parameters()}
    assert {id(parameter) for parameter in rates} <= own
    assert all(1e-6 < rate < 1 for rate in rates.values())
    assert bool(rates) == hasattr(spec, "learning_rate")


CHECKS = [
    check_shape_and_dtype,
    check_device,
    check_purity,
    check_seed,
    check_global_generator_untouched,
    check_single_precision_is_the_rounded_double,
    check_scaling,
    check_readout,
    check_smoothness,
    check_jets_pass_through,
    check_learning_rates,
    check_spec_is_a_value,
    check_round_trip,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("spec", FIELDS, ids=repr)
def test_every_field_conforms(spec: Any, check: Callable[[Any], None]) -> None:
    check(spec)
