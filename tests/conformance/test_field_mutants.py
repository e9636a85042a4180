"""Mutants of fields: each breaks one thing, and one named check of the suite of fields must fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pinnkit.fields import MLP, spec_to_dict
from tests.conformance.test_fields import (
    CHECKS,
    VALUES,
    bounds,
    check_device,
    check_global_generator_untouched,
    check_jets_pass_through,
    check_learning_rates,
    check_modules_can_be_sent_and_copied,
    check_purity,
    check_readout,
    check_round_trip,
    check_scaling,
    check_seed,
    check_shape_and_dtype,
    check_single_precision_is_the_rounded_double,
    check_smoothness,
    check_spec_is_a_value,
    specs,
)


class Wrapped(nn.Module):
    """A field whose forward is changed."""

    def __init__(self, inner: Any, forward: Callable[[Any, Tensor], Tensor], smoothness: float) -> None:
        super().__init__()
        self.inner, self.change, self.smoothness = inner, forward, smoothness
        self.readout, self.scaling, self.trunk = inner.readout, inner.scaling, inner.trunk

    def forward(self, coords: Tensor) -> Tensor:
        return self.change(self.inner, coords)


@dataclass(frozen=True)
class ForwardMutant:
    """A perceptron with a changed forward, and perhaps another smoothness declared."""

    change: Callable[[Any, Tensor], Tensor]
    base: Any = field(default_factory=lambda: MLP(width=12, depth=2))
    smoothness: float = math.inf

    def build(self, *args: Any, **kwargs: Any) -> nn.Module:
        return Wrapped(self.base.build(*args, **kwargs), self.change, self.smoothness)


@dataclass(frozen=True)
class BuildMutant:
    """A perceptron with a changed build."""

    change: Callable[..., nn.Module]
    smoothness: float = math.inf

    def build(self, axes: Any, outputs: int, *, generator: Any, dtype: Any, device: Any) -> nn.Module:
        return self.change(MLP(width=12, depth=2), axes, outputs, generator=generator, dtype=dtype, device=device)


@dataclass
class MutableSpec:
    """Not frozen."""

    width: int = 12
    __hash__ = object.__hash__


@dataclass(frozen=True)
class HashedByIdentity:
    """Equal specs have different hashes."""

    width: int = 12
    __hash__ = object.__hash__


@dataclass(frozen=True)
class SpecWithALambda:
    """Frozen, but it cannot be sent to another process."""

    activation: Callable[[Tensor], Tensor] = field(default_factory=lambda: lambda x: x)


def unchanged(module: Any, coords: Tensor) -> Tensor:
    return module(coords)


def remembers_its_last_input(module: Any, coords: Tensor) -> Tensor:
    shift = getattr(module, "last", torch.zeros(()))
    module.last = coords.mean()
    return module(coords) + shift


def with_scale_outside_the_graph(module: Any, coords: Tensor) -> Tensor:
    """FINER as published: sin((|z| + 1) z) with the factor taken as constant, so that every derivative is wrong."""
    hidden = module.trunk(coords)
    return module.readout(torch.sin((3 * hidden.abs() + 1).detach() * hidden))


def ignores_the_generator(base: Any, axes: Any, outputs: int, *, generator: Any, **kwargs: Any) -> nn.Module:
    del generator
    return base.build(axes, outputs, generator=torch.Generator().manual_seed(torch.seed() % 2**31), **kwargs)


def always_the_same_weights(base: Any, axes: Any, outputs: int, *, generator: Any, **kwargs: Any) -> nn.Module:
    del generator
    return base.build(axes, outputs, generator=torch.Generator().manual_seed(0), **kwargs)


def draws_globally_and_overwrites(base: Any, axes: Any, outputs: int, **kwargs: Any) -> nn.Module:
    nn.Linear(3, 3)
    return base.build(axes, outputs, **kwargs)


def always_double(base: Any, axes: Any, outputs: int, *, dtype: Any, **kwargs: Any) -> nn.Module:
    del dtype
    return base.build(axes, outputs, dtype=torch.float64, **kwargs)


def stays_on_the_host(base: Any, axes: Any, outputs: int, *, device: Any, **kwargs: Any) -> nn.Module:
    del device
    return base.build(axes, outputs, device="cpu", **kwargs)


def draws_in_the_asked_dtype(base: Any, axes: Any, outputs: int, *, generator: Any, **kwargs: Any) -> nn.Module:
    if kwargs["dtype"] == torch.float32:  # single precision takes another number of words from the generator
        torch.rand(1, generator=generator)
    return base.build(axes, outputs, generator=generator, **kwargs)


def trains_the_parameters_of_another(base: Any, axes: Any, outputs: int, **kwargs: Any) -> nn.Module:
    module, other = base.build(axes, outputs, **kwargs), base.build(axes, outputs, **kwargs)
    module.learning_rates = lambda: dict.fromkeys(other.parameters(), 1e-3)
    return module


def holds_a_lambda(base: Any, axes: Any, outputs: int, **kwargs: Any) -> nn.Module:
    module = base.build(axes, outputs, **kwargs)
    module.scale = lambda values: values
    return module


def shares_its_weights(base: Any, axes: Any, outputs: int, **kwargs: Any) -> nn.Module:
    class Shared(nn.Module):
        smoothness = math.inf

        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner, self.readout = inner, inner.readout

        def forward(self, coords: Tensor) -> Tensor:
            return self.inner(coords)

        def __deepcopy__(self, memo: Any) -> nn.Module:
            return Shared(self.inner)

        def __reduce__(self) -> Any:
            return Scaled, (self.inner, 1.0)

    return Shared(base.build(axes, outputs, **kwargs))


class Scaled(nn.Module):
    """A module times a factor."""

    smoothness = math.inf

    def __init__(self, inner: nn.Module, factor: float) -> None:
        super().__init__()
        self.inner, self.factor = inner, factor

    def forward(self, coords: Tensor) -> Tensor:
        return self.factor * self.inner(coords)


def loses_a_factor(base: Any, axes: Any, outputs: int, **kwargs: Any) -> nn.Module:
    class Lossy(Scaled):
        def __reduce__(self) -> Any:
            return Scaled, (self.inner, 1.0)

    module = Lossy(base.build(axes, outputs, **kwargs), 2.0)
    module.readout = module.inner.readout
    return module


def unscaled(base: Any, axes: Any, outputs: int, **kwargs: Any) -> nn.Module:
    module = base.build(axes, outputs, **kwargs)
    module.scaling = nn.Identity()
    return module


def scaled_to_zero_one(base: Any, axes: Any, outputs: int, **kwargs: Any) -> nn.Module:
    module = base.build(axes, outputs, **kwargs)
    lower, _ = bounds(axes)
    module.scaling.center = lower.to(module.scaling.center)
    module.scaling.rate = module.scaling.rate / 2
    return module


RELU = MLP(width=12, depth=2, activation="relu")

MUTANTS = [
    (check_shape_and_dtype, ForwardMutant(lambda module, coords: module(coords).squeeze(-1))),
    (check_shape_and_dtype, BuildMutant(always_double)),
    (check_device, BuildMutant(stays_on_the_host)),
    (check_purity, ForwardMutant(remembers_its_last_input)),
    (check_purity, ForwardMutant(lambda module, coords: module(coords) - module(coords).mean(0))),
    (check_seed, BuildMutant(ignores_the_generator)),
    (check_seed, BuildMutant(always_the_same_weights)),
    (check_global_generator_untouched, BuildMutant(draws_globally_and_overwrites)),
    (check_single_precision_is_the_rounded_double, BuildMutant(draws_in_the_asked_dtype)),
    (check_scaling, BuildMutant(unscaled)),
    (check_scaling, BuildMutant(scaled_to_zero_one)),
    (check_readout, ForwardMutant(lambda module, coords: torch.tanh(module(coords)))),
    (check_smoothness, ForwardMutant(unchanged, base=RELU, smoothness=math.inf)),
    (check_smoothness, ForwardMutant(unchanged, base=RELU, smoothness=2)),
    (check_smoothness, ForwardMutant(unchanged, smoothness=1)),
    (check_smoothness, ForwardMutant(with_scale_outside_the_graph)),
    (check_smoothness, ForwardMutant(lambda module, coords: module(coords.detach()))),
    (check_jets_pass_through, ForwardMutant(lambda module, coords: module(torch.clone(coords)))),
    (check_learning_rates, BuildMutant(trains_the_parameters_of_another)),
    (check_modules_can_be_sent_and_copied, BuildMutant(holds_a_lambda)),
    (check_modules_can_be_sent_and_copied, BuildMutant(shares_its_weights)),
    (check_modules_can_be_sent_and_copied, BuildMutant(loses_a_factor)),
    (check_spec_is_a_value, MutableSpec()),
    (check_spec_is_a_value, HashedByIdentity()),
    (check_spec_is_a_value, SpecWithALambda()),
]


@pytest.mark.parametrize(("check", "mutant"), MUTANTS, ids=lambda value: getattr(value, "__name__", None))
def test_the_suite_catches_a_broken_field(check: Callable[[Any], None], mutant: Any) -> None:
    state = torch.get_rng_state()
    try:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check(mutant)
    finally:
        torch.set_rng_state(state)


@pytest.mark.parametrize(
    "check",
    [check for check in CHECKS if check not in VALUES and check is not check_modules_can_be_sent_and_copied],
    ids=lambda check: check.__name__,
)
def test_the_wrapping_of_a_mutant_is_not_what_is_caught(check: Callable[[Any], None]) -> None:
    check(ForwardMutant(unchanged))
    check(BuildMutant(lambda base, *args, **kwargs: base.build(*args, **kwargs)))


@pytest.mark.parametrize("spec", specs(), ids=repr)
def test_the_suite_catches_an_argument_lost_on_the_way_to_a_file(spec: Any) -> None:
    changed = [item.name for item in fields(spec) if getattr(spec, item.name) != _default(item)]
    assert changed
    for lost in changed:

        def lossy(spec: Any, lost: str = lost) -> dict[str, Any]:
            return {key: value for key, value in spec_to_dict(spec).items() if key != lost}

        with pytest.raises((AssertionError, ValueError)):
            check_round_trip(spec, lossy)


def _default(item: Any) -> Any:
    return item.default_factory() if callable(item.default_factory) else item.default
