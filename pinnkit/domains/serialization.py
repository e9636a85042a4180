"""Domains as plain dictionaries, for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from .axes import Axis, Role
from .ball import Disk
from .box import Box
from .combination import OPERANDS, Difference, Intersection, Operand, Union
from .moved import Moved
from .product import SHAPES, Product, Shape
from .shapes.motion import Motion

__all__ = ["domain_from_dict", "domain_to_dict"]

T = TypeVar("T")

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

# Combinations are registered here, where there is something to combine for their examples.
SHAPES.register(examples=lambda: {"disk on a box": Box(x=(0, 2), y=(0, 1)) | Disk(x=2, y=0.5, radius=0.7)})(Union)
SHAPES.register(examples=lambda: {"lens": Disk(x=0, y=0) & Disk(x=1, y=0)})(Intersection)
SHAPES.register(examples=lambda: {"hole": Box(x=(0, 1), y=(0, 1)) - Disk(x=0.4, y=0.4, radius=0.25)})(Difference)
_TURN = Motion.plane_rotation(0.3, (0, 0))
SHAPES.register(examples=lambda: {"turned box": Moved.by(_TURN, Box(x=(0, 2), y=(0, 1)))})(Moved)


def domain_to_dict(domain: object) -> dict[str, Json]:
    """Return a box, a registered shape, or a product of one, as a dictionary ready for `json.dumps`.

    Raises:
        ValueError: for any other domain, and for a shape that holds a function.
    """
    if isinstance(domain, Box):
        return {"type": "Box", "axes": [_axis_to_dict(axis) for axis in domain.axes]}
    product = Product(domain) if isinstance(domain, Shape) else domain
    if not isinstance(product, Product) or not SHAPES.holds(product.shape):
        raise ValueError(
            f"domain_to_dict: `domain` must be a Box, one of the shapes {', '.join(e.name for e in SHAPES)}, or such a "
            f"shape times Time and Parameters, got {domain!r}; register a shape of your own with @SHAPES.register()"
        )
    arguments = {name: _plain(value) for name, value in product.shape.arguments.items()}
    factors = [_axis_to_dict(axis) for axis in product.factors]
    return {"type": type(product.shape).__name__, "arguments": arguments, "factors": factors}


def domain_from_dict(data: Mapping[str, Json]) -> Box | Shape | Product:
    """Return the domain that `domain_to_dict` wrote.

    Raises:
        ValueError: for a shape that is not registered, or arguments that it refuses.
    """
    match data:
        case {"type": "Box", "axes": [*axes]}:
            return Box.of(*(_axis_from_dict(axis) for axis in axes))
        case {"type": str(name), "arguments": Mapping() as arguments, "factors": [*factors]}:
            cls = SHAPES[name].cls
            shape = _made(name, cls, arguments)
            return Product(shape, tuple(_axis_from_dict(axis) for axis in factors)) if factors else shape
    raise ValueError(f"domain_from_dict: `data` must be what domain_to_dict returned, got {data!r}")


def _axis_to_dict(axis: Axis) -> dict[str, Json]:
    return {
        "name": axis.name,
        "lower": axis.lower,
        "upper": axis.upper,
        "role": axis.role.value,
        "dim": axis.dim,
        "periodic": axis.periodic,
    }


def _axis_from_dict(data: Json) -> Axis:
    match data:
        case {
            "name": str(name),
            "lower": float() | int() as lower,
            "upper": float() | int() as upper,
            "role": str(role),
            "dim": int(dim),
            "periodic": bool(periodic),
        }:
            return Axis(name, lower, upper, Role(role), dim, periodic)
    raise ValueError(f"domain_from_dict: an axis must have name, lower, upper, role, dim and periodic, got {data!r}")


def _plain(value: object) -> Json:
    """An argument of a shape, with shapes in it as dictionaries."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Operand) and OPERANDS.holds(value):
        return {"operand": type(value).__name__, "arguments": {k: _plain(v) for k, v in value.arguments.items()}}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return domain_to_dict(value)


def _value(data: Json) -> object:
    """The argument that `_plain` wrote."""
    match data:
        case {"operand": str(name), "arguments": Mapping() as arguments}:
            return _made(name, OPERANDS[name].cls, arguments)
        case Mapping():
            return domain_from_dict(data)
        case list():
            return tuple(_value(item) for item in data)
    return data


def _made(name: str, cls: type[T], arguments: Mapping[object, Json]) -> T:
    try:
        return cls(**{str(key): _value(value) for key, value in arguments.items()})
    except TypeError as error:
        raise ValueError(f"domain_from_dict: {name} does not take these arguments: {error}") from None
