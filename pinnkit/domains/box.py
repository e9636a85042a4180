"""Box: a product of intervals in space, time and parameters."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .axes import Axis, Role, bounds, check_coords, check_distinct, columns, number, space_columns
from .combination import Operand, Side, outline_of
from .faces import Faces
from .factors import Cube, Parameters, Time, make_axes, written
from .moved import Moved
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling, check_sample, quadrature_weights
from .shapes.arrangement import PlaneSide
from .shapes.curves import Segment
from .shapes.ends import LineSide
from .shapes.motion import Motion
from .shapes.outline import Outline, Outlined
from .shapes.patches import Parallelogram, SpaceSide


@dataclass(frozen=True, init=False, repr=False)
class Box(Operand, Outlined):
    """A product of intervals: `Box(x=(0, 1), y=(0, 1), t=(0, 2))`.

    `t` is time by its name, all other keywords are space; `Cube(0, 1, dim=100)` as a value makes a vector axis;
    `* Time(0, 2)` and `* Parameters(nu=(0.01, 0.1))` append axes.  The order of the axes is that of the columns.
    Boxes of one to three axes of space combine with other shapes: `box - disk`, `box | ball`; see `Union`.

    Raises:
        ValueError: for no axis, bounds that are not finite with lower < upper, names that are reserved.
    """

    axes: tuple[Axis, ...]

    def __init__(self, /, **bounds: tuple[float, float] | Cube) -> None:
        if not bounds:
            raise ValueError("Box: give at least one axis, such as Box(x=(0, 1))")
        object.__setattr__(self, "axes", make_axes("Box", bounds))
        self._check_measure()

    @classmethod
    def of(cls, *axes: Axis) -> "Box":
        """The box of ready axes.

        Raises:
            ValueError: for no axis, an axis without extent, or two axes of one name.
        """
        if not axes:
            raise ValueError("Box.of: give at least one axis")
        for axis in axes:
            if not axis.extent > 0:
                raise ValueError(f"Box.of: `{axis.name}` must have lower < upper, got ({axis.lower}, {axis.upper})")
        check_distinct("Box", axes)
        box = object.__new__(cls)
        object.__setattr__(box, "axes", tuple(axes))
        box._check_measure()
        return box

    def __mul__(self, factor: Time | Parameters) -> "Box":
        if not isinstance(factor, Time | Parameters):
            raise TypeError(
                f"Box: only Time(lower, upper) and Parameters(name=(lower, upper)) multiply a box, got {factor!r}"
            )
        return Box.of(*self.axes, *factor.axes)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `coords`."""
        return columns(self.axes)

    @property
    def measure(self) -> float:
        """Product of all extents, time and parameters included."""
        return math.prod(axis.extent**axis.dim for axis in self.axes)

    @property
    def boundary(self) -> Faces:
        """All walls of space, at all times and parameters; empty when there is no space, as for an ODE."""
        space = [axis for axis in self.axes if axis.role is Role.SPACE]
        return Faces(self, tuple((name, end) for a in space for name in a.columns for end in (a.lower, a.upper)))

    def face(self, **at: float | tuple[float, ...]) -> Faces:
        """The walls at given values of axes: `face(x=0)`, `face(x=(0, 1), y=0)`, `face(t=0)`.

        A value of a vector axis means the walls of all its columns; a single one is `face(**{"x[3]": 0})`.

        Raises:
            ValueError: when a name is no axis, or a value is not a bound of its axis.
        """
        if not at:
            raise ValueError("Box.face: say which walls, such as face(x=0); `boundary` is all walls of space")
        of_name = {axis.name: axis.columns for axis in self.axes} | {name: (name,) for name in self.columns}
        walls: list[tuple[str, float]] = []
        for name, values in at.items():
            if name not in of_name:
                names = tuple(axis.name for axis in self.axes)
                raise ValueError(f"Box.face: `{name}` is not an axis of this box; its axes are {names}")
            for value in values if isinstance(values, tuple | list) else (values,):
                walls += [(column, value) for column in of_name[name]]
        return Faces(self, tuple(walls))

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points inside: coords `(n, d)`, weight `(n,)`; no normal.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Box.sample", n, generator, sampling)
        lower, upper = bounds(self.axes)
        coords = sampling.unit(n, len(lower), generator)
        weight = quadrature_weights(sampling, coords, self.measure)
        return Points(coords.mul_(upper - lower).add_(lower).clamp_(lower, upper), weight=weight)

    def contains(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the closed box, `(n,)`; time and parameters count as well."""
        check_coords("Box.contains", coords, self.columns)
        lower, upper = (bound.to(coords) for bound in bounds(self.axes))
        return ((coords >= lower) & (coords <= upper)).all(dim=1)

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` in space from each point `(n, d)` to the boundary, negative inside; -inf without space.

        With q_a = max(lower_a - x_a, x_a - upper_a): |max(q, 0)| outside, max_a q_a inside.

        Source: Quilez, Distance functions; exact both inside and outside.
        """
        check_coords("Box.signed_distance", coords, self.columns)
        space = list(space_columns(self.axes))
        if not space:
            return torch.full_like(coords[:, 0], -math.inf)
        lower, upper = (bound.to(coords)[space] for bound in bounds(self.axes))
        x = coords[:, space]
        beyond = torch.maximum(lower - x, x - upper)
        return torch.linalg.vector_norm(beyond.clamp(min=0), dim=1) + beyond.amax(dim=1).clamp(max=0)

    def with_time(self, lower: float, upper: float) -> "Box":
        """The same box with the time axis from `lower` to `upper`."""
        return Box.of(*(axis.with_time(lower, upper) for axis in self.axes))

    # What a combination with other shapes needs: the walls of space, as exact curves and surfaces ---------------------
    @property
    def outline(self) -> Outline:
        """The boundary in space of a box of the plane, as a closed loop of segments.

        Raises:
            ValueError: for a box that has not two columns of space.
        """
        return outline_of(self.in_space)

    @property
    def walls(self) -> tuple[Faces, ...]:
        """The walls of space one by one, which together are the boundary."""
        return tuple(Faces(self, (wall,)) for wall in self.boundary.walls)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The walls, in the order of `boundary`; those of the plane are segments, those of space rectangles.

        Raises:
            ValueError: for more than three axes.
        """
        axes = self.axes
        named = [f"{a.name} = {number(end)}" for a in axes for end in (a.lower, a.upper)]
        if len(axes) == 1:
            ends = (axes[0].lower, -1.0), (axes[0].upper, 1.0)
            return tuple(LineSide(name, at, outward) for name, (at, outward) in zip(named, ends, strict=True))
        lower, upper = self.limits
        if len(axes) == 2:
            a, b, c, d = lower, (upper[0], lower[1]), upper, (lower[0], upper[1])
            walls = [Segment(_pair(p), _pair(q)) for p, q in ((d, a), (b, c), (a, b), (c, d))]
            return tuple(PlaneSide(name, (wall,)) for name, wall in zip(named, walls, strict=True))
        if len(axes) != 3:
            raise ValueError(f"{self!r} takes no part in combinations, which have one to three axes of space")
        x, y, z = (tuple(extent * (i == k) for i in range(3)) for k, extent in enumerate(a.extent for a in axes))
        rectangles = []
        for k, (u, v) in enumerate(((y, z), (z, x), (x, y))):
            far = tuple(upper[i] if i == k else lower[i] for i in range(3))
            rectangles += [Parallelogram(_triple(lower), _triple(v), _triple(u))]
            rectangles += [Parallelogram(_triple(far), _triple(u), _triple(v))]
        return tuple(SpaceSide(name, patch) for name, patch in zip(named, rectangles, strict=True))

    def side_at(self, coords: Tensor) -> Tensor:
        """Numbers `(n,)` of the walls on which points `(n, d)` of the boundary lie."""
        lower, upper = (bound.to(coords) for bound in bounds(self.axes))
        return torch.stack([(coords - lower).abs(), (coords - upper).abs()], dim=2).flatten(1).argmin(dim=1)

    def sides_on(self, part: object) -> tuple[int, ...]:
        """Numbers of the sides that are walls of `Faces` of this box."""
        if not isinstance(part, Faces) or not isinstance(part.box, Box) or part.box.in_space != self:
            return ()
        walls = self.boundary.walls
        return tuple(walls.index(wall) for wall in part.walls if wall in walls)

    def moved(self, motion: Motion) -> Operand:
        """A box, or where the motion turns it, `Moved`."""
        if motion.turns:
            return Moved.by(motion, self)
        lower, upper = (motion.applied(corner) for corner in self.limits)
        return Box(**{axis.name: (a, b) for axis, a, b in zip(self.axes, lower, upper, strict=True)})

    @property
    def in_space(self) -> "Box":
        """The box of the axes of space alone."""
        space = [axis for axis in self.axes if axis.role is Role.SPACE]
        return self if len(space) == len(self.axes) or not space else Box.of(*space)

    def _check_measure(self) -> None:
        digits = sum(axis.dim * math.log10(axis.extent) for axis in self.axes)
        if not -300 < digits < 300:
            raise ValueError(
                f"Box: its measure, about 1e{digits:.0f}, leaves the range of floating point; "
                "scale the axes to extents nearer 1"
            )

    def __repr__(self) -> str:
        # As typed: keywords first, then a factor for each run of parameters and what follows it.
        first = next((i for i, axis in enumerate(self.axes) if axis.role is Role.PARAMETER), len(self.axes))
        factors = [f"Box({written(self.axes[:first])})"]
        for axis in self.axes[first:]:
            if axis.role is Role.TIME:
                factors.append(repr(Time(axis.lower, axis.upper)))
            else:
                factors.append(f"Parameters({written((axis,))})")
        return " * ".join(factors)


def Interval(**bounds: tuple[float, float]) -> Box:
    """The box of one space axis, its bounds by its name: `Interval(x=(0, 1))`.

    Raises:
        ValueError: for anything but one scalar axis of space, and for what `Box` refuses.
    """
    box = Box(**bounds)
    if len(box.columns) != 1 or box.axes[0].role is not Role.SPACE:
        raise ValueError(f"Interval: give one axis of space, such as Interval(x=(0, 1)), got {box!r}; use Box instead")
    return box


def _pair(point: tuple[float, ...]) -> tuple[float, float]:
    return point[0], point[1]


def _triple(point: tuple[float, ...]) -> tuple[float, float, float]:
    return point[0], point[1], point[2]
