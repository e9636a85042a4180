"""Factors of a domain: bounds, vector axes, `Time` and `Parameters`."""

from collections.abc import Mapping
from dataclasses import dataclass

from .axes import Axis, Role, check_count, check_name, is_finite, number


@dataclass(frozen=True)
class Cube:
    """Bounds of a vector axis: `Box(x=Cube(0, 1, dim=100))` has one axis `x` with 100 columns.

    Raises:
        ValueError: when the bounds are not finite with lower < upper, or `dim` < 1.
    """

    lower: float
    upper: float
    dim: int

    def __post_init__(self) -> None:
        _check_interval("Cube", "the bounds", self.lower, self.upper)
        check_count("Cube", "dim", self.dim)

    def __repr__(self) -> str:
        return f"Cube({number(float(self.lower))}, {number(float(self.upper))}, dim={self.dim})"


@dataclass(frozen=True)
class Time:
    """The time axis `t` as a factor: `shape * Time(0, 2)`.

    Raises:
        ValueError: when the bounds are not finite with lower < upper.
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        _check_interval("Time", "the bounds", self.lower, self.upper)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The one axis `t`."""
        return (Axis("t", self.lower, self.upper, Role.TIME),)

    def __repr__(self) -> str:
        return f"Time({number(float(self.lower))}, {number(float(self.upper))})"


@dataclass(frozen=True, init=False, repr=False)
class Parameters:
    """Parameter axes as a factor: `shape * Parameters(nu=(0.01, 0.1))` makes `nu` a coordinate of the solution.

    Raises:
        ValueError: for bad names or bounds, and for the name `t`, which is time.
    """

    axes: tuple[Axis, ...]

    def __init__(self, **bounds: tuple[float, float] | Cube) -> None:
        if not bounds:
            raise ValueError("Parameters: give at least one parameter, such as Parameters(nu=(0.01, 0.1))")
        if "t" in bounds:
            raise ValueError("Parameters: `t` is time, not a parameter; use Time(lower, upper)")
        axes = tuple(make_axis("Parameters", name, given, Role.PARAMETER) for name, given in bounds.items())
        object.__setattr__(self, "axes", axes)

    def __repr__(self) -> str:
        return f"Parameters({written(self.axes)})"


def make_axes(owner: str, bounds: Mapping[str, object]) -> tuple[Axis, ...]:
    """Axes from keyword arguments: `t` is time by its name, all others are space."""
    return tuple(
        make_axis(owner, name, given, Role.TIME if name == "t" else Role.SPACE) for name, given in bounds.items()
    )


def make_axis(owner: str, name: str, given: object, role: Role) -> Axis:
    """One axis from `(lower, upper)` or a `Cube`; `owner` is named in what is raised."""
    check_name(owner, name)
    if isinstance(given, Cube):
        if role is Role.TIME:
            raise ValueError(f"{owner}: `{name}` is time and has one column; give (lower, upper), got {given!r}")
        return Axis(name, given.lower, given.upper, role, given.dim)
    if isinstance(given, str) or not hasattr(given, "__iter__") or len(ends := tuple(given)) != 2:
        raise ValueError(f"{owner}: `{name}` must be (lower, upper) or a Cube, got {given!r}")
    lower, upper = ends
    _check_interval(owner, f"`{name}`", lower, upper)
    return Axis(name, lower, upper, role)


def written(axes: tuple[Axis, ...]) -> str:
    """Axes as the keyword arguments that make them."""

    def bound(axis: Axis) -> str:
        if axis.dim > 1:
            return repr(Cube(axis.lower, axis.upper, axis.dim))
        return f"({number(axis.lower)}, {number(axis.upper)})"

    return ", ".join(f"{axis.name}={bound(axis)}" for axis in axes)


def _check_interval(owner: str, what: str, lower: object, upper: object) -> None:
    if not (is_finite(lower) and is_finite(upper)):
        raise ValueError(f"{owner}: {what} must be two finite numbers (lower, upper), got ({lower!r}, {upper!r})")
    if not lower < upper:
        raise ValueError(f"{owner}: {what} must be (lower, upper) with lower < upper, got ({lower!r}, {upper!r})")
