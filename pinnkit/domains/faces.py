"""Faces: walls of a box, each at one value of one column."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from .axes import Axis, Role, bounds, columns, is_finite, moved_ends, number, space_columns
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling, check_sample, quadrature_weights, shared


class HasAxes(Protocol):
    """Attributes of a box that its walls use: the axes, and the same box during another time."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the coordinates; their order is that of the columns."""

    def with_time(self, lower: float, upper: float) -> "HasAxes":
        """The same with the time axis from `lower` to `upper`."""


@dataclass(frozen=True, repr=False)
class Faces:
    """A union of walls of `box`: pairs (column, value), such as `(("x", 0.0), ("x", 1.0))` or `(("x[3]", 1.0),)`.

    `Box.boundary` and `Box.face` make these.  Walls are kept in the order of the columns, so that unions of the same
    walls are equal.  Walls of space have outward normals `(n, d_space)`; at an end of time or of a parameter there is
    none, so such walls do not mix with walls of space.  The measure of a wall is the product of the extents of all
    other columns; a wall of a one-dimensional box is a point and measures 1.

    Raises:
        ValueError: when a wall is not at a bound of a column of the box, is named twice, or mixes as said above.
    """

    box: HasAxes
    walls: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        axis_of = {name: axis for axis in self.axes for name in axis.columns}
        index = {name: i for i, name in enumerate(axis_of)}
        walls = [(name, _bound(axis_of, name, value)) for name, value in self.walls]
        for i, (name, value) in enumerate(walls):
            if (name, value) in walls[:i]:
                raise ValueError(f"Box.face: the wall {name} = {number(value)} is named twice")
        in_space = {axis_of[name].role is Role.SPACE for name, _ in walls}
        if len(in_space) > 1:
            raise ValueError(
                "Box.face: walls of space have a normal, ends of time and parameters have none; "
                f"make two parts instead of one of {tuple(walls)}"
            )
        object.__setattr__(self, "walls", tuple(sorted(walls, key=lambda wall: (index[wall[0]], wall[1]))))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the box."""
        return self.box.axes

    @property
    def measure(self) -> float:
        """Sum of the measures of the walls; 0 without walls."""
        return math.fsum(self._measures())

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points, shared between the walls in proportion to their measure; none at all without walls.

        Every wall gets a point; when n is less than the number of walls, n walls drawn at random get one each and
        their weights stand for all.  Rows are ordered by wall.  Generators of equal seed give opposite walls the same
        points but for the column of the wall.

        Returns:
            coords `(n, d)`, normal `(n, d_space)` or None at ends of time and parameters, weight `(n,)`.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Faces.sample", n, generator, sampling)
        names = columns(self.axes)
        space = space_columns(self.axes)
        measures = self._measures()
        counts = shared(n, measures, generator)
        total = sum(counts)
        lower, upper = bounds(self.axes)
        coords = torch.empty(total, len(names), dtype=torch.float64)
        weight = torch.empty(total, dtype=torch.float64)
        has_normal = all(names.index(name) in space for name, _ in self.walls)
        normal = torch.zeros(total, len(space), dtype=torch.float64) if has_normal else None
        if total == 0:
            return Points(coords, normal, weight)

        # One draw for all walls: consecutive pieces of a Sobol sequence are as even as sequences of their own.
        unit = sampling.unit(total, len(names) - 1, generator)
        reached = math.fsum(measure for measure, count in zip(measures, counts, strict=True) if count)
        represents = self.measure / reached if reached > 0 else 1.0
        stop = 0
        for (name, value), measure, count in zip(self.walls, measures, counts, strict=True):
            if count == 0:
                continue
            start, stop = stop, stop + count
            column = names.index(name)
            tangential, rows = unit[start:stop], coords[start:stop]
            weight[start:stop] = quadrature_weights(sampling, tangential, measure * represents)
            rows[:, :column] = tangential[:, :column]
            rows[:, column + 1 :] = tangential[:, column:]
            rows.mul_(upper - lower).add_(lower).clamp_(lower, upper)
            rows[:, column] = value
            if normal is not None:
                normal[start:stop, space.index(column)] = 1.0 if value == upper[column] else -1.0
        return Points(coords, normal, weight)

    def with_time(self, lower: float, upper: float) -> "Faces":
        """The same walls with the time axis from `lower` to `upper`; ends of time move along."""
        return Faces(self.box.with_time(lower, upper), moved_ends(self.axes, self.walls, lower, upper))

    def _measures(self) -> list[float]:
        """Measure of each wall: the product of the extents of all columns but its own."""
        by_name: dict[str, float] = {}
        for axis in self.axes:
            others = math.prod(other.extent**other.dim for other in self.axes if other is not axis)
            by_name |= dict.fromkeys(axis.columns, others * axis.extent ** (axis.dim - 1))
        return [by_name[name] for name, _ in self.walls]

    def __repr__(self) -> str:
        shown = [f"{name} = {number(value)}" for name, value in self.walls]
        if len(shown) > 6:
            shown = [*shown[:2], "...", f"{shown[-1]} ({len(shown)} walls)"]
        return f"Faces({self.box!r}, {', '.join(shown) or 'no walls'})"


def _bound(axis_of: dict[str, Axis], name: object, value: object) -> float:
    """The bound that `value` means: rounding is forgiven, as a wall is typed again where it is used."""
    if name not in axis_of:
        raise ValueError(f"Box.face: `{name}` is not a column of this box; its columns are {tuple(axis_of)}")
    axis = axis_of[name]
    if is_finite(value):
        nearest = min(axis.lower, axis.upper, key=lambda bound: abs(value - bound))
        if abs(value - nearest) <= 1e-12 * max(axis.extent, abs(nearest)):
            return nearest
    raise ValueError(
        f"Box.face: there is no wall at {name} = {value!r}; the bounds of `{name}` are "
        f"{number(axis.lower)} and {number(axis.upper)}"
    )
