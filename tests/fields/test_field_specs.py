"""Specs as values and in files; the table of bad input."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import pinnkit.fields as fields
from pinnkit.fields import (
    MLP,
    FieldSpec,
    FourierMLP,
    Gauss,
    GeometricMLP,
    RandomFourier,
    Siren,
    Wire,
    spec_from_dict,
    spec_to_dict,
)

X = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=1.0, dim=1)
V = SimpleNamespace(name="x", periodic=False, lower=0.0, upper=1.0, dim=3)


def build(spec: Any, **changes: Any) -> Any:
    arguments = dict(axes=(X, V), outputs=1, generator=torch.Generator(), dtype=torch.float64, device="cpu") | changes
    return spec.build(arguments.pop("axes"), arguments.pop("outputs"), **arguments)


# what is called, and words of the message: the argument, the expectation, what came, the repair
BAD_INPUT: list[tuple[Callable[[], object], list[str]]] = [
    (lambda: Siren(width=0), ["Siren: `width`", "at least 1", "got 0", "64 is a good start"]),
    (lambda: Siren(width=6.5), ["Siren: `width`", "whole number", "got 6.5"]),
    (lambda: Siren(width=True), ["Siren: `width`", "whole number", "got True"]),
    (lambda: Siren(depth=0), ["Siren: `depth`", "at least 1", "got 0"]),
    (lambda: Siren(omega=0), ["Siren: `omega`", "above 0", "got 0", "4 to 10 for equations"]),
    (lambda: Siren(omega=-4.0), ["Siren: `omega`", "above 0", "got -4.0"]),
    (lambda: Siren(omega=math.nan), ["Siren: `omega`", "finite", "got nan"]),
    (lambda: Siren(omega="30"), ["Siren: `omega`", "number", "got '30'"]),
    (lambda: Siren(omega=()), ["Siren: `omega`", "one such number per layer", "got ()"]),
    (lambda: Siren(depth=3, omega=(1.0, -2.0, 3.0)), ["Siren: `omega`", "above 0", "got (1.0, -2.0, 3.0)"]),
    (lambda: Siren(depth=3, omega=(1.0, 2.0)), ["Siren: `omega`", "depth = 3", "tuple of 2", "first layer first"]),
    (lambda: Siren(first_omega=0.0), ["Siren: `first_omega`", "above 0", "got 0.0", "leave it out"]),
    (lambda: Siren(omega=(1, 2, 3), first_omega=9), ["Siren: `first_omega`", "None", "got 9", "first entry"]),
    (lambda: MLP(width=-1), ["MLP: `width`", "at least 1", "got -1"]),
    (lambda: MLP(depth=0), ["MLP: `depth`", "at least 1", "got 0"]),
    (lambda: MLP(activation="swish"), ["MLP: `activation`", "'tanh', 'sin'", "got 'swish'", "suits equations"]),
    (lambda: MLP(activation=torch.tanh), ["MLP: `activation`", "one of 'tanh'", "got <built-in"]),
    (lambda: FourierMLP(features=0), ["FourierMLP: `features`", "at least 1", "got 0"]),
    (lambda: FourierMLP(sigma=-1.0), ["FourierMLP: `sigma`", "above 0", "got -1.0", "suits equations"]),
    (lambda: FourierMLP(width=0), ["FourierMLP: `width`", "at least 1", "got 0"]),
    (lambda: FourierMLP(depth=0), ["FourierMLP: `depth`", "at least 1", "got 0"]),
    (lambda: FourierMLP(learned="yes"), ["FourierMLP: `learned`", "True or False", "got 'yes'"]),
    (lambda: FourierMLP(activation="sine"), ["FourierMLP: `activation`", "got 'sine'"]),
    (lambda: build(FourierMLP(sigma=(1.0, 2.0, 3.0))), ["FourierMLP: `sigma`", "2 (one per axis) or 4", "tuple of 3"]),
    (lambda: RandomFourier(features=0), ["RandomFourier: `features`", "at least 1", "got 0", "400"]),
    (lambda: RandomFourier(bandwidth=-8.0), ["RandomFourier: `bandwidth`", "above 0", "got -8.0", "solve() choose"]),
    (lambda: RandomFourier(bandwidth=(1.0, math.inf)), ["RandomFourier: `bandwidth`", "finite", "got (1.0, inf)"]),
    (lambda: build(RandomFourier()), ["RandomFourier.build: `bandwidth`", "got None", "solve() chooses", "8.0"]),
    (
        lambda: build(RandomFourier(bandwidth=(1.0, 2.0, 3.0)), axes=(X, X)),
        ["RandomFourier: `bandwidth`", "tuple of 2", "tuple of 3", "one for each"],
    ),
    (lambda: Gauss(width=0), ["Gauss: `width`", "at least 1", "got 0", "64 is a good start"]),
    (lambda: Gauss(scale=0.0), ["Gauss: `scale`", "above 0", "got 0.0", "30 for images"]),
    (lambda: Wire(width=1), ["Wire: `width`", "at least 2", "got 1", "complex unit"]),
    (lambda: Wire(depth=0), ["Wire: `depth`", "at least 1", "got 0"]),
    (lambda: Wire(omega=-1.0), ["Wire: `omega`", "above 0", "got -1.0", "20 suits images"]),
    (lambda: Wire(omega=50.0, scale=10.0), ["Wire: `omega`", "at most 4 times `scale`", "50 and 10", "at most 20"]),
    (lambda: GeometricMLP(radius=0), ["GeometricMLP: `radius`", "above 0", "got 0", "half of the way"]),
    (lambda: GeometricMLP(beta=math.inf), ["GeometricMLP: `beta`", "finite", "got inf", "nearly a ReLU"]),
    (lambda: GeometricMLP(depth=4, skip=4), ["GeometricMLP: `skip`", "0 to depth - 1 = 3", "got 4", "half way"]),
    (
        lambda: build(GeometricMLP(width=4)),
        ["GeometricMLP.build: `width`", "above the 4 columns", "got 4", "skip=0"],
    ),
    (lambda: build(Siren(), outputs=0), ["Siren.build: `outputs`", "at least 1", "got 0", "components"]),
    (lambda: build(MLP(), axes=()), ["MLP.build: `axes`", "at least one axis", "got none", "of the domain"]),
    (
        lambda: build(MLP(), axes=(SimpleNamespace(name="x", periodic=False, lower=1.0, upper=1.0, dim=1),)),
        ["MLP.build: `axes`", "lower < upper", "lower=1.0", "extent of the domain"],
    ),
    (
        lambda: build(MLP(), axes=(SimpleNamespace(name="x", periodic=False, lower=0.0, upper=math.inf, dim=1),)),
        ["MLP.build: `axes`", "finite bounds", "upper=inf"],
    ),
    (lambda: build(MLP(), generator=0), ["MLP.build: `generator`", "torch.Generator", "got 0", "manual_seed"]),
    (lambda: build(MLP(), dtype=torch.int64), ["MLP.build: `dtype`", "floating-point", "torch.int64", "torch.float64"]),
    (lambda: build(MLP(), dtype="float32"), ["MLP.build: `dtype`", "floating-point", "got 'float32'"]),
    (lambda: spec_from_dict({"type": "Sirene"}), ["'type'", "Siren, FourierMLP", "got 'Sirene'", "newer version"]),
    (lambda: spec_from_dict({"type": ["Siren"]}), ["'type'", "got ['Siren']"]),
    (lambda: spec_from_dict({"width": 3}), ["`data`", "key 'type'", "got {'width': 3}", "spec_to_dict"]),
    (lambda: spec_from_dict("Siren()"), ["`data`", "mapping", "got 'Siren()'"]),
    (lambda: spec_from_dict({"type": "MLP", "widht": 3}), ["MLP", "width, depth, activation", "got 'widht'", "newer"]),
    (lambda: spec_from_dict({"type": "MLP", "smoothness": 9}), ["MLP", "width, depth, activation", "'smoothness'"]),
    (lambda: spec_from_dict({"type": "Siren", "smoothness": 9}), ["Siren", "first_omega", "got 'smoothness'"]),
    (lambda: spec_from_dict({"type": "MLP", "width": 0}), ["MLP: `width`", "at least 1", "got 0"]),
    (lambda: spec_to_dict(torch.nn.Tanh()), ["`spec`", "Siren, FourierMLP, MLP, RandomFourier", "Tanh()", "own"]),
]


@pytest.mark.parametrize(("call", "words"), BAD_INPUT, ids=[" ".join(words[:3]) for _, words in BAD_INPUT])
def test_bad_input_is_refused_with_argument_expectation_value_and_repair(call: Any, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r": ") as caught:
        call()
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert "\n" not in message
    assert "; " in message, "a repair follows the semicolon"


def test_a_spec_reads_as_it_is_typed() -> None:
    for spec in (Siren(omega=(1.0, 2.0, 3.0)), FourierMLP(sigma=2.0, learned=True), MLP(), RandomFourier()):
        assert eval(repr(spec), vars(fields)) == spec  # the repr of our own spec


def test_lists_and_whole_numbers_become_tuples_and_floats() -> None:
    assert Siren(depth=2, omega=[4, 5]) == Siren(depth=2, omega=(4.0, 5.0))
    assert repr(Siren(omega=4)) == repr(Siren(omega=4.0))
    assert hash(FourierMLP(sigma=[1, 2])) == hash(FourierMLP(sigma=(1.0, 2.0)))


def test_a_spec_in_a_file_is_its_name_and_its_arguments() -> None:
    assert json.loads(json.dumps(spec_to_dict(Siren(depth=2, omega=(4.0, 5.0))))) == {
        "type": "Siren",
        "width": 64,
        "depth": 2,
        "omega": [4.0, 5.0],
        "first_omega": None,
    }


def test_arguments_left_out_of_a_file_take_their_defaults() -> None:
    assert spec_from_dict({"type": "RandomFourier", "bandwidth": 3.0}) == RandomFourier(bandwidth=3.0)


def test_a_class_that_borrows_the_name_of_a_spec_is_not_written() -> None:
    class Siren:
        smoothness = 1

    with pytest.raises(ValueError, match="must be one of the registered field specs"):
        spec_to_dict(Siren())


def test_a_built_field_carries_its_spec() -> None:
    for spec in (Siren(), FourierMLP(), MLP(activation="relu"), RandomFourier(bandwidth=1.0)):
        assert isinstance(spec, FieldSpec)
        module = build(spec)
        assert module.spec == spec
        assert module.smoothness == spec.smoothness
        assert not isinstance(module, FieldSpec)


def test_every_public_name_has_a_docstring() -> None:
    names = [name for name in vars(fields) if name[0].isupper() or name.startswith("spec_")]
    assert len(names) >= 12
    for name in names:
        if name not in ("ACTIVATIONS",):
            assert getattr(fields, name).__doc__
