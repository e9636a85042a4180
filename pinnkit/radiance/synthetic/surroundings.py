"""Surroundings of generated captures: a room or a landscape that cameras stand in, with texture to look at."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .solids import Ball, Block, Vector

__all__ = ["Landscape", "Room", "Waves"]


@dataclass(frozen=True, eq=False)
class Waves:
    """A smooth random colour of space: 0.5 + sum_k a_k cos(f_k . x + phi_k), amplitudes falling like 1 / |f|.

    Args:
        frequencies: `(K, 3)`, radians per unit of length.
        phases: `(K,)`.
        amplitudes: `(K, 3)`, of red, green and blue.
    """

    frequencies: Tensor
    phases: Tensor
    amplitudes: Tensor

    @classmethod
    def draw(cls, generator: torch.Generator, longest: float, octaves: int, *, contrast: float = 0.35) -> Waves:
        """Six waves an octave, the first of wave length `longest`, in random directions and tints."""
        frequencies, amplitudes = [], []
        for octave in range(octaves):
            direction = torch.randn(6, 3, generator=generator, dtype=torch.float64)
            direction = direction / direction.norm(dim=1, keepdim=True)
            frequencies.append(direction * 2 * math.pi * 2.0**octave / longest)
            tint = 0.6 + 0.8 * torch.rand(6, 3, generator=generator, dtype=torch.float64) - 0.4
            amplitudes.append(contrast / 2.45 * 0.6**octave * tint)  # 2.45: root of six
        phases = 2 * math.pi * torch.rand(6 * octaves, generator=generator, dtype=torch.float64)
        return cls(torch.cat(frequencies), phases, torch.cat(amplitudes))

    def colour(self, points: Tensor) -> Tensor:
        """`(n, 3)` in [0, 1] at points `(n, 3)`."""
        waves = torch.cos(points @ self.frequencies.to(points).T + self.phases.to(points))
        return (0.5 + waves @ self.amplitudes.to(points)).clamp(0.02, 1)


@dataclass(frozen=True, eq=False)
class Room:
    """Four walls, floor and ceiling, seen from inside: panels of many colours under a smooth pattern.

    Args:
        lower: corner of the room.
        upper: its opposite corner.
        waves: the smooth pattern.
        panel: side of a panel; every panel has a tint of its own, with sharp edges between them.
    """

    lower: Vector
    upper: Vector
    waves: Waves
    panel: float = 1.1
    gloss: float = 0.0

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Its corners."""
        return self.lower, self.upper

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Where a ray from inside meets a wall, and the normal into the room."""
        (ax, ay, az), (bx, by, bz) = self.lower, self.upper
        walls = Block(
            ((ax + bx) / 2, (ay + by) / 2, (az + bz) / 2), ((bx - ax) / 2, (by - ay) / 2, (bz - az) / 2), (1, 1, 1)
        )
        t, normal = walls.hit(origins, directions)
        return t, -normal

    def colour(self, points: Tensor) -> Tensor:
        """Smooth pattern times the tint of the panel."""
        # A hair towards the middle, so that rounding on the wall does not change the panel.
        inner = points * (1 - 1e-6)
        cell = (inner / self.panel).floor()
        hashed = torch.sin(cell @ torch.tensor([12.9898, 78.233, 37.719], dtype=points.dtype)) * 43758.5453
        hue = (hashed - hashed.floor())[:, None]
        tint = 0.72 + 0.28 * torch.cos(2 * math.pi * (hue + torch.tensor([0.0, 0.33, 0.67], dtype=points.dtype)))
        return (self.waves.colour(points) * (0.4 + tint)).clamp(0, 1)

    def lets_through(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """All of it: the light is inside."""
        del light, spread
        return torch.ones_like(points[:, 0])


@dataclass(frozen=True, eq=False)
class Landscape:
    """Hills under a sky, so far away that it hardly moves: a sphere seen from inside, its colour by direction.

    Args:
        radius: of the sphere about the origin.
        waves: of the pattern of ground and clouds, at points of the unit sphere.
        ground: hue of the ground in [0, 1].
    """

    radius: float
    waves: Waves
    ground: float = 0.3
    gloss: float = 0.0

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the box around the sphere."""
        r = self.radius
        return (-r, -r, -r), (r, r, r)

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Where a ray from inside meets the sphere; every normal is up, so that light falls evenly."""
        t, normal = Ball((0.0, 0.0, 0.0), self.radius, (1, 1, 1)).hit(origins, directions)
        return t, torch.zeros_like(normal) + torch.tensor([0.0, 0.0, 1.0], dtype=normal.dtype)

    def colour(self, points: Tensor) -> Tensor:
        """Sky above a ridge, ground below it."""
        unit = points / points.norm(dim=1, keepdim=True)
        pattern = self.waves.colour(unit)
        angle = torch.atan2(unit[:, 1], unit[:, 0])
        ridge = 0.1 + 0.08 * torch.sin(3 * angle + 1) + 0.05 * torch.sin(7 * angle)
        sky = 0.35 * pattern + torch.tensor([0.35, 0.5, 0.65], dtype=points.dtype) * (1.2 - 0.5 * unit[:, 2:])
        earth = 1.3 * pattern * torch.tensor(colorsys.hsv_to_rgb(self.ground, 0.5, 0.8), dtype=points.dtype)
        return torch.where((unit[:, 2] > ridge)[:, None], sky, earth).clamp(0, 1)

    def lets_through(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """All of it."""
        del light, spread
        return torch.ones_like(points[:, 0])
