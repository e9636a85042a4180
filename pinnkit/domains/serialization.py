"""Domains as plain dictionaries, for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .axes import Axis, Role
from .box import Box
from .product import SHAPES, Plain, Product, Shape

__all__ = ["domain_from_dict", "domain_to_dict"]

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


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
            try:
                shape = cls(**{str(key): _tuples(value) for key, value in arguments.items()})
            except TypeError as error:
                raise ValueError(f"domain_from_dict: {name} does not take these arguments: {error}") from None
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


def _plain(value: Plain) -> Json:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _tuples(value: Json) -> object:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
