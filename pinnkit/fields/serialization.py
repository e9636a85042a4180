"""Specs to and from plain dictionaries, for files: a name and arguments, nothing that is executed on reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pinnkit.fields.encodings.interpolation import Multilinear, Smoothstep
from pinnkit.fields.grids.hash_grid import HashGrid
from pinnkit.fields.grids.multilevel_grid import MultilevelGrid
from pinnkit.fields.grids.planes_and_lines import PlanesAndLines
from pinnkit.fields.grids.voxels import Voxels
from pinnkit.fields.mlp.fourier import FourierMLP
from pinnkit.fields.mlp.gauss import Gauss
from pinnkit.fields.mlp.geometric import GeometricMLP
from pinnkit.fields.mlp.mlp import MLP
from pinnkit.fields.mlp.positional import PositionalMLP
from pinnkit.fields.mlp.siren import Siren
from pinnkit.fields.mlp.wire import Wire
from pinnkit.fields.polynomials.additive import Additive
from pinnkit.fields.polynomials.expansion import Expansion
from pinnkit.fields.polynomials.total_degree import TotalDegree
from pinnkit.fields.radiance.radiance_planes import RadiancePlanes
from pinnkit.fields.radiance.view_mlp import ViewMLP

from .base import FieldSpec
from .evolved_modes import MarchedSpec
from .piecewise_in_time import Slabbed
from .random_fourier import RandomFourier

_OWN: tuple[Any, ...] = (Siren, FourierMLP, MLP, RandomFourier, Additive, TotalDegree, Expansion, Slabbed, MarchedSpec)
_OWN += (Gauss, Wire, GeometricMLP, PositionalMLP, HashGrid, MultilevelGrid)
_OWN += (PlanesAndLines, RadiancePlanes, ViewMLP, Voxels)
SPECS: Mapping[str, Any] = MappingProxyType({cls.__name__: cls for cls in _OWN})
_PARTS: Mapping[str, Any] = MappingProxyType({cls.__name__: cls for cls in (Multilinear, Smoothstep)})
"""What specs are made of beside numbers, words and other specs: objects without arguments."""


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
    return {"type": name} | {key: _plain(value) for key, value in arguments.items()}


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
    spec: FieldSpec = SPECS[name](**{key: _read(value) for key, value in arguments.items()})
    return spec


def _plain(value: Any) -> Any:
    """Tuples as lists, specs within a spec and its other parts as dictionaries."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if _PARTS.get(type(value).__name__) is type(value):
        return {"part": type(value).__name__}
    return spec_to_dict(value) if hasattr(value, "build") else value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    if isinstance(value, Mapping) and "part" in value:
        if value["part"] not in _PARTS:
            raise ValueError(
                f"spec_from_dict: 'part' must be one of {', '.join(_PARTS)}, got {value['part']!r}; "
                f"was the file written by a newer version?"
            )
        return _PARTS[value["part"]]()
    return spec_from_dict(value) if isinstance(value, Mapping) and "type" in value else value
