"""Conformance suite of fields: checks of every registered field; `test_field_mutants` has seen the checks fail.

A new field takes part as soon as it is registered with examples.  `EXEMPT` names the checks that do not apply, with the
reason.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pinnkit.fields import (
    ACTIVATIONS,
    FIELDS,
    EvolvedModesField,
    PiecewisePolynomialField,
    spec_from_dict,
    spec_to_dict,
)
from pinnkit.fields.protocols import TrainsItself, unsettled


@dataclass(frozen=True)
class Axis:
    """The attributes of an axis that a field may rely on."""

    lower: float
    upper: float
    dim: int = 1
    name: str = "x"
    periodic: bool = False


AXES = (Axis(0.0, 2.0), Axis(-3.0, 5.0, dim=2, name="y"))
VIEW_AXES = (Axis(0.0, 2.0), Axis(-3.0, 5.0, dim=2, name="y"), Axis(-1.0, 1.0, dim=3, name="view"))
PLANE = (Axis(0.0, 2.0), Axis(0.0, 3.0, name="t"))
CLOCK = (Axis(0.0, 3.0, name="t"),)
AXES_OF = {
    "RadiancePlanes": VIEW_AXES,
    "ViewMLP": VIEW_AXES,
    "EvolvedModes": PLANE,
    "PiecewisePolynomial": CLOCK,
    "TrefftzFunctions": PLANE,
}
"""Axes of the fields that are not built over three coordinates."""
LENGTHS = ("GeometricMLP",)
"""Fields that are a length at the start: in a box k times as large their values are k times as large."""
DRAWN_FROM_NOTHING = ("Additive", "TotalDegree", "EvolvedModes", "PiecewisePolynomial", "TrefftzFunctions")
"""Fields that are the same for every seed."""


def name_of(spec: Any) -> str:
    return type(spec).__name__


def axes_of(spec: Any) -> tuple[Axis, ...]:
    return AXES_OF.get(name_of(spec), AXES)


def build(spec: Any, *, axes: tuple[Axis, ...] | None = None, outputs: int = 2, dtype: Any = torch.float64) -> Any:
    generator = torch.Generator().manual_seed(7)
    module = spec.build(axes or axes_of(spec), outputs, generator=generator, dtype=dtype, device="cpu")
    readout = getattr(module, "readout", None)
    if readout is not None and not torch.any(readout.weight):  # zero would let every comparison pass
        with torch.no_grad():
            readout.weight.copy_(torch.linspace(-1, 1, readout.weight.numel()).view(outputs, -1))
    if isinstance(module, EvolvedModesField) and module.times_0.device.type != "meta":
        fill(module)
    if isinstance(module, PiecewisePolynomialField) and module.times.device.type != "meta":
        module.times.copy_(torch.arange(len(module.times)))  # steps of length 1
        module.coefficients.copy_(torch.linspace(-1, 1, module.coefficients.numel()).view_as(module.coefficients))
    return module


def fill(module: EvolvedModesField) -> None:
    """Steps of length 1, with coefficients that a march would compute."""
    start = 0
    for i, piece in enumerate(module.spec.pieces):
        values = {
            "times": torch.arange(start, start + piece.steps + 1),
            "map": torch.tensor([0.0, 1.0] + [0.0, 0.0, 1.0] * max(piece.sites, 0)),
            **{name: torch.linspace(-1, 1, module.get_buffer(f"{name}_{i}").numel()) for name in ("powers", "waves")},
            "rates": torch.linspace(-1, 0, module.get_buffer(f"rates_{i}").numel()),
        }
        for name, value in values.items():
            buffer = module.get_buffer(f"{name}_{i}")
            buffer.copy_(value.view_as(buffer))
        start += piece.steps


def points(n: int, axes: tuple[Axis, ...] = AXES, *, dtype: torch.dtype = torch.float64) -> Tensor:
    unit = torch.rand(n, columns(axes), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return on_axes(unit, axes).to(dtype)


def columns(axes: tuple[Axis, ...]) -> int:
    return sum(axis.dim for axis in axes)


def on_axes(unit: Tensor, axes: tuple[Axis, ...]) -> Tensor:
    lower, upper = bounds(axes)
    return lower + (upper - lower) * unit


def bounds(axes: tuple[Axis, ...]) -> tuple[Tensor, Tensor]:
    lower = torch.tensor([axis.lower for axis in axes for _ in range(axis.dim)], dtype=torch.float64)
    return lower, torch.tensor([axis.upper for axis in axes for _ in range(axis.dim)], dtype=torch.float64)


# ---------------------------------------------------------------- the checks, each raising AssertionError


def check_shape_and_dtype(spec: Any) -> None:
    for outputs in (2, 3) if axes_of(spec) == VIEW_AXES else (1, 3):  # a density alone is no radiance field
        for dtype in (torch.float32, torch.float64):
            values = build(spec, outputs=outputs, dtype=dtype)(points(5, axes_of(spec), dtype=dtype))
            assert values.shape == (5, outputs)
            assert values.dtype == dtype
            assert torch.all(torch.isfinite(values))


def check_device(spec: Any) -> None:
    module = spec.build(axes_of(spec), 2, generator=torch.Generator(), dtype=torch.float32, device="meta")
    assert all(tensor.device.type == "meta" for tensor in module.state_dict().values())


def check_purity(spec: Any) -> None:
    module, first = build(spec), points(8, axes_of(spec))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    values = module(first)
    module(points(5, axes_of(spec)) + 0.1)
    assert torch.equal(module(first), values)
    backwards = torch.flip(module(torch.flip(first, [0])), [0])
    torch.testing.assert_close(backwards, values, rtol=1e-12, atol=1e-12)
    one_by_one = torch.cat([module(row[None]) for row in first])
    torch.testing.assert_close(one_by_one, values, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def check_seed(spec: Any) -> None:
    def state(seed: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return spec.build(axes_of(spec), 2, generator=generator, dtype=torch.float64, device="cpu").state_dict()

    once, again, other = state(0), state(0), state(1)
    assert once.keys() == again.keys()
    assert all(torch.equal(once[name], again[name]) for name in once)
    if name_of(spec) in DRAWN_FROM_NOTHING:
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
    axes, factor = axes_of(spec), 1.0
    stretched = (Axis(0.0, 100.0), Axis(1e3, 1e3 + 1, dim=2, name="y"), *axes[2:])
    if name_of(spec) in LENGTHS:
        stretched, factor = (Axis(7.0, 107.0), Axis(1e3, 1.4e3, dim=2, name="y")), 50.0
    unit = torch.rand(9, columns(axes), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    here, there = build(spec), build(spec, axes=stretched)
    expected = factor * here(on_axes(unit, axes))
    torch.testing.assert_close(there(on_axes(unit, stretched)), expected, rtol=1e-9, atol=1e-9)
    corners = torch.stack(bounds(stretched))
    expected = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).expand(2, columns(axes))
    torch.testing.assert_close(there.scaling(corners), expected, rtol=1e-12, atol=0)


def check_readout(spec: Any) -> None:
    module, coords = build(spec), points(6, axes_of(spec))
    assert isinstance(module.readout, nn.Linear)
    assert module.trunk(coords).shape == (6, module.readout.in_features)
    torch.testing.assert_close(module.readout(module.trunk(coords)), module(coords), rtol=0, atol=0)


def check_smoothness(spec: Any) -> None:
    """Up to the declared order, the integral of each derivative along a line is the change of the one before it."""
    assert build(spec).smoothness == spec.smoothness
    declared = spec.smoothness
    errors = fundamental_theorem_errors(build(spec), axes_of(spec), orders=4 if declared >= 4 else int(declared) + 1)
    assert max(errors[: int(min(declared, 4))]) < 2e-3
    if declared < 4:
        assert errors[int(declared)] > 0.1, "the field is smoother than it declares"


def fundamental_theorem_errors(module: Any, axes: tuple[Axis, ...], *, orders: int, n: int = 4000) -> list[float]:
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    along = torch.cat([torch.tensor([0.0, 1.0], dtype=torch.float64), middle])[:, None].requires_grad_()
    direction, start = torch.tensor([[1.0, 0.7, -0.4, 0.6, -0.5, 0.8], [0.0, 0.1, 0.9, 0.2, 0.7, 0.1]]).double()
    line = along * direction[: columns(axes)] + start[: columns(axes)]
    derivative = module(on_axes(line, axes))[:, :1]
    errors = []
    for _ in range(orders):
        change = derivative[1] - derivative[0]
        (derivative,) = torch.autograd.grad(derivative.sum(), along, create_graph=True, materialize_grads=True)
        scale = torch.maximum(derivative.abs().max(), change.abs()).clamp(min=1e-12)
        errors.append(((derivative[2:].mean() - change).abs() / scale).item())
    return errors


def check_jets_pass_through(spec: Any) -> None:
    """A bundle of value and directional derivative goes through forward and trunk as a tensor of coordinates does."""
    module, coords = build(spec), points(7, axes_of(spec))
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


def sent(value: Any) -> Any:
    """`value` as another process gets it."""
    try:
        return pickle.loads(pickle.dumps(value))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise AssertionError(f"cannot be sent to another process: {error}") from error


def check_spec_is_a_value(spec: Any) -> None:
    twin = type(spec)(**{item.name: getattr(spec, item.name) for item in fields(spec)})
    for other in (twin, sent(spec), copy.deepcopy(spec), copy.copy(spec)):
        assert type(other) is type(spec)
        assert other == spec
        assert hash(other) == hash(spec)
    with pytest.raises(AttributeError):
        spec.width = 3


def check_modules_can_be_sent_and_copied(spec: Any) -> None:
    """Pickled and deep-copied modules have the same values, and share no tensor with the original."""
    module, coords = build(spec), points(6, axes_of(spec))
    for other in (sent(module), copy.deepcopy(module)):
        assert torch.equal(other(coords), module(coords))
        assert other.smoothness == module.smoothness
        own = {tensor.data_ptr() for tensor in module.state_dict().values() if tensor.numel()}
        assert not own & {tensor.data_ptr() for tensor in other.state_dict().values()}


def check_round_trip(spec: Any, to_dict: Callable[[Any], dict[str, Any]] = spec_to_dict) -> None:
    again = spec_from_dict(json.loads(json.dumps(to_dict(spec))))
    assert again == spec
    assert hash(again) == hash(spec)
    if unsettled(spec):
        return
    first, second = build(spec).state_dict(), build(again).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def check_learning_rates(spec: Any) -> None:
    """The learning rates that a field asks for are of parameters of its own."""
    module = build(spec)
    rates = module.learning_rates() if isinstance(module, TrainsItself) else {}
    own = {id(parameter) for parameter in module.parameters()}
    assert {id(parameter) for parameter in rates} <= own
    assert all(1e-6 < rate < 1 for rate in rates.values())
    assert bool(rates) == (getattr(spec, "learning_rate", None) is not None)


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
    check_modules_can_be_sent_and_copied,
    check_spec_is_a_value,
    check_round_trip,
]
VALUES = (check_spec_is_a_value, check_round_trip)

_NO_READOUT = "has no linear read-out"
_STEPS = (
    "has steps in the unit of time, which join smoothly where a march made them: tests/fields/test_evolved_modes.py"
)
EXEMPT: dict[str, dict[Callable[[Any], None], str]] = {
    "RadiancePlanes": {check_readout: _NO_READOUT, check_jets_pass_through: _NO_READOUT},
    "ViewMLP": {check_readout: _NO_READOUT, check_jets_pass_through: _NO_READOUT},
    "Voxels": {check_readout: _NO_READOUT, check_jets_pass_through: _NO_READOUT},
    "PiecewiseInTime": {
        check_readout: _NO_READOUT,
        check_jets_pass_through: _NO_READOUT,
        check_scaling: "has edges in the unit of time",
        check_smoothness: "jumps at its edges",
    },
    "PiecewisePolynomial": {
        check_readout: _NO_READOUT,
        check_jets_pass_through: "takes Taylor coefficients in closed form",
        check_scaling: "has steps in the unit of time",
        check_smoothness: "has steps, which join smoothly where a march made them: tests/fields/",
    },
    "EvolvedModes": {
        check_readout: _NO_READOUT,
        check_jets_pass_through: "takes Taylor coefficients in closed form",
        check_scaling: _STEPS,
        check_smoothness: _STEPS,
    },
    "TrefftzFunctions": {
        check_jets_pass_through: "takes Taylor coefficients in closed form",
        check_scaling: "has centres and lengths in the unit of the coordinates",
    },
}


def cases() -> list[Any]:
    """Every check of every example; of a spec that `solve` has to complete, those of the spec alone."""
    return [
        pytest.param(spec, check, id=f"{entry.name} {name}-{check.__name__}")
        for entry in FIELDS
        for name, spec in entry.examples().items()
        for check in (VALUES if unsettled(spec) else CHECKS)
        if check not in EXEMPT.get(entry.name, {})
    ]


def specs() -> list[Any]:
    """The examples of all fields."""
    return [spec for entry in FIELDS for spec in entry.examples().values()]


@pytest.mark.parametrize(("spec", "check"), cases())
def test_every_field_conforms(spec: Any, check: Callable[[Any], None]) -> None:
    check(spec)


def test_the_examples_cover_every_field_and_every_activation() -> None:
    """No argument of an example is at its default, so that one that is lost on the way to a file shows."""
    assert len(list(FIELDS)) >= 19
    for entry in FIELDS:
        examples = entry.examples().values()
        assert examples
        assert all(type(spec) is entry.cls for spec in examples)
        for item in fields(entry.cls):
            assert any(getattr(spec, item.name) != item.default for spec in examples), (entry.name, item.name)
    assert {spec.activation for spec in FIELDS["MLP"].examples().values()} == set(ACTIVATIONS)


def test_exemptions_are_of_registered_fields() -> None:
    assert set(EXEMPT) | set(AXES_OF) <= {entry.name for entry in FIELDS}
