"""Specs to and from plain dictionaries, for files: a name and arguments, nothing that is executed on reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .base import FieldSpec
from .fourier import FourierMLP
from .mlp import MLP
from .random_fourier import RandomFourier
from .siren import Siren

SPECS: Mapping[str, Any] = MappingProxyType({cls.__name__: cls for cls in (Siren, FourierMLP, MLP, RandomFourier)})


def spec_to_dict(spec: FieldSpec) -> dict[str, Any]:
    """Return {"type": name, argument: value, ...} of one of the package's own specs, ready for `json.dumps`.

    Raises:
        ValueError: for any other object, which could not be read back.
    """
    name = type(spec).__name__
    if SPECS.get(name) is not type(spec):
        raise ValueError(
            f"spec_to_dict: `spec` must be one of pinnkit's own field specs ({', '.join(SPECS)}), got {spec!r}; "
            f"a field of your own cannot be read back from a file: keep the code that builds it"
        )
    arguments = {field.name: getattr(spec, field.name) for field in dataclasses.fields(SPECS[name])}
    return {"type": name} | {key: list(v) if isinstance(v, tuple) else v for key, v in arguments.items()}


def spec_from_dict(data: Mapping[str, Any]) -> FieldSpec:
    """Return the spec that `spec_to_dict` wrote; arguments left out take their defaults.

    Raises:
        ValueError: for a type or an argument that does not exist, and for arguments that the spec refuses.
    """
    if not isinstance(data, Mapping) or "type" not in data:
        raise ValueError(
            f"spec_from_dict: `data` must be a mapping with the key 'type', got {data!r}; "
            f"pass what spec_to_dict returned"
        )
    name = data["type"]
    if not isinstance(name, str) or name not in SPECS:
        raise ValueError(
            f"spec_from_dict: 'type' must be one of {', '.join(SPECS)}, got {name!r}; "
            f"was the file written by a newer version, or with a field of its own?"
        )
    arguments = {key: value for key, value in data.items() if key != "type"}
    known = [field.name for field in dataclasses.fields(SPECS[name])]
    for key in arguments:
        if key not in known:
            raise ValueError(
                f"spec_from_dict: {name} has the arguments {', '.join(known)}, got {key!r}; "
                f"was the file written by a newer version?"
            )
    spec: FieldSpec = SPECS[name](**arguments)
    return spec
