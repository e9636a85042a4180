"""Ball: all points within a radius of a centre, in any number of dimensions, perhaps times time and parameters."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .axes import Axis, Role, bounds, check_distinct, check_name, columns, is_finite, number
from .cross_section import Ends
from .directions import directions, spread, volume
from .factors import Parameters, Time, written
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling, check_sample
from .sphere import Sphere


@dataclass(frozen=True, init=False, repr=False)
class Ball:
    """|x - c| <= R: `Ball(x=0, y=0)`, or `Ball(x=(0,) * 5, radius=2)` with one vector axis `x` of five columns.

    Each keyword is an axis of space and its value the centre there; the radius is 1 by default.  The bounds of the
    axes are those of the bounding box.  `* Time(0, 2)` and `* Parameters(nu=(0.01, 0.1))` append axes.  Points are
    sampled through inverse distributions, so that quasi-random points stay so; `Chebyshev` makes them denser towards
    the wall and towards the ends of time and parameters.

    Raises:
        ValueError: for fewer than two columns of space, a centre that is not finite or not the same in all columns of
            a vector axis, a radius that is not positive, names that are reserved.
    """

    axes: tuple[Axis, ...]
    center: tuple[float, ...]
    radius: float

    def __init__(self, /, *, radius: float = 1.0, **center: float | tuple[float, ...]) -> None:
        if not is_finite(radius) or not radius > 0:
            raise ValueError(f"Ball: `radius` must be a finite number above 0, got {radius!r}")
        radius = float(radius)
        middle: list[float] = []
        axes: list[Axis] = []
        for name, given in center.items():
            at = _center(name, given)
            if not at[0] - radius < at[0] + radius:
                raise ValueError(f"Ball: `radius` {radius!r} is lost beside the centre {name} = {at[0]!r}; shift it")
            axes.append(Axis(name, at[0] - radius, at[0] + radius, Role.SPACE, len(at)))
            middle += at
        if len(middle) < 2:
            raise ValueError(
                f"Ball: give the centre in at least two columns of space, such as Ball(x=0, y=0) or Ball(x=(0,) * 5), "
                f"got {len(middle)}; one column is Interval(x=(0, 1))"
            )
        object.__setattr__(self, "axes", tuple(axes))
        object.__setattr__(self, "center", tuple(middle))
        object.__setattr__(self, "radius", radius)
        self._check_measure()

    def __mul__(self, factor: Time | Parameters) -> "Ball":
        if not isinstance(factor, Time | Parameters):
            raise TypeError(
                f"Ball: only Time(lower, upper) and Parameters(name=(lower, upper)) multiply a ball, got {factor!r}"
            )
        check_distinct("Ball", (*self.axes, *factor.axes))
        product = object.__new__(Ball)
        object.__setattr__(product, "axes", (*self.axes, *factor.axes))
        object.__setattr__(product, "center", self.center)
        object.__setattr__(product, "radius", self.radius)
        product._check_measure()
        return product

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `coords`: those of space, then those of the factors."""
        return columns(self.axes)

    @property
    def dim(self) -> int:
        """The number of columns of space, which come first."""
        return len(self.center)

    @property
    def measure(self) -> float:
        """pi^(d/2) R^d / Gamma(d/2 + 1), times the extents of time and parameters."""
        lower, upper = bounds(self.axes)
        return volume(self.dim, self.radius) * math.prod((upper - lower)[self.dim :].tolist())

    @property
    def boundary(self) -> Sphere:
        """The sphere, at all times and parameters."""
        return Sphere(self)

    def face(self, **at: float | tuple[float, ...]) -> Ends:
        """The whole ball at an end of time or of a parameter: `face(t=0)`, `face(nu=(0.01, 0.1))`.

        Raises:
            ValueError: when a name is no such axis, or a value is not a bound of its axis.
        """
        return Ends.of(self, at, "sphere")

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points inside: coords `(n, d)`, weight `(n,)`; no normal.

        The radius is R u^(1/d) for u in the unit interval, the direction as `directions` makes it.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Ball.sample", n, generator, sampling)
        return self.at(n, generator, sampling, {})

    def at(self, n: int, generator: torch.Generator, sampling: Sampling, held: dict[int, float]) -> Points:
        """N points of which some columns of time and parameters are held at a value; `sample` holds none."""
        lower, upper = bounds(self.axes)
        free = [i for i in range(self.dim, len(lower)) if i not in held]
        measure = volume(self.dim, self.radius) * math.prod((upper - lower)[free].tolist())
        unit, weight = spread(sampling, n, self.dim - 1, 1 + len(free), measure, generator)
        coords = torch.empty(n, len(lower), dtype=torch.float64)
        coords[:, free] = (lower[free] + (upper - lower)[free] * unit[:, 1 : 1 + len(free)]).clamp(
            lower[free], upper[free]
        )
        for column, value in held.items():
            coords[:, column] = value
        radius = (self.radius * unit[:, 0] ** (1 / self.dim)).clamp(max=self.radius - self._rounding)
        coords[:, : self.dim] = self._middle + radius[:, None] * directions(unit[:, 1 + len(free) :])
        return Points(coords, weight=weight)

    def contains(self, coords: Tensor) -> Tensor:
        """Whether each point `(n, d)` lies in the closed ball, up to rounding, `(n,)`; time and parameters count."""
        near = self.signed_distance(coords) <= 4 * self._rounding
        lower, upper = (bound.to(coords)[self.dim :] for bound in bounds(self.axes))
        others = coords[:, self.dim :]
        return near & ((others >= lower) & (others <= upper)).all(dim=1)

    def signed_distance(self, coords: Tensor) -> Tensor:
        """|x - c| - R, `(n,)`, for each point `(n, d)`: the distance in space to the sphere, negative inside."""
        names = self.columns
        if not isinstance(coords, Tensor) or coords.ndim != 2 or coords.shape[1] != len(names):
            shown = names if len(names) <= 8 else (*names[:3], "...", names[-1])
            got = f"shape {tuple(coords.shape)}" if isinstance(coords, Tensor) else repr(type(coords))
            raise ValueError(f"Ball: `coords` must be a tensor (n, {len(names)}), columns {shown}, got {got}")
        return torch.linalg.vector_norm(coords[:, : self.dim] - self._middle.to(coords), dim=1) - self.radius

    @property
    def _middle(self) -> Tensor:
        return torch.tensor(self.center, dtype=torch.float64)

    @property
    def _rounding(self) -> float:
        """How far rounding may carry a point: a few units in the last place of the largest coordinate."""
        return 2e-15 * math.sqrt(self.dim) * (self.radius + max(map(abs, self.center)))

    def _check_measure(self) -> None:
        lower, upper = bounds(self.axes)
        digits = self.dim * math.log10(math.pi) / 2 + self.dim * math.log10(self.radius)
        digits -= math.lgamma(self.dim / 2 + 1) / math.log(10)
        digits += float(torch.log10((upper - lower)[self.dim :]).sum())
        if not -300 < digits < 300:
            raise ValueError(
                f"Ball: its measure, about 1e{digits:.0f}, leaves the range of floating point; scale the radius"
            )

    def __repr__(self) -> str:
        space = [axis for axis in self.axes if axis.role is Role.SPACE]
        shown, start = [], 0
        for axis in space:
            at = number(self.center[start])
            shown.append(f"{axis.name}=({at},) * {axis.dim}" if axis.dim > 1 else f"{axis.name}={at}")
            start += axis.dim
        factors = [f"Ball({', '.join(shown)}, radius={number(self.radius)})"]
        for axis in self.axes[len(space) :]:
            if axis.role is Role.TIME:
                factors.append(repr(Time(axis.lower, axis.upper)))
            else:
                factors.append(f"Parameters({written((axis,))})")
        return " * ".join(factors)


def _center(name: str, given: object) -> list[float]:
    """The centre along one axis, a number or several equal ones."""
    check_name("Ball", name)
    if name == "t":
        raise ValueError("Ball: `t` is time, not space; multiply by Time(lower, upper)")
    values: list[object] = list(given) if isinstance(given, tuple | list) else [given]
    at = [float(value) for value in values if is_finite(value)]
    if not at or len(at) < len(values):
        raise ValueError(
            f"Ball: the centre `{name}` must be a finite number, or a tuple of such for a vector axis, got {given!r}"
        )
    if len(set(at)) > 1:
        raise ValueError(
            f"Ball: the centre `{name}` must be the same in all columns of a vector axis, got {given!r}; "
            f"give scalar axes instead, such as Ball(x=0, y=1), or shift the coordinates"
        )
    return at
