"""Checks of the arguments that shapes share: centres by name, sizes, intervals along an axis."""

from __future__ import annotations

from collections.abc import Mapping

from pinnkit.domains.axes import check_name, is_finite

__all__ = ["Place", "centers", "placed", "positive"]

Place = float | tuple[float, float]
"""A coordinate, or the two coordinates between which a shape extends."""


def centers(owner: str, given: Mapping[str, object], dim: int, example: str) -> dict[str, float]:
    """One number for each of `dim` axes of space.

    Raises:
        ValueError: for another number of axes, a name that is reserved or that of time, or a value that is not finite.
    """
    found = placed(owner, given, dim, example)
    out: dict[str, float] = {}
    for name, value in found.items():
        if isinstance(value, tuple):
            raise ValueError(f"{owner}: `{name}` must be a finite number, got {value!r}; for example {example}")
        out[name] = value
    return out


def placed(owner: str, given: Mapping[str, object], dim: int, example: str) -> dict[str, Place]:
    """A number or a pair of numbers for each of `dim` axes of space.

    Raises:
        ValueError: as `centers` does.
    """
    if len(given) != dim:
        raise ValueError(f"{owner}: give {dim} axes of space, such as {example}, got {tuple(given) or 'none'}")
    out: dict[str, Place] = {}
    for name, value in given.items():
        check_name(owner, name)
        if name == "t":
            raise ValueError(f"{owner}: `t` is time, not space; multiply by Time(lower, upper)")
        if is_finite(value):
            out[name] = float(value)
        elif isinstance(value, tuple | list) and len(value) == 2 and all(map(is_finite, value)):
            out[name] = (float(value[0]), float(value[1]))
        else:
            raise ValueError(f"{owner}: `{name}` must be a finite number, got {value!r}; for example {example}")
    return out


def positive(owner: str, argument: str, value: object) -> float:
    """A finite number above 0.

    Raises:
        ValueError: for anything else.
    """
    if not is_finite(value) or not value > 0:
        raise ValueError(f"{owner}: `{argument}` must be a finite number above 0, got {value!r}")
    return float(value)
