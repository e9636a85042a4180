"""The same part of space during another stretch of time."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from .axes import Axis, Role
from .factors import Time
from .point_set import PointSet

__all__ = ["retimed"]

P = TypeVar("P")


def retimed(part: P, lower: float, upper: float) -> P:
    """`part` with its time axis from `lower` to `upper`; the ends of time move along.

    Raises:
        TypeError: for a part whose time cannot be changed, such as given points.
    """
    if isinstance(part, PointSet):
        raise TypeError(f"retimed: given points have their own times, got {part!r}")
    found: P = _moved(part, lower, upper)
    return found


def _moved(value: Any, lower: float, upper: float) -> Any:
    if isinstance(value, Axis):
        return dataclasses.replace(value, lower=lower, upper=upper) if value.role is Role.TIME else value
    if isinstance(value, Time):
        return Time(lower, upper)
    if isinstance(value, tuple):
        return tuple(_moved(item, lower, upper) for item in value)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    given = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    moved = {name: _moved(item, lower, upper) for name, item in given.items()}
    if "walls" in given:  # pairs of a column and its value, where the value may be an end of time
        axes: tuple[Axis, ...] = getattr(value, "axes")  # noqa: B009  (a part has axes; a dataclass need not)
        times = [a for a in axes if a.role is Role.TIME]
        ends = {(a.name, end): new for a in times for end, new in ((a.lower, lower), (a.upper, upper))}
        moved["walls"] = tuple((name, ends.get((name, at), at)) for name, at in given["walls"])
    if moved == given:
        return value
    found = object.__new__(type(value))  # every part was checked when it was made; only its time differs
    for name, item in moved.items():
        object.__setattr__(found, name, item)
    return found
