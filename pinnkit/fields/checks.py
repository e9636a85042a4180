"""Checks of the arguments of fields: each message names the argument, the expectation, the value and a repair."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

import torch

from .protocols import AxisLike


def count(owner: str, name: str, value: object, *, repair: str) -> int:
    """Return `value` as an int of at least 1; raises ValueError otherwise (a bool is no count)."""
    if not isinstance(value, bool) and isinstance(value, numbers.Integral) and int(value) >= 1:
        return int(value)
    raise ValueError(f"{owner}: `{name}` must be a whole number of at least 1, got {value!r}; {repair}")


def counts(spec: object, **starts: int) -> None:
    """Check that each named argument of `spec` is a whole number of at least 1, and keep it as an int.

    Raises:
        ValueError: for another value, with the number given here as a good start.
    """
    for name, start in starts.items():
        value = count(type(spec).__name__, name, getattr(spec, name), repair=f"{start} is a good start")
        object.__setattr__(spec, name, value)


def positives(spec: object, **repairs: str) -> None:
    """Check that each named argument of `spec` is a finite number above 0, and keep it as a float.

    Raises:
        ValueError: for another value, with the repair given here.
    """
    for name, repair in repairs.items():
        object.__setattr__(spec, name, positive(type(spec).__name__, name, getattr(spec, name), repair=repair))


def flags(spec: object, **repairs: str) -> None:
    """Raise ValueError, with the repair given here, unless each named argument of `spec` is True or False."""
    for name, repair in repairs.items():
        value = getattr(spec, name)
        if not isinstance(value, bool):
            raise ValueError(f"{type(spec).__name__}: `{name}` must be True or False, got {value!r}; {repair}")


def positive(owner: str, name: str, value: object, *, repair: str) -> float:
    """Return `value` as a finite float above 0; raises ValueError otherwise."""
    if _is_positive(value):
        return float(value)  # type: ignore[arg-type]
    raise ValueError(f"{owner}: `{name}` must be a finite number above 0, got {value!r}; {repair}")


def positive_or_tuple(owner: str, name: str, value: object, *, each: str, repair: str) -> float | tuple[float, ...]:
    """Return `value` as a finite float above 0 or as a tuple of such; raises ValueError otherwise.

    `each` names the owner of one entry of the tuple ("layer", "axis"); lists, as JSON has them, become tuples.
    """
    if _is_positive(value):
        return float(value)  # type: ignore[arg-type]
    if isinstance(value, Sequence) and not isinstance(value, str) and value and all(map(_is_positive, value)):
        return tuple(float(v) for v in value)
    raise ValueError(
        f"{owner}: `{name}` must be a finite number above 0, or a tuple with one such number per {each}, "
        f"got {value!r}; {repair}"
    )


def count_or_tuple(owner: str, name: str, value: object, *, each: str, repair: str) -> int | tuple[int, ...]:
    """Return `value` as an int of at least 1 or as a tuple of such; raises ValueError otherwise."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return tuple(count(owner, name, item, repair=f"one for each {each}: {repair}") for item in value)
    return count(owner, name, value, repair=f"one number, or a tuple with one per {each}: {repair}")


def per_column(owner: str, name: str, value: float | tuple[float, ...], axes: Sequence[AxisLike]) -> torch.Tensor:
    """Spread one number, one per axis, or one per coordinate column over the columns: (d_total,) float64."""
    dims = [axis.dim for axis in axes]
    columns = sum(dims)
    if isinstance(value, float):
        values = [value] * columns
    elif len(value) == columns:
        values = list(value)
    elif len(value) == len(dims):
        values = [v for v, dim in zip(value, dims, strict=True) for _ in range(dim)]
    else:
        wanted = f"{columns}" if columns == len(dims) else f"{len(dims)} (one per axis) or {columns} (one per column)"
        raise ValueError(
            f"{owner}: `{name}` must be one number or a tuple of {wanted}, got a tuple of {len(value)}: {value!r}; "
            f"give one number for all axes, or one for each"
        )
    return torch.tensor(values, dtype=torch.float64)


def build_arguments(
    owner: str, axes: Sequence[AxisLike], outputs: int, *, generator: torch.Generator, dtype: torch.dtype
) -> int:
    """Check the arguments that every `build` has; return the number of coordinate columns, d_total."""
    if not len(axes):
        raise ValueError(f"{owner}.build: `axes` must name at least one axis, got none; pass the axes of the domain")
    for axis in axes:
        if not isinstance(axis, AxisLike):
            raise ValueError(
                f"{owner}.build: `axes` must have name, lower, upper, dim and periodic each, got {axis!r}; "
                f"pass the axes of a domain, or objects with these attributes"
            )
        if not (math.isfinite(axis.lower) and math.isfinite(axis.upper) and axis.lower < axis.upper):
            raise ValueError(
                f"{owner}.build: `axes` must have finite bounds with lower < upper, got {axis!r}; "
                f"coordinates are scaled to [-1, 1] from them, so give each axis the extent of the domain"
            )
    count(f"{owner}.build", "outputs", outputs, repair="give the number of scalar components that the field returns")
    if not isinstance(generator, torch.Generator) or generator.device.type != "cpu":
        raise ValueError(
            f"{owner}.build: `generator` must be a torch.Generator on the CPU, so that every device starts from the "
            f"same weights, got {generator!r}; use torch.Generator().manual_seed(0)"
        )
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(
            f"{owner}.build: `dtype` must be a real floating-point type, got {dtype!r}; "
            f"use torch.float64 (equations) or torch.float32"
        )
    return sum(axis.dim for axis in axes)


def even(owner: str, name: str, value: int) -> None:
    """Raise ValueError unless `value` is even: two features are stored side by side and read as one complex number."""
    if value % 2:
        raise ValueError(f"{owner}: `{name}` must be even, since they are read two at a time, got {value}; 2 is usual")


def growing(owner: str, coarsest: int, finest: int) -> None:
    """Raise ValueError where the last level of a grid would be coarser than its first."""
    if finest < coarsest:
        raise ValueError(
            f"{owner}: `finest` must be at least `coarsest` = {coarsest}, got {finest}; "
            f"the levels go from coarse to fine, so lower `coarsest` or raise `finest`"
        )


def grid_dimension(owner: str, columns: int, *, most: int) -> None:
    """Raise ValueError for more coordinate columns than a grid has axes."""
    if columns > most:
        raise ValueError(
            f"{owner}.build: `axes` must have at most {most} coordinate columns (a periodic one counts twice), got "
            f"{columns}: a cell would have 2**{columns} corners; use Siren or FourierMLP in more dimensions"
        )


def _is_positive(value: object) -> bool:
    return (
        not isinstance(value, bool)
        and isinstance(value, numbers.Real)
        and math.isfinite(float(value))
        and float(value) > 0
    )
