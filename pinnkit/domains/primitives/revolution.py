"""Solids of revolution about a line parallel to a coordinate axis: what cylinders, cones, capsules and tori share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pinnkit.domains.axes import Axis, check_coords, number
from pinnkit.domains.combination import Operand, Side, Solid
from pinnkit.domains.moved import Moved
from pinnkit.domains.product import Plain
from pinnkit.domains.shapes.curves import Arc, Segment, signed_distances
from pinnkit.domains.shapes.motion import Motion
from pinnkit.domains.shapes.patches import Placed, Revolved, SpaceSide, Vector

from .arguments import Place, placed, positive

__all__ = ["AlongAxis", "Profile", "SolidOfRevolution"]

Profile = tuple[tuple[str, Segment | Arc], ...]
"""Named curves of the half-plane (r, z), r >= 0, with the solid on their left."""


class SolidOfRevolution(Solid):
    """A profile in the half-plane (r, z) revolved about a line parallel to a coordinate axis.

    Walls, areas and volumes follow from the profile, by Pappus' theorems; distances in space are distances in the
    half-plane.
    """

    names: tuple[str, str, str]

    @property
    @abstractmethod
    def profile(self) -> Profile:
        """The boundary in the half-plane (r, z); z is measured from the origin of the frame."""

    @property
    @abstractmethod
    def frame(self) -> tuple[int, Vector]:
        """Number of the coordinate that is z, and the origin."""

    @abstractmethod
    def inside_profile(self, r: Tensor, z: Tensor) -> Tensor:
        """True `(n,)` for points of the half-plane inside the profile."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """The revolved curves."""
        motion = self.motion_from_axis
        return tuple(SpaceSide(name, Placed(Revolved(curve), motion)) for name, curve in self.profile)

    @property
    def measure(self) -> float:
        """Volume, pi int r^2 dz over the profile."""
        return math.fsum(Revolved(curve).flux((0.0, 0.0, 0.0)) for _, curve in self.profile) / 3

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, with the bounds of the bounding box."""
        unit = [[float(i == k) for i in range(3)] for k in range(3)]
        upper = [self.support(e) for e in unit]
        lower = [-self.support([-x for x in e]) for e in unit]
        return tuple(Axis(name, a, b) for name, a, b in zip(self.names, lower, upper, strict=True))

    def support(self, direction: Sequence[float]) -> float:
        """The largest scalar product of a direction with a point of the solid."""
        along, origin = self.frame
        across = math.hypot(*(d for k, d in enumerate(direction) if k != along))
        most = max(_profile_support(curve, across, direction[along]) for _, curve in self.profile)
        return math.fsum(d * o for d, o in zip(direction, origin, strict=True)) + most

    def signed_distance(self, coords: Tensor) -> Tensor:
        """Distance `(n,)` of points `(n, 3)` to the boundary, negative inside."""
        check_coords(f"{type(self).__name__}.signed_distance", coords, self.columns)
        place = self._half_plane(coords)
        found = [signed_distances(curve, place) for _, curve in self.profile]
        signed = torch.stack([distance for distance, _ in found], dim=1)
        least = signed.detach().abs().argmin(dim=1, keepdim=True)
        foot = torch.stack([foot for _, foot in found], dim=1).gather(1, least)[:, 0]
        distance = signed.gather(1, least)[:, 0]
        inside = self.inside_profile(*place.detach().unbind(dim=1))
        at_end = torch.where(inside, -distance.abs(), distance.abs())
        return torch.where((foot > 0) & (foot < 1), distance, at_end)

    def side_at(self, coords: Tensor) -> Tensor:
        """Numbers `(n,)` of the sides on which points `(n, 3)` of the boundary lie."""
        place = self._half_plane(coords)
        gaps = [signed_distances(curve, place)[0].abs() for _, curve in self.profile]
        return torch.stack(gaps, dim=1).argmin(dim=1)

    @property
    def motion_from_axis(self) -> Motion:
        """From coordinates about the z axis to those of the axes."""
        along, origin = self.frame
        return Motion(_TURNS[along], 1.0, origin)

    def _half_plane(self, coords: Tensor) -> Tensor:
        """(r, z) of points."""
        local = self.motion_from_axis.back(coords)
        return torch.stack([torch.linalg.vector_norm(local[:, :2], dim=1), local[:, 2]], dim=1)


@dataclass(frozen=True, init=False, repr=False)
class AlongAxis(SolidOfRevolution):
    """A solid of revolution that extends between two coordinates along one axis.

    Args:
        names: of the axes.
        center: along the other two axes.
        along: name of the axis.
        ends: the two coordinates along it.
        radius: R.
    """

    names: tuple[str, str, str]
    center: tuple[float, float]
    along: str
    ends: tuple[float, float]
    radius: float

    lengths: ClassVar[tuple[str, ...]] = ("radius",)
    """Names of the arguments that scale with the solid."""

    @property
    def frame(self) -> tuple[int, Vector]:
        """Number of the coordinate that is z, and the origin, at the lower end."""
        k = self.names.index(self.along)
        origin = [*self.center[:k], min(self.ends), *self.center[k:]]
        return k, (origin[0], origin[1], origin[2])

    @property
    def height(self) -> float:
        """Distance between the ends."""
        return abs(self.ends[1] - self.ends[0])

    @property
    def arguments(self) -> Mapping[str, Plain]:
        """The keyword arguments that make an equal solid, for files."""
        return self.sizes | self.place

    @property
    def sizes(self) -> dict[str, float]:
        """The arguments that scale with the solid."""
        return {name: vars(self)[name] for name in self.lengths}

    @property
    def place(self) -> dict[str, Place]:
        """The coordinate along each axis, or both where it extends along it."""
        across = iter(self.center)
        return {name: self.ends if name == self.along else next(across) for name in self.names}

    def moved(self, motion: Motion) -> Operand:
        """A solid of the same kind, or where the motion turns it, `Moved`."""
        if motion.turns:
            return Moved.by(motion, self)
        place: dict[str, Place] = {}
        for (name, at), shift in zip(self.place.items(), motion.shift, strict=True):
            if isinstance(at, tuple):
                place[name] = (motion.factor * at[0] + shift, motion.factor * at[1] + shift)
            else:
                place[name] = motion.factor * at + shift
        return type(self)(**{name: motion.factor * size for name, size in self.sizes.items()}, **place)

    def _set(self, place: Mapping[str, object], radius: object) -> None:
        """Take the arguments that all solids along an axis have.

        Raises:
            ValueError: for another number of axes or intervals, or a radius that is not above 0.
        """
        owner = type(self).__name__
        example = f"{owner}(x=0, y=0, z=(0, 1), radius=0.5)"
        at = placed(owner, place, 3, example)
        intervals = [name for name, value in at.items() if isinstance(value, tuple)]
        if len(intervals) != 1:
            raise ValueError(
                f"{owner}: give two coordinates along exactly one axis, such as {example}, got {dict(place)!r}; "
                f"turn it by `rotated` for another direction"
            )
        (along,) = intervals
        center = tuple(value for value in at.values() if not isinstance(value, tuple))
        given = dict(names=tuple(at), center=center, along=along, ends=at[along])
        given["radius"] = positive(owner, "radius", radius)
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        def text(at: Place) -> str:
            return f"({number(at[0])}, {number(at[1])})" if isinstance(at, tuple) else number(at)

        shown = [f"{name}={text(at)}" for name, at in self.place.items()]
        shown += [f"{name}={number(size)}" for name, size in self.sizes.items() if size]
        return f"{type(self).__name__}({', '.join(shown)})"


def _profile_support(curve: Segment | Arc, across: float, along: float) -> float:
    """The largest across * r + along * z on a curve."""
    points = [curve.start, curve.end]
    if isinstance(curve, Arc):
        turn = (math.atan2(along, across) - curve.angle) * math.copysign(1.0, curve.sweep) % (2 * math.pi)
        if turn < abs(curve.sweep):
            size = curve.radius / math.hypot(across, along)
            points.append((curve.center[0] + size * across, curve.center[1] + size * along))
    return max(across * r + along * z for r, z in points)


_TURNS: tuple[tuple[Vector, ...], ...] = (
    ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
)
"""Rotations that bring the z axis to each axis."""
