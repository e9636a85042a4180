"""Backgrounds: what is behind a scene where rays meet nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["BLACK", "WHITE", "AnyColour", "Background", "Plain"]


class Background(Protocol):
    """Colours behind rays."""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """`(n, 3)` float32 in [0, 1]; the generator alone decides which."""
        ...


@dataclass(frozen=True)
class Plain:
    """One colour (red, green, blue) in [0, 1] everywhere.

    Raises:
        ValueError: for anything but three numbers in [0, 1].
    """

    colour: tuple[float, float, float]

    def __post_init__(self) -> None:
        values = tuple(float(value) for value in self.colour)
        if len(values) != 3 or not all(0 <= value <= 1 for value in values):
            raise ValueError(f"Plain: `colour` must be three numbers in [0, 1], got {self.colour!r}")
        object.__setattr__(self, "colour", values)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """The colour n times."""
        return torch.tensor(self.colour, device=generator.device).expand(n, 3)


@dataclass(frozen=True)
class AnyColour:
    """A fresh random colour for every ray: what is transparent in the pictures must become empty in the field.

    With one fixed colour a field may paint it in front of emptiness, which no training view can tell apart.
    """

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Independent, uniform in the unit cube."""
        return torch.rand(n, 3, generator=generator, device=generator.device)


WHITE = Plain((1.0, 1.0, 1.0))
BLACK = Plain((0.0, 0.0, 0.0))
