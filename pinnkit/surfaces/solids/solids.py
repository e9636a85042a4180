"""Solids with exactly known surfaces, against which reconstructions are measured.

Each provides points of equal density on the exact surface, the signed distance (negative inside), the Euler number of
the surface and a fine mesh.  Shapes are near the origin, with a size of about [-0.8, 0.8]^3; units: dimensionless.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    import trimesh

__all__ = ["BoxMinusCylinder", "Shape", "Sphere", "Torus", "diagonal"]

Array = NDArray[np.float64]


class Shape(Protocol):
    """A solid with an exactly known surface."""

    @property
    def euler(self) -> int:
        """Euler number V - E + F of the surface."""

    @property
    def volume(self) -> float | None:
        """Enclosed volume, None where no closed form is known."""

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Lower and upper corner of the bounding box, ``(3,)`` each."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Points of equal density on the surface, ``(n, 3)`` float64."""

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance ``(n,)`` of points ``(n, 3)``, negative inside."""

    def mesh(self) -> trimesh.Trimesh:
        """Closed triangle mesh, finer than the measured errors."""


def diagonal(shape: Shape) -> float:
    """Diagonal of the bounding box of a shape: the unit of errors."""
    lower, upper = shape.bounds
    return float(torch.linalg.vector_norm(upper - lower))


def _uniform(*size: int, generator: torch.Generator) -> Tensor:
    return torch.rand(*size, generator=generator, dtype=torch.float64)


def _directions(n: int, generator: torch.Generator) -> Tensor:
    x = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    return x / torch.linalg.vector_norm(x, dim=1, keepdim=True)


def _closed(rings: Array) -> trimesh.Trimesh:
    """Triangles of ``(m, k, 3)`` points, periodic along the first two axes."""
    import trimesh

    m, k = rings.shape[:2]
    at = np.arange(m * k).reshape(m, k)
    right, up = np.roll(at, -1, 0), np.roll(at, -1, 1)
    both = np.roll(right, -1, 1)
    faces = np.concatenate([np.stack([at, right, both], 2).reshape(-1, 3), np.stack([at, both, up], 2).reshape(-1, 3)])
    return trimesh.Trimesh(rings.reshape(-1, 3), faces, process=False)


def _box(x: float, y: float, z: float) -> tuple[Tensor, Tensor]:
    upper = torch.tensor([x, y, z], dtype=torch.float64)
    return -upper, upper


@dataclass(frozen=True)
class Sphere:
    """{|x| <= radius}."""

    radius: float = 0.78
    euler: int = field(default=2, init=False)

    @property
    def volume(self) -> float:
        """4/3 pi R^3."""
        return 4 / 3 * math.pi * self.radius**3

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Bounding box."""
        return _box(self.radius, self.radius, self.radius)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Normalised Gaussian vectors."""
        return self.radius * _directions(n, generator)

    def distance(self, points: Tensor) -> Tensor:
        """|x| - R, exact."""
        return torch.linalg.vector_norm(points, dim=1) - self.radius

    def mesh(self) -> trimesh.Trimesh:
        """Icosphere of 81,920 triangles; maximum error 1e-4 R."""
        import trimesh

        return trimesh.creation.icosphere(subdivisions=6, radius=self.radius)


@dataclass(frozen=True)
class Torus:
    """{(|(x, y)| - major)^2 + z^2 <= minor^2}."""

    major: float = 0.55
    minor: float = 0.23
    euler: int = field(default=0, init=False)

    @property
    def volume(self) -> float:
        """2 pi^2 R r^2."""
        return 2 * math.pi**2 * self.major * self.minor**2

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Bounding box."""
        return _box(self.major + self.minor, self.major + self.minor, self.minor)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Uniform angles, accepted in proportion to the area element R + r cos v."""
        kept: list[Tensor] = []
        while sum(len(k) for k in kept) < n:
            u, v, w = _uniform(3, 2 * n + 16, generator=generator)
            u, v = 2 * math.pi * u, 2 * math.pi * v
            rho = self.major + self.minor * torch.cos(v)
            on = torch.stack([rho * torch.cos(u), rho * torch.sin(u), self.minor * torch.sin(v)], 1)
            kept.append(on[w * (self.major + self.minor) < rho])
        return torch.cat(kept)[:n]

    def distance(self, points: Tensor) -> Tensor:
        """Exact distance."""
        rho = torch.linalg.vector_norm(points[:, :2], dim=1) - self.major
        return torch.hypot(rho, points[:, 2]) - self.minor

    def mesh(self) -> trimesh.Trimesh:
        """384 x 160 quadrilaterals; maximum error 1e-4."""
        u, v = 2 * np.pi * np.arange(384) / 384, 2 * np.pi * np.arange(160) / 160
        rho = self.major + self.minor * np.cos(v)
        rings = np.stack(
            [np.outer(np.cos(u), rho), np.outer(np.sin(u), rho), np.outer(np.ones_like(u), self.minor * np.sin(v))], 2
        )
        return _closed(rings)


@dataclass(frozen=True)
class BoxMinusCylinder:
    """Box with a round hole along z through its centre: flat faces, straight and round sharp edges, one handle."""

    half: tuple[float, float, float] = (0.78, 0.6, 0.45)
    radius: float = 0.32
    euler: int = field(default=0, init=False)

    @property
    def volume(self) -> float:
        """Volume of the box minus that of the hole."""
        a, b, c = self.half
        return 8 * a * b * c - math.pi * self.radius**2 * 2 * c

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Bounding box."""
        return _box(*self.half)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Faces and hole in proportion to their areas; points of the faces inside the hole are rejected."""
        a, b, c = self.half
        walls = torch.tensor([8 * a * b, 8 * b * c, 8 * a * c, 4 * math.pi * self.radius * c], dtype=torch.float64)
        kept: list[Tensor] = []
        while sum(len(k) for k in kept) < n:
            m = 2 * n + 16
            kind = torch.multinomial(walls, m, replacement=True, generator=generator)
            s, t, w = 2 * _uniform(3, m, generator=generator) - 1
            side = torch.where(w < 0, -1.0, 1.0).to(torch.float64)
            lids = torch.stack([a * s, b * t, c * side], 1)
            across = torch.stack([a * side, b * s, c * t], 1)
            along = torch.stack([a * s, b * side, c * t], 1)
            angle = math.pi * s
            hole = torch.stack([self.radius * torch.cos(angle), self.radius * torch.sin(angle), c * t], 1)
            x = torch.stack([lids, across, along, hole])[kind, torch.arange(m)]
            kept.append(x[(kind != 0) | (torch.hypot(x[:, 0], x[:, 1]) > self.radius)])
        return torch.cat(kept)[:n]

    def distance(self, points: Tensor) -> Tensor:
        """Exact: least distance to the lids, the four walls and the wall of the hole, with its sign."""
        a, b, c = self.half
        x, y, z = points.abs().unbind(1)  # the solid is symmetric in all three planes
        rho = torch.hypot(x, y)
        out_x, out_y, out_z = (x - a).clamp_min(0), (y - b).clamp_min(0), (z - c).clamp_min(0)
        flat = torch.where(rho < self.radius, self.radius - rho, torch.hypot(out_x, out_y))
        lid = torch.hypot(z - c, flat)
        wall_x = torch.hypot(x - a, torch.hypot(out_y, out_z))
        wall_y = torch.hypot(y - b, torch.hypot(out_x, out_z))
        hole = torch.hypot(rho - self.radius, out_z)
        least = torch.stack([lid, wall_x, wall_y, hole]).amin(0)
        inside = (x < a) & (y < b) & (z < c) & (rho > self.radius)
        return torch.where(inside, -least, least)

    def mesh(self) -> trimesh.Trimesh:
        """Lids between circle and rectangle, 720 sectors, corners included; maximum error 1e-5."""
        a, b, c = self.half
        angle = np.unique(
            np.concatenate(
                [2 * np.pi * np.arange(720) / 720]
                + [np.array([math.atan2(q * b, p * a) % (2 * math.pi)]) for p, q in product((-1, 1), repeat=2)]
            )
        )
        unit = np.stack([np.cos(angle), np.sin(angle)], 1)
        outer = unit / np.maximum(np.abs(unit[:, :1]) / a, np.abs(unit[:, 1:]) / b)
        inner = self.radius * unit

        def ring(flat: Array, z: float) -> Array:
            return np.column_stack([flat, np.full(len(flat), z)])

        return _closed(np.stack([ring(inner, -c), ring(outer, -c), ring(outer, c), ring(inner, c)], 1))
