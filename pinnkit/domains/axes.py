"""Axes: the names, bounds and roles of coordinates, and how axes become the columns of a point array."""

import keyword
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from numbers import Integral, Real
from typing import TypeGuard

import torch
from torch import Tensor

RESERVED = ("n", "d", "grad", "laplacian", "hessian", "value")
"""Names that an axis may not have: `n` is the outward normal, the others are attributes of a jet."""


class Role(Enum):
    """Role of a coordinate; gradients, normals and boundaries refer to space only."""

    SPACE = "space"
    TIME = "time"
    PARAMETER = "parameter"


@dataclass(frozen=True)
class Axis:
    """One named coordinate with its bounds; `dim` > 1 makes it a vector with the same bounds in every component.

    `lower == upper` is allowed: an axis of explicit points may hold a single value.  `periodic` says that both ends are
    one place: fields over such an axis are periodic by construction.

    Raises:
        ValueError: for a name that is no identifier or reserved, bounds that are not finite or not ordered, `dim` < 1.
    """

    name: str
    lower: float
    upper: float
    role: Role = Role.SPACE
    dim: int = 1
    periodic: bool = False

    def __post_init__(self) -> None:
        check_name("Axis", self.name)
        if not (is_finite(self.lower) and is_finite(self.upper) and self.lower <= self.upper):
            raise ValueError(
                f"Axis: `{self.name}` needs finite bounds with lower <= upper, got ({self.lower!r}, {self.upper!r})"
            )
        if not isinstance(self.role, Role):
            raise TypeError(f"Axis: `role` of `{self.name}` must be a Role, such as Role.SPACE, got {self.role!r}")
        check_count("Axis", "dim", self.dim)
        if not isinstance(self.periodic, bool):
            raise TypeError(f"Axis: `periodic` of `{self.name}` must be True or False, got {self.periodic!r}")
        object.__setattr__(self, "lower", float(self.lower))
        object.__setattr__(self, "upper", float(self.upper))
        object.__setattr__(self, "dim", int(self.dim))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of this axis: `("x",)`, or `("x[0]", ..., "x[dim-1]")` for a vector."""
        if self.dim == 1:
            return (self.name,)
        return tuple(f"{self.name}[{component}]" for component in range(self.dim))

    @property
    def extent(self) -> float:
        """Length of one column, `upper - lower`."""
        return self.upper - self.lower

    def with_time(self, lower: float, upper: float) -> "Axis":
        """The time axis from `lower` to `upper`; any other axis as it is."""
        return replace(self, lower=lower, upper=upper) if self.role is Role.TIME else self


def columns(axes: Sequence[Axis]) -> tuple[str, ...]:
    """Names of all columns of a point array, in the order of the axes."""
    return tuple(name for axis in axes for name in axis.columns)


def space_columns(axes: Sequence[Axis]) -> tuple[int, ...]:
    """Indices of the columns that are space: the columns of a normal, in this order."""
    roles = [axis.role for axis in axes for _ in range(axis.dim)]
    return tuple(index for index, role in enumerate(roles) if role is Role.SPACE)


def bounds(axes: Sequence[Axis]) -> tuple[Tensor, Tensor]:
    """Lower and upper bound of every column, each `(d,)` in float64."""
    lower = [axis.lower for axis in axes for _ in range(axis.dim)]
    upper = [axis.upper for axis in axes for _ in range(axis.dim)]
    return torch.tensor(lower, dtype=torch.float64), torch.tensor(upper, dtype=torch.float64)


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether `value` is a finite real number; NumPy scalars are, booleans and strings are not."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def check_name(owner: str, name: object) -> None:
    """Refuse axis names that could not be the argument of a function, or that mean something else there."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(
            f"{owner}: an axis name must be an identifier, as it becomes the argument of functions, got {name!r}"
        )
    if name in RESERVED:
        raise ValueError(f"{owner}: `{name}` is reserved, choose another axis name; reserved are {RESERVED}")


def check_distinct(owner: str, axes: Sequence[Axis]) -> None:
    """Refuse two axes of one name."""
    seen: set[str] = set()
    for axis in axes:
        if axis.name in seen:
            raise ValueError(f"{owner}: there are two axes `{axis.name}`; every axis needs a name of its own")
        seen.add(axis.name)


def check_count(owner: str, argument: str, value: object) -> None:
    """Refuse anything but a whole number of at least one."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{owner}: `{argument}` must be a whole number >= 1, got {value!r}")
    if value < 1:
        raise ValueError(f"{owner}: `{argument}` must be >= 1, got {value!r}")


def check_coords(owner: str, coords: object, names: tuple[str, ...]) -> None:
    """Refuse anything but a tensor with one column for each name.

    Raises:
        ValueError: with the expected and the given shape.
    """
    if not isinstance(coords, Tensor) or coords.ndim != 2 or coords.shape[1] != len(names):
        shown = names if len(names) <= 8 else (*names[:3], "...", names[-1])
        got = f"shape {tuple(coords.shape)}" if isinstance(coords, Tensor) else repr(type(coords))
        raise ValueError(f"{owner}: `coords` must be a tensor (n, {len(names)}), columns {shown}, got {got}")


def moved_ends(
    axes: Sequence[Axis], walls: tuple[tuple[str, float], ...], lower: float, upper: float
) -> tuple[tuple[str, float], ...]:
    """Pairs (column, value), where ends of the time axis become `lower` and `upper`."""
    times = [axis for axis in axes if axis.role is Role.TIME]
    ends = {(a.name, end): new for a in times for end, new in ((a.lower, lower), (a.upper, upper))}
    return tuple((name, ends.get((name, value), value)) for name, value in walls)


def number(value: float) -> str:
    """A float as one would type it: `0` rather than `0.0`."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
