"""Shapes in space, their products with time and parameters, and the parts of those products."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from pinnkit.registry import Registry

from .axes import Axis, Role, bounds, check_coords, check_distinct, columns, is_finite, moved_ends, number
from .directions import spread
from .factors import Parameters, Time, written
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling, check_sample, shared
from .shapes.curves import Curve
from .shapes.outline import Outline, Outlined

__all__ = ["SHAPES", "Boundary", "CrossSection", "Plain", "Product", "Shape", "ShapeWall"]


class WithAxes(Protocol):
    """A shape or box that is an argument of another shape."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes."""


Plain = float | int | str | bool | tuple["Plain", ...] | WithAxes
"""Arguments that a file can hold; those with axes are shapes and boxes of which a shape is made."""


class Shape(Outlined):
    """A bounded set of points in space with a signed distance: the base of every shape that is not a box.

    A shape is a frozen dataclass, equal by value, that provides the abstract members below and sets `axes`, whose
    bounds are those of its bounding box.  The class gives it what a `Domain` has: `boundary`, `face`, `sample`,
    `contains`, products `* Time(0, 2)` and `* Parameters(nu=(0.01, 0.1))`.

    Sampling methods draw `extra` columns for time and parameters from the same sequence as the points in space, so that
    quasi-random points stay quasi-random in the product; `spread` makes such columns.
    """

    if TYPE_CHECKING:  # a field in some shapes, a property in others

        @property
        def axes(self) -> tuple[Axis, ...]:
            """Axes of space, with the bounds of the bounding box."""

    @property
    @abstractmethod
    def measure(self) -> float:
        """Area (2-D) or volume (3-D and above), dimensionless unless the axes have units."""

    @property
    @abstractmethod
    def boundary_measure(self) -> float:
        """Length (2-D) or area (3-D and above) of the boundary."""

    @abstractmethod
    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, d)` in space to the boundary, negative inside."""

    @abstractmethod
    def sample_boundary(
        self, n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points uniform on the boundary: coords `(n, d)`, outward unit normals `(n, d)`, `(n, extra)`, weights `(n,)`.

        The extra columns lie in [0, 1]; the weights sum to `boundary_measure`.  All float64 on the CPU.
        """

    def sample_interior(
        self, n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Points uniform inside: coords `(n, d)`, `(n, extra)` in [0, 1], weights `(n,)` that sum to `measure`.

        By rejection from the bounding box; override it where there is a direct method.

        Raises:
            ValueError: where hardly any point of the bounding box lies inside, against `measure`.
        """
        lower, upper = bounds(self.axes)
        dim = len(lower)
        share = self.measure / math.prod((upper - lower).tolist())
        count = math.ceil(1.1 * n / share) + 32
        for _ in range(6):
            unit, weight = spread(sampling, count, dim, extra, 1.0, generator)
            x = lower + (upper - lower) * unit[:, extra:]
            kept = torch.nonzero(self.inside(x))[:n, 0]
            if len(kept) == n:
                break
            count *= 2
        else:
            raise ValueError(
                f"{type(self).__name__}: only {len(kept)} of {count // 2} points of the bounding box lie inside, where "
                f"its measure is {share:.3g} of the box; the shape must stay what it was when it was made"
            )
        return x[kept], unit[kept, :extra], weight[kept] * (self.measure / float(weight[kept].sum()))

    def inside(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the open shape, `(n,)`."""
        return self.signed_distance(coords) < 0

    def contains(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the closed shape, up to `rounding`, `(n,)`."""
        return self.signed_distance(coords) <= self.rounding(coords)

    def rounding(self, coords: Tensor) -> float:
        """Largest distance outside to which rounding may carry a point of the closed shape."""
        size = float(coords.abs().max()) if coords.numel() else 1.0
        return 16 * torch.finfo(coords.dtype).eps * size

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal shape, for files.

        Raises:
            ValueError: for a shape that holds a function, which no file can.
        """
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}  # type: ignore[arg-type]

    # The walls: pieces of the boundary, each with the name of the wall that it belongs to -----------------------------
    @property
    def piece_names(self) -> tuple[str, ...]:
        """Name of the wall of each piece of the boundary; one piece, the whole, unless a shape says otherwise."""
        return (type(self).__name__.lower(),)

    @property
    def piece_measures(self) -> tuple[float, ...]:
        """Length or area of each piece of the boundary."""
        return (self.boundary_measure,)

    @property
    def piece_curves(self) -> tuple[Curve, ...]:
        """The curve of each piece of the boundary, with the domain on its left.

        Raises:
            ValueError: for a shape whose boundary is not made of exact curves.
        """
        raise ValueError(f"{self!r} has no exact curves; shapes of the plane that are made of primitives have")

    def sample_pieces(
        self, pieces: tuple[int, ...], n: int, extra: int, generator: torch.Generator, sampling: Sampling
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points uniform on pieces of the boundary, as `sample_boundary` returns them; weights sum to their measure."""
        if pieces != tuple(range(len(self.piece_names))):
            raise ValueError(f"{self!r} cannot sample pieces {pieces} of its boundary alone")
        return self.sample_boundary(n, extra, generator, sampling)

    def piece_at(self, coords: Tensor) -> Tensor:
        """Numbers `(n,)` of the pieces on which points `(n, d)` of the boundary lie."""
        return torch.zeros(len(coords), dtype=torch.int64)

    def pieces_on(self, part: object) -> tuple[int, ...]:
        """Numbers of the pieces that lie on the boundary of `part`; none where it is no operand of this shape."""
        if isinstance(part, ShapeWall) and part.domain.shape == self:
            return part.pieces
        return tuple(range(len(self.piece_names))) if part in (self, self.boundary) else ()

    @property
    def operands(self) -> tuple[object, ...]:
        """Shapes that `boundary_of` takes: this one, and those of which it is combined."""
        return (self,)

    @property
    def walls(self) -> tuple[ShapeWall, ...]:
        """The named walls, which together are the boundary."""
        return Product(self).walls

    def boundary_of(self, part: object) -> ShapeWall:
        """The part of the boundary that lies on the boundary of an operand, or on one of its walls.

        Args:
            part: a shape that this one is combined of, equal by value, or a wall of one: `polygon.side(3)`,
                `box.face(x=0)`, `cylinder.walls[0]`.

        Raises:
            ValueError: where no part of the boundary lies on it, with the operands that there are.
        """
        return Product(self).boundary_of(part)

    @property
    def outline(self) -> Outline:
        """The boundary of a shape of the plane as closed loops of exact curves.

        Raises:
            ValueError: for a shape whose boundary is not made of exact curves.
        """
        raise ValueError(f"{self!r} has no exact curves; shapes of the plane that are made of primitives have")

    # What every domain has --------------------------------------------------------------------------------------------
    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `coords`."""
        return columns(self.axes)

    @property
    def dim(self) -> int:
        """Number of columns of space."""
        return len(self.columns)

    @property
    def boundary(self) -> Boundary:
        """The whole boundary, with outward normals."""
        return Boundary(Product(self))

    def face(self, **at: float | tuple[float, ...]) -> CrossSection:
        """Cross-sections exist at ends of time and of parameters only; see `Product.face`.

        Raises:
            ValueError: always, with the repair.
        """
        return Product(self).face(**at)

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points inside: coords `(n, d)`, weight `(n,)`; no normal.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        return Product(self).sample(n, generator, sampling=sampling)

    def with_time(self, lower: float, upper: float) -> Shape:  # noqa: ARG002  (there is no time here)
        """The shape itself: it has no time."""
        return self

    def __mul__(self, factor: Time | Parameters) -> Product:
        return Product(self) * factor


SHAPES: Registry[Shape] = Registry("shape")
"""Shapes by name, for files and conformance suites: `@SHAPES.register(examples=...)` beside a class adds it."""


@dataclass(frozen=True, repr=False)
class Product(Outlined):
    """A shape times time and parameters: `Ball(x=0, y=0) * Time(0, 2) * Parameters(nu=(0.01, 0.1))`.

    Args:
        shape: in space; its columns come first.
        factors: axes of time and parameters.

    Raises:
        ValueError: for two axes of one name, or a measure beyond the range of floating point.
    """

    shape: Shape
    factors: tuple[Axis, ...] = ()

    def __post_init__(self) -> None:
        check_distinct(self._kind, self.axes)
        digits = math.log10(self.shape.measure) + float(torch.log10(self._extents()).sum())
        if not -300 < digits < 300:
            raise ValueError(
                f"{self._kind}: its measure, about 1e{digits:.0f}, leaves the range of floating point; "
                f"scale the axes to extents nearer 1"
            )

    def __mul__(self, factor: object) -> Product:
        if not isinstance(factor, Time | Parameters):
            kind = self._kind
            raise TypeError(
                f"{kind}: only Time(lower, upper) and Parameters(name=(lower, upper)) multiply a {kind.lower()}, "
                f"got {factor!r}"
            )
        return Product(self.shape, (*self.factors, *factor.axes))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the shape, then those of the factors."""
        return (*self.shape.axes, *self.factors)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of `coords`: those of space, then those of the factors."""
        return columns(self.axes)

    @property
    def dim(self) -> int:
        """Number of columns of space, which come first."""
        return self.shape.dim

    @property
    def measure(self) -> float:
        """The measure of the shape times the extents of time and parameters."""
        return self.shape.measure * math.prod(self._extents().tolist())

    @property
    def boundary(self) -> Boundary:
        """The boundary of the shape, during all of time and for all parameters."""
        return Boundary(self)

    @property
    def outline(self) -> Outline:
        """The boundary of a shape of the plane as closed loops of exact curves.

        Raises:
            ValueError: for a shape whose boundary is not made of exact curves.
        """
        return self.shape.outline

    @property
    def walls(self) -> tuple[ShapeWall, ...]:
        """The named walls of the shape, which together are the boundary."""
        names = self.shape.piece_names
        return tuple(
            ShapeWall(self, tuple(k for k, name in enumerate(names) if name == wall)) for wall in dict.fromkeys(names)
        )

    def pieces_on(self, part: object) -> tuple[int, ...]:
        """Numbers of the pieces of the boundary that lie on an operand or on a wall of one; none where it is none."""
        return self.shape.pieces_on(_without_factors(part))

    def boundary_of(self, part: object) -> ShapeWall:
        """The part of the boundary that lies on the boundary of an operand of the shape, or on one of its walls.

        Args:
            part: a shape that the domain is combined of, equal by value, or a wall of one: `polygon.side(3)`,
                `box.face(x=0)`; factors of time and parameters do not matter.

        Raises:
            ValueError: where no part of the boundary lies on it, with the operands that there are.
        """
        pieces = self.pieces_on(part)
        if not pieces:
            operands = ", ".join(repr(operand) for operand in self.shape.operands[1:]) or repr(self.shape)
            raise ValueError(
                f"{self._kind}.boundary_of: no part of the boundary lies on {part!r}; give one of {operands}, or a "
                f"wall of one"
            )
        return ShapeWall(self, pieces)

    def face(self, **at: float | tuple[float, ...]) -> CrossSection:
        """The whole shape at an end of time or of a parameter: `face(t=0)`, `face(nu=(0.01, 0.1))`.

        Raises:
            ValueError: when a name is no such axis, above all one of space, or a value is not a bound of its axis.
        """
        kind = self._kind
        if not at:
            raise ValueError(
                f"{kind}.face: say which ends, such as face(t=0); `boundary` is the whole boundary in space"
            )
        of_name = {axis.name: axis.columns for axis in self.axes} | {name: (name,) for name in self.columns}
        ends: list[tuple[str, float]] = []
        for name, given in at.items():
            if name not in of_name:
                names = tuple(axis.name for axis in self.axes)
                raise ValueError(f"{kind}.face: `{name}` is not an axis of this {kind.lower()}; its axes are {names}")
            for value in given if isinstance(given, tuple | list) else (given,):
                ends += [(column, value) for column in of_name[name]]
        return CrossSection(self, tuple(ends))

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points inside: coords `(n, d)`, weight `(n,)`; no normal.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample(f"{self._kind}.sample", n, generator, sampling)
        return self.sample_at(n, generator, sampling, {})

    def sample_at(self, n: int, generator: torch.Generator, sampling: Sampling, held: Mapping[int, float]) -> Points:
        """N points of which the columns in `held`, of time and parameters, have a fixed value."""
        free = [i for i in range(self.dim, len(self.columns)) if i not in held]
        x, unit, weight = self.shape.sample_interior(n, len(free), generator, sampling)
        lower, upper = bounds(self.axes)
        coords = torch.empty(n, len(lower), dtype=torch.float64)
        coords[:, free] = (lower[free] + (upper - lower)[free] * unit).clamp(lower[free], upper[free])
        for column, value in held.items():
            coords[:, column] = value
        coords[:, : self.dim] = x
        return Points(coords, weight=weight * math.prod((upper - lower)[free].tolist()))

    def contains(self, coords: Tensor) -> Tensor:
        """True for each point `(n, d)` in the closed domain, up to rounding, `(n,)`; time and parameters count."""
        self._check_coords("contains", coords)
        lower, upper = (bound.to(coords)[self.dim :] for bound in bounds(self.axes))
        others = coords[:, self.dim :]
        return self.shape.contains(coords[:, : self.dim]) & ((others >= lower) & (others <= upper)).all(dim=1)

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Signed distance in space to the boundary of the shape, `(n,)`, for each point `(n, d)`; negative inside."""
        self._check_coords("signed_distance", coords)
        return self.shape.signed_distance(coords[:, : self.dim])

    def with_time(self, lower: float, upper: float) -> Product:
        """The same shape and parameters with the time axis from `lower` to `upper`."""
        return Product(self.shape, tuple(axis.with_time(lower, upper) for axis in self.factors))

    @property
    def _kind(self) -> str:
        return type(self.shape).__name__

    def _extents(self) -> Tensor:
        lower, upper = bounds(self.axes)
        return (upper - lower)[self.dim :]

    def _check_coords(self, method: str, coords: object) -> None:
        check_coords(f"{self._kind}.{method}", coords, self.columns)

    def __repr__(self) -> str:
        shown = [repr(self.shape)]
        for axis in self.factors:
            of_time = axis.role is Role.TIME
            shown.append(repr(Time(axis.lower, axis.upper)) if of_time else f"Parameters({written((axis,))})")
        return " * ".join(shown)


@dataclass(frozen=True, repr=False)
class Boundary:
    """The boundary of a shape during all of time and for all parameters, with outward normals.

    `Shape.boundary` and `Product.boundary` make it.
    """

    domain: Product

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the domain."""
        return self.domain.axes

    @property
    def measure(self) -> float:
        """Length or area, times the extents of time and parameters."""
        return self.domain.shape.boundary_measure * math.prod(self.domain._extents().tolist())

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The curves of which it is made, with the domain on their left; 2-D only, see `Shape.piece_curves`."""
        return self.domain.shape.piece_curves

    @property
    def pieces(self) -> tuple[int, ...]:
        """Numbers of all pieces of the boundary, as `Shape.piece_names` counts them."""
        return tuple(range(len(self.domain.shape.piece_names)))

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points uniform on the boundary: coords `(n, d)`, normal `(n, d_space)`, weight `(n,)`.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample(f"{self.domain._kind}.boundary.sample", n, generator, sampling)
        lower, upper = (bound[self.domain.dim :] for bound in bounds(self.axes))
        x, normal, unit, weight = self.domain.shape.sample_boundary(n, len(lower), generator, sampling)
        others = (lower + (upper - lower) * unit).clamp(lower, upper)
        extents = math.prod((upper - lower).tolist())
        return Points(torch.cat([x, others], dim=1), normal, weight * extents)

    def with_time(self, lower: float, upper: float) -> Boundary:
        """The same boundary with the time axis from `lower` to `upper`."""
        return Boundary(self.domain.with_time(lower, upper))

    def __repr__(self) -> str:
        return f"({self.domain!r}).boundary" if self.domain.factors else f"{self.domain!r}.boundary"


@dataclass(frozen=True, repr=False)
class ShapeWall:
    """Pieces of the boundary of a shape, during all of time and for all parameters, with outward normals.

    `walls` and `boundary_of` of shapes and their products make these.

    Args:
        domain: the shape with its factors.
        pieces: numbers of pieces of its boundary, as `Shape.piece_names` counts them, ascending.

    Raises:
        ValueError: for no piece, or a number that there is not.
    """

    domain: Product
    pieces: tuple[int, ...]

    def __post_init__(self) -> None:
        count = len(self.domain.shape.piece_names)
        if not self.pieces or list(self.pieces) != sorted(set(self.pieces)) or not 0 <= self.pieces[-1] < count:
            raise ValueError(
                f"ShapeWall: `pieces` must be ascending numbers below {count}, that of the pieces of the boundary of "
                f"{self.domain.shape!r}, got {self.pieces!r}"
            )

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the domain."""
        return self.domain.axes

    @property
    def name(self) -> str:
        """Names of the walls that the pieces belong to."""
        names = self.domain.shape.piece_names
        return ", ".join(dict.fromkeys(names[k] for k in self.pieces))

    @property
    def is_whole(self) -> bool:
        """True if it is the whole boundary."""
        return len(self.pieces) == len(self.domain.shape.piece_names)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The curves of which it is made, with the domain on their left; 2-D only, see `Shape.piece_curves`."""
        curves = self.domain.shape.piece_curves
        return tuple(curves[k] for k in self.pieces)

    @property
    def measure(self) -> float:
        """Length or area, times the extents of time and parameters."""
        measures = self.domain.shape.piece_measures
        return math.fsum(measures[k] for k in self.pieces) * math.prod(self.domain._extents().tolist())

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points uniform on the wall: coords `(n, d)`, normal `(n, d_space)`, weight `(n,)`.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample(f"{self.domain._kind}.boundary_of.sample", n, generator, sampling)
        lower, upper = (bound[self.domain.dim :] for bound in bounds(self.axes))
        x, normal, unit, weight = self.domain.shape.sample_pieces(self.pieces, n, len(lower), generator, sampling)
        others = (lower + (upper - lower) * unit).clamp(lower, upper)
        extents = math.prod((upper - lower).tolist())
        return Points(torch.cat([x, others], dim=1), normal, weight * extents)

    def with_time(self, lower: float, upper: float) -> ShapeWall:
        """The same wall with the time axis from `lower` to `upper`."""
        return ShapeWall(self.domain.with_time(lower, upper), self.pieces)

    def __repr__(self) -> str:
        return f"ShapeWall({self.domain!r}, {self.name})"


@dataclass(frozen=True, repr=False)
class CrossSection:
    """The whole shape at ends of time or of parameters: pairs (column, value); `Product.face` makes these.

    There is no outward normal: these are no boundaries in space.

    Raises:
        ValueError: when an end is not at a bound of a column of time or parameters, or is named twice.
    """

    domain: Product
    walls: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        axis_of = {name: axis for axis in self.axes for name in axis.columns}
        owner = f"{self.domain._kind}.face"
        walls = [(name, _end(owner, axis_of, name, value)) for name, value in self.walls]
        for i, (name, value) in enumerate(walls):
            if (name, value) in walls[:i]:
                raise ValueError(f"{owner}: the end {name} = {number(value)} is named twice")
        index = {name: i for i, name in enumerate(axis_of)}
        object.__setattr__(self, "walls", tuple(sorted(walls, key=lambda wall: (index[wall[0]], wall[1]))))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the domain."""
        return self.domain.axes

    @property
    def measure(self) -> float:
        """The measure of the shape times the extents of all columns that are not held, summed over the ends."""
        return math.fsum(self._measures())

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points, shared between the ends: coords `(n, d)`, weight `(n,)`; no normal.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample(f"{self.domain._kind}.face.sample", n, generator, sampling)
        names = columns(self.axes)
        measures = self._measures()
        counts = shared(n, measures, generator)
        reached = math.fsum(measure for measure, count in zip(measures, counts, strict=True) if count)
        parts = []
        for (name, value), count in zip(self.walls, counts, strict=True):
            if count:
                part = self.domain.sample_at(count, generator, sampling, {names.index(name): value})
                assert part.weight is not None
                parts.append(part._replace(weight=part.weight * (self.measure / reached)))
        weights = [p.weight for p in parts if p.weight is not None]
        return Points(torch.cat([p.coords for p in parts]), weight=torch.cat(weights))

    def with_time(self, lower: float, upper: float) -> CrossSection:
        """The same ends with the time axis from `lower` to `upper`; ends of time move along."""
        moved = self.domain.with_time(lower, upper)
        return CrossSection(moved, moved_ends(self.axes, self.walls, lower, upper))

    def _measures(self) -> list[float]:
        lower, upper = bounds(self.axes)
        extent = dict(zip(columns(self.axes), (upper - lower).tolist(), strict=True))
        return [self.domain.measure / extent[name] for name, _ in self.walls]

    def __repr__(self) -> str:
        return f"CrossSection({self.domain!r}, {', '.join(f'{name} = {number(value)}' for name, value in self.walls)})"


def _end(owner: str, axis_of: dict[str, Axis], name: str, value: object) -> float:
    """The bound that `value` means, up to rounding."""
    axis = axis_of[name]
    if axis.role is Role.SPACE:
        raise ValueError(
            f"{owner}: `{name}` is space, where walls are `boundary` and `boundary_of(...)`; ends are those of time "
            f"and parameters"
        )
    if is_finite(value):
        nearest = min(axis.lower, axis.upper, key=lambda bound: abs(value - bound))
        if abs(value - nearest) <= 1e-12 * max(axis.extent, abs(nearest)):
            return nearest
    raise ValueError(
        f"{owner}: there is no end at {name} = {value!r}; the bounds of `{name}` are "
        f"{number(axis.lower)} and {number(axis.upper)}"
    )


def _without_factors(part: object) -> object:
    """A shape in space, or a wall of one, in place of its product with time and parameters."""
    if isinstance(part, Product):
        return part.shape
    if isinstance(part, ShapeWall):
        return ShapeWall(Product(part.domain.shape), part.pieces)
    if isinstance(part, Boundary):
        return part.domain.shape
    return part
