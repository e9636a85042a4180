"""Ends: a whole ball or region at one value of time or of a parameter."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from .axes import Axis, Role, bounds, columns, is_finite, number
from .faces import _shared
from .points import Points
from .sampling import DEFAULT_SAMPLING, Sampling, check_sample

if TYPE_CHECKING:
    from pinnkit.domains.level_set.region import Region

    from .ball import Ball


@dataclass(frozen=True, repr=False)
class Ends:
    """A union of cross-sections: pairs (column, value), such as `(("t", 0.0),)`; `Ball.face`, `Region.face` make these.

    There is no outward normal: these are no walls of space.

    Raises:
        ValueError: when an end is not at a bound of a column of time or parameters, or is named twice.
    """

    domain: "Ball | Region"
    walls: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        axis_of = {name: axis for axis in self.axes for name in axis.columns}
        owner = f"{type(self.domain).__name__}.face"
        walls = [(name, _end(owner, axis_of, name, value)) for name, value in self.walls]
        for i, (name, value) in enumerate(walls):
            if (name, value) in walls[:i]:
                raise ValueError(f"{owner}: the end {name} = {number(value)} is named twice")
        index = {name: i for i, name in enumerate(axis_of)}
        object.__setattr__(self, "walls", tuple(sorted(walls, key=lambda wall: (index[wall[0]], wall[1]))))

    @classmethod
    def of(cls, domain: "Ball | Region", at: Mapping[str, float | tuple[float, ...]], wall: str) -> "Ends":
        """The ends at values of axes, `dict(t=0)`; `wall` says in messages what the boundary of the domain is.

        Raises:
            ValueError: when there is none, or a name is no axis.
        """
        kind = type(domain).__name__
        if not at:
            raise ValueError(f"{kind}.face: say which ends, such as face(t=0); `boundary` is the {wall}")
        of_name = {axis.name: axis.columns for axis in domain.axes} | {name: (name,) for name in domain.columns}
        ends: list[tuple[str, float]] = []
        for name, given in at.items():
            if name not in of_name:
                names = tuple(axis.name for axis in domain.axes)
                raise ValueError(f"{kind}.face: `{name}` is not an axis of this {kind.lower()}; its axes are {names}")
            for value in given if isinstance(given, tuple | list) else (given,):
                ends += [(column, value) for column in of_name[name]]
        return cls(domain, tuple(ends))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the ball or region."""
        return self.domain.axes

    @property
    def measure(self) -> float:
        """The volume of the ball or region times the extents of all columns that are not held, summed over the ends."""
        return math.fsum(self._measures())

    def sample(self, n: int, generator: torch.Generator, *, sampling: Sampling = DEFAULT_SAMPLING) -> Points:
        """N points, shared between the ends: coords `(n, d)`, weight `(n,)`; no normal.

        Raises:
            TypeError: when `n` is no whole number, `generator` no torch.Generator, `sampling` no Sampling.
            ValueError: when n < 1.
        """
        check_sample("Ends.sample", n, generator, sampling)
        names = columns(self.axes)
        measures = self._measures()
        counts = _shared(n, measures, generator)
        reached = math.fsum(measure for measure, count in zip(measures, counts, strict=True) if count)
        parts = []
        for (name, value), count in zip(self.walls, counts, strict=True):
            if count:
                part = self.domain.at(count, generator, sampling, {names.index(name): value})
                assert part.weight is not None
                parts.append(part._replace(weight=part.weight * (self.measure / reached)))
        weights = [p.weight for p in parts if p.weight is not None]
        return Points(torch.cat([p.coords for p in parts]), weight=torch.cat(weights))

    def _measures(self) -> list[float]:
        lower, upper = bounds(self.axes)
        extent = dict(zip(columns(self.axes), (upper - lower).tolist(), strict=True))
        return [self.domain.measure / extent[name] for name, _ in self.walls]

    def __repr__(self) -> str:
        return f"Ends({self.domain!r}, {', '.join(f'{name} = {number(value)}' for name, value in self.walls)})"


def _end(owner: str, axis_of: dict[str, Axis], name: str, value: object) -> float:
    """The bound that `value` means: rounding is forgiven, as an end is typed again where it is used."""
    axis = axis_of[name]
    if axis.role is Role.SPACE:
        raise ValueError(
            f"{owner}: `{name}` is space, where the only wall is the curved `boundary`; ends are those of time and "
            f"parameters"
        )
    if is_finite(value):
        nearest = min(axis.lower, axis.upper, key=lambda bound: abs(value - bound))
        if abs(value - nearest) <= 1e-12 * max(axis.extent, abs(nearest)):
            return nearest
    raise ValueError(
        f"{owner}: there is no end at {name} = {value!r}; the bounds of `{name}` are "
        f"{number(axis.lower)} and {number(axis.upper)}"
    )
