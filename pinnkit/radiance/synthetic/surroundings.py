"""Surroundings of generated captures: a textured room or landscape that encloses the cameras.

A new kind is a class that registers itself in `SURROUNDINGS`.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pinnkit.registry import Registry

from .solids import Ball, Block, Solid, Vector

__all__ = ["SURROUNDINGS", "CosineTexture", "Landscape", "Room", "Surroundings"]


@dataclass(frozen=True, eq=False)
class CosineTexture:
    """Smooth random colour of space: 0.5 + sum_k a_k cos(f_k . x + phi_k), with amplitudes falling like 1 / |f|.

    Args:
        frequencies: `(K, 3)`, radians per unit of length.
        phases: `(K,)`.
        amplitudes: `(K, 3)`, of red, green and blue.
    """

    frequencies: Tensor
    phases: Tensor
    amplitudes: Tensor

    @classmethod
    def draw(cls, generator: torch.Generator, longest: float, octaves: int, *, contrast: float = 0.35) -> CosineTexture:
        """Six waves per octave, the first of wavelength `longest`, with random directions and tints."""
        frequencies, amplitudes = [], []
        for octave in range(octaves):
            direction = torch.randn(6, 3, generator=generator, dtype=torch.float64)
            direction = direction / direction.norm(dim=1, keepdim=True)
            frequencies.append(direction * 2 * math.pi * 2.0**octave / longest)
            tint = 0.6 + 0.8 * torch.rand(6, 3, generator=generator, dtype=torch.float64) - 0.4
            amplitudes.append(contrast / 2.45 * 0.6**octave * tint)  # 2.45: square root of six
        phases = 2 * math.pi * torch.rand(6 * octaves, generator=generator, dtype=torch.float64)
        return cls(torch.cat(frequencies), phases, torch.cat(amplitudes))

    def colour(self, points: Tensor) -> Tensor:
        """Colour `(n, 3)` in [0, 1] at points `(n, 3)`."""
        waves = torch.cos(points @ self.frequencies.to(points).T + self.phases.to(points))
        return (0.5 + waves @ self.amplitudes.to(points)).clamp(0.02, 1)


class Surroundings(Solid, Protocol):
    """Solid that encloses the cameras of a generated capture."""

    @classmethod
    def generate(cls, generator: torch.Generator) -> tuple[Solid, ...]:
        """Random surroundings, with everything that belongs to them."""
        ...


SURROUNDINGS: Registry[Surroundings] = Registry("surroundings")
"""Surroundings by the word of `pinnkit scene make --inside`."""


def _example(kind: type[Surroundings]) -> Surroundings:
    return kind.generate(torch.Generator().manual_seed(0))[-1]  # type: ignore[return-value]


@SURROUNDINGS.register("room", examples=lambda: {"seed 0": _example(Room)})
@dataclass(frozen=True, eq=False)
class Room:
    """Four walls, floor and ceiling from inside: panels of many colours with a smooth texture.

    Args:
        lower: corner of the room.
        upper: opposite corner.
        waves: smooth texture.
        panel: side of a panel; every panel has its own tint, with sharp edges between them.
    """

    lower: Vector
    upper: Vector
    waves: CosineTexture
    panel: float = 1.1
    gloss: float = 0.0

    @classmethod
    def generate(cls, generator: torch.Generator) -> tuple[Solid, ...]:
        """Room with walls 3.6 to 6.6 from the origin."""
        draw = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
        lower = (-3.6 - 3 * draw[0], -3.6 - 3 * draw[1], -1.0)
        upper = (3.6 + 3 * draw[2], 3.6 + 3 * draw[3], 2.6 + draw[4])
        return (cls(lower, upper, CosineTexture.draw(generator, 4.0, 5)),)

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the room."""
        return self.lower, self.upper

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Intersection of rays from inside with a wall, and the inward normal."""
        (ax, ay, az), (bx, by, bz) = self.lower, self.upper
        walls = Block(
            ((ax + bx) / 2, (ay + by) / 2, (az + bz) / 2), ((bx - ax) / 2, (by - ay) / 2, (bz - az) / 2), (1, 1, 1)
        )
        t, normal = walls.hit(origins, directions)
        return t, -normal

    def colour(self, points: Tensor) -> Tensor:
        """Smooth texture times the tint of the panel."""
        # Slightly towards the centre, so that rounding on the wall does not change the panel.
        inner = points * (1 - 1e-6)
        cell = (inner / self.panel).floor()
        hashed = torch.sin(cell @ torch.tensor([12.9898, 78.233, 37.719], dtype=points.dtype)) * 43758.5453
        hue = (hashed - hashed.floor())[:, None]
        tint = 0.72 + 0.28 * torch.cos(2 * math.pi * (hue + torch.tensor([0.0, 0.33, 0.67], dtype=points.dtype)))
        return (self.waves.colour(points) * (0.4 + tint)).clamp(0, 1)

    def light_visibility(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """One: the light is inside."""
        del light, spread
        return torch.ones_like(points[:, 0])


@SURROUNDINGS.register("landscape", examples=lambda: {"seed 0": _example(Landscape)})
@dataclass(frozen=True, eq=False)
class Landscape:
    """Hills under a sky at a large distance: a sphere from inside, coloured by direction.

    Args:
        radius: of the sphere about the origin.
        waves: texture of ground and clouds, at points of the unit sphere.
        ground: hue of the ground in [0, 1].
    """

    radius: float
    waves: CosineTexture
    ground: float = 0.3
    gloss: float = 0.0

    @classmethod
    def generate(cls, generator: torch.Generator) -> tuple[Solid, ...]:
        """Floor of 12 x 12, and a landscape at a distance of 80."""
        hue = float(torch.rand((), generator=generator))
        floor = Block((0.0, 0.0, -1.05), (6.0, 6.0, 0.05), albedo=(0.55, 0.6, 0.45), tile=0.8, other=(0.4, 0.45, 0.35))
        return floor, cls(80.0, CosineTexture.draw(generator, 1.5, 5), ground=hue)

    @property
    def bounds(self) -> tuple[Vector, Vector]:
        """Corners of the bounding box."""
        r = self.radius
        return (-r, -r, -r), (r, r, r)

    def hit(self, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Intersection of rays from inside with the sphere; every normal is up, for uniform illumination."""
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

    def light_visibility(self, points: Tensor, light: Tensor, spread: float) -> Tensor:
        """One: nothing hides the light."""
        del light, spread
        return torch.ones_like(points[:, 0])
