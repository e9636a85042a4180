"""Solids of a generated scene: where a ray meets them, their normals, colours and soft shadows, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Ball", "Block", "Solid"]

Vector = tuple[float, float, float]


class Solid(Protocol):
    """Something opaque."""

    @property
    def gloss(self) -> float:
        """How strong its highlight is, 0 for a matt surface."""
        ...

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the axis-aligned box around it."""
        ...

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """First t > 0 `(n,)` with o + t d on the surface, inf where there is none, and the outward unit normal there.

        Directions `(n, 3)` of any length; t is in units of it.
        """
        ...

    def colour(self, points: Tensor) -> Tensor:
        """Albedo `(n, 3)` in [0, 1] at points of the surface."""
        ...

    def lets_through(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """The share `(n,)` of a round light in the unit direction `light` `(3,)` that the solid does not hide.

        `spread` is the sine of the light's angular radius.  Smooth in the point; exactly 0 or 1 as spread -> 0.
        """
        ...


@dataclass(frozen=True)
class Ball:
    """A ball."""

    centre: Vector
    radius: float
    albedo: Vector
    gloss: float = 0.0

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the box around it."""
        x, y, z = self.centre
        r = self.radius
        return (x - r, y - r, z - r), (x + r, y + r, z + r)

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """The smaller positive root of |o + t d - c|^2 = r^2."""
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
        """One colour."""
        return _like(points, self.albedo).expand(points.shape[0], 3)

    def lets_through(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """From how far the middle of the light passes the ball, in units of the light's radius at that distance."""
        to = _like(points, self.centre) - points
        along = to @ light
        off = (to - along[:, None] * light).norm(dim=1) - self.radius
        open_ = _smooth(off / (spread * along.clamp(min=1e-9)))
        return torch.where(along > 0, open_, 1.0)


@dataclass(frozen=True)
class Block:
    """A box turned about the vertical axis; with `tile` its top is a checkerboard of two colours.

    Args:
        centre: of the box.
        half: half its sides before turning.
        degrees: by which it is turned about z.
        albedo: its colour.
        gloss: of its highlight.
        tile: side of a square of the checkerboard, or None: one colour all over.
        other: the second colour of the checkerboard.
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
        """Corners of the box around it."""
        c, s = abs(math.cos(math.radians(self.degrees))), abs(math.sin(math.radians(self.degrees)))
        (hx, hy, hz), (x, y, z) = self.half, self.centre
        rx, ry = c * hx + s * hy, s * hx + c * hy
        return (x - rx, y - ry, z - hz), (x + rx, y + ry, z + hz)

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Where the ray enters the last of three slabs, or leaves the first from inside."""
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
        """One colour, or two in squares on the top."""
        plain = _like(points, self.albedo).expand(points.shape[0], 3)
        if self.tile is None:
            return plain
        own = self._own(points - _like(points, self.centre))
        odd = ((own[:, :2] / self.tile).floor().sum(dim=1) % 2).bool()
        top = own[:, 2] > self.half[2] * (1 - 1e-9) - 1e-9
        return torch.where((odd & top)[:, None], _like(points, self.other), plain)

    def lets_through(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """From how much the three slabs overlap along the middle of the light, in units of its radius there."""
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
    """0 below -1, 1 above 1, a cubic between."""
    u = ((x + 1) / 2).clamp(0, 1)
    return u * u * (3 - 2 * u)


def _like(tensor: Tensor, vector: Vector) -> Tensor:
    """A vector `(3,)` in the type of a tensor, never by way of a shorter one."""
    return torch.tensor(vector, dtype=tensor.dtype, device=tensor.device)
