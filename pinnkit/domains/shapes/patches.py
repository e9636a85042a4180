"""Patches of surfaces that bound solids: parallelograms, surfaces of revolution, triangles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from .curves import Arc, Segment
from .motion import Motion

__all__ = ["Parallelogram", "Patch", "Placed", "Revolved", "SpaceSide", "Triangles", "Vector"]

Vector = tuple[float, float, float]
"""Coordinates of a point of space, or components of a vector."""
_NODES = 32


class Patch(Protocol):
    """A piece of a smooth surface with a side that is outside: frozen and equal by value."""

    @property
    def area(self) -> float:
        """Area."""
        ...

    @property
    def is_continuous(self) -> bool:
        """True if points that are near in the unit square are near in space, but for its upper ends."""
        ...

    def at(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Points `(n, 3)` even in area, and outward unit normals `(n, 3)`, from `(n, 2)` in the unit square."""
        ...

    def flux(self, origin: Vector) -> float:
        """Integral of (x - origin) . n over the patch: three times the volume of the cone from the origin to it."""
        ...


@dataclass(frozen=True)
class SpaceSide:
    """A named part of the boundary of a solid.

    Args:
        name: of the wall, unique among those of a shape.
        patch: the surface.
    """

    name: str
    patch: Patch


@dataclass(frozen=True)
class Parallelogram:
    """origin + a u + b v for a, b in [0, 1], with the normal u x v.

    Args:
        origin: a corner.
        u: side of the parallelogram.
        v: the other side.
    """

    origin: Vector
    u: Vector
    v: Vector

    @property
    def area(self) -> float:
        """|u x v|."""
        return math.hypot(*self._cross)

    @property
    def is_continuous(self) -> bool:
        """True."""
        return True

    def at(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Points and normals."""
        origin, u, v = (torch.tensor(x, dtype=torch.float64) for x in (self.origin, self.u, self.v))
        normal = torch.tensor(self._cross, dtype=torch.float64) / self.area
        return origin + unit[:, :1] * u + unit[:, 1:] * v, normal.expand(len(unit), 3).clone()

    def flux(self, origin: Vector) -> float:
        """Integral of (x - origin) . n: the height of the plane times the area."""
        return math.fsum((a - b) * c for a, b, c in zip(self.origin, origin, self._cross, strict=True))

    @property
    def _cross(self) -> Vector:
        (a, b, c), (d, e, f) = self.u, self.v
        return b * f - c * e, c * d - a * f, a * e - b * d


@dataclass(frozen=True)
class Revolved:
    """A profile in the half-plane of (r, z), r >= 0, revolved about the z axis.

    Args:
        profile: with the solid on its left in the half-plane.
    """

    profile: Segment | Arc

    @cached_property
    def area(self) -> float:
        """2 pi int r ds (Pappus)."""
        r, _, weight, _ = self._nodes
        return 2 * math.pi * float((weight * r).sum())

    @property
    def is_continuous(self) -> bool:
        """True."""
        return True

    def at(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Points and normals: the first column says how far along the profile, the second is the angle."""
        s = self._parameter(unit[:, 0])
        place, normal = self.profile.point(s), self.profile.normal(s)
        angle = 2 * math.pi * unit[:, 1]
        around = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
        return (
            torch.cat([place[:, :1].clamp(min=0) * around, place[:, 1:]], dim=1),
            torch.cat([normal[:, :1] * around, normal[:, 1:]], dim=1),
        )

    def flux(self, origin: Vector) -> float:
        """Integral of (x - origin) . n; what is across the axis cancels."""
        r, z, weight, normal = self._nodes
        return 2 * math.pi * float((weight * r * (r * normal[:, 0] + (z - origin[2]) * normal[:, 1])).sum())

    @cached_property
    def _nodes(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Radii, heights, weights and normals at the nodes of Gauss quadrature along the profile."""
        x, w = (torch.from_numpy(a) for a in leggauss(_NODES))
        s = (x + 1) / 2
        r, z = self.profile.point(s).unbind(dim=1)
        return r, z, w / 2 * self.profile.speed(s), self.profile.normal(s)

    def _parameter(self, share: Tensor) -> Tensor:
        """Parameters of the profile up to which shares of the area lie."""
        if isinstance(self.profile, Segment):
            first, last = self.profile.start[0], self.profile.end[0]
            root = (first**2 + share * (last**2 - first**2)).clamp(min=0).sqrt()
            return (share * (first + last) / (first + root).clamp(min=1e-300)).clamp(0, 1)
        return self._angle_parameter(self.profile, share)

    @staticmethod
    def _angle_parameter(arc: Arc, share: Tensor) -> Tensor:
        """Solve c a + rho sin a = const by Newton's method within a bracket."""
        middle, rho = arc.center[0], arc.radius
        ends = [middle * a + rho * math.sin(a) for a in (arc.angle, arc.angle + arc.sweep)]
        target = ends[0] + share * (ends[1] - ends[0])
        sign = math.copysign(1.0, arc.sweep)
        low, high = torch.zeros_like(share), torch.ones_like(share)
        s = share.clone()
        for _ in range(80):
            angle = arc.angle + s * arc.sweep
            left = middle * angle + rho * torch.sin(angle) - target
            before = sign * left < 0
            low, high = torch.where(before, s, low), torch.where(before, high, s)
            slope = (middle + rho * torch.cos(angle)) * arc.sweep
            moved = s - left / torch.where(slope == 0, torch.ones_like(slope), slope)
            moved = torch.where((moved >= low) & (moved <= high), moved, (low + high) / 2)
            if float((moved - s).abs().max() if len(s) else 0.0) <= 1e-15:
                break
            s = moved
        return s


@dataclass(frozen=True, eq=False)
class Triangles:
    """Triangles of a mesh, outward where their corners turn counter-clockwise; equal to itself alone.

    Args:
        corners: (k, 3, 3).
    """

    corners: Tensor

    @cached_property
    def area(self) -> float:
        """Sum of the areas."""
        return float(self._areas.sum())

    @property
    def is_continuous(self) -> bool:
        """False: neighbours in the list of triangles may be far from each other."""
        return False

    def at(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Points and normals: the first column says which triangle and how far in it, the second is across it."""
        ends = self._areas.cumsum(0)
        along = unit[:, 0] * ends[-1]
        which = torch.searchsorted(ends, along, right=True).clamp(max=len(ends) - 1)
        root = ((along - (ends - self._areas)[which]) / self._areas[which]).clamp(0, 1).sqrt()[:, None]
        a, b, c = self.corners[which].unbind(dim=1)
        points = a + root * ((1 - unit[:, 1:]) * (b - a) + unit[:, 1:] * (c - a))
        cross = self._cross[which]
        return points, cross / torch.linalg.vector_norm(cross, dim=1, keepdim=True)

    def flux(self, origin: Vector) -> float:
        """Integral of (x - origin) . n: on each triangle the height of its plane times its area."""
        away = self.corners[:, 0] - torch.tensor(origin, dtype=torch.float64)
        return float((away * self._cross).sum() / 2)

    @cached_property
    def _cross(self) -> Tensor:
        a, b, c = self.corners.unbind(dim=1)
        return torch.linalg.cross(b - a, c - a)

    @cached_property
    def _areas(self) -> Tensor:
        return torch.linalg.vector_norm(self._cross, dim=1) / 2


@dataclass(frozen=True)
class Placed:
    """A patch after a motion.

    Args:
        patch: the patch.
        motion: where it goes.
    """

    patch: Patch
    motion: Motion

    @property
    def area(self) -> float:
        """Area."""
        return self.motion.factor**2 * self.patch.area

    @property
    def is_continuous(self) -> bool:
        """As the patch is."""
        return self.patch.is_continuous

    def at(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Points and normals."""
        points, normal = self.patch.at(unit)
        return self.motion.forward(points), self.motion.turned(normal)

    def flux(self, origin: Vector) -> float:
        """Integral of (x - origin) . n."""
        back = self.motion.back(torch.tensor([origin], dtype=torch.float64))[0].tolist()
        return self.motion.factor**3 * self.patch.flux((back[0], back[1], back[2]))
