"""Ball: all points within a radius of a centre, in any number of dimensions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .axes import Axis, Role, check_coords, check_name, is_finite, number
from .combination import Side, Solid
from .directions import directions, spread, volume
from .product import SHAPES, Plain
from .sampling import Sampling
from .shapes.arrangement import PlaneSide
from .shapes.curves import Arc
from .shapes.motion import Motion
from .shapes.patches import Placed, Revolved, SpaceSide


@SHAPES.register(examples=lambda: {"disk": Ball(x=0, y=0.5, radius=2), "five dimensions": Ball(x=(0,) * 5)})
@dataclass(frozen=True, init=False, repr=False)
class Ball(Solid):
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

    @property
    def measure(self) -> float:
        """Volume pi^(d/2) R^d / Gamma(d/2 + 1)."""
        return volume(self.dim, self.radius)

    @property
    def boundary_measure(self) -> float:
        """Area of the sphere, d / R times the volume."""
        return self.dim / self.radius * self.measure

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal ball, for files."""
        made: dict[str, Plain] = {"radius": self.radius}
        start = 0
        for axis in self.axes:
            made[axis.name] = (self.center[start],) * axis.dim if axis.dim > 1 else self.center[start]
            start += axis.dim
        return made

    def sample_interior(
        self, n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Points inside; the radius is R u^(1/d) for u in the unit interval, the direction as `directions` makes it."""
        unit, weight = spread(sampling, n, self.dim - 1, 1 + extra, self.measure, generator)
        radius = (self.radius * unit[:, 0] ** (1 / self.dim)).clamp(max=self.radius - self._unit_in_last_place)
        x = self._middle + radius[:, None] * directions(unit[:, 1 + extra :])
        return x, unit[:, 1 : 1 + extra], weight

    def sample_boundary(
        self, n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points on the sphere, their normals (x - c) / R, extra columns, weights."""
        unit, weight = spread(sampling, n, self.dim - 1, extra, self.boundary_measure, generator)
        normal = directions(unit[:, extra:])
        normal /= torch.linalg.vector_norm(normal, dim=1, keepdim=True)
        return self._middle + self.radius * normal, normal, unit[:, :extra], weight

    def signed_distance(self, coords: Tensor) -> Tensor:
        """|x - c| - R, `(n,)`, for each point `(n, d)`: negative inside."""
        check_coords("Ball.signed_distance", coords, self.columns)
        return torch.linalg.vector_norm(coords - self._middle.to(coords), dim=1) - self.radius

    def contains(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the closed ball, up to rounding, `(n,)`."""
        check_coords("Ball.contains", coords, self.columns)
        return self.signed_distance(coords) <= self.rounding(coords)

    def rounding(self, coords: Tensor) -> float:  # noqa: ARG002  (that of the ball itself)
        """Largest distance outside to which rounding may carry a point of the closed ball."""
        return 4 * self._unit_in_last_place

    # What a combination with other shapes needs -----------------------------------------------------------------------
    @property
    def word(self) -> str:
        """The word for it in names of walls."""
        return "disk" if self.dim == 2 else "ball"

    @property
    def piece_names(self) -> tuple[str, ...]:
        """The name of its only wall."""
        return (self.word,)

    @property
    def piece_measures(self) -> tuple[float, ...]:
        """The area of its only wall."""
        return (self.boundary_measure,)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The circle or the sphere.

        Raises:
            ValueError: for more than three columns.
        """
        if self.dim == 2:
            return (PlaneSide("", (Arc((self.center[0], self.center[1]), self.radius, 0.0, 2 * math.pi),)),)
        if self.dim != 3:
            raise ValueError(f"{self!r} takes no part in combinations, which have one to three axes")
        half = Revolved(Arc((0.0, 0.0), self.radius, -math.pi / 2, math.pi))
        return (SpaceSide("", Placed(half, Motion.translation(self.center))),)

    def sample_pieces(
        self, pieces: tuple[int, ...], n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points on the sphere, the only piece."""
        assert pieces == (0,)
        return self.sample_boundary(n, extra, generator, sampling)

    def piece_at(self, coords: Tensor) -> Tensor:
        """Zeros `(n,)`: there is one piece."""
        return torch.zeros(len(coords), dtype=torch.int64)

    def pieces_on(self, part: object) -> tuple[int, ...]:
        """The only piece, where `part` is the ball or its wall."""
        return (0,) if part == self or part in self.walls else ()

    def moved(self, motion: Motion) -> "Ball":
        """The ball about the moved centre."""
        center = motion.applied(self.center)
        return Ball(radius=motion.factor * self.radius, **{a.name: c for a, c in zip(self.axes, center, strict=True)})

    def support(self, direction: Sequence[float]) -> float:
        """The largest scalar product of a direction with a point of the ball."""
        return math.fsum(d * c for d, c in zip(direction, self.center, strict=True)) + self.radius * math.hypot(
            *direction
        )

    @property
    def _middle(self) -> Tensor:
        return torch.tensor(self.center, dtype=torch.float64)

    @property
    def _unit_in_last_place(self) -> float:
        """A few units in the last place of the largest coordinate."""
        return 2e-15 * math.sqrt(self.dim) * (self.radius + max(map(abs, self.center)))

    def _check_measure(self) -> None:
        digits = self.dim * math.log10(math.pi) / 2 + self.dim * math.log10(self.radius)
        digits -= math.lgamma(self.dim / 2 + 1) / math.log(10)
        if not -300 < digits < 300:
            raise ValueError(
                f"Ball: its measure, about 1e{digits:.0f}, leaves the range of floating point; scale the radius"
            )

    def __repr__(self) -> str:
        shown, start = [], 0
        for axis in self.axes:
            at = number(self.center[start])
            shown.append(f"{axis.name}=({at},) * {axis.dim}" if axis.dim > 1 else f"{axis.name}={at}")
            start += axis.dim
        return f"Ball({', '.join(shown)}, radius={number(self.radius)})"


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


def Disk(*, radius: float = 1.0, **center: float) -> Ball:
    """The ball of two axes: `Disk(x=0, y=0.5, radius=2)` is `Ball(x=0, y=0.5, radius=2)`.

    Raises:
        ValueError: for anything but two scalar axes of space, and for what `Ball` refuses.
    """
    disk = Ball(radius=radius, **center)
    if len(disk.axes) != 2 or disk.dim != 2:
        raise ValueError(f"Disk: give the centre along two axes of space, such as Disk(x=0, y=0), got {disk!r}")
    return disk
