"""Similarities of space: rotation, scaling by one factor, translation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Motion", "PlaneMotion", "Point"]

Point = tuple[float, float]
"""Coordinates of a point of the plane, or components of a vector."""


@dataclass(frozen=True)
class PlaneMotion:
    """x -> factor Q x + shift in the plane, Q the counter-clockwise rotation by `angle`.

    Args:
        angle: in radians.
        factor: scale, above 0.
        shift: translation.
    """

    angle: float = 0.0
    factor: float = 1.0
    shift: Point = (0.0, 0.0)

    def applied(self, point: Point) -> Point:
        """The place to which a point moves."""
        x, y = point
        if self.angle:
            cosine, sine = cosine_and_sine(self.angle)
            x, y = cosine * x - sine * y, sine * x + cosine * y
        return self.factor * x + self.shift[0], self.factor * y + self.shift[1]


@dataclass(frozen=True)
class Motion:
    """x -> factor Q x + shift in one to three dimensions, Q a rotation.

    Args:
        rotation: the rows of Q, orthogonal with determinant 1.
        factor: scale, above 0.
        shift: translation.
    """

    rotation: tuple[tuple[float, ...], ...]
    factor: float
    shift: tuple[float, ...]

    @classmethod
    def translation(cls, shift: Sequence[float]) -> Motion:
        """x -> x + shift."""
        return cls(_identity(len(shift)), 1.0, tuple(shift))

    @classmethod
    def scaling(cls, factor: float, about: Sequence[float]) -> Motion:
        """x -> about + factor (x - about)."""
        return cls(_identity(len(about)), factor, tuple(c - factor * c for c in about))

    @classmethod
    def plane_rotation(cls, angle: float, about: Sequence[float]) -> Motion:
        """The counter-clockwise rotation by `angle`, in radians, about a point of the plane."""
        cosine, sine = cosine_and_sine(angle)
        return cls(((cosine, -sine), (sine, cosine)), 1.0, (0.0, 0.0))._about(about)

    @classmethod
    def space_rotation(cls, angle: float, direction: Sequence[float], about: Sequence[float]) -> Motion:
        """The right-handed rotation by `angle`, in radians, about the line through a point along a direction.

        Source: Rodrigues' formula, Q = cos a I + sin a [e] + (1 - cos a) e e^T.
        """
        cosine, sine = cosine_and_sine(angle)
        size = math.hypot(*direction)
        a, b, c = (x / size for x in direction)
        left = 1 - cosine
        rows = (
            (cosine + left * a * a, left * a * b - sine * c, left * a * c + sine * b),
            (left * a * b + sine * c, cosine + left * b * b, left * b * c - sine * a),
            (left * a * c - sine * b, left * b * c + sine * a, cosine + left * c * c),
        )
        return cls(rows, 1.0, (0.0, 0.0, 0.0))._about(about)

    @property
    def turns(self) -> bool:
        """True if it rotates."""
        return self.rotation != _identity(len(self.shift))

    @property
    def plane(self) -> PlaneMotion:
        """The same in the plane."""
        angle = math.atan2(self.rotation[1][0], self.rotation[0][0])
        return PlaneMotion(angle, self.factor, (self.shift[0], self.shift[1]))

    def applied(self, point: Sequence[float]) -> tuple[float, ...]:
        """The place to which a point moves."""
        if not self.turns:
            return tuple(self.factor * x + s for x, s in zip(point, self.shift, strict=True))
        turned = [sum(q * x for q, x in zip(row, point, strict=True)) for row in self.rotation]
        return tuple(self.factor * x + s for x, s in zip(turned, self.shift, strict=True))

    def after(self, first: Motion) -> Motion:
        """The motion that does `first` and then this one."""
        rotation = tuple(
            tuple(sum(row[k] * first.rotation[k][j] for k in range(len(row))) for j in range(len(row)))
            for row in self.rotation
        )
        return Motion(rotation, self.factor * first.factor, self.applied(first.shift))

    def forward(self, points: Tensor) -> Tensor:
        """Places `(n, d)` to which points `(n, d)` move."""
        return self.factor * self.turned(points) + torch.tensor(self.shift, dtype=points.dtype, device=points.device)

    def turned(self, vectors: Tensor) -> Tensor:
        """Vectors `(n, d)` after the rotation alone."""
        return vectors @ torch.tensor(self.rotation, dtype=vectors.dtype, device=vectors.device).T

    def back(self, points: Tensor) -> Tensor:
        """Places `(n, d)` from which points `(n, d)` come."""
        away = (points - torch.tensor(self.shift, dtype=points.dtype, device=points.device)) / self.factor
        return away @ torch.tensor(self.rotation, dtype=points.dtype, device=points.device)

    def _about(self, center: Sequence[float]) -> Motion:
        turned = self.applied(center)
        return Motion(self.rotation, self.factor, tuple(c - t for c, t in zip(center, turned, strict=True)))


def cosine_and_sine(angle: float) -> Point:
    """Cosine and sine, exact at multiples of a right angle."""
    quarter = round(angle / (math.pi / 2))
    if abs(angle - quarter * math.pi / 2) <= 4e-16 * max(1.0, abs(angle)):
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarter % 4]
    return math.cos(angle), math.sin(angle)


def _identity(dim: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(1.0 if i == j else 0.0 for j in range(dim)) for i in range(dim))
