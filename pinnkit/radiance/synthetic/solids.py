"""Solids of generated scenes: ray intersections, normals, colours and soft shadows in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Ball", "Block", "Solid"]

Vector = tuple[float, float, float]


class Solid(Protocol):
    """Opaque solid."""

    @property
    def gloss(self) -> float:
        """Strength of the highlight, 0 for a matt surface."""
        ...

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the axis-aligned bounding box."""
        ...

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """First t > 0 `(n,)` with o + t d on the surface, inf for a miss, and the outward unit normal there.

        Directions `(n, 3)` may have any length; t is in units of it.
        """
        ...

    def colour(self, points: Tensor) -> Tensor:
        """Albedo `(n, 3)` in [0, 1] at points of the surface."""
        ...

    def light_visibility(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """Visible share `(n,)` of a round light in the unit direction `light` `(3,)`.

        `spread` is the sine of the angular radius of the light.  The share is smooth in the point, and 0 or 1 as spread
        -> 0.
        """
        ...


@dataclass(frozen=True)
class Ball:
    """Ball."""

    centre: Vector
    radius: float
    albedo: Vector
    gloss: float = 0.0

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the bounding box."""
        x, y, z = self.centre
        r = self.radius
        return (x - r, y - r, z - r), (x + r, y + r, z + r)

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Smaller positive root of |o + t d - c|^2 = r^2."""
        from_ = origins - _like(origins, self.centre)
        a = (directions * directions).sum(dim=1)
        b = (from_ * directions).sum(dim=1)
        root = b * b - a * ((from_ * from_).sum(dim=1) - self.radius**2)
        half = root.clamp(min=0).sqrt()
        near, far = (-b - half) / a, (-b + half) / a
        t = torch.where(near > 0, near, far)
        t = torch.where((root > 0) & (t > 0), t, torch.inf)
        met = from_ + torch.where(t.isfinite(), t, 0)[:, None] * directions
        return t, met / self.radius

    def colour(self, points: Tensor) -> Tensor:
        """Constant colour."""
        return _like(points, self.albedo).expand(points.shape[0], 3)

    def light_visibility(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """Visible share from the distance between light axis and ball, in light radii at that distance."""
        to = _like(points, self.centre) - points
        along = to @ light
        off = (to - along[:, None] * light).norm(dim=1) - self.radius
        open_ = _smooth(off / (spread * along.clamp(min=1e-9)))
        return torch.where(along > 0, open_, 1.0)


@dataclass(frozen=True)
class Block:
    """Box rotated about the vertical axis; with `tile` its top is a checkerboard of two colours.

    Args:
        centre: of the box.
        half: half of its sides before the rotation.
        albedo: its colour.
        degrees: rotation about z.
        gloss: strength of its highlight.
        tile: side of a square of the checkerboard; None for one colour.
        other: second colour of the checkerboard.
    """

    centre: Vector
    half: Vector
    albedo: Vector
    degrees: float = 0.0
    gloss: float = 0.0
    tile: float | None = None
    other: Vector = (0.0, 0.0, 0.0)

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the bounding box."""
        c, s = abs(math.cos(math.radians(self.degrees))), abs(math.sin(math.radians(self.degrees)))
        (hx, hy, hz), (x, y, z) = self.half, self.centre
        rx, ry = c * hx + s * hy, s * hx + c * hy
        return (x - rx, y - ry, z - hz), (x + rx, y + ry, z + hz)

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Entry into the last of three slabs, or exit from the first for rays from inside."""
        o, d = self._own(origins - _like(origins, self.centre)), self._own(directions)
        first, last = self._slabs(o, d)
        near, axis_in = first.max(dim=1)
        far, axis_out = last.min(dim=1)
        from_outside = near > 0
        t = torch.where(near < far, torch.where(from_outside, near, far), torch.inf)
        t = torch.where(t > 0, t, torch.inf)
        axis = torch.where(from_outside, axis_in, axis_out)
        sign = torch.where(from_outside, -1.0, 1.0) * d.gather(1, axis[:, None])[:, 0].sign()
        normal = torch.zeros_like(o).scatter_(1, axis[:, None], sign[:, None].to(o))
        return t, self._world(normal)

    def colour(self, points: Tensor) -> Tensor:
        """Constant colour, or two in squares on the top."""
        plain = _like(points, self.albedo).expand(points.shape[0], 3)
        if self.tile is None:
            return plain
        own = self._own(points - _like(points, self.centre))
        odd = ((own[:, :2] / self.tile).floor().sum(dim=1) % 2).bool()
        top = own[:, 2] > self.half[2] * (1 - 1e-9) - 1e-9
        return torch.where((odd & top)[:, None], _like(points, self.other), plain)

    def light_visibility(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """Visible share from the overlap of the three slabs along the light axis, in light radii there."""
        o = self._own(points - _like(points, self.centre))
        d = self._own(light[None, :]).expand_as(o)
        first, last = self._slabs(o, d)
        near, far = first.amax(dim=1), last.amin(dim=1)
        open_ = _smooth((near - far) / (2 * spread * near.clamp(min=0.02)))
        return torch.where(far > 0, open_, 1.0)

    def _slabs(self, o: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        inverse = 1 / torch.where(d.abs() < 1e-12, 1e-12, d)
        middle, reach = -o * inverse, _like(o, self.half) * inverse.abs()
        return middle - reach, middle + reach

    def _turn(self, like: Tensor) -> Tensor:
        c, s = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64).to(like)

    def _own(self, vectors: Tensor) -> Tensor:
        return vectors @ self._turn(vectors)

    def _world(self, vectors: Tensor) -> Tensor:
        return vectors @ self._turn(vectors).T


def _smooth(x: Tensor) -> Tensor:
    """Cubic step: 0 below -1, 1 above 1."""
    u = ((x + 1) / 2).clamp(0, 1)
    return u * u * (3 - 2 * u)


def _like(tensor: Tensor, vector: Vector) -> Tensor:
    """Vector `(3,)` in the dtype and device of a tensor."""
    return torch.tensor(vector, dtype=tensor.dtype, device=tensor.device)
