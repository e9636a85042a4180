"""Movable: shapes that can be translated, rotated and scaled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from .axes import Axis, Role, is_finite
from .shapes.motion import Motion

__all__ = ["Movable", "scalar_axes"]

Made = TypeVar("Made", covariant=True)


class Movable(ABC, Generic[Made]):
    """A set of points with named axes that can be translated, rotated and scaled."""

    if TYPE_CHECKING:  # a field in some shapes, a property in others

        @property
        def axes(self) -> tuple[Axis, ...]:
            """Axes, with the bounds of the bounding box."""

    @abstractmethod
    def moved(self, motion: Motion) -> Made:
        """The set after a rotation, scaling and translation."""

    def translated(self, **by: float) -> Made:
        """The shape shifted along axes: `shape.translated(x=0.5)`.

        Raises:
            ValueError: for a name that is no axis, or a shift that is not finite.
        """
        names = tuple(axis.name for axis in scalar_axes(self, "translated"))
        for name, value in by.items():
            if name not in names:
                raise ValueError(f"{self!r}.translated: `{name}` is not an axis; the axes are {names}")
            if not is_finite(value):
                raise ValueError(f"{self!r}.translated: `{name}` must be a finite number, got {value!r}")
        return self.moved(Motion.translation([float(by.get(name, 0.0)) for name in names]))

    def scaled(self, factor: float, *, about: Sequence[float] | None = None) -> Made:
        """The shape scaled by a factor about a point, the origin by default.

        Raises:
            ValueError: for a factor that is not above 0, or a point that has not one number for each axis.
        """
        axes = scalar_axes(self, "scaled")
        if not is_finite(factor) or not factor > 0:
            raise ValueError(f"{self!r}.scaled: `factor` must be a finite number above 0, got {factor!r}")
        return self.moved(Motion.scaling(float(factor), _center(self, "scaled", about, len(axes))))

    def rotated(
        self, angle: float, axis: str | Sequence[float] | None = None, *, about: Sequence[float] | None = None
    ) -> Made:
        """The shape rotated about a point, the origin by default.

        In the plane counter-clockwise, from the first axis towards the second; in space right-handed about `axis`.

        Args:
            angle: in radians.
            axis: in space, the name of an axis or a direction, such as `"z"` or `(1, 1, 0)`; none in the plane.
            about: the point, one number for each axis.

        Raises:
            ValueError: for an angle that is not finite, a missing or unknown axis, or a point or direction that has not
                one number for each axis; in one dimension always.
        """
        axes = scalar_axes(self, "rotated")
        owner = f"{self!r}.rotated"
        if not is_finite(angle):
            raise ValueError(f"{owner}: `angle` must be a finite number of radians, got {angle!r}")
        center = _center(self, "rotated", about, len(axes))
        names = tuple(a.name for a in axes)
        if len(axes) == 2:
            if axis is not None:
                raise ValueError(f"{owner}: there is no `axis` to give in the plane, got {axis!r}")
            return self.moved(Motion.plane_rotation(float(angle), center))
        if len(axes) != 3:
            raise ValueError(f"{owner}: there are rotations in the plane and in space, got {len(axes)} axes")
        if isinstance(axis, str):
            if axis not in names:
                raise ValueError(f"{owner}: `axis` must be one of {names} or a direction, got {axis!r}")
            direction = [1.0 if name == axis else 0.0 for name in names]
        else:
            if axis is None or len(axis) != 3 or not all(map(is_finite, axis)) or not any(axis):
                raise ValueError(f"{owner}: `axis` must be one of {names} or a direction (a, b, c), got {axis!r}")
            direction = [float(x) for x in axis]
        return self.moved(Motion.space_rotation(float(angle), direction, center))


def scalar_axes(operand: Movable[object], owner: str) -> tuple[Axis, ...]:
    """The axes of a shape, which must be of space with one column each."""
    for axis in operand.axes:
        if axis.role is not Role.SPACE:
            raise ValueError(
                f"{owner}: `{axis.name}` is not of space in {operand!r}; combine and move shapes in space, then "
                f"multiply by Time or Parameters"
            )
        if axis.dim > 1:
            raise ValueError(
                f"{owner}: `{axis.name}` has {axis.dim} columns in {operand!r}; give an axis for each, such as x, y, z"
            )
    return operand.axes


def _center(operand: Movable[object], method: str, about: Sequence[float] | None, dim: int) -> list[float]:
    if about is None:
        return [0.0] * dim
    if len(about) != dim or not all(map(is_finite, about)):
        raise ValueError(f"{operand!r}.{method}: `about` must be {dim} finite numbers, got {about!r}")
    return [float(x) for x in about]
