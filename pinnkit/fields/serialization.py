"""Specs to and from plain dictionaries, for files: a name and arguments, nothing that is executed on reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .protocols import FieldSpec
from .registry import FIELDS, INTERPOLATIONS

__all__ = ["spec_from_dict", "spec_to_dict"]

_FORMER_NAMES = {"Slabbed": "PiecewiseInTime", "MarchedSpec": "EvolvedModes"}
"""Names of classes in files of earlier versions, and their names today."""


def spec_to_dict(spec: FieldSpec) -> dict[str, Any]:
    """Return {"type": name, argument: value, ...} of a registered spec, ready for `json.dumps`.

    Raises:
        ValueError: for an object of a class that is not registered, which could not be read back.
    """
    if not FIELDS.holds(spec):
        raise ValueError(
            f"spec_to_dict: `spec` must be one of the registered field specs ({_known()}), got {spec!r}; "
            f"register a field of your own by @FIELDS.register() beside its class, so that files can be read back"
        )
    return {"type": type(spec).__name__} | _arguments(spec)


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
    name = _FORMER_NAMES.get(name, name) if isinstance(name, str) else name
    if not isinstance(name, str) or name not in FIELDS:
        raise ValueError(
            f"spec_from_dict: 'type' must be one of {_known()}, got {name!r}; was the file written by a newer "
            f"version, or with a field of its own? Import the script that registers it first"
        )
    arguments = {key: value for key, value in data.items() if key != "type"}
    made: FieldSpec = _make(name, FIELDS[name].cls, arguments)
    return made


def _known() -> str:
    return ", ".join(entry.name for entry in FIELDS)


def _make(name: str, cls: Any, arguments: Mapping[str, Any]) -> Any:
    fields = [field for field in dataclasses.fields(cls) if field.init]
    known = [field.name for field in fields]
    for key in arguments:
        if key not in known:
            raise ValueError(
                f"spec_from_dict: {name} has the arguments {', '.join(known)}, got {key!r}; "
                f"was the file written by a newer version?"
            )
    needed = [f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING]
    missing = [argument for argument in needed if argument not in arguments]
    if missing:
        raise ValueError(f"spec_from_dict: {name} needs the arguments {', '.join(missing)}; is the file damaged?")
    return cls(**{key: _read(value) for key, value in arguments.items()})


def _arguments(value: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value):
        raise ValueError(
            f"spec_to_dict: {type(value).__name__} must be a dataclass, whose fields a file holds, got {value!r}; "
            f"write @dataclass(frozen=True) above the class"
        )
    return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value) if item.init}


def _plain(value: Any) -> Any:
    """Convert tuples to lists, specs and interpolations within a spec to dictionaries."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if INTERPOLATIONS.holds(value):
        return {"part": type(value).__name__} | _arguments(value)
    return spec_to_dict(value) if isinstance(value, FieldSpec) else value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    if isinstance(value, Mapping) and "part" in value:
        name = value["part"]
        if not isinstance(name, str) or name not in INTERPOLATIONS:
            raise ValueError(
                f"spec_from_dict: 'part' must be one of {', '.join(entry.name for entry in INTERPOLATIONS)}, "
                f"got {name!r}; was the file written by a newer version?"
            )
        arguments = {key: item for key, item in value.items() if key != "part"}
        return _make(name, INTERPOLATIONS[name].cls, arguments)
    return spec_from_dict(value) if isinstance(value, Mapping) and "type" in value else value
